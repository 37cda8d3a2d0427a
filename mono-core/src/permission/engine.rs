//! The engine: a frozen catalogue with its roles, and what each tenant changes in them.

use super::bits::Bits;
use super::catalogue::{Catalogue, PermissionEntry};
use super::graph::RoleTable;
use super::handle::Permission;
use super::hash::Map;
use super::registry::{Asked, PermissionId, Registry, RegistryRef};
use super::role::{Override, Role};
use super::scope::Scope;
use crate::error::Problem;
use crate::id::TenantId;
use std::sync::Arc;

/// What never changes while the process runs.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) catalogue: Catalogue,
    pub(crate) registry: Registry,
    /// The entry of the catalogue of each number.
    pub(crate) entries: Vec<usize>,
    /// The features of the catalogue, sorted, and for each number the place of its feature.
    pub(crate) features: Vec<String>,
    pub(crate) feature_of: Box<[Option<u32>]>,
    /// A bit for each number that belongs to a feature.
    pub(crate) gated: Bits,
    pub(crate) roles: RoleTable,
    pub(crate) role_sources: Vec<Role>,
}

/// One state of the world: the frozen core and the rules of every tenant.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) core: Arc<Core>,
    pub(crate) tenants: Map<TenantId, Arc<TenantRules>>,
}

impl World {
    /// The roles as they are where `scope` is.
    #[inline]
    pub(crate) fn roles_at(&self, scope: &Scope) -> &RoleTable {
        if self.tenants.is_empty() {
            return &self.core.roles;
        }
        let rules = scope.tenant_id().and_then(|tenant| self.tenants.get(&tenant));
        rules.map_or(&self.core.roles, |rules| &rules.roles)
    }

    pub(crate) fn registry(&self) -> RegistryRef<'_> {
        RegistryRef(&self.core.registry)
    }
}

/// The custom roles of one tenant and its overrides of system roles, resolved; made by [`Engine::tenant_rules`].
#[derive(Debug)]
pub struct TenantRules {
    pub(crate) tenant: TenantId,
    pub(crate) roles: RoleTable,
    pub(crate) role_sources: Vec<Role>,
    pub(crate) overrides: Vec<Override>,
    problems: Vec<Problem>,
}

impl TenantRules {
    /// Which tenant it is.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The custom roles of the tenant.
    pub fn roles(&self) -> &[Role] {
        &self.role_sources
    }

    /// What the tenant changes in roles.
    pub fn overrides(&self) -> &[Override] {
        &self.overrides
    }

