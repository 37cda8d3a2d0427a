-- Run by the owner of the tables. The running server logs in with two other roles:
-- mono_application serves one tenant at a time under row-level security,
-- mono_platform sees all tenants and is used for sign-in, seeding and platform work.
DO $$
DECLARE role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['mono_application', 'mono_platform'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS', role_name);
        -- Roles belong to the whole cluster: another database of it may have made them.
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END LOOP;
END $$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
-- The logins make nothing, not even a temporary table that stands in for one of ours.
DO $$ BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END $$;
GRANT USAGE ON SCHEMA public TO mono_application, mono_platform;

-- Text is COLLATE "C": order and ranges equal SQLite's, and comparisons use indexes beside a policy.

-- The catalogue: what exists to be granted and sold. Loaded whole, so each definition is one document.
CREATE TABLE permissions (key text COLLATE "C" PRIMARY KEY, definition jsonb NOT NULL);
CREATE TABLE permission_aliases (key text COLLATE "C" PRIMARY KEY, definition jsonb NOT NULL);
CREATE TABLE roles (key text COLLATE "C" PRIMARY KEY, definition jsonb NOT NULL);
CREATE TABLE features (key text COLLATE "C" PRIMARY KEY, definition jsonb NOT NULL);
CREATE TABLE feature_sets (key text COLLATE "C" PRIMARY KEY, definition jsonb NOT NULL);
CREATE TABLE limits (key text COLLATE "C" PRIMARY KEY, definition jsonb NOT NULL);
CREATE TABLE plans (key text COLLATE "C" PRIMARY KEY, definition jsonb NOT NULL);
CREATE TABLE add_ons (key text COLLATE "C" PRIMARY KEY, definition jsonb NOT NULL);

CREATE TABLE tenants (
    id uuid PRIMARY KEY,
    slug text COLLATE "C" NOT NULL CONSTRAINT tenants_slug_unique UNIQUE,
    name text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'suspended', 'archived')),
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE users (
    id uuid PRIMARY KEY,
    email text COLLATE "C" NOT NULL,
    email_norm text COLLATE "C" NOT NULL CONSTRAINT users_email_unique UNIQUE,
    name text COLLATE "C" NOT NULL,
    password_hash text COLLATE "C",
    status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'suspended')),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

-- The truth about who is signed in; an access token is checked against it.
CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    ip_address text COLLATE "C",
    user_agent text COLLATE "C"
);
CREATE INDEX sessions_user ON sessions (user_id, created_at);

-- Roles held on the whole platform.
CREATE TABLE platform_assignments (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role_key text COLLATE "C" NOT NULL REFERENCES roles (key),
    starts_at timestamptz,
    ends_at timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT platform_assignments_role_unique UNIQUE (user_id, role_key)
);

-- Patterns given to, or forbidden to, a person on the whole platform.
CREATE TABLE platform_grants (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    pattern text COLLATE "C" NOT NULL,
    effect text COLLATE "C" NOT NULL CHECK (effect IN ('allow', 'deny')),
    starts_at timestamptz,
    ends_at timestamptz,
    granted_by uuid REFERENCES users (id),
    created_at timestamptz NOT NULL
);
CREATE INDEX platform_grants_user ON platform_grants (user_id);

CREATE TABLE platform_audit_log (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text COLLATE "C" NOT NULL,
    action text COLLATE "C" NOT NULL,
    entity text COLLATE "C" NOT NULL,
    entity_id uuid,
    changes jsonb NOT NULL,
    ip_address text COLLATE "C",
    user_agent text COLLATE "C",
    correlation_id text COLLATE "C"
);
CREATE INDEX platform_audit_log_time ON platform_audit_log (at);

-- From here on every table belongs to tenants: tenant_id leads the primary key, every index and every foreign key.

CREATE TABLE subscriptions (
    tenant_id uuid PRIMARY KEY REFERENCES tenants (id),
    plan_key text COLLATE "C" NOT NULL REFERENCES plans (key),
    definition jsonb NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE members (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    id uuid NOT NULL,
    user_id uuid NOT NULL REFERENCES users (id),
    status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'suspended')),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT members_user_unique UNIQUE (tenant_id, user_id)
);

