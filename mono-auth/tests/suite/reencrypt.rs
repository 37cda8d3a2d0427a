//! What older versions of the master key have sealed is sealed again, beside people who sign in meanwhile.

use crate::second_factors::{challenge, code, enrol, show, signed_in};
use crate::{MovedClock, PASSWORD, person};
use mono_auth::{Authenticator, KeyRing, SignIn};
use mono_core::caller::{Caller, RequestContext, SystemReason};
use mono_core::id::Uuid;
use mono_core::text::{Email, Name};
use mono_core::time::Clock;
use mono_storage::db::Database;
use mono_storage::store::{NewUser, SealedColumn};
use mono_storage::system::SystemRandom;
use mono_storage::testkit::World;
use secrecy::ExposeSecret;

mono_storage::conformance!(
    everything_is_sealed_again_and_opens_without_the_old_version,
    what_was_stopped_goes_on_where_it_ended,
    what_somebody_changed_meanwhile_is_left_to_them,
    people_who_sign_in_meanwhile_notice_nothing,
);

/// More than two batches.
const PEOPLE: u64 = 450;

/// The master key with its first versions.
fn ring(versions: std::ops::RangeInclusive<u32>) -> KeyRing {
    let key = |version: u32| (0..32).map(|byte| byte ^ u8::try_from(version).unwrap()).collect();
    KeyRing::of_versions(versions.map(|version| (version, key(version)))).unwrap()
}

fn system() -> Caller {
    Caller::system(SystemReason::Keys)
}

async fn sealed_with(database: &Database, version: u32) -> u64 {
    let mut tx = database.platform(&system()).read().await.unwrap();
    tx.sealed(SealedColumn::Totp).count(version).await.unwrap().unsigned_abs()
}

/// What is sealed now, by row.
async fn stored(database: &Database) -> Vec<(Uuid, String)> {
    let mut tx = database.platform(&system()).read().await.unwrap();
    let values = tx.sealed(SealedColumn::Totp).not_of(0, Uuid::nil(), i64::MAX).await.unwrap();
    values.into_iter().map(|value| (value.row, value.sealed)).collect()
}

/// People whose second factors the first version has sealed.
async fn people(database: &Database) {
    let old = ring(1..=1);
    let mut tx = database.platform(&system()).write().await.unwrap();
    for number in 0..PEOPLE {
        let email = Email::parse(&format!("{number}@harbour.example")).unwrap();
        let name = Name::parse("Somebody").unwrap();
        let user = tx.users().create(NewUser { email, name, password_hash: None }).await.unwrap().id;
        let secret = number.to_be_bytes();
        let sealed = old.seal(SealedColumn::Totp, user.uuid(), &secret, &SystemRandom).unwrap();
        assert!(tx.second_factors().begin(user, &sealed).await.unwrap());
    }
    tx.commit().await.unwrap();
}

async fn everything_is_sealed_again_and_opens_without_the_old_version(world: World) {
    let database = &world.test.database;
    people(database).await;
    let mut before = Vec::new();
    for (row, sealed) in stored(database).await {
        before.push((row, ring(1..=1).open(SealedColumn::Totp, row, &sealed).unwrap()));
    }
    let broken = before.remove(0).0;
    let mut tx = database.platform(&system()).write().await.unwrap();
    assert!(tx.second_factors().begin(broken.into(), "1.AAAA").await.unwrap());
    tx.commit().await.unwrap();

    let done = ring(1..=2).reencrypt(database).await.unwrap();
    assert_eq!((done.sealed, done.unreadable), (PEOPLE - 1, vec![format!("user_totp|{broken}")]));
    assert_eq!((sealed_with(database, 1).await, sealed_with(database, 2).await), (1, PEOPLE - 1));
    let mut after = Vec::new();
    for (row, sealed) in stored(database).await {
        match ring(2..=2).open(SealedColumn::Totp, row, &sealed) {
            Ok(secret) => after.push((row, secret)),
            Err(_) => assert_eq!((row, sealed.as_str()), (broken, "1.AAAA")),
        }
    }
    assert_eq!(after, before);
    assert_eq!(ring(1..=2).reencrypt(database).await.unwrap().sealed, 0);
}

async fn what_was_stopped_goes_on_where_it_ended(world: World) {
    let database = &world.test.database;
    people(database).await;
    let begun = tokio::spawn({
        let database = database.clone();
        async move { ring(1..=2).reencrypt(&database).await }
    });
    while sealed_with(database, 2).await == 0 {
        tokio::task::yield_now().await;
    }
    begun.abort();
    let _ = begun.await;
    let first = sealed_with(database, 2).await;
    assert_eq!(first + sealed_with(database, 1).await, PEOPLE);
    let (ring, other) = (ring(1..=2), ring(1..=2));
    let (one, two) = tokio::join!(ring.reencrypt(database), other.reencrypt(database));
    assert_eq!(first + one.unwrap().sealed + two.unwrap().sealed, PEOPLE, "each by one of the two");
    assert_eq!((sealed_with(database, 1).await, sealed_with(database, 2).await), (0, PEOPLE));
}

