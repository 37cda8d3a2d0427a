//! How mails leave: over SMTP, or into a folder where a developer looks at them.

use lettre::transport::smtp;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use mono_core::id::MailId;
use mono_core::{Error, ErrorKind};
use mono_storage::store::Failure;
use secrecy::{ExposeSecret, SecretString};
use std::error::Error as _;
use std::path::PathBuf;
use std::time::Duration;
use url::{Host, Url};

/// How long a mail may take to leave, from the connection to the last answer. The library limits each step only.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How mails leave.
pub struct Transport(Way);

enum Way {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Folder(PathBuf),
}

impl Transport {
    /// Over SMTP: `smtps://USER:PASSWORD@HOST` with TLS from the first byte, `smtp://USER:PASSWORD@HOST` with STARTTLS, which
    /// the server has to offer. Only to this machine itself mails go without TLS.
    ///
    /// # Errors
    /// `Validation` on `smtp_url`; the message does not repeat it.
    pub fn smtp(url: &SecretString) -> Result<Self, Error> {
        let invalid = |why: &str| Error::invalid("smtp_url", "invalid_url", why.to_owned());
        let mut url = Url::parse(url.expose_secret()).map_err(|_| {
            invalid("the SMTP URL is smtps://USER:PASSWORD@HOST or smtp://USER:PASSWORD@HOST")
        })?;
        let is_loopback = match url.host() {
            Some(Host::Domain(name)) => {
                name == "localhost" || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
            }
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => return Err(invalid("the SMTP URL names no host")),
        };
        if url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("the SMTP URL takes no further settings: its scheme says how TLS is used"));
        }
        match (url.scheme(), is_loopback) {
            ("smtps", _) | ("smtp", true) => {}
            ("smtp", false) => url.set_query(Some("tls=required")),
            _ => return Err(invalid("the SMTP URL begins with smtps:// or smtp://")),
        }
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.as_str())
            .map_err(|error| invalid("the SMTP URL cannot be used").with_source(error))?;
        Ok(Self(Way::Smtp(transport.timeout(Some(TIMEOUT)).build())))
    }

    /// Into a folder, one file for each mail. It is made when the first one comes.
    pub const fn folder(path: PathBuf) -> Self {
        Self(Way::Folder(path))
    }

    /// Asks whether mails could leave: the server answers and takes the login, or the folder can be made. None leaves.
    ///
    /// # Errors
    /// `Unavailable` with what the server said, or what is wrong with the folder.
    pub async fn check(&self) -> Result<(), Error> {
        let unavailable = |reason: String| Error::new(ErrorKind::Unavailable, "mail_unavailable", reason);
        match &self.0 {
            Way::Smtp(transport) => match tokio::time::timeout(TIMEOUT, transport.test_connection()).await {
                Ok(Ok(true)) => Ok(()),
                Ok(Ok(false)) => Err(unavailable("the SMTP server does not answer as one does".to_owned())),
                Ok(Err(error)) => Err(unavailable(format!("the SMTP server: {}", failure(&error).reason))),
                Err(_) => Err(unavailable(format!(
                    "the SMTP server does not answer within {} s",
                    TIMEOUT.as_secs()
                ))),
            },
            Way::Folder(folder) => {
                let made = tokio::fs::metadata(folder.parent().unwrap_or(folder)).await;
                made.map(drop).map_err(|error| unavailable(format!("the folder for mails: {error}")))
            }
        }
    }

    /// Lets a mail leave.
    pub(super) async fn send(&self, id: MailId, message: Message) -> Result<(), Failure> {
        match &self.0 {
            Way::Smtp(transport) => {
                let sent = tokio::time::timeout(TIMEOUT, transport.send(message)).await;
                let sent = sent.map_err(|_| Failure {
                    reason: format!("the SMTP server did not take it within {} seconds", TIMEOUT.as_secs()),
                    permanent: false,
                })?;
                sent.map(drop).map_err(|error| failure(&error))
            }
            Way::Folder(folder) => {
                write(folder.clone(), id, message.formatted()).await.map_err(|error| Failure {
                    reason: format!("the mail could not be written into the folder: {error}"),
                    permanent: false,
                })
            }
        }
    }
}

/// What the server said. An answer of 5xx is its last word (RFC 5321, 4.2.1); everything else may be better next time.
fn failure(error: &smtp::Error) -> Failure {
    let mut reason = error.to_string();
    if let Some(source) = error.source().map(ToString::to_string).filter(|source| !reason.contains(source)) {
        reason = format!("{reason}: {source}");
    }
    let reason = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    Failure { reason, permanent: error.is_permanent() }
}

/// Writes a mail under another name first: whoever watches the folder sees whole mails only.
async fn write(folder: PathBuf, id: MailId, bytes: Vec<u8>) -> std::io::Result<()> {
    let mut builder = tokio::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    builder.mode(0o700);
    builder.create(&folder).await?;
    let path = folder.join(format!("{id}.eml"));
    let part = folder.join(format!("{id}.part"));
    tokio::fs::write(&part, bytes).await?;
    tokio::fs::rename(&part, &path).await?;
    tracing::info!(path = %path.display(), "a mail was written into the folder; nothing is sent without MONO_SMTP_URL");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_is_left_out_on_this_machine_only() {
        for url in [
            "",
            "smtp://",
            "http://mail.example.com",
            "smtp://mail.example.com?tls=opportunistic",
            "smtps://h#x",
        ] {
            let error = Transport::smtp(&url.to_owned().into()).err().unwrap();
            assert_eq!(error.problems()[0].field, "smtp_url", "{url}");
        }
        let secret = Transport::smtp(&"smtp://user:hush@".to_owned().into()).err().unwrap();
        assert!(!format!("{secret} {secret:?}").contains("hush"));
        let shown = |url: &str| match Transport::smtp(&url.to_owned().into()).unwrap().0 {
            Way::Smtp(transport) => format!("{transport:?}"),
            Way::Folder(_) => unreachable!(),
        };
        assert!(shown("smtp://mail.example.com").contains("Required"));
        assert!(shown("smtps://mail.example.com").contains("Wrapper"));
        for url in ["smtp://localhost:25", "smtp://127.0.0.1:2525", "smtp://[::1]:2525"] {
            assert!(shown(url).contains("tls: None"), "{}", shown(url));
        }
    }
}
