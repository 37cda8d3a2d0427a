#![doc = include_str!("../README.md")]

mod api_key;
mod authenticator;
#[cfg(feature = "axum")]
pub mod axum;
mod clean;
#[cfg(feature = "axum")]
pub mod cookie;
mod flow;
mod identity;
mod key_ring;
mod mac;
pub mod mail;
mod password;
mod password_policy;
mod refresh_token;
mod rights;
mod second_factor;
mod secret;
mod settings;
mod single_use;
mod snapshot;
mod throttle;
mod token;
mod wrong_keys;

pub use api_key::{ApiKeyTexts, KeyEnvironment, ShownKey};
pub use authenticator::Authenticator;
pub use flow::SignedIn;
pub use flow::accept_invitation::{AcceptInvitation, InvitationFacts};
pub use flow::impersonate::IMPERSONATE;
pub use flow::magic_link::MagicLink;
pub use flow::open_session::{SecondFactorChallenge, SignInAnswer};
pub use flow::second_factor::{Enrolment, SecondFactorState};
pub use flow::sign_in::SignIn;
pub use flow::step_up::StepUp;
pub use key_ring::{KeyRing, Purpose};
pub use password::Passwords;
pub use password_policy::PasswordOwner;
pub use refresh_token::RefreshTokens;
pub use rights::permissions_of;
pub use settings::AuthSettings;
pub use token::{AccessClaims, ActorClaim, ISSUER, TokenAlgorithm, Tokens};
