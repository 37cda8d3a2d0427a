-- What new tenants start from; each is a document: it is read whole.
CREATE TABLE templates (key TEXT PRIMARY KEY NOT NULL, definition TEXT NOT NULL) STRICT;
