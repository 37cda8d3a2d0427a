//! A mail of the platform to a person.

use super::word_enum;
use crate::error::{Error, Problem};
use crate::event::EventPayload;
use crate::text::Locale;
use serde::{Deserialize, Serialize};

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
        /// Tells that signing in asks for a second factor from now on.
        SecondFactorEnabled = "second_factor_enabled",
        /// Tells that signing in asks for no second factor any more.
        SecondFactorDisabled = "second_factor_disabled",
    }
}

impl MailKind {
    /// Every kind there is.
    pub const ALL: [Self; 12] = [
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
        Self::SecondFactorEnabled,
        Self::SecondFactorDisabled,
    ];
}

/// What a mail of one kind looks like in one language: the sources of its subject and its two parts, in which `{{ name }}`
/// and the like stand for what is filled in. No text of a user is ever part of a source.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct MailTemplate {
    /// What the mail is for.
    pub kind: MailKind,
    /// Its language.
    pub locale: Locale,
    /// The subject.
    pub subject: String,
    /// The part for programs that show pictures and colours, in MJML.
    pub html: String,
    /// The part for all others.
    pub plain: String,
}

impl MailTemplate {
    /// The most characters of a subject.
    pub const MAX_SUBJECT: usize = 200;
    /// The most bytes of the HTML part.
    pub const MAX_HTML: usize = 64 * 1024;
    /// The most bytes of the plain part.
    pub const MAX_PLAIN: usize = 16 * 1024;

    /// Checks sizes and characters.
    ///
    /// # Errors
    /// `Validation` that names each part that is empty, too long, or holds what cannot be stored.
    pub fn require_whole(&self) -> Result<(), Error> {
        let mut problems = Vec::new();
        let parts = [
            ("subject", &self.subject, self.subject.chars().count(), Self::MAX_SUBJECT),
            ("html", &self.html, self.html.len(), Self::MAX_HTML),
            ("plain", &self.plain, self.plain.len(), Self::MAX_PLAIN),
        ];
        for (field, text, length, most) in parts {
            if text.trim().is_empty() {
                problems.push(Problem::new(field, "empty", format!("the {field} part is empty")));
            }
            if length > most {
                problems.push(Problem::new(
                    field,
                    "too_long",
                    format!("the {field} part has at most {most} bytes"),
                ));
            }
            if text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
                let message = format!("the {field} part holds a control character");
                problems.push(Problem::new(field, "control_character", message));
            }
        }
        if self.subject.contains(['\n', '\r']) {
            problems.push(Problem::new("subject", "control_character", "the subject is one line"));
        }
        if problems.is_empty() { Ok(()) } else { Err(Error::validation(problems)) }
    }
}

/// A template of a tenant could not be filled in when a mail was sent: the built-in one was sent in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateBroken {
    /// What the mail was for.
    pub kind: MailKind,
    /// The language of the template.
    pub locale: Locale,
    /// What is wrong with it, with the part and the line.
    pub problems: Vec<Problem>,
}

impl EventPayload for TemplateBroken {
    const KIND: &str = "mail.template_broken";
}
