//! Where a permission holds: a path from the platform down to a profile, with a resource at its end.

use crate::error::Error;
use crate::id::{AccountId, MemberId, ProfileId, TenantId};
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// The type of a resource, such as `file`: 1 to 24 of `a-z`, `0-9`, `-` and `_`. Kept in place, so it is cheap to copy.
///
/// ```
/// use mono_core::permission::ResourceKind;
/// const FILE: ResourceKind = mono_core::resource_kind!("file");
/// assert_eq!(ResourceKind::parse("file")?, FILE);
/// assert!(ResourceKind::parse("a file").is_err());
/// # Ok::<(), mono_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(extend("pattern" = "^[a-z0-9][a-z0-9_-]{0,23}$")))]
#[serde(try_from = "String", into = "String")]
pub struct ResourceKind([u8; 24]);

impl ResourceKind {
    const ABSENT: Self = Self([0; 24]);

    /// Reads a type; `None` where it is malformed. For constants, see [`resource_kind!`](crate::resource_kind!).
    pub const fn try_new(text: &str) -> Option<Self> {
        let (mut kind, mut rest, mut first) = ([0_u8; 24], text.as_bytes(), true);
        let mut free: &mut [u8] = &mut kind;
        while let Some((byte, tail)) = rest.split_first() {
            let fits = matches!(*byte, b'a'..=b'z' | b'0'..=b'9') || (!first && matches!(*byte, b'-' | b'_'));
            let Some((place, more)) = free.split_first_mut() else { return None };
            if !fits {
                return None;
            }
            (*place, free, rest, first) = (*byte, more, tail, false);
        }
        if first { None } else { Some(Self(kind)) }
    }

    /// Reads a type.
    ///
    /// # Errors
    /// `Validation` on the field `resource`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let message = "the type of a resource has 1 to 24 of a-z, 0-9, - and _";
        Self::try_new(text).ok_or_else(|| Error::invalid("resource", "invalid_resource_kind", message))
    }

    /// The text of the type.
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        self.0.get(..end).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

/// Names the type of a resource as a constant; a malformed one does not compile.
#[macro_export]
macro_rules! resource_kind {
    ($text:expr) => {
        const {
            match $crate::permission::ResourceKind::try_new($text) {
                Some(kind) => kind,
                None => panic!("the type of a resource has 1 to 24 of a-z, 0-9, - and _"),
            }
        }
    };
}

impl fmt::Debug for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for ResourceKind {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(&text)
    }
}

impl From<ResourceKind> for String {
    fn from(value: ResourceKind) -> Self {
        value.as_str().to_owned()
    }
}

