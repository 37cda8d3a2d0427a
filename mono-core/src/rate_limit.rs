//! How often one may call: named limits, a budget for each tier, and what holds for single routes. All of it is data.

use crate::error::{Error, Problem};
use crate::id::ApiKeyId;
use crate::permission::{Permission, RateLimitTier};
use crate::subscription::{Allowance, Entitlements, Key, Source};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// So many calls within any stretch of time of this length, wherever it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    /// The calls. None at all means that nobody gets through.
    pub calls: u32,
    /// The length of the stretch.
    pub window: Duration,
}

impl Rate {
    /// The longest window: a month and a day.
    pub const LONGEST: Duration = Duration::from_hours(24 * 32);

    /// So many calls in so many seconds.
    pub const fn new(calls: u32, seconds: u64) -> Self {
        Self { calls, window: Duration::from_secs(seconds) }
    }
}

/// A rate with a name, under which calls are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// The name.
    pub name: Arc<str>,
    /// How often.
    pub rate: Rate,
    /// Whether each node counts by itself too, beside what all nodes count together.
    pub local: bool,
    /// The limit of a plan that takes the place of `rate.calls` where the plan has it: `rate_api` for `api`.
    plan_key: Arc<str>,
}

impl Limit {
    /// A limit with a name in lower case.
    pub fn new(name: &str, rate: Rate, local: bool) -> Self {
        let name = name.to_lowercase();
        Self { plan_key: format!("rate_{name}").into(), name: name.into(), rate, local }
    }

    /// The limit as the plan of a tenant has it, or an API key where it has a number of its own, which never widens what
    /// the plan grants; `None` where the plan has no end and the key no number. A plan that does not speak of it changes
    /// nothing, nor does one that is paused.
    fn under(&self, entitlements: &Entitlements, of_key: Option<u32>) -> Option<Self> {
        let planned = entitlements.limit(&self.plan_key);
        let planned = match (&planned.source, planned.maximum) {
            (Source::Undeclared | Source::NotInForce | Source::Unrestricted, _) => {
                return Some(self.with_calls(of_key.unwrap_or(self.rate.calls)));
            }
            (_, Allowance::Unlimited) => None,
            (_, Allowance::UpTo(calls)) => Some(u32::try_from(calls).unwrap_or(u32::MAX)),
        };
        // The smaller of those that there are.
        planned.into_iter().chain(of_key).min().map(|calls| self.with_calls(calls))
    }

    fn with_calls(&self, calls: u32) -> Self {
        Self { rate: Rate { calls, ..self.rate }, ..self.clone() }
    }
}

/// What holds for one route.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteLimits {
    /// A permission whose tier in the catalogue is that of the route, in place of those that the route asks for.
    pub permission: Option<String>,
    /// The tier, whatever the permission.
    pub tier: Option<RateLimitTier>,
    /// A named limit beside the usual one.
    pub limit: Option<String>,
}

/// The rate limits of an installation.
///
/// ```
/// use mono_core::rate_limit::RateLimits;
/// let limits = RateLimits::starter().with(r#"{
///     "limits": {"exports": {"calls": 3, "seconds": 3600}},
///     "routes": {"GET /api/v1/tenant/audit/export": {"limit": "exports", "permission": "tenant.audit.export"}}
/// }"#)?;
/// assert_eq!(limits.named("exports").unwrap().rate.calls, 3);
/// assert_eq!(limits.named("api").unwrap().rate.calls, 120);
/// # Ok::<(), mono_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct RateLimits {
    limits: BTreeMap<String, Limit>,
    tiers: BTreeMap<RateLimitTier, Limit>,
    routes: BTreeMap<String, RouteLimits>,
    /// The permissions that a route asks for.
    asked: BTreeMap<String, Vec<Permission>>,
    /// The calls of single API keys in place of the usual, by the name of the limit.
    keys: BTreeMap<ApiKeyId, BTreeMap<String, u32>>,
}

