//! Mails: written with their cause, taken by one, given up after a while.

use super::timed;
use mono_core::Error;
use mono_core::caller::{Caller, SystemReason};
use mono_core::model::mail::MailKind;
use mono_core::text::Email;
use mono_storage::db::Database;
use mono_storage::store::{Failure, Mail, NewMail};
use mono_storage::testkit::World;
use std::collections::BTreeSet;
use std::time::Duration;

mono_storage::conformance!(
    a_mail_exists_if_its_cause_does,
    of_many_who_take_mails_each_gets_its_own,
    a_lease_that_runs_out_lets_another_take_the_mail,
    a_mail_is_given_up_after_five_tries_and_may_be_tried_again,
    what_is_permanent_is_given_up_at_once,
    only_the_program_reaches_mails,
);

fn system() -> Caller {
    Caller::system(SystemReason::Authentication)
}

async fn enqueue(database: &Database, address: &str) {
    let mut tx = database.platform(&system()).write().await.unwrap();
    let new = NewMail::new(MailKind::ResetPassword, Email::parse(address).unwrap());
    tx.mails().enqueue(new).await.unwrap();
    tx.commit().await.unwrap();
}

async fn claim(database: &Database, most: u32) -> Vec<Mail> {
    let mut tx = database.platform(&system()).write().await.unwrap();
    let mails = tx.mails().claim(most).await.unwrap();
    tx.commit().await.unwrap();
    mails
}

async fn fail(database: &Database, mail: &Mail, permanent: bool) -> bool {
    let mut tx = database.platform(&system()).write().await.unwrap();
    let failure = Failure { reason: "no".to_owned(), permanent };
    let dead = tx.mails().failed(mail, &failure).await.unwrap();
    tx.commit().await.unwrap();
    dead
}

async fn sent(database: &Database, mail: &Mail) -> bool {
    let mut tx = database.platform(&system()).write().await.unwrap();
    let sent = tx.mails().sent(mail).await.unwrap();
    tx.commit().await.unwrap();
    sent
}

async fn a_mail_exists_if_its_cause_does(world: World) {
    let database = &world.test.database;
    let mut tx = database.platform(&system()).write().await.unwrap();
    tx.mails().enqueue(NewMail::new(MailKind::SignUp, Email::parse("ana@x.example").unwrap())).await.unwrap();
    drop(tx);
    assert!(claim(database, 10).await.is_empty());
    enqueue(database, "ana@x.example").await;
    database.mail_waits().await;
    let mails = claim(database, 10).await;
    assert_eq!((mails.len(), mails[0].kind, mails[0].attempt), (1, MailKind::ResetPassword, 1));
    assert_eq!(mails[0].address.as_str(), "ana@x.example");
}

async fn of_many_who_take_mails_each_gets_its_own(world: World) {
    let database = &world.test.database;
    for i in 0..50 {
        enqueue(database, &format!("person{i}@x.example")).await;
    }
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let database = database.clone();
        tasks.spawn(async move {
            let mut taken = Vec::new();
            loop {
                let mails = claim(&database, 3).await;
                if mails.is_empty() {
                    return taken;
                }
                taken.extend(mails.into_iter().map(|mail| mail.id));
            }
        });
    }
    let taken: Vec<_> = tasks.join_all().await.concat();
    assert_eq!((taken.len(), taken.iter().collect::<BTreeSet<_>>().len()), (50, 50));
}

async fn a_lease_that_runs_out_lets_another_take_the_mail(world: World) {
    let (database, clock) = timed(&world);
    enqueue(&database, "ana@x.example").await;
    let first = claim(&database, 1).await.remove(0);
    clock.go_on(119);
    assert!(claim(&database, 1).await.is_empty());
    clock.go_on(1);
    let second = claim(&database, 1).await.remove(0);
    assert_eq!((second.id, second.attempt), (first.id, 2));
    // Who was too slow has it no more, and says nothing about it.
    let mut tx = database.platform(&system()).write().await.unwrap();
    assert!(!tx.mails().hold(&first).await.unwrap());
    assert!(tx.mails().hold(&second).await.unwrap());
    tx.commit().await.unwrap();
    assert!(!sent(&database, &first).await);
    assert!(!fail(&database, &first, true).await);
    assert!(sent(&database, &second).await);
    assert!(!sent(&database, &second).await, "once");
    clock.go_on(1_000_000);
    assert!(claim(&database, 1).await.is_empty());
}

async fn a_mail_is_given_up_after_five_tries_and_may_be_tried_again(world: World) {
    let (database, clock) = timed(&world);
    enqueue(&database, "ana@x.example").await;
    let mut waited = 0;
    for attempt in 1..=5 {
        let mail = claim(&database, 1).await.remove(0);
        assert_eq!(mail.attempt, attempt);
        assert_eq!(fail(&database, &mail, false).await, attempt == 5);
        assert!(claim(&database, 1).await.is_empty(), "it waits first");
        waited = 2 * 2_u64.pow(u32::try_from(attempt).unwrap());
        clock.go_on(waited);
    }
    clock.go_on(10 * waited);
    assert!(claim(&database, 1).await.is_empty());
    let mut tx = database.platform(&system()).write().await.unwrap();
    let dead = tx.mails().dead().await.unwrap().remove(0);
    assert_eq!((dead.attempts, dead.last_error.as_deref()), (5, Some("no")));
    assert!(tx.mails().retry(dead.id).await.unwrap());
    assert!(!tx.mails().retry(dead.id).await.unwrap(), "it is not dead any more");
    tx.commit().await.unwrap();
    // A program that breaks at the mail each time uses its tries up as well.
    for attempt in 6..=10 {
        assert_eq!(claim(&database, 1).await.remove(0).attempt, attempt);
        clock.go_on(120);
    }
    assert!(claim(&database, 1).await.is_empty());
    let mut tx = database.platform(&system()).write().await.unwrap();
    assert_eq!(tx.mails().dead().await.unwrap().remove(0).attempts, 10);
    let week = database.now() + Duration::from_hours(7 * 24);
    assert_eq!(tx.mails().remove_done(week, database.now()).await.unwrap(), 0);
    assert_eq!(tx.mails().remove_done(week, week).await.unwrap(), 1);
}

async fn what_is_permanent_is_given_up_at_once(world: World) {
    let database = &world.test.database;
    enqueue(database, "reject@x.example").await;
    let mail = claim(database, 1).await.remove(0);
    assert!(fail(database, &mail, true).await);
    assert!(claim(database, 1).await.is_empty());
}

async fn only_the_program_reaches_mails(world: World) {
    let mut tx = world.test.database.platform(&world.harbour.admin).write().await.unwrap();
    let new = NewMail::new(MailKind::SignUp, Email::parse("ana@x.example").unwrap());
    let refused = |result: Result<(), Error>| assert_eq!(result.unwrap_err().code(), "system_only");
    refused(tx.mails().enqueue(new).await.map(drop));
    refused(tx.mails().claim(1).await.map(drop));
    refused(tx.mails().dead().await.map(drop));
}
