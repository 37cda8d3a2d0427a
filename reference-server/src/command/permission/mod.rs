//! `mono permission …`: who may do what, and why, answered from a policy file or from the database.

mod answer;
mod arguments;
mod lint;
mod outcome;
mod policy_file;
mod stored;
mod subject;

use crate::config::Config;
use arguments::{Lint, Matrix, Question, TenantName, WhoCan};
use clap::Subcommand;
use mono_core::Error;
use mono_core::permission::TenantRules;
use outcome::Outcome;
use std::process::ExitCode;

/// The questions about permissions.
#[derive(Debug, Subcommand)]
pub(super) enum PermissionAction {
    /// Say whether something is allowed: `allowed` or `refused: CODE`.
    ///
    /// Ends with 0 (allowed), 3 (refused), 1 (there is no answer) or 2 (wrong use).
    Check(Question),
    /// Say why something is allowed or refused: a sentence, and the facts that decide. Ends as `check` does.
    Explain {
        #[command(flatten)]
        question: Question,
        /// Print the explanation as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the table of permissions and roles: `x` is given by the role itself, `+` is inherited.
    Matrix(Matrix),
    /// List what is wrong or looks like a mistake, one line each with its place.
    ///
    /// Ends with 0 (nothing), 3 (findings), 1 (there is no answer) or 2 (wrong use).
    Lint(Lint),
    /// List who of those named in a policy file may do something, each by itself.
    WhoCan(WhoCan),
}

/// Answers a question, and tells how the program ends.
pub(super) async fn run(config: &Config, action: &PermissionAction) -> Result<ExitCode, Error> {
    let outcome = match action {
        PermissionAction::Check(question) => answer::find(config, question).await?.in_short(),
        PermissionAction::Explain { question, json: false } => {
            answer::find(config, question).await?.in_full()
        }
        PermissionAction::Explain { question, json: true } => {
            answer::find(config, question).await?.as_json()?
        }
        PermissionAction::Matrix(asked) => matrix(config, asked).await?,
        PermissionAction::Lint(asked) => lint::run(config, asked).await?,
        PermissionAction::WhoCan(asked) => who_can(asked)?,
    };
    outcome.print()
}

async fn matrix(config: &Config, asked: &Matrix) -> Result<Outcome, Error> {
    let (engine, tenant) = match (&asked.policy, &asked.tenant) {
        (Some(_), Some(TenantName::Slug(_))) => {
            return Err(Error::invalid(
                "tenant",
                "invalid_id",
                "in a policy file tenants have ids and no slugs",
            ));
        }
        (Some(file), Some(TenantName::Id(tenant))) => (policy_file::load(file)?.engine, Some(*tenant)),
        (Some(file), None) => (policy_file::load(file)?.engine, None),
        (None, None) => (stored::engine(config).await?, None),
        (None, Some(name)) => {
            let (engine, tenant) = stored::engine_of(config, name).await?;
            (engine, Some(tenant))
        }
    };
    if let (Some(name), Some(tenant)) = (&asked.tenant, tenant) {
        let changes = |rules: &TenantRules| !rules.roles().is_empty() || !rules.overrides().is_empty();
        if !engine.tenant(tenant).is_some_and(changes) {
            outcome::warn(&format!("the tenant {name} changes no role; these are the roles of all"));
        }
    }
    Ok(Outcome::positive(engine.matrix(tenant).lines().map(str::to_owned)))
}

fn who_can(asked: &WhoCan) -> Result<Outcome, Error> {
    let loaded = policy_file::load(&asked.policy)?;
    if loaded.engine.resolve(&asked.permission).is_none() {
        let message = format!("the catalogue has no permission {}", asked.permission);
        return Err(Error::invalid("permission", "unknown_permission", message));
    }
    let subjects = loaded.who_can(&asked.permission, &asked.scope, asked.when.moment());
    if subjects.is_empty() {
        outcome::warn("nobody that the policy names may do this");
    }
    Ok(Outcome::positive(subjects.iter().map(subject::text)))
}
