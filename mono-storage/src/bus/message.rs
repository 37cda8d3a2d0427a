//! What is told on the channel.

use super::tag::{Owner, Tag};
use mono_core::id::TenantId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A message of one node to the others. A sign of life has the epoch alone.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Message {
    /// The node that tells; it hears itself too.
    pub(super) node: Uuid,
    /// The epoch of what Redis keeps; 0 where the message is about something else.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) epoch: u64,
    /// What was changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) touched: Vec<(Owner, Tag)>,
    /// The tenants whose events have moved on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) moved: Vec<TenantId>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_zero(epoch: &u64) -> bool {
    *epoch == 0
}
