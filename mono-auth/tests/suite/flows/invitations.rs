//! Invitations into a tenant.

use super::{Flows, OTHER, STRONG, USED_UP, anywhere, code, system};
use crate::PASSWORD;
use mono_auth::AcceptInvitation;
use mono_core::caller::{Actor, Caller, SystemReason};
use mono_core::id::{AccountId, UserId};
use mono_core::model::account::{AccountType, NewAccount};
use mono_core::model::invitation::{Invitation, InvitedRole, NewInvitation};
use mono_core::model::mail::MailKind;
use mono_core::model::member::Member;
use mono_core::model::tenant::TenantStatus;
use mono_core::page::PageRequest;
use mono_core::permission::{Role, Scope};
use mono_core::text::{Email, Name, Slug};
use mono_core::{Error, ErrorKind, permission};
use mono_storage::platform_sql;
use mono_storage::testkit::World;

mono_storage::conformance!(
    somebody_new_becomes_a_member,
    a_person_who_is_there_becomes_a_member,
    an_invitation_is_for_one_person,
    an_invitation_is_accepted_once_however_many_try,
    nobody_invites_to_more_than_they_hold,
    what_who_invited_may_give_no_more_is_not_given,
    a_role_or_an_account_that_is_gone_is_not_given,
    a_suspended_tenant_takes_nobody_in,
    an_invitation_ends_is_sent_again_and_taken_back,
    an_invitation_takes_a_place_when_it_is_accepted,
    an_invitation_of_another_tenant_is_not_there,
);

const ADMIN: &str = "admin@harbour.example";
const EVA: &str = "eva@new.example";

fn roles(keys: &[&str]) -> Vec<InvitedRole> {
    keys.iter().map(|key| InvitedRole { role: (*key).to_owned(), account_id: None }).collect()
}

fn to(email: &str, keys: &[&str]) -> NewInvitation {
    NewInvitation { email: Email::parse(email).unwrap(), roles: roles(keys) }
}

async fn admin(flows: &Flows) -> Caller {
    flows.person(ADMIN, "tenant_admin").await;
    flows.signed_in(ADMIN, PASSWORD).await
}

/// Invites somebody, and gives the invitation with the token of its mail.
async fn invite(flows: &Flows, caller: &Caller, email: &str, keys: &[&str]) -> (Invitation, String) {
    let invitation = flows.authenticator.invite(caller, to(email, keys)).await.unwrap();
    (invitation, flows.token(MailKind::Invitation, email).await)
}

async fn accept(flows: &Flows, token: &str, name: Option<&str>, password: &str) -> Result<Member, Error> {
    let name = name.map(Into::into);
    let given = AcceptInvitation { token: token.to_owned(), name, password: password.into() };
    flows.authenticator.accept_invitation(given, anywhere()).await
}

async fn waiting(flows: &Flows, caller: &Caller) -> usize {
    let mut tx = flows.database.tenant(caller).read().await.unwrap();
    tx.invitations().list(PageRequest::parse(None, None).unwrap()).await.unwrap().items.len()
}

async fn somebody_new_becomes_a_member(world: World) {
    let flows = Flows::new(world);
    let (harbour, admin) = (flows.world.harbour.id, admin(&flows).await);
    let (invitation, token) = invite(&flows, &admin, EVA, &["user"]).await;
    assert_eq!(waiting(&flows, &admin).await, 1);
    let facts = flows.authenticator.inspect_invitation(&token, anywhere()).await.unwrap();
    assert_eq!((facts.tenant.as_str(), &facts.invitation, facts.known), ("harbour", &invitation, false));
    assert_eq!(accept(&flows, &token, None, STRONG).await.unwrap_err().problems()[0].field, "name");
    assert_eq!(accept(&flows, &token, Some("Eva"), "short").await.unwrap_err().kind(), ErrorKind::Validation);
    let member = accept(&flows, &token, Some("Eva"), STRONG).await.unwrap();
    assert_eq!((member.tenant_id, member.email.as_str(), member.name.as_str()), (harbour, EVA, "Eva"));
    assert_eq!(code(accept(&flows, &token, Some("Eva"), STRONG).await), USED_UP);
    assert_eq!(waiting(&flows, &admin).await, 0);

    let eva = flows.signed_in(EVA, STRONG).await;
    let now = flows.database.now();
    let own = Scope::member(harbour, None, member.id);
    eva.authorize(permission!("user.profile.read"), &own, now).expect("the role came with it");
    eva.authorize(permission!("tenant.members.invite"), &Scope::tenant(harbour), now).unwrap_err();
    assert!(flows.authenticator.profile(&eva).await.unwrap().email_verified_at.is_some());
    let mut tx = flows.database.platform(&system()).read().await.unwrap();
    let audited = platform_sql!(
        tx,
        "SELECT actor, action, entity FROM audit_log WHERE tenant_id = $1 AND actor = 'system:invitation' ORDER BY sequence",
        harbour
    );
    let audited = audited.rows().await.unwrap();
    let audited: Vec<_> = audited
        .iter()
        .map(|row| (row.get::<String>("action").unwrap(), row.get::<String>("entity").unwrap()))
        .collect();
    let expected = [("delete", "invitation"), ("create", "member"), ("grant", "assignment")];
    assert_eq!(audited, expected.map(|(action, entity)| (action.to_owned(), entity.to_owned())));
    let again = flows.authenticator.invite(&admin, to("EVA@new.example", &[])).await;
    assert_eq!(code(again), "already_member");
}

