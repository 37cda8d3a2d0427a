//! Transactions that meet, and statements that take long.

use super::create;
use mono_core::caller::Caller;
use mono_core::id::AccountId;
use mono_core::{Error, ErrorKind};
use mono_storage::db::{Database, DatabaseOptions, TenantTx, retry};
use mono_storage::sql;
use mono_storage::testkit::{Backend, World};
use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Barrier;
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;

mono_storage::conformance!(
    of_a_deadlock_both_effects_come_once,
    of_a_serialisation_failure_both_effects_come_once,
    an_attempt_that_has_committed_is_not_tried_again,
    only_a_conflict_is_tried_again,
    a_conflict_that_stays_is_told_after_a_few_attempts,
    who_waits_too_long_for_a_row_is_told,
    a_statement_that_takes_too_long_is_told,
    a_slow_statement_stands_in_the_log_without_its_values,
    pools_say_how_busy_they_are,
);

/// Changes two accounts, one after the other; where others do the same, each holds the first one before anybody goes on.
async fn change_both(
    database: &Database,
    caller: &Caller,
    [first, second]: [AccountId; 2],
    barrier: Option<&Barrier>,
) -> Result<(), Error> {
    let mut tx = database.tenant(caller).write().await?;
    change(&mut tx, first).await?;
    if let Some(barrier) = barrier {
        barrier.wait().await;
    }
    change(&mut tx, second).await?;
    tx.commit().await
}

async fn change(tx: &mut TenantTx, id: AccountId) -> Result<(), Error> {
    let change = sql!(tx, "UPDATE accounts SET version = version + 1 WHERE tenant_id = $1 AND id = $2", id);
    change.execute().await.map(drop)
}

async fn of_a_deadlock_both_effects_come_once(world: World) {
    let admin = &world.harbour.admin;
    let one = create(&world, admin, "One").await.unwrap().id;
    let two = create(&world, admin, "Two").await.unwrap().id;
    let (barrier, attempts) = (Arc::new(Barrier::new(2)), Arc::new(AtomicU32::new(0)));
    let is_postgres = world.test.backend == Backend::Postgres;
    let mut writers = tokio::task::JoinSet::new();
    for order in [[one, two], [two, one]] {
        let (database, caller) = (world.test.database.clone(), admin.clone());
        let (barrier, attempts) = (Arc::clone(&barrier), Arc::clone(&attempts));
        writers.spawn(async move {
            retry(|| async {
                let attempt = attempts.fetch_add(1, Ordering::Relaxed);
                // The first of each: they meet. On SQLite one writes at a time, and nobody would come.
                let meets = is_postgres && attempt < 2;
                change_both(&database, &caller, order, meets.then_some(&*barrier)).await
            })
            .await
        });
    }
    for result in writers.join_all().await {
        result.unwrap();
    }
    let mut tx = world.test.database.tenant(admin).read().await.unwrap();
    for id in [one, two] {
        assert_eq!(tx.accounts().get(id).await.unwrap().version, 3);
    }
    if is_postgres {
        assert!(attempts.load(Ordering::Relaxed) > 2, "there was a deadlock");
    }
}

/// Changes an account that everybody who changes it has read before.
async fn read_and_change(
    database: &Database,
    caller: &Caller,
    id: AccountId,
    barrier: Option<&Barrier>,
) -> Result<(), Error> {
    let mut tx = database.tenant(caller).write().await?;
    sql!(tx, "SELECT id FROM accounts WHERE tenant_id = $1 AND id = $2", id).rows().await?;
    if let Some(barrier) = barrier {
        barrier.wait().await;
    }
    sql!(tx, "UPDATE accounts SET version = version + 1 WHERE tenant_id = $1 AND id = $2", id)
        .execute()
        .await?;
    tx.commit().await
}

async fn of_a_serialisation_failure_both_effects_come_once(world: World) {
    if world.test.backend == Backend::Sqlite {
        return; // One transaction writes at a time: nobody has read what another then writes.
    }
    let admin = &world.harbour.admin;
    let id = create(&world, admin, "One").await.unwrap().id;
    let url = format!("{}?options=-c%20default_transaction_isolation%3Dserializable", world.test.url);
    let strict = Database::connect(&DatabaseOptions::parse(&url).unwrap()).await.unwrap();
    // Without being tried again, one of the two fails.
    let barrier = Barrier::new(2);
    let once = || read_and_change(&strict, admin, id, Some(&barrier));
    let results: [_; 2] = tokio::join!(once(), once()).into();
    let failed: Vec<_> = results.iter().filter_map(|result| result.as_ref().err()).collect();
    assert_eq!(failed.iter().map(|error| error.code()).collect::<Vec<_>>(), ["transaction_conflict"]);
    let source = std::error::Error::source(failed[0]).unwrap().downcast_ref::<sqlx::Error>();
    let code = source.and_then(sqlx::Error::as_database_error).and_then(sqlx::error::DatabaseError::code);
    assert_eq!(code.as_deref(), Some("40001"));

    let attempts = AtomicU32::new(0);
    let retried = || {
        retry(|| async {
            let number = attempts.fetch_add(1, Ordering::SeqCst);
            read_and_change(&strict, admin, id, (number < 2).then_some(&barrier)).await
        })
    };
    let (one, two) = tokio::join!(retried(), retried());
    one.and(two).unwrap();
    assert_eq!(attempts.load(Ordering::SeqCst), 3);
    let mut tx = world.test.database.tenant(admin).read().await.unwrap();
    assert_eq!(tx.accounts().get(id).await.unwrap().version, 4, "one change before, and two now");
}

