//! The rules between settings, and those of an installation for customers. Every one that is broken is told.

use super::{Config, load};
use crate::master_key;
use clap::Args;
use mono_auth::mail::check_sender;
use mono_core::{Error, Problem};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeSet;

/// A secret that people made has at least so many characters.
const SHORTEST: usize = 12;
/// Parts of what stands in examples.
const EXAMPLES: [&str; 8] =
    ["change", "default", "example", "hunter2", "letmein", "password", "qwerty", "secret"];

impl Config {
    /// Refuses settings that do not go together, or that nobody but its builder should run.
    ///
    /// # Errors
    /// `Validation` with every problem, each with the name of its variable.
    pub fn check(&self) -> Result<(), Error> {
        let problems = self.problems();
        if problems.is_empty() { Ok(()) } else { Err(Error::validation(problems)) }
    }

    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut found = Found { problems: Vec::new(), variables: variables() };
        found.note("MONO_DATABASE_URL", self.database());
        found.note("MONO_REDIS_URL", self.redis());
        found.note("MONO_RATE_LIMITS", self.rate_limits());
        found.note("MONO_PUBLIC_URL", self.links());
        found.note("MONO_SMTP_URL", self.mail().and_then(|(_, from)| check_sender(from)));
        found.note("MONO_SIGN_IN_METHODS", self.auth.settings(self.sign_up).check());
        if self.master_key.is_some() || self.master_key_file.is_some() {
            found.note("MONO_MASTER_KEY", master_key::load(self));
        }
        if self.otlp_endpoint.is_some() && cfg!(not(feature = "otlp")) {
            let message = "this program sends no traces: build it with the feature otlp";
            found.add("MONO_OTLP_ENDPOINT", "no_otlp", message);
        }
        if self.is_production() {
            self.production(&mut found);
        }
        found.problems
    }

    fn production(&self, found: &mut Found) {
        let of_url = |url: &Option<SecretString>| url.as_ref().and_then(|url| password(url.expose_secret()));
        for (variable, secret) in [
            ("MONO_DATABASE_URL", of_url(&self.database_url)),
            ("MONO_DATABASE_PLATFORM_URL", of_url(&self.database_platform_url)),
            ("MONO_DATABASE_READ_URL", of_url(&self.database_read_url)),
            ("MONO_DATABASE_OWNER_URL", of_url(&self.database_owner_url)),
            ("MONO_REDIS_URL", of_url(&self.redis_url)),
            ("MONO_SMTP_URL", of_url(&self.smtp_url)),
        ] {
            if let Some(weakness) = secret.and_then(|(user, password)| weakness(&user, &password)) {
                found.add(
                    variable,
                    "weak_secret",
                    format!("in production its password must not be weak: it {weakness}"),
                );
            }
        }
        if let Some(weakness) =
            self.watch_token.as_ref().and_then(|token| weakness("", token.expose_secret()))
        {
            found.add(
                "MONO_WATCH_TOKEN",
                "weak_secret",
                format!("in production it must not be weak: it {weakness}"),
            );
        }
        if master_key::is_weak(self) {
            let message = "in production the master key is made of random bytes: openssl rand -hex 32";
            found.add("MONO_MASTER_KEY", "weak_secret", message);
        }
        if !self.public_url.as_ref().is_some_and(|url| url.starts_with("https://")) {
            let message = "in production the public URL is given, and begins with https://";
            found.add("MONO_PUBLIC_URL", "not_https", message);
        }
        if self.cors_origins.iter().any(|origin| origin.is_any() || origin.is_http()) {
            let message = "in production each origin is named, and begins with https://";
            found.add("MONO_CORS_ORIGINS", "any_origin", message);
        }
        if self.demo_password.is_some() {
            found.add("MONO_DEMO_PASSWORD", "demo_data", "in production there is no demo data: leave it out");
        }
    }
}

struct Found {
    problems: Vec<Problem>,
    /// Those of all settings.
    variables: BTreeSet<String>,
}

impl Found {
    fn add(&mut self, variable: &str, code: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(variable, code, message));
    }

    /// Notes what a result complains about, under the variable of the field that it names, or else under this one.
    fn note<T>(&mut self, variable: &str, result: Result<T, Error>) {
        let Err(error) = result else { return };
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        let problems = error.problems();
        if problems.is_empty() {
            self.add(variable, error.code(), format!("{error}{cause}"));
        }
        for problem in problems {
            let field = format!("MONO_{}", capitals(&problem.field));
            let (variable, place) = if self.variables.contains(&field) {
                (field.as_str(), String::new())
            } else {
                // A place in a file, say.
                (variable, format!("{}: ", problem.field))
            };
            let message = format!("{place}{}{cause}", problem.message);
            if !self.problems.iter().any(|known| known.field == variable && known.message == message) {
                self.add(variable, &problem.code, message);
            }
        }
    }
}

