//! What a node has changed and the others do not know yet.

use super::tag::{Owner, Tag, Touched};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What was changed and not yet told. Until it is told, this node does not trust what Redis keeps of the owner.
#[derive(Default)]
pub(super) struct Untold(Mutex<Lists>);

#[derive(Default)]
struct Lists {
    /// What is being told, by the number of the change: of two changes of one thing each is told.
    telling: BTreeMap<u64, Touched>,
    /// The number of the next change.
    next: u64,
    /// What could not be told.
    failed: Touched,
    /// The part of it that was not left in the database yet.
    unleft: Touched,
}

impl Lists {
    fn note(&mut self, touched: Touched) -> u64 {
        let change = self.next;
        self.next = change.wrapping_add(1);
        self.telling.insert(change, touched);
        change
    }
}

impl Untold {
    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what is to be told, and gives the number of the change.
    pub(super) fn note(&self, touched: Touched) -> u64 {
        self.lists().note(touched)
    }

    /// Ends a change, of which this could not be told.
    pub(super) fn end(&self, change: u64, failed: Touched) {
        let mut lists = self.lists();
        lists.telling.remove(&change);
        lists.unleft.extend(failed.iter().cloned());
        lists.failed.extend(failed);
    }

    /// What could not be told, as a change to tell again.
    pub(super) fn again(&self) -> Option<(u64, Touched)> {
        let mut lists = self.lists();
        lists.unleft.clear();
        let failed = std::mem::take(&mut lists.failed);
        (!failed.is_empty()).then(|| (lists.note(failed.clone()), failed))
    }

    /// What could not be told and was not left in the database yet.
    pub(super) fn take_unleft(&self) -> Touched {
        std::mem::take(&mut self.lists().unleft)
    }

    /// Notes that it could not be left.
    pub(super) fn put_back(&self, unleft: Touched) {
        self.lists().unleft.extend(unleft);
    }

    pub(super) fn is_empty(&self) -> bool {
        let lists = self.lists();
        lists.telling.is_empty() && lists.failed.is_empty()
    }

    /// Whether something of the owner is not told. Asked with each look into Redis, also where very much is not told.
    pub(super) fn has(&self, owner: Owner) -> bool {
        let lists = self.lists();
        // Tags are in the order of their owners.
        let first = (owner, Tag::entity(""));
        let has = |touched: &Touched| touched.range(&first..).next().is_some_and(|(of, _)| *of == owner);
        lists.telling.values().chain([&lists.failed]).any(has)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mono_core::id::TenantId;

    #[test]
    fn what_is_untold_is_known_by_its_owner_until_it_is_told() {
        let [one, two, three] = [1, 2, 3].map(|number| Some(TenantId::from_u128(number)));
        let untold = Untold::default();
        let has = || [None, one, two, three].map(|owner| untold.has(owner));
        let first = untold.note([(one, Tag::ACCOUNTS), (three, Tag::RIGHTS)].into());
        assert_eq!(has(), [false, true, false, true]);
        let second = untold.note([(None, Tag::entity("")), (three, Tag::ACCOUNTS)].into());
        assert_eq!(has(), [true, true, false, true]);
        untold.end(first, [(one, Tag::ACCOUNTS)].into());
        untold.end(second, Touched::new());
        assert_eq!(has(), [false, true, false, false]);
        let (again, touched) = untold.again().unwrap();
        assert_eq!((has(), touched.len()), ([false, true, false, false], 1));
        untold.end(again, Touched::new());
        assert_eq!(has(), [false; 4]);
        assert!(untold.is_empty());
    }
}
