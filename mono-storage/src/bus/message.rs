//! What is told on the channel.

use super::tag::{Owner, Tag};
use mono_core::id::TenantId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A message of one node to the others. An empty one says that the node is there.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Message {
    /// The node that tells; it hears itself too.
    pub(super) node: Uuid,
    /// What was changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) touched: Vec<(Owner, Tag)>,
    /// The tenants whose events have moved on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) moved: Vec<TenantId>,
}
