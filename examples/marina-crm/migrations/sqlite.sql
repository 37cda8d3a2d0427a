-- The places for boats.
CREATE TABLE berths (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    length_cm INTEGER NOT NULL CHECK (length_cm > 0),
    version INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    deleted_at TEXT,
    PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE UNIQUE INDEX berths_name_unique ON berths (tenant_id, name) WHERE deleted_at IS NULL;

-- Who would like to have which of them.
CREATE TABLE interests (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    id BLOB NOT NULL,
    berth_id BLOB NOT NULL,
    boat TEXT NOT NULL,
    note TEXT,
    version INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    deleted_at TEXT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, berth_id) REFERENCES berths (tenant_id, id)
) STRICT;
CREATE INDEX interests_berth ON interests (tenant_id, berth_id);
