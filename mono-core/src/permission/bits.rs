//! A set of permissions as bits, one for each name of the registry.

/// A set of small numbers below a fixed size.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Bits(Box<[u64]>);

impl Bits {
    /// An empty set for numbers below `size`.
    pub(crate) fn new(size: usize) -> Self {
        Self(vec![0; size.div_ceil(64)].into())
    }

    /// Adds a number; one beyond the size is left out.
    pub(crate) fn insert(&mut self, number: u32) {
        if let Some(word) = self.0.get_mut(number as usize / 64) {
            *word |= 1 << (number % 64);
        }
    }

    /// Whether the number is in the set.
    #[inline]
    pub(crate) fn contains(&self, number: u32) -> bool {
        has(&self.0, number)
    }

    /// Adds all of `other`.
    pub(crate) fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, more)| *word |= more);
    }

    /// Takes away all of `other`.
    pub(crate) fn remove(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, less)| *word &= !less);
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// The bits in words.
    pub(crate) fn words(&self) -> &[u64] {
        &self.0
    }
}

/// Whether the bit is set in some words.
#[inline]
pub(crate) fn has(words: &[u64], number: u32) -> bool {
    words.get(number as usize / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
}
