//! A walk by chance through the stores and the marina's own tables, in two tenants at once, beside a model that says what
//! each of them may see. `MONO_TEST_STEPS` sets how long it is, `MONO_TEST_SEED` which one.

use examples::marina_crm::{Berth, BerthId, Interest, InterestId};
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::{AccountId, AssignmentId, MemberId};
use mono_core::model::account::{AccountChange, AccountFilter, AccountType, NewAccount};
use mono_core::page::PageRequest;
use mono_core::permission::{Role, Scope};
use mono_core::text::{Name, Slug};
use mono_core::{Error, ErrorKind};
use mono_storage::db::TenantTx;
use mono_storage::store::NewAssignment;
use mono_storage::testkit::{Backend, TenantWorld, World};
use mono_storage::{platform_sql, sql};
use std::collections::{BTreeMap, BTreeSet};

/// A few names for many things: they are taken in both tenants, and again and again in each.
const NAMES: [&str; 6] = ["North", "East", "South", "West", "Inner", "Outer"];

/// Something that has a name, a version, and may be deleted.
#[derive(Clone)]
struct Thing {
    name: &'static str,
    version: i64,
    deleted: bool,
}

/// What is true of one tenant.
#[derive(Default)]
struct Model {
    accounts: BTreeMap<AccountId, Thing>,
    berths: BTreeMap<BerthId, Thing>,
    interests: BTreeMap<InterestId, BerthId>,
    roles: BTreeSet<&'static str>,
    assignments: BTreeMap<AssignmentId, &'static str>,
    audited: i64,
    crew: Option<MemberId>,
}

/// A thing that the walk does wrong on purpose, to see that it is found.
#[derive(Clone, Copy, PartialEq)]
enum Mutation {
    None,
    /// The list of berths lost its predicate.
    PredicateDropped,
    /// A member of one tenant is served in the transaction of the other.
    WrongTenant,
}

struct Walk {
    world: World,
    models: [Model; 2],
    state: u64,
    mutation: Mutation,
}

/// How many of a thing there are that are not deleted, and whether one of them has this name.
fn live<I>(things: &BTreeMap<I, Thing>, name: &str) -> (usize, bool) {
    let live = things.values().filter(|thing| !thing.deleted);
    (live.clone().count(), live.clone().any(|thing| thing.name == name))
}

/// What an attempt to take a name and a place of a limit should answer.
fn expected<I>(things: &BTreeMap<I, Thing>, name: &str, maximum: usize, taken: &str) -> Option<String> {
    match live(things, name) {
        (_, true) => Some(taken.to_owned()),
        (count, false) if count >= maximum => Some("limit_exceeded".to_owned()),
        _ => None,
    }
}

fn code<T>(result: &Result<T, Error>) -> Option<String> {
    result.as_ref().err().map(|error| match error.kind() {
        ErrorKind::LimitExceeded => "limit_exceeded".to_owned(),
        _ => error.code().to_owned(),
    })
}

impl Walk {
    fn new(world: World, seed: u64, mutation: Mutation) -> Self {
        Self { world, models: Default::default(), state: seed | 1, mutation }
    }

