-- Who was asked to become a member and has not answered. An invitation that is accepted or revoked is gone; the audit log
-- knows of it.
CREATE TABLE invitations (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    id BLOB NOT NULL,
    email TEXT NOT NULL,
    email_norm TEXT NOT NULL,
    roles TEXT NOT NULL,
    invited_by BLOB NOT NULL REFERENCES users (id),
    -- The one token that accepts it: of two mails the later one counts.
    token_id BLOB,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT invitations_email_unique UNIQUE (tenant_id, email_norm)
) STRICT;
CREATE INDEX invitations_newest ON invitations (tenant_id, created_at DESC, id DESC);
