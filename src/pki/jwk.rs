//! Public JSON Web Keys: what may be kept of one, its RFC 7638 thumbprint, and how a private one is told.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The members of RFC 7518 that only a private or symmetric key has.
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "k", "oth"];

/// The public members of a JWK that say which key it is and what it is for. The key id stands beside it, not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicJwk {
    /// `EC`, `RSA` or `OKP`.
    pub kty: String,
    /// The curve of an EC or OKP key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// The algorithm it is meant for, such as `ES256`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// `sig`, where it says so.
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
    /// The first coordinate, or an OKP key as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// The second coordinate of an EC key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// The modulus of an RSA key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// The exponent of an RSA key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
}

/// Why a value is no public JWK. No variant holds a key's value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// It has a member that only private keys have.
    #[error("it has the member `{0}`, which only a private key has")]
    Private(&'static str),
    /// It is no map.
    #[error("it is no JSON object")]
    NotAnObject,
    /// A member is missing, no string, or empty.
    #[error("its member `{0}` is missing or no string")]
    Missing(&'static str),
    /// A key type that is not known.
    #[error("its key type is none of `EC`, `RSA` and `OKP`")]
    UnknownKeyType,
}

/// The first member, in the order of RFC 7518, that makes a JWK a private or symmetric key.
pub fn private_member<'a>(members: impl Iterator<Item = &'a str> + Clone) -> Option<&'static str> {
    PRIVATE_MEMBERS.into_iter().find(|private| members.clone().any(|member| member == *private))
}

impl PublicJwk {
    /// The public part of a JWK.
    ///
    /// # Errors
    /// A private or symmetric key, a key type that is not known, and missing members. The error holds none of the values.
    pub fn from_json(value: &Value) -> Result<PublicJwk, JwkError> {
        let map = value.as_object().ok_or(JwkError::NotAnObject)?;
        if let Some(member) = private_member(map.keys().map(String::as_str)) {
            return Err(JwkError::Private(member));
        }
        let text = |member: &str| map.get(member).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
        let key = PublicJwk {
            kty: text("kty").ok_or(JwkError::Missing("kty"))?,
            crv: text("crv"),
            alg: text("alg"),
            usage: text("use"),
            x: text("x"),
            y: text("y"),
            n: text("n"),
            e: text("e"),
        };
        key.required_members()?;
        Ok(key)
    }

    /// The members that RFC 7638 hashes, sorted by name.
    fn required_members(&self) -> Result<Vec<(&'static str, &str)>, JwkError> {
        let names: &[(&'static str, Option<&str>)] = match self.kty.as_str() {
            "EC" => &[("crv", self.crv.as_deref()), ("kty", Some(&self.kty)), ("x", self.x.as_deref()), ("y", self.y.as_deref())],
            "RSA" => &[("e", self.e.as_deref()), ("kty", Some(&self.kty)), ("n", self.n.as_deref())],
            "OKP" => &[("crv", self.crv.as_deref()), ("kty", Some(&self.kty)), ("x", self.x.as_deref())],
            _ => return Err(JwkError::UnknownKeyType),
        };
        names.iter().map(|(name, value)| value.map(|value| (*name, value)).ok_or(JwkError::Missing(name))).collect()
    }

    /// The RFC 7638 thumbprint: SHA-256 in base64url, 43 characters; what `step` gives a key as its id.
    ///
    /// # Errors
    /// A key type that is not known, and missing members.
    pub fn thumbprint(&self) -> Result<String, JwkError> {
        let members: serde_json::Map<String, Value> =
            self.required_members()?.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        // Without spaces and in the order of the names, as the RFC asks.
        let text = Value::Object(members).to_string();
        Ok(URL_SAFE_NO_PAD.encode(Sha256::digest(text)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_thumbprints_of_the_standards_come_out() {
        // RFC 7638, section 3.1.
        let rsa = json!({"kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
            "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"});
        assert_eq!(PublicJwk::from_json(&rsa).expect("public").thumbprint().expect("known"), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        // RFC 8037, appendix A.3.
        let okp = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        assert_eq!(PublicJwk::from_json(&okp).expect("public").thumbprint().expect("known"), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        // A key made by step.
        let ec = json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig",
            "x": "jdT76Le1IJO0djaK8-sUZvMSVa4fTeBPHL1RcKFKNsU", "y": "aDrSdchTc1tteCDQCT3bdHdBeSo68n95SAU_BZWdGEs"});
        assert_eq!(PublicJwk::from_json(&ec).expect("public").thumbprint().expect("known"), "nQJxiGe0p-hYQ669Y2rdRr_uOfcG-ysOtoVqM7ZQORE");
    }

    #[test]
    fn private_and_symmetric_keys_are_refused_without_their_values() {
        for member in PRIVATE_MEMBERS {
            let mut key = json!({"kty": "EC", "crv": "P-256", "x": "a", "y": "b"});
            key[member] = "SECRET".into();
            let error = PublicJwk::from_json(&key).expect_err(member);
            assert_eq!(error, JwkError::Private(member));
            assert!(!format!("{error} {error:?}").contains("SECRET"));
        }
    }

    #[test]
    fn what_is_no_key_says_what_is_missing() {
        assert_eq!(PublicJwk::from_json(&json!("x")), Err(JwkError::NotAnObject));
        assert_eq!(PublicJwk::from_json(&json!({"kty": "EC", "crv": "P-256", "x": "a"})), Err(JwkError::Missing("y")));
        assert_eq!(PublicJwk::from_json(&json!({"kty": "XY"})), Err(JwkError::UnknownKeyType));
        assert_eq!(PublicJwk::from_json(&json!({})), Err(JwkError::Missing("kty")));
    }
}