    /// xorshift64: the same steps for the same seed.
    fn below(&mut self, end: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state % u64::try_from(end).unwrap()).unwrap()
    }

    fn name(&mut self) -> &'static str {
        NAMES[self.below(NAMES.len())]
    }

    /// One of these, of whichever tenant; now and then one that nobody has.
    fn any<I: Copy>(&mut self, ids: impl Fn(&Model) -> Vec<I>, nobody: I) -> I {
        let mut all = ids(&self.models[0]);
        all.extend(ids(&self.models[1]));
        all.push(nobody);
        all[self.below(all.len())]
    }

    fn tenant(&self, side: usize) -> &TenantWorld {
        if side == 0 { &self.world.harbour } else { &self.world.lagoon }
    }

    async fn write(&self, side: usize) -> TenantTx {
        let side = if self.mutation == Mutation::WrongTenant { 0 } else { side };
        self.world.test.database.tenant(&self.tenant(side).admin).write().await.unwrap()
    }

    async fn step(&mut self) {
        let side = self.below(2);
        match self.below(12) {
            0 | 1 => self.create_account(side).await,
            2 | 3 => self.change_account(side).await,
            4 | 5 => self.create_berth(side).await,
            6 | 7 => self.change_berth(side).await,
            8 => self.create_interest(side).await,
            9 => self.change_role(side).await,
            10 => self.change_assignment(side).await,
            _ => self.look(side).await,
        }
    }

    async fn create_account(&mut self, side: usize) {
        let name = self.name();
        let new = NewAccount {
            name: Name::parse(name).unwrap(),
            slug: Slug::suggest(name).unwrap(),
            account_type: AccountType::Business,
            email: None,
        };
        let maximum = if side == 0 { 5 } else { usize::MAX };
        let should = expected(&self.models[side].accounts, name, maximum, "slug_taken");
        let mut tx = self.write(side).await;
        let result = tx.accounts().create(new).await;
        assert_eq!(code(&result), should, "create account {name} in {side}");
        if let Ok(account) = result {
            tx.commit().await.unwrap();
            let model = &mut self.models[side];
            model.accounts.insert(account.id, Thing { name, version: 1, deleted: false });
            model.audited += 1;
        }
    }

    async fn change_account(&mut self, side: usize) {
        let id = self.any(|model| model.accounts.keys().copied().collect(), AccountId::from_u128(1));
        let (kind, name) = (self.below(4), self.name());
        let maximum = if side == 0 { 5 } else { usize::MAX };
        let model = &self.models[side];
        let own = model.accounts.get(&id).cloned();
        let not_found = || Some("not_found".to_owned());
        let should = match (&own, kind) {
            (Some(thing), 3) if thing.deleted => expected(&model.accounts, thing.name, maximum, "slug_taken"),
            (Some(thing), 1) if !thing.deleted && thing.name != name => {
                live(&model.accounts, name).1.then(|| "slug_taken".to_owned())
            }
            (Some(thing), 0..=2) if !thing.deleted => None,
            _ => not_found(),
        };
        let mut tx = self.write(side).await;
        let change = AccountChange {
            name: Some(Name::parse(name).unwrap()),
            slug: Some(Slug::suggest(name).unwrap()),
            ..AccountChange::default()
        };
        let result = match kind {
            0 => tx.accounts().get(id).await.map(|_| ()),
            1 => tx.accounts().update(id, change).await.map(|_| ()),
            2 => tx.accounts().delete(id).await,
            _ => tx.accounts().restore(id).await.map(|_| ()),
        };
        assert_eq!(code(&result), should, "account {id} in {side}, operation {kind}");
        let (Ok(()), Some(mut thing)) = (result, own) else { return };
        tx.commit().await.unwrap();
        let changes = kind > 1 || kind == 1 && thing.name != name;
        thing.version += i64::from(changes);
        thing.name = if kind == 1 { name } else { thing.name };
        thing.deleted = kind == 2;
        let model = &mut self.models[side];
        model.accounts.insert(id, thing);
        model.audited += i64::from(changes);
    }

    async fn create_berth(&mut self, side: usize) {
        let name = self.name();
        let maximum = if side == 0 { 2 } else { usize::MAX };
        let should = expected(&self.models[side].berths, name, maximum, "already_exists");
        let mut tx = self.write(side).await;
        let berth = Berth { name: Name::parse(name).unwrap(), length_cm: 900 };
        let result = tx.entities::<Berth>().create(berth).await;
        assert_eq!(code(&result), should, "create berth {name} in {side}");
        if let Ok(berth) = result {
            tx.commit().await.unwrap();
            let model = &mut self.models[side];
            model.berths.insert(berth.id, Thing { name, version: 1, deleted: false });
            model.audited += 1;
        }
    }

    async fn change_berth(&mut self, side: usize) {
        let id = self.any(|model| model.berths.keys().copied().collect(), BerthId::from_u128(1));
        let (kind, name, stale) = (self.below(4), self.name(), self.below(4) == 0);
        let maximum = if side == 0 { 2 } else { usize::MAX };
        let model = &self.models[side];
        let own = model.berths.get(&id).cloned();
        let should = match (&own, kind) {
            (Some(thing), 3) if thing.deleted => {
                expected(&model.berths, thing.name, maximum, "already_exists")
            }
            (Some(thing), 1) if !thing.deleted && stale => Some("stale_version".to_owned()),
            (Some(thing), 1) if !thing.deleted && thing.name != name => {
                live(&model.berths, name).1.then(|| "already_exists".to_owned())
            }
            (Some(thing), 0..=2) if !thing.deleted => None,
            _ => Some("not_found".to_owned()),
        };
        let seen = own.as_ref().map_or(1, |thing| thing.version) + i64::from(stale);
        let berth = Berth { name: Name::parse(name).unwrap(), length_cm: 900 };
        let mut tx = self.write(side).await;
        let berths = tx.entities::<Berth>();
        let result = match kind {
            0 => berths.get(id).await.map(|_| ()),
            1 => berths.update(id, seen, berth).await.map(|_| ()),
            2 => berths.delete(id).await,
            _ => berths.restore(id).await.map(|_| ()),
        };
        assert_eq!(code(&result), should, "berth {id} in {side}, operation {kind}");
        let (Ok(()), Some(mut thing)) = (result, own) else { return };
        tx.commit().await.unwrap();
        let changes = kind > 1 || kind == 1 && thing.name != name;
        thing.version += i64::from(changes);
        thing.name = if kind == 1 { name } else { thing.name };
        thing.deleted = kind == 2;
        let model = &mut self.models[side];
        model.berths.insert(id, thing);
        model.audited += i64::from(changes);
    }

    async fn create_interest(&mut self, side: usize) {
        let berth_id = self.any(|model| model.berths.keys().copied().collect(), BerthId::from_u128(1));
        let is_own = self.models[side].berths.contains_key(&berth_id);
        let mut tx = self.write(side).await;
        let interest = Interest { berth_id, boat: Name::parse("Albatros").unwrap(), note: None };
        let result = tx.entities::<Interest>().create(interest).await;
        let should = (!is_own).then(|| "reference_missing".to_owned());
        assert_eq!(code(&result), should, "an interest in the berth {berth_id} from {side}");
        if let Ok(interest) = result {
            tx.commit().await.unwrap();
            let model = &mut self.models[side];
            model.interests.insert(interest.id, berth_id);
            model.audited += 1;
        }
    }

    async fn change_role(&mut self, side: usize) {
        let key = ["watch", "crew", "guest"][self.below(3)];
        let has = self.models[side].roles.contains(key);
        let mut tx = self.write(side).await;
        if has {
            let assigned: Vec<_> =
                self.models[side].assignments.values().filter(|role| **role == key).collect();
            if !assigned.is_empty() {
                return; // What becomes of those who hold it is another question.
            }
            tx.roles().delete(key).await.unwrap();
            self.models[side].roles.remove(key);
        } else {
            tx.roles().create(Role::new(key).allow(["tenant.berths.read"])).await.unwrap();
            self.models[side].roles.insert(key);
        }
        tx.commit().await.unwrap();
        self.models[side].audited += 1;
    }

    async fn change_assignment(&mut self, side: usize) {
        let tenant = self.tenant(side).id;
        // Nobody takes a role from themselves.
        let member = self.models[side].crew.unwrap();
        let held: Vec<_> = self.models[side].assignments.keys().copied().collect();
        let id = self.any(|model| model.assignments.keys().copied().collect(), AssignmentId::from_u128(1));
        let role = ["watch", "crew", "guest"][self.below(3)];
        let mut tx = self.write(side).await;
        if self.below(2) == 0 {
            let result = tx.assignments().revoke(id).await;
            let should = (!held.contains(&id)).then(|| "not_found".to_owned());
            assert_eq!(code(&result), should, "assignment {id} in {side}");
            if result.is_ok() {
                tx.commit().await.unwrap();
                self.models[side].assignments.remove(&id);
                self.models[side].audited += 1;
            }
            return;
        }
        let known = self.models[side].roles.contains(role);
        let again = self.models[side].assignments.values().any(|held| *held == role);
        let result = tx.assignments().assign(NewAssignment::new(member, role, Scope::tenant(tenant))).await;
        assert_eq!(result.is_ok(), known && !again, "the role {role} in {side}: {:?}", code(&result));
        if let Ok(assignment) = result {
            tx.commit().await.unwrap();
            self.models[side].assignments.insert(assignment.id.unwrap(), role);
            self.models[side].audited += 1;
        }
    }

    /// Everything that a tenant sees is what its model has, and nothing else.
    async fn look(&mut self, side: usize) {
        let page = PageRequest::parse(None, Some(100)).unwrap();
        let model = &self.models[side];
        let mut tx = self.write(side).await;
        let accounts = tx.accounts().list(&AccountFilter::default(), page).await.unwrap().items;
        let seen: BTreeMap<_, _> =
            accounts.iter().map(|account| (account.id, (account.name.as_str(), account.version))).collect();
        assert_eq!(seen, shown(&model.accounts), "accounts of {side}");
        let berths = tx.entities::<Berth>().list(page).await.unwrap();
        let seen: BTreeMap<_, _> = berths
            .items
            .iter()
            .map(|berth| (berth.id, (berth.fields.name.as_str(), berth.version)))
            .collect();
        assert_eq!(seen, shown(&model.berths), "berths of {side}");
        assert_eq!(berths.pagination.total, shown(&model.berths).len() as u64);
        let interests = tx.entities::<Interest>().list(page).await.unwrap();
        assert_eq!(interests.pagination.total, model.interests.len() as u64, "interests of {side}");
        assert!(
            interests.items.iter().all(|seen| model.interests.get(&seen.id) == Some(&seen.fields.berth_id))
        );
        let roles: BTreeSet<_> =
            tx.roles().list().await.unwrap().iter().map(|role| role.key.clone()).collect();
        assert_eq!(roles, model.roles.iter().map(|key| (*key).to_owned()).collect(), "roles of {side}");
        for (limit, count) in
            [("accounts", live(&model.accounts, "").0), ("berths", live(&model.berths, "").0)]
        {
            assert_eq!(tx.used(limit).await.unwrap(), count as u64, "{limit} of {side}");
        }
        let rows = sql!(
            tx,
            "SELECT count(*) AS total FROM audit_log
             WHERE tenant_id = $1 AND entity IN ('account', 'berth', 'interest', 'role', 'assignment')"
        );
        let total: i64 = rows.row().await.unwrap().get("total").unwrap();
        assert_eq!(total, model.audited, "what was audited in {side}");
        drop(tx);
        self.look_past_the_predicate(side).await;
    }

    /// The second wall: what the application's login sees without any predicate.
    async fn look_past_the_predicate(&self, side: usize) {
        let (tenant, model) = (self.tenant(side).id, &self.models[side]);
        if self.mutation == Mutation::PredicateDropped {
            let system = Caller::system(SystemReason::Inspection);
            let mut tx = self.world.test.database.platform(&system).read().await.unwrap();
            let rows = platform_sql!(tx, "SELECT id FROM berths").rows().await.unwrap();
            assert_eq!(rows.len(), model.berths.len(), "berths of {side}, asked without the tenant");
        }
        if self.world.test.backend == Backend::Sqlite {
            return;
        }
        for (table, rows) in [
            ("accounts", model.accounts.len()),
            ("berths", model.berths.len()),
            ("interests", model.interests.len()),
            ("tenant_roles", model.roles.len()),
            ("assignments", model.assignments.len()),
            ("members", 2),
        ] {
            let seen = self.world.test.as_application(tenant, &format!("SELECT * FROM {table}")).await;
            assert_eq!(seen, rows as u64, "{table} of {side}, asked without the tenant");
        }
    }
}