async fn a_person_who_is_there_becomes_a_member(world: World) {
    let flows = Flows::new(world);
    let admin = admin(&flows).await;
    // With the password.
    let lagoon = flows.world.lagoon.id;
    let sea = crate::person(&flows.world, &flows.authenticator, "sea@harbour.example", "user").await;
    move_to_lagoon(&flows, sea).await;
    let (_, token) = invite(&flows, &admin, "sea@harbour.example", &[]).await;
    assert!(flows.authenticator.inspect_invitation(&token, anywhere()).await.unwrap().known);
    let wrong = accept(&flows, &token, Some("Other"), "wrong").await.unwrap_err();
    assert_eq!((wrong.kind(), wrong.code()), (ErrorKind::Forbidden, "wrong_password"));
    let member = accept(&flows, &token, Some("Other"), PASSWORD).await.unwrap();
    assert_eq!(member.user_id, sea);
    assert_ne!(member.name.as_str(), "Other", "who is there keeps their name");
    // Signed in.
    let sun = crate::person(&flows.world, &flows.authenticator, "sun@harbour.example", "user").await;
    move_to_lagoon(&flows, sun).await;
    let caller = flows.signed_in("sun@harbour.example", PASSWORD).await;
    assert_eq!(caller.tenant().unwrap(), lagoon);
    let (_, token) = invite(&flows, &admin, "SUN@harbour.example", &["user"]).await;
    let member = flows.authenticator.accept_invitation_as(&caller, &token).await.unwrap();
    assert_eq!((member.user_id, member.tenant_id), (sun, flows.world.harbour.id));
    flows.authenticator.choose_tenant(&caller, member.tenant_id).await.unwrap();
    // Without a password until now: the link came to their mailbox, as one to set it would.
    let (sky, _) = flows.world.member(&flows.world.lagoon, "sky@lagoon.example").await;
    let (_, token) = invite(&flows, &admin, "sky@lagoon.example", &[]).await;
    assert!(!flows.authenticator.inspect_invitation(&token, anywhere()).await.unwrap().known);
    assert_eq!(accept(&flows, &token, None, STRONG).await.unwrap().user_id, sky);
    flows.signed_in("sky@lagoon.example", STRONG).await;
}

/// Takes a person out of the harbour and makes them a member of the lagoon.
async fn move_to_lagoon(flows: &Flows, user: UserId) {
    let mut tx = flows.database.platform(&system()).write().await.unwrap();
    platform_sql!(tx, "DELETE FROM members WHERE user_id = $1", user).execute().await.unwrap();
    let user = tx.users().find(user).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let seeding = Caller::system_in(SystemReason::Seed, flows.world.lagoon.id);
    let mut tx = flows.database.tenant(&seeding).write().await.unwrap();
    tx.members().add(&user).await.unwrap();
    tx.commit().await.unwrap();
}

async fn an_invitation_is_for_one_person(world: World) {
    let flows = Flows::new(world);
    let admin = admin(&flows).await;
    flows.person("ben@harbour.example", "user").await;
    let ben = flows.signed_in("ben@harbour.example", PASSWORD).await;
    let (_, token) = invite(&flows, &admin, EVA, &["tenant_admin"]).await;
    let wrong = flows.authenticator.accept_invitation_as(&ben, &token).await.unwrap_err();
    assert_eq!((wrong.kind(), wrong.code()), (ErrorKind::Forbidden, "wrong_person"));
    accept(&flows, &token, Some("Eva"), STRONG).await.expect("it was not used up");
}

