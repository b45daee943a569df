//! What X.509, PEM, JOSE, names and wildcards mean, and step-ca's durations, claims and policies. Facts and arithmetic: the
//! room knows neither files nor inventories nor snapshots, and never holds a private key.

mod certificate;
mod claims;
mod distinguished_name;
mod duration;
mod fingerprint;
mod go_url;
mod jwk;
mod lifetime;
mod names;
mod pem;
mod policy;
mod wildcard;

pub use certificate::{Certificate, CertificateError, KeyType, Moment, Verification};
pub use claims::{Claims, TlsClaims};
pub use duration::{DurationError, GoDuration};
pub use fingerprint::{Fingerprint, FingerprintError};
pub use jwk::{JwkError, PublicJwk, private_member};
pub use lifetime::{
    ASSUMED_DURATION, ClaimsError, Lifetime, LifetimeRefusal, RenewBefore, Renewal, RenewalProblem, SHORTEST_DURATION,
    SHORTEST_RENEW_BEFORE, check_renew_before,
};
pub use names::{CertificateNames, NameType, ascii_form, dns_name_problem};
pub use pem::{PemError, certificates, private_key_in, private_key_with_body_in};
pub use policy::{Denial, DenialCause, Policy, PolicyEngine, PolicyError, PolicyNames, RuleError, RuleList, X509Policy};
pub use wildcard::{Coverage, DEFAULT_DOMAIN, NoService, Reach, ServiceForm, Wildcard, WildcardError, coverage, covers};
