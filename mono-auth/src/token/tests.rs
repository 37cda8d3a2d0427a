//! Hostile tokens, for each algorithm.

use super::*;
use jsonwebtoken::Validation;
use jsonwebtoken::crypto::sign;
use serde_json::{Value, json};

const NOW: i64 = 1_800_000_000;
const BOTH: [TokenAlgorithm; 2] = [TokenAlgorithm::Hs256, TokenAlgorithm::EdDsa];

fn at(second: i64) -> Timestamp {
    Timestamp::from_timestamp(second, 0).unwrap()
}

fn ring() -> KeyRing {
    KeyRing::new((0..32).collect()).unwrap()
}

fn tokens(algorithm: TokenAlgorithm) -> Tokens {
    Tokens::new(&ring(), algorithm).unwrap()
}

fn claims() -> Value {
    let id = UserId::from_u128(7);
    json!({"iss": "mono", "aud": "mono-api", "sub": id, "sid": id, "tid": id, "iat": NOW, "nbf": NOW, "exp": NOW + 600})
}

fn with(key: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[key] = value;
    claims
}

fn header(algorithm: TokenAlgorithm) -> Value {
    json!({"alg": algorithm.as_str(), "typ": "at+jwt", "kid": tokens(algorithm).key_id})
}

fn message(header: &str, claims: &str) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
}

/// Signs whatever it is given, as the installation would.
fn signed(algorithm: TokenAlgorithm, header: &str, claims: &str) -> String {
    let message = message(header, claims);
    let key = tokens(algorithm).encoding;
    let signature = sign(message.as_bytes(), &key, algorithm.of_library()).unwrap();
    format!("{message}.{signature}")
}

/// The code of the refusal, or "ok".
fn read(token: &str, now: i64) -> String {
    // Whatever signs now, every key verifies.
    let codes = BOTH.map(|algorithm| match tokens(algorithm).read(token, at(now)) {
        Ok(_) => "ok".to_owned(),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Unauthorized);
            error.code().to_owned()
        }
    });
    assert_eq!(codes[0], codes[1]);
    codes[0].clone()
}

#[test]
fn a_token_reads_back_whichever_algorithm_signs() {
    let (user, session, tenant) = (UserId::from_u128(1), SessionId::from_u128(2), TenantId::from_u128(3));
    for algorithm in BOTH {
        let (token, expires_at) = tokens(algorithm).issue(user, session, Some(tenant), at(NOW)).unwrap();
        for reader in BOTH {
            let claims = tokens(reader).read(&token, at(NOW)).unwrap();
            assert_eq!((claims.sub, claims.sid, claims.tid), (user, session, Some(tenant)));
        }
        assert_eq!(expires_at.timestamp(), NOW + 600);
        let ours = signed(algorithm, &header(algorithm).to_string(), &claims().to_string());
        assert_eq!(read(&ours, NOW), "ok", "the helper signs as we do");
    }
}

