-- The second factor of a person: the sealed secret of an authenticator, in force once a first code has confirmed it.
CREATE TABLE user_totp (
    user_id uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    secret text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    -- The step of the last code that was accepted: a code works once.
    last_step bigint NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON user_totp TO mono_platform;

-- How the person proved who they are; a tenant says which ways it takes.
ALTER TABLE sessions ADD COLUMN method text COLLATE "C" NOT NULL DEFAULT 'password';

-- What a tenant asks for beyond the platform.
CREATE TABLE auth_policies (
    tenant_id uuid PRIMARY KEY REFERENCES tenants (id),
    definition jsonb NOT NULL,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CALL mono_protect_table('auth_policies');
