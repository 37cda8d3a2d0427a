//! The suite that every database must pass, run against each.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::format_collect,
    missing_docs
)]

mod accounts;
mod audit;
mod audit_chain;
mod auth_policies;
mod catalogue;
mod catalogue_items;
mod contention;
mod events;
mod granting;
mod guardrails;
mod histories;
mod history;
mod idempotency;
mod isolation;
mod limits;
mod mails;
mod members;
mod metering;
mod own_tables;
mod purge;
#[cfg(feature = "redis")]
mod rate_limits;
#[cfg(feature = "redis")]
mod redis_user;
mod replica;
mod seats;
mod start;
mod templates;
mod tenant_roles;
mod thresholds;
mod throttles;
mod transactions;

use mono_core::Error;
use mono_core::caller::Caller;
use mono_core::model::account::{Account, AccountType, NewAccount};
use mono_core::text::{Name, Slug};
use mono_core::time::{Clock, Timestamp};
use mono_storage::db::Database;
use mono_storage::testkit::World;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// An account to be, with a slug made from its name.
fn new_account(name: &str) -> NewAccount {
    NewAccount {
        name: Name::parse(name).unwrap(),
        slug: Slug::suggest(name).unwrap(),
        account_type: AccountType::Business,
        email: None,
    }
}

/// Makes an account in a transaction of its own.
async fn create(world: &World, caller: &Caller, name: &str) -> Result<Account, Error> {
    let mut tx = world.test.database.tenant(caller).write().await?;
    let account = tx.accounts().create(new_account(name)).await?;
    tx.commit().await?;
    Ok(account)
}

/// A clock that a test moves.
struct MovedClock(Mutex<Timestamp>);

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

impl MovedClock {
    fn go_on(&self, seconds: u64) {
        *self.0.lock().unwrap() += Duration::from_secs(seconds);
    }
}

/// The database with a clock that a test moves.
fn timed(world: &World) -> (Database, Arc<MovedClock>) {
    let clock = Arc::new(MovedClock(Mutex::new(world.test.database.now())));
    (world.test.database.clone().with_clock(clock.clone()), clock)
}
