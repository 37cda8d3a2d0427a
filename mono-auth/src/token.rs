//! Access tokens: JWTs (RFC 7519) in the profile of RFC 9068, read by a strict wrapper.
//!
//! The library accepts more than is safe (a missing `aud`, a future `iat`, any `typ`, unknown `crit`), so header and
//! claims are read as closed types here and every claim is compared with the clock that is passed in.

use crate::key_ring::{KeyRing, Purpose};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use mono_core::id::{SessionId, TenantId, UserId};
use mono_core::model::session::Session;
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind};
use secrecy::ExposeSecret;
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

/// Makes and reads access tokens.
pub struct Tokens {
    key_id: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl Tokens {
    /// Derives the key of access tokens from the ring.
    ///
    /// # Errors
    /// `Internal` where the key cannot be derived.
    pub fn new(keys: &KeyRing) -> Result<Self, Error> {
        // Another crate of the program may enable the other backend of the library, which then asks for a choice.
        // A provider that is installed already is as good.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let key = keys.derive(Purpose::Access)?;
        Ok(Self {
            key_id: keys.key_id(Purpose::Access),
            encoding: EncodingKey::from_secret(key.expose_secret()),
            decoding: DecodingKey::from_secret(key.expose_secret()),
        })
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
        let mut header = Header::new(Algorithm::HS256);
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
        self.check_header(token).ok_or_else(invalid)?;
        let mut validation = Validation::new(Algorithm::HS256);
        // Signature only: the clock of the library is not ours, and its claims are optional.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let claims = jsonwebtoken::decode::<AccessClaims>(token, &self.decoding, &validation)
            .map_err(|error| invalid().with_source(error))?
            .claims;
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

    /// Three parts, none too long, and a header of exactly `alg`, `typ` and `kid` with the values that we write.
    fn check_header(&self, token: &str) -> Option<()> {
        if token.len() > MAX_BYTES || token.bytes().filter(|byte| *byte == b'.').count() != 2 {
            return None;
        }
        let header = URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?;
        let header: StrictHeader = serde_json::from_slice(&header).ok()?;
        (header.alg == "HS256" && header.typ == TYPE && header.kid == self.key_id).then_some(())
    }
}

fn invalid() -> Error {
    Error::new(ErrorKind::Unauthorized, "invalid_token", "the access token is not valid")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NOW: i64 = 1_800_000_000;

    fn now() -> Timestamp {
        Timestamp::from_timestamp(NOW, 0).unwrap()
    }

    fn tokens() -> Tokens {
        Tokens::new(&KeyRing::new((0..32).collect()).unwrap()).unwrap()
    }

    fn claims() -> Value {
        let id = UserId::from_u128(7);
        json!({"iss": "mono", "aud": "mono-api", "sub": id, "sid": id, "tid": id, "iat": NOW, "nbf": NOW, "exp": NOW + 600})
    }

    fn signed(header: &Value, claims: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let message = format!("{}.{}", part(&header.to_string()), part(claims));
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &tokens().encoding, Algorithm::HS256).unwrap();
        format!("{message}.{signature}")
    }

    fn header() -> Value {
        json!({"alg": "HS256", "typ": "at+jwt", "kid": "access.1"})
    }

    #[test]
    fn a_token_reads_back() {
        let (user, session, tenant) = (UserId::from_u128(1), SessionId::from_u128(2), TenantId::from_u128(3));
        let (token, expires_at) = tokens().issue(user, session, Some(tenant), now()).unwrap();
        let claims = tokens().read(&token, now()).unwrap();
        assert_eq!((claims.sub, claims.sid, claims.tid), (user, session, Some(tenant)));
        assert_eq!(expires_at.timestamp(), NOW + 600);
        let late = Timestamp::from_timestamp(NOW + 631, 0).unwrap();
        assert_eq!(tokens().read(&token, late).unwrap_err().code(), "token_expired");
        assert!(
            tokens().read(&signed(&header(), &claims_text()), now()).is_ok(),
            "the helper signs as we do"
        );
    }

    fn claims_text() -> String {
        claims().to_string()
    }

    #[test]
    fn hostile_headers_are_refused_though_the_signature_holds() {
        for header in [
            json!({"alg": "none", "typ": "at+jwt", "kid": "access.1"}),
            json!({"alg": "HS512", "typ": "at+jwt", "kid": "access.1"}),
            json!({"alg": "HS256", "typ": "JWT", "kid": "access.1"}),
            json!({"alg": "HS256", "typ": "at+jwt"}),
            json!({"alg": "HS256", "typ": "at+jwt", "kid": "refresh.1"}),
            json!({"alg": "HS256", "typ": "at+jwt", "kid": "../access.1"}),
            json!({"alg": "HS256", "typ": "at+jwt", "kid": "access.1", "crit": ["x"]}),
            json!({"alg": "HS256", "typ": "at+jwt", "kid": "access.1", "jku": "http://x"}),
            json!({"alg": "HS256", "typ": "at+jwt", "kid": "access.1", "jwk": {}}),
        ] {
            assert!(tokens().read(&signed(&header, &claims_text()), now()).is_err(), "{header}");
        }
    }

    #[test]
    fn hostile_claims_are_refused_though_the_signature_holds() {
        let with = |key: &str, value: Value| {
            let mut claims = claims();
            claims[key] = value;
            claims
        };
        for claims in [
            with("iss", json!("other")),
            with("aud", json!("other")),
            with("aud", json!(["mono-api"])),
            with("nbf", json!(NOW + 31)),
            with("iat", json!(NOW + 31)),
            with("iat", json!(NOW + 315_360_000)),
            with("exp", json!(NOW - 30)),
            with("exp", json!(NOW + 601)),
            with("exp", json!(i64::MAX)),
            with("exp", json!("1900000000")),
            with("sub", json!("admin")),
            with("admin", json!(true)),
        ] {
            assert!(tokens().read(&signed(&header(), &claims.to_string()), now()).is_err(), "{claims}");
        }
        for key in ["iss", "aud", "sub", "sid", "iat", "nbf", "exp"] {
            let mut claims = claims();
            claims.as_object_mut().unwrap().remove(key);
            assert!(tokens().read(&signed(&header(), &claims.to_string()), now()).is_err(), "without {key}");
        }
        let twice = claims_text().replacen('{', r#"{"iss":"mono","#, 1);
        assert!(tokens().read(&signed(&header(), &twice), now()).is_err(), "duplicate claim");
    }

    #[test]
    fn no_single_bit_can_change() {
        let (token, _) = tokens().issue(UserId::from_u128(1), SessionId::from_u128(2), None, now()).unwrap();
        for i in 0..token.len() {
            for bit in 0..7 {
                let mut bytes = token.clone().into_bytes();
                bytes[i] ^= 1 << bit;
                let Ok(flipped) = String::from_utf8(bytes) else { continue };
                assert!(tokens().read(&flipped, now()).is_err(), "byte {i} bit {bit}");
            }
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for token in
            ["", ".", "..", "a.b.c", &"a".repeat(5_000_000), &format!("{}..", URL_SAFE_NO_PAD.encode("{}"))]
        {
            assert!(tokens().read(token, now()).is_err());
        }
    }
}
