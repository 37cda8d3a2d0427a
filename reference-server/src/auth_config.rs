//! What the server is told about signing in.

use mono_auth::AuthSettings;
use mono_core::model::auth_policy::{AuthPolicy, PasswordProfile, PasswordRules, SignInMethod};
use std::time::Duration;

/// What the server is told about signing in.
#[derive(Debug, Clone, clap::Args)]
pub struct AuthConfig {
    /// What a new password is made of: `standard` asks for upper and lower case, digit and special character, `nist` for
    /// length alone. Neither takes a common or easily guessed one.
    #[arg(
        long,
        global = true,
        env = "MONO_PASSWORD_PROFILE",
        default_value = "standard",
        value_name = "PROFILE",
        help_heading = "Signing in"
    )]
    pub password_profile: PasswordProfile,

    /// How many characters a new password has at least, 8 to 128.
    #[arg(
        long,
        global = true,
        env = "MONO_PASSWORD_MINIMUM_LENGTH",
        default_value_t = 12,
        value_name = "NUMBER",
        help_heading = "Signing in"
    )]
    pub password_minimum_length: u16,

    /// The keys of the roles whose holders need a second factor, with commas between: `tenant_admin`.
    #[arg(
        long,
        global = true,
        env = "MONO_SECOND_FACTOR_ROLES",
        value_delimiter = ',',
        value_name = "ROLES",
        help_heading = "Signing in"
    )]
    pub second_factor_roles: Vec<String>,

    /// How many hours a session lasts, whatever happens: 24 at most.
    #[arg(
        long,
        global = true,
        env = "MONO_SESSION_HOURS",
        default_value_t = 24,
        value_name = "HOURS",
        help_heading = "Signing in"
    )]
    pub session_hours: u16,

    /// After how many minutes without a sign of life a session ends: 15 at least [default: it does not].
    #[arg(
        long,
        global = true,
        env = "MONO_SESSION_IDLE_MINUTES",
        value_name = "MINUTES",
        help_heading = "Signing in"
    )]
    pub session_idle_minutes: Option<u16>,

    /// The ways to sign in that are taken, `password` and `magic_link`, with commas between.
    #[arg(
        long,
        global = true,
        env = "MONO_SIGN_IN_METHODS",
        value_delimiter = ',',
        default_value = "password,magic_link",
        value_name = "METHODS",
        help_heading = "Signing in"
    )]
    pub sign_in_methods: Vec<SignInMethod>,

    /// How many minutes somebody who has proven who they are may use dangerous permissions.
    #[arg(
        long,
        global = true,
        env = "MONO_STEP_UP_MINUTES",
        default_value_t = 15,
        value_name = "MINUTES",
        help_heading = "Signing in"
    )]
    pub step_up_minutes: u16,

    /// The name that authenticators show beside the address of the person.
    #[arg(
        long,
        global = true,
        env = "MONO_ISSUER",
        default_value = "mono",
        value_name = "NAME",
        help_heading = "Signing in"
    )]
    pub issuer: String,
}

impl AuthConfig {
    /// The settings of authentication.
    pub(crate) fn settings(&self, sign_up_allowed: bool) -> AuthSettings {
        AuthSettings {
            policy: AuthPolicy {
                password: PasswordRules {
                    profile: self.password_profile,
                    minimum_length: self.password_minimum_length,
                },
                second_factor_roles: self.second_factor_roles.iter().cloned().collect(),
                session_hours: self.session_hours,
                idle_minutes: self.session_idle_minutes,
                sign_up_allowed,
                sign_in_methods: self.sign_in_methods.iter().copied().collect(),
            },
            issuer: self.issuer.clone(),
            fresh_for: Duration::from_mins(u64::from(self.step_up_minutes)),
        }
    }
}
