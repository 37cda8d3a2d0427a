-- A mail that is to be sent. It holds no secret and no link: the token is made when it is sent.
CREATE TABLE mails (
    id uuid PRIMARY KEY,
    kind text COLLATE "C" NOT NULL,
    address text COLLATE "C" NOT NULL,
    user_id uuid REFERENCES users (id) ON DELETE CASCADE,
    for_tenant_id uuid REFERENCES tenants (id) ON DELETE CASCADE,
    locale text COLLATE "C",
    data jsonb NOT NULL,
    attempts bigint NOT NULL,
    -- With which it is given up.
    last_attempt bigint NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    -- Who sends it has it alone until then.
    leased_until timestamptz,
    last_error text COLLATE "C",
    sent_at timestamptz,
    -- It was given up, with its last error.
    dead_at timestamptz,
    created_at timestamptz NOT NULL
);
CREATE INDEX mails_due ON mails (next_attempt_at, id) WHERE sent_at IS NULL AND dead_at IS NULL;
CREATE INDEX mails_sent ON mails (sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX mails_dead ON mails (dead_at, id) WHERE dead_at IS NOT NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON mails TO mono_platform;

-- What a tenant's mails look like, in the place of what is built in.
CREATE TABLE mail_templates (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    kind text COLLATE "C" NOT NULL,
    locale text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    html text COLLATE "C" NOT NULL,
    plain text COLLATE "C" NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, kind, locale)
);
CALL mono_protect_table('mail_templates');
