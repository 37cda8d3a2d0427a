//! The answer to one question: in a word, in full, or as JSON.

use super::arguments::Question;
use super::outcome::Outcome;
use super::{policy_file, stored};
use crate::config::Config;
use mono_core::Error;
use mono_core::permission::{Explanation, Name, PermissionSet, Scope};
use mono_core::time::Timestamp;
use serde::Serialize;

/// What somebody who asks is told.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Answer {
    /// The permissions decide.
    Explained(Box<Explanation>),
    /// Every request is refused, before any permission is looked at.
    Barred { permission: Name, scope: Scope, reason: String, message: String },
}

/// Finds the answer in the policy file or in the database.
pub(super) async fn find(config: &Config, question: &Question) -> Result<Answer, Error> {
    match (&question.user, &question.policy) {
        (Some(email), _) => stored::answer(config, email, question).await,
        (None, Some(file)) => {
            let loaded = policy_file::load(file)?;
            let set = loaded.engine.compile(&loaded.facts(&question.subjects, question.home));
            let scope = question.scope.unwrap_or_else(Scope::platform);
            Ok(Answer::of(&set, &question.permission, &scope, question.when.moment()))
        }
        (None, None) => Err(Error::invalid("policy", "missing", "give a policy or a user")),
    }
}

impl Answer {
    /// What a compiled set says.
    pub(super) fn of(set: &PermissionSet, permission: &Name, scope: &Scope, now: Timestamp) -> Self {
        Self::Explained(Box::new(set.explain(permission, scope, now)))
    }

    /// The refusal of a person as a whole.
    pub(super) fn barred(permission: &Name, scope: Scope, error: &Error) -> Self {
        let (reason, message) = (error.code().to_owned(), error.message().to_owned());
        Self::Barred { permission: permission.clone(), scope, reason, message }
    }

    fn allowed(&self) -> bool {
        matches!(self, Self::Explained(explanation) if explanation.allowed())
    }

    fn reason(&self) -> &str {
        match self {
            Self::Explained(explanation) => explanation.code(),
            Self::Barred { reason, .. } => reason,
        }
    }

    fn outcome(&self, lines: Vec<String>) -> Outcome {
        Outcome { lines, positive: self.allowed() }
    }

    /// One line for programs and people in a hurry.
    pub(super) fn in_short(&self) -> Outcome {
        let line = if self.allowed() { "allowed".to_owned() } else { format!("refused: {}", self.reason()) };
        self.outcome(vec![line])
    }

    /// The explanation as it is serialised.
    pub(super) fn as_json(&self) -> Result<Outcome, Error> {
        let text = serde_json::to_string_pretty(self).map_err(Error::internal)?;
        Ok(self.outcome(text.lines().map(str::to_owned).collect()))
    }

    /// A sentence, an empty line, and the facts that decided, one in each line.
    pub(super) fn in_full(&self) -> Outcome {
        let (message, facts) = match self {
            Self::Explained(explanation) => (&explanation.message, facts(explanation)),
            Self::Barred { permission, scope, reason, message } => {
                let facts = [("permission", permission.to_string()), ("scope", scope.to_string())];
                (message, facts.into_iter().chain([("reason", reason.clone())]).collect())
            }
        };
        let facts = facts.into_iter().map(|(name, value)| format!("{name:<12} {value}"));
        self.outcome([message.clone(), String::new()].into_iter().chain(facts).collect())
    }
}

/// The facts of an explanation by name; what does not apply is left out.
fn facts(explanation: &Explanation) -> Vec<(&'static str, String)> {
    let fact = explanation.fact.as_ref();
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let rows = [
        ("permission", text(&explanation.permission)),
        ("scope", Some(explanation.scope.to_string())),
        ("reason", text(explanation.code())),
        ("roles", fact.and_then(|fact| text(&fact.roles.join(" > ")))),
        ("pattern", fact.and_then(|fact| text(&fact.pattern))),
        ("holds at", fact.map(|fact| fact.scope.to_string())),
        ("override", fact.filter(|fact| fact.by_override).map(|_| "the tenant's own".to_owned())),
        ("group", fact.and_then(|fact| fact.group.clone())),
        ("assignment", fact.and_then(|fact| fact.assignment).map(|id| id.to_string())),
        ("grant", fact.and_then(|fact| fact.grant).map(|id| id.to_string())),
        ("granted by", fact.and_then(|fact| fact.granted_by).map(|id| format!("user:{id}"))),
        ("from", fact.and_then(|fact| fact.starts_at).map(|moment| moment.to_rfc3339())),
        ("until", fact.and_then(|fact| fact.ends_at).map(|moment| moment.to_rfc3339())),
        ("note", fact.and_then(|fact| text(&fact.note))),
        ("audited", explanation.audited.then(|| "as super admin outside the home tenant".to_owned())),
        ("feature", explanation.feature.clone()),
        ("held at", explanation.held_at.map(|at| at.to_string())),
        ("nearest", explanation.nearest.clone()),
        ("would give", text(&explanation.roles.join(", "))),
    ];
    rows.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect()
}
