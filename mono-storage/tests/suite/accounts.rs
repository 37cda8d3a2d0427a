use super::{create, new_account};
use mono_core::caller::Caller;
use mono_core::model::account::{Account, AccountChange, AccountFilter, AccountSort, AccountStatus};
use mono_core::page::{Page, PageRequest};
use mono_core::permission::{Grant, Scope};
use mono_core::text::{Email, Name};
use mono_core::{Error, ErrorKind};
use mono_storage::testkit::World;

mono_storage::conformance!(
    an_account_reads_back,
    a_change_keeps_what_it_does_not_name,
    a_stale_version_is_a_conflict,
    a_deleted_account_is_gone_until_it_is_restored,
    a_slug_is_unique_among_the_living,
    search_is_literal_and_ignores_case,
    pages_and_orders_are_the_same_everywhere,
    without_the_permission_nothing_happens,
    a_role_in_one_account_reaches_that_account_only,
    a_list_shows_what_a_check_allows,
    a_page_is_kept_only_where_every_change_is_heard,
);

async fn get(world: &World, caller: &Caller, account: &Account) -> Result<Account, Error> {
    world.test.database.tenant(caller).read().await?.accounts().get(account.id).await
}

async fn update(
    world: &World,
    caller: &Caller,
    account: &Account,
    change: AccountChange,
) -> Result<Account, Error> {
    let mut tx = world.test.database.tenant(caller).write().await?;
    let account = tx.accounts().update(account.id, change).await?;
    tx.commit().await?;
    Ok(account)
}

async fn delete(world: &World, caller: &Caller, account: &Account) -> Result<(), Error> {
    let mut tx = world.test.database.tenant(caller).write().await?;
    tx.accounts().delete(account.id).await?;
    tx.commit().await
}

async fn restore(world: &World, caller: &Caller, account: &Account) -> Result<Account, Error> {
    let mut tx = world.test.database.tenant(caller).write().await?;
    let account = tx.accounts().restore(account.id).await?;
    tx.commit().await?;
    Ok(account)
}

async fn list(world: &World, filter: AccountFilter, page: PageRequest) -> Page<Account> {
    let mut tx = world.test.database.tenant(&world.lagoon.admin).read().await.unwrap();
    tx.accounts().list(&filter, page).await.unwrap()
}

fn names(page: &Page<Account>) -> Vec<&str> {
    page.items.iter().map(|account| account.name.as_str()).collect()
}

async fn an_account_reads_back(world: World) {
    let admin = &world.harbour.admin;
    let mut new = new_account("Åsa & Söhne");
    new.email = Some(Email::parse("Asa@Example.COM").unwrap());
    let mut tx = world.test.database.tenant(admin).write().await.unwrap();
    let made = tx.accounts().create(new).await.unwrap();
    tx.commit().await.unwrap();
    let read = get(&world, admin, &made).await.unwrap();
    assert_eq!(made, read);
    assert_eq!((read.name.as_str(), read.slug.as_str(), read.version), ("Åsa & Söhne", "asa-sohne", 1));
    assert_eq!(read.tenant_id, world.harbour.id);
    assert_eq!(read.created_at, read.updated_at);
}

async fn a_change_keeps_what_it_does_not_name(world: World) {
    let admin = &world.harbour.admin;
    let made = create(&world, admin, "First").await.unwrap();
    let address = Email::parse("a@b.co").unwrap();
    let change = AccountChange { email: Some(Some(address.clone())), ..Default::default() };
    let changed = update(&world, admin, &made, change).await.unwrap();
    assert_eq!((&changed.name, &changed.email, changed.version), (&made.name, &Some(address), 2));
    let change =
        AccountChange { email: Some(None), status: Some(AccountStatus::Suspended), ..Default::default() };
    let changed = update(&world, admin, &made, change).await.unwrap();
    assert_eq!((changed.email, changed.status, changed.version), (None, AccountStatus::Suspended, 3));
    assert_eq!(changed.created_at, made.created_at);
}

async fn a_stale_version_is_a_conflict(world: World) {
    let admin = &world.harbour.admin;
    let made = create(&world, admin, "First").await.unwrap();
    let rename = |version, name| AccountChange {
        version,
        name: Some(Name::parse(name).unwrap()),
        ..Default::default()
    };
    update(&world, admin, &made, rename(Some(1), "Second")).await.unwrap();
    let error = update(&world, admin, &made, rename(Some(1), "Third")).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "stale_version"));
    assert_eq!(error.details().unwrap()["currentVersion"], 2);
    assert_eq!(get(&world, admin, &made).await.unwrap().name.as_str(), "Second");
}

