//! The mails of a server, opened and read as people do: from the folder that they are written into.

use crate::server::Server;
use mail_parser::MessageParser;
use mono_auth::Authenticator;
use mono_auth::mail::{Mailer, Transport};
use reference_server::App;
use tempfile::TempDir;

/// What is at the beginning of every link.
const SITE: &str = "http://127.0.0.1:8080/";

/// What a mail is known by: the page that its link leads to, and its subject.
pub(crate) type Kind = (&'static str, &'static str);

pub(crate) const SET_PASSWORD: Kind = ("set-password", "Set your password for Harbour Cloud");
pub(crate) const RESET_PASSWORD: Kind = ("reset-password", "Reset your password for Harbour Cloud");
pub(crate) const VERIFY_EMAIL: Kind = ("verify-email", "Confirm your e-mail address");
pub(crate) const CHANGE_EMAIL: Kind = ("change-email", "Confirm your new e-mail address");
pub(crate) const MAGIC_LINK: Kind = ("magic-link", "Your link to sign in to Harbour Cloud");
pub(crate) const INVITATION: Kind = ("invitation", "You are invited to harbour");
pub(crate) const SIGN_UP: Kind = ("sign-up", "Finish signing up at Harbour Cloud");

/// The folder that a server writes its mails into.
pub(crate) struct Mailbox(TempDir);

/// A mail as its reader sees it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) to: String,
    pub(crate) subject: String,
    /// The page that its link leads to; empty where it has none.
    pub(crate) page: String,
    /// The token that the page finds in the link.
    pub(crate) token: String,
}

impl Mailbox {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Whatever writes mails into this folder.
    pub(crate) fn mailer(&self, authenticator: &Authenticator) -> Mailer {
        let folder = Transport::folder(self.0.path().join("mails"));
        Mailer::new(authenticator.clone(), folder, "Harbour Cloud <no-reply@localhost>").unwrap()
    }

    /// Opens what has come since somebody looked, in the order in which it was asked for.
    fn open(&self) -> Vec<Opened> {
        let Ok(entries) = std::fs::read_dir(self.0.path().join("mails")) else { return Vec::new() };
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        // Their names are ids, which begin with the time.
        files.sort();
        files
            .iter()
            .map(|file| {
                assert_eq!(file.extension().and_then(|end| end.to_str()), Some("eml"), "{}", file.display());
                let mail = std::fs::read(file).unwrap();
                std::fs::remove_file(file).unwrap();
                read(&mail)
            })
            .collect()
    }
}

/// Reads a mail: who it is for, what it says in both parts, and where its link leads.
pub(crate) fn read(mail: &[u8]) -> Opened {
    let mail = MessageParser::default().parse(mail).unwrap();
    assert_eq!((mail.text_body_count(), mail.html_body_count()), (1, 1), "a part for everybody");
    let (plain, html) = (mail.body_text(0).unwrap(), mail.body_html(0).unwrap());
    for part in [&plain, &html] {
        assert!(!part.contains("{{") && !part.contains("[["), "it is filled in: {part}");
    }
    let link = plain.lines().find(|line| line.starts_with(SITE)).unwrap_or_default().trim();
    let (page, token) =
        link.strip_prefix(SITE).and_then(|link| link.split_once("#token=")).unwrap_or_default();
    let button = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let button: Vec<String> = button.map(|address| address.replace("&#x2f;", "/")).collect();
    assert!(
        button.iter().all(|address| address == link),
        "one link, the same in both parts: {button:?} {link}"
    );
    assert_eq!(button.is_empty(), link.is_empty());
    let to = mail.to().unwrap().first().unwrap().address().unwrap();
    assert!(plain.contains(to), "it says whom it was sent to: {plain}");
    Opened {
        to: to.to_owned(),
        subject: mail.subject().unwrap().to_owned(),
        page: page.to_owned(),
        token: token.to_owned(),
    }
}

impl Server {
    /// Sends every mail that waits, and opens those that somebody gets.
    pub(crate) async fn mails(&self) -> Vec<Opened> {
        self.mails_of(&self.app).await
    }

    /// The same for another application over this server's database.
    pub(crate) async fn mails_of(&self, app: &App) -> Vec<Opened> {
        while app.mailer.deliver().await.unwrap() > 0 {}
        self.mailbox.open()
    }

    /// The token of the one mail that waits, which is of this kind and for this person.
    pub(crate) async fn token_in(&self, kind: Kind, to: &str) -> String {
        only(self.mails().await, kind, to)
    }
}

/// The token of the only mail, which is of this kind and for this person.
pub(crate) fn only(mails: Vec<Opened>, (page, subject): Kind, to: &str) -> String {
    let [mail] = <[Opened; 1]>::try_from(mails).expect("one mail");
    assert_eq!((mail.to.as_str(), mail.page.as_str(), mail.subject.as_str()), (to, page, subject));
    mail.token
}
