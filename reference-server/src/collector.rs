//! Where traces are sent.

use std::fmt;
use std::str::FromStr;

/// The address of a collector that speaks OTLP over HTTP: `http://localhost:4318`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collector(String);

impl Collector {
    /// The address that takes traces.
    #[cfg(feature = "otlp")]
    pub(crate) fn traces(&self) -> String {
        format!("{}/v1/traces", self.0)
    }
}

impl fmt::Display for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Collector {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const RULE: &str = "is the address of a collector, such as http://localhost:4318, without a password or a query; \
            what it asks for stands in OTEL_EXPORTER_OTLP_HEADERS";
        let base = text.trim_end_matches('/');
        let host = base.strip_prefix("http://").or_else(|| base.strip_prefix("https://")).ok_or(RULE)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]/".contains(&byte);
        let is_whole =
            host.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric() || first == b'[');
        if is_whole && host.bytes().all(plain) { Ok(Self(base.to_owned())) } else { Err(RULE) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_named_without_a_secret() {
        for (text, base) in [
            ("http://localhost:4318", "http://localhost:4318"),
            ("https://otel.example.com/tenant/", "https://otel.example.com/tenant"),
            ("http://[::1]:4318/", "http://[::1]:4318"),
        ] {
            assert_eq!(text.parse::<Collector>().unwrap().to_string(), base);
        }
        for nonsense in [
            "",
            "localhost:4318",
            "http://",
            "http:///v1",
            "https://me:pw@host",
            "http://host?key=x",
            "grpc://host",
        ] {
            assert!(nonsense.parse::<Collector>().is_err(), "{nonsense}");
        }
    }
}
