//! The sentences of an explanation.

use super::explain::{Explanation, Fact, Reason};

/// Says in one sentence why the answer is what it is.
pub(crate) fn sentence(answer: &Explanation) -> String {
    let (permission, scope) = (&answer.permission, &answer.scope);
    let fact = answer.fact.as_ref();
    let by = fact.map(describe).unwrap_or_default();
    let begin = fact.and_then(|fact| fact.starts_at).map(|moment| moment.to_rfc3339()).unwrap_or_default();
    let end = fact.and_then(|fact| fact.ends_at).map(|moment| moment.to_rfc3339()).unwrap_or_default();
    match answer.reason {
        Reason::Allowed => format!("{permission} is allowed at {scope} by {by}."),
        Reason::UnknownPermission => format!("{permission} is not in the catalogue of permissions."),
        Reason::Closed => {
            "A stored deny cannot be read, so everything is refused until it is repaired.".to_owned()
        }
        Reason::Suspended => match fact.map(|fact| fact.scope) {
            Some(at) => format!("{permission} is refused: {at} is suspended."),
            None => format!("{permission} is refused: {scope} is suspended."),
        },
        Reason::Denied => format!("{permission} is forbidden at {scope} by {by}."),
        Reason::Expired => format!("{permission} was allowed at {scope} by {by} until {end}."),
        Reason::NotYet => format!("{permission} will be allowed at {scope} by {by} from {begin} on."),
        Reason::RemovedByOverride => {
            format!("{permission} comes with {by}, but the tenant took it from the role.")
        }
        Reason::NoAssignment => format!("No role and no grant holds at {scope}.{}", hints(answer)),
        Reason::NoGrant => format!("Nothing held at {scope} allows {permission}.{}", hints(answer)),
        Reason::KeyLacks => {
            format!("The owner of the API key may use {permission} at {scope}; the key may not.")
        }
        Reason::FeatureMissing => {
            let feature = answer.feature.as_deref().unwrap_or_default();
            format!(
                "{permission} is held at {scope}, but the feature {feature} is not part of the subscription."
            )
        }
    }
}

fn describe(fact: &Fact) -> String {
    let what = if fact.roles.is_empty() {
        format!("the direct grant of {}", fact.pattern)
    } else {
        format!("the role {} with {}", fact.roles.join(" > "), fact.pattern)
    };
    let by_override = fact.by_override.then(|| " (added by the tenant)".to_owned());
    let group = fact.group.as_ref().map(|group| format!(" through the group {group}"));
    let by = fact.granted_by.map(|user| format!(", made by the user {user}"));
    let note = (!fact.note.is_empty()).then(|| format!(" ({})", fact.note));
    let more = [by_override, Some(format!(" at {}", fact.scope)), group, by, note];
    more.into_iter().flatten().fold(what, |text, part| text + &part)
}

fn hints(answer: &Explanation) -> String {
    let held_at = answer.held_at.map(|at| format!(" It is held at {at}."));
    let nearest = answer.nearest.as_ref().map(|name| format!(" The nearest permission held here is {name}."));
    let roles = (!answer.roles.is_empty())
        .then(|| format!(" Roles that would give it: {}.", answer.roles.join(", ")));
    [held_at, nearest, roles].into_iter().flatten().collect()
}