/// The limit of who is not known.
pub const ANONYMOUS: &str = "anonymous";
/// The limit of whoever is known, for everything together.
pub const API: &str = "api";

impl RateLimits {
    /// The built-in limits.
    pub const STARTER: &str = include_str!("../data/rate_limits.json");

    /// The built-in limits.
    pub fn starter() -> Self {
        // A test reads the text: it is whole.
        Self::default().with(Self::STARTER).unwrap_or_default()
    }

    /// The limits, with those of a file in their place: what it names is replaced, what it does not name stays.
    ///
    /// # Errors
    /// `Validation` with everything that is wrong with the file.
    pub fn with(mut self, text: &str) -> Result<Self, Error> {
        let file: File = serde_json::from_str(text)
            .map_err(|error| Error::invalid("rate_limits", "invalid_json", error.to_string()))?;
        for (name, entry) in &file.limits {
            self.limits.insert(name.clone(), Limit::new(name, entry.rate(), entry.local));
        }
        for (tier, entry) in &file.tiers {
            self.tiers.insert(*tier, Limit::new(tier.as_str(), entry.rate(), entry.local));
        }
        self.routes.extend(file.routes.clone());
        let lower = |calls: &BTreeMap<String, u32>| {
            calls.iter().map(|(name, calls)| (name.to_lowercase(), *calls)).collect()
        };
        self.keys.extend(file.keys.iter().map(|(key, calls)| (*key, lower(calls))));
        let problems = self.problems(&file);
        if problems.is_empty() { Ok(self) } else { Err(Error::validation(problems)) }
    }

    fn problems(&self, file: &File) -> Vec<Problem> {
        let mut problems = Vec::new();
        let tiers = file.tiers.iter().map(|(tier, entry)| (format!("tiers.{}", tier.as_str()), entry));
        let limits = file.limits.iter().map(|(name, entry)| (format!("limits.{name}"), entry));
        for (place, entry) in limits.chain(tiers) {
            if entry.calls == 0 || entry.seconds == 0 || entry.rate().window > Rate::LONGEST {
                let message = "a limit has at least one call, and a window of a second to 32 days";
                problems.push(Problem::new(place, "invalid_rate", message));
            }
        }
        for (key, name, calls) in
            file.keys.iter().flat_map(|(key, all)| all.iter().map(move |(name, calls)| (key, name, *calls)))
        {
            let place = format!("keys.{key}.{name}");
            if calls == 0 {
                let message = "a key has at least one call; revoke it where it shall have none";
                problems.push(Problem::new(place.clone(), "invalid_rate", message));
            }
            if !self.counts_callers(name) {
                let message = format!(
                    "no call of a key counts under `{name}`: it is `api`, a tier, or named by a route"
                );
                problems.push(Problem::new(place, "unknown_limit", message));
            }
        }
        let of_tier = |name: &str| self.tiers.keys().any(|tier| tier.as_str().eq_ignore_ascii_case(name));
        for name in file.limits.keys().filter(|name| Key::parse(name).is_err() || of_tier(name)) {
            let message = "a name has lower-case letters, digits and `_`, and is not that of a tier";
            problems.push(Problem::new(format!("limits.{name}"), "invalid_key", message));
        }
        for (route, rule) in &file.routes {
            let place = format!("routes.{route}");
            let (method, path) = route.split_once(' ').unwrap_or_default();
            if method.is_empty() || method.chars().any(|c| !c.is_ascii_uppercase()) || !path.starts_with('/')
            {
                let message = "a route is a method and a path: `GET /api/v1/tenant/accounts/{id}`";
                problems.push(Problem::new(place.clone(), "invalid_route", message));
            }
            if let Some(name) = rule.limit.as_ref().filter(|name| !self.limits.contains_key(*name)) {
                problems.push(Problem::new(place, "unknown_limit", format!("there is no limit `{name}`")));
            }
        }
        problems
    }

