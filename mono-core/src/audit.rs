//! What the audit log records: who did what to which thing, and which fields changed.

use crate::id::AuditId;
use crate::model::word_enum;
use crate::page::{Cursor, Placed};
use crate::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

word_enum! {
    /// What was done.
    Action, "action" {
        /// A thing was made.
        Create = "create",
        /// A thing was changed.
        Update = "update",
        /// A thing was deleted; it can be restored.
        Delete = "delete",
        /// A deleted thing came back.
        Restore = "restore",
        /// A thing that was deleted long ago was removed for good.
        Purge = "purge",
        /// A thing went back to an earlier version.
        Revert = "revert",
        /// Data left the system in a file.
        Export = "export",
        /// A right was given.
        Grant = "grant",
        /// A right was taken away.
        Revoke = "revoke",
        /// A person signed in.
        Login = "login",
        /// Somebody tried to sign in and failed.
        LoginFailed = "login_failed",
        /// A person signed out, or ended a session.
        Logout = "logout",
        /// A person who was signed in proved again who they are.
        StepUp = "step_up",
        /// A person put a second factor in force.
        SecondFactorEnabled = "second_factor_enabled",
        /// A person took their second factor away.
        SecondFactorDisabled = "second_factor_disabled",
        /// A person made new recovery codes.
        RecoveryCodesRenewed = "recovery_codes_renewed",
        /// A recovery code stood in for the second factor.
        RecoveryCodeUsed = "recovery_code_used",
        /// A person who was made without a password was sent a link to set one.
        PasswordLinkSent = "password_link_sent",
        /// A refresh token was used twice, so its session was ended.
        RefreshTokenReused = "refresh_token_reused",
        /// Support staff began to act as a person.
        Impersonate = "impersonate",
        /// A super admin used a right outside of their own tenant.
        PrivilegedAccess = "privileged_access",
        /// The caller asked for something that it may not do.
        PermissionDenied = "permission_denied",
    }
}

/// Fields whose values never enter the log as they are.
const MASKED: &[&str] = &["email", "phone", "password", "token", "credentials", "secret"];

/// Fields that every write changes; the entry's own time says it already.
const BOOKKEEPING: &[&str] = &["version", "updatedAt"];

/// One field of a thing, before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct FieldChange {
    /// The name of the field.
    pub field: String,
    /// The value before; absent where the thing was made.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// The value after; absent where the thing is gone.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
}

/// Tells `null` from a field that is left out.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// One entry of the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// Its id.
    pub id: AuditId,
    /// Its place in the chain, from 1; absent where it was written before there was a chain.
    pub sequence: Option<i64>,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it: `user:…`, `api_key:… of user:…` or `system:…`.
    pub actor: String,
    /// What was done.
    pub action: Action,
    /// To what kind of thing: `account`, `assignment` …
    pub entity: String,
    /// To which one.
    pub entity_id: Option<Uuid>,
    /// Which fields changed, with sensitive values masked.
    pub changes: Vec<FieldChange>,
    /// The address that the request came from.
    pub ip_address: Option<String>,
    /// What the client called itself.
    pub user_agent: Option<String>,
    /// Ties everything together that one request caused.
    pub correlation_id: Option<String>,
}

impl Placed for AuditEntry {
    fn place(&self) -> Cursor {
        Cursor { created_at: self.at, id: self.id.uuid() }
    }
}

/// Which entries of the audit log are wanted; what is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// This kind of thing only.
    pub entity: Option<String>,
    /// This thing only.
    pub entity_id: Option<Uuid>,
    /// Entries of this actor only.
    pub actor: Option<String>,
    /// This action only.
    pub action: Option<Action>,
    /// Not before this moment.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
}

/// Lists the fields in which two states of a thing differ, in alphabetical order, with sensitive values masked.
/// `Value::Null` stands for "there is no such thing".
///
/// ```
/// use serde_json::json;
/// let changes = mono_core::audit::changes(&json!({"name": "Ana", "email": "ana@x.io"}), &json!({"name": "Ana", "email": "b@x.io"}));
/// assert_eq!(changes.len(), 1);
/// assert_eq!(changes[0].old, Some(json!("a***@x.io")));
/// ```
pub fn changes(old: &Value, new: &Value) -> Vec<FieldChange> {
    let empty = Map::new();
    let old = old.as_object().unwrap_or(&empty);
    let new = new.as_object().unwrap_or(&empty);
    let mut fields: Vec<&String> = old.keys().chain(new.keys()).collect();
    fields.sort_unstable();
    fields.dedup();
    fields
        .into_iter()
        .filter(|field| !BOOKKEEPING.contains(&field.as_str()) && old.get(*field) != new.get(*field))
        .map(|field| FieldChange {
            field: field.clone(),
            old: old.get(field).map(|value| mask(field, value)),
            new: new.get(field).map(|value| mask(field, value)),
        })
        .collect()
}

/// Hides the value of a sensitive field, wherever it stands. Of an e-mail address the first letter and the domain stay,
/// so that support can recognise it; of everything else nothing does.
fn mask(field: &str, value: &Value) -> Value {
    let lower = field.to_ascii_lowercase();
    if value.is_null() || !MASKED.iter().any(|masked| lower.contains(masked)) {
        return match value {
            Value::Object(fields) => {
                fields.iter().map(|(name, value)| (name.clone(), mask(name, value))).collect()
            }
            Value::Array(items) => items.iter().map(|item| mask(field, item)).collect(),
            _ => value.clone(),
        };
    }
    let field = lower;
    let address = value.as_str().filter(|_| field.contains("email")).and_then(|text| text.rsplit_once('@'));
    match address {
        Some((local, domain)) => {
            let first: String = local.chars().take(1).collect();
            Value::from(format!("{first}***@{domain}"))
        }
        None => Value::from("***"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_never_stand_in_a_change() {
        let changes = changes(
            &Value::Null,
            &json!({"password_hash": "x", "apiToken": "y", "email": null, "name": "n"}),
        );
        let text = serde_json::to_string(&changes).unwrap();
        assert!(!text.contains("\"x\"") && !text.contains("\"y\""));
        assert!(text.contains("\"n\""));
    }

    #[test]
    fn secrets_are_masked_however_deep_they_stand() {
        let data =
            json!({"phone": "1", "home": [{"Email": "ana@x.io", "city": "Faro"}], "secrets": {"pin": 4}});
        let changes = changes(&Value::Null, &json!({ "data": data }));
        let masked =
            json!({"phone": "***", "home": [{"Email": "a***@x.io", "city": "Faro"}], "secrets": "***"});
        assert_eq!(changes[0].new, Some(masked));
    }

    #[test]
    fn a_value_of_nothing_is_told_from_no_value() {
        let text = r#"[{"field":"email","old":null},{"field":"name","new":1}]"#;
        let changes: Vec<FieldChange> = serde_json::from_str(text).unwrap();
        assert_eq!((changes[0].old.clone(), changes[0].new.clone()), (Some(Value::Null), None));
        assert_eq!(serde_json::to_string(&changes).unwrap(), text);
    }

    #[test]
    fn equal_fields_are_left_out() {
        assert!(changes(&json!({"a": 1}), &json!({"a": 1})).is_empty());
        assert_eq!(changes(&json!({"a": 1}), &Value::Null)[0].new, None);
    }
}