async fn an_invitation_is_accepted_once_however_many_try(world: World) {
    let flows = Flows::new(world);
    let admin = admin(&flows).await;
    let before = used(&flows).await;
    let (_, token) = invite(&flows, &admin, EVA, &["user"]).await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..8 {
        let (authenticator, token) = (flows.authenticator.clone(), token.clone());
        tasks.spawn(async move {
            let name = Some(format!("Eva {number}"));
            let given = AcceptInvitation { token, name, password: STRONG.into() };
            authenticator.accept_invitation(given, anywhere()).await.map_err(|error| {
                // Who comes after the first finds the link used up, or is one of too many who try the password.
                assert!([USED_UP, "too_many_attempts"].contains(&error.code()), "{error}");
            })
        });
    }
    let members: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(members.len(), 1);
    assert_eq!(used(&flows).await, before + 1);

    // As a person who is signed in on two devices.
    flows.person("ben@harbour.example", "user").await;
    let mut tx = flows.database.platform(&system()).read().await.unwrap();
    let ben =
        tx.users().credentials(&Email::parse("ben@harbour.example").unwrap()).await.unwrap().unwrap().user;
    drop(tx);
    move_to_lagoon(&flows, ben.id).await;
    let ben = flows.signed_in("ben@harbour.example", PASSWORD).await;
    let (_, token) = invite(&flows, &admin, "ben@harbour.example", &["user"]).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (authenticator, ben, token) = (flows.authenticator.clone(), ben.clone(), token.clone());
        tasks.spawn(async move {
            let accepted = authenticator.accept_invitation_as(&ben, &token).await;
            accepted.map_err(|error| assert_eq!(error.code(), USED_UP)).is_ok()
        });
    }
    assert_eq!(tasks.join_all().await.iter().filter(|accepted| **accepted).count(), 1);
}

async fn used(flows: &Flows) -> u64 {
    let system = Caller::system_in(SystemReason::Seed, flows.world.harbour.id);
    let mut tx = flows.database.tenant(&system).read().await.unwrap();
    tx.used("members").await.unwrap()
}

async fn nobody_invites_to_more_than_they_hold(world: World) {
    let flows = Flows::new(world);
    let admin = admin(&flows).await;
    flows.person("owner@harbour.example", "account_owner").await;
    let owner = flows.signed_in("owner@harbour.example", PASSWORD).await;
    let code_of = async |caller: &Caller, new: NewInvitation| {
        let error = flows.authenticator.invite(caller, new).await.unwrap_err();
        (error.kind(), error.code().to_owned())
    };
    let (kind, _) = code_of(&owner, to(EVA, &[])).await;
    assert_eq!(kind, ErrorKind::Forbidden, "without tenant.members.invite");
    for (role, refusal) in [
        ("platform_admin", (ErrorKind::Forbidden, "not_held".to_owned())),
        ("no_such_role", (ErrorKind::Validation, "unknown_role".to_owned())),
    ] {
        assert_eq!(code_of(&admin, to(EVA, &[role])).await, refusal);
    }
    let account_id = Some(flows.database.new_id::<AccountId>());
    let elsewhere = vec![InvitedRole { role: "user".into(), account_id }];
    let new = NewInvitation { roles: elsewhere, ..to(EVA, &[]) };
    assert_eq!(code_of(&admin, new).await.0, ErrorKind::NotFound);
    let program = Caller::system_in(SystemReason::Seed, flows.world.harbour.id);
    assert_eq!(code_of(&program, to(EVA, &[])).await.1, "people_only");
    assert!(flows.mails().await.is_empty());
    invite(&flows, &admin, EVA, &["tenant_admin"]).await;
    assert_eq!(code_of(&admin, to(EVA, &[])).await, (ErrorKind::Conflict, "already_invited".into()));
}

