//! regorus: the same rules in Rego, with the members and roles as data.

use crate::world::{self, World};
use crate::{Group, Outcome, subject};
use mono_core::permission::Permission;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::RegoVM;
use regorus::{Engine, Rc, Value};
use std::collections::BTreeMap;
use std::fmt::Write;

const RULE: &str = "data.authz.allow";

/// The way of the manual: patterns are compared in Rego.
const PATTERNS: &str = r#"
package authz
import rego.v1
default allow := false
allow if {
    some pattern in data.roles[data.members[input.tenant][input.user]]
    glob.match(pattern, ["."], input.permission)
}
"#;

/// The fast way: whoever writes the data has expanded the patterns into names.
const NAMES: &str = r"
package authz
import rego.v1
default allow := false
allow if data.names[data.members[input.tenant][input.user]][input.permission]
";

pub(crate) fn run(group: &mut Group<'_>, world: &World) -> Outcome {
    let data = Value::from_json_str(&data(world)?)?;
    let inputs: Vec<_> = (world.questions.iter())
        .map(|question| {
            let (tenant, name) = (question.tenant, question.permission.name());
            let user = world.member(question).ok_or("no member")?.user;
            let input = format!(r#"{{"tenant": "{tenant}", "user": "{user}", "permission": "{name}"}}"#);
            Ok(Value::from_json_str(&input)?)
        })
        .collect::<Outcome<_>>()?;
    let yes = Value::Bool(true);
    for (way, policy) in [("patterns", PATTERNS), ("names expanded", NAMES)] {
        let mut engine = Engine::new();
        engine.add_policy("authz.rego".to_owned(), policy.to_owned())?;
        engine.add_data(data.clone())?;
        let compiled = engine.compile_with_entrypoint(&Rc::from(RULE))?;
        let mut vm = RegoVM::new();
        vm.load_program(Compiler::compile_from_policy(&compiled, &[RULE])?);
        vm.set_data(data.clone())?;

        let name = format!("interpreted, {way}");
        subject(group, &name, &world.questions, &inputs, |input: &Value| {
            engine.set_input(input.clone());
            engine.eval_rule(RULE.to_owned()).is_ok_and(|value| value == yes)
        })?;
        let name = format!("compiled policy, {way}");
        subject(group, &name, &world.questions, &inputs, |input: &Value| {
            compiled.eval_with_input(input.clone()).is_ok_and(|value| value == yes)
        })?;
        let name = format!("virtual machine, {way}");
        subject(group, &name, &world.questions, &inputs, |input: &Value| {
            vm.set_input(input.clone());
            vm.execute().is_ok_and(|value| value == yes)
        })?;
    }
    Ok(())
}

/// The role of each member by tenant, the patterns of each role, and the names that these cover.
fn data(world: &World) -> Outcome<String> {
    let mut members = BTreeMap::<_, String>::new();
    for member in &world.members {
        let tenant = members.entry(member.tenant).or_default();
        write!(tenant, r#""{}": "{}","#, member.user, world::role(member.role))?;
    }
    let (mut tenants, mut roles, mut names) = (String::new(), String::new(), String::new());
    for (tenant, members) in members {
        write!(tenants, r#""{tenant}": {{{}}},"#, members.trim_end_matches(','))?;
    }
    for (number, patterns) in world.roles.iter().enumerate() {
        let role = world::role(number);
        // In a glob `*` covers one segment and `**` any number of them.
        let globs = patterns.each_ref().map(|pattern| match pattern.strip_suffix(".*") {
            Some(start) => format!("{start}.**"),
            None => pattern.clone(),
        });
        write!(roles, r#""{role}": {globs:?},"#)?;
        let covered = world.names.iter().map(Permission::name);
        let covered = covered.filter(|name| patterns.iter().any(|pattern| world::covers(pattern, name)));
        let covered: Vec<_> = covered.map(|name| format!(r#""{name}": true"#)).collect();
        write!(names, r#""{role}": {{{}}},"#, covered.join(","))?;
    }
    Ok(format!(
        r#"{{"members": {{{}}}, "roles": {{{}}}, "names": {{{}}}}}"#,
        tenants.trim_end_matches(','),
        roles.trim_end_matches(','),
        names.trim_end_matches(',')
    ))
}
