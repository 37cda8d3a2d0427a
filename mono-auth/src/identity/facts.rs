//! What the permission engine is told about a person.

use super::{Catalogue, Identities};
use mono_core::id::AccountId;
use mono_core::permission::{self, Engine, Scope, TenantFeatures};
use mono_core::subscription::Entitlements;
use mono_core::time::Timestamp;
use mono_storage::store::{Principal, TenantPart};
use std::collections::BTreeMap;

impl Identities {
    /// What the permission engine is told about a principal, and the engine with the rules of the tenant.
    pub(crate) fn rights(&self, catalogue: &Catalogue, principal: &Principal) -> Rights {
        let Some(part) = &principal.tenant else {
            let entitlements = Entitlements::none();
            return Rights {
                engine: catalogue.engine.clone(),
                facts: facts(principal, &entitlements),
                entitlements,
                account_entitlements: BTreeMap::new(),
            };
        };
        let (entitlements, account_entitlements) = entitlements(catalogue, part, self.database.now());
        let rules = catalogue.engine.tenant_rules(part.tenant, part.roles.clone(), &part.overrides);
        for problem in rules.problems() {
            tracing::error!(tenant = %part.tenant, "a stored rule cannot be read and gives nothing: {problem}");
        }
        let engine = catalogue.engine.with_tenants([rules]);
        Rights { engine, facts: facts(principal, &entitlements), entitlements, account_entitlements }
    }
}

/// What decides about a principal, before it is compiled.
pub(crate) struct Rights {
    pub(crate) engine: Engine,
    pub(crate) facts: permission::Principal,
    pub(super) entitlements: Entitlements,
    pub(super) account_entitlements: BTreeMap<AccountId, Entitlements>,
}

/// Everything that the permission engine needs to know about a principal.
fn facts(principal: &Principal, entitlements: &Entitlements) -> permission::Principal {
    let mut facts = permission::Principal {
        assignments: principal.assignments.clone(),
        grants: principal.grants.clone(),
        ..Default::default()
    };
    if let Some(part) = &principal.tenant {
        facts.home = part.member.map(|_| part.tenant);
        facts.assignments.extend_from_slice(&part.assignments);
        facts.grants.extend_from_slice(&part.grants);
        facts.guardrails.clone_from(&part.guardrails);
        facts.suspended = part.suspended.iter().map(|id| Scope::account(part.tenant, *id)).collect();
        facts.features = vec![TenantFeatures {
            tenant: part.tenant,
            features: entitlements.features().map(|(key, _)| key.as_str().to_owned()).collect(),
        }];
    }
    facts
}

/// About how many bytes the rights of a principal take up, with the rules of the tenant: some hundred for each thing that
/// decides.
pub(super) fn weight(principal: &Principal) -> u32 {
    let mut things = principal.assignments.len() + principal.grants.len();
    if let Some(part) = &principal.tenant {
        things += part.assignments.len() + part.grants.len() + part.guardrails.len() + part.suspended.len();
        things += part.roles.iter().map(|role| 1 + role.allow.len() + role.except.len()).sum::<usize>();
        things += part.overrides.iter().map(|change| 1 + change.patterns.len()).sum::<usize>();
        // Each may stand for the entitlements of an account.
        things += 16 * part.entitlement_overrides.len();
    }
    u32::try_from(4096 + 256 * things).unwrap_or(u32::MAX)
}

/// What the tenant may use, and what those of its accounts may use for which something else was agreed.
fn entitlements(
    catalogue: &Catalogue,
    part: &TenantPart,
    now: Timestamp,
) -> (Entitlements, BTreeMap<AccountId, Entitlements>) {
    let Some(subscription) = &part.subscription else { return (Entitlements::none(), BTreeMap::new()) };
    let (plans, exceptions) = (&catalogue.plans, &part.entitlement_overrides);
    let tenant = Entitlements::of_tenant(plans, subscription, exceptions, now);
    (tenant, Entitlements::of_accounts(plans, subscription, exceptions, now))
}
