-- The same tables as on PostgreSQL. Ids are 16 bytes, moments are RFC 3339 text, documents are JSON text.
-- SQLite has no roles and no row-level security: the tenant predicate that `sql!` demands is the wall here.

-- The catalogue: what exists to be granted and sold. Loaded whole, so each definition is one document.
CREATE TABLE permissions (key TEXT PRIMARY KEY NOT NULL, definition TEXT NOT NULL) STRICT;
CREATE TABLE permission_aliases (key TEXT PRIMARY KEY NOT NULL, definition TEXT NOT NULL) STRICT;
CREATE TABLE roles (key TEXT PRIMARY KEY NOT NULL, definition TEXT NOT NULL) STRICT;
CREATE TABLE features (key TEXT PRIMARY KEY NOT NULL, definition TEXT NOT NULL) STRICT;
CREATE TABLE feature_sets (key TEXT PRIMARY KEY NOT NULL, definition TEXT NOT NULL) STRICT;
CREATE TABLE limits (key TEXT PRIMARY KEY NOT NULL, definition TEXT NOT NULL) STRICT;
CREATE TABLE plans (key TEXT PRIMARY KEY NOT NULL, definition TEXT NOT NULL) STRICT;
CREATE TABLE add_ons (key TEXT PRIMARY KEY NOT NULL, definition TEXT NOT NULL) STRICT;

CREATE TABLE tenants (
    id BLOB PRIMARY KEY NOT NULL,
    slug TEXT NOT NULL CONSTRAINT tenants_slug_unique UNIQUE,
    name TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'archived')),
    version INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;

CREATE TABLE users (
    id BLOB PRIMARY KEY NOT NULL,
    email TEXT NOT NULL,
    email_norm TEXT NOT NULL CONSTRAINT users_email_unique UNIQUE,
    name TEXT NOT NULL,
    password_hash TEXT,
    status TEXT NOT NULL CHECK (status IN ('active', 'suspended')),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;

-- The truth about who is signed in; an access token is checked against it.
CREATE TABLE sessions (
    id BLOB PRIMARY KEY NOT NULL,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    revoked_at TEXT,
    ip_address TEXT,
    user_agent TEXT
) STRICT;
CREATE INDEX sessions_user ON sessions (user_id, created_at);

-- Roles held on the whole platform.
CREATE TABLE platform_assignments (
    id BLOB PRIMARY KEY NOT NULL,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role_key TEXT NOT NULL REFERENCES roles (key),
    starts_at TEXT,
    ends_at TEXT,
    created_at TEXT NOT NULL,
    CONSTRAINT platform_assignments_role_unique UNIQUE (user_id, role_key)
) STRICT;

-- Patterns given to, or forbidden to, a person on the whole platform.
CREATE TABLE platform_grants (
    id BLOB PRIMARY KEY NOT NULL,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    pattern TEXT NOT NULL,
    effect TEXT NOT NULL CHECK (effect IN ('allow', 'deny')),
    starts_at TEXT,
    ends_at TEXT,
    granted_by BLOB REFERENCES users (id),
    created_at TEXT NOT NULL
) STRICT;
CREATE INDEX platform_grants_user ON platform_grants (user_id);

CREATE TABLE platform_audit_log (
    id BLOB PRIMARY KEY NOT NULL,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    entity TEXT NOT NULL,
    entity_id BLOB,
    changes TEXT NOT NULL,
    ip_address TEXT,
    user_agent TEXT,
    correlation_id TEXT
) STRICT;
CREATE INDEX platform_audit_log_time ON platform_audit_log (at);

-- From here on every table belongs to tenants: tenant_id leads the primary key, every index and every foreign key.

CREATE TABLE subscriptions (
    tenant_id BLOB PRIMARY KEY REFERENCES tenants (id),
    plan_key TEXT NOT NULL REFERENCES plans (key),
    definition TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;

CREATE TABLE members (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    id BLOB NOT NULL,
    user_id BLOB NOT NULL REFERENCES users (id),
    status TEXT NOT NULL CHECK (status IN ('active', 'suspended')),
    created_at TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT members_user_unique UNIQUE (tenant_id, user_id)
) STRICT;

CREATE TABLE accounts (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    id BLOB NOT NULL,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    -- Folded by the application, so that search and order are the same on both databases.
    name_norm TEXT NOT NULL,
    account_type TEXT NOT NULL CHECK (account_type IN ('individual', 'agency', 'business')),
    status TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'archived')),
    email TEXT,
    email_norm TEXT,
    version INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    deleted_at TEXT,
    PRIMARY KEY (tenant_id, id)
) STRICT;
-- A deleted account gives its slug free; restoring it asks for the slug again.
CREATE UNIQUE INDEX accounts_slug_unique ON accounts (tenant_id, slug) WHERE deleted_at IS NULL;
CREATE INDEX accounts_newest ON accounts (tenant_id, created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX accounts_name ON accounts (tenant_id, name_norm, id) WHERE deleted_at IS NULL;

-- Counts the changes of a tenant's rules. Its row is the lock that all who change rules or give rights share.
CREATE TABLE permission_epochs (
    tenant_id BLOB PRIMARY KEY NOT NULL REFERENCES tenants (id),
    epoch INTEGER NOT NULL
) STRICT;

-- A tenant's own roles. Definitions are documents: they are read whole and compiled.
CREATE TABLE tenant_roles (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    key TEXT NOT NULL,
    definition TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (tenant_id, key)
) STRICT;

-- What a tenant changes in a role of the platform.
CREATE TABLE role_overrides (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    role_key TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('extend', 'restrict', 'replace')),
    patterns TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (tenant_id, role_key, kind)
) STRICT;

