//! The tenants, roles, members and questions that every engine gets.

use mono_core::id::{AccountId, TenantId, UserId};
use mono_core::permission;
use mono_core::permission::Permission;
use std::collections::BTreeSet;

/// Ten names in each of twelve areas of a namespace.
macro_rules! namespace {
    ($namespace:literal) => {
        namespace!($namespace, "accounts" "audit" "billing" "branding" "contacts" "events" "invoices" "members"
            "projects" "reports" "tasks" "webhooks")
    };
    ($namespace:literal, $($area:literal)*) => {
        [$(namespace!($namespace, $area: "read" "list" "create" "update" "delete" "export" "notes.read"
            "notes.create" "files.read" "files.delete")),*]
    };
    ($namespace:literal, $area:literal: $($action:literal)*) => {
        [$(permission!(concat!($namespace, ".", $area, ".", $action))),*]
    };
}

static NAMES: [[[Permission; 10]; 12]; 3] = [namespace!("tenant"), namespace!("account"), namespace!("user")];

/// How many questions are asked.
const QUESTIONS: usize = 4096;

/// A user with a role in one tenant.
pub(crate) struct Member {
    pub(crate) user: UserId,
    pub(crate) tenant: TenantId,
    pub(crate) role: usize,
}

/// Whether a member has a permission in a tenant, and the answer.
pub(crate) struct Question {
    /// The place of the member in the list.
    pub(crate) member: usize,
    pub(crate) tenant: TenantId,
    pub(crate) permission: Permission,
    pub(crate) allowed: bool,
}

pub(crate) struct World {
    pub(crate) names: Vec<Permission>,
    /// The patterns of each role.
    pub(crate) roles: Vec<[String; 3]>,
    pub(crate) members: Vec<Member>,
    pub(crate) tenants: Vec<TenantId>,
    pub(crate) questions: Vec<Question>,
}

impl World {
    pub(crate) fn new(tenants: u64, users: u64, roles: usize) -> Option<Self> {
        let mut random = Random(1);
        let names = NAMES.as_flattened().as_flattened().to_vec();
        let roles: Vec<_> = (0..roles).map(patterns).collect::<Option<_>>()?;
        let tenants: Vec<_> = (0..tenants).map(|_| TenantId::from_u128(random.wide())).collect();
        let mut member = || {
            let user = UserId::from_u128(random.wide());
            Some(Member { user, tenant: *random.of(&tenants)?, role: random.below(roles.len()) })
        };
        let members: Vec<_> = (0..users).map(|_| member()).collect::<Option<_>>()?;
        let mut question = || {
            // Half is allowed; of the rest one half asks for too much and the other half in another tenant.
            let (kind, member) = (random.below(4), random.below(members.len()));
            let asker = members.get(member)?;
            let (held, lacking): (Vec<_>, Vec<_>) = (names.iter().copied()).partition(|name| {
                roles.get(asker.role).into_iter().flatten().any(|it| covers(it, name.name()))
            });
            let permission = *random.of(if kind == 2 { &lacking } else { &held })?;
            let mut tenant = asker.tenant;
            while kind == 3 && tenant == asker.tenant {
                tenant = *random.of(&tenants)?;
            }
            Some(Question { member, tenant, permission, allowed: kind < 2 })
        };
        let questions = (0..QUESTIONS).map(|_| question()).collect::<Option<_>>()?;
        Some(Self { names, roles, members, tenants, questions })
    }

    pub(crate) fn member(&self, question: &Question) -> Option<&Member> {
        self.members.get(question.member)
    }

    /// All patterns, each once.
    pub(crate) fn patterns(&self) -> BTreeSet<&String> {
        self.roles.iter().flatten().collect()
    }
}

/// The name of a role.
pub(crate) fn role(number: usize) -> String {
    format!("role{number}")
}

/// An account of a tenant: one of three.
pub(crate) fn account(tenant: TenantId, number: usize) -> AccountId {
    AccountId::from_u128(tenant.uuid().as_u128().rotate_left(64) ^ number as u128)
}

/// The three patterns of a role: an area, an action in every area, and a part of an area.
fn patterns(number: usize) -> Option<[String; 3]> {
    let namespace = |shift: usize| ["tenant", "account", "user"].into_iter().cycle().nth(number % 3 + shift);
    let area = NAMES.as_flattened().get(number / 3 % 12)?.first()?.name().split('.').nth(1)?;
    let action = NAMES.as_flattened().first()?.get(number / 3 % 10)?.name().splitn(3, '.').nth(2)?;
    let (first, second, third) = (namespace(0)?, namespace(1)?, namespace(2)?);
    Some([format!("{first}.{area}.*"), format!("{second}.*.{action}"), format!("{third}.{area}.notes.*")])
}

/// The rule for patterns, as plainly as it can be said: a `*` at the end covers one or more segments, any other one.
pub(crate) fn covers(pattern: &str, name: &str) -> bool {
    let (mut parts, mut segments) = (pattern.split('.').peekable(), name.split('.'));
    while let Some(part) = parts.next() {
        match segments.next() {
            Some(_) if part == "*" && parts.peek().is_none() => return true,
            Some(segment) if part == "*" || part == segment => {}
            _ => return false,
        }
    }
    segments.next().is_none()
}

/// `SplitMix64`: the same world in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn wide(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap_or_default()
    }

    fn of<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }
}
