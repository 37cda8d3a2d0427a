//! Everything that can be bought, checked as a whole.

use super::section::Section;
use super::{AddOn, Entitlements, Feature, FeatureSet, Key, Limit, Override, Plan, Subscription, validation};
use crate::error::Problem;
use crate::model::template::Template;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The lists that a [`PlanCatalogue`] is built from: plain data, not checked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlanDefinitions {
    /// What plans can switch on.
    pub features: Vec<Feature>,
    /// Bundles of features.
    pub feature_sets: Vec<FeatureSet>,
    /// What is counted.
    pub limits: Vec<Limit>,
    /// What tenants subscribe to.
    pub plans: Vec<Plan>,
    /// What is bought on top.
    pub add_ons: Vec<AddOn>,
    /// What new tenants start from.
    pub templates: Vec<Template>,
}

/// Everything that can be bought. It exists only if it is whole: every name is known, nothing holds itself, and each
/// plan has what its features need.
///
/// ```
/// use mono_core::subscription::{PlanCatalogue, PlanDefinitions};
/// let definitions: PlanDefinitions = serde_json::from_str(r#"{
///     "limits": [{"key": "accounts", "name": "Accounts", "unit": "account", "category": "tenancy",
///                 "default": 1, "window": "total", "enforcement": "hard"}],
///     "plans": [{"key": "starter", "name": "Starter", "limits": {"accounts": 5, "teams": 3},
///                "price": {"amount": 2900, "currency": "EUR", "interval": "month"}}]
/// }"#)?;
/// let problems = PlanCatalogue::build(definitions, |_permission| true).unwrap_err();
/// assert_eq!(problems[0].field, "plans[0].limits.teams");
/// assert_eq!(problems[0].code, "unknown_limit");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct PlanCatalogue {
    pub(super) features: Section<Feature>,
    pub(super) feature_sets: Section<FeatureSet>,
    pub(super) limits: Section<Limit>,
    pub(super) plans: Section<Plan>,
    pub(super) add_ons: Section<AddOn>,
    pub(super) templates: Section<Template>,
}

impl PlanCatalogue {
    /// Checks the lists and puts them together. `knows_permission` says which permissions exist.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place such as `plans[1].features[2]`.
    pub fn build(
        definitions: PlanDefinitions,
        knows_permission: impl Fn(&str) -> bool,
    ) -> Result<Self, Vec<Problem>> {
        let catalogue = Self {
            features: Section::new(definitions.features),
            feature_sets: Section::new(definitions.feature_sets),
            limits: Section::new(definitions.limits),
            plans: Section::new(definitions.plans),
            add_ons: Section::new(definitions.add_ons),
            templates: Section::new(definitions.templates),
        };
        let problems = validation::problems(&catalogue, &knows_permission);
        if problems.is_empty() { Ok(catalogue) } else { Err(problems) }
    }

    /// The feature with this key.
    pub fn feature(&self, key: &str) -> Option<&Feature> {
        self.features.get(key)
    }

    /// The feature set with this key.
    pub fn feature_set(&self, key: &str) -> Option<&FeatureSet> {
        self.feature_sets.get(key)
    }

    /// The limit with this key.
    pub fn limit(&self, key: &str) -> Option<&Limit> {
        self.limits.get(key)
    }

    /// The plan with this key.
    pub fn plan(&self, key: &str) -> Option<&Plan> {
        self.plans.get(key)
    }

    /// The add-on with this key.
    pub fn add_on(&self, key: &str) -> Option<&AddOn> {
        self.add_ons.get(key)
    }

    /// The template with this key.
    pub fn template(&self, key: &str) -> Option<&Template> {
        self.templates.get(key)
    }

    /// All features, in the order in which they were given.
    pub fn features(&self) -> &[Feature] {
        self.features.items()
    }

    /// All feature sets, in the order in which they were given.
    pub fn feature_sets(&self) -> &[FeatureSet] {
        self.feature_sets.items()
    }

    /// All limits, in the order in which they were given.
    pub fn limits(&self) -> &[Limit] {
        self.limits.items()
    }

    /// All plans, in the order in which they were given.
    pub fn plans(&self) -> &[Plan] {
        self.plans.items()
    }

    /// All add-ons, in the order in which they were given.
    pub fn add_ons(&self) -> &[AddOn] {
        self.add_ons.items()
    }

    /// All templates, in the order in which they were given.
    pub fn templates(&self) -> &[Template] {
        self.templates.items()
    }

    /// Every feature that a plan gives, with those of its bundles; empty for a plan that does not exist.
    pub fn features_of(&self, plan: &str) -> BTreeSet<&Key> {
        self.plan(plan).map(|plan| self.expand(&plan.features, &plan.feature_sets)).unwrap_or_default()
    }

    /// The features named, and those of the bundles named and of the bundles in them. It ends also where bundles hold
    /// each other, as they may before the catalogue is checked.
    pub(super) fn expand<'a>(&'a self, features: &'a [Key], sets: &'a [Key]) -> BTreeSet<&'a Key> {
        let mut found: BTreeSet<&Key> = features.iter().collect();
        let mut open: Vec<&Key> = sets.iter().collect();
        let mut seen = BTreeSet::new();
        while let Some(key) = open.pop() {
            let Some(set) = self.feature_set(key.as_str()).filter(|_| seen.insert(key)) else { continue };
            found.extend(&set.features);
            open.extend(&set.feature_sets);
        }
        found.retain(|feature| self.feature(feature.as_str()).is_some());
        found
    }

    /// Whether the subscription makes sense at `now` and at every later moment at which it changes: known plans and
    /// add-ons, quantities within bounds, and no feature without what it needs.
    ///
    /// # Errors
    /// Everything that is wrong, with places such as `plan_changes[0].plan` and `add_ons[1]`.
    pub fn check_subscription(
        &self,
        subscription: &Subscription,
        now: Timestamp,
    ) -> Result<(), Vec<Problem>> {
        let problems = validation::subscription_problems(self, subscription, now);
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// Whether an override names what exists, says why, holds for any time at all, and gives no feature that lacks
    /// something or cannot stand beside what is in force. `present` is what holds where the override is for.
    ///
    /// # Errors
    /// Everything that is wrong, with places such as `change` and `reason`.
    pub fn check_override(&self, exception: &Override, present: &Entitlements) -> Result<(), Vec<Problem>> {
        let problems = validation::override_problems(self, exception, present);
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// Whether overrides that were agreed on before name what exists, say why, and hold for any time at all. What they need
    /// beside them was asked when each was [agreed on](Self::check_override), and may have ended since.
    ///
    /// # Errors
    /// Everything that is wrong, with places such as `overrides[0].reason`.
    pub fn check_overrides(&self, overrides: &[Override]) -> Result<(), Vec<Problem>> {
        let problems: Vec<_> = overrides
            .iter()
            .enumerate()
            .flat_map(|(position, exception)| {
                validation::lasting_override_problems(self, exception).into_iter().map(move |problem| {
                    Problem { field: format!("overrides[{position}].{}", problem.field), ..problem }
                })
            })
            .collect();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}
