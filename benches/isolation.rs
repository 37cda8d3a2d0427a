//! What the walls between tenants cost, and whether a list stays flat: `cargo bench -p benches --bench isolation -- [ROWS]`,
//! by default 2,000,000 rows in the largest tenant.
//!
//! SQLite always runs; PostgreSQL where `MONO_TEST_POSTGRES_URL` names a server on which databases may be made. Whatever
//! is compared is asked in turns, so that whatever else the machine does falls on all alike.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use mono_core::caller::{Caller, SystemReason};
use mono_core::id::{AccountId, TenantId};
use mono_core::model::account::{AccountFilter, AccountSort};
use mono_core::page::{PageRequest, SliceRequest};
use mono_core::text::{Name, Slug};
use mono_storage::testkit::{Backend, World};
use sqlx::{Connection, PgConnection, PgPool};
use std::time::{Duration, Instant};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// How often each thing is asked.
const TIMES: usize = 2_000;
/// How many rows the tenants of the flat list have, but for the largest.
const SIZES: [i64; 2] = [10_000, 200_000];

const COLUMNS: &str =
    "tenant_id, id, slug, name, account_type, status, email, version, created_at, updated_at";

#[tokio::main]
async fn main() -> Outcome {
    let largest = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(2_000_000);
    for backend in [Backend::Sqlite, Backend::Postgres] {
        mono_storage::testkit::run(backend, async |world| {
            println!("\n{}", backend.name());
            if let Err(error) = measure(world, largest).await {
                println!("{}: {error}", backend.name());
            }
        })
        .await;
    }
    Ok(())
}

async fn measure(world: World, largest: i64) -> Outcome {
    let tenants = fill(&world, largest).await?;
    if let (Some((_, tenant)), Some(owner)) = (tenants.first(), &world.test.owner_url) {
        walls(&world, owner, *tenant).await?;
    }
    lists(&world, &tenants).await
}

/// Makes a tenant of each size, with accounts.
async fn fill(world: &World, largest: i64) -> Outcome<Vec<(i64, TenantId)>> {
    let system = Caller::system(SystemReason::Seed);
    let mut tenants = Vec::new();
    for rows in SIZES.into_iter().chain([largest]) {
        let slug = format!("of-{rows}");
        let mut tx = world.test.database.platform(&system).write().await?;
        let tenant = tx.tenants().create(&Slug::parse(&slug)?, &Name::parse(&slug)?).await?.id;
        tx.commit().await?;
        world.test.as_owner(&accounts(world.test.backend, tenant, rows)).await;
        tenants.push((rows, tenant));
    }
    world.test.as_owner("ANALYZE").await;
    Ok(tenants)
}

/// The statements that make many accounts, as the owner of the tables: one every second, and the counter beside them.
fn accounts(backend: Backend, tenant: TenantId, rows: i64) -> String {
    let hex = tenant.uuid().simple();
    match backend {
        Backend::Postgres => format!(
            "INSERT INTO accounts ({COLUMNS}, name_norm)
             SELECT '{tenant}', gen_random_uuid(), 'a' || n, 'Account ' || n, 'business', 'active', NULL, 1,
                 timestamptz '2020-01-01' + n * interval '1 second', timestamptz '2020-01-01', 'account ' || n
             FROM generate_series(1, {rows}) AS n;
             INSERT INTO usage_counters (tenant_id, holder_id, limit_key, window_start, used)
             VALUES ('{tenant}', '{tenant}', 'accounts', timestamptz '1970-01-01', {rows});"
        ),
        Backend::Sqlite => format!(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {rows})
             INSERT INTO accounts ({COLUMNS}, name_norm)
             SELECT x'{hex}', randomblob(16), 'a' || n, 'Account ' || n, 'business', 'active', NULL, 1,
                 strftime('%Y-%m-%dT%H:%M:%S.000000Z', 1577836800 + n, 'unixepoch'), '2020-01-01T00:00:00.000000Z',
                 'account ' || n
             FROM numbers;
             INSERT INTO usage_counters (tenant_id, holder_id, limit_key, window_start, used)
             VALUES (x'{hex}', x'{hex}', 'accounts', '1970-01-01T00:00:00.000000Z', {rows});"
        ),
    }
}

/// What row-level security adds to a predicate, and a pinned transaction to a statement.
async fn walls(world: &World, owner: &str, tenant: TenantId) -> Outcome {
    // The owner's login is a superuser: no policy holds it.
    let mut bare = PgConnection::connect(owner).await?;
    let mut walled = PgConnection::connect(&world.test.url).await?;
    let ids: Vec<uuid::Uuid> =
        sqlx::query_scalar("SELECT id FROM accounts WHERE tenant_id = $1 ORDER BY id LIMIT 1000")
            .bind(tenant.uuid())
            .fetch_all(&mut bare)
            .await?;
    let point = format!("SELECT {COLUMNS} FROM accounts WHERE tenant_id = $1 AND id = $2");
    let list = format!(
        "SELECT {COLUMNS} FROM accounts WHERE tenant_id = $1 AND deleted_at IS NULL AND id <> $2
         ORDER BY created_at DESC, id DESC LIMIT 20"
    );
    println!("| read, in one transaction | with the predicate alone | with row-level security too | ratio |");
    println!("| --- | --- | --- | --- |");
    for (name, text) in [("one row by its id", point.as_str()), ("20 newest", &list)] {
        let (mut alone, mut both) = (Vec::new(), Vec::new());
        begin(&mut bare, tenant).await?;
        begin(&mut walled, tenant).await?;
        for id in ids.iter().cycle().take(TIMES) {
            alone.push(ask(&mut bare, text, tenant, *id).await?);
            both.push(ask(&mut walled, text, tenant, *id).await?);
        }
        sqlx::raw_sql("COMMIT").execute(&mut bare).await?;
        sqlx::raw_sql("COMMIT").execute(&mut walled).await?;
        let (alone, both) = (median(alone), median(both));
        println!("| {name} | {alone:.1?} | {both:.1?} | {:.2} |", both.as_secs_f64() / alone.as_secs_f64());
    }
    whole_reads(world, owner, tenant, &ids, &point).await
}