async fn what_who_invited_may_give_no_more_is_not_given(world: World) {
    let flows = Flows::new(world);
    admin(&flows).await;
    for (number, change) in ["demoted", "suspended in the tenant", "removed", "suspended"].iter().enumerate()
    {
        let email = format!("inviter{number}@harbour.example");
        let user = flows.person(&email, "tenant_admin").await;
        let inviter = flows.signed_in(&email, PASSWORD).await;
        let (_, token) =
            invite(&flows, &inviter, &format!("eva{number}@new.example"), &["tenant_admin"]).await;
        let mut tx = flows.database.platform(&system()).write().await.unwrap();
        let Actor::User { member: Some(member), .. } = inviter.actor() else { panic!("a member") };
        match number {
            0 => platform_sql!(
                tx,
                "UPDATE assignments SET role_key = 'user' WHERE tenant_id = $1 AND member_id = $2",
                flows.world.harbour.id,
                member
            ),
            1 => platform_sql!(tx, "UPDATE members SET status = 'suspended' WHERE user_id = $1", user),
            2 => platform_sql!(tx, "DELETE FROM members WHERE user_id = $1", user),
            _ => platform_sql!(tx, "UPDATE users SET status = 'suspended' WHERE id = $1", user),
        }
        .execute()
        .await
        .unwrap();
        tx.commit().await.unwrap();
        let before = used(&flows).await;
        let error = accept(&flows, &token, Some("Eva"), STRONG).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Forbidden, "invitation_void"), "{change}");
        assert_eq!(used(&flows).await, before);
        let mut tx = flows.database.platform(&system()).read().await.unwrap();
        let nobody =
            tx.users().credentials(&Email::parse(&format!("eva{number}@new.example")).unwrap()).await;
        assert!(nobody.unwrap().is_none(), "nothing is half done");
    }
}

async fn a_role_or_an_account_that_is_gone_is_not_given(world: World) {
    let flows = Flows::new(world);
    let admin = admin(&flows).await;
    let mut tx = flows.database.tenant(&admin).write().await.unwrap();
    tx.roles().create(Role::new("clerk").allow(["tenant.accounts.read"])).await.unwrap();
    let (name, slug) = (Name::parse("Pier").unwrap(), Slug::parse("pier").unwrap());
    let new = NewAccount { name, slug, account_type: AccountType::Business, email: None };
    let account = tx.accounts().create(new).await.unwrap().id;
    tx.commit().await.unwrap();
    let in_account = InvitedRole { role: "user".into(), account_id: Some(account) };
    let (role, place) = ("eva@new.example", "zoe@new.example");
    let (brings, of_role) = invite(&flows, &admin, role, &["clerk"]).await;
    let new = NewInvitation { email: Email::parse(place).unwrap(), roles: vec![in_account] };
    flows.authenticator.invite(&admin, new).await.unwrap();
    let of_place = flows.token(MailKind::Invitation, place).await;
    let mut tx = flows.database.tenant(&admin).write().await.unwrap();
    // Who made the role anew would decide what the link gives.
    assert_eq!(tx.roles().delete("clerk").await.unwrap_err().code(), "role_in_use");
    tx.accounts().delete(account).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = flows.database.tenant(&admin).write().await.unwrap();
    tx.invitations().revoke(brings.id).await.unwrap();
    tx.roles().delete("clerk").await.unwrap();
    tx.commit().await.unwrap();
    let before = used(&flows).await;
    for (email, token, refusal) in [
        (role, &of_role, (ErrorKind::Validation, "invalid_single_use_token")),
        (place, &of_place, (ErrorKind::Forbidden, "invitation_void")),
    ] {
        let error = accept(&flows, token, Some("Eva"), STRONG).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), refusal, "{email}");
        let mut tx = flows.database.platform(&system()).read().await.unwrap();
        let nobody = tx.users().credentials(&Email::parse(email).unwrap()).await.unwrap();
        assert!(nobody.is_none(), "nothing is half done");
    }
    assert_eq!(used(&flows).await, before);
    // What comes back is given.
    let mut tx = flows.database.tenant(&admin).write().await.unwrap();
    tx.accounts().restore(account).await.unwrap();
    tx.commit().await.unwrap();
    accept(&flows, &of_place, Some("Zoe"), STRONG).await.expect("the link was not used up");
}

async fn a_suspended_tenant_takes_nobody_in(world: World) {
    let flows = Flows::new(world);
    let (harbour, admin) = (flows.world.harbour.id, admin(&flows).await);
    let (_, token) = invite(&flows, &admin, EVA, &["user"]).await;
    let set = async |status| {
        let seeding = Caller::system(SystemReason::Seed);
        let mut tx = flows.database.platform(&seeding).write().await.unwrap();
        tx.tenants().set_status(harbour, status).await.unwrap();
        tx.commit().await.unwrap();
    };
    set(TenantStatus::Suspended).await;
    assert_eq!(code(accept(&flows, &token, Some("Eva"), STRONG).await), "tenant_suspended");
    set(TenantStatus::Active).await;
    accept(&flows, &token, Some("Eva"), STRONG).await.expect("the link was not used up");
}