async fn an_attempt_that_has_committed_is_not_tried_again(world: World) {
    let admin = &world.harbour.admin;
    let attempts = AtomicU32::new(0);
    let conflict = || Error::new(ErrorKind::Unavailable, "transaction_conflict", "no");
    let result: Result<(), Error> = retry(|| async {
        let number = attempts.fetch_add(1, Ordering::SeqCst);
        // Also where it is the part of a part that committed.
        retry(|| async { create(&world, admin, &format!("Attempt {number}")).await.map(drop) }).await?;
        Err(conflict())
    })
    .await;
    assert_eq!((result.unwrap_err().code(), attempts.into_inner()), ("transaction_conflict", 1));
    let mut tx = world.test.database.tenant(admin).read().await.unwrap();
    assert_eq!(tx.used("accounts").await.unwrap(), 1);
}

async fn only_a_conflict_is_tried_again(world: World) {
    for code in ["unavailable", "statement_timeout", "lock_timeout", "slug_taken"] {
        let attempts = AtomicU32::new(0);
        let result: Result<(), Error> = retry(|| async {
            attempts.fetch_add(1, Ordering::Relaxed);
            Err(Error::new(ErrorKind::Unavailable, code, "no"))
        })
        .await;
        assert_eq!((result.unwrap_err().code(), attempts.load(Ordering::Relaxed)), (code, 1));
    }
    drop(world);
}

async fn a_conflict_that_stays_is_told_after_a_few_attempts(world: World) {
    let attempts = AtomicU32::new(0);
    let result: Result<(), Error> = retry(|| async {
        attempts.fetch_add(1, Ordering::Relaxed);
        let _tx = world.test.database.tenant(&world.harbour.admin).write().await?;
        Err(Error::new(ErrorKind::Unavailable, "transaction_conflict", "no"))
    })
    .await;
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "transaction_conflict"));
    assert_eq!(attempts.load(Ordering::Relaxed), 5);
}

async fn who_waits_too_long_for_a_row_is_told(world: World) {
    let admin = &world.harbour.admin;
    let id = create(&world, admin, "One").await.unwrap().id;
    let mut options = world.test.options.clone();
    options.lock_timeout = Duration::from_millis(100);
    let impatient = Database::connect(&options).await.unwrap();
    let mut holder = world.test.database.tenant(admin).write().await.unwrap();
    holder.accounts().delete(id).await.unwrap();
    let waiting = async {
        let mut tx = impatient.tenant(admin).write().await?;
        tx.accounts().delete(id).await
    };
    let error = waiting.await.unwrap_err();
    // On SQLite it is the whole database that another holds, so that the transaction has not even begun.
    let code = match world.test.backend {
        Backend::Postgres => "lock_timeout",
        Backend::Sqlite => "transaction_conflict",
    };
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, code), "{error:?}");
}

async fn a_statement_that_takes_too_long_is_told(world: World) {
    if world.test.backend == Backend::Sqlite {
        return; // SQLite ends no statement by itself.
    }
    let mut options = world.test.options.clone();
    // Enough for the proofs of the start.
    options.statement_timeout = Duration::from_secs(2);
    let database = Database::connect(&options).await.unwrap();
    let mut tx = database.tenant(&world.harbour.admin).read().await.unwrap();
    let error =
        sql!(tx, "SELECT id, pg_sleep(120) FROM members WHERE tenant_id = $1").execute().await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "statement_timeout"), "{error:?}");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn a_slow_statement_stands_in_the_log_without_its_values(world: World) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    // The driver tells of what is slow by itself, on a machine that is.
    let subscriber =
        subscriber.with(Targets::new().with_default(Level::WARN).with_target("sqlx", LevelFilter::OFF));
    let _guard = tracing::subscriber::set_default(subscriber);
    let said = || String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    // SQLite has nothing that sleeps: there every statement is a slow one.
    let short = match world.test.backend {
        Backend::Postgres => Duration::from_millis(50),
        Backend::Sqlite => Duration::ZERO,
    };
    for (slow, logged) in [(Duration::from_mins(10), false), (short, true)] {
        let mut options = world.test.options.clone();
        options.slow_statement = slow;
        let database = Database::connect(&options).await.unwrap();
        let mut tx = database.tenant(&world.harbour.admin).read().await.unwrap();
        sql!(
            tx,
            pg: "SELECT id, pg_sleep(0.1) FROM members
                 WHERE tenant_id = $1 AND $2 <> '' ",
            lite: "SELECT id FROM members WHERE tenant_id = $1 AND $2 <> ''",
            "a secret value"
        )
        .rows()
        .await
        .unwrap();
        let said = said();
        assert_eq!(said.contains("slow statement"), logged, "{said}");
        if logged {
            assert_eq!(said.trim().lines().count(), 1, "{said}");
            for words in
                ["WARN", &world.harbour.id.to_string(), "FROM members WHERE tenant_id = $1", "duration_ms="]
            {
                assert!(said.contains(words), "{words}: {said}");
            }
        }
        assert!(!said.contains("secret"), "{said}");
    }
}

async fn pools_say_how_busy_they_are(world: World) {
    let database = &world.test.database;
    let maximum = world.test.options.max_connections;
    let names = match world.test.backend {
        Backend::Postgres => [("application", maximum), ("platform", maximum)],
        Backend::Sqlite => [("read", maximum), ("write", 1)],
    };
    let status: Vec<_> = database.pool_status().iter().map(|pool| (pool.name, pool.maximum)).collect();
    assert_eq!(status, names);
    // A connection that was used goes back by itself, a little later.
    let becomes = async |busy: u32| {
        for _ in 0..500 {
            let pool = database.pool_status()[0];
            if pool.open - pool.idle == busy {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    };
    assert!(becomes(0).await);
    let tx = database.tenant(&world.harbour.admin).read().await.unwrap();
    assert!(becomes(1).await);
    tx.rollback().await.unwrap();
    assert!(becomes(0).await);
}
