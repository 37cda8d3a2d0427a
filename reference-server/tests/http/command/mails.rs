//! `mono mails`

use super::program::{Serving, mono, postgres, run};
use mono_core::caller::{Caller, SystemReason};
use mono_core::model::mail::MailKind;
use mono_core::text::Email;
use mono_storage::db::{Database, DatabaseOptions};
use mono_storage::store::{Failure, NewMail};
use std::path::Path;

const PASSWORD: &str = "a right horse, 4 the Battery";
const TOM: &str = "tom@harbour.example";

fn mails(folder: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> (bool, String) {
    let mut command = mono(folder);
    command.envs(environment.iter().copied()).arg("mails").args(arguments);
    let output = run(command);
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// Lets mails be given up, as a mail server does that refuses them, and gives the id of one.
async fn give_up(options: &DatabaseOptions, count: usize) -> String {
    let database = Database::connect(options).await.unwrap();
    let system = Caller::system(SystemReason::Mail);
    let mut tx = database.platform(&system).write().await.unwrap();
    for _ in 0..count {
        let new = NewMail::new(MailKind::ResetPassword, Email::parse(TOM).unwrap());
        tx.mails().enqueue(new).await.unwrap();
    }
    let taken = tx.mails().claim(10).await.unwrap();
    assert_eq!(taken.len(), count);
    let refusal = Failure { reason: "550 5.1.1 nobody has this address".to_owned(), permanent: true };
    for mail in &taken {
        assert!(tx.mails().failed(mail, &refusal).await.unwrap());
    }
    tx.commit().await.unwrap();
    database.close().await;
    taken[0].id.to_string()
}

async fn lists_and_retries(options: Option<&DatabaseOptions>, environment: &[(&str, &str)]) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let serve = || {
        let mut serve = mono(folder);
        serve.envs(environment.iter().copied()).env("MONO_DEMO_PASSWORD", PASSWORD);
        Serving::start(&mut serve, true)
    };
    let (content, said) = mails(folder, environment, &["list"]);
    assert_eq!(content, !environment.is_empty(), "nothing is made: {said}");
    serve().stop();
    let file = format!("sqlite:{}", folder.join("mono.db").display());
    let embedded = DatabaseOptions::parse(&file).unwrap();
    let id = give_up(options.unwrap_or(&embedded), 2).await;
    let (content, said) = mails(folder, environment, &["list"]);
    assert!(content && said.contains("2 mails were given up."), "{said}");
    let line = said.lines().find(|line| line.starts_with(&id)).unwrap();
    for word in ["reset_password", TOM, "1 tries", "550 5.1.1 nobody has this address"] {
        assert!(line.contains(word), "{line}");
    }
    for (arguments, told) in [
        (&["retry"][..], "required"),
        (&["retry", "x"], "a mail"),
        (
            &["retry", "00000000-0000-7000-8000-000000000001"],
            "no mail 00000000-0000-7000-8000-000000000001 was",
        ),
    ] {
        let (content, said) = mails(folder, environment, arguments);
        assert!(!content && said.contains(told), "{arguments:?}: {said}");
    }
    // Beside a server that runs: it looks for what others left.
    let mut server = serve();
    let (content, said) = mails(folder, environment, &["retry", &id]);
    assert!(content && said.contains("1 mails are tried again"), "{said}");
    server.wait_for_log(&format!("{id}.eml"));
    let (content, said) = mails(folder, environment, &["retry", "--all"]);
    assert!(content && said.contains("1 mails are tried again"), "{said}");
    let (_, said) = mails(folder, environment, &["list"]);
    assert!(said.contains("0 mails were given up."), "{said}");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_that_were_given_up_are_listed_and_tried_again() {
    lists_and_retries(None, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_that_were_given_up_are_listed_and_tried_again_on_postgresql() {
    let Some(test) = postgres().await else { return };
    lists_and_retries(Some(&test.options), &[("MONO_DATABASE_URL", &test.url)]).await;
}
