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
    space: &'static Space,
    owner: OwnerNumber,
    id: &'k str,
}

/// Whether there is an owner, and who: a number is compared and hashed in half the time of as many bytes.
type OwnerNumber = (bool, u128);

impl<'k> Sought<'k> {
    pub(super) fn new(owner: Owner, space: &'static Space, id: &'k str) -> Self {
        let number = owner.map(|owner| u128::from_ne_bytes(*owner.uuid().as_bytes()));
        Self { space, owner: (number.is_some(), number.unwrap_or_default()), id }
    }

    pub(super) fn to_key(self) -> Key {
        let (is_tenant, number) = self.owner;
        let owned_id = [[u8::from(is_tenant)].as_slice(), &number.to_ne_bytes(), self.id.as_bytes()].concat();
        Key { space: self.space, owned_id: owned_id.into() }
    }
}

impl Key {
    fn parts(&self) -> (OwnerNumber, &[u8]) {
        let parts = self.owned_id.split_first_chunk::<17>();
        parts.map_or_else(Default::default, |([is_tenant, number @ ..], id)| {
            ((*is_tenant == 1, u128::from_ne_bytes(*number)), id)
        })
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

fn hash(space: &'static Space, (_, number): OwnerNumber, id: &[u8], state: &mut impl Hasher) {
    std::ptr::hash(space, state);
    state.write_u128(number);
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
        let ((is_tenant, number), _) = self.parts();
        is_tenant.then(|| Uuid::from_bytes(number.to_ne_bytes()).into())
    }
}