    /// Whether calls of those who are known count under a limit or tier of this name.
    fn counts_callers(&self, name: &str) -> bool {
        let by_route = |rule: &RouteLimits| rule.limit.as_deref() == Some(name);
        name == API
            || self.tiers.keys().any(|tier| tier.as_str() == name)
            || self.routes.values().any(by_route)
    }

    /// The same, where a route asks for these permissions by itself: its tier is the strictest of theirs, unless something
    /// else is said about it.
    #[must_use]
    pub fn asking(mut self, route: impl Into<String>, permissions: &[Permission]) -> Self {
        self.asked.insert(route.into(), permissions.to_vec());
        self
    }

    /// A limit by its name.
    pub fn named(&self, name: &str) -> Option<&Limit> {
        self.limits.get(name)
    }

    /// What is said about single routes, by method and path.
    pub fn routes(&self) -> impl Iterator<Item = (&str, &RouteLimits)> {
        self.routes.iter().map(|(route, rule)| (route.as_str(), rule))
    }

    /// What holds for a route, such as `GET /api/v1/tenant/accounts/{id}`.
    pub fn route(&self, route: &str) -> Option<&RouteLimits> {
        self.routes.get(route)
    }

    /// The tier of a route: what is said about it, the strictest of the permissions that it asks for, or the one that fits
    /// its method.
    pub fn tier(&self, route: &str, of_permission: impl Fn(&str) -> Option<RateLimitTier>) -> RateLimitTier {
        let said = self
            .route(route)
            .and_then(|rule| rule.tier.or_else(|| of_permission(rule.permission.as_deref()?)));
        let asked = || self.asked.get(route)?.iter().filter_map(|asked| of_permission(asked.name())).max();
        said.or_else(asked).unwrap_or_else(|| usual_tier(route))
    }

    /// What a call counts under whose caller is not known.
    pub fn of_stranger(&self, route: &str) -> Vec<Limit> {
        let named =
            self.route(route).and_then(|rule| rule.limit.as_deref()).filter(|name| *name != ANONYMOUS);
        [Some(ANONYMOUS), named].into_iter().flatten().filter_map(|name| self.named(name).cloned()).collect()
    }

    /// What a call of a known caller counts under: the usual limit, the tier of the route, and what the route names
    /// beside them. All hold; the tighter answers. An API key may have a number of calls of its own under each; it never
    /// widens what the plan grants.
    pub fn of_caller(
        &self,
        route: &str,
        tier: RateLimitTier,
        entitlements: &Entitlements,
        key: Option<ApiKeyId>,
    ) -> Vec<Limit> {
        let of_key = key.and_then(|key| self.keys.get(&key));
        let named = self.route(route).and_then(|rule| rule.limit.as_deref()).filter(|name| *name != API);
        [self.named(API), self.tiers.get(&tier), named.and_then(|name| self.named(name))]
            .into_iter()
            .flatten()
            .filter_map(|limit| {
                limit.under(entitlements, of_key.and_then(|calls| calls.get(&*limit.name).copied()))
            })
            .collect()
    }
}

