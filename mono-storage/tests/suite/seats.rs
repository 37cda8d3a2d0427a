//! A table of an application, and limits that hold for the tenant and for its accounts, against many writers at once.

use super::create;
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::AccountId;
use mono_core::subscription::{
    Allowance, Entitlements, Key, Override, OverrideChange, PlanCatalogue, Subscription,
};
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind};
use mono_storage::db::TenantTx;
use mono_storage::sql;
use mono_storage::store::{Drift, Reservation};
use mono_storage::testkit::{Backend, World};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use uuid::Uuid;

mono_storage::conformance!(
    fifty_writers_take_the_last_ten_seats,
    fifty_writers_meet_the_maximum_of_an_account_and_of_the_tenant,
    use_equals_rows_at_every_moment,
    many_limits_in_any_order_are_taken_all_or_none,
    a_recount_of_an_own_table_mends_drift,
    a_recount_mends_drift_while_others_write,
);

const PLANS: &str = r#"{
    "limits": [
        {"key": "seats", "name": "Seats", "unit": "seat", "category": "office", "default": 10, "window": "total", "enforcement": "hard"},
        {"key": "desks", "name": "Desks", "unit": "desk", "category": "office", "default": 10, "window": "total", "enforcement": "hard"},
        {"key": "guests", "name": "Guests", "unit": "guest", "category": "office", "default": 10, "window": "total", "enforcement": "soft"},
        {"key": "calls", "name": "Calls", "unit": "call", "category": "office", "default": 10, "window": "day", "enforcement": "soft"}
    ],
    "plans": [{"key": "office", "name": "Office", "price": {"amount": 0, "currency": "EUR", "interval": "month"}}]
}"#;

const POSTGRES: &str =
    "CREATE TABLE seats (tenant_id uuid NOT NULL, id uuid NOT NULL, account_id uuid NOT NULL,
        deleted_at timestamptz, PRIMARY KEY (tenant_id, id),
        FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id));
    CALL mono_protect_table('seats');";

const SQLITE: &str =
    "CREATE TABLE seats (tenant_id BLOB NOT NULL, id BLOB NOT NULL, account_id BLOB NOT NULL,
        deleted_at TEXT, PRIMARY KEY (tenant_id, id),
        FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)) STRICT;";

/// A tenant with three accounts, which may have ten of everything, and a table that is counted.
pub(super) struct Office {
    pub(super) world: World,
    pub(super) accounts: [AccountId; 3],
    plans: PlanCatalogue,
}

impl Office {
    pub(super) async fn open(world: World) -> Arc<Self> {
        world
            .test
            .as_owner(match world.test.backend {
                Backend::Postgres => POSTGRES,
                Backend::Sqlite => SQLITE,
            })
            .await;
        let mut accounts = [AccountId::from_u128(0); 3];
        for (number, account) in accounts.iter_mut().enumerate() {
            *account = create(&world, &world.harbour.admin, &format!("Account {number}")).await.unwrap().id;
        }
        let plans = PlanCatalogue::build(serde_json::from_str(PLANS).unwrap(), |_| true).unwrap();
        Arc::new(Self { world, accounts, plans })
    }

    /// A caller for whom these overrides are known, as of a moment.
    pub(super) fn caller_at(&self, overrides: &[Override], now: Timestamp) -> Caller {
        let subscription = Subscription::new(Key::parse("office").unwrap());
        let tenant = Entitlements::of_tenant(&self.plans, &subscription, overrides, now);
        let accounts = Entitlements::of_accounts(&self.plans, &subscription, overrides, now);
        self.world.caller_with_entitlements(&self.world.harbour, tenant, accounts)
    }

    /// A caller for whom other maxima hold than ten: of the tenant or of an account.
    pub(super) fn caller(&self, maxima: &[(Option<AccountId>, &str, u64)]) -> Caller {
        let overrides: Vec<_> =
            maxima.iter().map(|(account, limit, most)| agreed(*account, limit, *most)).collect();
        self.caller_at(&overrides, self.world.test.database.now())
    }

    pub(super) fn system(&self) -> Caller {
        Caller::system_in(SystemReason::Recount, self.world.harbour.id)
    }

    pub(super) async fn write(&self, caller: &Caller) -> TenantTx {
        self.world.test.database.tenant(caller).write().await.unwrap()
    }

