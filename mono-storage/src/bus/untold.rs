//! What a node has changed and the others do not know yet.

use super::tag::{Owner, Touched};
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

impl Untold {
    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what is to be told, and gives the number of the change.
    pub(super) fn note(&self, touched: Touched) -> u64 {
        let mut lists = self.lists();
        let change = lists.next;
        lists.next = change.wrapping_add(1);
        lists.telling.insert(change, touched);
        change
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
        let failed = {
            let mut lists = self.lists();
            lists.unleft.clear();
            std::mem::take(&mut lists.failed)
        };
        (!failed.is_empty()).then(|| (self.note(failed.clone()), failed))
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

    /// Whether something of the owner is not told.
    pub(super) fn has(&self, owner: Owner) -> bool {
        let lists = self.lists();
        lists.telling.values().flatten().chain(&lists.failed).any(|(of, _)| *of == owner)
    }
}
