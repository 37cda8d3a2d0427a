//! What the questions about permissions take.

use super::subject;
use clap::Args;
use mono_core::id::TenantId;
use mono_core::permission::{Name, Scope, Subject};
use mono_core::text::{Email, Slug};
use mono_core::time::{Clock, Timestamp, truncate};
use mono_storage::system::SystemClock;
use std::fmt;
use std::path::PathBuf;

/// Whether somebody may do something somewhere. Whoever it is stands in a policy file, or in the database.
#[derive(Debug, Args)]
pub(in crate::command) struct Question {
    /// The policy file; `-` reads the standard input.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "user",
        conflicts_with_all = ["user", "tenant"]
    )]
    pub(super) policy: Option<PathBuf>,

    /// Who asks: `member:ID`, `user:ID`, `api_key:ID` or `group:KEY`. Give it again for a member's groups.
    #[arg(
        long = "subject",
        value_name = "SUBJECT",
        value_parser = subject::parse,
        required_unless_present = "user",
        conflicts_with = "user"
    )]
    pub(super) subjects: Vec<Subject>,

    /// The tenant in which a pass as super admin is nothing special.
    #[arg(long, value_name = "ID", conflicts_with = "user")]
    pub(super) home: Option<TenantId>,

    /// The e-mail address of a person in the database, in place of a policy.
    #[arg(long, value_name = "EMAIL")]
    pub(super) user: Option<Email>,

    /// The slug of the tenant that the person works in.
    #[arg(long, value_name = "SLUG", requires = "user")]
    pub(super) tenant: Option<Slug>,

    /// What is to be done, such as `tenant.accounts.read`.
    #[arg(long, value_name = "NAME")]
    pub(super) permission: Name,

    /// Where: `platform`, or a path such as `tenant:ID/account:ID` [default: the tenant of `--tenant`].
    #[arg(long, value_name = "SCOPE", required_unless_present = "tenant")]
    pub(super) scope: Option<Scope>,

    #[command(flatten)]
    pub(super) when: When,
}

/// Which table of roles.
#[derive(Debug, Args)]
pub(in crate::command) struct Matrix {
    /// The policy file; `-` reads the standard input [default: the catalogue of the database].
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,

    /// Show the roles as they are in this tenant, with its own ones: an id with `--policy`, otherwise an id or a slug.
    #[arg(long, value_name = "TENANT", value_parser = TenantName::parse)]
    pub(super) tenant: Option<TenantName>,
}

/// A tenant as somebody names it.
#[derive(Debug, Clone)]
pub(super) enum TenantName {
    Id(TenantId),
    Slug(Slug),
}

impl TenantName {
    fn parse(text: &str) -> Result<Self, String> {
        let slug = || Slug::parse(text).map(Self::Slug);
        text.parse().map(Self::Id).or_else(|_| slug()).map_err(|error| error.message().to_owned())
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Slug(slug) => slug.fmt(f),
        }
    }
}

/// What to look through for mistakes.
#[derive(Debug, Args)]
pub(in crate::command) struct Lint {
    /// The policy file; `-` reads the standard input [default: the catalogue of the database, and the roles of each tenant].
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,

    #[command(flatten)]
    pub(super) when: When,
}

/// Who may do something somewhere.
#[derive(Debug, Args)]
pub(in crate::command) struct WhoCan {
    /// The policy file; `-` reads the standard input.
    #[arg(long, value_name = "FILE")]
    pub(super) policy: PathBuf,

    /// What is to be done, such as `tenant.accounts.read`.
    #[arg(long, value_name = "NAME")]
    pub(super) permission: Name,

    /// Where: `platform`, or a path such as `tenant:ID/account:ID`.
    #[arg(long, value_name = "SCOPE")]
    pub(super) scope: Scope,

    #[command(flatten)]
    pub(super) when: When,
}

/// The moment that a question is about.
#[derive(Debug, Clone, Copy, Args)]
pub(in crate::command) struct When {
    /// When, such as `2026-01-31T12:00:00Z` [default: now].
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(super) at: Option<Timestamp>,
}

impl When {
    /// The moment that was asked about, or else the present one.
    pub(super) fn moment(self) -> Timestamp {
        self.at.unwrap_or_else(|| SystemClock.now())
    }
}

fn moment(text: &str) -> Result<Timestamp, String> {
    chrono::DateTime::parse_from_rfc3339(text)
        .map(|moment| truncate(moment.to_utc()))
        .map_err(|_| "a moment is written as 2026-01-31T12:00:00Z".to_owned())
}
