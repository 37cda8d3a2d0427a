//! What signing in asks for: on the whole platform, and tighter in a tenant that wants more.

use super::word_enum;
use crate::error::Problem;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeSet;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
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

/// What signing in asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuthPolicy {
    /// What a new password has to be like.
    pub password: PasswordRules,
    /// The keys of the roles whose holders need a second factor; whoever has a role that inherits one needs it too.
    pub second_factor_roles: BTreeSet<String>,
    /// How many hours a session lasts, whatever happens.
    pub session_hours: u16,
    /// After how many minutes without a sign of life a session ends; `None` where it does not.
    pub idle_minutes: Option<u16>,
    /// Whether people may sign up by themselves. It is for the platform to say: who signs up is in no tenant yet.
    pub sign_up_allowed: bool,
    /// The ways to sign in.
    pub sign_in_methods: BTreeSet<SignInMethod>,
}

impl Default for AuthPolicy {
    fn default() -> Self {
        Self {
            password: PasswordRules::default(),
            second_factor_roles: BTreeSet::new(),
            session_hours: MAX_SESSION_HOURS,
            idle_minutes: None,
            sign_up_allowed: false,
            sign_in_methods: [SignInMethod::Password, SignInMethod::MagicLink].into(),
        }
    }
}

/// The longest session, in hours.
pub const MAX_SESSION_HOURS: u16 = 24;
/// The shortest time without a sign of life after which a session ends, in minutes: longer than an access token lasts, so
/// that whoever works is never signed out.
pub const MIN_IDLE_MINUTES: u16 = 15;
/// The longest password that may be asked for, in characters.
pub const MAX_PASSWORD_LENGTH: u16 = 128;

impl AuthPolicy {
    /// Everything that is wrong with a policy of the platform.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !(8..=MAX_PASSWORD_LENGTH).contains(&self.password.minimum_length) {
            problems.push(out_of_range("password.minimumLength", 8, MAX_PASSWORD_LENGTH));
        }
        if !(1..=MAX_SESSION_HOURS).contains(&self.session_hours) {
            problems.push(out_of_range("sessionHours", 1, MAX_SESSION_HOURS));
        }
        if self.idle_minutes.is_some_and(|minutes| minutes < MIN_IDLE_MINUTES) {
            problems.push(out_of_range("idleMinutes", MIN_IDLE_MINUTES, u16::MAX));
        }
        if self.sign_in_methods.is_empty() {
            problems.push(Problem::new("signInMethods", "empty", "there is at least one way to sign in"));
        }
        problems
    }

    /// The policy that holds in a tenant: of each field the stricter of the two. Where no way to sign in is left (the
    /// platform took away what the tenant had chosen), the platform's hold.
    pub fn tightened(&self, own: &TighterPolicy) -> Self {
        let password = PasswordRules {
            profile: own.password_profile.unwrap_or(self.password.profile),
            minimum_length: own.password_minimum_length.unwrap_or(self.password.minimum_length),
        };
        let mut sign_in_methods = self.sign_in_methods.clone();
        if let Some(methods) = &own.sign_in_methods {
            sign_in_methods.retain(|method| methods.contains(method));
        }
        if sign_in_methods.is_empty() {
            sign_in_methods.clone_from(&self.sign_in_methods);
        }
        let roles = own.second_factor_roles.iter().flatten().chain(&self.second_factor_roles);
        Self {
            password: self.password.and(password),
            second_factor_roles: roles.cloned().collect(),
            session_hours: own.session_hours.map_or(self.session_hours, |own| own.min(self.session_hours)),
            idle_minutes: own.idle_minutes.into_iter().chain(self.idle_minutes).min(),
            sign_up_allowed: self.sign_up_allowed,
            sign_in_methods,
        }
    }
}

