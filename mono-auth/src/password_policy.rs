//! What a new password has to be like. It is asked only of passwords that are set; one that is there already signs in.

use crate::authenticator::Authenticator;
use crate::password::{MAX_BYTES, composed};
use mono_core::caller::{Caller, SystemReason};
use mono_core::error::Problem;
use mono_core::id::{TenantId, UserId};
use mono_core::model::auth_policy::{PasswordProfile, PasswordRules};
use mono_core::text::{Email, Name};
use mono_core::{Error, ErrorKind};
use secrecy::{ExposeSecret, SecretString};
use zxcvbn::{Score, zxcvbn};

/// A word that is shorter than this may stand in a password: `Ana`, `the`.
const SHORTEST_WORD: usize = 4;
/// A word that is shorter than this may be part of another: `rock` of `rockets`.
const SHORTEST_PART: usize = 5;
/// Up to so many characters before and after a common word make it no better: `Summer2026!!`.
const LONGEST_PADDING: usize = 10;
/// Up to so many tries (as a power of ten) a word is a common one: it stands in a list, or is a walk over the keyboard.
const COMMON_GUESSES: f64 = 5.0;

/// Whose password is set.
#[derive(Debug, Clone, Copy)]
pub struct PasswordOwner<'p> {
    /// The person, where there is one already: the policy of each of their tenants counts.
    pub user: Option<UserId>,
    /// The person's address.
    pub email: &'p Email,
    /// The person's name.
    pub name: &'p Name,
    /// A tenant whose policy counts too: the one that the person is about to join.
    pub tenant: Option<TenantId>,
}

