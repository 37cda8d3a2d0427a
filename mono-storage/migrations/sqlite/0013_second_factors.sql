-- The second factor of a person: the sealed secret of an authenticator, in force once a first code has confirmed it.
CREATE TABLE user_totp (
    user_id BLOB PRIMARY KEY NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    secret TEXT NOT NULL,
    created_at TEXT NOT NULL,
    confirmed_at TEXT,
    -- The step of the last code that was accepted: a code works once.
    last_step INTEGER NOT NULL
) STRICT;

-- How the person proved who they are; a tenant says which ways it takes.
ALTER TABLE sessions ADD COLUMN method TEXT NOT NULL DEFAULT 'password';

-- What a tenant asks for beyond the platform.
CREATE TABLE auth_policies (
    tenant_id BLOB PRIMARY KEY NOT NULL REFERENCES tenants (id),
    definition TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;
