//! The steps of a command and the time each took.

use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::failure::Result;

/// What was done so far.
#[derive(Default)]
pub(crate) struct Steps(Vec<Step>);

struct Step {
    name: String,
    time: Duration,
    succeeded: bool,
}

impl Steps {
    /// Does one step and notes its time and end.
    pub(crate) fn step<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let start = Instant::now();
        let result = work();
        self.0.push(Step { name: name.into(), time: start.elapsed(), succeeded: result.is_ok() });
        result
    }

    /// One line per step.
    pub(crate) fn summary(&self) -> String {
        let mut text = String::from("\nsummary\n");
        for step in &self.0 {
            let end = if step.succeeded { "ok" } else { "FAILED" };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {end:<6} {:>8.1} s  {}", step.time.as_secs_f64(), step.name);
        }
        text.truncate(text.trim_end().len());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;

    #[test]
    fn the_summary_has_good_and_bad_steps() {
        let mut steps = Steps::default();
        steps.step("build", || Ok(())).unwrap();
        steps.step("tests", || Err::<(), _>(Failure::new("no"))).unwrap_err();
        let summary = steps.summary();
        let lines: Vec<&str> = summary.lines().skip(2).collect();
        assert!(lines[0].starts_with("  ok ") && lines[0].ends_with("build"), "{summary}");
        assert!(lines[1].starts_with("  FAILED ") && lines[1].ends_with("tests"), "{summary}");
    }
}
