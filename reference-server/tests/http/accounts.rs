//! The life of an account.

use crate::server::{ADMIN, STRANGER, Server, create, named};
use mono_client::Client;
use mono_core::ErrorKind;
use mono_core::api::accounts::{CreateAccount, ListAccounts, ScrollAccounts, UpdateAccount};
use mono_core::model::account::{Account, AccountStatus, AccountType};
use mono_storage::testkit::World;

mono_storage::conformance!(
    an_account_lives_is_deleted_and_comes_back,
    a_change_keeps_what_it_does_not_name,
    a_stale_version_is_a_conflict,
    a_slug_is_taken_once,
    search_finds_what_a_person_means,
    lists_are_paged_sorted_and_filtered,
    a_cursor_goes_through_the_whole_list,
    the_sixth_account_is_over_the_limit,
    a_refused_restore_leaves_nothing_behind,
);

async fn total(client: &Client) -> u64 {
    let list = client.tenant().accounts().list(&ListAccounts::default()).await;
    list.unwrap().pagination.total
}

async fn names(client: &Client, wanted: ListAccounts) -> Vec<String> {
    let page = client.tenant().accounts().list(&wanted).await.unwrap();
    page.items.iter().map(|account| account.name.to_string()).collect()
}

async fn an_account_lives_is_deleted_and_comes_back(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(ADMIN).await;
    let accounts = client.tenant().accounts();
    let new = CreateAccount {
        name: "  Zoë's Bakery ".into(),
        slug: None,
        account_type: Some("agency".into()),
        email: Some("Zoe@Bakery.example".into()),
    };
    let made = accounts.create(&new).await.unwrap();
    assert_eq!((made.name.as_str(), made.slug.as_str()), ("Zoë's Bakery", "zoe-s-bakery"));
    assert_eq!((made.account_type, made.status), (AccountType::Agency, AccountStatus::Active));
    assert_eq!(made.email.as_ref().unwrap().as_str(), "Zoe@Bakery.example", "kept as it was written");
    assert_eq!((made.version, made.tenant_id), (1, server.world.harbour.id));
    assert_eq!(made.created_at, made.updated_at);
    assert_eq!(accounts.get(made.id).await.unwrap(), made);
    let page = accounts.list(&ListAccounts::default()).await.unwrap();
    assert_eq!(page.items, std::slice::from_ref(&made));

    accounts.delete(made.id).await.unwrap();
    for refused in [
        accounts.get(made.id).await.map(|_| ()),
        accounts.delete(made.id).await,
        accounts.update(made.id, &UpdateAccount::default()).await.map(|_| ()),
    ] {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert_eq!((total(&client).await, server.used(made.tenant_id).await), (0, 0));

    let back = accounts.restore(made.id).await.unwrap();
    assert_eq!(back, Account { version: 3, updated_at: back.updated_at, ..made.clone() });
    assert_eq!(accounts.restore(made.id).await.unwrap_err().kind(), ErrorKind::NotFound, "only once");
    assert_eq!((total(&client).await, server.used(made.tenant_id).await), (1, 1));
    let audited = server.audited(made.id).await;
    let actions: Vec<&str> = audited.iter().map(|(_, action)| action.as_str()).collect();
    assert_eq!(actions, ["create", "delete", "restore"]);
}

async fn a_change_keeps_what_it_does_not_name(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(ADMIN).await;
    let accounts = client.tenant().accounts();
    let new = CreateAccount { email: Some("a@b.example".into()), ..named("First") };
    let made = accounts.create(&new).await.unwrap();

    let change = UpdateAccount { name: Some("Second".into()), version: Some(1), ..Default::default() };
    let second = accounts.update(made.id, &change).await.unwrap();
    assert_eq!((second.name.as_str(), second.slug.as_str(), second.version), ("Second", "first", 2));
    assert_eq!(second.email, made.email);
    let change = UpdateAccount { email: Some(None), ..Default::default() };
    assert_eq!(accounts.update(made.id, &change).await.unwrap().email, None, "null removes");
    let change = UpdateAccount {
        slug: Some("third".into()),
        account_type: Some("individual".into()),
        status: Some("suspended".into()),
        email: Some(Some("c@d.example".into())),
        ..Default::default()
    };
    let third = accounts.update(made.id, &change).await.unwrap();
    assert_eq!((third.name.as_str(), third.slug.as_str(), third.version), ("Second", "third", 4));
    assert_eq!((third.account_type, third.status), (AccountType::Individual, AccountStatus::Suspended));
    assert_eq!(third.created_at, made.created_at);
    assert_eq!(accounts.get(made.id).await.unwrap(), third);
    // The old words are forgotten by the search, the new ones found.
    let search = |text: &str| ListAccounts { search: Some(text.into()), ..Default::default() };
    assert_eq!(names(&client, search("first")).await, [""; 0]);
    assert_eq!(names(&client, search("a@b")).await, [""; 0]);
    assert_eq!(names(&client, search("SECOND")).await, ["Second"]);
    assert_eq!(names(&client, search("c@d")).await, ["Second"]);
}

async fn a_stale_version_is_a_conflict(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(ADMIN).await;
    let accounts = client.tenant().accounts();
    let made = create(&client, "First").await;
    let rename =
        |name: &str, version| UpdateAccount { name: Some(name.into()), version, ..Default::default() };
    accounts.update(made.id, &rename("Second", Some(1))).await.unwrap();
    for version in [1, 0, -1, 3, i64::MIN, i64::MAX] {
        let error = accounts.update(made.id, &rename("Third", Some(version))).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "stale_version"));
        assert_eq!(error.details().unwrap()["currentVersion"], 2);
    }
    assert_eq!(accounts.get(made.id).await.unwrap().name.as_str(), "Second");
    assert_eq!(accounts.update(made.id, &rename("Third", None)).await.unwrap().version, 3);
}