CREATE TABLE accounts (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    id uuid NOT NULL,
    slug text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    -- Folded by the application, so that search and order are the same on both databases.
    name_norm text COLLATE "C" NOT NULL,
    account_type text COLLATE "C" NOT NULL CHECK (account_type IN ('individual', 'agency', 'business')),
    status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'suspended', 'archived')),
    email text COLLATE "C",
    email_norm text COLLATE "C",
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);
-- A deleted account gives its slug free; restoring it asks for the slug again.
CREATE UNIQUE INDEX accounts_slug_unique ON accounts (tenant_id, slug) WHERE deleted_at IS NULL;
CREATE INDEX accounts_newest ON accounts (tenant_id, created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX accounts_name ON accounts (tenant_id, name_norm, id) WHERE deleted_at IS NULL;

-- Counts the changes of a tenant's rules. Its row is the lock that all who change rules or give rights share.
CREATE TABLE permission_epochs (
    tenant_id uuid PRIMARY KEY REFERENCES tenants (id),
    epoch bigint NOT NULL
);

-- A tenant's own roles. Definitions are documents: they are read whole and compiled.
CREATE TABLE tenant_roles (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    key text COLLATE "C" NOT NULL,
    definition jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, key)
);

-- What a tenant changes in a role of the platform.
CREATE TABLE role_overrides (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    role_key text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('extend', 'restrict', 'replace')),
    patterns jsonb NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, role_key, kind)
);

CREATE TABLE assignments (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    -- A role of the platform or of the tenant.
    role_key text COLLATE "C" NOT NULL,
    -- The path at which the role holds, as the permission engine writes it.
    scope text COLLATE "C" NOT NULL,
    -- The account on that path, if there is one: it takes the assignment with it.
    account_id uuid,
    starts_at timestamptz,
    ends_at timestamptz,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT assignments_role_unique UNIQUE (tenant_id, member_id, role_key, scope),
    FOREIGN KEY (tenant_id, member_id) REFERENCES members (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id) ON DELETE CASCADE
);

-- Patterns given to, or forbidden to, a member directly.
CREATE TABLE grants (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    pattern text COLLATE "C" NOT NULL,
    effect text COLLATE "C" NOT NULL CHECK (effect IN ('allow', 'deny')),
    scope text COLLATE "C" NOT NULL,
    account_id uuid,
    starts_at timestamptz,
    ends_at timestamptz,
    granted_by uuid REFERENCES users (id),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, member_id) REFERENCES members (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX grants_member ON grants (tenant_id, member_id);

-- Patterns forbidden to everybody at a place.
CREATE TABLE guardrails (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    id uuid NOT NULL,
    pattern text COLLATE "C" NOT NULL,
    scope text COLLATE "C" NOT NULL,
    account_id uuid,
    reason text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id) ON DELETE CASCADE
);

-- How much of each limit is used. The row is the lock that writers of one tenant and limit share.
CREATE TABLE usage_counters (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    limit_key text COLLATE "C" NOT NULL,
    -- Use is counted anew in each window (a day, a month); what exists now has one window without end.
    window_start timestamptz NOT NULL,
    used bigint NOT NULL CHECK (used >= 0),
    PRIMARY KEY (tenant_id, limit_key, window_start)
);

CREATE TABLE audit_log (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    id uuid NOT NULL,
    at timestamptz NOT NULL,
    actor text COLLATE "C" NOT NULL,
    action text COLLATE "C" NOT NULL,
    entity text COLLATE "C" NOT NULL,
    entity_id uuid,
    changes jsonb NOT NULL,
    ip_address text COLLATE "C",
    user_agent text COLLATE "C",
    correlation_id text COLLATE "C",
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX audit_log_entity ON audit_log (tenant_id, entity, entity_id, at);
CREATE INDEX audit_log_time ON audit_log (tenant_id, at);

-- One policy text for every table of tenants. The sub-select makes it a one-time filter;
-- NULLIF: after a transaction the setting is '' and not NULL.
DO $$
DECLARE table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY[
        'subscriptions', 'members', 'accounts', 'permission_epochs', 'tenant_roles', 'role_overrides', 'assignments', 'grants', 'guardrails',
        'usage_counters', 'audit_log'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', table_name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', table_name);
        EXECUTE format('CREATE POLICY tenant_isolation ON %I TO mono_application
            USING (tenant_id = (SELECT NULLIF(current_setting(''app.current_tenant_id'', true), '''')::uuid))
            WITH CHECK (tenant_id = (SELECT NULLIF(current_setting(''app.current_tenant_id'', true), '''')::uuid))', table_name);
        EXECUTE format('CREATE POLICY platform_access ON %I TO mono_platform USING (true) WITH CHECK (true)', table_name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO mono_application, mono_platform', table_name);
    END LOOP;
END $$;
-- The audit log is append only.
REVOKE UPDATE, DELETE ON audit_log FROM mono_application, mono_platform;

GRANT SELECT, INSERT, UPDATE, DELETE ON permissions, permission_aliases, roles, features, feature_sets, limits, plans, add_ons,
    tenants, users, sessions, platform_assignments, platform_grants TO mono_platform;
GRANT SELECT, INSERT ON platform_audit_log TO mono_platform;
-- Both ask whether the tables are up to date.
GRANT SELECT ON _mono_migrations TO mono_application, mono_platform;
