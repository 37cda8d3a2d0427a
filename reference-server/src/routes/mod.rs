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
pub(crate) mod platform {
    //! What works above the tenants.
    pub(crate) mod catalogue;
    pub(crate) mod subscriptions;
}
pub(crate) mod tenant {
    //! What works in the caller's tenant.
    pub(crate) mod accounts;
    pub(crate) mod entitlements;
}
