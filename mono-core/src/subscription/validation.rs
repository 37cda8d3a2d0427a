//! Finds everything that is wrong with a catalogue or a subscription, at once.

use super::bundle::Bundle;
use super::cycle::cycles;
use super::item::CatalogueItem;
use super::section::Section;
use super::{
    Entitlements, Feature, FeatureKind, Key, Override, OverrideChange, PlanCatalogue, Subscription,
    SubscriptionState,
};
use crate::error::Problem;
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Everything wrong with a catalogue, in the order of its lists.
pub(super) fn problems(catalogue: &PlanCatalogue, knows_permission: &dyn Fn(&str) -> bool) -> Vec<Problem> {
    let mut checker = Checker { catalogue, problems: Vec::new() };
    checker.features(knows_permission);
    checker.feature_sets();
    checker.duplicate_keys("limits", &catalogue.limits);
    checker.plans();
    checker.add_ons();
    checker.templates();
    checker.problems
}

/// A name at `place` that nothing has; `kind` is what was looked for: `feature`, `limit`, `plan`.
pub(super) fn unknown(place: impl Into<String>, key: &Key, kind: &str) -> Problem {
    let code = format!("unknown_{}", kind.replace([' ', '-'], "_"));
    Problem::new(place, code, format!("there is no {kind} `{key}`"))
}

struct Checker<'a> {
    catalogue: &'a PlanCatalogue,
    problems: Vec<Problem>,
}

