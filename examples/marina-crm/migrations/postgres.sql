-- The places for boats.
CREATE TABLE berths (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    id uuid NOT NULL,
    name text COLLATE "C" NOT NULL,
    length_cm bigint NOT NULL CHECK (length_cm > 0),
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX berths_name_unique ON berths (tenant_id, name) WHERE deleted_at IS NULL;
CALL mono_protect_table('berths');

-- Who would like to have which of them.
CREATE TABLE interests (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    id uuid NOT NULL,
    berth_id uuid NOT NULL,
    boat text COLLATE "C" NOT NULL,
    note text COLLATE "C",
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, berth_id) REFERENCES berths (tenant_id, id)
);
CREATE INDEX interests_berth ON interests (tenant_id, berth_id);
CALL mono_protect_table('interests');