#[test]
fn hostile_headers_are_refused_though_the_signature_holds() {
    for algorithm in BOTH {
        let (alg, kid) = (algorithm.as_str(), tokens(algorithm).key_id);
        let other = BOTH.into_iter().find(|other| *other != algorithm).unwrap();
        let header =
            |alg: &str, typ: &str, kid: &str| json!({"alg": alg, "typ": typ, "kid": kid}).to_string();
        let with = |name: &str, value: Value| {
            let mut header = super::tests::header(algorithm);
            header[name] = value;
            header.to_string()
        };
        let mut hostile = vec![
            "{}".to_owned(),
            "null".to_owned(),
            String::new(),
            json!({"alg": alg, "typ": "at+jwt"}).to_string(),
            json!({"alg": alg, "kid": kid}).to_string(),
            json!({"typ": "at+jwt", "kid": kid}).to_string(),
            json!([alg, "at+jwt", kid]).to_string(),
            with("crit", json!(["x"])),
            with("crit", json!([])),
            with("b64", json!(false)),
            with("zip", json!("DEF")),
            with("jku", json!("https://evil.example/keys")),
            with("jwk", json!({"kty": "oct", "k": "AAAA"})),
            with("x5u", json!("https://evil.example/cert")),
            with("x5c", json!(["AAAA"])),
            with("x5t", json!("AAAA")),
            with("cty", json!("JWT")),
            with("kid", json!(null)),
            with("kid", json!([kid])),
            with("alg", json!(null)),
            // Two of a name: which one would be believed?
            format!(r#"{{"alg":"none","alg":"{alg}","typ":"at+jwt","kid":"{kid}"}}"#),
            format!(r#"{{"alg":"{alg}","typ":"at+jwt","kid":"{kid}","kid":"{kid}"}}"#),
        ];
        for wrong in
            ["none", "None", "NONE", "nOnE", "", "HS384", "HS512", "RS256", "PS256", "ES256", other.as_str()]
        {
            hostile.push(header(wrong, "at+jwt", &kid));
        }
        hostile.push(header(&alg.to_lowercase(), "at+jwt", &kid));
        for wrong in ["JWT", "jwt", "AT+JWT", "application/at+jwt", "rt+jwt", ""] {
            hostile.push(header(alg, wrong, &kid));
        }
        let traversals =
            ["../access.1", "/dev/null", "access.1\u{0}", "access.1/../access.1", " access.1", "ACCESS.1"];
        let others = [
            "",
            "access",
            "access.",
            "access.0",
            "access.01",
            "access.2",
            "refresh.1",
            "csrf.1",
            "snapshot.1",
        ];
        for wrong in
            traversals.iter().chain(&others).map(|kid| (*kid).to_owned()).chain([tokens(other).key_id])
        {
            hostile.push(header(alg, "at+jwt", &wrong));
        }
        for header in hostile {
            let token = signed(algorithm, &header, &claims().to_string());
            assert_eq!(read(&token, NOW), "invalid_token", "{header}");
        }
    }
}

#[test]
fn an_algorithm_is_the_keys_own() {
    let public = tokens(TokenAlgorithm::EdDsa);
    let ed = public.reading.iter().find_map(|key| key.public).unwrap();
    let base64 = URL_SAFE_NO_PAD.encode(ed);
    let der = [&[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00][..], &ed].concat();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        base64::engine::general_purpose::STANDARD.encode(&der)
    );
    let jwks = serde_json::to_vec(&public.jwks()).unwrap();
    // What everybody may know is no secret, however it is spelt.
    for secret in [&ed[..], base64.as_bytes(), &der, pem.as_bytes(), &jwks, b""] {
        for kid in ["access.1", public.key_id.as_str()] {
            let header = json!({"alg": "HS256", "typ": "at+jwt", "kid": kid}).to_string();
            let message = message(&header, &claims().to_string());
            let key = EncodingKey::from_secret(secret);
            let signature = sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
            assert_eq!(read(&format!("{message}.{signature}"), NOW), "invalid_token");
        }
    }
    for algorithm in BOTH {
        let message = message(&header(algorithm).to_string(), &claims().to_string());
        for signature in ["", "AA", &URL_SAFE_NO_PAD.encode([0_u8; 32]), &URL_SAFE_NO_PAD.encode([0_u8; 64])]
        {
            assert_eq!(read(&format!("{message}.{signature}"), NOW), "invalid_token");
        }
    }
}

#[test]
fn hostile_claims_are_refused_though_the_signature_holds() {
    for algorithm in BOTH {
        let header = header(algorithm).to_string();
        for claims in [
            with("iss", json!("other")),
            with("iss", json!("")),
            with("iss", json!(["mono"])),
            with("aud", json!("other")),
            with("aud", json!(["mono-api"])),
            with("aud", json!(null)),
            with("iat", json!(NOW + 315_360_000)),
            with("iat", json!(-1)),
            with("iat", json!(1_800_000_000.5)),
            with("exp", json!(i64::MAX)),
            with("exp", json!(i64::MIN)),
            with("exp", json!(1e300)),
            with("exp", json!("1900000000")),
            with("exp", json!(null)),
            with("nbf", json!(true)),
            with("sub", json!("admin")),
            with("sub", json!("../admin")),
            with("sub", json!(null)),
            with("tid", json!("")),
            with("admin", json!(true)),
            with("scope", json!("*")),
            json!({}),
            json!([]),
            json!(null),
        ] {
            let token = signed(algorithm, &header, &claims.to_string());
            assert_eq!(read(&token, NOW), "invalid_token", "{claims}");
        }
        for key in ["iss", "aud", "sub", "sid", "iat", "nbf", "exp"] {
            let mut claims = claims();
            claims.as_object_mut().unwrap().remove(key);
            let token = signed(algorithm, &header, &claims.to_string());
            assert_eq!(read(&token, NOW), "invalid_token", "without {key}");
            // Two of a name, be they equal or not.
            let twice = super::tests::claims();
            let twice = twice.to_string().replacen('{', &format!(r#"{{"{key}":{},"#, twice[key]), 1);
            assert_eq!(read(&signed(algorithm, &header, &twice), NOW), "invalid_token", "{twice}");
        }
    }
}

#[test]
fn times_are_right_to_the_second() {
    for algorithm in BOTH {
        let header = header(algorithm).to_string();
        let spans = |iat: i64, nbf: i64, exp: i64| {
            let mut claims = claims();
            (claims["iat"], claims["nbf"], claims["exp"]) = (json!(iat), json!(nbf), json!(exp));
            read(&signed(algorithm, &header, &claims.to_string()), NOW)
        };
        for (iat, nbf, exp, expected) in [
            (NOW, NOW, NOW + 600, "ok"),
            // Clocks may be half a minute apart.
            (NOW + 30, NOW + 30, NOW + 630, "ok"),
            (NOW + 31, NOW, NOW + 600, "invalid_token"),
            (NOW, NOW + 31, NOW + 600, "invalid_token"),
            (NOW - 600, NOW - 600, NOW, "ok"),
            (NOW - 629, NOW - 629, NOW - 29, "ok"),
            (NOW - 630, NOW - 630, NOW - 30, "token_expired"),
            (NOW - 100_000, NOW - 100_000, NOW - 99_400, "token_expired"),
            // Longer than any token lives, and ended before it began.
            (NOW, NOW, NOW + 601, "invalid_token"),
            (NOW, NOW, NOW, "ok"),
            (NOW, NOW, NOW - 1, "invalid_token"),
        ] {
            assert_eq!(spans(iat, nbf, exp), expected, "{iat} {nbf} {exp}");
        }
    }
}

#[test]
fn no_single_bit_can_change() {
    for algorithm in BOTH {
        let tokens = tokens(algorithm);
        let (token, _) = tokens.issue(UserId::from_u128(1), SessionId::from_u128(2), None, at(NOW)).unwrap();
        for i in 0..token.len() {
            for bit in 0..8 {
                let mut bytes = token.clone().into_bytes();
                bytes[i] ^= 1 << bit;
                let Ok(flipped) = String::from_utf8(bytes) else { continue };
                assert!(tokens.read(&flipped, at(NOW)).is_err(), "byte {i} bit {bit}");
            }
        }
    }
}

#[test]
fn nonsense_is_refused() {
    let (token, _) = tokens(TokenAlgorithm::EdDsa)
        .issue(UserId::from_u128(1), SessionId::from_u128(2), None, at(NOW))
        .unwrap();
    let (long, nested) = ("a".repeat(5_000_000), "[".repeat(4000));
    let deep = format!("{}.{}.AA", URL_SAFE_NO_PAD.encode(&nested), URL_SAFE_NO_PAD.encode(&nested));
    for nonsense in [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "é.é.é",
        "\0.\0.\0",
        &long,
        &format!("{long}.{long}.{long}"),
        &format!("{token}.{token}"),
        &format!("{token}="),
        &format!(" {token}"),
        &format!("{token}\n"),
        &format!("{}.", &token[..token.rfind('.').unwrap()]),
        &format!("{}..", URL_SAFE_NO_PAD.encode("{}")),
        &deep,
    ] {
        assert_eq!(read(nonsense, NOW), "invalid_token");
    }
}

#[test]
fn an_older_version_reads_until_it_is_removed_and_none_reads_a_foreign_one() {
    let (one, two): (Vec<u8>, Vec<u8>) = ((0..32).collect(), (1..33).collect());
    let rotated = KeyRing::of_versions([(1, one), (2, two.clone())]).unwrap();
    let removed = KeyRing::of_versions([(2, two.clone())]).unwrap();
    let foreign = KeyRing::new(two).unwrap();
    for algorithm in BOTH {
        let issue = |ring: &KeyRing| {
            let tokens = Tokens::new(ring, algorithm).unwrap();
            tokens.issue(UserId::from_u128(1), SessionId::from_u128(2), None, at(NOW)).unwrap().0
        };
        let reads =
            |ring: &KeyRing, token: &str| Tokens::new(ring, algorithm).unwrap().read(token, at(NOW)).is_ok();
        let (old, new) = (issue(&ring()), issue(&rotated));
        assert!(reads(&rotated, &old) && reads(&rotated, &new));
        assert!(!reads(&removed, &old) && reads(&removed, &new));
        assert!(!reads(&foreign, &old) && !reads(&foreign, &new));
    }
    let shown = Tokens::new(&rotated, TokenAlgorithm::EdDsa).unwrap().jwks();
    let names: Vec<_> = shown.keys.iter().map(|key| key.kid.as_str()).collect();
    assert_eq!(names, ["access_public.2", "access_public.1"]);
    assert!(Tokens::new(&rotated, TokenAlgorithm::Hs256).unwrap().jwks().keys.is_empty());
}

#[test]
fn others_verify_with_the_public_keys_alone() {
    let tokens = tokens(TokenAlgorithm::EdDsa);
    let (token, _) = tokens.issue(UserId::from_u128(1), SessionId::from_u128(2), None, at(NOW)).unwrap();
    // As another service would: with the library's own reading of the set.
    let set: jsonwebtoken::jwk::JwkSet =
        serde_json::from_value(serde_json::to_value(tokens.jwks()).unwrap()).unwrap();
    let kid = jsonwebtoken::decode_header(&token).unwrap().kid.unwrap();
    let key = DecodingKey::from_jwk(set.find(&kid).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.validate_exp = false;
    validation.set_audience(&["mono-api"]);
    validation.set_issuer(&["mono"]);
    let claims = jsonwebtoken::decode::<AccessClaims>(&token, &key, &validation).unwrap().claims;
    assert_eq!(claims.sub, UserId::from_u128(1));
}
