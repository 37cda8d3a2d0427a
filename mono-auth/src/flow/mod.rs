//! The flows, one file each.

pub(crate) mod sign_in;
