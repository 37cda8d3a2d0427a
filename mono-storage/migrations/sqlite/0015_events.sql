-- The events of a tenant get numbers, a moment after their commit: in their order, without gaps.
ALTER TABLE outbox ADD COLUMN sequence INTEGER;
CREATE UNIQUE INDEX outbox_in_order ON outbox (tenant_id, sequence);
CREATE INDEX outbox_waiting ON outbox (tenant_id, created_at, id) WHERE sequence IS NULL;

CREATE TABLE outbox_heads (
    tenant_id BLOB PRIMARY KEY REFERENCES tenants (id),
    sequence INTEGER NOT NULL,
    moved_at TEXT NOT NULL
) STRICT;

-- What a server changed while Redis was out of its reach, for the others, which may still reach it.
CREATE TABLE untold_changes (
    id BLOB PRIMARY KEY NOT NULL,
    node BLOB NOT NULL,
    changes TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT;