async fn a_deleted_account_is_gone_until_it_is_restored(world: World) {
    let admin = &world.harbour.admin;
    let made = create(&world, admin, "First").await.unwrap();
    assert_eq!(
        restore(&world, admin, &made).await.unwrap_err().kind(),
        ErrorKind::NotFound,
        "it is not deleted"
    );
    delete(&world, admin, &made).await.unwrap();
    for error in [
        get(&world, admin, &made).await.unwrap_err(),
        delete(&world, admin, &made).await.unwrap_err(),
        update(&world, admin, &made, AccountChange::default()).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
    let restored = restore(&world, admin, &made).await.unwrap();
    assert_eq!((restored.id, restored.version), (made.id, 3));
    assert_eq!(get(&world, admin, &made).await.unwrap(), restored);
}

async fn a_slug_is_unique_among_the_living(world: World) {
    let admin = &world.harbour.admin;
    let first = create(&world, admin, "Same").await.unwrap();
    let error = create(&world, admin, "Same").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "slug_taken"));
    create(&world, &world.lagoon.admin, "Same").await.expect("another tenant's slug is no obstacle");
    delete(&world, admin, &first).await.unwrap();
    let second = create(&world, admin, "Same").await.unwrap();
    let error = restore(&world, admin, &first).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "slug_taken"));
    let third = create(&world, admin, "Other").await.unwrap();
    let change = AccountChange { slug: Some(second.slug.clone()), ..Default::default() };
    assert_eq!(update(&world, admin, &third, change).await.unwrap_err().code(), "slug_taken");
}

