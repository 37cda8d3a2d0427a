//! What a tenant or an account may use at a moment.

use super::{Allowance, Decision, Enforcement, Key, SubscriptionStatus, Window};
use crate::error::{Error, ErrorKind, Result};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

/// What a tenant or an account may use at a moment: the features in force and the maximum of every limit, each with
/// where it comes from. It holds until [`Self::next_change`]; how it is merged is told in the module's own text.
///
/// ```
/// use mono_core::subscription::{Allowance, Entitlements, Key, PlanCatalogue, PlanDefinitions, Subscription};
/// let definitions: PlanDefinitions = serde_json::from_str(r#"{
///     "limits": [{"key": "accounts", "name": "Accounts", "unit": "account", "category": "tenancy",
///                 "default": 1, "window": "total", "enforcement": "hard"}],
///     "plans": [{"key": "starter", "name": "Starter", "limits": {"accounts": 5},
///                "price": {"amount": 2900, "currency": "EUR", "interval": "month"}}]
/// }"#)?;
/// let catalogue = PlanCatalogue::build(definitions, |_permission| true).unwrap();
/// let subscription = Subscription::new(Key::parse("starter")?);
/// let entitlements = Entitlements::of_tenant(&catalogue, &subscription, &[], "2026-01-01T00:00:00Z".parse()?);
///
/// assert!(entitlements.check("accounts", 4, 1).allowed);
/// let error = entitlements.check("accounts", 5, 1).into_result().unwrap_err();
/// assert_eq!(error.kind().code(), "LIMIT_EXCEEDED");
/// assert_eq!(error.details().unwrap()["maximum"], 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Entitlements {
    pub(super) status: SubscriptionStatus,
    pub(super) features: BTreeMap<Key, Source>,
    /// Features that are given and not in force, with the feature or limit that each lacks.
    pub(super) blocked: BTreeMap<Key, Key>,
    pub(super) limits: BTreeMap<Key, LimitInForce>,
    pub(super) next_change: Option<Timestamp>,
    /// Whether also what is not listed is there, without end.
    pub(super) unrestricted: bool,
}

/// A limit as it holds for somebody at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct LimitInForce {
    /// The most that may be used, in the unit of the limit.
    pub maximum: Allowance,
    /// Where the maximum comes from.
    pub source: Source,
    /// The stretch of time over which use is counted.
    pub window: Window,
    /// What happens at the maximum.
    pub enforcement: Enforcement,
}

/// Where a feature or a maximum comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The limit's own default: the plan does not name it.
    Default,
    /// This plan.
    Plan(Key),
    /// These add-ons: alone for a feature, on top of the plan or the default for a limit.
    AddOns(Vec<Key>),
    /// An override, with its reason.
    Override(String),
    /// The subscription is paused or canceled.
    NotInForce,
    /// The catalogue has no such limit: nothing is allowed.
    Undeclared,
    /// Nothing is restricted; see [`Entitlements::unlimited`].
    Unrestricted,
}

const fn fixed(maximum: Allowance, source: Source) -> LimitInForce {
    LimitInForce { maximum, source, window: Window::Total, enforcement: Enforcement::Hard }
}

static UNDECLARED: LimitInForce = fixed(Allowance::NONE, Source::Undeclared);
static UNRESTRICTED: LimitInForce = fixed(Allowance::Unlimited, Source::Unrestricted);
static UNRESTRICTED_FEATURE: Source = Source::Unrestricted;

impl Entitlements {
    /// Everything, without end: for a deployment without plans, and for tests. It says yes to every key; there is no
    /// list of them, so [`Self::features`] and [`Self::limits`] are empty.
    pub fn unlimited() -> Self {
        Self { status: SubscriptionStatus::Active, unrestricted: true, ..Self::none() }
    }

    /// Nothing: for a tenant without a subscription, and for tests.
    pub fn none() -> Self {
        Self {
            status: SubscriptionStatus::Canceled,
            features: BTreeMap::new(),
            blocked: BTreeMap::new(),
            limits: BTreeMap::new(),
            next_change: None,
            unrestricted: false,
        }
    }

    /// Where the subscription stands.
    pub fn status(&self) -> SubscriptionStatus {
        self.status
    }

    /// Whether a feature is in force. A feature that the catalogue does not have is not.
    pub fn has(&self, feature: &str) -> bool {
        self.feature(feature).is_some()
    }

    /// Where a feature comes from; `None` if it is not in force.
    pub fn feature(&self, feature: &str) -> Option<&Source> {
        let everything = self.unrestricted.then_some(&UNRESTRICTED_FEATURE);
        self.features.get(feature).or(everything)
    }

    /// The feature or limit that a feature lacks, if it is given and yet not in force.
    pub fn lacks(&self, feature: &str) -> Option<&Key> {
        self.blocked.get(feature)
    }

    /// Refuses whoever does not have the feature.
    ///
    /// # Errors
    /// `Forbidden` with the code `feature_missing` and the feature in its details.
    pub fn require(&self, feature: &str) -> Result<()> {
        if self.has(feature) {
            return Ok(());
        }
        let lacks = self.lacks(feature).map(|key| format!(", which lacks `{key}`")).unwrap_or_default();
        let message = format!("this needs the feature `{feature}`{lacks}");
        Err(Error::new(ErrorKind::Forbidden, "feature_missing", message)
            .with_details(json!({ "feature": feature })))
    }

    /// The features in force, by key, with where each comes from.
    pub fn features(&self) -> impl Iterator<Item = (&Key, &Source)> {
        self.features.iter()
    }

    /// The maximum of a limit and where it comes from. A limit that the catalogue does not have allows nothing, so a
    /// misspelt key shows at once.
    pub fn limit(&self, limit: &str) -> &LimitInForce {
        let rest = if self.unrestricted { &UNRESTRICTED } else { &UNDECLARED };
        self.limits.get(limit).unwrap_or(rest)
    }

    /// Every limit of the catalogue, by key.
    pub fn limits(&self) -> impl Iterator<Item = (&Key, &LimitInForce)> {
        self.limits.iter()
    }

    /// Whether there is room for `amount` more where `current` is in use in the present window.
    ///
    /// This only decides. That two writers do not both take the last place is the work of whoever counts.
    pub fn check(&self, limit: &str, current: u64, amount: u64) -> Decision {
        let found = self.limit(limit);
        Decision::new(limit, found.maximum, found.enforcement, current, amount)
    }

    /// The first moment at which any answer may differ from now; `None` if none ever will by itself.
    pub fn next_change(&self) -> Option<Timestamp> {
        self.next_change
    }
}