fn shown<I: Copy + Ord>(things: &BTreeMap<I, Thing>) -> BTreeMap<I, (&'static str, i64)> {
    let live = things.iter().filter(|(_, thing)| !thing.deleted);
    live.map(|(id, thing)| (*id, (thing.name, thing.version))).collect()
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap())
}

async fn walk(world: World, steps: u64, mutation: Mutation) {
    let mut walk = Walk::new(world, setting("MONO_TEST_SEED", 0x6d6f_6e6f), mutation);
    for side in [0, 1] {
        let email = format!("crew{side}@ports.example");
        walk.models[side].crew = Some(walk.world.member(walk.tenant(side), &email).await.1);
    }
    for _ in 0..steps {
        walk.step().await;
    }
    for side in [0, 1] {
        walk.look(side).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tenant_sees_what_its_model_has_on_sqlite() {
    let world = super::world(Backend::Sqlite).await.unwrap();
    walk(world, setting("MONO_TEST_STEPS", 1_000), Mutation::None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tenant_sees_what_its_model_has_on_postgres() {
    let Some(world) = super::world(Backend::Postgres).await else { return };
    walk(world, setting("MONO_TEST_STEPS", 1_000), Mutation::None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_mixes_tenants_is_found() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        for mutation in [Mutation::PredicateDropped, Mutation::WrongTenant] {
            let Some(world) = super::world(backend).await else { continue };
            assert!(tokio::spawn(walk(world, 300, mutation)).await.is_err(), "nothing was found");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_mixes_tenants_is_found() {
    for hole in [
        "ALTER TABLE berths DISABLE ROW LEVEL SECURITY",
        "ALTER POLICY tenant_isolation ON berths USING (true)",
        "DROP POLICY tenant_isolation ON berths",
        "CREATE POLICY more ON assignments USING (true)",
        "ALTER TABLE accounts DISABLE ROW LEVEL SECURITY",
    ] {
        let Some(world) = super::world(Backend::Postgres).await else { return };
        world.test.as_owner(hole).await;
        assert!(tokio::spawn(walk(world, 300, Mutation::None)).await.is_err(), "{hole}");
    }
}