CREATE TABLE assignments (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    id BLOB NOT NULL,
    member_id BLOB NOT NULL,
    -- A role of the platform or of the tenant.
    role_key TEXT NOT NULL,
    -- The path at which the role holds, as the permission engine writes it.
    scope TEXT NOT NULL,
    -- The account on that path, if there is one: it takes the assignment with it.
    account_id BLOB,
    starts_at TEXT,
    ends_at TEXT,
    created_at TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT assignments_role_unique UNIQUE (tenant_id, member_id, role_key, scope),
    FOREIGN KEY (tenant_id, member_id) REFERENCES members (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id) ON DELETE CASCADE
) STRICT;

-- Patterns given to, or forbidden to, a member directly.
CREATE TABLE grants (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    id BLOB NOT NULL,
    member_id BLOB NOT NULL,
    pattern TEXT NOT NULL,
    effect TEXT NOT NULL CHECK (effect IN ('allow', 'deny')),
    scope TEXT NOT NULL,
    account_id BLOB,
    starts_at TEXT,
    ends_at TEXT,
    granted_by BLOB REFERENCES users (id),
    created_at TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, member_id) REFERENCES members (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX grants_member ON grants (tenant_id, member_id);

-- Patterns forbidden to everybody at a place.
CREATE TABLE guardrails (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    id BLOB NOT NULL,
    pattern TEXT NOT NULL,
    scope TEXT NOT NULL,
    account_id BLOB,
    reason TEXT NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id) ON DELETE CASCADE
) STRICT;

-- How much of each limit is used. The row is the lock that writers of one tenant and limit share.
CREATE TABLE usage_counters (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    limit_key TEXT NOT NULL,
    -- Use is counted anew in each window (a day, a month); what exists now has one window without end.
    window_start TEXT NOT NULL,
    used INTEGER NOT NULL CHECK (used >= 0),
    PRIMARY KEY (tenant_id, limit_key, window_start)
) STRICT;

CREATE TABLE audit_log (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    id BLOB NOT NULL,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    entity TEXT NOT NULL,
    entity_id BLOB,
    changes TEXT NOT NULL,
    ip_address TEXT,
    user_agent TEXT,
    correlation_id TEXT,
    PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE INDEX audit_log_entity ON audit_log (tenant_id, entity, entity_id, at);
CREATE INDEX audit_log_time ON audit_log (tenant_id, at);
