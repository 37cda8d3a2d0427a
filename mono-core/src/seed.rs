//! Seed files: permissions, roles, features, limits, plans and templates as one JSON file, checked as a whole.
//!
//! A file that is wrong in ten places is refused once, with ten problems, each with its line and its path.

mod check;
mod items;
mod reader;

pub use check::check_owners;

use crate::error::Problem;
use crate::permission::Engine;
use crate::subscription::PlanCatalogue;
use crate::text::Slug;

/// What a seed file holds, whole and without contradiction: [`Seed::parse`] is the only way to one.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Seed {
    /// The name of the catalogue.
    pub name: Slug,
    /// The edition of the catalogue, for people: loading a file writes over what has the same keys, whatever its edition.
    pub version: u32,
    /// Every permission and the system roles; [`Engine::catalogue`] and [`Engine::roles`] list them.
    pub engine: Engine,
    /// Features, feature sets, limits, plans, add-ons, and the templates of new tenants.
    pub plans: PlanCatalogue,
}

impl Seed {
    /// The product-neutral seed: the base permissions, the default chain of roles, a starter plan and an unlimited one.
    pub const STARTER: &str = include_str!("../data/starter.json");

    /// The largest file that is read, in bytes.
    pub const MAX_BYTES: usize = 1 << 20;

    /// Reads a seed file and checks all of it before any of it is used.
    ///
    /// # Errors
    /// Every problem, in the order of the lines, each with a place such as `line 41: roles[3].allow[2]`.
    ///
    /// ```
    /// use mono_core::seed::Seed;
    /// let seed = Seed::parse(Seed::STARTER).unwrap();
    /// assert!(seed.plans.plan("starter").is_some());
    ///
    /// let problems = Seed::parse("{\n\"catalogue\": \"mine\",\n\"version\": true\n}").unwrap_err();
    /// let places: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
    /// assert_eq!(places, ["line 1: permissions", "line 1: roles", "line 3: version"]);
    /// ```
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let mut reader = reader::Reader::new(text);
        match check::seed(&mut reader) {
            Some(seed) if reader.is_clean() => Ok(seed),
            _ => Err(reader.into_problems()),
        }
    }
}
