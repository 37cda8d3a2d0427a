//! Finds circles among things that name each other.

use std::collections::BTreeMap;

/// The circles that a walk from each node meets, as paths that end where they begin: `[a, b, a]`. There is at least
/// one for every group of nodes that reach each other.
///
/// The walk keeps its own stack: a chain of any length cannot exhaust the thread's.
pub(super) fn cycles<'a>(
    nodes: impl Iterator<Item = &'a str>,
    edges: impl Fn(&'a str) -> Vec<&'a str>,
) -> Vec<Vec<&'a str>> {
    #[derive(Clone, Copy)]
    enum Mark {
        OnPath(usize),
        Done,
    }
    let mut found = Vec::new();
    let mut marks: BTreeMap<&str, Mark> = BTreeMap::new();
    for start in nodes {
        if marks.contains_key(start) {
            continue;
        }
        let mut path = vec![start];
        let mut open = vec![edges(start).into_iter()];
        marks.insert(start, Mark::OnPath(0));
        while let Some(next) = open.last_mut().map(Iterator::next) {
            let Some(node) = next else {
                open.pop();
                if let Some(finished) = path.pop() {
                    marks.insert(finished, Mark::Done);
                }
                continue;
            };
            match marks.get(node) {
                Some(Mark::Done) => {}
                Some(Mark::OnPath(depth)) => {
                    found.push(path.iter().skip(*depth).copied().chain([node]).collect());
                }
                None => {
                    marks.insert(node, Mark::OnPath(path.len()));
                    path.push(node);
                    open.push(edges(node).into_iter());
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(graph: &[(&'static str, &[&'static str])]) -> Vec<String> {
        let map: BTreeMap<&str, &[&str]> = graph.iter().copied().collect();
        let found = cycles(graph.iter().map(|(node, _)| *node), |node| {
            map.get(node).map_or(vec![], |to| to.to_vec())
        });
        found.iter().map(|path| path.join(" > ")).collect()
    }

    #[test]
    fn each_circle_is_shown_with_its_path() {
        assert_eq!(of(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])]), ["b > c > b"]);
        assert_eq!(of(&[("a", &["a"])]), ["a > a"]);
        assert_eq!(of(&[("a", &["b", "c"]), ("b", &["d"]), ("c", &["d"]), ("d", &[])]), [""; 0]);
        assert_eq!(
            of(&[("a", &["b"]), ("b", &["a"]), ("c", &["d"]), ("d", &["c"])]),
            ["a > b > a", "c > d > c"]
        );
    }
}
