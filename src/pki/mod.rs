//! What X.509, PEM, JOSE and step-ca's durations and claims mean. Facts and arithmetic: the room knows neither files nor
//! inventories nor snapshots, and never holds a private key.

mod certificate;
mod claims;
mod distinguished_name;
mod duration;
mod fingerprint;
mod jwk;
mod pem;

pub use certificate::{Certificate, CertificateError, KeyType, Moment, Verification};
pub use claims::{Claims, TlsClaims};
pub use duration::{DurationError, GoDuration};
pub use fingerprint::{Fingerprint, FingerprintError};
pub use jwk::{JwkError, PublicJwk, private_member};
pub use pem::{PemError, certificates, private_key_in};
