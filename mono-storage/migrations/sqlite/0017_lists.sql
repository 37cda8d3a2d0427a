-- Lists by cursor run along these.
CREATE INDEX profiles_newest ON profiles (tenant_id, created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX audit_log_newest ON audit_log (tenant_id, at DESC, id DESC);
DROP INDEX audit_log_time;
