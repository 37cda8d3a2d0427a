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
#[serde(try_from = "String", into = "String")]
pub struct Scope {
    // An absent part is nil. The order of the fields is the order of the tree, so that sorting keeps subtrees together.
    tenant: Uuid,
    account: Uuid,
    member: Uuid,
    profile: Uuid,
    kind: ResourceKind,
    resource: Uuid,
    mask: u8,
}

impl Scope {
    const fn path(tenant: Uuid, account: Option<AccountId>, mask: u8) -> Self {
        let (account, mask) = match account {
            Some(account) => (account.uuid(), mask | ACCOUNT),
            None => (Uuid::nil(), mask),
        };
        let (member, profile, resource) = (Uuid::nil(), Uuid::nil(), Uuid::nil());
        Self { tenant, account, member, profile, kind: ResourceKind::ABSENT, resource, mask }
    }

    /// The whole platform.
    pub const fn platform() -> Self {
        Self::path(Uuid::nil(), None, 0)
    }

    /// A tenant and all in it.
    pub const fn tenant(tenant: TenantId) -> Self {
        Self::path(tenant.uuid(), None, TENANT)
    }

    /// An account of a tenant and all in it.
    pub const fn account(tenant: TenantId, account: AccountId) -> Self {
        Self::path(tenant.uuid(), Some(account), TENANT)
    }

    /// A member of a tenant, or of one of its accounts.
    pub const fn member(tenant: TenantId, account: Option<AccountId>, member: MemberId) -> Self {
        let path = Self::path(tenant.uuid(), account, TENANT | MEMBER);
        Self { member: member.uuid(), ..path }
    }

    /// A profile of a member.
    pub const fn profile(
        tenant: TenantId,
        account: Option<AccountId>,
        member: MemberId,
        profile: ProfileId,
    ) -> Self {
        let path = Self::member(tenant, account, member);
        Self { profile: profile.uuid(), mask: path.mask | PROFILE, ..path }
    }

    /// A resource directly below this scope; on the scope of a resource it takes that one's place.
    pub fn resource(self, kind: ResourceKind, id: impl Into<Uuid>) -> Self {
        Self { kind, resource: id.into(), mask: self.mask | RESOURCE, ..self }
    }

    /// Whether `other` is this scope or stands below it.
    pub fn contains(&self, other: &Self) -> bool {
        let same = |part: u8, mine: &Uuid, theirs: &Uuid| self.mask & part == 0 || mine == theirs;
        above(self.mask, other.mask)
            && same(TENANT, &self.tenant, &other.tenant)
            && same(ACCOUNT, &self.account, &other.account)
            && same(MEMBER, &self.member, &other.member)
            && same(PROFILE, &self.profile, &other.profile)
            && (self.mask & RESOURCE == 0 || (self.kind == other.kind && self.resource == other.resource))
    }

    /// The tenant, unless it is the platform itself or a resource of it.
    pub fn tenant_id(&self) -> Option<TenantId> {
        (self.mask & TENANT != 0).then(|| TenantId::from(self.tenant))
    }

    /// The account, where the path leads through one.
    pub fn account_id(&self) -> Option<AccountId> {
        (self.mask & ACCOUNT != 0).then(|| AccountId::from(self.account))
    }

    /// The member, where the path leads through one.
    pub fn member_id(&self) -> Option<MemberId> {
        (self.mask & MEMBER != 0).then(|| MemberId::from(self.member))
    }

    /// The profile, where the path leads through one.
    pub fn profile_id(&self) -> Option<ProfileId> {
        (self.mask & PROFILE != 0).then(|| ProfileId::from(self.profile))
    }

    /// The resource at the end of the path.
    pub fn resource_id(&self) -> Option<(ResourceKind, Uuid)> {
        (self.mask & RESOURCE != 0).then_some((self.kind, self.resource))
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

    pub(crate) const fn mask(&self) -> u8 {
        self.mask
    }

    /// The path with one part more.
    pub(crate) const fn with_part(mut self, part: u8, id: Uuid, kind: Option<ResourceKind>) -> Self {
        self.mask |= part;
        match part {
            TENANT => self.tenant = id,
            ACCOUNT => self.account = id,
            MEMBER => self.member = id,
            PROFILE => self.profile = id,
            _ => self.resource = id,
        }
        if let Some(kind) = kind {
            self.kind = kind;
        }
        self
    }

    /// The beginning of this path down to one of its parts.
    pub(crate) const fn upto(&self, part: u8) -> Self {
        let mut scope = *self;
        scope.mask &= part | (part - 1);
        if part < RESOURCE {
            (scope.kind, scope.resource) = (ResourceKind::ABSENT, Uuid::nil());
        }
        if part < PROFILE {
            scope.profile = Uuid::nil();
        }
        if part < MEMBER {
            scope.member = Uuid::nil();
        }
        if part < ACCOUNT {
            scope.account = Uuid::nil();
        }
        scope
    }

    /// The id of one part; nil where it is absent.
    pub(crate) const fn part(&self, part: u8) -> &Uuid {
        match part {
            TENANT => &self.tenant,
            ACCOUNT => &self.account,
            MEMBER => &self.member,
            PROFILE => &self.profile,
            _ => &self.resource,
        }
    }

    pub(crate) const fn resource_kind(&self) -> ResourceKind {
        self.kind
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
            write!(f, "/resource:{}:{}", self.kind, self.resource)?;
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
        let id = |text: &str| Uuid::try_parse(text).map_err(|_| invalid());
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
            scope.mask |= part;
            match part {
                TENANT => scope.tenant = id(value)?,
                ACCOUNT => scope.account = id(value)?,
                MEMBER => scope.member = id(value)?,
                PROFILE => scope.profile = id(value)?,
                _ => {
                    let (kind, value) = value.split_once(':').ok_or_else(invalid)?;
                    scope.kind = ResourceKind::try_new(kind).ok_or_else(invalid)?;
                    scope.resource = id(value)?;
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
