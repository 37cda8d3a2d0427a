//! Permissions: who may do what, where, until when, and why.
//!
//! A [`Catalogue`] lists every permission. A [`Role`] bundles patterns and inherits roles. An [`Assignment`] gives a
//! role at a [`Scope`]; a [`Grant`] gives or forbids a pattern directly; a [`Guardrail`] forbids for everybody in a
//! scope. An [`Engine`] freezes catalogue and roles and compiles the facts about a [`Principal`] into a
//! [`PermissionSet`], which answers.
//!
//! **The rule:** allowed if some live allow at the scope or above it matches, and no live deny at the scope or above it
//! does. There is no order, no priority and no specificity. The super admin is the pattern `*` at the platform and is
//! bound only by denies at the platform: neither a suspension, nor a missing feature, nor what a tenant changes in a
//! role stands in its way, and each pass outside of its home tenant is marked for the audit log.
//!
//! Answers never depend on I/O, locks or a clock: `now` is an argument.

mod bits;
mod catalogue;
mod compare;
mod compile;
mod covers;
mod engine;
mod explain;
mod grant;
mod graph;
mod handle;
mod hash;
mod lint;
mod matrix;
mod name;
mod packs;
mod pattern;
mod policy;
mod registry;
mod role;
mod scope;
mod sentence;
mod set;
#[cfg(feature = "snapshot")]
mod snapshot;
mod visible;

pub use catalogue::{Catalogue, PermissionEntry, RateLimitTier};
pub use compare::{Difference, who_can};
pub use engine::{Engine, TenantRules};
pub use explain::{Explanation, Fact, Reason};
pub use grant::{Assignment, Effect, Grant, Guardrail, KeyRestriction, Principal, Subject, TenantFeatures};
pub use handle::Permission;
pub use name::{MAX_NAME_BYTES, MAX_SEGMENT_BYTES, Name, is_name};
pub use packs::RolePack;
pub use pattern::Pattern;
pub use policy::{LoadedPolicy, POLICY_FORMAT, Policy, TenantRoles};
pub use registry::{Asked, PermissionId};
pub use role::{Override, OverrideKind, Role};
pub use scope::{ResourceKind, Scope};
pub use set::{Decision, PermissionSet};
#[cfg(feature = "snapshot")]
pub use snapshot::{SNAPSHOT_VERSION, Snapshot, SnapshotError, SnapshotRequest, snapshot_public_key};
pub use visible::{ScopeFilter, Subtree};

#[cfg(test)]
mod tests;
