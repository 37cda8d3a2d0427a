//! How many cases of the storage suites ran on which database. The tests append their lines to the file that
//! `MONO_TEST_REPORT` names: `conformance: <backend>: <n> cases`.

use std::collections::BTreeMap;

/// The totals as lines for people.
pub(crate) fn summary(report: &str) -> String {
    let mut totals = BTreeMap::<&str, u64>::new();
    let mut lines = Vec::new();
    for line in report.lines() {
        match parse(line) {
            Some((backend, cases)) => *totals.entry(backend).or_default() += cases,
            None => lines.push(format!("conformance: NOT UNDERSTOOD: {line}")),
        }
    }
    if totals.is_empty() {
        lines.push("conformance: NO storage suite reported any case".into());
    }
    lines.extend(totals.iter().map(|(backend, cases)| format!("conformance: {backend}: {cases} cases")));
    lines.join("\n")
}

fn parse(line: &str) -> Option<(&str, u64)> {
    let (backend, cases) = line.strip_prefix("conformance: ")?.split_once(": ")?;
    Some((backend, cases.strip_suffix(" cases")?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_added_up_per_backend() {
        let report =
            "conformance: sqlite: 3 cases\nconformance: postgres: 2 cases\nconformance: sqlite: 4 cases\n";
        assert_eq!(summary(report), "conformance: postgres: 2 cases\nconformance: sqlite: 7 cases");
    }

    #[test]
    fn silence_and_noise_are_said_aloud() {
        assert_eq!(summary(""), "conformance: NO storage suite reported any case");
        assert!(summary("conformance: sqlite: many cases").contains("NOT UNDERSTOOD"));
    }
}
