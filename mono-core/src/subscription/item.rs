//! What the six lists of the plan catalogue have in common.

use super::{AddOn, Feature, FeatureSet, Key, Limit, Plan, PlanDefinitions};
use crate::error::Problem;
use crate::model::template::Template;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The longest description, in characters.
pub(crate) const MAX_DESCRIPTION: usize = 1000;

/// A kind of thing that the plan catalogue holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ItemKind {
    /// A [`Feature`].
    Feature,
    /// A [`FeatureSet`].
    FeatureSet,
    /// A [`Limit`].
    Limit,
    /// A [`Plan`].
    Plan,
    /// An [`AddOn`].
    AddOn,
    /// A [`Template`].
    Template,
}

impl ItemKind {
    /// Every kind.
    pub const ALL: &'static [Self] =
        &[Self::Feature, Self::FeatureSet, Self::Limit, Self::Plan, Self::AddOn, Self::Template];

    /// What one of them is called, as in the audit log: `feature_set`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Feature => "feature",
            Self::FeatureSet => "feature_set",
            Self::Limit => "limit",
            Self::Plan => "plan",
            Self::AddOn => "add_on",
            Self::Template => "template",
        }
    }

    /// What their list is called, as in a seed file: `feature_sets`.
    pub const fn section(self) -> &'static str {
        match self {
            Self::Feature => "features",
            Self::FeatureSet => "feature_sets",
            Self::Limit => "limits",
            Self::Plan => "plans",
            Self::AddOn => "add_ons",
            Self::Template => "templates",
        }
    }

    /// Where their list is in the HTTP API.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Feature => "/api/v1/platform/features",
            Self::FeatureSet => "/api/v1/platform/feature-sets",
            Self::Limit => "/api/v1/platform/limits",
            Self::Plan => "/api/v1/platform/plans",
            Self::AddOn => "/api/v1/platform/add-ons",
            Self::Template => "/api/v1/platform/templates",
        }
    }
}

/// A thing that the plan catalogue holds under its key: a feature, feature set, limit, plan, add-on or template.
pub trait CatalogueItem: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What kind of thing it is.
    const KIND: ItemKind;

    /// By what the others name it.
    fn key(&self) -> &Key;

    /// What it is good for, in a sentence.
    fn description(&self) -> &str;

    /// The list that holds its kind.
    fn list(definitions: &mut PlanDefinitions) -> &mut Vec<Self>;

    /// What is wrong with it by itself. What it says about others is for [`PlanCatalogue`](super::PlanCatalogue).
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let place = format!("{}.{}.description", Self::KIND.section(), self.key());
        if self.description().chars().count() > MAX_DESCRIPTION {
            let message = format!("a description has at most {MAX_DESCRIPTION} characters");
            problems.push(Problem::new(place.clone(), "too_long", message));
        }
        if self.description().contains(char::is_control) {
            let message = "the description holds a control character";
            problems.push(Problem::new(place, "control_character", message));
        }
        problems
    }
}

macro_rules! items {
    ($($type:ident in $list:ident, $description:expr;)*) => {$(
        impl CatalogueItem for $type {
            const KIND: ItemKind = ItemKind::$type;

            fn key(&self) -> &Key {
                &self.key
            }

            fn description(&self) -> &str {
                let describe: fn(&Self) -> &str = $description;
                describe(self)
            }

            fn list(definitions: &mut PlanDefinitions) -> &mut Vec<Self> {
                &mut definitions.$list
            }
        }
    )*};
}
items! {
    Feature in features, |item| &item.description;
    FeatureSet in feature_sets, |item| &item.description;
    Limit in limits, |_| "";
    Plan in plans, |item| &item.description;
    AddOn in add_ons, |item| &item.description;
    Template in templates, |item| &item.description;
}
