//! The version that a request takes for the current one of what it changes.

use mono_core::Error;

/// What a transaction still has to compare with the version of what it changes.
pub(super) struct Expected(Option<i64>);

impl Expected {
    pub(super) const fn new(version: Option<i64>) -> Self {
        Self(version)
    }

    /// Refuses where the current version is neither what the request expects nor what the change says it has `seen`.
    pub(super) fn check(&mut self, what: &str, seen: Option<i64>, current: i64) -> Result<(), Error> {
        let expected = self.0.take();
        if let (Some(expected), Some(seen)) = (expected, seen)
            && expected != seen
        {
            let message = format!("the header If-Match says version {expected}, the body {seen}");
            return Err(Error::invalid("version", "version_mismatch", message));
        }
        match expected.or(seen) {
            Some(seen) if seen != current => Err(Error::stale_version(what, seen, current)),
            _ => Ok(()),
        }
    }

    /// Refuses to commit what nothing was compared for: a condition is never dropped in silence.
    pub(super) fn require_checked(&self) -> Result<(), Error> {
        if self.is_open() {
            return Err(Error::no_version());
        }
        Ok(())
    }

    /// Whether there is anything to compare.
    pub(super) const fn is_open(&self) -> bool {
        self.0.is_some()
    }
}
