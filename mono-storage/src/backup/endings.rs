//! What ends with a restore.

use mono_core::time::Timestamp;

/// The step of authenticators, in seconds (RFC 6238).
const STEP_SECONDS: i64 = 30;

/// Statements for either database that end everything from before this moment which lets somebody in. What was revoked or
/// used after the backup was made is alive in it, and nobody can tell it from what is rightly alive.
///
/// No row is added or removed, so that each table has as many rows as the manifest says.
pub(super) fn statements(now: Timestamp, revoke_api_keys: bool) -> Vec<String> {
    // As the drivers write a moment. It holds no quote.
    let moment = format!("'{}'", now.to_rfc3339());
    // A code is accepted one step early.
    let step = now.timestamp() / STEP_SECONDS + 1;
    let mut statements = vec![
        format!("UPDATE sessions SET revoked_at = {moment} WHERE revoked_at IS NULL"),
        format!("UPDATE single_use_tokens SET consumed_at = {moment} WHERE consumed_at IS NULL"),
        format!("UPDATE user_totp SET last_step = {step} WHERE last_step < {step}"),
        format!(
            "UPDATE mails SET dead_at = {moment}, leased_until = NULL,
                 last_error = 'it waited when the database was copied, and may have left since'
             WHERE sent_at IS NULL AND dead_at IS NULL"
        ),
    ];
    if revoke_api_keys {
        statements.push(format!("UPDATE api_keys SET revoked_at = {moment} WHERE revoked_at IS NULL"));
    }
    statements
}
