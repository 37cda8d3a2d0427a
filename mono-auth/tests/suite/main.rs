//! What authentication does, on every database.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod api_keys;
mod auth_policies;
mod callers;
mod flows;
mod impersonation;
#[cfg(feature = "mail")]
mod mail;
mod reencrypt;
mod second_factors;
mod sessions;
mod step_up;
mod throttling;

use mono_auth::{Authenticator, KeyRing, SignIn, SignedIn};
use mono_core::Error;
use mono_core::caller::{Caller, RequestContext, SystemReason};
use mono_core::id::UserId;
use mono_core::permission::Scope;
use mono_core::text::{Email, Name};
use mono_core::time::{Clock, Timestamp};
use mono_storage::store::{NewAssignment, NewUser};
use mono_storage::testkit::World;
use std::sync::{Arc, Mutex};

pub(crate) const PASSWORD: &str = "a long enough password";

pub(crate) fn keys() -> KeyRing {
    KeyRing::new((0..32).collect()).unwrap()
}

pub(crate) fn authenticator(world: &World) -> Authenticator {
    Authenticator::new(world.test.database.clone(), &keys()).unwrap()
}

/// A member of the harbour with a password and a role.
pub(crate) async fn person(world: &World, authenticator: &Authenticator, email: &str, role: &str) -> UserId {
    let database = &world.test.database;
    let hash = authenticator.passwords().hash(PASSWORD.into(), database.random()).await.unwrap();
    let system = Caller::system(SystemReason::Seed);
    let mut tx = database.platform(&system).write().await.unwrap();
    let (email, name) = (Email::parse(email).unwrap(), Name::parse(email).unwrap());
    let user = tx.users().create(NewUser { email, name, password_hash: Some(hash) }).await.unwrap();
    tx.commit().await.unwrap();
    let system = Caller::system_in(SystemReason::Seed, world.harbour.id);
    let mut tx = database.tenant(&system).write().await.unwrap();
    let member = tx.members().add(&user).await.unwrap();
    let whole = Scope::tenant(world.harbour.id);
    tx.assignments().assign(NewAssignment::new(member.id, role, whole)).await.unwrap();
    tx.commit().await.unwrap();
    user.id
}

pub(crate) async fn sign_in(authenticator: &Authenticator, email: &str) -> Result<SignedIn, Error> {
    authenticator.sign_in(SignIn::new(email, PASSWORD), RequestContext::default()).await?.signed_in()
}

pub(crate) async fn caller(authenticator: &Authenticator, signed_in: &SignedIn) -> Result<Caller, Error> {
    authenticator.authenticate(&signed_in.access_token, None, RequestContext::default()).await
}

/// A clock that a test moves.
pub(crate) struct MovedClock(Mutex<Timestamp>);

impl MovedClock {
    pub(crate) fn at(now: Timestamp) -> Arc<Self> {
        Arc::new(Self(Mutex::new(now)))
    }

    pub(crate) fn go_on(&self, seconds: i64) {
        *self.0.lock().unwrap() += chrono::TimeDelta::seconds(seconds);
    }
}

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// An authenticator whose time a test moves, over the same database.
pub(crate) fn timed(world: &World) -> (Authenticator, Arc<MovedClock>) {
    let clock = MovedClock::at(world.test.database.now());
    let database = world.test.database.clone().with_clock(clock.clone());
    (Authenticator::new(database, &keys()).unwrap(), clock)
}
