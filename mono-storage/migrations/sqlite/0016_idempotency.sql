-- What was answered to requests with an idempotency key, written in the transaction of what they did.
CREATE TABLE idempotency_keys (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    actor TEXT NOT NULL,
    key TEXT NOT NULL,
    -- A hash of what the request said.
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (tenant_id, actor, key)
) STRICT;
CREATE INDEX idempotency_keys_oldest ON idempotency_keys (tenant_id, created_at);

-- The same for what is done above the tenants.
CREATE TABLE platform_idempotency_keys (
    actor TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (actor, key)
) STRICT;
