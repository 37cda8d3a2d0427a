//! Tags: what a write changed, and what something kept in memory depends on.

use crate::chain::{Entry, Log};
use mono_core::audit::Action;
use mono_core::id::{ApiKeyId, TenantId, UserId};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// A name for everything of one kind that belongs to a tenant or to the platform: `account`, `rights`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tag(Cow<'static, str>);

impl Tag {
    /// What people of the tenant may do; of the platform: what anybody may do.
    pub const RIGHTS: Self = Self::entity("rights");
    /// The accounts of the tenant.
    pub const ACCOUNTS: Self = Self::entity("account");

    /// All things of a kind, by the name that the audit log gives them.
    pub const fn entity(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// A person: its sessions, and whether it may work at all. A tag of the platform.
    pub fn user(id: UserId) -> Self {
        Self(Cow::Owned(format!("user:{id}")))
    }

    /// An API key, of which nothing else may be known. A tag of the platform.
    pub fn api_key(id: ApiKeyId) -> Self {
        Self(Cow::Owned(format!("api_key:{id}")))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whose a tag is: a tenant's, or the platform's.
pub(crate) type Owner = Option<TenantId>;

/// What a transaction changed.
pub(crate) type Touched = BTreeSet<(Owner, Tag)>;

/// Things of a tenant that say nothing about what anybody may do.
const NO_RIGHTS: [&str; 6] = ["account", "audit_log", "option_set", "permission", "profile", "schema"];

/// What happened without any change of a state.
const NO_CHANGE: [Action; 6] = [
    Action::Export,
    Action::Impersonate,
    Action::Login,
    Action::LoginFailed,
    Action::PermissionDenied,
    Action::PrivilegedAccess,
];

/// What a change touches, read from its entry in the audit log: the one place that says so. Every store records what it
/// changes, so none can forget it; a kind of thing that is not named here counts as one that decides about rights.
pub(crate) fn touched_by(log: Log, entry: &Entry) -> Vec<(Owner, Tag)> {
    if NO_CHANGE.iter().any(|action| entry.action == action.as_str()) {
        return Vec::new();
    }
    let (owner, own) = match (log, entry.entity.as_str(), entry.entity_id) {
        (None, "user", Some(id)) => (None, Tag::user(UserId::from(id))),
        (None, "tenant", Some(id)) => (Some(TenantId::from(id)), Tag::entity("tenant")),
        _ => (log, Tag(Cow::Owned(entry.entity.clone()))),
    };
    // A person's own data says nothing about what it may do; what it is granted does.
    let grants = [Action::Grant, Action::Revoke].iter().any(|action| entry.action == action.as_str());
    let is_person = log.is_none() && entry.entity == "user" && !grants;
    let says_nothing = NO_RIGHTS.contains(&entry.entity.as_str()) && !moves_account(entry);
    if is_person || says_nothing {
        return vec![(owner, own)];
    }
    let mut touched = vec![(owner, own), (owner, Tag::RIGHTS)];
    if let ("api_key", Some(id)) = (entry.entity.as_str(), entry.entity_id) {
        touched.push((None, Tag::api_key(ApiKeyId::from(id))));
    }
    touched
}

/// A suspended, removed or restored account changes what people may do in it.
fn moves_account(entry: &Entry) -> bool {
    let fields = || entry.changes.as_array().into_iter().flatten().filter_map(|change| change.get("field"));
    entry.entity == "account"
        && entry.action != Action::Create.as_str()
        && (entry.action != Action::Update.as_str() || fields().any(|field| field == "status"))
}
