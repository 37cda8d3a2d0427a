//! A mail as it travels (RFC 5322): headers, and one message in two forms.

use super::template::Rendered;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use mono_core::Error;
use mono_core::text::{Email, Name};
use mono_core::time::Timestamp;
use mono_storage::store::Failure;

/// Who mails come from: `no-reply@example.com`, or with a name, `Harbour <no-reply@example.com>`.
///
/// # Errors
/// `Validation` on `mail_from`.
/// Refuses a sender that no mail can come from.
///
/// # Errors
/// `Validation` on `mail_from`.
pub fn check_sender(text: &str) -> Result<(), Error> {
    sender(text).map(drop)
}

pub(super) fn sender(text: &str) -> Result<Mailbox, Error> {
    let invalid = || {
        let message = "the sender is an address, or a name and an address: Harbour <no-reply@example.com>";
        Error::invalid("mail_from", "invalid_address", message)
    };
    if text.contains(char::is_control) {
        return Err(invalid());
    }
    text.parse().map_err(|_| invalid())
}

/// Who a mail goes to.
pub(super) fn recipient(to: &Email, name: Option<&Name>) -> Result<Mailbox, Failure> {
    let address = to.as_str().rsplit_once('@').and_then(|(user, domain)| Address::new(user, domain).ok());
    let address = address.ok_or_else(|| Failure {
        reason: "the address is none that mails can be sent to".to_owned(),
        permanent: true,
    })?;
    Ok(Mailbox::new(name.map(|name| name.as_str().to_owned()), address))
}

/// Puts a mail together. `id` is the same however often it is sent, so that a program that gets it twice shows it once.
pub(super) fn message(
    rendered: Rendered,
    (from, to): (Mailbox, Mailbox),
    id: &str,
    now: Timestamp,
) -> Result<Message, Failure> {
    // Programs that answer by themselves do not answer this (RFC 3834).
    let automatic =
        HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
    let part = |kind, text| SinglePart::builder().header(kind).body::<String>(text);
    let parts = MultiPart::alternative()
        .singlepart(part(ContentType::TEXT_PLAIN, rendered.plain))
        .singlepart(part(ContentType::TEXT_HTML, rendered.html));
    Message::builder()
        .message_id(Some(format!("<{id}>")))
        .date(now.into())
        .from(from)
        .to(to)
        .subject(rendered.subject)
        .raw_header(automatic)
        .multipart(parts)
        .map_err(|error| Failure { reason: error.to_string(), permanent: true })
}
