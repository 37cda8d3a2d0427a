//! What is told when a limit fills up, and what holds when a maximum changes.

use super::seats::{Office, agreed};
use mono_core::ErrorKind;
use mono_core::caller::Caller;
use mono_core::id::AccountId;
use mono_core::subscription::{LimitEvent, Override, Threshold};
use mono_core::time::FixedClock;
use mono_storage::store::Reservation;
use mono_storage::testkit::{self, World};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use Threshold::{Exceeded, Full, NearlyFull};

mono_storage::conformance!(
    a_soft_limit_lets_through_and_tells,
    twenty_writers_tell_of_each_threshold_once,
    what_is_undone_tells_nothing,
    a_raised_maximum_is_told_of_anew,
    a_new_window_is_told_of_anew,
    a_downgrade_takes_nothing_away_and_lets_nothing_grow,
    an_override_holds_for_its_account_and_its_time,
);

/// The account, the threshold, the use and the maximum of every event, in their order.
async fn told(office: &Office) -> Vec<(Option<AccountId>, Threshold, u64, u64)> {
    let mut told = Vec::new();
    for event in testkit::events(&office.world.test.database, office.world.harbour.id).await.unwrap() {
        let event: LimitEvent = event.read().unwrap().unwrap();
        told.push((event.account, event.threshold, event.used, event.maximum));
    }
    // Those of one transaction may bear the same moment.
    told.sort();
    told
}

async fn take(office: &Office, caller: &Caller, wanted: &[Reservation]) {
    let mut tx = office.write(caller).await;
    tx.reserve_all(wanted).await.unwrap();
    tx.commit().await.unwrap();
}

async fn give_back(office: &Office, caller: &Caller, given: &[Reservation]) {
    let mut tx = office.write(caller).await;
    tx.release_all(given).await.unwrap();
    tx.commit().await.unwrap();
}

fn guests(amount: u64) -> [Reservation; 1] {
    [Reservation::tenant("guests", amount)]
}

async fn a_soft_limit_lets_through_and_tells(world: World) {
    let office = Office::open(world).await;
    let account = office.accounts[0];
    let caller = office.caller(&[(Some(account), "guests", 2)]);
    take(&office, &caller, &guests(7)).await;
    assert_eq!(told(&office).await, []);
    take(&office, &caller, &[Reservation::account(account, "guests", 5)]).await;
    assert_eq!(
        told(&office).await,
        [
            (None, NearlyFull, 12, 10),
            (None, Full, 12, 10),
            (None, Exceeded, 12, 10),
            (Some(account), NearlyFull, 5, 2),
            (Some(account), Full, 5, 2),
            (Some(account), Exceeded, 5, 2)
        ]
    );
    let mut tx = office.write(&caller).await;
    assert_eq!(tx.used("guests").await.unwrap(), 12);
    assert_eq!(tx.used_by("guests", Some(account)).await.unwrap(), 5);
}

async fn twenty_writers_tell_of_each_threshold_once(world: World) {
    let office = Office::open(world).await;
    let caller = office.caller(&[]);
    let once = [(None, NearlyFull, 8, 10), (None, Full, 10, 10), (None, Exceeded, 11, 10)];
    for round in 0..2 {
        let start = Arc::new(Barrier::new(20));
        let mut writers = JoinSet::new();
        for _ in 0..20 {
            let (office, start, caller) = (Arc::clone(&office), Arc::clone(&start), caller.clone());
            writers.spawn(async move {
                start.wait().await;
                take(&office, &caller, &guests(1)).await;
            });
        }
        while let Some(result) = writers.join_next().await {
            result.unwrap();
        }
        assert_eq!(told(&office).await, once, "round {round}");
        // What was given back and taken again is nothing new.
        give_back(&office, &caller, &guests(20)).await;
    }
}

async fn what_is_undone_tells_nothing(world: World) {
    let office = Office::open(world).await;
    let caller = office.caller(&[]);
    let mut tx = office.write(&caller).await;
    tx.reserve("guests", 20).await.unwrap();
    tx.rollback().await.unwrap();
    let mut tx = office.write(&caller).await;
    tx.reserve("guests", 20).await.unwrap();
    drop(tx);
    let mut tx = office.write(&caller).await;
    tx.reserve("guests", 20).await.unwrap();
    assert_eq!(tx.reserve("seats", 11).await.unwrap_err().kind(), ErrorKind::LimitExceeded);
    assert_eq!(tx.commit().await.unwrap_err().kind(), ErrorKind::Internal);
    assert_eq!(told(&office).await, []);
    // And so it is still to be told.
    take(&office, &caller, &guests(10)).await;
    assert_eq!(told(&office).await, [(None, NearlyFull, 10, 10), (None, Full, 10, 10)]);
}

