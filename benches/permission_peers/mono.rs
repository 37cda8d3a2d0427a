//! mono itself, from the prepared handle to the whole path of a request.

use crate::world::{self, World};
use crate::{Group, Outcome, subject, time};
use mono_core::id::{TenantId, UserId};
use mono_core::permission::{
    Assignment, Catalogue, Engine, PermissionEntry, PermissionSet, Principal, Role, Scope,
};
use mono_core::time::Timestamp;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

pub(crate) fn run(group: &mut Group<'_>, world: &World) -> Outcome {
    let engine = engine(world)?;
    basics(group, world, &engine)?;

    let facts: Vec<_> = world.members.iter().map(|member| one(member.tenant, member.role)).collect();
    let sets: Vec<_> = facts.iter().map(|facts| engine.compile(facts)).collect();
    let constants: Vec<_> = (world.questions.iter())
        .filter_map(|question| {
            Some((sets.get(question.member)?, question.permission, Scope::tenant(question.tenant)))
        })
        .collect();
    subject(group, "constant", &world.questions, &constants, |(set, permission, scope)| {
        set.check(*permission, scope, NOW)
    })?;
    let texts: Vec<_> = (constants.iter())
        .map(|(set, permission, scope)| (*set, permission.name(), scope.to_string()))
        .collect();
    subject(group, "texts of permission and scope", &world.questions, &texts, |(set, name, scope)| {
        scope.parse::<Scope>().is_ok_and(|scope| set.check(*name, &scope, NOW))
    })?;

    let facts_three: Vec<_> = world.members.iter().map(|member| three(member.tenant, member.role)).collect();
    let sets_three: Vec<_> = facts_three.iter().map(|facts| engine.compile(facts)).collect();
    let rows: Vec<_> = (world.questions.iter().enumerate())
        .filter_map(|(number, question)| {
            let account = world::account(question.tenant, number % 3);
            let scope = Scope::account(question.tenant, account);
            Some((sets_three.get(question.member)?, engine.resolve(question.permission)?, scope))
        })
        .collect();
    let name = "handle, three assignments, asked in an account";
    subject(group, name, &world.questions, &rows, |(set, id, scope)| set.check(*id, scope, NOW))?;
    time(group, "compile, one assignment", &facts, |facts| engine.compile(facts));
    time(group, "compile, three assignments", &facts_three, |facts| engine.compile(facts));
    Ok(())
}

pub(crate) fn run_large(group: &mut Group<'_>, world: &World) -> Outcome {
    basics(group, world, &engine(world)?)
}

/// By handle, and the whole path: these two are asked in worlds of both sizes.
fn basics(group: &mut Group<'_>, world: &World, engine: &Engine) -> Outcome {
    let state = State::new(world, engine);
    let rows: Vec<_> = (world.questions.iter())
        .filter_map(|question| {
            let user = world.member(question)?.user;
            Some((user, engine.resolve(question.permission)?, Scope::tenant(question.tenant)))
        })
        .collect();
    let prepared: Vec<_> = (rows.iter())
        .filter_map(|(user, id, scope)| Some((&state.principals.get(user)?.set, *id, *scope)))
        .collect();
    subject(group, "handle", &world.questions, &prepared, |(set, id, scope)| set.check(*id, scope, NOW))?;
    subject(group, "whole path", &world.questions, &rows, |(user, id, scope)| {
        state.current(user, NOW).is_some_and(|set| set.check(*id, scope, NOW))
    })
}

fn engine(world: &World) -> Outcome<Engine> {
    let catalogue = world.names.iter().fold(Catalogue::new("1"), |catalogue, permission| {
        catalogue.with(PermissionEntry::new(permission.name(), ""))
    });
    let role = |(number, patterns): (usize, &[String; 3])| Role::new(world::role(number)).allow(patterns);
    let roles = world.roles.iter().enumerate().map(role).collect();
    Engine::build(catalogue, roles).map_err(|problems| format!("{problems:?}").into())
}

fn one(tenant: TenantId, role: usize) -> Principal {
    let assignments = vec![Assignment::new(world::role(role), Scope::tenant(tenant))];
    Principal { assignments, ..Principal::default() }
}

/// The role in three accounts of the tenant.
fn three(tenant: TenantId, role: usize) -> Principal {
    let at = |number| Scope::account(tenant, world::account(tenant, number));
    let assignments = (0..3).map(|number| Assignment::new(world::role(role), at(number))).collect();
    Principal { assignments, ..Principal::default() }
}

/// What a server keeps: the compiled principals, and the epoch of each one's tenant.
struct State {
    principals: HashMap<UserId, Kept, BuildHasherDefault<Ready>>,
    epochs: HashMap<TenantId, u64, BuildHasherDefault<Ready>>,
}

struct Kept {
    set: PermissionSet,
    home: TenantId,
    epoch: u64,
    /// The next moment at which something in the set starts or ends.
    changes_at: Option<Timestamp>,
}

impl State {
    fn new(world: &World, engine: &Engine) -> Self {
        let keep = |member: &world::Member| {
            let set = engine.compile(&one(member.tenant, member.role));
            let changes_at = set.next_change(NOW);
            (member.user, Kept { set, home: member.tenant, epoch: 7, changes_at })
        };
        let epochs = world.tenants.iter().map(|tenant| (*tenant, 7)).collect();
        Self { principals: world.members.iter().map(keep).collect(), epochs }
    }

    /// The principal's set, if it is still good.
    fn current(&self, user: &UserId, now: Timestamp) -> Option<&PermissionSet> {
        let kept = self.principals.get(user)?;
        let fresh = self.epochs.get(&kept.home) == Some(&kept.epoch);
        (fresh && kept.changes_at.is_none_or(|moment| now < moment)).then_some(&kept.set)
    }
}

/// Ids are made by the server and random already: their last bytes are the hash.
#[derive(Default)]
struct Ready(u64);

impl Hasher for Ready {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.last_chunk().map_or(self.0, |last| u64::from_le_bytes(*last));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
