-- Who uses a limit: the tenant itself, under its own id, or one of its accounts.
CREATE TABLE usage_counters_of_holders (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    holder_id BLOB NOT NULL,
    limit_key TEXT NOT NULL,
    window_start TEXT NOT NULL,
    used INTEGER NOT NULL CHECK (used >= 0),
    -- Up to which use it was told that the limit fills up.
    announced INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, holder_id, limit_key, window_start)
) STRICT;
INSERT INTO usage_counters_of_holders (tenant_id, holder_id, limit_key, window_start, used)
    SELECT tenant_id, tenant_id, limit_key, window_start, used FROM usage_counters;
DROP TABLE usage_counters;
ALTER TABLE usage_counters_of_holders RENAME TO usage_counters;
INSERT INTO usage_counters (tenant_id, holder_id, limit_key, window_start, used)
    SELECT tenant_id, tenant_id, 'members', '1970-01-01T00:00:00+00:00', count(*) FROM members GROUP BY tenant_id;

-- What was used up in each day, for reports: metered limits and features.
CREATE TABLE usage_days (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    holder_id BLOB NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('limit', 'feature')),
    key TEXT NOT NULL,
    day TEXT NOT NULL,
    used INTEGER NOT NULL CHECK (used >= 0),
    PRIMARY KEY (tenant_id, holder_id, kind, key, day)
) STRICT;
CREATE INDEX usage_days_day ON usage_days (tenant_id, day);

-- Exceptions that an operator made for a tenant or for one account of it.
CREATE TABLE entitlement_overrides (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    id BLOB NOT NULL,
    account_id BLOB,
    definition TEXT NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id) ON DELETE CASCADE
) STRICT;

-- What happened, written in the transaction that made it happen.
CREATE TABLE outbox (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    id BLOB NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    correlation_id TEXT,
    created_at TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT;
