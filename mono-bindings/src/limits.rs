//! Plans and limits, without a server.

use crate::error::Result;
use crate::json::json;
use crate::time::moment;
use mono_core::seed::Seed;
use mono_core::subscription::{self, Allowance, Override, PlanCatalogue, Subscription};
use std::sync::Arc;
use std::time::SystemTime;

/// What can be bought: the plans, features and limits of a seed file.
#[derive(Debug, uniffi::Object)]
pub struct Plans {
    catalogue: PlanCatalogue,
}

#[uniffi::export]
impl Plans {
    /// Reads the plans from the text of a seed file, as the server reads it.
    ///
    /// # Errors
    /// `Validation` names everything that is wrong at once, each with its line.
    #[uniffi::constructor]
    pub fn from_seed(seed: String) -> Result<Arc<Self>> {
        Ok(Arc::new(Self { catalogue: Seed::parse(&seed)?.plans }))
    }

    /// What a tenant may use at that moment, by its subscription, `{"plan": "starter", "state": {"state": "active"}}`, and
    /// what an operator has made different for it, `[]` by default, both as JSON.
    ///
    /// # Errors
    /// `Validation` where JSON or moment make no sense, and where the server would not take the subscription or an override:
    /// it names everything that is wrong, such as `unknown_plan` at `plan`.
    #[uniffi::method(default(overrides = "[]"))]
    pub fn entitlements(
        &self,
        subscription: String,
        now: SystemTime,
        overrides: String,
    ) -> Result<Arc<Entitlements>> {
        let subscription: Subscription = json("subscription", &subscription)?;
        let overrides: Vec<Override> = json("overrides", &overrides)?;
        let (catalogue, now) = (&self.catalogue, moment("now", now)?);
        catalogue.check_subscription(&subscription, now)?;
        catalogue.check_overrides(&overrides)?;
        let entitlements = subscription::Entitlements::of_tenant(catalogue, &subscription, &overrides, now);
        Ok(Arc::new(Entitlements { entitlements }))
    }
}

/// What a tenant may use at a moment; made by `Plans.entitlements`. It holds until `next_change`.
#[derive(Debug, uniffi::Object)]
pub struct Entitlements {
    entitlements: subscription::Entitlements,
}

#[uniffi::export]
impl Entitlements {
    /// Whether a feature is in force. One that there is not is not.
    pub fn has(&self, feature: String) -> bool {
        self.entitlements.has(&feature)
    }

    /// Refuses who does not have the feature.
    ///
    /// # Errors
    /// `Forbidden` with the code `feature_missing` and the feature in its details.
    pub fn require(&self, feature: String) -> Result<()> {
        Ok(self.entitlements.require(&feature)?)
    }

    /// The keys of the features in force.
    pub fn features(&self) -> Vec<String> {
        self.entitlements.features().map(|(key, _)| key.to_string()).collect()
    }

    /// Whether there is room for so much more of a limit where so much is in use. A limit that there is not has no room.
    pub fn check(&self, limit: String, current: u64, amount: u64) -> LimitDecision {
        self.entitlements.check(&limit, current, amount).into()
    }

    /// As `check`, for who wants to be stopped.
    ///
    /// # Errors
    /// `LimitExceeded`, as the server gives it, with `limit`, `current` and `maximum` in the details.
    pub fn require_room(&self, limit: String, current: u64, amount: u64) -> Result<LimitDecision> {
        Ok(self.entitlements.check(&limit, current, amount).into_result()?.into())
    }

    /// The first moment at which any answer may differ from now; none if none ever will by itself.
    pub fn next_change(&self) -> Option<SystemTime> {
        self.entitlements.next_change().map(Into::into)
    }
}

/// The answer to "is there room for this much more?".
#[derive(Debug, Clone, uniffi::Record)]
pub struct LimitDecision {
    /// The limit that was asked about.
    pub limit: String,
    /// Whether it may happen. A soft limit always says yes.
    pub allowed: bool,
    /// How much was in use before, in the unit of the limit.
    pub current: u64,
    /// The most that may be in use; none for unlimited.
    pub maximum: Option<u64>,
    /// How much room there was before; none for unlimited.
    pub remaining: Option<u64>,
}

impl From<subscription::Decision> for LimitDecision {
    fn from(decision: subscription::Decision) -> Self {
        Self {
            limit: decision.limit,
            allowed: decision.allowed,
            current: decision.current,
            maximum: number(decision.maximum),
            remaining: number(decision.remaining),
        }
    }
}

fn number(allowance: Allowance) -> Option<u64> {
    match allowance {
        Allowance::UpTo(number) => Some(number),
        Allowance::Unlimited => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MonoError;
    use std::time::UNIX_EPOCH;

    #[test]
    fn a_plan_has_room_until_it_is_used_up() {
        let plans = Plans::from_seed(Seed::STARTER.into()).unwrap();
        let of = |plan: &str| {
            let subscription = format!(r#"{{"plan":"{plan}","state":{{"state":"active"}}}}"#);
            plans.entitlements(subscription, UNIX_EPOCH, "[]".into()).unwrap()
        };
        let starter = of("starter");
        assert!(starter.require_room("accounts".into(), 4, 1).unwrap().allowed);
        let full = starter.check("accounts".into(), 5, 1);
        assert_eq!((full.allowed, full.maximum, full.remaining), (false, Some(5), Some(0)));
        let Err(MonoError::LimitExceeded { details, .. }) = starter.require_room("accounts".into(), 5, 1)
        else {
            panic!("the plan is used up")
        };
        assert_eq!(details.unwrap(), r#"{"current":5,"limit":"accounts","maximum":5}"#);
        let endless = of("unlimited").check("accounts".into(), 1_000_000, 1);
        assert_eq!((endless.allowed, endless.maximum), (true, None));
        assert!(!starter.has("no_such_feature".into()));
        assert!(starter.require("no_such_feature".into()).is_err());
        assert!(plans.entitlements("{}".into(), UNIX_EPOCH, "[]".into()).is_err());
        let refused = |subscription: &str, overrides: &str| match plans.entitlements(
            subscription.into(),
            UNIX_EPOCH,
            overrides.into(),
        ) {
            Err(MonoError::Validation { details: Some(details), .. }) => details,
            other => panic!("{other:?}"),
        };
        let unknown = refused(r#"{"plan":"no_such_plan","state":{"state":"active"}}"#, "[]");
        assert!(unknown.contains(r#""code":"unknown_plan","field":"plan""#), "{unknown}");
        let add_on = r#"{"plan":"starter","state":{"state":"active"},"add_ons":[{"add_on":"gold","quantity":1,"from":"1970-01-01T00:00:00Z"}]}"#;
        assert!(refused(add_on, "[]").contains("unknown_add_on"));
        let nonsense = r#"[{"change":{"feature":{"feature":"gold","enabled":true}},"from":"1970-01-01T00:00:00Z","reason":""}]"#;
        let nonsense = refused(r#"{"plan":"starter","state":{"state":"active"}}"#, nonsense);
        assert!(
            nonsense.contains("unknown_feature") && nonsense.contains("overrides[0].reason"),
            "{nonsense}"
        );
    }
}
