//! The talent agency: loads its catalogue, explains a few decisions, and shows what each plan allows.
//!
//! Pure memory, no server and no database: `cargo run --package examples --bin talent-agency`.

use mono_core::Error;
use mono_core::id::{AccountId, TenantId};
use mono_core::permission::{Assignment, Principal, Scope, TenantFeatures};
use mono_core::seed::Seed;
use mono_core::subscription::{Entitlements, Key, Subscription};
use mono_core::time::Timestamp;

const CATALOGUE: &str = include_str!("catalogue.json");
const AGENCY: TenantId = TenantId::from_u128(1);
const DESK: AccountId = AccountId::from_u128(2);

fn main() -> Result<(), Error> {
    let seed = Seed::parse(CATALOGUE).map_err(Error::validation)?;
    println!(
        "{}, edition {}: {} permissions, {} roles, {} features, {} plans",
        seed.name,
        seed.version,
        seed.engine.catalogue().permissions.len(),
        seed.engine.roles().len(),
        seed.plans.features().len(),
        seed.plans.plans().len(),
    );
    let now = Timestamp::UNIX_EPOCH;
    explain(&seed, now)?;
    limits(&seed, now)
}

/// What the manager of one desk may do, as the agency buys one plan or another.
fn explain(seed: &Seed, now: Timestamp) -> Result<(), Error> {
    let (desk, other) = (Scope::account(AGENCY, DESK), Scope::account(AGENCY, AccountId::from_u128(3)));
    let questions = [
        ("account.talents.update", desk),
        ("account.talents.delete", desk),
        ("account.commissions.read", desk),
        ("account.talents.update", other),
    ];
    // People know places by their names, the engine by their ids.
    let named =
        |text: &str| text.replace(&desk.to_string(), "the desk").replace(&other.to_string(), "another desk");
    for plan in ["professional", "agency"] {
        println!("\nThe manager of one desk, with the plan {plan}:");
        let entitlements = entitlements(seed, plan, now)?;
        let manager = seed.engine.compile(&Principal {
            assignments: vec![Assignment::new("account_manager", desk)],
            features: vec![TenantFeatures {
                tenant: AGENCY,
                features: entitlements.features().map(|(key, _)| key.to_string()).collect(),
            }],
            ..Principal::default()
        });
        for (permission, scope) in questions {
            let answer = manager.explain(permission, &scope, now);
            println!("  {:<15}  {}", answer.code(), named(&answer.message));
        }
    }
    Ok(())
}

/// The maximum of a few limits in each plan, and the answer at the edge of one.
fn limits(seed: &Seed, now: Timestamp) -> Result<(), Error> {
    const SHOWN: [&str; 4] = ["accounts", "talents", "castings", "webhooks"];
    println!("\n{:<14}{}", "plan", SHOWN.map(|limit| format!("{limit:>12}")).concat());
    for plan in seed.plans.plans() {
        let entitlements = entitlements(seed, plan.key.as_str(), now)?;
        let maxima = SHOWN.map(|limit| format!("{:>12}", entitlements.limit(limit).maximum.to_string()));
        println!("{:<14}{}", plan.key.as_str(), maxima.concat());
    }
    let starter = entitlements(seed, "starter", now)?;
    for used in [4, 5] {
        match starter.check("accounts", used, 1).into_result() {
            Ok(decision) => {
                println!("account {} of starter: there is room for {}", used + 1, decision.remaining);
            }
            Err(error) => println!("account {} of starter: {error}", used + 1),
        }
    }
    Ok(())
}

fn entitlements(seed: &Seed, plan: &str, now: Timestamp) -> Result<Entitlements, Error> {
    let subscription = Subscription::new(Key::parse(plan)?);
    Ok(Entitlements::of_tenant(&seed.plans, &subscription, &[], now))
}