async fn search_is_literal_and_ignores_case(world: World) {
    for name in ["Straße 100%", "strasse 100", "a_b", "axb", r"c\d", "ÅSA"] {
        let mut new = new_account(name);
        new.slug = mono_core::text::Slug::suggest(&format!("s {}", name.len())).unwrap_or(new.slug);
        new.slug = mono_core::text::Slug::parse(&format!("slug-{}", hex(name))).unwrap();
        let mut tx = world.test.database.tenant(&world.lagoon.admin).write().await.unwrap();
        tx.accounts().create(new).await.unwrap();
        tx.commit().await.unwrap();
    }
    let found = async |text: &str| {
        let filter =
            AccountFilter { search: Some(text.into()), sort: AccountSort::Name, ..Default::default() };
        let page = list(&world, filter, PageRequest::default()).await;
        names(&page).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(found("100%").await, ["Straße 100%"]);
    assert_eq!(found("A_B").await, ["a_b"]);
    assert_eq!(found(r"\").await, [r"c\d"]);
    assert_eq!(found("åsa").await, ["ÅSA"]);
    assert_eq!(found("A\u{30A}SA").await, ["ÅSA"], "composed and decomposed are the same");
    assert_eq!(found("'; DROP TABLE accounts; --").await, [""; 0]);
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

async fn pages_and_orders_are_the_same_everywhere(world: World) {
    for i in 0..25 {
        create(&world, &world.lagoon.admin, &format!("Account {i:02}")).await.unwrap();
    }
    let page = |page, limit| PageRequest::parse(Some(page), Some(limit)).unwrap();
    let by = |sort| AccountFilter { sort, ..Default::default() };
    let newest = list(&world, by(AccountSort::Newest), page(1, 3)).await;
    assert_eq!(names(&newest), ["Account 24", "Account 23", "Account 22"]);
    assert_eq!((newest.pagination.total, newest.pagination.total_pages), (25, 9));
    let oldest = list(&world, by(AccountSort::Oldest), page(9, 3)).await;
    assert_eq!(names(&oldest), ["Account 24"]);
    let by_name = list(&world, by(AccountSort::Name), page(2, 10)).await;
    assert_eq!((names(&by_name)[0], by_name.items.len()), ("Account 10", 10));
    let beyond = list(&world, by(AccountSort::Name), page(100, 100)).await;
    assert_eq!((beyond.items.len(), beyond.pagination.total), (0, 25));
    let none = AccountFilter { status: Some(AccountStatus::Archived), ..Default::default() };
    assert_eq!(list(&world, none, page(1, 1)).await.pagination.total, 0);
}

async fn without_the_permission_nothing_happens(world: World) {
    let made = create(&world, &world.harbour.admin, "First").await.unwrap();
    for caller in [&world.harbour.user, &world.harbour.nobody] {
        for error in [
            create(&world, caller, "Second").await.unwrap_err(),
            get(&world, caller, &made).await.unwrap_err(),
            update(&world, caller, &made, AccountChange::default()).await.unwrap_err(),
            delete(&world, caller, &made).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Forbidden);
            assert!(error.details().unwrap()["permission"].as_str().unwrap().starts_with("tenant.accounts."));
        }
    }
    assert_eq!(get(&world, &world.harbour.admin, &made).await.unwrap(), made);
}

async fn a_role_in_one_account_reaches_that_account_only(world: World) {
    let first = create(&world, &world.harbour.admin, "First").await.unwrap();
    let second = create(&world, &world.harbour.admin, "Second").await.unwrap();
    let caller = world.account_caller(&world.harbour, "tenant_admin", first.id);
    assert_eq!(get(&world, &caller, &first).await.unwrap(), first);
    assert_eq!(get(&world, &caller, &second).await.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(create(&world, &caller, "Third").await.unwrap_err().kind(), ErrorKind::Forbidden);
    let mut tx = world.test.database.tenant(&caller).read().await.unwrap();
    let page = tx.accounts().list(&AccountFilter::default(), PageRequest::default()).await.unwrap();
    assert_eq!((names(&page), page.pagination.total), (vec!["First"], 1));
}

/// A list shows exactly what a check of each account allows, whatever was given and forbidden.
async fn a_list_shows_what_a_check_allows(world: World) {
    let mut accounts = Vec::new();
    for i in 0..6 {
        accounts.push(create(&world, &world.lagoon.admin, &format!("Account {i}")).await.unwrap());
    }
    let tenant = world.lagoon.id;
    let at = |i: usize| Scope::account(tenant, accounts[i].id);
    let read = "tenant.accounts.read";
    let cases: [(&[Scope], &[Scope]); 6] = [
        (&[Scope::tenant(tenant)], &[]),
        (&[Scope::tenant(tenant)], &[at(0), at(3)]),
        (&[at(1), at(2)], &[]),
        (&[at(1), at(2)], &[at(2)]),
        (&[Scope::platform()], &[at(5)]),
        (&[Scope::account(world.harbour.id, accounts[0].id), at(4)], &[]),
    ];
    for (allowed, denied) in cases {
        let grants = allowed.iter().map(|scope| Grant::allow(read, *scope));
        let grants = grants.chain(denied.iter().map(|scope| Grant::deny(read, *scope))).collect();
        let caller = world.caller_with(&world.lagoon, grants);
        let mut expected = Vec::new();
        for account in &accounts {
            if get(&world, &caller, account).await.is_ok() {
                expected.push(account.id);
            }
        }
        let mut tx = world.test.database.tenant(&caller).read().await.unwrap();
        let filter = AccountFilter { sort: AccountSort::Oldest, ..Default::default() };
        let page = tx.accounts().list(&filter, PageRequest::default()).await.unwrap();
        let listed: Vec<_> = page.items.iter().map(|account| account.id).collect();
        assert_eq!(listed, expected, "allowed {allowed:?}, denied {denied:?}");
        assert_eq!(page.pagination.total, expected.len() as u64);
    }
    let caller = world.caller_with(&world.lagoon, vec![Grant::allow(read, Scope::tenant(world.harbour.id))]);
    let mut tx = world.test.database.tenant(&caller).read().await.unwrap();
    let error = tx.accounts().list(&AccountFilter::default(), PageRequest::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
}

async fn a_page_is_kept_only_where_every_change_is_heard(world: World) {
    let (database, admin) = (&world.test.database, &world.harbour.admin);
    let page = async || {
        let page =
            database.account_page(admin, &AccountFilter::default(), PageRequest::default()).await.unwrap();
        serde_json::from_slice::<serde_json::Value>(page.json()).unwrap()["items"].as_array().unwrap().len()
    };
    let before = page().await;
    assert_eq!(page().await, before);
    let (memory, _) = database.cache().counts();
    // Other servers may work on PostgreSQL, and without Redis nobody tells of what they do.
    let expected = if database.system() == "SQLite" { (1, 1) } else { (0, 0) };
    assert_eq!((memory.loads, memory.hits), expected);
    create(&world, admin, "Kept").await.unwrap();
    assert_eq!(page().await, before + 1);
}
