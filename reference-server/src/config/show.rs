//! What is told about settings: those in force, an example file, and the reference.

use super::Config;
use super::load::{Setting, is_secret, variable};
use clap::{Arg, Args};
use std::fmt::Write as _;

/// The pages that say more about a group of settings.
const PAGES: [(&str, &str); 8] = [
    (
        "Server",
        "[rate limits](rate-limits.md), [what is removed for good](lifecycle.md#deleted-restored-removed-for-good)",
    ),
    ("Database", "[isolation](isolation.md), [PostgreSQL](#postgresql)"),
    ("Redis", "[cache](cache.md), [rate limits](rate-limits.md)"),
    ("Keys and tokens", "[keys](keys.md), [API keys](api-keys.md)"),
    ("Mail", "[mail](mail.md)"),
    ("Signing in", "[authentication](authentication.md), [second factor](second-factor.md)"),
    ("Operations", "[operations](operations.md)"),
    ("Demo data", "[demo data](#demo-data)"),
];

/// The settings in force, a line for each: in the form of a file for the environment, without the secrets.
pub(crate) fn effective(settings: &[Setting]) -> String {
    let mut text = String::new();
    for Setting { variable, value, origin, is_secret } in settings {
        let _ = match value {
            None => writeln!(text, "# {variable} is not set"),
            Some(_) if *is_secret => writeln!(text, "{variable}=(secret)  # {origin}"),
            Some(value) => writeln!(text, "{variable}={value}  # {origin}"),
        };
    }
    text
}

/// `.env.example`: every variable, with what it means and its default.
pub(crate) fn example() -> String {
    let mut text = "# Every setting of mono, written by `mono config --example`: do not edit it here. A line without\n\
                    # its `#` takes effect where your shell, compose or systemd reads this file as .env; mono does not.\n\
                    # A secret may stand in a file instead: MONO_DATABASE_URL_FILE=/run/secrets/database-url\n"
        .to_owned();
    for (heading, group) in groups() {
        let _ = write!(text, "\n# {heading}\n");
        for arg in group {
            let Described { variable, default, meaning, .. } = describe(&arg);
            let default = default.filter(|_| !arg.get_default_values().is_empty()).unwrap_or_default();
            let _ = write!(text, "\n{}# {variable}={default}\n", comment(&meaning));
        }
    }
    text
}

/// The tables of docs/configuration.md.
pub(crate) fn reference() -> String {
    let mut text = String::new();
    for (heading, group) in groups() {
        let _ = write!(text, "### {heading}\n\n");
        if let Some((_, pages)) = PAGES.iter().find(|(name, _)| *name == heading) {
            let _ = write!(text, "More: {pages}.\n\n");
        }
        text.push_str("| flag | variable | default | meaning |\n| --- | --- | --- | --- |\n");
        for arg in group {
            let Described { flag, variable, default, meaning } = describe(&arg);
            let default = match default {
                Some(default) if arg.get_default_values().is_empty() => default,
                Some(default) => format!("`{default}`"),
                None if is_secret(&arg) || arg.get_action().takes_values() => "none".to_owned(),
                None => "off".to_owned(),
            };
            let secret = if is_secret(&arg) { " (a secret)" } else { "" };
            let _ = writeln!(
                text,
                "| `{}` | `{variable}`{secret} | {} | {} |",
                cell(&flag),
                cell(&default),
                cell(&meaning)
            );
        }
        text.push('\n');
    }
    text
}

/// The settings under their headings, both in the order in which they are declared.
fn groups() -> Vec<(String, Vec<Arg>)> {
    let command = Config::augment_args(clap::Command::new("mono"));
    let mut groups: Vec<(String, Vec<Arg>)> = Vec::new();
    for arg in command.get_arguments() {
        let heading = arg.get_help_heading().unwrap_or("Server");
        match groups.iter_mut().find(|(name, _)| name == heading) {
            Some((_, group)) => group.push(arg.clone()),
            None => groups.push((heading.to_owned(), vec![arg.clone()])),
        }
    }
    groups
}

struct Described {
    flag: String,
    variable: String,
    /// The default, or in words what holds where nothing is given.
    default: Option<String>,
    meaning: String,
}

fn describe(arg: &Arg) -> Described {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let (meaning, words) = match help.rsplit_once(" [default: ") {
        Some((meaning, words)) => (meaning.to_owned(), Some(words.trim_end_matches(['.', ']']).to_owned())),
        None => (help, None),
    };
    let given: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    let default =
        if given.is_empty() || !arg.get_action().takes_values() { words } else { Some(given.join(",")) };
    let value = arg.get_value_names().filter(|_| arg.get_action().takes_values());
    let value = value.and_then(|names| names.first()).map(|name| format!(" {name}")).unwrap_or_default();
    let flag = format!("--{}{value}", arg.get_long().unwrap_or_default());
    Described {
        flag,
        variable: variable(arg).unwrap_or_default(),
        default,
        meaning: format!("{}.", meaning.trim_end_matches('.')),
    }
}

/// Text within a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', r"\|")
}

/// Lines of at most a hundred characters, each a comment.
fn comment(text: &str) -> String {
    let mut lines = vec!["#".to_owned()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + word.len() < 100 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("# {word}")),
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Compares what a file of the repository says about settings with the settings, or writes it where `UPDATE_GOLDEN` is
    /// set.
    fn compare(name: &str, change: impl FnOnce(&str) -> String) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        let text = change(&golden);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &text).unwrap();
        } else {
            assert_eq!(text, golden, "run this test with UPDATE_GOLDEN=1, and review the diff of {name}");
        }
    }

    #[test]
    fn the_example_and_the_reference_are_those_of_the_settings() {
        compare(".env.example", |_| example());
        compare("docs/configuration.md", |page| {
            let (head, rest) = page.split_once("<!-- settings -->\n").unwrap();
            let (_, tail) = rest.split_once("<!-- /settings -->").unwrap();
            format!("{head}<!-- settings -->\n\n{}<!-- /settings -->{tail}", reference())
        });
    }

    #[test]
    fn a_secret_is_not_shown() {
        let setting = |is_secret| Setting {
            variable: "MONO_X".into(),
            value: Some("hunter2".into()),
            origin: super::super::load::Origin::Environment,
            is_secret,
        };
        assert_eq!(effective(&[setting(false)]), "MONO_X=hunter2  # environment\n");
        assert_eq!(effective(&[setting(true)]), "MONO_X=(secret)  # environment\n");
    }
}
