//! Without the feature `redis` no other node is ever heard.

use super::tag::Touched;
use mono_core::id::TenantId;
use uuid::Uuid;

/// There is none.
pub(super) enum Remote {}

impl Remote {
    pub(super) fn node(&self) -> Uuid {
        match *self {}
    }

    pub(super) fn take_unleft(&self) -> Touched {
        match *self {}
    }

    pub(super) fn put_back(&self, _: Touched) {
        match *self {}
    }

    pub(super) async fn raise(&self, _: Touched) -> Touched {
        match *self {}
    }

    pub(super) fn is_up(&self) -> bool {
        match *self {}
    }

    pub(super) fn note(&self, _: &Touched) -> u64 {
        match *self {}
    }

    pub(super) async fn tell(&self, _: u64, _: Touched) {
        match *self {}
    }

    pub(super) async fn leave(&self) {
        match *self {}
    }

    pub(super) async fn tell_moved(&self, _: TenantId) {
        match *self {}
    }
}
