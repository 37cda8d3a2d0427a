//! Where the links in mails lead: to pages of one site, each with its token behind `#`.

use mono_core::model::mail::MailKind;
use mono_core::{Error, ErrorKind};
use secrecy::{ExposeSecret, SecretString};
use std::collections::HashMap;

/// Where the links in mails lead. The token stands behind `#`: browsers do not send that part, so it is in no log.
#[derive(Debug, Clone)]
pub struct Links {
    base: String,
    paths: HashMap<MailKind, String>,
}

impl Default for Links {
    /// This machine.
    fn default() -> Self {
        Self { base: "http://127.0.0.1:8080".to_owned(), paths: HashMap::new() }
    }
}

impl Links {
    /// Links to the site at this address: `https://app.example.com`, perhaps with a path. Without TLS only a loopback
    /// address is taken.
    ///
    /// ```
    /// use mono_auth::mail::Links;
    /// assert!(Links::to("https://app.example.com/start").is_ok());
    /// assert!(Links::to("http://app.example.com").is_err());
    /// ```
    ///
    /// # Errors
    /// `Validation` on `public_url`.
    pub fn to(url: &str) -> Result<Self, Error> {
        let base = url.trim_end_matches('/');
        let rest = base.strip_prefix("https://").or_else(|| {
            base.strip_prefix("http://").filter(|rest| {
                let host = rest.split('/').next().unwrap_or_default();
                let name =
                    host.strip_prefix('[').map_or_else(|| host.split(':').next(), |v6| v6.split(']').next());
                matches!(name, Some("localhost" | "127.0.0.1" | "::1"))
            })
        });
        let host = rest.map(|rest| rest.split('/').next().unwrap_or_default());
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"#?@\"'<>\\^`{|}".contains(&byte);
        if host.is_none_or(str::is_empty) || !base.bytes().all(plain) {
            let message =
                "the public URL is https://HOST, perhaps with a port and a path; http:// only for localhost";
            return Err(Error::invalid("public_url", "invalid_url", message));
        }
        Ok(Self { base: base.to_owned(), paths: HashMap::new() })
    }

    /// Lets one kind of mail lead to this path instead of, for example, `/reset-password`.
    ///
    /// # Errors
    /// `Validation` on `mail_path` where it does not begin with one `/` or holds what a path does not.
    pub fn with_path(mut self, kind: MailKind, path: &str) -> Result<Self, Error> {
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"#?\"'<>\\^`{|}".contains(&byte);
        if !path.starts_with('/') || path.starts_with("//") || !path.bytes().all(plain) {
            let message = format!("the path of the mail {kind} begins with `/` and holds no `#` and no `?`");
            return Err(Error::new(ErrorKind::Validation, "invalid_path", message));
        }
        self.paths.insert(kind, path.to_owned());
        Ok(self)
    }

    /// The address of the site.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The name of the site's host.
    #[cfg(feature = "mail")]
    pub(super) fn host(&self) -> &str {
        let rest = self.base.split_once("://").map_or("", |(_, rest)| rest);
        let host = rest.split('/').next().unwrap_or_default();
        host.rsplit_once(':')
            .filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
            .map_or(host, |(host, _)| host)
    }

    /// The link of a mail.
    pub(crate) fn link(&self, kind: MailKind, token: &SecretString) -> SecretString {
        let path = match self.paths.get(&kind) {
            Some(path) => path.clone(),
            None => format!("/{}", kind.as_str().replace('_', "-")),
        };
        format!("{}{path}#token={}", self.base, token.expose_secret()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_the_site_and_nowhere_else() {
        for url in [
            "",
            "https://",
            "https:///path",
            "http://app.example.com",
            "http://localhost.evil.example",
            "http://127.0.0.1@evil.example",
            "ftp://app.example.com",
            "https://user@app.example.com",
            "https://app.example.com?x",
            "https://app.example.com#x",
            "https://app.example.com/ x",
            "https://app.example.com/\r\nBcc: x",
            "javascript:alert(1)",
        ] {
            assert!(Links::to(url).is_err(), "{url}");
        }
        for url in
            ["http://localhost:8080", "http://127.0.0.1", "http://[::1]:80/a", "https://app.example.com/a/"]
        {
            assert!(Links::to(url).is_ok(), "{url}");
        }
        let links = Links::to("https://app.example.com/").unwrap();
        let link = |links: &Links| {
            links.link(MailKind::ResetPassword, &"t".to_owned().into()).expose_secret().to_owned()
        };
        assert_eq!(link(&links), "https://app.example.com/reset-password#token=t");
        assert!(links.clone().with_path(MailKind::ResetPassword, "//evil.example").is_err());
        assert!(links.clone().with_path(MailKind::ResetPassword, "/a#b").is_err());
        let moved = links.with_path(MailKind::ResetPassword, "/auth/reset").unwrap();
        assert_eq!(link(&moved), "https://app.example.com/auth/reset#token=t");
    }
}