fn variables() -> BTreeSet<String> {
    let command = Config::augment_args(clap::Command::new("mono"));
    command.get_arguments().filter_map(load::variable).collect()
}

/// `signInMethods` and `sign_in_methods` as they stand in a variable.
fn capitals(field: &str) -> String {
    let mut name = String::new();
    for letter in field.chars() {
        if letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(if letter == '.' { '_' } else { letter.to_ascii_uppercase() });
    }
    name
}

/// User and password of a URL that holds a password.
fn password(url: &str) -> Option<(String, String)> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user, password) = authority.rsplit_once('@')?.0.split_once(':')?;
    (!password.is_empty()).then(|| (user.to_lowercase(), password.to_lowercase()))
}

/// What somebody who guesses would try first.
fn weakness(user: &str, password: &str) -> Option<String> {
    let letters: BTreeSet<char> = password.chars().collect();
    if password.chars().count() < SHORTEST {
        Some(format!("has fewer than {SHORTEST} characters"))
    } else if EXAMPLES.iter().any(|example| password.contains(example)) {
        Some("looks like one of an example".to_owned())
    } else if user.len() >= 4 && password.contains(user) {
        Some("holds the name of its user".to_owned())
    } else if letters.len() < 6 {
        Some("is made of few characters".to_owned())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_file;
    use clap::Parser;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        config: Config,
    }

    fn problems(flags: &[&str]) -> Vec<String> {
        let program = Program::parse_from(std::iter::once("mono").chain(flags.iter().copied()));
        program.config.problems().iter().map(ToString::to_string).collect()
    }

    fn has(told: &[String], words: &str) {
        assert!(told.iter().any(|problem| problem.starts_with(words)), "{words}: {told:#?}");
    }

    #[test]
    fn what_does_not_go_together_is_told_at_once() {
        assert_eq!(problems(&[]), Vec::<String>::new());
        let told = problems(&[
            "--database-platform-url=postgres://mono@db/mono",
            "--redis-url=http://x",
            "--rate-limits=/nowhere",
            "--smtp-url=smtps://mono:x@mail",
            "--session-hours=25",
            "--master-key=00",
        ]);
        has(&told, "MONO_DATABASE_URL: a platform URL goes with a database URL");
        has(&told, "MONO_REDIS_URL: ");
        has(&told, "MONO_RATE_LIMITS: the file of rate limits /nowhere cannot be read: No such file");
        has(&told, "MONO_MAIL_FROM: ");
        has(&told, "MONO_SESSION_HOURS: ");
        has(&told, "MONO_MASTER_KEY: ");
        assert_eq!(told.len(), 6, "{told:#?}");
        has(&problems(&["--mail-from=nobody"]), "MONO_MAIL_FROM: the sender is an address");
        has(&problems(&["--public-url=http://example.com"]), "MONO_PUBLIC_URL: ");
        has(&problems(&["--mail-paths=letter=/x"]), "MONO_MAIL_PATHS: the kind is one of ");
        has(&problems(&["--mail-paths=invitation=x"]), "MONO_MAIL_PATHS: the path of the mail invitation ");
    }

    #[test]
    fn production_refuses_what_would_let_others_in() {
        let told = problems(&[
            "--mode=production",
            "--database-url=postgres://mono:Mono-and-some-more@db/mono",
            "--database-owner-url=postgres://postgres:postgres@db/mono",
            "--redis-url=redis://:changeme-and-more@redis",
            "--demo-password=a right horse, 4 the Battery",
            "--cors-origins=*",
            "--watch-token=watch",
            // One byte after the other: not all are the same, and yet nobody drew them by lot.
            &format!("--master-key={}", key_file::encode(&(0..32).collect::<Vec<u8>>())),
        ]);
        has(
            &told,
            "MONO_DATABASE_URL: in production its password must not be weak: it holds the name of its user",
        );
        has(
            &told,
            "MONO_DATABASE_OWNER_URL: in production its password must not be weak: it has fewer than 12",
        );
        has(
            &told,
            "MONO_REDIS_URL: in production its password must not be weak: it looks like one of an example",
        );
        has(&told, "MONO_DEMO_PASSWORD: ");
        has(&told, "MONO_MASTER_KEY: in production the master key is made of random bytes");
        has(&told, "MONO_PUBLIC_URL: in production");
        has(&told, "MONO_CORS_ORIGINS: in production each origin is named");
        has(&told, "MONO_WATCH_TOKEN: in production it must not be weak");
        assert_eq!(told.len(), 8, "{told:#?}");
        assert!(!told.concat().contains("postgres:postgres"));
        has(
            &problems(&["--mode=production", "--public-url=http://localhost"]),
            "MONO_PUBLIC_URL: in production",
        );
        let sound = [
            "--mode=production",
            "--public-url=https://mono.example.com",
            "--database-url=postgres://mono:9fK2-vv81-aLq0-zz7P@db/mono",
            "--master-key=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        ];
        assert_eq!(problems(&sound), Vec::<String>::new());
    }
}
