//! cedar-policy: a tenant names the team of each role, and a policy allows the team a group of actions.

use crate::world::{self, Question, World};
use crate::{Group, Outcome, subject};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Request,
    RestrictedExpression,
};
use mono_core::id::TenantId;
use mono_core::permission::Permission;
use std::collections::{HashMap, HashSet};

pub(crate) fn run(group: &mut Group<'_>, world: &World) -> Outcome {
    let authorizer = Authorizer::new();
    let requests: Vec<_> =
        world.questions.iter().map(|question| request(world, question)).collect::<Outcome<_>>()?;
    let allows = |request: &Request, policies: &PolicySet, entities: &Entities| {
        authorizer.is_authorized(request, policies, entities).decision() == Decision::Allow
    };

    let all: PolicySet =
        (0..world.roles.len()).map(|role| policies(world, role)).collect::<String>().parse()?;
    let everything = everything(world)?;
    subject(group, "all policies, all entities", &world.questions, &requests, |request| {
        allows(request, &all, &everything)
    })?;

    // What a careful application hands over: the three entities that matter, and then only the policies of the role
    // that it knows the user has.
    let slices: Vec<_> =
        world.questions.iter().map(|question| slice(world, question)).collect::<Outcome<_>>()?;
    let narrowed: Vec<_> = requests.iter().zip(&slices).collect();
    subject(group, "all policies, sliced entities", &world.questions, &narrowed, |(request, entities)| {
        allows(request, &all, entities)
    })?;
    let by_role: Vec<PolicySet> =
        (0..world.roles.len()).map(|role| Ok(policies(world, role).parse()?)).collect::<Outcome<_>>()?;
    let rows: Vec<_> = (world.questions.iter().zip(&narrowed))
        .filter_map(|(question, (request, entities))| {
            Some((*request, by_role.get(world.member(question)?.role)?, *entities))
        })
        .collect();
    subject(
        group,
        "sliced policies and entities",
        &world.questions,
        &rows,
        |(request, policies, entities)| allows(request, policies, entities),
    )
}

fn uid(kind: &str, id: &str) -> Outcome<EntityUid> {
    Ok(EntityUid::from_type_name_and_id(kind.parse::<EntityTypeName>()?, EntityId::new(id)))
}

fn team(tenant: TenantId, role: usize) -> Outcome<EntityUid> {
    uid("Team", &format!("{tenant}/{}", world::role(role)))
}

fn policies(world: &World, role: usize) -> String {
    let (patterns, role) = (world.roles.get(role).into_iter().flatten(), world::role(role));
    let policy = |pattern: &String| {
        format!(
            "permit(principal, action in Action::\"{pattern}\", resource) when {{ principal in resource.{role} }};\n"
        )
    };
    patterns.map(policy).collect()
}

fn request(world: &World, question: &Question) -> Outcome<Request> {
    let user = world.member(question).ok_or("no member")?.user;
    let (user, action) = (uid("User", &user.to_string())?, uid("Action", question.permission.name())?);
    Ok(Request::new(user, action, uid("Tenant", &question.tenant.to_string())?, Context::empty(), None)?)
}

fn user(member: &world::Member) -> Outcome<Entity> {
    let teams = HashSet::from([team(member.tenant, member.role)?]);
    Ok(Entity::new_no_attrs(uid("User", &member.user.to_string())?, teams))
}

fn tenant(world: &World, tenant: TenantId) -> Outcome<Entity> {
    let team = |role| Ok((world::role(role), RestrictedExpression::new_entity_uid(team(tenant, role)?)));
    let teams: HashMap<_, _> = (0..world.roles.len()).map(team).collect::<Outcome<_>>()?;
    Ok(Entity::new(uid("Tenant", &tenant.to_string())?, teams, HashSet::new())?)
}

/// An action stands in one group for each pattern that covers it.
fn action(world: &World, permission: Permission) -> Outcome<Entity> {
    let patterns = world.patterns().into_iter().filter(|pattern| world::covers(pattern, permission.name()));
    let groups = patterns.map(|pattern| uid("Action", pattern)).collect::<Outcome<_>>()?;
    Ok(Entity::new_no_attrs(uid("Action", permission.name())?, groups))
}

fn everything(world: &World) -> Outcome<Entities> {
    let users = world.members.iter().map(user);
    let tenants = world.tenants.iter().map(|id| tenant(world, *id));
    let actions = world.names.iter().map(|name| action(world, *name));
    let entities: Vec<_> = users.chain(tenants).chain(actions).collect::<Outcome<_>>()?;
    Ok(Entities::from_entities(entities, None)?)
}

fn slice(world: &World, question: &Question) -> Outcome<Entities> {
    let member = world.member(question).ok_or("no member")?;
    let entities = [user(member)?, tenant(world, question.tenant)?, action(world, question.permission)?];
    Ok(Entities::from_entities(entities, None)?)
}
