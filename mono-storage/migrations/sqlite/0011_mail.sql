-- A mail that is to be sent. It holds no secret and no link: the token is made when it is sent.
CREATE TABLE mails (
    id BLOB PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    address TEXT NOT NULL,
    user_id BLOB REFERENCES users (id) ON DELETE CASCADE,
    for_tenant_id BLOB REFERENCES tenants (id) ON DELETE CASCADE,
    locale TEXT,
    data TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    -- With which it is given up.
    last_attempt INTEGER NOT NULL,
    next_attempt_at TEXT NOT NULL,
    -- Who sends it has it alone until then.
    leased_until TEXT,
    last_error TEXT,
    sent_at TEXT,
    -- It was given up, with its last error.
    dead_at TEXT,
    created_at TEXT NOT NULL
) STRICT;
CREATE INDEX mails_due ON mails (next_attempt_at, id) WHERE sent_at IS NULL AND dead_at IS NULL;
CREATE INDEX mails_sent ON mails (sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX mails_dead ON mails (dead_at, id) WHERE dead_at IS NOT NULL;

-- What a tenant's mails look like, in the place of what is built in.
CREATE TABLE mail_templates (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    kind TEXT NOT NULL,
    locale TEXT NOT NULL,
    subject TEXT NOT NULL,
    html TEXT NOT NULL,
    plain TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (tenant_id, kind, locale)
) STRICT;