async fn a_raised_maximum_is_told_of_anew(world: World) {
    let office = Office::open(world).await;
    take(&office, &office.caller(&[]), &guests(10)).await;
    let raised = office.caller(&[(None, "guests", 20)]);
    take(&office, &raised, &guests(5)).await;
    let mut all = vec![(None, NearlyFull, 10, 10), (None, Full, 10, 10)];
    assert_eq!(told(&office).await, all, "15 of 20 are not many");
    take(&office, &raised, &guests(1)).await;
    take(&office, &raised, &guests(5)).await;
    all.extend([(None, NearlyFull, 16, 20), (None, Full, 21, 20), (None, Exceeded, 21, 20)]);
    all.sort();
    assert_eq!(told(&office).await, all);
    // The same maximum again is the same threshold.
    give_back(&office, &raised, &guests(21)).await;
    take(&office, &raised, &guests(21)).await;
    assert_eq!(told(&office).await, all);
}

async fn a_new_window_is_told_of_anew(world: World) {
    let office = Office::open(world).await;
    let caller = office.caller(&[]);
    let call = async |at: &str| {
        let clock = FixedClock(at.parse().unwrap());
        let database = office.world.test.database.clone().with_clock(Arc::new(clock));
        let mut tx = database.tenant(&caller).write().await.unwrap();
        tx.reserve("calls", 8).await.unwrap();
        tx.commit().await.unwrap();
    };
    let today = [(None, NearlyFull, 8, 10), (None, Full, 16, 10), (None, Exceeded, 16, 10)];
    call("2028-02-29T00:00:00Z").await;
    call("2028-02-29T23:59:59.999999Z").await;
    call("2028-02-29T12:00:00Z").await;
    assert_eq!(told(&office).await, today);
    call("2028-03-01T00:00:00Z").await;
    assert_eq!(told(&office).await, [&today[..1], &today[..]].concat());
}

async fn a_downgrade_takes_nothing_away_and_lets_nothing_grow(world: World) {
    let office = Office::open(world).await;
    let account = office.accounts[0];
    let seats = |amount| [Reservation::account(account, "seats", amount)];
    take(&office, &office.caller(&[]), &seats(8)).await;
    for downgraded in [office.caller(&[(None, "seats", 5)]), office.caller(&[(Some(account), "seats", 5)])] {
        let used = async || {
            let mut tx = office.write(&downgraded).await;
            let (tenant, own) = (tx.used("seats").await.unwrap(), tx.used_by("seats", Some(account)).await);
            assert_eq!(tenant, own.unwrap());
            tenant
        };
        assert_eq!(used().await, 8);
        let mut tx = office.write(&downgraded).await;
        let error = tx.reserve_all(&seats(1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        let details = error.details().unwrap();
        assert_eq!((&details["current"], &details["maximum"]), (&8.into(), &5.into()));
        drop(tx);
        // Nothing at all is always to be had, also beside something of which there is enough.
        take(&office, &downgraded, &seats(0)).await;
        take(&office, &downgraded, &[seats(0)[0], Reservation::account(account, "desks", 1)]).await;
        give_back(&office, &downgraded, &seats(3)).await;
        assert_eq!(used().await, 5);
        let mut tx = office.write(&downgraded).await;
        assert_eq!(tx.reserve_all(&seats(1)).await.unwrap_err().kind(), ErrorKind::LimitExceeded);
        drop(tx);
        give_back(&office, &downgraded, &seats(1)).await;
        take(&office, &downgraded, &seats(1)).await;
        take(&office, &office.caller(&[]), &seats(3)).await;
    }
}

async fn an_override_holds_for_its_account_and_its_time(world: World) {
    let office = Office::open(world).await;
    let [account, other, _] = office.accounts;
    let now = office.world.test.database.now();
    let hour = Duration::from_hours(1);
    let exception = Override { from: now, until: Some(now + hour), ..agreed(Some(account), "seats", 2) };
    // It holds from its first moment and no longer at its end; before and after, the maximum is the tenant's.
    for (moment, maximum) in [(now - hour, 10), (now, 2), (now + hour, 10)] {
        let caller = office.caller_at(std::slice::from_ref(&exception), moment);
        for (holder, maximum) in [(account, maximum), (other, 10)] {
            let mut tx = office.write(&caller).await;
            tx.reserve_all(&[Reservation::account(holder, "seats", maximum)]).await.unwrap();
            tx.rollback().await.unwrap();
            let mut tx = office.write(&caller).await;
            let wanted = [Reservation::account(holder, "seats", maximum + 1)];
            let error = tx.reserve_all(&wanted).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::LimitExceeded);
            assert_eq!(error.details().unwrap()["maximum"], maximum);
        }
    }
}
