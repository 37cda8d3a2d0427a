//! Ctrl-C, SIGTERM and a closed terminal become a flag that every waiting loop looks at.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::failure::{Context, Failure, Result};

/// Whether somebody asked this process to stop, and with which signal. Clones share the answer.
#[derive(Clone, Default)]
pub(crate) struct Stop(Arc<AtomicUsize>);

impl Stop {
    /// Listens to the signals from now on; they no longer end the process by themselves.
    pub(crate) fn on_signals() -> Result<Self> {
        let stop = Self::default();
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            let number = usize::try_from(signal).context("signal number")?;
            signal_hook::flag::register_usize(signal, Arc::clone(&stop.0), number)
                .context("cannot listen to signals")?;
        }
        Ok(stop)
    }

    /// Asks as if the terminal had gone.
    pub(crate) fn request(&self) {
        self.0.store(usize::try_from(SIGHUP).unwrap_or(1), Ordering::SeqCst);
    }

    /// Whether to stop.
    pub(crate) fn requested(&self) -> bool {
        self.check().is_err()
    }

    /// Fails once somebody asked to stop, so that `?` leaves the work.
    pub(crate) fn check(&self) -> Result<()> {
        match self.0.load(Ordering::SeqCst) {
            0 => Ok(()),
            signal => Err(Failure::interrupted(u8::try_from(signal).unwrap_or(0))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_sees_the_request() {
        let stop = Stop::default();
        let clone = stop.clone();
        assert!(!clone.requested());
        stop.request();
        assert_eq!(clone.check(), Err(Failure::interrupted(1)));
    }
}