async fn an_invitation_ends_is_sent_again_and_taken_back(world: World) {
    let flows = Flows::new(world);
    let admin = admin(&flows).await;
    let (invitation, first) = invite(&flows, &admin, EVA, &["user"]).await;
    flows.clock.go_on(7 * 24 * 60 * 60);
    let admin = flows.signed_in(ADMIN, PASSWORD).await;
    assert_eq!(code(accept(&flows, &first, Some("Eva"), STRONG).await), USED_UP);
    assert_eq!(waiting(&flows, &admin).await, 1, "it is seen, to be sent again");
    flows.authenticator.resend_invitation(&admin, invitation.id).await.unwrap();
    let second = flows.token(MailKind::Invitation, EVA).await;
    flows.authenticator.resend_invitation(&admin, invitation.id).await.unwrap();
    let third = flows.token(MailKind::Invitation, EVA).await;
    assert_eq!(code(accept(&flows, &second, Some("Eva"), STRONG).await), USED_UP);
    let revoke = async || {
        let mut tx = flows.database.tenant(&admin).write().await.unwrap();
        tx.invitations().revoke(invitation.id).await?;
        tx.commit().await
    };
    revoke().await.unwrap();
    assert_eq!(code(accept(&flows, &third, Some("Eva"), STRONG).await), USED_UP);
    assert_eq!(revoke().await.unwrap_err().kind(), ErrorKind::NotFound);
    let gone = flows.authenticator.resend_invitation(&admin, invitation.id).await;
    assert_eq!(gone.unwrap_err().kind(), ErrorKind::NotFound);
    // Taken back before it was sent.
    let invitation = flows.authenticator.invite(&admin, to("zoe@new.example", &[])).await.unwrap();
    let mut tx = flows.database.tenant(&admin).write().await.unwrap();
    tx.invitations().revoke(invitation.id).await.unwrap();
    tx.commit().await.unwrap();
    assert!(flows.mails().await.is_empty());
    // One that has ended is no obstacle to another.
    flows.authenticator.invite(&admin, to("zoe@new.example", &[])).await.unwrap();
    flows.clock.go_on(7 * 24 * 60 * 60);
    let admin = flows.signed_in(ADMIN, PASSWORD).await;
    flows.mails().await;
    invite(&flows, &admin, "zoe@new.example", &["user"]).await;
}

async fn an_invitation_takes_a_place_when_it_is_accepted(world: World) {
    let flows = Flows::new(world);
    let admin = admin(&flows).await;
    let mut tokens = Vec::new();
    for number in 0..3 {
        tokens.push(invite(&flows, &admin, &format!("eva{number}@new.example"), &[]).await.1);
    }
    // The plan has 25; one is left.
    let mut tx = flows.database.platform(&system()).write().await.unwrap();
    platform_sql!(
        tx,
        "UPDATE usage_counters SET used = 24 WHERE tenant_id = $1 AND limit_key = 'members'",
        flows.world.harbour.id
    )
    .execute()
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for token in tokens {
        let authenticator = flows.authenticator.clone();
        tasks.spawn(async move {
            let given = AcceptInvitation { token, name: Some("Eva".into()), password: OTHER.into() };
            let accepted = authenticator.accept_invitation(given, anywhere()).await;
            accepted.map_err(|error| assert_eq!(error.kind(), ErrorKind::LimitExceeded)).is_ok()
        });
    }
    assert_eq!(tasks.join_all().await.iter().filter(|accepted| **accepted).count(), 1);
    assert_eq!(used(&flows).await, 25);
}

async fn an_invitation_of_another_tenant_is_not_there(world: World) {
    let flows = Flows::new(world);
    let admin = admin(&flows).await;
    let (invitation, _) = invite(&flows, &admin, EVA, &["user"]).await;
    let stranger = &flows.world.lagoon.admin;
    assert_eq!(waiting(&flows, stranger).await, 0);
    let resent = flows.authenticator.resend_invitation(stranger, invitation.id).await;
    assert_eq!(resent.unwrap_err().kind(), ErrorKind::NotFound);
    let mut tx = flows.database.tenant(stranger).write().await.unwrap();
    assert_eq!(tx.invitations().revoke(invitation.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    drop(tx);
    assert!(flows.mails().await.is_empty());
    assert_eq!(waiting(&flows, &admin).await, 1);
}