/// What a tenant asks for beyond the platform; a field that is left out is as the platform has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TighterPolicy {
    /// What a new password has to be made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_profile: Option<PasswordProfile>,
    /// How many characters a new password has at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_minimum_length: Option<u16>,
    /// The keys of further roles whose holders need a second factor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_factor_roles: Option<BTreeSet<String>>,
    /// How many hours a session lasts, whatever happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_hours: Option<u16>,
    /// After how many minutes without a sign of life a session ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_minutes: Option<u16>,
    /// The ways to sign in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_in_methods: Option<BTreeSet<SignInMethod>>,
}

impl TighterPolicy {
    /// Every field in which this asks for less than the platform, for what nobody can fulfil, or for an unknown role.
    pub fn problems(&self, platform: &AuthPolicy, roles: &BTreeSet<String>) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut looser = |field: &str, is_looser: bool| {
            if is_looser {
                let message = "a tenant asks for as much as the platform does, or for more";
                problems.push(Problem::new(field, "looser_than_platform", message));
            }
        };
        let nist = self.password_profile == Some(PasswordProfile::Nist);
        looser("passwordProfile", nist && platform.password.profile != PasswordProfile::Nist);
        let length = self.password_minimum_length;
        looser("passwordMinimumLength", length.is_some_and(|own| own < platform.password.minimum_length));
        looser("sessionHours", self.session_hours.is_some_and(|own| own > platform.session_hours));
        let idle = self.idle_minutes.zip(platform.idle_minutes);
        looser("idleMinutes", idle.is_some_and(|(own, platform)| own > platform));
        let mut methods = self.sign_in_methods.iter().flatten();
        looser("signInMethods", methods.any(|own| !platform.sign_in_methods.contains(own)));
        if length.is_some_and(|length| length > MAX_PASSWORD_LENGTH) {
            let minimum = platform.password.minimum_length;
            problems.push(out_of_range("passwordMinimumLength", minimum, MAX_PASSWORD_LENGTH));
        }
        if self.session_hours == Some(0) {
            problems.push(out_of_range("sessionHours", 1, platform.session_hours));
        }
        if self.idle_minutes.is_some_and(|minutes| minutes < MIN_IDLE_MINUTES) {
            problems.push(out_of_range("idleMinutes", MIN_IDLE_MINUTES, u16::MAX));
        }
        if self.sign_in_methods.as_ref().is_some_and(BTreeSet::is_empty) {
            problems.push(Problem::new("signInMethods", "empty", "there is at least one way to sign in"));
        }
        for role in self.second_factor_roles.iter().flatten().filter(|role| !roles.contains(*role)) {
            let message = format!("there is no role {}", role.chars().take(80).collect::<String>());
            problems.push(Problem::new("secondFactorRoles", "unknown_role", message));
        }
        problems
    }
}

fn out_of_range(field: &str, least: u16, most: u16) -> Problem {
    Problem::new(field, "out_of_range", format!("{field} is a number from {least} to {most}"))
}

/// What a tenant has asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TenantAuthPolicy {
    /// What it asks for beyond the platform.
    pub own: TighterPolicy,
    /// Counts the changes, from 1; 0 where there was none.
    pub version: i64,
}

/// Changes what a tenant asks for: a field that is left out stays, `null` goes back to what the platform asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AuthPolicyChange {
    /// The version that the change is based on; a stale one is a conflict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// What a new password has to be made of.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("x-nullable" = true)))]
    pub password_profile: Option<Option<PasswordProfile>>,
    /// How many characters a new password has at least.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("x-nullable" = true)))]
    #[cfg_attr(feature = "openapi", schemars(range(max = MAX_PASSWORD_LENGTH)))]
    pub password_minimum_length: Option<Option<u16>>,
    /// The keys of further roles whose holders need a second factor.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("x-nullable" = true)))]
    pub second_factor_roles: Option<Option<BTreeSet<String>>>,
    /// How many hours a session lasts, whatever happens.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("x-nullable" = true)))]
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = MAX_SESSION_HOURS)))]
    pub session_hours: Option<Option<u16>>,
    /// After how many minutes without a sign of life a session ends.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("x-nullable" = true)))]
    #[cfg_attr(feature = "openapi", schemars(range(min = MIN_IDLE_MINUTES)))]
    pub idle_minutes: Option<Option<u16>>,
    /// The ways to sign in.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("x-nullable" = true)))]
    #[cfg_attr(feature = "openapi", schemars(length(min = 1)))]
    pub sign_in_methods: Option<Option<BTreeSet<SignInMethod>>>,
}

