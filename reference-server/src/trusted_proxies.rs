//! Who a request comes from, where others pass it on.

use axum::http::{HeaderMap, HeaderName};
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies whose word about their clients is believed: addresses, and networks such as `10.0.0.0/8`, with commas
/// between.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Network>);

/// The addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    first: u128,
    rest: u32,
}

impl FromStr for TrustedProxies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(Network::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl TrustedProxies {
    /// The address of the client: that of the peer or, where it is a trusted proxy, the last address in
    /// `X-Forwarded-For` that is none. What stands before it anybody can have written.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let hops = headers.get_all(FORWARDED_FOR).iter().rev();
        let mut hops = hops.flat_map(|value| value.to_str().unwrap_or_default().rsplit(','));
        while self.trusts(client) {
            let Some(hop) = hops.next().and_then(address) else { break };
            client = hop;
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.has(address))
    }
}

impl Network {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is neither an address nor a network such as 10.0.0.0/8");
        let (address, length) = text.split_once('/').map_or((text, None), |(ip, length)| (ip, Some(length)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Ok(bits), str::parse::<u32>).map_err(|_| wrong())?;
        let rest = bits.checked_sub(length).ok_or_else(wrong)?;
        Ok(Self { first: number(address) >> rest.min(127) >> (rest / 128), rest })
    }

    fn has(&self, address: IpAddr) -> bool {
        number(address) >> self.rest.min(127) >> (self.rest / 128) == self.first
    }
}

/// An address as a number; one of version 4 as it is written in version 6.
fn number(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// An address as proxies write it, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &str, peer: &str, forwarded: &[&str]) -> String {
        let trusted: TrustedProxies = trusted.parse().unwrap();
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        trusted.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(client("", "10.0.0.1", &["1.1.1.1"]), "10.0.0.1");
        assert_eq!(client("10.0.0.0/8", "11.0.0.1", &["1.1.1.1"]), "11.0.0.1");
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["1.1.1.1"]), "1.1.1.1");
        assert_eq!(client("10.0.0.0/8", "::ffff:10.0.0.1", &["1.1.1.1"]), "1.1.1.1");
        assert_eq!(client("fd00::/8, ::1", "::1", &["2001:db8::7"]), "2001:db8::7");
    }

    #[test]
    fn the_last_hop_that_is_not_trusted_is_the_client() {
        let trusted = "10.0.0.0/8";
        assert_eq!(client(trusted, "10.0.0.1", &["6.6.6.6, 1.1.1.1, 10.0.0.2"]), "1.1.1.1");
        assert_eq!(client(trusted, "10.0.0.1", &["6.6.6.6", "1.1.1.1", "10.0.0.2"]), "1.1.1.1");
        assert_eq!(client(trusted, "10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
        assert_eq!(client(trusted, "10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn what_is_no_address_ends_the_chain() {
        let trusted = "10.0.0.1";
        assert_eq!(client(trusted, "10.0.0.1", &["1.1.1.1, unknown"]), "10.0.0.1");
        assert_eq!(client(trusted, "10.0.0.1", &["1.1.1.1:443"]), "1.1.1.1");
        assert_eq!(client(trusted, "10.0.0.1", &["[2001:db8::7]:443"]), "2001:db8::7");
        assert_eq!(client(trusted, "10.0.0.1", &["[2001:db8::7]"]), "2001:db8::7");
        assert_eq!(client(trusted, "10.0.0.1", &["::ffff:1.1.1.1"]), "1.1.1.1");
    }

    #[test]
    fn a_list_that_cannot_be_read_is_refused() {
        for list in ["10.0.0.0/33", "10.0.0", "proxy.example", "::/129", "10.0.0.1/x"] {
            assert!(list.parse::<TrustedProxies>().is_err(), "{list}");
        }
        let all: TrustedProxies = "0.0.0.0/0,::/0".parse().unwrap();
        assert!(all.trusts("8.8.8.8".parse().unwrap()) && all.trusts("2001:db8::1".parse().unwrap()));
    }
}
