//! The teams of an account.

use crate::server::{ADMIN, MEMBER, STRANGER, Server, USER, create};
use mono_client::Client;
use mono_core::ErrorKind;
use mono_core::api::members::ListMembers;
use mono_core::api::subscriptions::CreateOverride;
use mono_core::api::teams::{CreateTeam, ListTeams, UpdateTeam};
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::{AccountId, MemberId};
use mono_core::model::team::Team;
use mono_core::subscription::{Allowance, Key, OverrideChange};
use mono_storage::sql;
use mono_storage::testkit::World;

mono_storage::conformance!(
    a_team_lives_is_dissolved_and_comes_back,
    people_come_to_a_team_and_go,
    teams_take_of_the_account_and_of_the_tenant,
    a_stale_version_and_a_taken_name_are_conflicts,
    a_team_of_another_tenant_is_not_found,
);

fn named(name: &str) -> CreateTeam {
    CreateTeam { name: name.into() }
}

async fn form(client: &Client, account: AccountId, name: &str) -> Team {
    client.tenant().teams().create(account, &named(name)).await.unwrap()
}

async fn names(client: &Client, account: AccountId, search: Option<&str>) -> Vec<String> {
    let wanted = ListTeams { search: search.map(Into::into), ..Default::default() };
    let page = client.tenant().teams().list(account, &wanted).await.unwrap();
    page.items.iter().map(|team| team.name.to_string()).collect()
}

async fn member(client: &Client, email: &str) -> MemberId {
    let wanted = ListMembers { search: Some(email.into()), ..Default::default() };
    client.tenant().members().list(&wanted).await.unwrap().items[0].id
}

/// How many teams are counted for the tenant, and for an account.
async fn counted(server: &Server, account: AccountId) -> (u64, u64) {
    let system = Caller::system_in(SystemReason::Seed, server.world.harbour.id);
    let mut tx = server.database().tenant(&system).read().await.unwrap();
    (tx.used("teams").await.unwrap(), tx.used_by("teams", Some(account)).await.unwrap())
}

