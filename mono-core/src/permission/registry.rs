//! The names of a catalogue, frozen and sorted: a name's number is its place in the order.

use super::bits::Bits;
use super::handle::Permission;
use super::hash;
use super::name::Name;
use super::pattern::{Pattern, Shape};
use std::ops::Range;

/// A permission found in one catalogue: the form that is checked in nanoseconds. It is good for every engine whose
/// catalogue has the same names; elsewhere it is an unknown permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PermissionId {
    pub(crate) number: u32,
    pub(crate) edition: u64,
}

/// The sorted names with a table to find one by its hash.
#[derive(Debug)]
pub(crate) struct Registry {
    names: Box<[Box<str>]>,
    // Open addressing, at most half full: number of the name plus one, zero where free.
    table: Box<[u32]>,
    edition: u64,
}

impl Registry {
    pub(crate) fn new(mut names: Vec<Box<str>>) -> Self {
        names.sort_unstable();
        names.dedup();
        let size = (names.len() * 2 + 1).next_power_of_two();
        let mut table = vec![0_u32; size];
        let mut edition = Vec::new();
        for (name, number) in names.iter().zip(1_u32..) {
            let hash = hash::bytes(name.as_bytes());
            edition.extend_from_slice(name.as_bytes());
            edition.push(b'\n');
            let free = probe(hash, size).find(|place| table.get(*place) == Some(&0));
            if let Some(slot) = free.and_then(|place| table.get_mut(place)) {
                *slot = number;
            }
        }
        Self { names: names.into(), table: table.into(), edition: hash::bytes(&edition) }
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn name(&self, number: u32) -> &str {
        self.names.get(number as usize).map_or("", |name| name)
    }

    /// The names with their numbers, sorted.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &str)> {
        (0..).zip(self.names.iter().map(|name| &**name))
    }

    pub(crate) fn id(&self, number: u32) -> PermissionId {
        PermissionId { number, edition: self.edition }
    }

    fn find(&self, name: &str, hash: u64) -> Option<u32> {
        for place in probe(hash, self.table.len()) {
            let number = self.table.get(place)?.checked_sub(1)?;
            if self.name(number) == name {
                return Some(number);
            }
        }
        None
    }

    /// The numbers that a pattern may cover, and whether each of them has to be compared.
    fn range(&self, pattern: &Pattern) -> (Range<usize>, bool) {
        let prefixed = |prefix: &str| {
            let start = self.names.partition_point(|name| **name < *prefix);
            let length = self.names.iter().skip(start).take_while(|name| name.starts_with(prefix)).count();
            start..start + length
        };
        match pattern.shape() {
            Shape::All => (0..self.names.len(), false),
            Shape::Exact(name) => {
                let found = self.names.binary_search_by(|other| (**other).cmp(name));
                (found.map_or(0..0, |place| place..place + 1), false)
            }
            Shape::Prefix(prefix) => (prefixed(prefix), false),
            Shape::Scattered(prefix) => (prefixed(prefix), true),
        }
    }

    /// Which names a pattern covers.
    pub(crate) fn covered(&self, pattern: &Pattern) -> Bits {
        let mut bits = Bits::new(self.len());
        let (range, compare) = self.range(pattern);
        for (number, name) in self.iter().skip(range.start).take(range.len()) {
            if !compare || pattern.covers_text(name) {
                bits.insert(number);
            }
        }
        bits
    }
}

fn probe(hash: u64, size: usize) -> impl Iterator<Item = usize> {
    let mask = size - 1;
    let start = usize::try_from(hash & mask as u64).unwrap_or_default();
    (0..size).map(move |step| (start + step) & mask)
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::PermissionId {}
    impl Sealed for super::Permission {}
    impl Sealed for super::Name {}
    impl Sealed for str {}
    impl<T: Sealed + ?Sized> Sealed for &T {}
}

/// What can be asked for: a prepared [`PermissionId`], a constant [`Permission`], a [`Name`] or a text.
///
/// A text that is not in the catalogue (a pattern is not either) is an unknown permission, which nobody holds.
pub trait Asked: sealed::Sealed {
    #[doc(hidden)]
    fn number(&self, registry: &RegistryRef<'_>) -> Option<u32>;
    #[doc(hidden)]
    fn text(&self, registry: &RegistryRef<'_>) -> String;
}

/// Keeps the registry itself private.
#[doc(hidden)]
#[derive(Debug)]
pub struct RegistryRef<'a>(pub(crate) &'a Registry);

impl Asked for PermissionId {
    #[inline]
    fn number(&self, registry: &RegistryRef<'_>) -> Option<u32> {
        (self.edition == registry.0.edition).then_some(self.number)
    }

    fn text(&self, registry: &RegistryRef<'_>) -> String {
        self.number(registry).map_or_else(|| "?".to_owned(), |number| registry.0.name(number).to_owned())
    }
}

impl Asked for Permission {
    fn number(&self, registry: &RegistryRef<'_>) -> Option<u32> {
        registry.0.find(self.name(), self.hash_value())
    }

    fn text(&self, _: &RegistryRef<'_>) -> String {
        self.name().to_owned()
    }
}

impl Asked for str {
    fn number(&self, registry: &RegistryRef<'_>) -> Option<u32> {
        registry.0.find(self, hash::bytes(self.as_bytes()))
    }

    fn text(&self, _: &RegistryRef<'_>) -> String {
        super::name::shown(self)
    }
}

impl Asked for Name {
    fn number(&self, registry: &RegistryRef<'_>) -> Option<u32> {
        self.as_str().number(registry)
    }

    fn text(&self, _: &RegistryRef<'_>) -> String {
        self.as_str().to_owned()
    }
}

impl<T: Asked + ?Sized> Asked for &T {
    fn number(&self, registry: &RegistryRef<'_>) -> Option<u32> {
        (**self).number(registry)
    }

    fn text(&self, registry: &RegistryRef<'_>) -> String {
        (**self).text(registry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_and_ranges_are_exact() {
        let names = ["t.a.read", "t.a-x.read", "t.a_x.read", "t.a", "t.b.read", "tx.a", "t.a.x.read"];
        let registry = Registry::new(names.iter().map(|name| Box::from(*name)).collect());
        for name in names {
            let number = name.number(&RegistryRef(&registry)).unwrap();
            assert_eq!(registry.name(number), name);
        }
        assert!("t.c".number(&RegistryRef(&registry)).is_none());
        for text in ["*", "t.*", "t.a.*", "t.*.read", "t.*.*", "tx.*", "t.a", "z.*", "t.*.x.*"] {
            let pattern = Pattern::parse(text).unwrap();
            let bits = registry.covered(&pattern);
            for (number, name) in registry.iter() {
                assert_eq!(bits.contains(number), pattern.covers_text(name), "{text} {name}");
            }
        }
    }

    #[test]
    fn an_empty_registry_knows_nothing() {
        let registry = Registry::new(vec![]);
        assert!("a.b".number(&RegistryRef(&registry)).is_none());
    }
}
