-- How far the events of each tenant have got is the platform's to know: it is found by when it moved, over all tenants.
CREATE TABLE event_heads (
    for_tenant_id BLOB PRIMARY KEY NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    sequence INTEGER NOT NULL,
    moved_at TEXT NOT NULL
) STRICT;
INSERT INTO event_heads SELECT tenant_id, sequence, moved_at FROM outbox_heads;
DROP TABLE outbox_heads;
CREATE INDEX event_heads_moved ON event_heads (moved_at);

-- The oldest events are removed.
CREATE INDEX outbox_oldest ON outbox (created_at);
