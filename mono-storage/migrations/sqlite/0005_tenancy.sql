-- What a tenant sees of its people, copied from the user: the application has no right on users, who belong to no tenant.
ALTER TABLE members ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE members ADD COLUMN name_norm TEXT NOT NULL DEFAULT '';
ALTER TABLE members ADD COLUMN email TEXT NOT NULL DEFAULT '';
ALTER TABLE members ADD COLUMN email_norm TEXT NOT NULL DEFAULT '';
ALTER TABLE members ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE members ADD COLUMN updated_at TEXT NOT NULL DEFAULT '';
UPDATE members SET name = u.name, name_norm = lower(u.name), email = u.email, email_norm = u.email_norm,
    updated_at = members.created_at FROM users u WHERE u.id = members.user_id;
CREATE INDEX members_newest ON members (tenant_id, created_at DESC, id DESC);
CREATE INDEX members_name ON members (tenant_id, name_norm, id);

ALTER TABLE tenants ADD COLUMN name_norm TEXT NOT NULL DEFAULT '';
UPDATE tenants SET name_norm = lower(name);
ALTER TABLE tenants ADD COLUMN domain TEXT;
CREATE UNIQUE INDEX tenants_domain_unique ON tenants (domain);
ALTER TABLE tenants ADD COLUMN currency TEXT NOT NULL DEFAULT 'EUR';
ALTER TABLE tenants ADD COLUMN time_zone TEXT NOT NULL DEFAULT 'UTC';
ALTER TABLE tenants ADD COLUMN default_locale TEXT NOT NULL DEFAULT 'en';
ALTER TABLE tenants ADD COLUMN supported_locales TEXT NOT NULL DEFAULT '["en"]';
ALTER TABLE tenants ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
ALTER TABLE tenants ADD COLUMN branding TEXT NOT NULL DEFAULT '{}';
CREATE INDEX tenants_newest ON tenants (created_at DESC, id DESC);
CREATE INDEX tenants_name ON tenants (name_norm, id);

-- Read with every principal of the tenant: what is suspended is refused to all but those who lift it.
CREATE INDEX accounts_suspended ON accounts (tenant_id, id) WHERE status = 'suspended' AND deleted_at IS NULL;

-- People of an account who work together.
CREATE TABLE teams (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    name TEXT NOT NULL,
    name_norm TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    deleted_at TEXT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id) ON DELETE CASCADE
) STRICT;
-- A deleted team gives its name free; restoring it asks for the name again.
CREATE UNIQUE INDEX teams_name_unique ON teams (tenant_id, account_id, name_norm) WHERE deleted_at IS NULL;

CREATE TABLE team_members (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    team_id BLOB NOT NULL,
    member_id BLOB NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (tenant_id, team_id, member_id),
    FOREIGN KEY (tenant_id, team_id) REFERENCES teams (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, member_id) REFERENCES members (tenant_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX team_members_member ON team_members (tenant_id, member_id);

-- The options that fields of profiles choose from, and the fields themselves. Each is a document: it is read whole.
CREATE TABLE option_sets (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    key TEXT NOT NULL,
    definition TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (tenant_id, key)
) STRICT;

CREATE TABLE schemas (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    key TEXT NOT NULL,
    definition TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (tenant_id, key)
) STRICT;

CREATE TABLE profiles (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    id BLOB NOT NULL,
    member_id BLOB NOT NULL,
    -- The schema that the data obey.
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('draft', 'published')),
    version INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    deleted_at TEXT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, member_id) REFERENCES members (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, kind) REFERENCES schemas (tenant_id, key)
) STRICT;
CREATE INDEX profiles_member ON profiles (tenant_id, member_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX profiles_kind ON profiles (tenant_id, kind);
