//! What signing in asks for: on the whole platform, and tighter in a tenant that wants more.

use super::word_enum;

word_enum! {
    /// What a new password has to be made of.
    PasswordProfile, "password_profile" {
        /// An upper and a lower case letter, a digit and a special character.
        Standard = "standard",
        /// Nothing in particular (NIST SP 800-63B): long, and not easily guessed.
        Nist = "nist",
    }
}

word_enum! {
    /// How a person proves who they are.
    SignInMethod, "sign_in_method" {
        /// With a password.
        Password = "password",
        /// With a link that came by mail.
        MagicLink = "magic_link",
    }
}

/// What a new password has to be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordRules {
    /// What it has to be made of.
    pub profile: PasswordProfile,
    /// How many characters it has at least.
    pub minimum_length: u16,
}

impl Default for PasswordRules {
    fn default() -> Self {
        Self { profile: PasswordProfile::Standard, minimum_length: 12 }
    }
}

impl PasswordRules {
    /// The rules that ask for everything that either of the two asks for.
    ///
    /// ```
    /// use mono_core::model::auth_policy::{PasswordProfile, PasswordRules};
    /// let long = PasswordRules { profile: PasswordProfile::Nist, minimum_length: 20 };
    /// let both = PasswordRules::default().and(long);
    /// assert_eq!((both.profile, both.minimum_length), (PasswordProfile::Standard, 20));
    /// ```
    pub fn and(self, other: Self) -> Self {
        let profile = match (self.profile, other.profile) {
            (PasswordProfile::Nist, PasswordProfile::Nist) => PasswordProfile::Nist,
            _ => PasswordProfile::Standard,
        };
        Self { profile, minimum_length: self.minimum_length.max(other.minimum_length) }
    }
}
