//! The clock and the randomness of the operating system.

use mono_core::id::Random;
use mono_core::time::{Clock, Timestamp, truncate};
use rand::TryRng;

/// The clock of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place where the present enters")]
    fn now(&self) -> Timestamp {
        truncate(std::time::SystemTime::now().into())
    }
}

/// The randomness of the operating system, fit for secrets.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) {
        // A machine without randomness cannot make a secret or an id: going on would be worse than stopping.
        #[expect(clippy::expect_used, reason = "no caller could do better than stop")]
        rand::rngs::SysRng.try_fill_bytes(buffer).expect("the operating system gives random bytes");
    }
}
