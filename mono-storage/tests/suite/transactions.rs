use super::{create, new_account};
use mono_core::ErrorKind;
use mono_core::caller::{Caller, SystemReason};
use mono_core::model::account::{AccountChange, AccountFilter};
use mono_core::page::PageRequest;
use mono_core::text::Name;
use mono_storage::bus::Tag;
use mono_storage::db::{Database, DatabaseOptions};
use mono_storage::sql;
use mono_storage::testkit::{Backend, World};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

mono_storage::conformance!(
    a_caller_without_a_tenant_gets_no_transaction,
    a_reading_transaction_cannot_write,
    a_transaction_with_a_failed_statement_cannot_be_committed,
    of_equal_versions_one_writer_wins,
    connections_that_the_server_ended_cost_no_request,
    a_commit_whose_answer_is_lost_is_told_all_the_same,
    moments_and_ids_survive_the_round_trip,
);

async fn a_caller_without_a_tenant_gets_no_transaction(world: World) {
    let system = Caller::system(SystemReason::Seed);
    let error = world.test.database.tenant(&system).read().await.err().unwrap();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Validation, "tenant_required"));
}

async fn a_reading_transaction_cannot_write(world: World) {
    let mut tx = world.test.database.tenant(&world.harbour.admin).read().await.unwrap();
    assert!(tx.accounts().create(new_account("First")).await.is_err());
}

async fn a_transaction_with_a_failed_statement_cannot_be_committed(world: World) {
    let admin = &world.harbour.admin;
    create(&world, admin, "First").await.unwrap();
    let mut tx = world.test.database.tenant(admin).write().await.unwrap();
    tx.accounts().create(new_account("Second")).await.unwrap();
    assert_eq!(tx.accounts().create(new_account("First")).await.unwrap_err().code(), "slug_taken");
    assert_eq!(tx.commit().await.unwrap_err().kind(), ErrorKind::Internal);
    create(&world, admin, "Second").await.expect("the first attempt left nothing behind");
}

/// As after a restart of the database: nobody used the connections meanwhile, so that nobody has noticed.
async fn connections_that_the_server_ended_cost_no_request(world: World) {
    let (database, admin) = (&world.test.database, &world.harbour.admin);
    if world.test.backend == Backend::Sqlite {
        return;
    }
    let (mut of_tenant, mut of_platform) = (Vec::new(), Vec::new());
    let staff = Caller::system(SystemReason::Seed);
    for _ in 0..4 {
        of_tenant.push(database.tenant(admin).read().await.unwrap());
        of_platform.push(database.platform(&staff).read().await.unwrap());
    }
    drop(of_platform);
    for tenant in of_tenant {
        tenant.rollback().await.unwrap();
    }
    let others = "datname = current_database() AND pid <> pg_backend_pid()";
    world
        .test
        .as_owner(&format!("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {others}"))
        .await;
    database.ping().await.unwrap();
    let mut tx = database.tenant(admin).read().await.unwrap();
    tx.accounts().list(&AccountFilter::default(), PageRequest::default()).await.unwrap();
    database.platform(&staff).read().await.unwrap().catalogue().load().await.unwrap();
    create(&world, admin, "Afterwards").await.unwrap();
}

async fn a_commit_whose_answer_is_lost_is_told_all_the_same(world: World) {
    if world.test.backend == Backend::Sqlite {
        return;
    }
    let (admin, accounts) = (&world.harbour.admin, [(Some(world.harbour.id), &Tag::ACCOUNTS)]);
    let (login, rest) = world.test.url.rsplit_once('@').unwrap();
    let (server, name) = rest.split_once('/').unwrap();
    let is_cut = Arc::new(AtomicBool::new(false));
    let address = lose_commits(server.to_owned(), &is_cut);
    let options = DatabaseOptions::parse(&format!("{login}@{address}/{name}")).unwrap();
    let database = Database::connect(&options).await.unwrap();
    let stamp = database.bus().stamp(accounts);
    let mut tx = database.tenant(admin).write().await.unwrap();
    tx.accounts().create(new_account("Unheard")).await.unwrap();
    is_cut.store(true, Ordering::SeqCst);
    assert!(tx.commit().await.is_err());
    assert!(!database.bus().holds(&stamp), "what is kept of the accounts may be wrong");
    let taken = create(&world, admin, "Unheard").await.unwrap_err();
    assert_eq!(taken.code(), "slug_taken", "it is there");
}

/// Listens between clients and a server, and passes everything on; once it is cut, a connection ends in place of the answer
/// to a COMMIT.
fn lose_commits(server: String, is_cut: &Arc<AtomicBool>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, is_cut) = (listener.local_addr().unwrap(), Arc::clone(is_cut));
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(&server).unwrap());
            let (back, forth) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            let (is_cut, is_lost) = (Arc::clone(&is_cut), Arc::new(AtomicBool::new(false)));
            let loses = Arc::clone(&is_lost);
            pass(client, forth, move |asked| {
                let commits = asked.windows(6).any(|word| word == b"COMMIT");
                loses.fetch_or(commits && is_cut.load(Ordering::SeqCst), Ordering::SeqCst);
                true
            });
            pass(server, back, move |_| !is_lost.load(Ordering::SeqCst));
        }
    });
    address
}

/// Passes on what comes, until something may not pass.
fn pass(mut from: TcpStream, mut to: TcpStream, may_pass: impl Fn(&[u8]) -> bool + Send + 'static) {
    std::thread::spawn(move || {
        let mut bytes = [0; 1 << 14];
        while let Ok(length @ 1..) = from.read(&mut bytes) {
            if !may_pass(&bytes[..length]) || to.write_all(&bytes[..length]).is_err() {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    });
}

async fn of_equal_versions_one_writer_wins(world: World) {
    let account = create(&world, &world.harbour.admin, "First").await.unwrap();
    let world = Arc::new(world);
    let mut writers = tokio::task::JoinSet::new();
    for i in 0..20 {
        let world = Arc::clone(&world);
        writers.spawn(async move {
            let mut tx = world.test.database.tenant(&world.harbour.admin).write().await?;
            let name = Some(Name::parse(&format!("Name {i}"))?);
            tx.accounts()
                .update(account.id, AccountChange { version: Some(1), name, ..Default::default() })
                .await?;
            tx.commit().await
        });
    }
    let results = writers.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(
        results
            .iter()
            .filter_map(|result| result.as_ref().err())
            .all(|error| error.code() == "stale_version")
    );
}

async fn moments_and_ids_survive_the_round_trip(world: World) {
    let account = create(&world, &world.harbour.admin, "First").await.unwrap();
    let mut tx = world.test.database.tenant(&world.harbour.admin).read().await.unwrap();
    // What was written can be found by the value that came back.
    let rows = sql!(
        tx,
        "SELECT id FROM accounts WHERE tenant_id = $1 AND created_at = $2 AND id = $3",
        account.created_at,
        account.id
    )
    .rows()
    .await
    .unwrap();
    assert_eq!(rows.len(), 1);
}