impl<'a> Checker<'a> {
    fn report(&mut self, place: impl Into<String>, code: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(place, code, message));
    }

    fn duplicate_keys<T: CatalogueItem>(&mut self, name: &str, section: &Section<T>) {
        for (position, item) in section.items().iter().enumerate() {
            let key = item.key();
            if section.position(key.as_str()) != Some(position) {
                let message = format!("an earlier one has the key `{key}` already");
                self.report(format!("{name}[{position}].key"), "duplicate_key", message);
            }
        }
    }

    /// Reports the keys of a list that nothing has, and those that stand in it twice.
    fn list(&mut self, place: &str, keys: &[Key], kind: &str, exists: impl Fn(&str) -> bool) {
        let mut seen = BTreeSet::new();
        for (position, key) in keys.iter().enumerate() {
            let place = format!("{place}[{position}]");
            if !exists(key.as_str()) {
                self.problems.push(unknown(place, key, kind));
            } else if !seen.insert(key) {
                self.report(place, "duplicate", format!("`{key}` stands in this list twice"));
            }
        }
    }

    fn feature_list(&mut self, place: &str, keys: &[Key]) {
        let catalogue = self.catalogue;
        self.list(place, keys, "feature", |key| catalogue.feature(key).is_some());
    }

    fn set_list(&mut self, place: &str, keys: &[Key]) {
        let catalogue = self.catalogue;
        self.list(place, keys, "feature set", |key| catalogue.feature_set(key).is_some());
    }

    fn limit_list(&mut self, place: &str, keys: &[Key]) {
        let catalogue = self.catalogue;
        self.list(place, keys, "limit", |key| catalogue.limit(key).is_some());
    }

    fn plan_list(&mut self, place: &str, keys: &[Key]) {
        let catalogue = self.catalogue;
        self.list(place, keys, "plan", |key| catalogue.plan(key).is_some());
    }

    fn limit_names<'k>(&mut self, place: &str, keys: impl Iterator<Item = &'k Key>) {
        for key in keys.filter(|key| self.catalogue.limit(key.as_str()).is_none()).collect::<Vec<_>>() {
            self.problems.push(unknown(format!("{place}.limits.{key}"), key, "limit"));
        }
    }

    fn features(&mut self, knows_permission: &dyn Fn(&str) -> bool) {
        let catalogue = self.catalogue;
        self.duplicate_keys("features", &catalogue.features);
        let mut owners: BTreeMap<&str, &Key> = BTreeMap::new();
        for (position, feature) in catalogue.features().iter().enumerate() {
            let place = format!("features[{position}]");
            for (position, permission) in feature.permissions.iter().enumerate() {
                let place = format!("{place}.permissions[{position}]");
                if !knows_permission(permission) {
                    let message = format!("there is no permission `{permission}`");
                    self.report(place, "unknown_permission", message);
                } else if let Some(owner) = owners.insert(permission, &feature.key) {
                    self.report(place, "duplicate", format!("`{permission}` already belongs to `{owner}`"));
                }
            }
            self.limit_list(&format!("{place}.required_limits"), &feature.required_limits);
            self.limit_list(&format!("{place}.optional_limits"), &feature.optional_limits);
            self.feature_list(&format!("{place}.depends_on"), &feature.depends_on);
            self.feature_list(&format!("{place}.conflicts_with"), &feature.conflicts_with);
            self.plan_list(&format!("{place}.plans"), &feature.plans);
            for (position, other) in feature.conflicts_with.iter().enumerate() {
                if *other == feature.key || feature.depends_on.contains(other) {
                    let message = format!("`{}` needs `{other}`, so it cannot exclude it", feature.key);
                    self.report(format!("{place}.conflicts_with[{position}]"), "conflict", message);
                }
            }
            if feature.kind == FeatureKind::Quantity && feature.required_limits.is_empty() {
                let message =
                    format!("`{}` comes in a quantity, and names no limit that counts it", feature.key);
                self.report(format!("{place}.required_limits"), "missing_limit", message);
            }
        }
        self.cycles("features", "depends_on", &catalogue.features, |feature| &feature.depends_on);
    }

    fn feature_sets(&mut self) {
        let catalogue = self.catalogue;
        self.duplicate_keys("feature_sets", &catalogue.feature_sets);
        for (position, set) in catalogue.feature_sets().iter().enumerate() {
            self.feature_list(&format!("feature_sets[{position}].features"), &set.features);
            self.set_list(&format!("feature_sets[{position}].feature_sets"), &set.feature_sets);
        }
        self.cycles("feature_sets", "feature_sets", &catalogue.feature_sets, |set| &set.feature_sets);
    }

    fn cycles<T: CatalogueItem>(
        &mut self,
        name: &str,
        field: &str,
        section: &'a Section<T>,
        edges: fn(&T) -> &[Key],
    ) {
        let graph = |key: &'a str| section.get(key).map_or(&[][..], edges).iter().map(Key::as_str).collect();
        for path in cycles(section.items().iter().map(|item| item.key().as_str()), graph) {
            let position = path.first().and_then(|key| section.position(key)).unwrap_or_default();
            let message = format!("this goes in a circle: {}", path.join(" > "));
            self.report(format!("{name}[{position}].{field}"), "cycle", message);
        }
    }

    fn templates(&mut self) {
        let catalogue = self.catalogue;
        self.duplicate_keys("templates", &catalogue.templates);
        for (position, template) in catalogue.templates().iter().enumerate() {
            let place = format!("templates[{position}]");
            if catalogue.plan(template.plan.as_str()).is_none() {
                self.problems.push(unknown(format!("{place}.plan"), &template.plan, "plan"));
            }
            self.problems.extend(template.problems_at(&place));
        }
    }

    fn plans(&mut self) {
        let catalogue = self.catalogue;
        self.duplicate_keys("plans", &catalogue.plans);
        for (position, plan) in catalogue.plans().iter().enumerate() {
            let place = format!("plans[{position}]");
            self.feature_list(&format!("{place}.features"), &plan.features);
            self.set_list(&format!("{place}.feature_sets"), &plan.feature_sets);
            self.limit_names(&place, plan.limits.keys());
            let mut bundle = Bundle::default();
            bundle.add_plan(catalogue, &place, plan);
            self.problems.extend(bundle.problems(catalogue, plan));
        }
    }

    fn add_ons(&mut self) {
        let catalogue = self.catalogue;
        self.duplicate_keys("add_ons", &catalogue.add_ons);
        for (position, add_on) in catalogue.add_ons().iter().enumerate() {
            let place = format!("add_ons[{position}]");
            self.feature_list(&format!("{place}.features"), &add_on.features);
            self.set_list(&format!("{place}.feature_sets"), &add_on.feature_sets);
            self.plan_list(&format!("{place}.plans"), &add_on.plans);
            self.limit_names(&place, add_on.limits.keys());
            // More of a limit never breaks a plan.
            if catalogue.expand(&add_on.features, &add_on.feature_sets).is_empty() {
                continue;
            }
            for plan in catalogue.plans().iter().filter(|plan| add_on.goes_with(&plan.key)) {
                let mut bundle = Bundle::default();
                bundle.add_plan(catalogue, "plan", plan);
                bundle.add_add_on(catalogue, &place, add_on, 1);
                // What is wrong with the plan itself was reported there.
                let added =
                    bundle.problems(catalogue, plan).into_iter().filter(|p| p.field.starts_with(&place));
                self.problems.extend(added);
            }
        }
    }
}

/// Everything wrong with a subscription at `now` and at each later moment at which it changes.
/// How many changes of plan, and how many add-ons, a subscription keeps.
const MOST_ENTRIES: usize = 1000;

