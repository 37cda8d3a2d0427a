//! Two tenants with people in them.

use super::database::TestDatabase;
use mono_core::caller::{Actor, Caller, Freshness, Identity, SystemReason};
use mono_core::id::{AccountId, MemberId, SessionId, TenantId, UserId};
use mono_core::permission::{self, Assignment, Grant, PermissionSet, Scope};
use mono_core::seed::Seed;
use mono_core::subscription::{Entitlements, Key, Subscription};
use mono_core::text::{Email, Name, Slug};
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::store::NewUser;

/// A database with two tenants, `harbour` on the plan `starter` (five accounts) and `lagoon` on `unlimited`.
pub struct World {
    /// The database.
    pub test: TestDatabase,
    /// The catalogue that is loaded.
    pub seed: Seed,
    /// The tenant with five accounts.
    pub harbour: TenantWorld,
    /// The tenant without limits.
    pub lagoon: TenantWorld,
}

/// A tenant and people who call in it.
pub struct TenantWorld {
    /// Its id.
    pub id: TenantId,
    /// A member with the role `tenant_admin`.
    pub admin: Caller,
    /// A member with the role `user`.
    pub user: Caller,
    /// A member without any role.
    pub nobody: Caller,
    subscription: Subscription,
    member: (UserId, MemberId),
}

impl World {
    /// Loads a catalogue and makes the two tenants. Where the catalogue is not [`Seed::STARTER`] it has its plans, roles
    /// and permissions all the same, and those of an application beside them.
    pub async fn create(test: TestDatabase, seed: Seed) -> Self {
        let system = Caller::system(SystemReason::Seed);
        let mut tx = test.database.platform(&system).write().await.expect("a transaction");
        tx.catalogue().save(&seed).await.expect("the catalogue is saved");
        tx.commit().await.expect("the catalogue is committed");
        let harbour = TenantWorld::create(&test, &seed, "harbour", "starter").await;
        let lagoon = TenantWorld::create(&test, &seed, "lagoon", "unlimited").await;
        Self { test, seed, harbour, lagoon }
    }

    /// A caller who has one role at one scope, in a tenant.
    pub fn caller(&self, tenant: &TenantWorld, role: Option<&str>, scope: Scope) -> Caller {
        tenant.caller(&self.test, &self.seed, role, scope)
    }

    /// A caller who has these grants and no role.
    pub fn caller_with(&self, tenant: &TenantWorld, grants: Vec<Grant>) -> Caller {
        tenant.with_facts(&self.test, &self.seed, permission::Principal { grants, ..Default::default() })
    }

    /// A member with the role `tenant_admin` for whom the tenant, and those accounts for which something else was agreed,
    /// have other entitlements than those of the plan.
    pub fn caller_with_entitlements(
        &self,
        tenant: &TenantWorld,
        entitlements: Entitlements,
        account_entitlements: BTreeMap<AccountId, Entitlements>,
    ) -> Caller {
        let identity = Identity {
            actor: tenant.admin.actor(),
            tenant: Some(tenant.id),
            freshness: Freshness::Exempt,
            permissions: Some(self.seed.engine.compile(tenant.admin.facts())),
            facts: tenant.admin.facts().clone(),
            entitlements,
            account_entitlements,
        };
        #[expect(clippy::disallowed_methods, reason = "a test says who calls")]
        Caller::mint(Arc::new(identity), Arc::default())
    }

    /// A super admin whose home is one tenant and who works in another.
    pub fn root(&self, home: &TenantWorld, tenant: &TenantWorld) -> Caller {
        let facts = permission::Principal {
            home: Some(home.id),
            grants: vec![Grant::allow("*", Scope::platform())],
            ..Default::default()
        };
        tenant.mint(&self.test, &self.seed, home.member, self.seed.engine.compile(&facts), facts)
    }

    /// A caller as the stored data make one, as at the next request of this person.
    pub async fn reload(&self, tenant: &TenantWorld, user: UserId) -> Caller {
        let system = Caller::system(SystemReason::Authentication);
        let mut tx = self.test.database.platform(&system).read().await.expect("a transaction");
        let principal =
            tx.principals().load(user, Some(tenant.id)).await.expect("a principal").expect("a person");
        let part = principal.tenant.expect("a tenant");
        let (member, _) = part.member.expect("a member");
        let facts = permission::Principal {
            assignments: part.assignments,
            grants: part.grants,
            guardrails: part.guardrails,
            suspended: part.suspended.iter().map(|id| Scope::account(tenant.id, *id)).collect(),
            ..Default::default()
        };
        let engine = &self.seed.engine;
        let engine = engine.with_tenants([engine.tenant_rules(tenant.id, part.roles, &part.overrides)]);
        tenant.mint(&self.test, &self.seed, (user, member), engine.compile(&facts), facts)
    }

