//! Access tokens: JWTs (RFC 7519) in the profile of RFC 9068, read by a strict wrapper.
//!
//! The library accepts more than is safe (a missing `aud`, a future `iat`, any `typ`, unknown `crit`), so header and
//! claims are read as closed types here and every claim is compared with the clock that is passed in.

use crate::key_ring::{KeyRing, Purpose};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use mono_core::api::jwks::{Jwk, JwkSet};
use mono_core::id::{SessionId, TenantId, UserId};
use mono_core::model::session::Session;
use mono_core::permission::snapshot_public_key;
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The issuer of every token.
pub const ISSUER: &str = "mono";
/// The audience of access tokens.
const AUDIENCE: &str = "mono-api";
/// The type in the header (RFC 9068).
const TYPE: &str = "at+jwt";
/// A token longer than this is refused before it is decoded.
const MAX_BYTES: usize = 8 * 1024;
/// How far clocks may be apart, in seconds.
const LEEWAY: i64 = 30;
/// How long an access token lives, in seconds: ten minutes.
const LIFETIME: i64 = 600;
/// What stands before the 32 bytes of a private key of Ed25519 in PKCS #8 (RFC 8410).
const PKCS8: &[u8] =
    &[0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessClaims {
    /// The issuer.
    pub iss: String,
    /// The audience.
    pub aud: String,
    /// The person.
    pub sub: UserId,
    /// The session, which is the truth behind the token.
    pub sid: SessionId,
    /// The tenant that the person chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tid: Option<TenantId>,
    /// Support staff who act as the person (RFC 8693).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<ActorClaim>,
    /// When it was made, in seconds since 1970.
    pub iat: i64,
    /// From when on it holds.
    pub nbf: i64,
    /// From when on it holds no more.
    pub exp: i64,
}

/// Who acts as somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActorClaim {
    /// The person who acts.
    pub sub: UserId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictHeader {
    alg: String,
    typ: String,
    kid: String,
}

/// How access tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenAlgorithm {
    /// With a secret that only this installation has (HMAC-SHA-256).
    #[default]
    Hs256,
    /// So that others can verify them with a public key, which [`Tokens::jwks`] gives (Ed25519, RFC 8037).
    EdDsa,
}

impl TokenAlgorithm {
    /// The name in the header of a token (RFC 7518, RFC 8037).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::EdDsa => "EdDSA",
        }
    }

    const fn of_library(self) -> Algorithm {
        match self {
            Self::Hs256 => Algorithm::HS256,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }

    const fn purpose(self) -> Purpose {
        match self {
            Self::Hs256 => Purpose::Access,
            Self::EdDsa => Purpose::AccessPublic,
        }
    }
}

impl std::fmt::Display for TokenAlgorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for TokenAlgorithm {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "HS256" => Ok(Self::Hs256),
            "EdDSA" => Ok(Self::EdDsa),
            _ => Err(Error::invalid("token_algorithm", "unknown_value", "the algorithm is HS256 or EdDSA")),
        }
    }
}

/// Makes and reads access tokens.
pub struct Tokens {
    algorithm: TokenAlgorithm,
    key_id: String,
    encoding: EncodingKey,
    /// Every key that verifies, whatever algorithm signs now: tokens live on when the setting changes.
    reading: Vec<ReadingKey>,
}

/// What a `kid` stands for. The algorithm is the key's own: the header of a token only has to agree.
struct ReadingKey {
    id: String,
    algorithm: TokenAlgorithm,
    decoding: DecodingKey,
    /// What others verify with, where there is such a thing.
    public: Option<[u8; 32]>,
}

impl Tokens {
    /// Derives the keys of access tokens from the ring.
    ///
    /// # Errors
    /// `Internal` where a key cannot be derived.
    pub fn new(keys: &KeyRing, algorithm: TokenAlgorithm) -> Result<Self, Error> {
        // Another crate of the program may enable the other backend of the library, which then asks for a choice.
        // A provider that is installed already is as good.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let mut reading = Vec::new();
        for algorithm in [TokenAlgorithm::Hs256, TokenAlgorithm::EdDsa] {
            for (id, key) in keys.derive_all(algorithm.purpose())? {
                let key = key.expose_secret();
                let public = match algorithm {
                    TokenAlgorithm::Hs256 => None,
                    TokenAlgorithm::EdDsa => {
                        Some(snapshot_public_key(key.try_into().map_err(Error::internal)?))
                    }
                };
                let decoding = match &public {
                    None => DecodingKey::from_secret(key),
                    Some(public) => DecodingKey::from_ed_der(public),
                };
                reading.push(ReadingKey { id, algorithm, decoding, public });
            }
        }
        let key = keys.derive(algorithm.purpose())?;
        let encoding = match algorithm {
            TokenAlgorithm::Hs256 => EncodingKey::from_secret(key.expose_secret()),
            TokenAlgorithm::EdDsa => EncodingKey::from_ed_der(&[PKCS8, key.expose_secret()].concat()),
        };
        Ok(Self { algorithm, key_id: keys.key_id(algorithm.purpose()), encoding, reading })
    }

