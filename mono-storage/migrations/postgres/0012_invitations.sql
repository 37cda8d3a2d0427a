-- Who was asked to become a member and has not answered. An invitation that is accepted or revoked is gone; the audit log
-- knows of it.
CREATE TABLE invitations (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    id uuid NOT NULL,
    email text COLLATE "C" NOT NULL,
    email_norm text COLLATE "C" NOT NULL,
    roles jsonb NOT NULL,
    invited_by uuid NOT NULL REFERENCES users (id),
    -- The one token that accepts it: of two mails the later one counts.
    token_id uuid,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT invitations_email_unique UNIQUE (tenant_id, email_norm)
);
CREATE INDEX invitations_newest ON invitations (tenant_id, created_at DESC, id DESC);
CALL mono_protect_table('invitations');