    /// Makes a person a member of a tenant, without any role.
    pub async fn member(&self, tenant: &TenantWorld, email: &str) -> (UserId, MemberId) {
        let system = Caller::system(SystemReason::Seed);
        let mut tx = self.test.database.platform(&system).write().await.expect("a transaction");
        let new = NewUser {
            email: Email::parse(email).expect("an address"),
            name: Name::parse(email).expect("a name"),
            password_hash: None,
        };
        let user = tx.users().create(new).await.expect("a user");
        tx.commit().await.expect("the user is committed");
        let system = Caller::system_in(SystemReason::Seed, tenant.id);
        let mut tx = self.test.database.tenant(&system).write().await.expect("a transaction");
        let member = tx.members().add(&user).await.expect("a member").id;
        tx.commit().await.expect("the member is committed");
        (user.id, member)
    }

    /// A caller who has a role in one account only.
    pub fn account_caller(&self, tenant: &TenantWorld, role: &str, account: AccountId) -> Caller {
        self.caller(tenant, Some(role), Scope::account(tenant.id, account))
    }
}

impl TenantWorld {
    async fn create(test: &TestDatabase, seed: &Seed, slug: &str, plan: &str) -> Self {
        let system = Caller::system(SystemReason::Seed);
        let mut tx = test.database.platform(&system).write().await.expect("a transaction");
        let slug = Slug::parse(slug).expect("a slug");
        let name = Name::parse(slug.as_str()).expect("a name");
        let tenant = tx.tenants().create(&slug, &name).await.expect("a tenant");
        let subscription = Subscription::new(Key::parse(plan).expect("a key"));
        tx.subscriptions().set(tenant.id, &subscription).await.expect("a subscription");
        let email = Email::parse(&format!("person@{slug}.example")).expect("an address");
        let user = tx.users().create(NewUser { email, name, password_hash: None }).await.expect("a user");
        tx.commit().await.expect("the tenant is committed");

        let system = Caller::system_in(SystemReason::Seed, tenant.id);
        let mut tx = test.database.tenant(&system).write().await.expect("a transaction");
        let member = tx.members().add(&user).await.expect("a member");
        tx.commit().await.expect("the member is committed");

        let nobody = Caller::system_in(SystemReason::Seed, tenant.id);
        let (admin, user_caller) = (nobody.clone(), nobody.clone());
        let member = (user.id, member.id);
        let mut world = Self { id: tenant.id, admin, user: user_caller, nobody, subscription, member };
        let whole = Scope::tenant(tenant.id);
        world.admin = world.caller(test, seed, Some("tenant_admin"), whole);
        world.user = world.caller(test, seed, Some("user"), whole);
        world.nobody = world.caller(test, seed, None, whole);
        world
    }

    fn caller(&self, test: &TestDatabase, seed: &Seed, role: Option<&str>, scope: Scope) -> Caller {
        let assignments = role.map(|role| Assignment::new(role, scope)).into_iter().collect();
        self.with_facts(test, seed, permission::Principal { assignments, ..Default::default() })
    }

    fn with_facts(&self, test: &TestDatabase, seed: &Seed, facts: permission::Principal) -> Caller {
        let facts = permission::Principal { home: Some(self.id), ..facts };
        self.mint(test, seed, self.member, seed.engine.compile(&facts), facts)
    }

    fn mint(
        &self,
        test: &TestDatabase,
        seed: &Seed,
        (user, member): (UserId, MemberId),
        permissions: PermissionSet,
        facts: permission::Principal,
    ) -> Caller {
        let identity = Identity {
            actor: Actor::User {
                user,
                member: Some(member),
                session: test.database.new_id::<SessionId>(),
                impersonator: None,
            },
            tenant: Some(self.id),
            freshness: Freshness::Exempt,
            permissions: Some(permissions),
            facts,
            entitlements: Entitlements::of_tenant(&seed.plans, &self.subscription, &[], test.database.now()),
            account_entitlements: BTreeMap::new(),
        };
        #[expect(clippy::disallowed_methods, reason = "a test says who calls")]
        Caller::mint(Arc::new(identity), Arc::default())
    }
}