pub(super) fn subscription_problems(
    catalogue: &PlanCatalogue,
    subscription: &Subscription,
    now: Timestamp,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let changes = subscription.plan_changes.iter().enumerate();
    let later = changes.map(|(position, change)| (format!("plan_changes[{position}].plan"), &change.plan));
    for (place, plan) in std::iter::once(("plan".to_owned(), &subscription.plan)).chain(later) {
        if catalogue.plan(plan.as_str()).is_none() {
            problems.push(unknown(place, plan, "plan"));
        }
    }
    for (count, place) in
        [(subscription.plan_changes.len(), "plan_changes"), (subscription.add_ons.len(), "add_ons")]
    {
        if count > MOST_ENTRIES {
            let message = format!("a subscription has at most {MOST_ENTRIES} of these, and this one {count}");
            problems.push(Problem::new(place, "too_many", message));
            return problems;
        }
    }
    if let SubscriptionState::Paused { from, until: Some(until) } = subscription.state
        && until < from
    {
        problems.push(Problem::new("state.paused.until", "out_of_range", "a rest ends after it begins"));
    }
    for (position, bought) in subscription.add_ons.iter().enumerate() {
        let place = format!("add_ons[{position}]");
        if bought.until.is_some_and(|until| until < bought.from) {
            let message = "what is bought ends after it begins";
            problems.push(Problem::new(format!("{place}.until"), "out_of_range", message));
        }
        let Some(add_on) = catalogue.add_on(bought.add_on.as_str()) else {
            problems.push(unknown(format!("{place}.add_on"), &bought.add_on, "add-on"));
            continue;
        };
        if bought.quantity == 0 || add_on.max_quantity.is_some_and(|most| bought.quantity > most) {
            let most = add_on.max_quantity.map_or_else(|| "any number".to_owned(), |most| most.to_string());
            let message = format!("the quantity of `{}` goes from 1 to {most}", add_on.key);
            problems.push(Problem::new(format!("{place}.quantity"), "out_of_range", message));
        }
    }
    let moments: BTreeSet<_> =
        subscription.boundaries().filter(|moment| *moment > now).chain([now]).collect();
    for moment in moments {
        for problem in moment_problems(catalogue, subscription, moment) {
            // The same fault usually lasts over several moments.
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
    problems
}

fn moment_problems(
    catalogue: &PlanCatalogue,
    subscription: &Subscription,
    moment: Timestamp,
) -> Vec<Problem> {
    let Some(plan) = catalogue.plan(subscription.plan_at(moment).as_str()) else { return vec![] };
    let mut problems = Vec::new();
    let mut bundle = Bundle::default();
    bundle.add_plan(catalogue, "plan", plan);
    for (position, bought) in
        subscription.add_ons.iter().enumerate().filter(|(_, bought)| bought.is_live(moment))
    {
        let Some(add_on) = catalogue.add_on(bought.add_on.as_str()) else { continue };
        let place = format!("add_ons[{position}]");
        if add_on.goes_with(&plan.key) {
            bundle.add_add_on(catalogue, &place, add_on, bought.quantity);
        } else {
            let message = format!("`{}` does not go with plan `{}`", add_on.key, plan.key);
            problems.push(Problem::new(place, "wrong_plan", message));
        }
    }
    problems.extend(bundle.problems(catalogue, plan));
    problems
}

/// Everything wrong with an override, where `present` is in force.
pub(super) fn override_problems(
    catalogue: &PlanCatalogue,
    exception: &Override,
    present: &Entitlements,
) -> Vec<Problem> {
    let mut problems = lasting_override_problems(catalogue, exception);
    if let OverrideChange::Feature { feature: key, enabled: true } = &exception.change
        && let Some(feature) = catalogue.feature(key.as_str())
    {
        for needed in feature.depends_on.iter().filter(|needed| !present.has(needed.as_str())) {
            let message = format!("`{key}` needs the feature `{needed}`, which is not in force");
            problems.push(Problem::new("change", "missing_dependency", message));
        }
        let in_force = catalogue.features().iter().filter(|other| present.has(other.key.as_str()));
        let excludes = |other: &&Feature| {
            feature.conflicts_with.contains(&other.key) || other.conflicts_with.contains(key)
        };
        for other in in_force.filter(excludes) {
            let message = format!("`{key}` cannot stand beside `{}`, which is in force", other.key);
            problems.push(Problem::new("change", "conflict", message));
        }
    }
    problems
}

/// What is wrong with an override whatever is in force.
pub(super) fn lasting_override_problems(catalogue: &PlanCatalogue, exception: &Override) -> Vec<Problem> {
    let mut problems = Vec::new();
    match &exception.change {
        OverrideChange::Limit { limit, .. } if catalogue.limit(limit.as_str()).is_none() => {
            problems.push(unknown("change", limit, "limit"));
        }
        OverrideChange::Feature { feature, .. } if catalogue.feature(feature.as_str()).is_none() => {
            problems.push(unknown("change", feature, "feature"));
        }
        OverrideChange::Limit { .. } | OverrideChange::Feature { .. } => {}
    }
    if exception.reason.trim().is_empty() {
        problems.push(Problem::new("reason", "empty", "an override needs a reason"));
    }
    if exception.reason.chars().count() > Override::MAX_REASON {
        let message = format!("a reason has at most {} characters", Override::MAX_REASON);
        problems.push(Problem::new("reason", "too_long", message));
    }
    if exception.reason.contains(char::is_control) {
        problems.push(Problem::new("reason", "control_character", "the reason holds a control character"));
    }
    if exception.until.is_some_and(|until| until <= exception.from) {
        problems.push(Problem::new("until", "out_of_range", "the override ends before it begins"));
    }
    problems
}
