//! Keys, which always have an owner.

use crate::bus::Owner;
use quick_cache::Equivalent;
use std::hash::{Hash, Hasher};
use std::time::Duration;
#[cfg(feature = "redis")]
use uuid::Uuid;

/// A kind of value in the cache.
#[derive(Debug)]
pub struct Space {
    /// Its name, unique among all: `accounts`.
    pub name: &'static str,
    /// Raised whenever the form of the values changes: two versions of a program then share nothing.
    pub schema: u16,
    /// As long an entry is given out as it is.
    pub fresh: Duration,
    /// As long again it is given out while it is loaded anew in the background.
    pub stale: Duration,
    /// As long it is kept that there is nothing.
    pub negative: Duration,
}

/// The name of a value. Only [`Cache::tenant`](super::Cache::tenant) and [`Cache::platform`](super::Cache::platform) make
/// one, so that there is none without an owner.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) space: &'static Space,
    /// The owner and then the id, in one place: a hit takes as long as the processor needs to fetch what it compares.
    owned_id: Box<[u8]>,
}

/// A name that is looked for: nothing is copied for it.
#[derive(Clone, Copy)]
pub(super) struct Sought<'k> {
    pub(super) space: &'static Space,
    owner: OwnerBytes,
    id: &'k str,
}

/// Whether there is an owner, and who.
type OwnerBytes = [u8; 17];

impl<'k> Sought<'k> {
    pub(super) fn new(owner: Owner, space: &'static Space, id: &'k str) -> Self {
        let mut bytes = OwnerBytes::default();
        if let (Some(owner), [is_tenant, rest @ ..]) = (owner, &mut bytes) {
            *is_tenant = 1;
            *rest = *owner.uuid().as_bytes();
        }
        Self { space, owner: bytes, id }
    }

    pub(super) fn to_key(self) -> Key {
        Key { space: self.space, owned_id: [self.owner.as_slice(), self.id.as_bytes()].concat().into() }
    }
}

impl Key {
    fn parts(&self) -> (OwnerBytes, &[u8]) {
        self.owned_id.split_first_chunk().map_or_else(Default::default, |(owner, id)| (*owner, id))
    }

    /// What it takes up beside its value, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.owned_id.len()
    }
}

// A space is a static, so it is told apart by where it lies.
impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.space, other.space) && self.owned_id == other.owned_id
    }
}

impl Eq for Key {}

impl Equivalent<Key> for Sought<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        std::ptr::eq(self.space, key.space) && key.parts() == (self.owner, self.id.as_bytes())
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (owner, id) = self.parts();
        hash(self.space, owner, id, state);
    }
}

impl Hash for Sought<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash(self.space, self.owner, self.id.as_bytes(), state);
    }
}

fn hash(space: &'static Space, owner: OwnerBytes, id: &[u8], state: &mut impl Hasher) {
    let [_, tenant @ ..] = owner;
    std::ptr::hash(space, state);
    // A number is hashed in half the time of as many bytes.
    state.write_u128(u128::from_ne_bytes(tenant));
    state.write(id);
}

#[cfg(feature = "redis")]
impl Key {
    /// The key of the value in Redis.
    pub(super) fn text(&self) -> String {
        let (owner, id) = (crate::redis::hash_tag(self.owner()), String::from_utf8_lossy(self.parts().1));
        format!("{owner}:{}:v{}:{id}", self.space.name, self.space.schema)
    }

    pub(super) fn owner(&self) -> Owner {
        let ([is_tenant, tenant @ ..], _) = self.parts();
        (is_tenant == 1).then(|| Uuid::from_bytes(tenant).into())
    }
}
