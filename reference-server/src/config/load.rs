//! Where settings come from: flags, the environment, files of secrets, the configuration file.
//!
//! clap would stop at the first variable that it cannot read. So each value is tried alone first, and what is good is
//! given to clap as the default of its flag.

use super::Config;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Parser};
use mono_core::{Error, Problem};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// Every variable of ours begins so.
const PREFIX: &str = "MONO_";
/// The tests of this repository are told by these where their services are.
const TESTS: &str = "MONO_TEST_";
/// The configuration file that is read where none is named.
const DEFAULT_FILE: &str = "mono.toml";

/// What the program was told.
#[derive(Debug)]
pub struct Loaded<C> {
    /// The command with its settings. A setting whose value cannot be used has its default.
    pub command: C,
    /// What cannot be used, each with the name of its variable.
    pub problems: Vec<Problem>,
    /// What is odd, and stops nothing.
    pub remarks: Vec<String>,
    /// Every setting, in the order of the help.
    pub(crate) settings: Vec<Setting>,
}

impl<C> Loaded<C> {
    /// Logs what is odd, and refuses what cannot be used; then with what is wrong between settings, too.
    ///
    /// # Errors
    /// `Validation` with every problem, each with the name of its variable.
    pub fn check(&self, config: &Config) -> Result<(), Error> {
        for remark in &self.remarks {
            tracing::warn!("{remark}");
        }
        if self.problems.is_empty() { Ok(()) } else { Err(Error::validation(self.all_problems(config))) }
    }

    /// What is wrong with each setting alone, and then between them.
    pub(crate) fn all_problems(&self, config: &Config) -> Vec<Problem> {
        let told = |problem: &Problem| self.problems.iter().any(|known| known.field == problem.field);
        let between = config.problems().into_iter().filter(|problem| !told(problem));
        self.problems.iter().cloned().chain(between).collect()
    }
}

