-- Protects a table of tenants, or refuses it: what is wrong with a table is best heard when it is made, and not when the
-- server starts. Called once more, it makes the policies whole again.
CREATE OR REPLACE PROCEDURE mono_protect_table(table_name regclass) LANGUAGE plpgsql AS $$
DECLARE
    tenant_column smallint;
    broken text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = table_name AND c.relkind IN ('r', 'p')
                   AND c.relnamespace = 'public'::regnamespace) THEN
        RAISE EXCEPTION '% breaks the rule that a table of tenants is a table in the schema public', table_name;
    END IF;
    SELECT a.attnum INTO tenant_column FROM pg_attribute a
        WHERE a.attrelid = table_name AND a.attname = 'tenant_id' AND NOT a.attisdropped
        AND a.attnotnull AND a.atttypid = 'uuid'::regtype;
    IF tenant_column IS NULL THEN
        RAISE EXCEPTION '% breaks the rule that a table of tenants has a column tenant_id uuid NOT NULL', table_name;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = table_name AND i.indisprimary) THEN
        RAISE EXCEPTION '% breaks the rule that a table of tenants has a primary key', table_name;
    END IF;
    SELECT i.indexrelid::regclass::text INTO broken FROM pg_index i
        JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
        WHERE i.indrelid = table_name AND i.indkey[0] <> tenant_column
        AND (i.indisunique OR i.indisexclusion OR m.amname = 'btree') LIMIT 1;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION '% breaks the rule that every key and index of a table of tenants starts with tenant_id', broken;
    END IF;
    SELECT table_name::text || '.' || k.conname INTO broken FROM pg_constraint k
        JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attname = 'tenant_id' AND NOT b.attisdropped
        WHERE k.conrelid = table_name AND k.contype = 'f'
        AND NOT EXISTS (SELECT FROM generate_subscripts(k.conkey, 1) s
                        WHERE k.conkey[s] = tenant_column AND k.confkey[s] = b.attnum) LIMIT 1;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION '% breaks the rule that a foreign key to a table of tenants holds tenant_id on both sides', broken;
    END IF;

    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', table_name);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', table_name);
    EXECUTE format('DROP POLICY IF EXISTS tenant_isolation ON %s', table_name);
    EXECUTE format('CREATE POLICY tenant_isolation ON %s TO mono_application
        USING (tenant_id = (SELECT NULLIF(current_setting(''app.current_tenant_id'', true), '''')::uuid))
        WITH CHECK (tenant_id = (SELECT NULLIF(current_setting(''app.current_tenant_id'', true), '''')::uuid))', table_name);
    EXECUTE format('DROP POLICY IF EXISTS platform_access ON %s', table_name);
    EXECUTE format('CREATE POLICY platform_access ON %s TO mono_platform USING (true) WITH CHECK (true)', table_name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO mono_application, mono_platform', table_name);
END $$;