async fn a_team_lives_is_dissolved_and_comes_back(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    let (account, teams) = (create(&admin, "One").await.id, admin.tenant().teams());
    let made = form(&admin, account, " Dive Crew ").await;
    assert_eq!((made.name.as_str(), made.account_id, made.version), ("Dive Crew", account, 1));
    assert_eq!(teams.get(made.id).await.unwrap(), made);
    form(&admin, account, "ashore").await;
    assert_eq!(names(&admin, account, None).await, ["ashore", "Dive Crew"]);
    assert_eq!(names(&admin, account, Some("CREW")).await, ["Dive Crew"]);
    let rename = UpdateTeam { name: Some("Divers".into()), version: Some(1) };
    let renamed = teams.update(made.id, &rename).await.unwrap();
    assert_eq!((renamed.name.as_str(), renamed.version), ("Divers", 2));
    teams.delete(made.id).await.unwrap();
    for error in [
        teams.get(made.id).await.unwrap_err(),
        teams.delete(made.id).await.unwrap_err(),
        teams.update(made.id, &rename).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
    assert_eq!(names(&admin, account, None).await, ["ashore"]);
    assert_eq!(counted(&server, account).await, (1, 1));
    let back = teams.restore(made.id).await.unwrap();
    assert_eq!((back.name.as_str(), back.version), ("Divers", 4));
    assert_eq!(teams.restore(made.id).await.unwrap_err().kind(), ErrorKind::NotFound, "only once");
    assert_eq!(counted(&server, account).await, (2, 2));
    // With its account it goes, and comes back.
    admin.tenant().accounts().delete(account).await.unwrap();
    assert_eq!(teams.get(made.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    admin.tenant().accounts().restore(account).await.unwrap();
    assert_eq!(teams.get(made.id).await.unwrap(), back);
}

async fn people_come_to_a_team_and_go(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    let (account, teams) = (create(&admin, "One").await.id, admin.tenant().teams());
    let team = form(&admin, account, "Crew").await.id;
    let (user, other) = (member(&admin, USER).await, member(&admin, MEMBER).await);
    for id in [user, other, user] {
        teams.add_member(team, id).await.unwrap();
    }
    let people = async |search: Option<&str>| {
        let wanted = ListTeams { search: search.map(Into::into), ..Default::default() };
        let page = teams.members(team, &wanted).await.unwrap();
        page.items.iter().map(|member| member.email.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(people(None).await, [MEMBER, USER]);
    assert_eq!(people(Some("USER")).await, [USER]);
    teams.remove_member(team, user).await.unwrap();
    assert_eq!(teams.remove_member(team, user).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(people(None).await, [MEMBER]);
    // Being in a team gives no right.
    let client = server.sign_in(MEMBER).await;
    assert_eq!(client.tenant().teams().get(team).await.unwrap_err().kind(), ErrorKind::Forbidden);
    // Who leaves the tenant leaves its teams.
    admin.tenant().members().remove(other).await.unwrap();
    assert_eq!(people(None).await, [""; 0]);
}

async fn teams_take_of_the_account_and_of_the_tenant(world: World) {
    let server = Server::start(world).await;
    let (admin, staff) = (server.sign_in(ADMIN).await, server.sign_in(crate::server::STAFF).await);
    let (one, other) = (create(&admin, "One").await.id, create(&admin, "Other").await.id);
    let narrow = CreateOverride {
        account: Some(one),
        change: OverrideChange::Limit { limit: Key::parse("teams").unwrap(), maximum: Allowance::UpTo(2) },
        from: None,
        until: None,
        reason: "a small account".into(),
    };
    let harbour = server.world.harbour.id;
    staff.platform().subscriptions().add_override(harbour, &narrow).await.unwrap();
    let first = form(&admin, one, "1").await;
    form(&admin, one, "2").await;
    let teams = admin.tenant().teams();
    let error = teams.create(one, &named("3")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert_eq!(error.details().unwrap()["account"], one.to_string());
    for name in ["3", "4", "5"] {
        form(&admin, other, name).await;
    }
    let error = teams.create(other, &named("6")).await.unwrap_err();
    assert_eq!((error.kind(), &error.details().unwrap()["maximum"]), (ErrorKind::LimitExceeded, &5.into()));
    assert_eq!(error.details().unwrap().get("account"), None, "the tenant's teams are used up");
    assert_eq!((counted(&server, one).await, counted(&server, other).await), ((5, 2), (5, 3)));
    teams.delete(first.id).await.unwrap();
    form(&admin, other, "6").await;
    assert_eq!(teams.restore(first.id).await.unwrap_err().kind(), ErrorKind::LimitExceeded);
    assert_eq!((counted(&server, one).await, counted(&server, other).await), ((5, 1), (5, 4)));
    // What is counted agrees with the rows, and is mended where it does not.
    let system = Caller::system_in(SystemReason::Recount, harbour);
    let mut tx = server.database().tenant(&system).write().await.unwrap();
    assert!(tx.recount().await.unwrap().is_empty());
    sql!(tx, "UPDATE usage_counters SET used = 9 WHERE tenant_id = $1 AND limit_key = 'teams'")
        .execute()
        .await
        .unwrap();
    let rows: Vec<u64> = tx.recount().await.unwrap().iter().map(|drift| drift.rows).collect();
    assert_eq!(rows.iter().max(), Some(&5));
    assert_eq!(rows.len(), 3);
}

async fn a_stale_version_and_a_taken_name_are_conflicts(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    let (account, teams) = (create(&admin, "One").await.id, admin.tenant().teams());
    let team = form(&admin, account, "Crew").await;
    let error = teams.create(account, &named("CREW")).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "name_taken"));
    // Another account has names of its own; a dissolved team lets go of its name.
    form(&admin, create(&admin, "Two").await.id, "Crew").await;
    teams.delete(team.id).await.unwrap();
    let second = form(&admin, account, "crew").await;
    assert_eq!(teams.restore(team.id).await.unwrap_err().code(), "name_taken");
    let rename = |version| UpdateTeam { name: Some("Other".into()), version: Some(version) };
    let error = teams.update(second.id, &rename(7)).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "stale_version"));
    assert_eq!(error.details().unwrap()["currentVersion"], 1);
}

async fn a_team_of_another_tenant_is_not_found(world: World) {
    let server = Server::start(world).await;
    let (admin, stranger) = (server.sign_in(ADMIN).await, server.sign_in(STRANGER).await);
    let account = create(&admin, "One").await.id;
    let team = form(&admin, account, "Crew").await.id;
    let (own, theirs) = (member(&admin, USER).await, member(&stranger, STRANGER).await);
    let teams = stranger.tenant().teams();
    for error in [
        teams.create(account, &named("Mine")).await.unwrap_err(),
        teams.list(account, &ListTeams::default()).await.unwrap_err(),
        teams.get(team).await.unwrap_err(),
        teams.delete(team).await.unwrap_err(),
        teams.restore(team).await.unwrap_err(),
        teams.members(team, &ListTeams::default()).await.unwrap_err(),
        teams.add_member(team, theirs).await.unwrap_err(),
        teams.remove_member(team, own).await.unwrap_err(),
        admin.tenant().teams().add_member(team, theirs).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
    }
}
