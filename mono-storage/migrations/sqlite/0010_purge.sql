-- What was deleted is found by when, and the history of a thing by its id alone.
CREATE INDEX accounts_deleted ON accounts (tenant_id, deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX teams_deleted ON teams (tenant_id, deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX profiles_deleted ON profiles (tenant_id, deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX entity_versions_id ON entity_versions (tenant_id, entity_id);