    /// Seats somebody, in a transaction of its own.
    async fn seat(&self, caller: &Caller, account: AccountId) -> Result<Uuid, Error> {
        let mut tx = self.world.test.database.tenant(caller).write().await?;
        let id = insert(&mut tx, account).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// What the counters of seats say and how many there are, by holder, of one moment.
    async fn counters_and_rows(&self) -> BTreeMap<Uuid, (i64, i64)> {
        let mut tx = self.world.test.database.tenant(&self.world.harbour.admin).read().await.unwrap();
        // One statement sees one moment, whoever commits meanwhile.
        let rows = sql!(
            tx,
            "SELECT c.holder_id, c.used,
                (SELECT count(*) FROM seats s WHERE s.tenant_id = $1 AND s.deleted_at IS NULL
                    AND c.holder_id IN (s.tenant_id, s.account_id)) AS present
             FROM usage_counters c WHERE c.tenant_id = $1 AND c.limit_key = 'seats'"
        )
        .rows()
        .await
        .unwrap();
        let pair = |row: &mono_storage::db::Row| (row.get("used").unwrap(), row.get("present").unwrap());
        rows.iter().map(|row| (row.get("holder_id").unwrap(), pair(row))).collect()
    }

    /// Fails unless every counter agrees with the rows and nobody has more than allowed.
    async fn agrees(&self, caller: &Caller) {
        for (holder, (used, rows)) in self.counters_and_rows().await {
            let account = self.accounts.into_iter().find(|account| account.uuid() == holder);
            let maximum = caller.entitlements_of(account).limit("seats").maximum;
            assert_eq!(used, rows, "{account:?}");
            assert!(maximum.holds(used.unsigned_abs()), "{account:?}: {used} of {maximum}");
        }
    }
}

/// An override without an end.
pub(super) fn agreed(account: Option<AccountId>, limit: &str, maximum: u64) -> Override {
    Override {
        account,
        change: OverrideChange::Limit {
            limit: Key::parse(limit).unwrap(),
            maximum: Allowance::UpTo(maximum),
        },
        from: Timestamp::UNIX_EPOCH,
        until: None,
        reason: "agreed".to_owned(),
    }
}

async fn insert(tx: &mut TenantTx, account: AccountId) -> Result<Uuid, Error> {
    let id = tx.new_id::<AccountId>().uuid();
    sql!(tx, "INSERT INTO seats (tenant_id, id, account_id) VALUES ($1, $2, $3)", id, account)
        .execute()
        .await?;
    tx.reserve_all(&[Reservation::account(account, "seats", 1)]).await?;
    Ok(id)
}

/// Frees a seat; `false` if it is free already.
async fn delete(tx: &mut TenantTx, id: Uuid, account: AccountId) -> Result<bool, Error> {
    let now = tx.now();
    let deleted = sql!(
        tx,
        "UPDATE seats SET deleted_at = $3 WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL",
        id,
        now
    );
    if deleted.execute().await? == 0 {
        return Ok(false);
    }
    tx.release_all(&[Reservation::account(account, "seats", 1)]).await?;
    Ok(true)
}

/// Takes a seat again that was freed; `false` if it is taken already.
async fn restore(tx: &mut TenantTx, id: Uuid, account: AccountId) -> Result<bool, Error> {
    let restored = sql!(
        tx,
        "UPDATE seats SET deleted_at = NULL WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NOT NULL",
        id
    );
    if restored.execute().await? == 0 {
        return Ok(false);
    }
    tx.reserve_all(&[Reservation::account(account, "seats", 1)]).await?;
    Ok(true)
}

async fn finish(mut workers: JoinSet<()>) {
    while let Some(result) = workers.join_next().await {
        result.unwrap();
    }
}

/// Fifty writers, each for the account that `account_of` its number names; how many seats each account got.
async fn race(
    office: &Arc<Office>,
    caller: &Caller,
    account_of: fn(usize) -> usize,
) -> BTreeMap<AccountId, usize> {
    let start = Arc::new(Barrier::new(50));
    let mut writers = JoinSet::new();
    for number in 0..50 {
        let (office, start, caller) = (Arc::clone(office), Arc::clone(&start), caller.clone());
        writers.spawn(async move {
            let account = office.accounts[account_of(number)];
            start.wait().await;
            let seated = office.seat(&caller, account).await;
            office.agrees(&caller).await;
            (account, seated)
        });
    }
    let mut got = BTreeMap::new();
    while let Some(result) = writers.join_next().await {
        match result.unwrap() {
            (account, Ok(_)) => *got.entry(account).or_default() += 1,
            (_, Err(error)) => assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error:?}"),
        }
    }
    got
}

async fn fifty_writers_take_the_last_ten_seats(world: World) {
    let office = Office::open(world).await;
    let caller = office.caller(&[(None, "seats", 15)]);
    for _ in 0..5 {
        office.seat(&caller, office.accounts[0]).await.unwrap();
    }
    let got = race(&office, &caller, |number| number % 3).await;
    assert_eq!(got.values().sum::<usize>(), 10);
    let counters = office.counters_and_rows().await;
    assert_eq!(counters[&office.world.harbour.id.uuid()], (15, 15));
}