    /// What could not be understood, each with its place. It gives nothing; where rules are written it is refused.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

/// Decides who may do what. Cheap to clone; nothing in it is ever changed in place, so whoever holds one (or a set
/// compiled with it) sees one state of the world.
///
/// ```
/// use mono_core::id::{AccountId, TenantId};
/// use mono_core::permission::{Assignment, Catalogue, Engine, PermissionEntry, Principal, Role, Scope};
/// let catalogue = Catalogue::new("1").with(PermissionEntry::new("tenant.accounts.read", "See accounts"));
/// let engine = Engine::build(catalogue, vec![Role::new("viewer").allow(["tenant.*.read"])]).unwrap();
///
/// let tenant = TenantId::from_u128(1);
/// let facts = Principal {
///     assignments: vec![Assignment::new("viewer", Scope::tenant(tenant))],
///     ..Principal::default()
/// };
/// let set = engine.compile(&facts);
/// let now = "2026-01-01T00:00:00Z".parse().unwrap();
/// let account = Scope::account(tenant, AccountId::from_u128(2));
/// assert!(set.check(mono_core::permission!("tenant.accounts.read"), &account, now));
/// assert!(!set.check("tenant.accounts.read", &Scope::platform(), now));
/// ```
#[derive(Debug, Clone)]
pub struct Engine {
    pub(crate) world: Arc<World>,
}

impl Engine {
    /// Freezes a catalogue with the system roles.
    ///
    /// # Errors
    /// Every problem at once, each with its place (`roles[3].allow[1]`): malformed or double names, patterns that
    /// cannot be read, names that the catalogue does not have, unknown parents, circles with their path.
    pub fn build(catalogue: Catalogue, roles: Vec<Role>) -> Result<Self, Vec<Problem>> {
        let mut problems = catalogue.check();
        let names = catalogue.permissions.iter().map(|entry| entry.name.as_str().into()).collect();
        let registry = Registry::new(names);
        let table = RoleTable::build(&registry, None, &roles, &[], &mut problems);
        problems.extend(super::lint::unknown_names(&registry, &roles));
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut entries = vec![0; registry.len()];
        let mut feature_of = vec![None; registry.len()];
        let mut gated = Bits::new(registry.len());
        let mut features: Vec<String> =
            catalogue.permissions.iter().filter_map(|entry| entry.feature.clone()).collect();
        features.sort_unstable();
        features.dedup();
        for (place, entry) in catalogue.permissions.iter().enumerate() {
            let Some(number) = entry.name.as_str().number(&RegistryRef(&registry)) else { continue };
            let feature = entry.feature.as_ref().and_then(|feature| features.binary_search(feature).ok());
            if let (Some(slot), Some(of)) =
                (entries.get_mut(number as usize), feature_of.get_mut(number as usize))
            {
                *slot = place;
                *of = feature.and_then(|place| u32::try_from(place).ok());
                if of.is_some() {
                    gated.insert(number);
                }
            }
        }
        let feature_of = feature_of.into();
        let core = Core {
            catalogue,
            registry,
            entries,
            features,
            feature_of,
            gated,
            roles: table,
            role_sources: roles,
        };
        Ok(Self { world: Arc::new(World { core: Arc::new(core), tenants: Map::default() }) })
    }

    /// The catalogue that the engine was built with.
    pub fn catalogue(&self) -> &Catalogue {
        &self.world.core.catalogue
    }

    /// The system roles that the engine was built with.
    pub fn roles(&self) -> &[Role] {
        &self.world.core.role_sources
    }

    /// Looks a permission up, for checks that take a nanosecond or two. `None` where the catalogue does not have it.
    pub fn resolve(&self, permission: impl Asked) -> Option<PermissionId> {
        let registry = self.world.registry();
        permission.number(&registry).map(|number| registry.0.id(number))
    }

    /// The entry of the catalogue for a permission.
    pub fn entry(&self, permission: impl Asked) -> Option<&PermissionEntry> {
        let core = &self.world.core;
        let number = permission.number(&self.world.registry())?;
        core.entries.get(number as usize).and_then(|place| core.catalogue.permissions.get(*place))
    }

