-- The events of a tenant get numbers, a moment after their commit: in their order, without gaps.
ALTER TABLE outbox ADD COLUMN sequence bigint;
CREATE UNIQUE INDEX outbox_in_order ON outbox (tenant_id, sequence);
CREATE INDEX outbox_waiting ON outbox (tenant_id, created_at, id) WHERE sequence IS NULL;

CREATE TABLE outbox_heads (
    tenant_id uuid PRIMARY KEY REFERENCES tenants (id),
    sequence bigint NOT NULL,
    moved_at timestamptz NOT NULL
);
CALL mono_protect_table('outbox_heads');

-- What a server changed while Redis was out of its reach, for the others, which may still reach it.
CREATE TABLE untold_changes (
    id uuid PRIMARY KEY,
    node uuid NOT NULL,
    changes jsonb NOT NULL,
    created_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, DELETE ON untold_changes TO mono_platform;