async fn fifty_writers_meet_the_maximum_of_an_account_and_of_the_tenant(world: World) {
    let office = Office::open(world).await;
    let [small, large, _] = office.accounts;
    let caller = office.caller(&[(Some(small), "seats", 3)]);
    let got = race(&office, &caller, |number| number % 2).await;
    assert!(got.get(&small).is_none_or(|seats| *seats <= 3));
    assert_eq!(got.values().sum::<usize>(), 10);

    // Whoever is refused is told by whose maximum: with all seats of the tenant free again, it is the account's.
    office.world.test.as_owner("DELETE FROM seats; UPDATE usage_counters SET used = 0").await;
    let got = race(&office, &caller, |_| 0).await;
    assert_eq!(got, BTreeMap::from([(small, 3)]));
    let error = office.seat(&caller, small).await.unwrap_err();
    let details = error.details().unwrap();
    assert_eq!(details["account"], small.to_string());
    assert_eq!((&details["current"], &details["maximum"]), (&3.into(), &3.into()));
    let got = race(&office, &caller, |_| 1).await;
    assert_eq!(got, BTreeMap::from([(large, 7)]));
    let error = office.seat(&caller, large).await.unwrap_err();
    assert_eq!(error.details().unwrap()["maximum"], 10);
}

/// Seats, frees, seats again, undoes and drops, by many at once; each step is drawn from a seed.
async fn use_equals_rows_at_every_moment(world: World) {
    let office = Office::open(world).await;
    let [small, _, _] = office.accounts;
    let caller = office.caller(&[(Some(small), "seats", 3)]);
    let mut workers = JoinSet::new();
    for seed in 0..20 {
        let (office, caller) = (Arc::clone(&office), caller.clone());
        workers.spawn(async move {
            let mut random = StdRng::seed_from_u64(seed);
            let mut own: Vec<(Uuid, AccountId)> = Vec::new();
            for _ in 0..15 {
                let mut tx = office.write(&caller).await;
                let chosen = (!own.is_empty()).then(|| own[random.random_range(0..own.len())]);
                let account = office.accounts[random.random_range(0..3)];
                let mut made = None;
                let done = match (random.random_range(0..10), chosen) {
                    (0..3, Some((id, account))) => delete(&mut tx, id, account).await,
                    (3..6, Some((id, account))) => restore(&mut tx, id, account).await,
                    _ => insert(&mut tx, account).await.map(|id| {
                        made = Some((id, account));
                        true
                    }),
                };
                match done {
                    Ok(_) => match random.random_range(0..10) {
                        0 => tx.rollback().await.unwrap(),
                        1 => drop(tx),
                        _ => {
                            tx.commit().await.unwrap();
                            own.extend(made);
                        }
                    },
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error:?}");
                        // Who goes on all the same gets nothing.
                        if random.random_bool(0.5) {
                            assert_eq!(tx.commit().await.unwrap_err().kind(), ErrorKind::Internal);
                        } else {
                            drop(tx);
                        }
                    }
                }
                office.agrees(&caller).await;
            }
        });
    }
    finish(workers).await;
    office.agrees(&caller).await;
    assert!(office.counters_and_rows().await.len() > 1, "somebody was seated");
}

async fn many_limits_in_any_order_are_taken_all_or_none(world: World) {
    let office = Office::open(world).await;
    let [small, _, _] = office.accounts;
    let caller = office.caller(&[(None, "seats", 60), (None, "desks", 100), (Some(small), "desks", 20)]);
    let start = Arc::new(Barrier::new(30));
    let mut writers = JoinSet::new();
    for seed in 0..30 {
        let (office, start, caller) = (Arc::clone(&office), Arc::clone(&start), caller.clone());
        writers.spawn(async move {
            let mut random = StdRng::seed_from_u64(seed);
            let mut wanted: Vec<Reservation> = Vec::new();
            for account in office.accounts {
                wanted.push(Reservation::account(account, "seats", 1));
                wanted.push(Reservation::account(account, "desks", random.random_range(0..3)));
            }
            wanted.push(Reservation::tenant("desks", 1));
            wanted.shuffle(&mut random);
            start.wait().await;
            let mut tx = office.write(&caller).await;
            match tx.reserve_all(&wanted).await {
                Ok(()) => tx.commit().await.unwrap(),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error:?}");
                    return Vec::new();
                }
            }
            // And back again, in another order.
            if random.random_bool(0.3) {
                wanted.shuffle(&mut random);
                let mut tx = office.write(&caller).await;
                tx.release_all(&wanted).await.unwrap();
                tx.commit().await.unwrap();
                return Vec::new();
            }
            wanted
        });
    }
    let mut expected: BTreeMap<(&str, Option<AccountId>), u64> = BTreeMap::new();
    while let Some(taken) = writers.join_next().await {
        for Reservation { limit, account, amount } in taken.unwrap() {
            *expected.entry((limit, None)).or_default() += amount;
            if account.is_some() {
                *expected.entry((limit, account)).or_default() += amount;
            }
        }
    }
    assert!(expected.len() == 8, "somebody got what they wanted");
    let mut tx = office.world.test.database.tenant(&caller).read().await.unwrap();
    for ((limit, account), amount) in expected {
        assert_eq!(tx.used_by(limit, account).await.unwrap(), amount, "{limit} {account:?}");
        assert!(caller.entitlements_of(account).limit(limit).maximum.holds(amount));
    }
}

