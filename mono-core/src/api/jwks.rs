//! `/.well-known/jwks.json`: the public keys with which others verify access tokens (RFC 7517, RFC 8037). The answer has no
//! envelope: it is read by libraries.

use serde::{Deserialize, Serialize};

/// The public keys of an installation, the one that signs now first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct JwkSet {
    /// The keys; none where tokens are signed with a secret.
    pub keys: Vec<Jwk>,
}

/// One public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Jwk {
    /// Its kind: `OKP`.
    pub kty: String,
    /// Its curve: `Ed25519`.
    pub crv: String,
    /// What it is for: `sig`.
    #[serde(rename = "use")]
    pub usage: String,
    /// The algorithm in the header of a token: `EdDSA`.
    pub alg: String,
    /// Its name, which the header of a token carries.
    pub kid: String,
    /// The key itself, in base64 for addresses, without padding.
    pub x: String,
}

impl Jwk {
    /// A key of Ed25519 that verifies.
    pub fn ed25519(kid: String, x: String) -> Self {
        let text = str::to_owned;
        Self { kty: text("OKP"), crv: text("Ed25519"), usage: text("sig"), alg: text("EdDSA"), kid, x }
    }
}
