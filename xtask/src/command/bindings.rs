//! The bindings, from each language that this machine has.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::Result;
use crate::output::{say, warn};
use crate::services::{Services, binaries, install};
use crate::step::Steps;
use crate::stop::Stop;
use crate::workspace::root;

const RUN: &str = "mono-bindings/tests/run.py";

/// A language that the bindings are tested from.
struct Language {
    name: &'static str,
    /// As `run.py` knows it.
    key: &'static str,
    is_there: fn() -> bool,
    /// The packages of Debian and Ubuntu that bring it, where they do and are small.
    packages: &'static [&'static str],
    /// What a person installs.
    advice: &'static str,
}

// Swift's sources are looked at by Python, and compiled where `swiftc` is found.
const LANGUAGES: [Language; 4] = [
    Language { name: "Python", key: "python", is_there: || true, packages: &[], advice: "python3" },
    Language {
        name: "Ruby",
        key: "ruby",
        is_there: ruby,
        packages: &["ruby", "ruby-ffi"],
        advice: "ruby with the gems ffi and minitest (Debian and Ubuntu: ruby ruby-ffi)",
    },
    Language {
        name: "Kotlin",
        key: "kotlin",
        is_there: kotlin,
        packages: &[],
        advice: "java, kotlinc (npm install kotlin-compiler, and KOTLIN_HOME=…/node_modules/kotlin-compiler) and JNA \
                 (Debian and Ubuntu: openjdk-17-jdk-headless libjna-java libjna-jni; elsewhere MONO_JNA=…/jna.jar)",
    },
    Language { name: "Swift", key: "swift", is_there: || true, packages: &[], advice: "python3" },
];

/// Tests the bindings from every language that is there. What is skipped is said.
pub(crate) fn run(services: &mut Services, steps: &mut Steps, stop: &Stop) -> Result<()> {
    for language in &LANGUAGES {
        if !(language.is_there)() && !language.packages.is_empty() && install::apt_is_usable() {
            let installed = steps.step(&format!("install {}", language.name), || {
                install::apt(language.packages.iter().copied(), stop)
            });
            if let Err(failure) = installed {
                stop.check()?;
                warn(&format!("xtask: {failure}"));
            }
        }
        if !(language.is_there)() {
            say(&skipped(language));
            continue;
        }
        let mut command = Command::new("python3");
        command.args([RUN, language.key]).current_dir(root());
        steps.step(&format!("bindings in {}", language.name), || services.run(&mut command, stop))?;
    }
    Ok(())
}

fn skipped(language: &Language) -> String {
    format!("xtask: SKIPPED the bindings in {}: this machine lacks {}", language.name, language.advice)
}

fn ruby() -> bool {
    let mut command = Command::new("ruby");
    command.args(["-e", "require 'ffi'; require 'minitest'"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// As `languages.py` looks for it.
fn kotlin() -> bool {
    let jar = std::env::var_os("MONO_JNA").unwrap_or_else(|| "/usr/share/java/jna.jar".into());
    let has_compiler = std::env::var_os("KOTLIN_HOME").is_some() || binaries::find("kotlinc").is_some();
    has_compiler && binaries::find("java").is_some() && Path::new(&jar).is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_skipped_says_what_to_install() {
        let [_, ruby, ..] = &LANGUAGES;
        let text = skipped(ruby);
        assert!(text.starts_with("xtask: SKIPPED the bindings in Ruby: "), "{text}");
        assert!(text.contains("ruby-ffi"), "{text}");
    }

    #[test]
    fn every_language_has_its_cases() {
        for language in LANGUAGES {
            assert!(root().join("mono-bindings/tests").join(language.key).is_dir(), "{}", language.key);
        }
    }
}
