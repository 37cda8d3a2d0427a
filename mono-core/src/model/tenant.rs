//! A tenant: an organisation that uses the platform.

use super::word_enum;
use crate::id::TenantId;
use crate::text::{Name, Slug};

word_enum! {
    /// Whether a tenant may work.
    TenantStatus, "status" {
        /// Works.
        Active = "active",
        /// Refused everywhere, with its data kept.
        Suspended = "suspended",
        /// Closed for good, kept until it is purged.
        Archived = "archived",
    }
}

/// An organisation that uses the platform. Everything it owns carries its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its short name, unique on the platform.
    pub slug: Slug,
    /// Its name.
    pub name: Name,
    /// Whether it may work.
    pub status: TenantStatus,
}