/// A setting as it is in force.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) variable: String,
    pub(crate) value: Option<String>,
    pub(crate) origin: Origin,
    pub(crate) is_secret: bool,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag,
    Environment,
    /// The file that a variable names.
    SecretFile,
    /// The configuration file.
    File(PathBuf),
    Default,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Environment => f.write_str("environment"),
            Self::SecretFile => f.write_str("file of a secret"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// Reads what a program with the settings of [`Config`](crate::Config) is told, and finds everything that is wrong with it.
///
/// # Errors
/// What clap says about flags; `--help` and `--version` are among them. `clap::Error::exit` tells it.
pub fn load<C: Parser>(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Loaded<C>, clap::Error> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let mut reader = Reader::default();
    let described = C::command();
    let settings: Vec<Arg> =
        described.get_arguments().filter(|arg| variable(arg).is_some()).cloned().collect();
    reader.environment(&settings, environment);
    // Only to learn which file is named: everything else is read, and complained about, below.
    let early = described.clone().ignore_errors(true).try_get_matches_from(&arguments).ok();
    reader.file(
        &settings,
        early.as_ref().and_then(|matches| matches.try_get_one("config_file").ok().flatten()),
    );
    for arg in &settings {
        reader.check(arg);
    }
    let mut command = C::command().mut_args(|arg| {
        let given = variable(&arg).and_then(|name| reader.given.get(&name));
        match given {
            Some((value, _)) => arg.env(None::<&'static str>).default_value(value),
            None => arg.env(None::<&'static str>),
        }
    });
    let matches = command.try_get_matches_from_mut(&arguments).map_err(|error| match error.kind() {
        // The help of the command as it is written, with the names of the variables.
        ErrorKind::DisplayHelp => described.try_get_matches_from(&arguments).err().unwrap_or(error),
        _ => error,
    })?;
    Ok(Loaded {
        command: C::from_arg_matches(&matches)?,
        settings: settings.iter().filter_map(|arg| reader.setting(arg, &matches)).collect(),
        problems: reader.problems,
        remarks: reader.remarks,
    })
}

/// The variable of a setting; other arguments have none.
pub(super) fn variable(arg: &Arg) -> Option<String> {
    arg.get_env().and_then(|name| name.to_str()).map(str::to_owned)
}

pub(super) fn is_secret(arg: &Arg) -> bool {
    arg.is_hide_env_values_set()
}

#[derive(Default)]
struct Reader {
    /// Values by the variables of their settings, and where each comes from.
    given: BTreeMap<String, (String, Origin)>,
    problems: Vec<Problem>,
    remarks: Vec<String>,
}

impl Reader {
    fn problem(&mut self, variable: &str, code: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(variable, code, message));
    }

    fn environment(&mut self, settings: &[Arg], environment: impl IntoIterator<Item = (OsString, OsString)>) {
        let ours = environment.into_iter().filter_map(|(name, value)| {
            let name = name.into_string().ok().filter(|name| name.starts_with(PREFIX))?;
            (!name.starts_with(TESTS)).then_some((name, value))
        });
        let mut ours: BTreeMap<String, OsString> = ours.collect();
        let names: Vec<String> = settings.iter().filter_map(variable).collect();
        for (arg, name) in settings.iter().zip(&names) {
            if let Some(value) = ours.remove(name) {
                match value.into_string() {
                    Ok(value) => drop(self.given.insert(name.clone(), (value, Origin::Environment))),
                    Err(_) => self.problem(name, "no_text", "is no text"),
                }
            }
            let file = format!("{name}_FILE");
            if is_secret(arg)
                && !names.contains(&file)
                && let Some(path) = ours.remove(&file)
            {
                self.secret_file(name, &file, &PathBuf::from(path));
            }
        }
        for name in ours.keys() {
            match nearest(name, &names) {
                Some(near) => {
                    let message = format!("there is no such setting; did you mean {near}?");
                    self.problem(name, "unknown", message);
                }
                // An orchestrator puts variables of its own there, such as MONO_SERVICE_HOST for a service `mono`.
                None => self.remarks.push(format!("{name}: there is no such setting; it changes nothing")),
            }
        }
    }

    fn secret_file(&mut self, name: &str, file: &str, path: &std::path::Path) {
        if self.given.contains_key(name) {
            self.problem(name, "given_twice", format!("give {name} or {file}, not both"));
            return;
        }
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let text = text.trim_end_matches(['\r', '\n']).to_owned();
                self.given.insert(name.to_owned(), (text, Origin::SecretFile));
            }
            Err(error) => self.problem(file, "unreadable", format!("cannot be read: {error}")),
        }
    }

    fn file(&mut self, settings: &[Arg], named: Option<&PathBuf>) {
        const VARIABLE: &str = "MONO_CONFIG";
        let named = named.cloned().or_else(|| self.given.get(VARIABLE).map(|(path, _)| path.into()));
        let is_named = named.is_some();
        let path = named.unwrap_or_else(|| DEFAULT_FILE.into());
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_named => return,
            Err(error) => {
                let message = format!("{} cannot be read: {error}", path.display());
                return self.problem(VARIABLE, "unreadable", message);
            }
        };
        let table: toml::Table = match toml::from_str(&text) {
            Ok(table) => table,
            // The whole of the error would show the line, which may hold a secret.
            Err(error) => {
                let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
                let line = before.matches('\n').count() + 1;
                let message = format!("{} line {line}: {}", path.display(), error.message());
                return self.problem(VARIABLE, "invalid_toml", message);
            }
        };
        let names: Vec<String> = settings.iter().filter_map(variable).collect();
        for (key, value) in table {
            let name = format!("{PREFIX}{}", key.to_ascii_uppercase());
            if !names.contains(&name) || name == VARIABLE || key != key.to_ascii_lowercase() {
                let near = nearest(&name, &names).map(|near| near.trim_start_matches(PREFIX).to_lowercase());
                let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
                let message = format!("{}: there is no setting {key}{near}", path.display());
                self.problem(VARIABLE, "unknown", message);
                continue;
            }
            let Some(value) = text_of(&value) else {
                let message =
                    format!("is a text, a number, true or false, or a list of texts (in {})", path.display());
                self.problem(&name, "invalid_type", message);
                continue;
            };
            self.given.entry(name).or_insert((value, Origin::File(path.clone())));
        }
    }

    /// Takes away a value that cannot be used, and says why.
    fn check(&mut self, arg: &Arg) {
        let Some(name) = variable(arg) else { return };
        let Some((value, origin)) = self.given.get(&name) else { return };
        let Some(rule) = broken_rule(arg, value) else { return };
        let origin = match origin {
            Origin::File(path) => format!(" (in {})", path.display()),
            Origin::SecretFile => format!(" (in the file of {name}_FILE)"),
            _ => String::new(),
        };
        self.given.remove(&name);
        self.problem(&name, "invalid", format!("{rule}{origin}"));
    }

    fn setting(&self, arg: &Arg, matches: &ArgMatches) -> Option<Setting> {
        let (id, name) = (arg.get_id().as_str(), variable(arg)?);
        let values = matches.try_get_raw(id).ok().flatten();
        let value = values.map(|values| {
            values.map(|value| value.to_string_lossy().into_owned()).collect::<Vec<_>>().join(",")
        });
        let origin = match (matches.value_source(id), self.given.get(&name)) {
            (Some(ValueSource::CommandLine), _) => Origin::Flag,
            (_, Some((_, origin))) => origin.clone(),
            _ => Origin::Default,
        };
        Some(Setting { variable: name, value, origin, is_secret: is_secret(arg) })
    }
}

