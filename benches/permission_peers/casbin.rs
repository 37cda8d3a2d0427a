//! casbin: roles in domains as in its manual, tuned as far as it goes without changing casbin.

use crate::world::{self, World};
use crate::{Group, Outcome, subject};
use casbin::function_map::OperatorFunction;
use casbin::rhai::Dynamic;
use casbin::{
    CachedApi, CachedEnforcer, CoreApi, DefaultCache, DefaultModel, Enforcer, MemoryAdapter, MgmtApi,
    TryIntoAdapter, TryIntoModel, function_map,
};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// One line for each pattern of a role, for all tenants. The pattern is compared first, since that is cheaper than
/// the walk through the roles and mostly says no.
const MODEL: &str = "
[request_definition]
r = sub, dom, act
[policy_definition]
p = sub, act
[role_definition]
g = _, _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = covers(r.act, p.act) && g(r.sub, p.sub, r.dom)
";

pub(crate) fn run(group: &mut Group<'_>, world: &World) -> Outcome {
    let rows: Vec<_> = (world.questions.iter())
        .filter_map(|question| {
            let user = world.member(question)?.user.to_string();
            Some((user, question.tenant.to_string(), question.permission.name()))
        })
        .collect();
    let enforcer: Enforcer = enforcer(world)?;
    subject(group, "enforcer", &world.questions, &rows, |(user, tenant, name)| {
        enforcer.enforce((user, tenant, name)).is_ok_and(|allowed| allowed)
    })?;
    let mut cached: CachedEnforcer = self::enforcer(world)?;
    // By default two hundred decisions are kept.
    cached.set_cache(Box::new(DefaultCache::new(4 * rows.len())));
    subject(group, "cached enforcer, all decisions in the cache", &world.questions, &rows, |row| {
        let (user, tenant, name) = row;
        cached.enforce((user, tenant, name)).is_ok_and(|allowed| allowed)
    })
}

/// How often casbin's own `keyMatch`, in place of the rule for patterns, would have given another answer.
pub(crate) fn trap(world: &World) -> String {
    let wrong = world.questions.iter().filter(|question| {
        let at_home = world.member(question).filter(|member| member.tenant == question.tenant);
        let patterns = at_home.and_then(|member| world.roles.get(member.role));
        let allows = |pattern: &String| function_map::key_match(question.permission.name(), pattern);
        !question.allowed && patterns.is_some_and(|patterns| patterns.iter().any(allows))
    });
    format!(
        "keyMatch of casbin would allow too much in {} of {} questions, so `covers` stands in its place",
        wrong.count(),
        world.questions.len()
    )
}

fn enforcer<E: CoreApi + MgmtApi>(world: &World) -> Outcome<E> {
    let model = ready(DefaultModel::from_str(MODEL))??;
    let mut enforcer: E = ready(new(model, MemoryAdapter::default()))??;
    let covers = |name: Dynamic, pattern: Dynamic| {
        let (name, pattern) = (name.into_immutable_string(), pattern.into_immutable_string());
        let covered = name.is_ok_and(|name| pattern.is_ok_and(|pattern| world::covers(&pattern, &name)));
        covered.into()
    };
    enforcer.add_function("covers", OperatorFunction::Arg2(covers));
    let roles = world.roles.iter().enumerate();
    let lines = roles.flat_map(|(number, patterns)| {
        patterns.iter().map(move |pattern| vec![world::role(number), pattern.clone()])
    });
    ready(enforcer.add_policies(lines.collect()))??;
    let members = world
        .members
        .iter()
        .map(|member| vec![member.user.to_string(), world::role(member.role), member.tenant.to_string()]);
    ready(enforcer.add_grouping_policies(members.collect()))??;
    Ok(enforcer)
}

async fn new<E: CoreApi>(model: impl TryIntoModel, adapter: impl TryIntoAdapter) -> casbin::Result<E> {
    E::new(model, adapter).await
}

/// The result of a future that waits for nothing: all is in memory.
fn ready<T>(future: impl Future<Output = T>) -> Outcome<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Ok(value),
        Poll::Pending => Err("casbin waits for something".into()),
    }
}