/// Tells `null` from a field that is left out.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl AuthPolicyChange {
    /// What the tenant asks for after the change.
    pub fn apply(self, old: &TighterPolicy) -> TighterPolicy {
        let old = old.clone();
        TighterPolicy {
            password_profile: self.password_profile.unwrap_or(old.password_profile),
            password_minimum_length: self.password_minimum_length.unwrap_or(old.password_minimum_length),
            second_factor_roles: self.second_factor_roles.unwrap_or(old.second_factor_roles),
            session_hours: self.session_hours.unwrap_or(old.session_hours),
            idle_minutes: self.idle_minutes.unwrap_or(old.idle_minutes),
            sign_in_methods: self.sign_in_methods.unwrap_or(old.sign_in_methods),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(text: &str) -> TighterPolicy {
        serde_json::from_str(text).unwrap()
    }

    fn refused(platform: &AuthPolicy, text: &str) -> Vec<(String, String)> {
        let roles = ["user".to_owned()].into();
        own(text).problems(platform, &roles).into_iter().map(|one| (one.field, one.code)).collect()
    }

    #[test]
    fn a_tenant_only_tightens() {
        let platform = AuthPolicy { session_hours: 12, idle_minutes: Some(60), ..AuthPolicy::default() };
        for (text, field) in [
            (r#"{"passwordProfile":"nist"}"#, "passwordProfile"),
            (r#"{"passwordMinimumLength":11}"#, "passwordMinimumLength"),
            (r#"{"sessionHours":13}"#, "sessionHours"),
            (r#"{"idleMinutes":61}"#, "idleMinutes"),
        ] {
            let expected = [(field.to_owned(), "looser_than_platform".to_owned())];
            assert_eq!(refused(&platform, text), expected, "{text}");
            assert_eq!(platform.tightened(&own(text)), platform, "and stored ones change nothing: {text}");
        }
        let text = r#"{"passwordProfile":"standard","passwordMinimumLength":16,"sessionHours":8,"idleMinutes":30,
            "secondFactorRoles":["user"],"signInMethods":["magic_link"]}"#;
        assert_eq!(refused(&platform, text), []);
        let both = platform.tightened(&own(text));
        assert_eq!((both.session_hours, both.idle_minutes, both.password.minimum_length), (8, Some(30), 16));
        assert!(both.second_factor_roles.contains("user"));
        assert!(!both.sign_in_methods.contains(&SignInMethod::Password));
    }

    #[test]
    fn what_nobody_can_fulfil_is_refused() {
        for text in [
            r#"{"passwordMinimumLength":129}"#,
            r#"{"sessionHours":0}"#,
            r#"{"idleMinutes":14}"#,
            r#"{"signInMethods":[]}"#,
            r#"{"secondFactorRoles":["pirate"]}"#,
        ] {
            assert_eq!(refused(&AuthPolicy::default(), text).len(), 1, "{text}");
        }
        assert!(AuthPolicy::default().problems().is_empty());
    }

    #[test]
    fn null_goes_back_to_the_platform_and_what_is_left_out_stays() {
        let change: AuthPolicyChange = serde_json::from_str(r#"{"sessionHours":null}"#).unwrap();
        let old = own(r#"{"sessionHours":8,"idleMinutes":30}"#);
        assert_eq!(change.apply(&old), own(r#"{"idleMinutes":30}"#));
        assert!(serde_json::from_str::<AuthPolicyChange>(r#"{"sesionHours":1}"#).is_err());
    }
}