async fn a_slug_is_taken_once(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(ADMIN).await;
    let accounts = client.tenant().accounts();
    let (first, second) = (create(&client, "First").await, create(&client, "Second").await);
    let slug = |slug: &str| UpdateAccount { slug: Some(slug.into()), ..Default::default() };
    for error in [
        accounts.create(&named("FIRST")).await.unwrap_err(),
        accounts.update(second.id, &slug("first")).await.unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "slug_taken"), "{error:?}");
    }
    assert_eq!(server.used(first.tenant_id).await, 2, "a refused account takes no place");
    accounts.update(first.id, &slug("first")).await.unwrap();

    // Deleted, it lets go of its slug; restored, it asks for the slug again.
    accounts.delete(first.id).await.unwrap();
    accounts.update(second.id, &slug("first")).await.unwrap();
    let error = accounts.restore(first.id).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "slug_taken"));
    assert_eq!((total(&client).await, server.used(first.tenant_id).await), (1, 1));
    accounts.update(second.id, &slug("second")).await.unwrap();
    accounts.restore(first.id).await.unwrap();

    // Another tenant has slugs of its own.
    create(&server.sign_in(STRANGER).await, "First").await;
}

async fn search_finds_what_a_person_means(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(STRANGER).await;
    for name in ["Zoë Åkesson", "50% off", "under_score", r"back\slash", "o'clock \"quoted\"", "ΣΊΣΥΦΟΣ Ltd"]
    {
        let slug = format!("slug-{}", total(&client).await);
        let new = CreateAccount { slug: Some(slug), ..named(name) };
        client.tenant().accounts().create(&new).await.unwrap();
    }
    let new = CreateAccount { email: Some("Ana@Example.com".into()), ..named("By address") };
    client.tenant().accounts().create(&new).await.unwrap();
    for (text, found) in [
        ("zoë", vec!["Zoë Åkesson"]),
        ("ZOË å", vec!["Zoë Åkesson"]),
        ("zoe\u{308}", vec!["Zoë Åkesson"]),
        ("zoe", vec![]),
        ("%", vec!["50% off"]),
        ("_", vec!["under_score"]),
        ("\\", vec![r"back\slash"]),
        ("\\%", vec![]),
        ("'", vec!["o'clock \"quoted\""]),
        ("\"QUOTED\"", vec!["o'clock \"quoted\""]),
        ("ana@EXAMPLE", vec!["By address"]),
        ("σίσυφο", vec!["ΣΊΣΥΦΟΣ Ltd"]),
        ("&status=archived", vec![]),
        ("' OR '1'='1", vec![]),
    ] {
        let wanted = ListAccounts { search: Some(text.into()), ..Default::default() };
        assert_eq!(names(&client, wanted).await, found, "{text}");
    }
    let wanted = ListAccounts { search: Some(String::new()), ..Default::default() };
    assert_eq!(names(&client, wanted).await.len(), 7, "nothing asked, nothing left out");
}

