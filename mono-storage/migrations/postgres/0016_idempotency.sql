-- What was answered to requests with an idempotency key, written in the transaction of what they did.
CREATE TABLE idempotency_keys (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    actor text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    -- A hash of what the request said.
    fingerprint text COLLATE "C" NOT NULL,
    status bigint NOT NULL,
    body text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, actor, key)
);
CREATE INDEX idempotency_keys_oldest ON idempotency_keys (tenant_id, created_at);
CALL mono_protect_table('idempotency_keys');

-- The same for what is done above the tenants.
CREATE TABLE platform_idempotency_keys (
    actor text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    fingerprint text COLLATE "C" NOT NULL,
    status bigint NOT NULL,
    body text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (actor, key)
);
GRANT SELECT, INSERT, DELETE ON platform_idempotency_keys TO mono_platform;
