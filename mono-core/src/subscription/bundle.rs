//! What a plan and its add-ons give together.

use super::{AddOn, Allowance, Feature, Key, Plan, PlanCatalogue};
use crate::error::Problem;
use std::collections::BTreeMap;

/// The features and limits of a plan and its add-ons together, each with the place that first gave it.
#[derive(Default)]
pub(super) struct Bundle<'a> {
    pub(super) features: BTreeMap<&'a Key, String>,
    limits: BTreeMap<&'a Key, Allowance>,
}

impl<'a> Bundle<'a> {
    /// Adds features and bundles of features, named at `place`. Unknown keys are passed over: they are reported
    /// where they stand.
    pub(super) fn add(
        &mut self,
        catalogue: &'a PlanCatalogue,
        place: &str,
        features: &'a [Key],
        sets: &'a [Key],
    ) {
        for (position, feature) in features.iter().enumerate() {
            if catalogue.feature(feature.as_str()).is_some() {
                self.features.entry(feature).or_insert_with(|| format!("{place}.features[{position}]"));
            }
        }
        for (position, set) in sets.iter().enumerate() {
            for feature in catalogue.expand(&[], std::slice::from_ref(set)) {
                self.features.entry(feature).or_insert_with(|| format!("{place}.feature_sets[{position}]"));
            }
        }
    }

    /// Adds all of a plan.
    pub(super) fn add_plan(&mut self, catalogue: &'a PlanCatalogue, place: &str, plan: &'a Plan) {
        self.add(catalogue, place, &plan.features, &plan.feature_sets);
        for limit in catalogue.limits() {
            let maximum = plan.limits.get(&limit.key).copied().unwrap_or(limit.default);
            self.limits.insert(&limit.key, maximum);
        }
    }

    /// Adds all of an add-on, `quantity` times.
    pub(super) fn add_add_on(
        &mut self,
        catalogue: &'a PlanCatalogue,
        place: &str,
        add_on: &'a AddOn,
        quantity: u32,
    ) {
        self.add(catalogue, place, &add_on.features, &add_on.feature_sets);
        for (limit, each) in &add_on.limits {
            if let Some(maximum) = self.limits.get_mut(limit) {
                *maximum = maximum.plus(each.times(quantity));
            }
        }
    }

    /// What is missing or contradictory, at the place that gave the feature in question.
    pub(super) fn problems(&self, catalogue: &PlanCatalogue, plan: &Plan) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (key, place) in &self.features {
            let Some(feature) = catalogue.feature(key.as_str()) else { continue };
            self.check(feature, place, plan, &mut problems);
        }
        problems
    }

    fn check(&self, feature: &Feature, place: &str, plan: &Plan, problems: &mut Vec<Problem>) {
        let key = &feature.key;
        for needed in feature.depends_on.iter().filter(|needed| !self.features.contains_key(needed)) {
            let message = format!("`{key}` needs the feature `{needed}`, which plan `{}` lacks", plan.key);
            problems.push(Problem::new(place, "missing_dependency", message));
        }
        for other in &feature.conflicts_with {
            let Some(other_place) = self.features.get(other) else { continue };
            // A plan is there before what is bought on top of it, whichever of the two names the conflict.
            let added = other_place.starts_with("add_ons") && !place.starts_with("add_ons");
            let message = format!("`{key}` cannot stand beside `{other}`");
            problems.push(Problem::new(if added { other_place } else { place }, "conflict", message));
        }
        for limit in &feature.required_limits {
            if self.limits.get(limit) == Some(&Allowance::NONE) {
                let message =
                    format!("`{key}` needs the limit `{limit}`, of which plan `{}` gives 0", plan.key);
                problems.push(Problem::new(place, "missing_limit", message));
            }
        }
        if !feature.allowed_in(&plan.key) {
            let plans: Vec<_> = feature.plans.iter().map(Key::as_str).collect();
            let message =
                format!("`{key}` needs the plan {}, and this is `{}`", plans.join(" or "), plan.key);
            problems.push(Problem::new(place, "wrong_plan", message));
        }
    }
}