async fn lists_are_paged_sorted_and_filtered(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(STRANGER).await;
    let accounts = client.tenant().accounts();
    let mut made = Vec::new();
    // In an order that is neither that of the names nor its reverse.
    for i in 0..25 {
        made.push(create(&client, &format!("Account {:02}", (i * 7) % 25)).await);
    }
    let page = accounts.list(&ListAccounts::default()).await.unwrap();
    let pagination = page.pagination;
    assert_eq!((pagination.page, pagination.limit, pagination.total, pagination.total_pages), (1, 20, 25, 2));
    assert_eq!(page.items.len(), 20);

    let in_order = async |sort: &str| {
        let mut items = Vec::new();
        for page in 1..=4 {
            let wanted = ListAccounts {
                page: Some(page),
                limit: Some(10),
                sort: Some(sort.into()),
                ..Default::default()
            };
            items.extend(accounts.list(&wanted).await.unwrap().items);
        }
        items
    };
    assert_eq!(in_order("createdAt").await, made, "every account once, oldest first");
    let mut reversed = made.clone();
    reversed.reverse();
    assert_eq!(in_order("-createdAt").await, reversed);
    let mut by_name = made.clone();
    by_name.sort_by_key(|account| account.name.to_string());
    assert_eq!(in_order("name").await, by_name);

    let suspend = UpdateAccount { status: Some("suspended".into()), ..Default::default() };
    accounts.update(made[3].id, &suspend).await.unwrap();
    let count = async |status: &str, search: Option<&str>| {
        let wanted = ListAccounts {
            status: Some(status.into()),
            search: search.map(Into::into),
            ..Default::default()
        };
        accounts.list(&wanted).await.unwrap().pagination.total
    };
    assert_eq!((count("suspended", None).await, count("active", None).await), (1, 24));
    assert_eq!(count("archived", None).await, 0);
    assert_eq!(count("suspended", Some("account 21")).await, 1);
    assert_eq!(count("suspended", Some("account 20")).await, 0);
}

async fn a_cursor_goes_through_the_whole_list(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(STRANGER).await;
    let accounts = client.tenant().accounts();
    let mut made = Vec::new();
    for i in 0..23 {
        made.push(create(&client, &format!("Account {i:02}")).await.id);
    }
    made.reverse();
    for limit in [1, 7, 22, 23, 100] {
        let mut wanted = ScrollAccounts { limit: Some(limit), ..Default::default() };
        let mut seen = Vec::new();
        loop {
            let slice = accounts.scroll(&wanted).await.unwrap();
            assert!(slice.items.len() <= limit as usize);
            seen.extend(slice.items.iter().map(|account| account.id));
            wanted.cursor = slice.next;
            if wanted.cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, made, "every account once, newest first, {limit} at a time");
    }
    // What is made meanwhile moves nothing.
    let wanted = ScrollAccounts { limit: Some(10), ..Default::default() };
    let first = accounts.scroll(&wanted).await.unwrap();
    create(&client, "Later").await;
    let second = accounts.scroll(&ScrollAccounts { cursor: first.next, ..wanted.clone() }).await.unwrap();
    assert_eq!(second.items[0].id, made[10]);
    let found = ScrollAccounts { search: Some("T 1".into()), ..wanted };
    assert_eq!(accounts.scroll(&found).await.unwrap().items.len(), 10);
    for cursor in ["", "x", &"z".repeat(48), &"f".repeat(48), "é234567890123456"] {
        let wanted = ScrollAccounts { cursor: Some(cursor.into()), ..Default::default() };
        assert_eq!(accounts.scroll(&wanted).await.unwrap_err().code(), "invalid_cursor", "{cursor}");
    }
    let other = accounts.scroll(&ScrollAccounts::default()).await.unwrap().next.unwrap();
    let wanted = ScrollAccounts { cursor: Some(other), ..Default::default() };
    let admin = server.sign_in(ADMIN).await;
    assert_eq!(admin.tenant().accounts().scroll(&wanted).await.unwrap().items, [], "a cursor grants nothing");
}

async fn the_sixth_account_is_over_the_limit(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(ADMIN).await;
    let accounts = client.tenant().accounts();
    let mut last = None;
    for i in 1..=5 {
        last = Some(create(&client, &format!("Account {i}")).await);
    }
    let error = accounts.create(&named("Account 6")).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::LimitExceeded, "limit_exceeded"));
    let details = error.details().unwrap();
    assert_eq!(
        (&details["limit"], &details["current"], &details["maximum"]),
        (&"accounts".into(), &5.into(), &5.into())
    );
    assert_eq!(total(&client).await, 5);
    accounts.delete(last.unwrap().id).await.unwrap();
    create(&client, "Account 6").await;
    assert_eq!((total(&client).await, server.used(server.world.harbour.id).await), (5, 5));
}

async fn a_refused_restore_leaves_nothing_behind(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(ADMIN).await;
    let accounts = client.tenant().accounts();
    let first = create(&client, "Account 1").await;
    accounts.delete(first.id).await.unwrap();
    for i in 2..=6 {
        create(&client, &format!("Account {i}")).await;
    }
    let error = accounts.restore(first.id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert_eq!(accounts.get(first.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!((total(&client).await, server.used(first.tenant_id).await), (5, 5));
    let audited = server.audited(first.id).await;
    assert_eq!(audited.last().unwrap().1, "delete", "what did not happen is not recorded");
    // Its slug is still free.
    let other = accounts.list(&ListAccounts::default()).await.unwrap().items[0].id;
    accounts
        .update(other, &UpdateAccount { slug: Some("account-1".into()), ..Default::default() })
        .await
        .unwrap();
}
