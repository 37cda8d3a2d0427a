//! The routes: one file for each noun, in the folder of its tier.

pub(crate) mod health;
pub(crate) mod public {
    //! What anybody may call.
    pub(crate) mod auth;
}
pub(crate) mod user {
    //! What concerns the caller itself.
    pub(crate) mod permissions;
}
pub(crate) mod tenant {
    //! What works in the caller's tenant.
    pub(crate) mod accounts;
    pub(crate) mod entitlements;
    pub(crate) mod usage;
}