/// Compares the counters of seats with the rows, as an application does it.
async fn recount(office: &Office) -> Vec<Drift> {
    let mut tx = office.write(&office.system()).await;
    let mut drift = Vec::new();
    for account in office.accounts.into_iter().map(Some).chain([None]) {
        let held = tx.hold_counter("seats", account).await.unwrap();
        let rows = sql!(
            tx,
            "SELECT count(*) AS present FROM seats WHERE tenant_id = $1 AND deleted_at IS NULL
             AND ($2 IS NULL OR account_id = $2)",
            account
        );
        let rows: i64 = rows.row().await.unwrap().get("present").unwrap();
        drift.extend(tx.mend_counter(held, rows.unsigned_abs()).await.unwrap());
    }
    tx.commit().await.unwrap();
    drift
}

async fn a_recount_of_an_own_table_mends_drift(world: World) {
    let office = Office::open(world).await;
    let caller = office.caller(&[]);
    let [first, second, _] = office.accounts;
    for account in [first, first, second] {
        office.seat(&caller, account).await.unwrap();
    }
    assert_eq!(recount(&office).await, []);
    office.world.test.as_owner("UPDATE usage_counters SET used = 10 WHERE limit_key = 'seats'").await;
    assert_eq!(office.seat(&caller, first).await.unwrap_err().kind(), ErrorKind::LimitExceeded);
    let drift = |account, counted, rows| Drift { limit: "seats", account, counted, rows };
    // The third account was made a counter by the recount before.
    assert_eq!(
        recount(&office).await,
        [
            drift(Some(first), 10, 2),
            drift(Some(second), 10, 1),
            drift(Some(office.accounts[2]), 10, 0),
            drift(None, 10, 3)
        ]
    );
    assert_eq!(recount(&office).await, []);
    // Rows that nobody counted, also where there is no counter yet.
    let gone = "DELETE FROM usage_counters WHERE limit_key = 'seats'";
    office.world.test.as_owner(gone).await;
    assert_eq!(
        recount(&office).await,
        [drift(Some(first), 0, 2), drift(Some(second), 0, 1), drift(None, 0, 3)]
    );
    office.seat(&caller, first).await.unwrap();
    office.agrees(&caller).await;

    let mut tx = office.write(&caller).await;
    assert_eq!(tx.hold_counter("seats", None).await.unwrap_err().kind(), ErrorKind::Forbidden);
}

async fn a_recount_mends_drift_while_others_write(world: World) {
    let office = Office::open(world).await;
    let caller = office.caller(&[(None, "seats", 1000)]);
    for account in office.accounts {
        office.seat(&caller, account).await.unwrap();
    }
    let planted = "UPDATE usage_counters SET used = used + 7 WHERE limit_key = 'seats'";
    office.world.test.as_owner(planted).await;
    let start = Arc::new(Barrier::new(11));
    let mut workers = JoinSet::new();
    for seed in 0..10 {
        let (office, start, caller) = (Arc::clone(&office), Arc::clone(&start), caller.clone());
        workers.spawn(async move {
            let mut random = StdRng::seed_from_u64(seed);
            start.wait().await;
            for _ in 0..10 {
                let account = office.accounts[random.random_range(0..3)];
                let id = office.seat(&caller, account).await.unwrap();
                if random.random_bool(0.5) {
                    let mut tx = office.write(&caller).await;
                    assert!(delete(&mut tx, id, account).await.unwrap());
                    tx.commit().await.unwrap();
                }
            }
        });
    }
    start.wait().await;
    let mended = recount(&office).await;
    assert_eq!(mended.len(), 4);
    assert!(mended.iter().all(|drift| drift.counted == drift.rows + 7), "{mended:?}");
    for _ in 0..5 {
        assert_eq!(recount(&office).await, []);
    }
    finish(workers).await;
    office.agrees(&caller).await;
}
