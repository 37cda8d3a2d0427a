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
        let bare = [alone.as_slice(), &["--no-default-features"]].concat();
        let mut checks = vec![bare.clone()];
        for feature in self.features.keys() {
            checks.push(match feature.as_str() {
                "default" => alone.clone(),
                feature => [bare.as_slice(), &["--features", feature]].concat(),
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
        {"name": "xtask", "features": {"extra": []}, "publish": []}
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
    fn an_unpublished_package_is_tried_once() {
        assert_eq!(parse(TEXT).unwrap()[1].checks(), [["check", "--package", "xtask"]]);
    }

    #[test]
    fn another_format_is_refused_with_a_reason() {
        let failure = parse("[]").unwrap_err();
        assert!(failure.to_string().starts_with("cannot read `cargo metadata`: "), "{failure}");
    }
}
