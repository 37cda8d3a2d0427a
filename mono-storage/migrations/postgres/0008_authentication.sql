-- A session is rotated by counting: the refresh token of a generation is derived from a key and stored nowhere.
ALTER TABLE sessions ADD COLUMN chosen_tenant_id uuid REFERENCES tenants (id);
ALTER TABLE sessions ADD COLUMN generation bigint NOT NULL DEFAULT 1;
ALTER TABLE sessions ADD COLUMN rotated_at timestamptz;
ALTER TABLE sessions ADD COLUMN last_used_at timestamptz;
-- When the person last proved who they are, with the password or a second factor.
ALTER TABLE sessions ADD COLUMN authenticated_at timestamptz;
ALTER TABLE sessions ADD COLUMN second_factor_at timestamptz;
-- Support staff who act as the person, and why.
ALTER TABLE sessions ADD COLUMN impersonator_id uuid REFERENCES users (id);
ALTER TABLE sessions ADD COLUMN impersonation_reason text COLLATE "C";
UPDATE sessions SET last_used_at = created_at, authenticated_at = created_at;
ALTER TABLE sessions ALTER COLUMN last_used_at SET NOT NULL;
ALTER TABLE sessions ALTER COLUMN authenticated_at SET NOT NULL;
CREATE INDEX sessions_end ON sessions (expires_at);

ALTER TABLE users ADD COLUMN email_verified_at timestamptz;

-- Every secret that works once: what a mail brings, what a second factor waits for.
CREATE TABLE single_use_tokens (
    id uuid PRIMARY KEY,
    purpose text COLLATE "C" NOT NULL,
    -- SHA-256 of the secret, which has 256 random bits of its own.
    hash text COLLATE "C" NOT NULL CONSTRAINT single_use_tokens_hash_unique UNIQUE,
    user_id uuid REFERENCES users (id) ON DELETE CASCADE,
    data jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    consumed_at timestamptz
);
CREATE INDEX single_use_tokens_user ON single_use_tokens (user_id, purpose);
CREATE INDEX single_use_tokens_end ON single_use_tokens (expires_at);

-- When something that is throttled was tried. The key is a hash: no address stands here.
CREATE TABLE throttles (
    key text COLLATE "C" PRIMARY KEY,
    times jsonb NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX throttles_updated ON throttles (updated_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON single_use_tokens, throttles TO mono_platform;
