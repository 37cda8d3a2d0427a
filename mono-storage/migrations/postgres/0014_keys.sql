-- What programs sign in with. The secret of a key is in no row, only a keyed hash of it.
CREATE TABLE api_keys (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    id uuid NOT NULL,
    account_id uuid,
    owner_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL,
    prefix text COLLATE "C" NOT NULL,
    scopes jsonb NOT NULL,
    -- Which key hashed it, a colon, and the hash.
    hash text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at timestamptz,
    replaced_by uuid,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX api_keys_newest ON api_keys (tenant_id, created_at DESC, id DESC);
CREATE INDEX api_keys_owner ON api_keys (tenant_id, owner_id);
-- A key says which one it is before anybody knows of which tenant.
CREATE INDEX api_keys_id ON api_keys USING hash (id);
CALL mono_protect_table('api_keys');

-- Which root keys this database knows, each with a value that only that key gives. The key itself is not here.
CREATE TABLE master_keys (
    version bigint PRIMARY KEY,
    check_value text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, DELETE ON master_keys TO mono_platform;
