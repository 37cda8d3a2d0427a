//! Catalogues and roles to begin with, as data.

use super::policy::Policy;
use crate::error::Problem;

/// A ready catalogue with its roles: a [`Policy`] file that ships with the crate. Take one as it is, or copy its file
/// and change it.
///
/// ```
/// use mono_core::permission::RolePack;
/// let loaded = RolePack::Chain.policy()?.in_force()?;
/// assert!(loaded.engine.resolve("tenant.accounts.create").is_some());
/// # Ok::<(), Vec<mono_core::Problem>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RolePack {
    /// Platform admin > tenant admin > account owner > user, and the super admin.
    Chain,
    /// Talent agencies: super admin, tenant admin, content moderator, account owner, user.
    Talent,
    /// A marina: super admin, director, sales manager, sales agent, viewer.
    Marina,
    /// A media service, with the scopes of its API keys.
    Media,
}

impl RolePack {
    /// Every pack.
    pub const ALL: [Self; 4] = [Self::Chain, Self::Talent, Self::Marina, Self::Media];

    /// The name of the pack, which is also the name of its file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chain => "chain",
            Self::Talent => "talent",
            Self::Marina => "marina",
            Self::Media => "media",
        }
    }

    /// The text of the file.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Chain => include_str!("../../data/permission_chain.json"),
            Self::Talent => include_str!("../../data/permission_talent.json"),
            Self::Marina => include_str!("../../data/permission_marina.json"),
            Self::Media => include_str!("../../data/permission_media.json"),
        }
    }

    /// The policy in the file.
    ///
    /// # Errors
    /// None for the files as they ship; the tests load every one.
    pub fn policy(self) -> Result<Policy, Vec<Problem>> {
        Policy::parse(self.text())
    }
}
