//! The packages of the workspace and their features, as `cargo metadata` tells them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::failure::{Context, Result};
use crate::process::output_of;
use crate::workspace::cargo;

/// A package of the workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    features: BTreeMap<String, Vec<String>>,
    publish: Option<Vec<String>>,
    #[serde(default)]
    metadata: Option<Table>,
}

/// `[package.metadata]`
#[derive(Debug, Default, Deserialize)]
struct Table {
    #[serde(default)]
    mono: Needs,
}

/// `[package.metadata.mono]`
#[derive(Debug, Default, Deserialize)]
struct Needs {
    /// Features of which the package needs one at least, such as the databases of a storage crate.
    #[serde(default, rename = "one-of")]
    one_of: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// Every package of the workspace.
pub(crate) fn packages() -> Result<Vec<Package>> {
    parse(&output_of(cargo().args(["metadata", "--format-version", "1", "--no-deps"]))?)
}

fn parse(text: &str) -> Result<Vec<Package>> {
    let metadata: Metadata = serde_json::from_str(text).context("cannot read `cargo metadata`")?;
    Ok(metadata.packages)
}

impl Package {
    /// The arguments of `cargo check` that try this package alone: bare, with its defaults, with each feature.
    ///
    /// A package that is never published has no users who choose features: once, as it is, will do.
    pub(crate) fn checks(&self) -> Vec<Vec<&str>> {
        let alone = vec!["check", "--package", &self.name];
        if !self.is_published() {
            return vec![alone];
        }
        let one_of = self.metadata.as_ref().map_or(&[] as &[String], |table| &table.mono.one_of);
        let bare = [alone.as_slice(), &["--no-default-features"]].concat();
        let mut checks = if one_of.is_empty() { vec![bare.clone()] } else { Vec::new() };
        for feature in self.features.keys() {
            checks.push(match (feature.as_str(), one_of.first()) {
                ("default", _) => alone.clone(),
                (feature, Some(needed)) if !one_of.iter().any(|one| one == feature) => {
                    [bare.as_slice(), &["--features", needed, "--features", feature]].concat()
                }
                (feature, _) => [bare.as_slice(), &["--features", feature]].concat(),
            });
        }
        checks
    }

    fn is_published(&self) -> bool {
        self.publish.as_ref().is_none_or(|registries| !registries.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"packages": [
        {"name": "mono-core", "features": {"default": ["api"], "api": []}, "publish": null, "version": "0.1.0"},
        {"name": "xtask", "features": {"extra": []}, "publish": []},
        {"name": "mono-storage", "features": {"postgres": [], "sqlite": [], "testkit": []}, "publish": null,
         "metadata": {"mono": {"one-of": ["sqlite", "postgres"]}}}
    ]}"#;

    #[test]
    fn a_published_package_is_tried_bare_and_with_each_feature() {
        let packages = parse(TEXT).unwrap();
        let checks: Vec<String> = packages[0].checks().iter().map(|check| check.join(" ")).collect();
        assert_eq!(
            checks,
            [
                "check --package mono-core --no-default-features",
                "check --package mono-core --no-default-features --features api",
                "check --package mono-core",
            ]
        );
    }

    #[test]
    fn a_package_that_needs_one_of_some_features_is_never_tried_without() {
        let packages = parse(TEXT).unwrap();
        let checks: Vec<String> = packages[2].checks().iter().map(|check| check.join(" ")).collect();
        assert_eq!(
            checks,
            [
                "check --package mono-storage --no-default-features --features postgres",
                "check --package mono-storage --no-default-features --features sqlite",
                "check --package mono-storage --no-default-features --features sqlite --features testkit",
            ]
        );
    }

    #[test]
    fn an_unpublished_package_is_tried_once() {
        assert_eq!(parse(TEXT).unwrap()[1].checks(), [["check", "--package", "xtask"]]);
    }

    #[test]
    fn another_format_is_refused_with_a_reason() {
        let failure = parse("[]").unwrap_err();
        assert!(failure.to_string().starts_with("cannot read `cargo metadata`: "), "{failure}");
    }
}
