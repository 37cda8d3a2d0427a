-- What new tenants start from; each is a document: it is read whole.
CREATE TABLE templates (key text COLLATE "C" PRIMARY KEY, definition jsonb NOT NULL);
GRANT SELECT, INSERT, UPDATE, DELETE ON templates TO mono_platform;
