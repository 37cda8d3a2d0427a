//! `/api/v1/user/permissions`

use serde::{Deserialize, Serialize};

/// `GET /api/v1/user/permissions/snapshot`: what the caller may do in its tenant, signed, for a device that then
/// decides without asking. With the feature `snapshot`, `mono_core::permission::Snapshot::verify` reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SnapshotResponse {
    /// The snapshot, in base64 (RFC 4648, with padding).
    pub snapshot: String,
    /// The Ed25519 public key that verifies it, in base64. A device that does not take the key from every answer, but
    /// keeps the first or ships with it, is safe from a false server too.
    pub public_key: String,
}