    /// Checks at start that the catalogue has every permission that code names.
    ///
    /// # Errors
    /// One problem for each that is missing; its place is the file and line where `permission!` was written.
    pub fn require(&self, permissions: &[Permission]) -> Result<(), Vec<Problem>> {
        let missing = permissions.iter().filter(|permission| self.resolve(*permission).is_none());
        let problems: Vec<Problem> = missing
            .map(|permission| {
                let place = format!("{}:{}", permission.file(), permission.line());
                let message = format!("the catalogue has no permission {permission}");
                Problem::new(place, "unknown_permission", message)
            })
            .collect();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// The names in roles that the catalogue does not have, each with its place (`roles[0].allow[2]`).
    pub(crate) fn unknown_names(&self, roles: &[Role]) -> Vec<Problem> {
        super::lint::unknown_names(&self.world.core.registry, roles)
    }

    /// Resolves what a tenant stores: its custom roles and its overrides. Overrides of other tenants are left out.
    ///
    /// This never fails, for a running server has to go on: what cannot be read gives nothing and is listed in
    /// [`TenantRules::problems`]. Where rules are written, refuse them if there are problems.
    pub fn tenant_rules(&self, tenant: TenantId, roles: Vec<Role>, overrides: &[Override]) -> TenantRules {
        let core = &self.world.core;
        let mut problems = Vec::new();
        // Numbered before the others are left out, so that a problem names the place in what was given.
        let own: Vec<_> = overrides.iter().enumerate().filter(|(_, item)| item.tenant == tenant).collect();
        let table = RoleTable::build(&core.registry, Some(&core.roles), &roles, &own, &mut problems);
        let overrides = own.into_iter().map(|(_, item)| item.clone()).collect();
        TenantRules { tenant, roles: table, role_sources: roles, overrides, problems }
    }

    /// The engine with the rules of some tenants, in place of what it had for them. The old engine stays as it was.
    ///
    /// Rules made by an engine of another catalogue are not for this one: build them with the engine at hand.
    pub fn with_tenants(&self, rules: impl IntoIterator<Item = TenantRules>) -> Self {
        let mut tenants = self.world.tenants.clone();
        tenants.extend(rules.into_iter().map(|rules| (rules.tenant, Arc::new(rules))));
        self.with_map(tenants)
    }

    /// The engine without the rules of a tenant, in which system roles then hold as they are.
    pub fn without_tenant(&self, tenant: TenantId) -> Self {
        let mut tenants = self.world.tenants.clone();
        tenants.remove(&tenant);
        self.with_map(tenants)
    }

    fn with_map(&self, tenants: Map<TenantId, Arc<TenantRules>>) -> Self {
        Self { world: Arc::new(World { core: Arc::clone(&self.world.core), tenants }) }
    }

    /// The rules that the engine has for a tenant.
    pub fn tenant(&self, tenant: TenantId) -> Option<&TenantRules> {
        self.world.tenants.get(&tenant).map(|rules| &**rules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue(names: &[&str]) -> Catalogue {
        names.iter().fold(Catalogue::new("1"), |list, name| list.with(PermissionEntry::new(*name, "")))
    }

    #[test]
    fn every_problem_has_its_place_and_a_cycle_its_path() {
        let roles = vec![
            Role::new("a").inherit(["b"]),
            Role::new("b").inherit(["c"]).allow(["t.x", "t.acc*"]),
            Role::new("c").inherit(["a", "nobody"]),
            Role::new("c"),
        ];
        let problems = Engine::build(catalogue(&["t.x"]), roles).unwrap_err();
        let find = |code: &str| problems.iter().find(|problem| problem.code == code).unwrap();
        assert_eq!(find("invalid_pattern").field, "roles[1].allow[1]");
        assert_eq!(find("unknown_role").field, "roles[2].parents[1]");
        assert_eq!(find("duplicate_role").field, "roles[3].key");
        assert!(find("role_cycle").message.ends_with("a > b > c > a"), "{problems:?}");
    }

    #[test]
    fn a_long_chain_of_roles_does_not_overflow_the_stack() {
        let mut roles: Vec<Role> =
            (0..20_000).map(|i| Role::new(format!("r{i}")).inherit([format!("r{}", i + 1)])).collect();
        roles.push(Role::new("r20000").allow(["t.x"]));
        assert!(Engine::build(catalogue(&["t.x"]), roles).is_ok());
    }

    #[test]
    fn a_name_missing_from_the_catalogue_is_reported_where_it_was_written() {
        let engine = Engine::build(catalogue(&["t.x"]), vec![]).unwrap();
        let known = crate::permission!("t.x");
        let unknown = crate::permission!("t.y");
        let line = line!() - 1;
        assert!(engine.require(&[known]).is_ok());
        let problems = engine.require(&[known, unknown]).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].field, format!("{}:{line}", file!()));
    }

    #[test]
    fn a_prepared_permission_is_no_good_for_another_catalogue() {
        let one = Engine::build(catalogue(&["t.x", "t.y"]), vec![]).unwrap();
        let other = Engine::build(catalogue(&["t.a", "t.x"]), vec![]).unwrap();
        let id = one.resolve("t.y").unwrap();
        assert!(other.resolve(id).is_none());
    }
}