/// The tier of a route about which nothing is said.
fn usual_tier(route: &str) -> RateLimitTier {
    match route.split_once(' ') {
        Some(("GET" | "HEAD", _)) => RateLimitTier::Read,
        Some((_, path)) if path.starts_with("/api/v1/platform/") => RateLimitTier::Admin,
        Some(("DELETE", _)) => RateLimitTier::Delete,
        Some(("POST" | "PUT" | "PATCH", _)) => RateLimitTier::Write,
        _ => RateLimitTier::Standard,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    limits: BTreeMap<String, Entry>,
    #[serde(default)]
    tiers: BTreeMap<RateLimitTier, Entry>,
    #[serde(default)]
    routes: BTreeMap<String, RouteLimits>,
    #[serde(default)]
    keys: BTreeMap<ApiKeyId, BTreeMap<String, u32>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    calls: u32,
    seconds: u32,
    #[serde(default)]
    local: bool,
}

impl Entry {
    fn rate(&self) -> Rate {
        Rate::new(self.calls, self.seconds.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPORT: &str = "GET /api/v1/tenant/audit/export";

    fn rates(limits: &[Limit]) -> Vec<(String, u32)> {
        limits.iter().map(|limit| (limit.name.to_string(), limit.rate.calls)).collect()
    }

    #[test]
    fn the_built_in_limits_are_whole() {
        let limits = RateLimits::starter();
        let calls =
            ["auth", "api", "upload", "bulk", "anonymous"].map(|name| limits.named(name).unwrap().rate);
        let (quarter, minute) = (900, 60);
        assert_eq!(
            calls,
            [(5, quarter), (120, minute), (10, minute), (5, minute), (100, quarter)]
                .map(|(calls, seconds)| Rate::new(calls, seconds))
        );
        let tiers: Vec<u32> = limits.tiers.values().map(|limit| limit.rate.calls).collect();
        assert_eq!(tiers, [10_000, 1_000, 500, 100, 50, 20]);
        assert!(limits.tiers.values().all(|limit| limit.rate.window == Duration::from_hours(1)));
    }

    #[test]
    fn both_families_apply_and_a_route_adds_its_own() {
        let limits = RateLimits::starter()
            .with(r#"{"routes": {"POST /x": {"limit": "bulk", "tier": "EXPENSIVE"}}}"#)
            .unwrap();
        let tier = limits.tier("POST /x", |_| None);
        let found = limits.of_caller("POST /x", tier, &Entitlements::none(), None);
        assert_eq!(rates(&found), [("api".into(), 120), ("expensive".into(), 100), ("bulk".into(), 5)]);
        assert_eq!(rates(&limits.of_stranger("POST /x")), [("anonymous".into(), 100), ("bulk".into(), 5)]);
        assert_eq!(rates(&limits.of_stranger("GET /y")), [("anonymous".into(), 100)]);
    }

    #[test]
    fn the_tier_is_that_of_the_permission_or_fits_the_method() {
        let text = format!(r#"{{"routes": {{"{EXPORT}": {{"permission": "tenant.audit.export"}}}}}}"#);
        let limits = RateLimits::starter().with(&text).unwrap();
        let of = |name: &str| (name == "tenant.audit.export").then_some(RateLimitTier::Expensive);
        assert_eq!(limits.tier(EXPORT, of), RateLimitTier::Expensive);
        assert_eq!(
            limits.tier(EXPORT, |_| None),
            RateLimitTier::Read,
            "a permission that is not in the catalogue"
        );
        assert_eq!(limits.tier("POST /api/v1/tenant/accounts", of), RateLimitTier::Write);
        assert_eq!(limits.tier("DELETE /api/v1/tenant/accounts/{id}", of), RateLimitTier::Delete);
        assert_eq!(limits.tier("DELETE /api/v1/platform/plans/{key}", of), RateLimitTier::Admin);
    }

    #[test]
    fn the_strictest_of_the_permissions_that_a_route_asks_for_counts_unless_another_is_named() {
        let [read, change] =
            [crate::permission!("tenant.roles.read"), crate::permission!("tenant.roles.assign")];
        let of = |name: &str| match name {
            "tenant.roles.read" => Some(RateLimitTier::Read),
            "tenant.roles.assign" => Some(RateLimitTier::Expensive),
            _ => None,
        };
        let limits = RateLimits::starter()
            .asking("DELETE /both", &[change, read])
            .asking("GET /tier", &[change])
            .asking("GET /permission", &[change])
            .asking("GET /limit", &[change])
            .asking("DELETE /gone", &[crate::permission!("tenant.roles.gone")])
            .with(
                r#"{"routes": {"GET /tier": {"tier": "ADMIN"}, "GET /limit": {"limit": "bulk"},
                    "GET /permission": {"permission": "tenant.roles.read"}}}"#,
            )
            .unwrap();
        let tier = |route| limits.tier(route, of);
        assert_eq!(tier("DELETE /both"), RateLimitTier::Expensive);
        assert_eq!(tier("GET /tier"), RateLimitTier::Admin);
        assert_eq!(tier("GET /permission"), RateLimitTier::Read);
        assert_eq!(tier("GET /limit"), RateLimitTier::Expensive, "nothing is said of its tier");
        assert_eq!(tier("DELETE /gone"), RateLimitTier::Delete, "a permission that is not in the catalogue");
    }

    /// Entitlements of a plan that speaks of calls a minute.
    fn planned(maximum: i64) -> Entitlements {
        let mut plan = serde_json::to_value(Entitlements::none()).unwrap();
        plan["limits"]["rate_api"] = serde_json::json!({
            "maximum": maximum, "source": "default", "window": "total", "enforcement": "hard"
        });
        serde_json::from_value(plan).unwrap()
    }

    #[test]
    fn a_key_of_its_own_never_widens_what_the_plan_grants() {
        let [tight, wide, other] = [1, 2, 3].map(ApiKeyId::from_u128);
        let text =
            format!(r#"{{"keys": {{"{tight}": {{"api": 10, "READ": 20}}, "{wide}": {{"api": 1000}}}}}}"#);
        let limits = RateLimits::starter().with(&text).unwrap();
        let calls = |entitlements: &Entitlements| {
            [None, Some(tight), Some(wide), Some(other)]
                .map(|key| rates(&limits.of_caller("", RateLimitTier::Read, entitlements, key))[0].1)
        };
        assert_eq!(calls(&Entitlements::none()), [120, 10, 1000, 120], "the plan does not speak of it");
        assert_eq!(calls(&planned(300)), [300, 10, 300, 300]);
        assert_eq!(calls(&planned(5)), [5, 5, 5, 5]);
        let of_tight = limits.of_caller("", RateLimitTier::Read, &planned(-1), Some(tight));
        assert_eq!(
            rates(&of_tight),
            [("api".into(), 10), ("read".into(), 20)],
            "the key has an end of its own"
        );
        let of_other = limits.of_caller("", RateLimitTier::Read, &planned(-1), Some(other));
        assert_eq!(rates(&of_other), [("read".into(), 10_000)]);
    }

    #[test]
    fn calls_of_a_key_under_what_counts_none_of_them_are_refused() {
        let with = |names: &str| {
            let key = ApiKeyId::from_u128(1);
            RateLimits::starter().with(&format!(r#"{{"keys": {{"{key}": {names}}}}}"#))
        };
        assert!(with(r#"{"api": 1, "ADMIN": 1, "bulk": 1}"#).is_ok());
        for name in ["anonymous", "upload", "admin", "API", "nothing"] {
            let problems = with(&format!(r#"{{"{name}": 1}}"#)).unwrap_err().problems();
            assert_eq!(problems.len(), 1, "{name}: {problems:?}");
            assert_eq!(problems[0].code, "unknown_limit", "{name}");
        }
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let error = RateLimits::starter()
            .with(
                r#"{"limits": {"Big": {"calls": 0, "seconds": 60}}, "routes": {"get x": {"limit": "none"}},
                    "keys": {"00000000-0000-0000-0000-000000000001": {"api": 0}}}"#,
            )
            .unwrap_err();
        let codes: Vec<String> = error.problems().into_iter().map(|problem| problem.code).collect();
        assert_eq!(codes, ["invalid_rate", "invalid_rate", "invalid_key", "invalid_route", "unknown_limit"]);
        assert!(RateLimits::starter().with(r#"{"limts": {}}"#).is_err());
        let error = RateLimits::starter().with(r#"{"limits": {"read": {"calls": 1, "seconds": 60}}}"#);
        assert_eq!(error.unwrap_err().problems()[0].code, "invalid_key", "that of a tier");
    }
}
