-- Protects a table of tenants: row-level security for everybody, the owner too, one policy for each of the two roles, and
-- the four rights that they need. It asks for a column tenant_id.
CREATE PROCEDURE mono_protect_table(table_name regclass) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', table_name);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', table_name);
    EXECUTE format('CREATE POLICY tenant_isolation ON %s TO mono_application
        USING (tenant_id = (SELECT NULLIF(current_setting(''app.current_tenant_id'', true), '''')::uuid))
        WITH CHECK (tenant_id = (SELECT NULLIF(current_setting(''app.current_tenant_id'', true), '''')::uuid))', table_name);
    EXECUTE format('CREATE POLICY platform_access ON %s TO mono_platform USING (true) WITH CHECK (true)', table_name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO mono_application, mono_platform', table_name);
END $$;
REVOKE EXECUTE ON PROCEDURE mono_protect_table FROM PUBLIC;

-- The owner is bound by the policies of its own tables, and there is none for it.
ALTER TABLE usage_counters NO FORCE ROW LEVEL SECURITY;
ALTER TABLE members NO FORCE ROW LEVEL SECURITY;
-- Who uses a limit: the tenant itself, under its own id, or one of its accounts.
ALTER TABLE usage_counters ADD COLUMN holder_id uuid;
UPDATE usage_counters SET holder_id = tenant_id;
ALTER TABLE usage_counters ALTER COLUMN holder_id SET NOT NULL;
ALTER TABLE usage_counters DROP CONSTRAINT usage_counters_pkey;
ALTER TABLE usage_counters ADD PRIMARY KEY (tenant_id, holder_id, limit_key, window_start);
-- Up to which use it was told that the limit fills up.
ALTER TABLE usage_counters ADD COLUMN announced bigint NOT NULL DEFAULT 0;
INSERT INTO usage_counters (tenant_id, holder_id, limit_key, window_start, used)
    SELECT tenant_id, tenant_id, 'members', timestamptz 'epoch', count(*) FROM members GROUP BY tenant_id;
ALTER TABLE usage_counters FORCE ROW LEVEL SECURITY;
ALTER TABLE members FORCE ROW LEVEL SECURITY;

-- What was used up in each day, for reports: metered limits and features.
CREATE TABLE usage_days (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    holder_id uuid NOT NULL,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('limit', 'feature')),
    key text COLLATE "C" NOT NULL,
    day timestamptz NOT NULL,
    used bigint NOT NULL CHECK (used >= 0),
    PRIMARY KEY (tenant_id, holder_id, kind, key, day)
);
CREATE INDEX usage_days_day ON usage_days (tenant_id, day);
CALL mono_protect_table('usage_days');

-- Exceptions that an operator made for a tenant or for one account of it.
CREATE TABLE entitlement_overrides (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    id uuid NOT NULL,
    account_id uuid,
    definition jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id) ON DELETE CASCADE
);
CALL mono_protect_table('entitlement_overrides');

-- What happened, written in the transaction that made it happen.
CREATE TABLE outbox (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    id uuid NOT NULL,
    kind text COLLATE "C" NOT NULL,
    payload jsonb NOT NULL,
    correlation_id text COLLATE "C",
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CALL mono_protect_table('outbox');
