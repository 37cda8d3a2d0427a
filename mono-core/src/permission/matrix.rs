//! The table of roles and permissions as text, made to be reviewed as a diff.

use super::engine::Engine;
use crate::id::TenantId;

impl Engine {
    /// The table of permissions (rows) and roles (columns), as they are in a tenant or, with `None`, by themselves.
    ///
    /// `x` stands for a permission that the role gives itself, `+` for one that it inherits.
    ///
    /// ```
    /// # use mono_core::permission::*;
    /// # let catalogue = Catalogue::new("1")
    /// #     .with(PermissionEntry::new("tenant.a", "")).with(PermissionEntry::new("tenant.b", ""));
    /// let roles = vec![Role::new("low").allow(["tenant.a"]), Role::new("high").allow(["tenant.b"]).inherit(["low"])];
    /// let engine = Engine::build(catalogue, roles).unwrap();
    /// let table = ["         | low | high", "tenant.a |  x  |  +", "tenant.b |  .  |  x"];
    /// assert_eq!(engine.matrix(None).lines().collect::<Vec<_>>(), table);
    /// ```
    pub fn matrix(&self, tenant: Option<TenantId>) -> String {
        let core = &self.world.core;
        let table = tenant.and_then(|tenant| self.tenant(tenant)).map_or(&core.roles, |rules| &rules.roles);
        let width = core.registry.iter().map(|(_, name)| name.len()).max().unwrap_or_default();
        let heads: Vec<_> = table.roles.iter().map(|role| &*role.key).collect();
        let mut text = line(&format!("{:width$}", ""), heads.iter().map(|head| (*head).to_owned()));
        for (number, name) in core.registry.iter() {
            let cells = table.roles.iter().map(|role| {
                let mark = match (role.own.contains(number), role.all.contains(number)) {
                    (true, _) => "x",
                    (false, true) => "+",
                    (false, false) => ".",
                };
                format!("{mark:^width$}", width = role.key.chars().count())
            });
            text += &line(&format!("{name:width$}"), cells);
        }
        text
    }
}

fn line(first: &str, cells: impl Iterator<Item = String>) -> String {
    let whole = cells.fold(first.to_owned(), |text, cell| text + " | " + &cell);
    whole.trim_end().to_owned() + "\n"
}
