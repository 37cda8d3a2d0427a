-- What programs sign in with. The secret of a key is in no row, only a keyed hash of it.
CREATE TABLE api_keys (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    id BLOB NOT NULL,
    account_id BLOB,
    owner_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    scopes TEXT NOT NULL,
    -- Which key hashed it, a colon, and the hash.
    hash TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    last_used_at TEXT,
    revoked_at TEXT,
    replaced_by BLOB,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX api_keys_newest ON api_keys (tenant_id, created_at DESC, id DESC);
CREATE INDEX api_keys_owner ON api_keys (tenant_id, owner_id);
-- A key says which one it is before anybody knows of which tenant.
CREATE INDEX api_keys_id ON api_keys (id);

-- Which root keys this database knows, each with a value that only that key gives. The key itself is not here.
CREATE TABLE master_keys (
    version INTEGER PRIMARY KEY NOT NULL,
    check_value TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT;