/// A whole read through mono, from taking a connection to giving it back, beside one statement on its own.
async fn whole_reads(
    world: &World,
    owner: &str,
    tenant: TenantId,
    ids: &[uuid::Uuid],
    point: &str,
) -> Outcome {
    let options = sqlx::postgres::PgPoolOptions::new().test_before_acquire(false);
    let pool: PgPool = options.max_connections(4).connect(owner).await?;
    let caller = Caller::system_in(SystemReason::Seed, tenant);
    let (mut alone, mut pinned, mut plain) = (Vec::new(), Vec::new(), Vec::new());
    for id in ids.iter().cycle().take(TIMES) {
        let begun = Instant::now();
        let text = sqlx::AssertSqlSafe(point);
        sqlx::query(text).bind(tenant.uuid()).bind(id).fetch_one(&pool).await?;
        alone.push(begun.elapsed());

        let begun = Instant::now();
        let mut tx = world.test.database.tenant(&caller).read().await?;
        tx.accounts().get(AccountId::from_u128(id.as_u128())).await?;
        drop(tx);
        pinned.push(begun.elapsed());

        let begun = Instant::now();
        let mut tx = pool.begin().await?;
        sqlx::query("SELECT set_config('app.current_tenant_id', $1, true)")
            .bind(tenant.to_string())
            .execute(&mut *tx)
            .await?;
        let text = sqlx::AssertSqlSafe(point);
        sqlx::query(text).bind(tenant.uuid()).bind(id).fetch_one(&mut *tx).await?;
        tx.commit().await?;
        plain.push(begun.elapsed());
    }
    let alone = median(alone);
    println!("\n| a whole read of one row | time | ratio |");
    println!("| --- | --- | --- |");
    for (name, time) in [
        ("one statement without a tenant", alone),
        ("mono: pinned transaction, permission, row", median(pinned)),
        ("BEGIN, set_config, the row, COMMIT", median(plain)),
    ] {
        println!("| {name} | {time:.1?} | {:.2} |", time.as_secs_f64() / alone.as_secs_f64());
    }
    Ok(())
}

async fn begin(connection: &mut PgConnection, tenant: TenantId) -> Outcome {
    let begin = sqlx::AssertSqlSafe(format!("BEGIN READ ONLY; SET LOCAL app.current_tenant_id = '{tenant}'"));
    sqlx::raw_sql(begin).execute(connection).await?;
    Ok(())
}

async fn ask(
    connection: &mut PgConnection,
    text: &str,
    tenant: TenantId,
    id: uuid::Uuid,
) -> Outcome<Duration> {
    let begun = Instant::now();
    let text = sqlx::AssertSqlSafe(text);
    sqlx::query(text).bind(tenant.uuid()).bind(id).fetch_all(connection).await?;
    Ok(begun.elapsed())
}

/// The 20 newest accounts of tenants of different sizes, as mono's store lists them.
async fn lists(world: &World, tenants: &[(i64, TenantId)]) -> Outcome {
    println!("\n| rows of the tenant | 20 newest by cursor | deep in the list | first page with its total |");
    println!("| --- | --- | --- | --- |");
    let filter = AccountFilter { sort: AccountSort::default(), ..AccountFilter::default() };
    let mut times = vec![[const { Vec::new() }; 3]; tenants.len()];
    let mut callers = Vec::new();
    for (rows, tenant) in tenants {
        let caller = Caller::system_in(SystemReason::Seed, *tenant);
        // A cursor in the middle of the list.
        let deep = "2020-01-01T00:00:00Z".parse::<mono_core::time::Timestamp>()?;
        let deep = mono_core::page::Cursor {
            created_at: deep + Duration::from_secs(rows.unsigned_abs() / 2),
            id: uuid::Uuid::max(),
        };
        callers.push((caller, deep));
    }
    for _ in 0..TIMES / 10 {
        for ((caller, deep), [first, middle, paged]) in callers.iter().zip(&mut times) {
            for (cursor, times) in [(None, first), (Some(deep.to_string()), middle)] {
                let slice = SliceRequest::parse(cursor.as_deref(), None)?;
                let begun = Instant::now();
                let mut tx = world.test.database.tenant(caller).read().await?;
                let slice = tx.accounts().list_after(&filter, slice).await?;
                drop(tx);
                times.push(begun.elapsed());
                assert_eq!(slice.items.len(), 20);
            }
            let begun = Instant::now();
            let mut tx = world.test.database.tenant(caller).read().await?;
            let page = tx.accounts().list(&filter, PageRequest::parse(None, None)?).await?;
            drop(tx);
            paged.push(begun.elapsed());
            assert_eq!(page.items.len(), 20);
        }
    }
    for ((rows, _), [first, middle, paged]) in tenants.iter().zip(times) {
        println!("| {rows} | {:.0?} | {:.0?} | {:.0?} |", median(first), median(middle), median(paged));
    }
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