/// The rule of a setting that a value breaks. The value of a secret is not repeated.
fn broken_rule(arg: &Arg, value: &str) -> Option<String> {
    let long = arg.get_long().filter(|_| arg.get_action().takes_values())?;
    let alone = clap::Command::new("mono").no_binary_name(true).disable_help_flag(true);
    let alone = alone.arg(arg.clone().env(None::<&'static str>).global(false));
    let error = alone.try_get_matches_from([format!("--{long}={value}")]).err()?;
    if is_secret(arg) {
        return Some("cannot be used".to_owned());
    }
    let rule = std::error::Error::source(&error).map(|rule| match rule.downcast_ref::<Error>() {
        Some(error) => super::words(error),
        None => rule.to_string(),
    });
    Some(rule.unwrap_or_else(|| match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) => format!("is one of {}", values.join(", ")),
        _ => "cannot be used".to_owned(),
    }))
}

/// A value of the file, as it would be written in a variable.
fn text_of(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(yes) => Some(yes.to_string()),
        toml::Value::Array(values) => {
            let texts: Option<Vec<&str>> = values.iter().map(toml::Value::as_str).collect();
            texts.map(|texts| texts.join(","))
        }
        _ => None,
    }
}

/// The name that somebody meant who wrote this one: the beginning of a known one, or a letter or two beside it.
fn nearest<'n>(name: &str, known: &'n [String]) -> Option<&'n str> {
    let bare = |name: &str| name.trim_start_matches(PREFIX).to_owned();
    let wanted = bare(name);
    let distance = |other: &String| match bare(other) {
        other if other.starts_with(&wanted) || wanted.starts_with(&format!("{other}_")) => 0,
        other => strsim::osa_distance(&wanted, &other),
    };
    let (near, far) = known.iter().map(|other| (other, distance(other))).min_by_key(|(_, far)| *far)?;
    (far <= wanted.len().div_ceil(4)).then_some(near.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Mode};
    use secrecy::ExposeSecret;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        config: Config,
    }

    fn told(flags: &[&str], environment: &[(&str, &str)]) -> Loaded<Program> {
        let flags = std::iter::once("mono").chain(flags.iter().copied()).map(Into::into);
        load(flags, environment.iter().map(|(name, value)| (name.into(), value.into()))).unwrap()
    }

    fn origin(loaded: &Loaded<Program>, variable: &str) -> String {
        let setting = loaded.settings.iter().find(|setting| setting.variable == variable).unwrap();
        format!("{} ({})", setting.value.as_deref().unwrap_or("-"), setting.origin)
    }

    fn problems(loaded: &Loaded<Program>) -> Vec<String> {
        loaded.problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_flag_beats_a_variable_and_a_variable_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mono.toml");
        let text = "listen = \"127.0.0.1:1\"\nissuer = \"file\"\nsession_hours = 3\nno_demo = true\nsign_up = true\n\
                    sign_in_methods = [\"password\"]\npurge_after_days = 9\n";
        std::fs::write(&file, text).unwrap();
        let path = file.to_str().unwrap();
        let environment =
            [("MONO_LISTEN", "127.0.0.1:2"), ("MONO_ISSUER", "variable"), ("MONO_CONFIG", "/nowhere")];
        let loaded = told(&["--listen", "127.0.0.1:3", "--config", path], &environment);
        assert_eq!(problems(&loaded), Vec::<String>::new());
        let config = &loaded.command.config;
        assert_eq!(
            (config.listen.port(), &*config.auth.issuer, config.auth.session_hours),
            (3, "variable", 3)
        );
        assert!(config.no_demo && config.sign_up);
        assert_eq!(config.auth.sign_in_methods.len(), 1);
        assert_eq!(config.mode, Mode::Development);
        assert_eq!(origin(&loaded, "MONO_LISTEN"), "127.0.0.1:3 (flag)");
        assert_eq!(origin(&loaded, "MONO_ISSUER"), "variable (environment)");
        assert_eq!(origin(&loaded, "MONO_SESSION_HOURS"), format!("3 ({path})"));
        assert_eq!(origin(&loaded, "MONO_STEP_UP_MINUTES"), "15 (default)");
        assert_eq!(origin(&loaded, "MONO_PURGE_AFTER_DAYS"), format!("9 ({path})"));
        assert_eq!(origin(&loaded, "MONO_REDIS_URL"), "- (default)");
        let loaded = told(&[], &[("MONO_CONFIG", path)]);
        assert_eq!(origin(&loaded, "MONO_LISTEN"), format!("127.0.0.1:1 ({path})"));
    }

    #[test]
    fn every_problem_is_told_at_once_with_its_variable() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mono.toml");
        std::fs::write(&file, "session_hour = 3\nstep_up_minutes = \"x\"\nissuer = 1.5\nconfig = \"x\"\n")
            .unwrap();
        let path = file.to_str().unwrap();
        let loaded = told(
            &[],
            &[
                ("MONO_CONFIG", path),
                ("MONO_LISTEN", "nonsense"),
                ("MONO_MODE", "producton"),
                ("MONO_SIGN_UP", "perhaps"),
                ("MONO_ENVIRONMENT", "trial"),
                ("MONO_PURGE_AFTER_DAYS", "-1"),
                ("MONO_TRUSTED_PROXY", "10.0.0.1"),
                ("MONO_SMTP", "x"),
                ("MONO_DATABASE_URL_FILE", "/nowhere"),
                ("MONO_SERVICE_HOST", "10.0.0.1"),
                ("MONO_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
                ("MONO_TEST_POSTGRES_URL", "x"),
                ("HOME", "x"),
            ],
        );
        let told = problems(&loaded);
        for words in [
            "MONO_LISTEN: invalid socket address syntax",
            "MONO_MODE: is one of development, production",
            "MONO_SIGN_UP: it is `on` or `off`",
            "MONO_ENVIRONMENT: the environment is live or test",
            "MONO_PURGE_AFTER_DAYS: ",
            "MONO_TRUSTED_PROXY: there is no such setting; did you mean MONO_TRUSTED_PROXIES?",
            "MONO_SMTP: there is no such setting; did you mean MONO_SMTP_URL?",
            "MONO_DATABASE_URL_FILE: cannot be read",
            "there is no setting session_hour; did you mean session_hours?",
            "MONO_STEP_UP_MINUTES: invalid digit found in string (in ",
            "MONO_ISSUER: is a text, a number",
            "there is no setting config",
        ] {
            assert!(told.iter().any(|problem| problem.contains(words)), "{words}: {told:#?}");
        }
        assert_eq!(told.len(), 12, "{told:#?}");
        assert_eq!(loaded.remarks.len(), 2, "{:?}", loaded.remarks);
        assert_eq!(loaded.command.config.listen.port(), 8080, "what cannot be used has its default");
    }

    #[test]
    fn a_secret_may_stand_in_a_file_and_is_never_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("url");
        std::fs::write(&file, "postgres://mono:hunter2@db/mono\n").unwrap();
        let path = file.to_str().unwrap();
        let loaded = told(&[], &[("MONO_DATABASE_URL_FILE", path)]);
        assert!(loaded.problems.is_empty());
        let url = loaded.command.config.database_url.as_ref().unwrap();
        assert_eq!(url.expose_secret(), "postgres://mono:hunter2@db/mono");
        assert!(!format!("{:?}", loaded.command.config).contains("hunter2"));
        let loaded = told(&[], &[("MONO_DATABASE_URL_FILE", path), ("MONO_DATABASE_URL", "x")]);
        assert_eq!(
            problems(&loaded),
            ["MONO_DATABASE_URL: give MONO_DATABASE_URL or MONO_DATABASE_URL_FILE, not both"]
        );
        // The master key has a setting of its own for its file: `mono keys` writes it.
        let loaded = told(&[], &[("MONO_MASTER_KEY_FILE", path)]);
        assert_eq!(loaded.command.config.master_key_file.as_deref(), Some(file.as_path()));
        std::fs::write(&file, "database_url = \"hunter2\nlisten = 1").unwrap();
        let loaded = told(&[], &[("MONO_CONFIG", path)]);
        let told = problems(&loaded).concat();
        assert!(told.contains("line 1: ") && !told.contains("hunter2"), "{told}");
    }
}
