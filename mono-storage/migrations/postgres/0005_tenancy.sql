-- The owner is bound by the policies of its own tables, and there is none for it.
ALTER TABLE members NO FORCE ROW LEVEL SECURITY;
-- What a tenant sees of its people, copied from the user: the application has no right on users, who belong to no tenant.
ALTER TABLE members ADD COLUMN name text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE members ADD COLUMN name_norm text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE members ADD COLUMN email text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE members ADD COLUMN email_norm text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE members ADD COLUMN version bigint NOT NULL DEFAULT 1;
ALTER TABLE members ADD COLUMN updated_at timestamptz;
UPDATE members SET name = u.name, name_norm = lower(u.name COLLATE "default"), email = u.email, email_norm = u.email_norm,
    updated_at = members.created_at FROM users u WHERE u.id = members.user_id;
ALTER TABLE members ALTER COLUMN updated_at SET NOT NULL;
ALTER TABLE members FORCE ROW LEVEL SECURITY;
CREATE INDEX members_newest ON members (tenant_id, created_at DESC, id DESC);
CREATE INDEX members_name ON members (tenant_id, name_norm, id);

ALTER TABLE tenants ADD COLUMN name_norm text COLLATE "C" NOT NULL DEFAULT '';
UPDATE tenants SET name_norm = lower(name COLLATE "default");
ALTER TABLE tenants ADD COLUMN domain text COLLATE "C" CONSTRAINT tenants_domain_unique UNIQUE;
ALTER TABLE tenants ADD COLUMN currency text COLLATE "C" NOT NULL DEFAULT 'EUR';
ALTER TABLE tenants ADD COLUMN time_zone text COLLATE "C" NOT NULL DEFAULT 'UTC';
ALTER TABLE tenants ADD COLUMN default_locale text COLLATE "C" NOT NULL DEFAULT 'en';
ALTER TABLE tenants ADD COLUMN supported_locales jsonb NOT NULL DEFAULT '["en"]';
ALTER TABLE tenants ADD COLUMN settings jsonb NOT NULL DEFAULT '{}';
ALTER TABLE tenants ADD COLUMN branding jsonb NOT NULL DEFAULT '{}';
CREATE INDEX tenants_newest ON tenants (created_at DESC, id DESC);
CREATE INDEX tenants_name ON tenants (name_norm, id);

-- Read with every principal of the tenant: what is suspended is refused to all but those who lift it.
CREATE INDEX accounts_suspended ON accounts (tenant_id, id) WHERE status = 'suspended' AND deleted_at IS NULL;

-- People of an account who work together.
CREATE TABLE teams (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    name text COLLATE "C" NOT NULL,
    name_norm text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id) ON DELETE CASCADE
);
-- A deleted team gives its name free; restoring it asks for the name again.
CREATE UNIQUE INDEX teams_name_unique ON teams (tenant_id, account_id, name_norm) WHERE deleted_at IS NULL;
CALL mono_protect_table('teams');

CREATE TABLE team_members (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    team_id uuid NOT NULL,
    member_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, team_id, member_id),
    FOREIGN KEY (tenant_id, team_id) REFERENCES teams (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, member_id) REFERENCES members (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX team_members_member ON team_members (tenant_id, member_id);
CALL mono_protect_table('team_members');

-- The options that fields of profiles choose from, and the fields themselves. Each is a document: it is read whole.
CREATE TABLE option_sets (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    key text COLLATE "C" NOT NULL,
    definition jsonb NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, key)
);
CALL mono_protect_table('option_sets');

CREATE TABLE schemas (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    key text COLLATE "C" NOT NULL,
    definition jsonb NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, key)
);
CALL mono_protect_table('schemas');

CREATE TABLE profiles (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    -- The schema that the data obey.
    kind text COLLATE "C" NOT NULL,
    data jsonb NOT NULL,
    status text COLLATE "C" NOT NULL CHECK (status IN ('draft', 'published')),
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, member_id) REFERENCES members (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, kind) REFERENCES schemas (tenant_id, key)
);
CREATE INDEX profiles_member ON profiles (tenant_id, member_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX profiles_kind ON profiles (tenant_id, kind);
CALL mono_protect_table('profiles');
