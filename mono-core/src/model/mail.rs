//! A mail of the platform to a person.

use super::word_enum;

word_enum! {
    /// What a mail is for.
    MailKind, "kind" {
        /// Lets a person set the first password.
        SetPassword = "set_password",
        /// Lets a person set another password.
        ResetPassword = "reset_password",
        /// Asks whether a person reads this address.
        VerifyEmail = "verify_email",
        /// Asks at a new address whether the person moves there.
        ChangeEmail = "change_email",
        /// Signs a person in.
        MagicLink = "magic_link",
        /// Invites somebody into a tenant.
        Invitation = "invitation",
        /// Goes on with somebody who signs up.
        SignUp = "sign_up",
        /// Tells that the password was changed.
        PasswordChanged = "password_changed",
        /// Tells at the old address that the person has moved to another.
        EmailChanged = "email_changed",
        /// Tells that a session was ended because its refresh token was used twice.
        RefreshTokenReused = "refresh_token_reused",
        /// Tells that somebody signed in from a place that is new.
        NewSignIn = "new_sign_in",
    }
}

impl MailKind {
    /// Every kind there is.
    pub const ALL: [Self; 11] = [
        Self::SetPassword,
        Self::ResetPassword,
        Self::VerifyEmail,
        Self::ChangeEmail,
        Self::MagicLink,
        Self::Invitation,
        Self::SignUp,
        Self::PasswordChanged,
        Self::EmailChanged,
        Self::RefreshTokenReused,
        Self::NewSignIn,
    ];
}