async fn what_somebody_changed_meanwhile_is_left_to_them(world: World) {
    let database = &world.test.database;
    people(database).await;
    let mut tx = database.platform(&system()).read().await.unwrap();
    let mut read = tx.sealed(SealedColumn::Totp).not_of(2, Uuid::nil(), 3).await.unwrap().into_iter();
    drop(tx);
    let (changed, gone, kept) = (read.next().unwrap(), read.next().unwrap(), read.next().unwrap());
    let rows = (changed.row, gone.row, kept.row);
    let mut tx = database.platform(&system()).write().await.unwrap();
    assert!(tx.second_factors().begin(rows.0.into(), "2.of-theirs").await.unwrap());
    assert!(tx.second_factors().confirm(rows.1.into(), &gone.sealed, 1).await.unwrap());
    assert!(tx.second_factors().remove(rows.1.into()).await.unwrap());
    for (value, replaced) in [(changed, false), (gone, false), (kept, true)] {
        let sealed = tx.sealed(SealedColumn::Totp).replace(value, "2.of-ours".to_owned()).await.unwrap();
        assert_eq!(sealed, replaced);
    }
    tx.commit().await.unwrap();
    let stored = stored(database).await;
    let of = |row: Uuid| stored.iter().find(|(other, _)| *other == row).map(|(_, sealed)| sealed.as_str());
    assert_eq!((of(rows.0), of(rows.1), of(rows.2)), (Some("2.of-theirs"), None, Some("2.of-ours")));
}

async fn people_who_sign_in_meanwhile_notice_nothing(world: World) {
    const EACH: usize = 5;
    let clock = MovedClock::at(world.test.database.now());
    let database = world.test.database.clone().with_clock(clock.clone());
    let old = Authenticator::new(database.clone(), &ring(1..=1)).unwrap();
    let mut enrolled = Vec::new();
    for number in 0..3 * EACH {
        let email = format!("{number}@harbour.example");
        person(&world, &old, &email, "user").await;
        let (secret, _) = enrol(&old, &signed_in(&old, &email).await, clock.now()).await;
        enrolled.push((email, secret));
    }
    clock.go_on(30);
    let now = Authenticator::new(database.clone(), &ring(1..=2)).unwrap();
    let mut ready = Vec::new();
    for (email, secret) in enrolled {
        let asked = challenge(&now, &email).await;
        let shown = code(&secret, clock.now());
        ready.push((email, asked, shown));
    }
    let go = std::sync::Arc::new(tokio::sync::Barrier::new(3 * EACH + 1));
    let tasks = ready.into_iter().enumerate().map(|(number, (email, asked, shown))| {
        let (now, clock, go) = (now.clone(), clock.clone(), go.clone());
        tokio::spawn(async move {
            go.wait().await;
            let signed_in = show(&now, &asked, &shown).await.unwrap();
            if number % 3 == 0 {
                return None;
            }
            let who =
                now.authenticate(&signed_in.access_token, None, RequestContext::default()).await.unwrap();
            now.disable_second_factor(&who).await.unwrap();
            if number % 3 == 1 {
                let again = SignIn::new(&email, PASSWORD);
                now.sign_in(again, RequestContext::default()).await.unwrap().signed_in().expect("it is gone");
                return None;
            }
            let enrolment = now.enrol_second_factor(&who).await.unwrap();
            let secret = enrolment.secret.expose_secret().to_owned();
            now.confirm_second_factor(&who, &code(&secret, clock.now())).await.unwrap();
            Some((email, secret))
        })
    });
    let tasks: Vec<_> = tasks.collect();
    go.wait().await;
    ring(1..=2).reencrypt(&database).await.unwrap();
    let mut anew = Vec::new();
    for task in tasks {
        anew.extend(task.await.unwrap());
    }
    assert_eq!(anew.len(), EACH);
    ring(1..=2).reencrypt(&database).await.unwrap();
    assert_eq!(sealed_with(&database, 1).await, 0);
    assert_eq!(sealed_with(&database, 2).await, 2 * EACH as u64);
    clock.go_on(30);
    let without = Authenticator::new(database.clone(), &ring(2..=2)).unwrap();
    for (email, secret) in anew {
        let asked = challenge(&without, &email).await;
        show(&without, &asked, &code(&secret, clock.now())).await.unwrap();
    }
}