/// What JSON Schema says of a scope.
#[cfg(feature = "openapi")]
const SCOPE_PATTERN: &str = concat!(
    "^(platform|tenant:[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "(/account:[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?",
    "(/member:[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "(/profile:[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?)?)",
    "(/resource:[a-z0-9][a-z0-9_-]{0,23}:[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?$",
);

/// The parts of a path, from the top; each is one bit in a scope's mask. The platform is the empty path.
pub(crate) const TENANT: u8 = 1;
pub(crate) const ACCOUNT: u8 = 2;
pub(crate) const MEMBER: u8 = 4;
pub(crate) const PROFILE: u8 = 8;
pub(crate) const RESOURCE: u8 = 16;
pub(crate) const PARTS: [u8; 5] = [TENANT, ACCOUNT, MEMBER, PROFILE, RESOURCE];

/// A place in the tree platform > tenant > account > member > profile, with a resource at the end of any of these.
/// A scope contains itself and all below it.
///
/// ```
/// use mono_core::id::{AccountId, TenantId};
/// use mono_core::permission::Scope;
/// let (tenant, account) = (TenantId::from_u128(1), AccountId::from_u128(2));
/// assert!(Scope::tenant(tenant).contains(&Scope::account(tenant, account)));
/// assert!(!Scope::account(tenant, account).contains(&Scope::tenant(tenant)));
/// let file = Scope::tenant(tenant).resource(mono_core::resource_kind!("file"), AccountId::from_u128(9));
/// assert!(Scope::platform().contains(&file));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(extend("pattern" = SCOPE_PATTERN)))]
#[serde(try_from = "String", into = "String")]
pub struct Scope {
    // Tenant, account, member, profile, resource; an absent part is nil. The order is the order of the tree, so that
    // sorting keeps subtrees together.
    ids: [Uuid; 5],
    kind: ResourceKind,
    mask: u8,
}

impl Scope {
    const fn path(ids: [Option<Uuid>; 4]) -> Self {
        let [tenant, account, member, profile] = ids;
        let (mut mask, nil) = (0, Uuid::nil());
        let mut scope = Self { ids: [nil; 5], kind: ResourceKind::ABSENT, mask };
        let [first, second, third, fourth, _] = &mut scope.ids;
        if let Some(id) = tenant {
            (*first, mask) = (id, mask | TENANT);
        }
        if let Some(id) = account {
            (*second, mask) = (id, mask | ACCOUNT);
        }
        if let Some(id) = member {
            (*third, mask) = (id, mask | MEMBER);
        }
        if let Some(id) = profile {
            (*fourth, mask) = (id, mask | PROFILE);
        }
        scope.mask = mask;
        scope
    }

    /// The whole platform.
    pub const fn platform() -> Self {
        Self::path([None; 4])
    }

    /// A tenant and all in it.
    pub const fn tenant(tenant: TenantId) -> Self {
        Self::path([Some(tenant.uuid()), None, None, None])
    }

    /// An account of a tenant and all in it.
    pub const fn account(tenant: TenantId, account: AccountId) -> Self {
        Self::path([Some(tenant.uuid()), Some(account.uuid()), None, None])
    }

    /// A member of a tenant, or of one of its accounts.
    pub const fn member(tenant: TenantId, account: Option<AccountId>, member: MemberId) -> Self {
        Self::path([Some(tenant.uuid()), bare(account), Some(member.uuid()), None])
    }

    /// A profile of a member.
    pub const fn profile(
        tenant: TenantId,
        account: Option<AccountId>,
        member: MemberId,
        profile: ProfileId,
    ) -> Self {
        Self::path([Some(tenant.uuid()), bare(account), Some(member.uuid()), Some(profile.uuid())])
    }

    /// A resource directly below this scope; on the scope of a resource it takes that one's place.
    pub fn resource(self, kind: ResourceKind, id: impl Into<Uuid>) -> Self {
        self.upto(PROFILE).with_part(RESOURCE, id.into(), Some(kind))
    }

    /// Whether `other` is this scope or stands below it.
    pub fn contains(&self, other: &Self) -> bool {
        let mut parts = PARTS.into_iter().zip(self.ids.iter().zip(&other.ids));
        above(self.mask, other.mask)
            && parts.all(|(part, (mine, theirs))| self.mask & part == 0 || mine == theirs)
            && (self.mask & RESOURCE == 0 || self.kind == other.kind)
    }

    fn id(&self, part: u8) -> Option<Uuid> {
        (self.mask & part != 0).then(|| *self.part(part))
    }

    /// The tenant, unless it is the platform itself or a resource of it.
    pub fn tenant_id(&self) -> Option<TenantId> {
        self.id(TENANT).map(TenantId::from)
    }

    /// The account, where the path leads through one.
    pub fn account_id(&self) -> Option<AccountId> {
        self.id(ACCOUNT).map(AccountId::from)
    }

    /// The member, where the path leads through one.
    pub fn member_id(&self) -> Option<MemberId> {
        self.id(MEMBER).map(MemberId::from)
    }

    /// The profile, where the path leads through one.
    pub fn profile_id(&self) -> Option<ProfileId> {
        self.id(PROFILE).map(ProfileId::from)
    }

    /// The resource at the end of the path.
    pub fn resource_id(&self) -> Option<(ResourceKind, Uuid)> {
        self.id(RESOURCE).map(|id| (self.kind, id))
    }

    /// The name of the tier of this scope, as names of permissions begin with it.
    pub const fn tier(&self) -> &'static str {
        match self.mask & !RESOURCE {
            0 => "platform",
            TENANT => "tenant",
            mask if mask & PROFILE != 0 => "profile",
            mask if mask & MEMBER != 0 => "user",
            _ => "account",
        }
    }

    #[inline]
    pub(crate) const fn mask(&self) -> u8 {
        self.mask
    }

    /// The id of one part; nil where it is absent.
    #[inline]
    pub(crate) fn part(&self, part: u8) -> &Uuid {
        const NIL: Uuid = Uuid::nil();
        self.ids.get(part.trailing_zeros() as usize).unwrap_or(&NIL)
    }

    /// The id at a place of the path, where the tenant is at zero; nil where it is absent and above all places.
    #[inline]
    pub(crate) fn at_place(&self, place: usize) -> &Uuid {
        const NIL: Uuid = Uuid::nil();
        self.ids.get(place).unwrap_or(&NIL)
    }

    /// The path with one part more.
    pub(crate) fn with_part(mut self, part: u8, id: Uuid, kind: Option<ResourceKind>) -> Self {
        self.mask |= part;
        if let Some(place) = self.ids.get_mut(part.trailing_zeros() as usize) {
            *place = id;
        }
        self.kind = kind.unwrap_or(self.kind);
        self
    }

    /// The beginning of this path down to one of its parts.
    pub(crate) fn upto(mut self, part: u8) -> Self {
        self.mask &= part | (part - 1);
        for id in self.ids.iter_mut().skip(part.trailing_zeros() as usize + 1) {
            *id = Uuid::nil();
        }
        if part != RESOURCE {
            self.kind = ResourceKind::ABSENT;
        }
        self
    }

    pub(crate) const fn resource_kind(&self) -> ResourceKind {
        self.kind
    }
}

const fn bare(account: Option<AccountId>) -> Option<Uuid> {
    match account {
        Some(account) => Some(account.uuid()),
        None => None,
    }
}

/// Whether a path of the parts `upper` can be the beginning of one of the parts `lower`: down to its own last part
/// both have the same parts.
pub(crate) const fn above(upper: u8, lower: u8) -> bool {
    // All bits up to the highest of `upper`.
    let reach = match u8::MAX.checked_shr(upper.leading_zeros()) {
        Some(reach) => reach,
        None => 0,
    };
    lower & reach == upper
}

/// All masks that are above a mask, one bit for each.
#[inline]
pub(crate) fn uppers(lower: u8) -> u32 {
    const TABLE: [u32; 32] = {
        let mut table = [0; 32];
        let (mut rest, mut lower) = (table.as_mut_slice(), 0);
        while let Some((uppers, more)) = rest.split_first_mut() {
            let mut upper = 0;
            while upper < 32 {
                *uppers |= (above(upper, lower) as u32) << upper;
                upper += 1;
            }
            (rest, lower) = (more, lower + 1);
        }
        table
    };
    TABLE.get(lower as usize).copied().unwrap_or_default()
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.mask & !RESOURCE == 0 {
            f.write_str("platform")?;
        }
        let mut slash = "";
        for (part, name) in
            [(TENANT, "tenant"), (ACCOUNT, "account"), (MEMBER, "member"), (PROFILE, "profile")]
        {
            if self.mask & part != 0 {
                write!(f, "{slash}{name}:{}", self.part(part))?;
                slash = "/";
            }
        }
        if self.mask & RESOURCE != 0 {
            write!(f, "/resource:{}:{}", self.kind, self.part(RESOURCE))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Scope {
    type Err = Error;

    /// Reads what `Display` writes: `platform`, `tenant:<id>/account:<id>`, `tenant:<id>/resource:file:<id>`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = || {
            let message =
                "a scope is `platform` or a path such as tenant:<id>/account:<id>/resource:<type>:<id>";
            Error::invalid("scope", "invalid_scope", message)
        };
        // One spelling only, as in every other place.
        let id = |text: &str| match text.len() {
            36 => Uuid::try_parse(text).map_err(|_| invalid()),
            _ => Err(invalid()),
        };
        let mut scope = Self::platform();
        let rest = match text.strip_prefix("platform") {
            Some("") => return Ok(scope),
            Some(rest) => {
                rest.strip_prefix('/').filter(|rest| rest.starts_with("resource:")).ok_or_else(invalid)?
            }
            None if text.starts_with("tenant:") => text,
            None => return Err(invalid()),
        };
        for item in rest.split('/') {
            let (name, value) = item.split_once(':').ok_or_else(invalid)?;
            let part = match name {
                "tenant" => TENANT,
                "account" => ACCOUNT,
                "member" => MEMBER,
                "profile" if scope.mask & MEMBER != 0 => PROFILE,
                "resource" => RESOURCE,
                _ => return Err(invalid()),
            };
            // Parts come in order, each at most once.
            if scope.mask >= part {
                return Err(invalid());
            }
            match part {
                TENANT | ACCOUNT | MEMBER | PROFILE => scope = scope.with_part(part, id(value)?, None),
                _ => {
                    let (kind, value) = value.split_once(':').ok_or_else(invalid)?;
                    let kind = ResourceKind::try_new(kind).ok_or_else(invalid)?;
                    scope = scope.with_part(part, id(value)?, Some(kind));
                }
            }
        }
        Ok(scope)
    }
}

impl TryFrom<String> for Scope {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(value: Scope) -> Self {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: TenantId = TenantId::from_u128(1);
    const A: AccountId = AccountId::from_u128(2);
    const M: MemberId = MemberId::from_u128(3);
    const P: ProfileId = ProfileId::from_u128(4);
    const FILE: ResourceKind = crate::resource_kind!("file");

    fn all() -> Vec<Scope> {
        let paths = [
            Scope::platform(),
            Scope::tenant(T),
            Scope::account(T, A),
            Scope::member(T, None, M),
            Scope::member(T, Some(A), M),
            Scope::profile(T, None, M, P),
            Scope::profile(T, Some(A), M, P),
        ];
        paths.into_iter().flat_map(|path| [path, path.resource(FILE, Uuid::from_u128(5))]).collect()
    }

    #[test]
    fn a_scope_reads_back_from_its_text() {
        for scope in all() {
            assert_eq!(scope.to_string().parse::<Scope>().unwrap(), scope, "{scope}");
        }
        for text in
            ["", "tenant", "tenant:1", "platform/", "platform/tenant:00000000-0000-0000-0000-000000000001"]
        {
            assert!(text.parse::<Scope>().is_err(), "{text}");
        }
        let twice = format!("{0}/{0}", Scope::tenant(T));
        assert!(twice.parse::<Scope>().is_err());
    }

    #[test]
    fn containing_is_being_the_beginning_of_the_path() {
        for upper in all() {
            for lower in all() {
                let (a, b) = (upper.to_string(), lower.to_string());
                let expected = upper == Scope::platform() || b == a || b.starts_with(&format!("{a}/"));
                assert_eq!(upper.contains(&lower), expected, "{a} {b}");
            }
        }
    }

    #[test]
    fn another_kind_with_the_same_id_is_another_resource() {
        let file = Scope::tenant(T).resource(FILE, Uuid::from_u128(5));
        let note = Scope::tenant(T).resource(crate::resource_kind!("note"), Uuid::from_u128(5));
        assert!(!file.contains(&note));
    }
}
