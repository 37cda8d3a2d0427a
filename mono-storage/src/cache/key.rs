//! Keys, which always have an owner.

use crate::bus::Owner;
use quick_cache::Equivalent;
use std::hash::{Hash, Hasher};
use std::time::Duration;

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
    pub(super) owner: Owner,
    pub(super) space: &'static Space,
    pub(super) id: Box<str>,
}

/// A name that is looked for: nothing is copied for it.
#[derive(Clone, Copy)]
pub(super) struct Sought<'k> {
    pub(super) owner: Owner,
    pub(super) space: &'static Space,
    pub(super) id: &'k str,
}

impl Sought<'_> {
    pub(super) fn to_key(self) -> Key {
        Key { owner: self.owner, space: self.space, id: self.id.into() }
    }
}

impl Key {
    fn sought(&self) -> Sought<'_> {
        Sought { owner: self.owner, space: self.space, id: &self.id }
    }
}

impl PartialEq for Sought<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.owner == other.owner
            && self.id == other.id
            && self.space.name == other.space.name
            && self.space.schema == other.space.schema
    }
}

impl Hash for Sought<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.owner.hash(state);
        self.space.name.hash(state);
        self.id.hash(state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.sought() == other.sought()
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.sought().hash(state);
    }
}

impl Equivalent<Key> for Sought<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self == key.sought()
    }
}

#[cfg(feature = "redis")]
impl Key {
    /// The key of the value in Redis.
    pub(super) fn text(&self) -> String {
        let owner = crate::redis::hash_tag(self.owner);
        format!("{owner}:{}:v{}:{}", self.space.name, self.space.schema, self.id)
    }
}
