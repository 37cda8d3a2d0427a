-- The audit log becomes a chain: each entry holds its number and a hash over itself and the entry before it.
-- Entries that are there already stay outside of it; how many they are is kept.
ALTER TABLE audit_log ADD COLUMN sequence INTEGER;
ALTER TABLE audit_log ADD COLUMN hash TEXT;
CREATE UNIQUE INDEX audit_log_sequence ON audit_log (tenant_id, sequence);
ALTER TABLE platform_audit_log ADD COLUMN sequence INTEGER;
ALTER TABLE platform_audit_log ADD COLUMN hash TEXT;
CREATE UNIQUE INDEX platform_audit_log_sequence ON platform_audit_log (sequence);

-- Where each chain begins and ends. The chain of the platform's own log stands under the id of zeros.
CREATE TABLE audit_chains (
    tenant_id BLOB PRIMARY KEY NOT NULL,
    -- The newest entry.
    sequence INTEGER NOT NULL,
    hash TEXT NOT NULL,
    -- The newest entry that was removed after its time; the rest is verified from here on.
    pruned_sequence INTEGER NOT NULL DEFAULT 0,
    pruned_hash TEXT NOT NULL DEFAULT '',
    pruned_seal TEXT NOT NULL DEFAULT '',
    -- Entries from before there was a chain.
    unchained INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO audit_chains (tenant_id, sequence, hash, unchained) SELECT tenant_id, 0, '', count(*) FROM audit_log GROUP BY tenant_id;
INSERT INTO audit_chains (tenant_id, sequence, hash, unchained)
    SELECT zeroblob(16), 0, '', count(*) FROM platform_audit_log;

-- A snapshot for each version of a thing.
CREATE TABLE entity_versions (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    entity TEXT NOT NULL,
    entity_id BLOB NOT NULL,
    version INTEGER NOT NULL,
    action TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    PRIMARY KEY (tenant_id, entity, entity_id, version)
) STRICT;
