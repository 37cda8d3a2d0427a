//! The flows, one file each.

pub(crate) mod accept_invitation;
pub(crate) mod api_keys;
pub(crate) mod change_email;
pub(crate) mod change_password;
pub(crate) mod choose_tenant;
pub(crate) mod impersonate;
pub(crate) mod invite;
pub(crate) mod magic_link;
pub(crate) mod open_session;
pub(crate) mod password;
pub(crate) mod profile;
pub(crate) mod refresh;
pub(crate) mod request_mail;
pub(crate) mod reset_password;
pub(crate) mod second_factor;
pub(crate) mod sessions;
pub(crate) mod set_password;
pub(crate) mod sign_in;
pub(crate) mod sign_out;
pub(crate) mod sign_up;
pub(crate) mod step_up;
pub(crate) mod verify_email;

use crate::authenticator::Authenticator;
use mono_core::caller::{Actor, Caller, RequestContext, SystemReason};
use mono_core::id::{SessionId, TenantId, UserId};
use mono_core::model::session::Session;
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind};
use secrecy::SecretString;
use std::sync::Arc;

/// A person who is signed in, and what they are known by. Has no `Debug`: tokens do not belong in a log.
pub struct SignedIn {
    /// The access token.
    pub access_token: String,
    /// When the access token ends.
    pub expires_at: Timestamp,
    /// What the next access token is got with, once; a session of support staff has none.
    pub refresh_token: Option<SecretString>,
    /// When the session ends, whatever happens.
    pub session_expires_at: Timestamp,
    /// The person.
    pub user_id: UserId,
    /// The session.
    pub session_id: SessionId,
    /// The tenant that the token works in.
    pub tenant_id: Option<TenantId>,
    /// Support staff who act as the person: an application shows this on every page.
    pub impersonator_id: Option<UserId>,
}

impl Authenticator {
    /// The tokens of a session that holds.
    pub(crate) fn tokens_of(&self, session: &Session, now: Timestamp) -> Result<SignedIn, Error> {
        let tenant = session.chosen_tenant_id;
        let (access_token, expires_at) = self.inner.tokens.issue_for(session, now)?;
        let refresh_token = match session.impersonator_id {
            Some(_) => None,
            None => Some(self.inner.refresh_tokens.issue(session.id, session.generation)?),
        };
        Ok(SignedIn {
            access_token,
            expires_at,
            refresh_token,
            session_expires_at: session.expires_at,
            user_id: session.user_id,
            session_id: session.id,
            tenant_id: tenant,
            impersonator_id: session.impersonator_id,
        })
    }
}

/// The program itself, checking who somebody is, in the name of a request.
pub(crate) fn system(request: RequestContext) -> Caller {
    Caller::system(SystemReason::Authentication).with_request(Arc::new(request))
}

/// The program itself, as [`system`], for the request of a caller that is known already; with the person and the session.
/// Who acts as somebody else is no such person: what is theirs alone stays theirs.
pub(crate) fn person(caller: &Caller) -> Result<(Caller, UserId, SessionId), Error> {
    match caller.actor() {
        Actor::User { user, session, impersonator: None, .. } => {
            Ok((system(caller.request().clone()), user, session))
        }
        Actor::User { .. } => {
            let message = "this is for the person alone, not for somebody who acts as them";
            Err(Error::new(ErrorKind::Forbidden, "impersonated", message))
        }
        Actor::ApiKey { .. } | Actor::System(_) => Err(people_only()),
    }
}

/// The refusal of what only a person does, to everybody else.
pub(crate) fn people_only() -> Error {
    Error::new(ErrorKind::Forbidden, "people_only", "only a person does this")
}
