-- The audit log becomes a chain: each entry holds its number and a hash over itself and the entry before it.
-- Entries that are there already stay outside of it; how many they are is kept.
ALTER TABLE audit_log ADD COLUMN sequence bigint;
ALTER TABLE audit_log ADD COLUMN hash text COLLATE "C";
CREATE UNIQUE INDEX audit_log_sequence ON audit_log (tenant_id, sequence);
ALTER TABLE audit_log ADD CONSTRAINT audit_log_chained CHECK (sequence IS NOT NULL AND hash IS NOT NULL) NOT VALID;
ALTER TABLE platform_audit_log ADD COLUMN sequence bigint;
ALTER TABLE platform_audit_log ADD COLUMN hash text COLLATE "C";
CREATE UNIQUE INDEX platform_audit_log_sequence ON platform_audit_log (sequence);
ALTER TABLE platform_audit_log ADD CONSTRAINT platform_audit_log_chained CHECK (sequence IS NOT NULL AND hash IS NOT NULL) NOT VALID;

-- Where each chain begins and ends. The chain of the platform's own log stands under the id of zeros.
CREATE TABLE audit_chains (
    tenant_id uuid PRIMARY KEY,
    -- The newest entry.
    sequence bigint NOT NULL,
    hash text COLLATE "C" NOT NULL,
    -- The newest entry that was removed after its time; the rest is verified from here on.
    pruned_sequence bigint NOT NULL DEFAULT 0,
    pruned_hash text COLLATE "C" NOT NULL DEFAULT '',
    pruned_seal text COLLATE "C" NOT NULL DEFAULT '',
    -- Entries from before there was a chain.
    unchained bigint NOT NULL DEFAULT 0
);
CALL mono_protect_table('audit_chains');
REVOKE DELETE ON audit_chains FROM mono_application, mono_platform;
-- The owner is bound by the policies of its own tables, and there is none for it.
ALTER TABLE audit_log NO FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_chains NO FORCE ROW LEVEL SECURITY;
INSERT INTO audit_chains (tenant_id, sequence, hash, unchained) SELECT tenant_id, 0, '', count(*) FROM audit_log GROUP BY tenant_id;
INSERT INTO audit_chains (tenant_id, sequence, hash, unchained)
    SELECT '00000000-0000-0000-0000-000000000000', 0, '', count(*) FROM platform_audit_log;
ALTER TABLE audit_log FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_chains FORCE ROW LEVEL SECURITY;

-- A snapshot for each version of a thing.
CREATE TABLE entity_versions (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    entity text COLLATE "C" NOT NULL,
    entity_id uuid NOT NULL,
    version bigint NOT NULL,
    action text COLLATE "C" NOT NULL,
    snapshot jsonb NOT NULL,
    at timestamptz NOT NULL,
    actor text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, entity, entity_id, version)
);
CALL mono_protect_table('entity_versions');
REVOKE UPDATE ON entity_versions FROM mono_application, mono_platform;