    /// The public keys with which others verify tokens (RFC 7517); none where tokens are signed with a secret.
    pub fn jwks(&self) -> JwkSet {
        let shown = self.algorithm == TokenAlgorithm::EdDsa;
        let keys = self.reading.iter().filter(|_| shown).filter_map(|key| {
            let x = URL_SAFE_NO_PAD.encode(key.public?);
            Some(Jwk::ed25519(key.id.clone(), x))
        });
        JwkSet { keys: keys.collect() }
    }

    /// Makes a token for a session, and says when it ends.
    ///
    /// # Errors
    /// `Internal` where it cannot be signed.
    pub fn issue(
        &self,
        user: UserId,
        session: SessionId,
        tenant: Option<TenantId>,
        now: Timestamp,
    ) -> Result<(String, Timestamp), Error> {
        self.sign((user, session, tenant, None), now)
    }

    /// Makes a token for a session as it is stored, with the staff who act in it.
    pub(crate) fn issue_for(&self, session: &Session, now: Timestamp) -> Result<(String, Timestamp), Error> {
        let act = session.impersonator_id.map(|sub| ActorClaim { sub });
        self.sign((session.user_id, session.id, session.chosen_tenant_id, act), now)
    }

    fn sign(
        &self,
        (user, session, tenant, act): (UserId, SessionId, Option<TenantId>, Option<ActorClaim>),
        now: Timestamp,
    ) -> Result<(String, Timestamp), Error> {
        let iat = now.timestamp();
        let exp = iat.saturating_add(LIFETIME);
        let claims = AccessClaims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user,
            sid: session,
            tid: tenant,
            act,
            iat,
            nbf: iat,
            exp,
        };
        let mut header = Header::new(self.algorithm.of_library());
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(self.key_id.clone());
        let token = jsonwebtoken::encode(&header, &claims, &self.encoding).map_err(Error::internal)?;
        Ok((token, Timestamp::from_timestamp(exp, 0).unwrap_or(now)))
    }

    /// Reads a token.
    ///
    /// # Errors
    /// `Unauthorized` with code `invalid_token`, or `token_expired` where that is all that is wrong with it.
    pub fn read(&self, token: &str, now: Timestamp) -> Result<AccessClaims, Error> {
        let claims = self.verified(token).ok_or_else(invalid)?;
        let now = now.timestamp();
        let latest = now.saturating_add(LEEWAY);
        let whole = claims.iss == ISSUER
            && claims.aud == AUDIENCE
            && claims.iat <= latest
            && claims.nbf <= latest
            && claims.iat <= claims.exp
            && claims.exp <= claims.iat.saturating_add(LIFETIME);
        if !whole {
            return Err(invalid());
        }
        if claims.exp.saturating_add(LEEWAY) <= now {
            return Err(Error::new(ErrorKind::Unauthorized, "token_expired", "the access token has expired"));
        }
        Ok(claims)
    }

    /// The claims of a token of three parts, none too long, with a header of exactly `alg`, `typ` and `kid`, and the values
    /// that we write. Of the library only the signature is asked: its `decode` reads header and claims twice each, which
    /// every request would pay for.
    fn verified(&self, token: &str) -> Option<AccessClaims> {
        if token.len() > MAX_BYTES {
            return None;
        }
        let (message, signature) = token.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let header: StrictHeader = part(header)?;
        let key = self.reading.iter().find(|key| key.id == header.kid)?;
        if header.alg != key.algorithm.as_str() || header.typ != TYPE {
            return None;
        }
        let algorithm = key.algorithm.of_library();
        match jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key.decoding, algorithm) {
            Ok(true) => part(claims),
            _ => None,
        }
    }
}

/// A part of a token as what it has to be. It is an object: serde would take a list of the values as well.
fn part<T: DeserializeOwned>(text: &str) -> Option<T> {
    let json = URL_SAFE_NO_PAD.decode(text).ok()?;
    json.starts_with(b"{").then(|| serde_json::from_slice(&json).ok()).flatten()
}

fn invalid() -> Error {
    Error::new(ErrorKind::Unauthorized, "invalid_token", "the access token is not valid")
}

#[cfg(test)]
mod tests;
