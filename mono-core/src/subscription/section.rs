//! One list of the catalogue, found by key and kept in the order of its file.

use super::{CatalogueItem, Key};
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
pub(super) struct Section<T> {
    items: Vec<T>,
    index: BTreeMap<Key, usize>,
}

impl<T: CatalogueItem> Section<T> {
    /// Of two with one key, the first is found.
    pub(super) fn new(items: Vec<T>) -> Self {
        let mut index = BTreeMap::new();
        for (position, item) in items.iter().enumerate() {
            index.entry(item.key().clone()).or_insert(position);
        }
        Self { items, index }
    }

    pub(super) fn get(&self, key: &str) -> Option<&T> {
        self.items.get(self.position(key)?)
    }

    pub(super) fn position(&self, key: &str) -> Option<usize> {
        self.index.get(key).copied()
    }

    pub(super) fn items(&self) -> &[T] {
        &self.items
    }
}
