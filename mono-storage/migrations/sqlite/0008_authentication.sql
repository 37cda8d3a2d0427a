-- A session is rotated by counting: the refresh token of a generation is derived from a key and stored nowhere.
ALTER TABLE sessions ADD COLUMN chosen_tenant_id BLOB REFERENCES tenants (id);
ALTER TABLE sessions ADD COLUMN generation INTEGER NOT NULL DEFAULT 1;
ALTER TABLE sessions ADD COLUMN rotated_at TEXT;
ALTER TABLE sessions ADD COLUMN last_used_at TEXT NOT NULL DEFAULT '';
-- When the person last proved who they are, with the password or a second factor.
ALTER TABLE sessions ADD COLUMN authenticated_at TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN second_factor_at TEXT;
-- Support staff who act as the person, and why.
ALTER TABLE sessions ADD COLUMN impersonator_id BLOB REFERENCES users (id);
ALTER TABLE sessions ADD COLUMN impersonation_reason TEXT;
UPDATE sessions SET last_used_at = created_at, authenticated_at = created_at;
CREATE INDEX sessions_end ON sessions (expires_at);

ALTER TABLE users ADD COLUMN email_verified_at TEXT;

-- Every secret that works once: what a mail brings, what a second factor waits for.
CREATE TABLE single_use_tokens (
    id BLOB PRIMARY KEY NOT NULL,
    purpose TEXT NOT NULL,
    -- SHA-256 of the secret, which has 256 random bits of its own.
    hash TEXT NOT NULL CONSTRAINT single_use_tokens_hash_unique UNIQUE,
    user_id BLOB REFERENCES users (id) ON DELETE CASCADE,
    data TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    consumed_at TEXT
) STRICT;
CREATE INDEX single_use_tokens_user ON single_use_tokens (user_id, purpose);
CREATE INDEX single_use_tokens_end ON single_use_tokens (expires_at);

-- When something that is throttled was tried. The key is a hash: no address stands here.
CREATE TABLE throttles (
    key TEXT PRIMARY KEY NOT NULL,
    times TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;
CREATE INDEX throttles_updated ON throttles (updated_at);
