//! What a tenant's mails look like: read, tried out, put, and taken back.

use crate::server::{ADMIN, STRANGER, Server};
use mono_core::ErrorKind;
use mono_core::api::mail_templates::PutMailTemplate;
use mono_core::model::mail::MailKind;
use mono_core::text::Locale;
use mono_storage::testkit::World;

mono_storage::conformance!(a_tenant_writes_its_own_template, a_template_that_cannot_be_filled_in_is_refused);

const KIND: MailKind = MailKind::ResetPassword;

fn english() -> Locale {
    Locale::parse("en").unwrap()
}

async fn a_tenant_writes_its_own_template(world: World) {
    let server = Server::start(world).await;
    let (admin, stranger) = (server.sign_in(ADMIN).await, server.sign_in(STRANGER).await);
    let templates = admin.tenant().mail_templates();
    let there = templates.get(KIND, &english()).await.unwrap();
    assert!(there.built_in && templates.list().await.unwrap().is_empty());
    // What is built in is where a tenant begins.
    let own = PutMailTemplate {
        subject: "Ahoy {{ name }}".into(),
        html: there.template.html,
        plain: there.template.plain,
    };
    let preview = templates.preview(KIND, &english(), &own).await.unwrap();
    assert_eq!(preview.subject, "Ahoy Ana Silva");
    assert!(
        preview.plain.contains("/reset-password#token=sample") && preview.html.contains("<!doctype html>")
    );
    assert!(templates.list().await.unwrap().is_empty(), "a preview stores nothing");
    templates.put(KIND, &english(), &own).await.unwrap();
    let stored = templates.get(KIND, &english()).await.unwrap();
    assert!(!stored.built_in && stored.template.subject == own.subject);
    assert_eq!(templates.list().await.unwrap(), [stored.template]);
    // Nobody else has it.
    let others = stranger.tenant().mail_templates();
    assert!(others.get(KIND, &english()).await.unwrap().built_in && others.list().await.unwrap().is_empty());
    assert_eq!(others.delete(KIND, &english()).await.unwrap_err().kind(), ErrorKind::NotFound);
    templates.delete(KIND, &english()).await.unwrap();
    assert!(templates.get(KIND, &english()).await.unwrap().built_in);
}

async fn a_template_that_cannot_be_filled_in_is_refused(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    let templates = admin.tenant().mail_templates();
    let there = templates.get(KIND, &english()).await.unwrap().template;
    let html = there.html.replace("{% endif %}", "");
    let broken = PutMailTemplate { subject: there.subject, html, plain: there.plain };
    let error = templates.put(KIND, &english(), &broken).await.unwrap_err();
    let problem = error.problems().remove(0);
    assert_eq!((problem.field.as_str(), problem.code.as_str()), ("html", "invalid_syntax"));
    assert!(problem.message.starts_with("line "), "{}", problem.message);
    assert!(templates.preview(KIND, &english(), &broken).await.is_err());
    assert!(templates.list().await.unwrap().is_empty());
}
