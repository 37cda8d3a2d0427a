//! The flows by single-use token.

mod emails;
mod invitations;
mod magic_links;
mod passwords;
mod sign_up;

use crate::{MovedClock, keys};
use mono_auth::{Authenticator, SignIn, SignedIn};
use mono_core::Error;
use mono_core::caller::{Caller, RequestContext, SystemReason};
use mono_core::id::UserId;
use mono_core::model::mail::MailKind;
use mono_storage::db::Database;
use mono_storage::testkit::World;
use secrecy::ExposeSecret;
use std::sync::Arc;

/// What the policy takes for a password.
pub(super) const STRONG: &str = "Quiet herons, 71 over gravel";
/// Another one.
pub(super) const OTHER: &str = "Seven kettles: 4 under Plaster";

/// A mail as its reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) kind: MailKind,
    pub(super) to: String,
    /// The token of its link.
    pub(super) token: Option<String>,
}

/// A world whose time a test moves, and its mailboxes.
pub(super) struct Flows {
    pub(super) world: World,
    pub(super) database: Database,
    pub(super) authenticator: Authenticator,
    pub(super) clock: Arc<MovedClock>,
}

pub(super) fn system() -> Caller {
    Caller::system(SystemReason::Authentication)
}

pub(super) fn from(address: &str) -> RequestContext {
    RequestContext { ip_address: Some(address.parse().unwrap()), ..Default::default() }
}

pub(super) fn anywhere() -> RequestContext {
    RequestContext::default()
}

impl Flows {
    pub(super) fn new(world: World) -> Self {
        let clock = MovedClock::at(world.test.database.now());
        let database = world.test.database.clone().with_clock(clock.clone());
        let authenticator = Authenticator::new(database.clone(), &keys()).unwrap();
        Self { world, database, authenticator, clock }
    }

    /// A member of the harbour with a password and a role.
    pub(super) async fn person(&self, email: &str, role: &str) -> UserId {
        crate::person(&self.world, &self.authenticator, email, role).await
    }

    /// Sends every mail that waits, in the order they were asked for, and gives those that somebody gets.
    pub(super) async fn mails(&self) -> Vec<Read> {
        let mut read = Vec::new();
        loop {
            let mut tx = self.database.platform(&system()).write().await.unwrap();
            let mails = tx.mails().claim(1).await.unwrap();
            tx.commit().await.unwrap();
            let Some(mail) = mails.first() else { return read };
            let mut tx = self.database.platform(&system()).write().await.unwrap();
            match self.authenticator.compose(&mut tx, mail).await.unwrap() {
                Some(composed) => {
                    assert!(tx.mails().sent(mail).await.unwrap());
                    let token = composed.link.map(|link| {
                        let (_, token) = link.expose_secret().split_once("#token=").unwrap();
                        token.to_owned()
                    });
                    read.push(Read { kind: mail.kind, to: composed.to.to_string(), token });
                }
                None => tx.mails().drop_silently(mail).await.unwrap(),
            }
            tx.commit().await.unwrap();
        }
    }

    /// The token of the one mail that waits.
    pub(super) async fn token(&self, kind: MailKind, to: &str) -> String {
        let mails = self.mails().await;
        assert_eq!(mails.len(), 1, "{mails:?}");
        assert_eq!((mails[0].kind, mails[0].to.as_str()), (kind, to));
        mails[0].token.clone().unwrap()
    }

    pub(super) async fn sign_in(&self, email: &str, password: &str) -> Result<SignedIn, Error> {
        self.authenticator.sign_in(SignIn::new(email, password), anywhere()).await?.signed_in()
    }

    /// The caller of a session, as at its next request.
    pub(super) async fn caller(&self, signed_in: &SignedIn) -> Result<Caller, Error> {
        self.authenticator.forget();
        crate::caller(&self.authenticator, signed_in).await
    }

    /// Whoever signs in with this password.
    pub(super) async fn signed_in(&self, email: &str, password: &str) -> Caller {
        self.caller(&self.sign_in(email, password).await.unwrap()).await.unwrap()
    }
}

/// The code of a refusal.
pub(super) fn code<T>(result: Result<T, Error>) -> String {
    match result {
        Ok(_) => panic!("it was not refused"),
        Err(error) => error.code().to_owned(),
    }
}

pub(super) const USED_UP: &str = "invalid_single_use_token";
