-- How far the events of each tenant have got is the platform's to know: it is found by when it moved, over all tenants, and
-- the application has no right on it any more.
ALTER TABLE outbox_heads RENAME TO event_heads;
DROP POLICY tenant_isolation ON event_heads;
DROP POLICY platform_access ON event_heads;
ALTER TABLE event_heads NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON event_heads FROM mono_application;
ALTER TABLE event_heads RENAME COLUMN tenant_id TO for_tenant_id;
ALTER TABLE event_heads DROP CONSTRAINT outbox_heads_tenant_id_fkey;
ALTER TABLE event_heads ADD FOREIGN KEY (for_tenant_id) REFERENCES tenants (id) ON DELETE CASCADE;
CREATE INDEX event_heads_moved ON event_heads (moved_at);

-- The oldest events are removed; they lie in the order in which they were written.
CREATE INDEX outbox_oldest ON outbox USING brin (created_at);
