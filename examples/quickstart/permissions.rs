//! Decides in memory: a catalogue, two roles, one person.

use mono_core::id::{AccountId, TenantId};
use mono_core::permission::{Assignment, Catalogue, Engine, PermissionEntry, Principal, Role, Scope};
use mono_core::{Error, permission};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // What can be permitted, and the roles that permit it.
    let catalogue = Catalogue::new("1")
        .with(PermissionEntry::new("tenant.accounts.read", "See the accounts of the tenant"))
        .with(PermissionEntry::new("tenant.accounts.update", "Change an account"));
    let viewer = Role::new("viewer").allow(["tenant.*.read"]);
    let manager = Role::new("manager").allow(["tenant.accounts.*"]).inherit(["viewer"]);
    let engine = Engine::build(catalogue, vec![viewer, manager]).map_err(Error::validation)?;

    // One person: a viewer in the whole tenant, a manager in one account of it.
    let tenant = TenantId::from_u128(1);
    let (own, other) = (AccountId::from_u128(2), AccountId::from_u128(3));
    let person = engine.compile(&Principal {
        assignments: vec![
            Assignment::new("viewer", Scope::tenant(tenant)),
            Assignment::new("manager", Scope::account(tenant, own)),
        ],
        ..Principal::default()
    });

    // The clock is yours: a check is told the time.
    let now = "2026-01-01T12:00:00Z".parse()?;
    // A misspelt constant does not compile; one that the catalogue lacks is found by `Engine::require`.
    let update = permission!("tenant.accounts.update");
    println!("own account:   {}", person.check(update, &Scope::account(tenant, own), now));
    println!("other account: {}", person.check(update, &Scope::account(tenant, other), now));
    println!("{}", person.explain(update, &Scope::account(tenant, other), now).message);
    Ok(())
}