impl Authenticator {
    /// Checks a password that somebody is about to have, and hashes it. Every way to set a password goes through here.
    ///
    /// # Errors
    /// `Validation` with a problem for each rule that it breaks: `too_short`, `too_long`, `no_upper_case`,
    /// `no_lower_case`, `no_digit`, `no_special_character`, `common_password`, `easily_guessed`, `personal_password`.
    pub async fn hash_new_password(
        &self,
        owner: PasswordOwner<'_>,
        password: SecretString,
    ) -> Result<String, Error> {
        let system = Caller::system(SystemReason::Authentication);
        let mut tx = self.inner.database.platform(&system).read().await?;
        let mut words = vec![owner.email.as_str().to_owned(), owner.name.as_str().to_owned()];
        if let Some(user) = owner.user {
            let memberships = tx.principals().memberships(user).await?;
            words.extend(memberships.iter().flat_map(|one| [one.slug.to_string(), one.name.to_string()]));
        }
        if let Some(id) = owner.tenant {
            match tx.tenants().get(id).await {
                Ok(tenant) => words.extend([tenant.slug.to_string(), tenant.name.to_string()]),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let mut policies = match owner.user {
            Some(user) => tx.principals().auth_policies(user).await?,
            None => Vec::new(),
        };
        if let Some(tenant) = owner.tenant {
            policies.push(tx.principals().auth_policy(tenant).await?);
        }
        drop(tx);
        let platform = self.policy();
        let rules = policies.iter().map(|own| platform.tightened(own).password);
        let rules = rules.fold(platform.password, PasswordRules::and);
        check(rules, &words, &password)?;
        self.inner.passwords.hash(password, self.inner.database.random()).await
    }
}

/// Refuses a password that breaks a rule, with every rule that it breaks. `context` is what the person is known by.
pub(crate) fn check(rules: PasswordRules, context: &[String], password: &SecretString) -> Result<(), Error> {
    if password.expose_secret().len() > MAX_BYTES {
        return Err(Error::invalid("password", "too_long", "the password has at most 1024 bytes"));
    }
    let password = composed(password);
    let password = password.expose_secret();
    let mut problems = Vec::new();
    let mut require = |holds: bool, code: &str, message: &str| {
        if !holds {
            problems.push(Problem::new("password", code, message));
        }
    };
    let minimum = rules.minimum_length;
    let long_enough = password.chars().count() >= usize::from(minimum);
    require(long_enough, "too_short", &format!("the password has at least {minimum} characters"));
    if rules.profile == PasswordProfile::Standard {
        let has = |class: fn(char) -> bool| password.contains(class);
        require(has(char::is_uppercase), "no_upper_case", "the password needs an upper case letter");
        require(has(char::is_lowercase), "no_lower_case", "the password needs a lower case letter");
        require(has(char::is_numeric), "no_digit", "the password needs a digit");
        let special = has(|letter| !letter.is_alphanumeric());
        require(special, "no_special_character", "the password needs a special character, such as - or !");
    }
    let words = personal_words(context);
    require(
        !is_common(password),
        "common_password",
        "the password is a common one, or a common word with a tail",
    );
    let inputs: Vec<&str> = words.iter().map(String::as_str).collect();
    let strong = zxcvbn(password, &inputs).score() >= Score::Three;
    require(
        strong,
        "easily_guessed",
        "the password is easily guessed: make it longer, of words that do not belong together",
    );
    let folded = password.to_lowercase();
    let own = folded.split(|letter: char| !letter.is_alphanumeric());
    let personal = words.iter().any(|word| {
        (word.chars().count() >= SHORTEST_PART && folded.contains(word.as_str()))
            || own.clone().any(|part| part == word)
    });
    require(
        !personal,
        "personal_password",
        "the password holds your name, your address, or the name of your organisation",
    );
    if problems.is_empty() { Ok(()) } else { Err(Error::validation(problems)) }
}

/// Whether little is left of the password without the digits and signs at both ends, and that is a common word.
fn is_common(password: &str) -> bool {
    let core = password.trim_matches(|letter: char| !letter.is_alphabetic());
    let padding = password.chars().count() - core.chars().count();
    let word = if core.is_empty() { password } else { core };
    padding <= LONGEST_PADDING && zxcvbn(word, &[]).guesses_log10() < COMMON_GUESSES
}

/// The words that a person is known by, folded: those long enough to tell something.
fn personal_words(context: &[String]) -> Vec<String> {
    let pieces = context.iter().flat_map(|text| text.split(|letter: char| !letter.is_alphanumeric()));
    let mut words: Vec<String> = pieces.map(str::to_lowercase).collect();
    words.retain(|word| word.chars().count() >= SHORTEST_WORD);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const NIST: PasswordRules = PasswordRules { profile: PasswordProfile::Nist, minimum_length: 15 };

    fn codes(rules: PasswordRules, password: &str) -> Vec<String> {
        let context = ["ana.silva@harbour.example", "Ana Silva", "the-north-rock"].map(str::to_owned);
        let result = check(rules, &context, &password.into());
        result
            .err()
            .map(|error| error.problems().into_iter().map(|problem| problem.code).collect())
            .unwrap_or_default()
    }

    #[test]
    fn every_broken_rule_is_named_at_once() {
        let all = [
            "too_short",
            "no_upper_case",
            "no_digit",
            "no_special_character",
            "common_password",
            "easily_guessed",
        ];
        assert_eq!(codes(PasswordRules::default(), "password"), all);
        let all = [
            "too_short",
            "no_upper_case",
            "no_lower_case",
            "no_digit",
            "no_special_character",
            "common_password",
            "easily_guessed",
        ];
        assert_eq!(codes(PasswordRules::default(), ""), all);
    }

    #[test]
    fn a_common_word_with_a_tail_is_a_common_password() {
        for password in
            ["Summer2026!!", "P@ssw0rd2026!", "!!Welcome12345", "Qwertyuiop1!", "2026-Winter-2026"]
        {
            assert!(
                codes(PasswordRules::default(), password).contains(&"common_password".to_owned()),
                "{password}"
            );
        }
    }

    #[test]
    fn good_passwords_pass() {
        for password in
            ["violet-Kettle7-argues", "Tr4in-of-thought-derails", "Demo-abc234-xk7wq2-m3n9pq-zz8kd2-4"]
        {
            assert_eq!(codes(PasswordRules::default(), password), [""; 0], "{password}");
        }
        for password in ["violet kettle argues often", "Äpfel und Birnen im Regal"] {
            assert_eq!(codes(NIST, password), [""; 0], "{password}");
        }
        assert_eq!(codes(NIST, "violet kettle"), ["too_short"]);
    }

    #[test]
    fn what_the_person_is_known_by_is_refused() {
        for password in [
            "violet-Silva7-argues-often",
            "violet-HARBOUR7-kettle-often",
            "North-violet-Kettle7-argues",
            "Rock-violet-Kettle7-argues",
        ] {
            assert_eq!(codes(PasswordRules::default(), password), ["personal_password"], "{password}");
        }
        assert_eq!(codes(PasswordRules::default(), "violet-Rockets7-argue-often"), [""; 0]);
    }

    #[test]
    fn length_is_counted_in_characters_of_the_composed_form_and_bounded_in_bytes() {
        let split = "o\u{308}".repeat(11);
        assert!(codes(PasswordRules::default(), &split).contains(&"too_short".to_owned()));
        assert_eq!(codes(PasswordRules::default(), &"x".repeat(1025)), ["too_long"]);
    }
}
