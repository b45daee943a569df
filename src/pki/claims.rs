//! step-ca's claims: what a provisioner sets, what it inherits, and what holds in the end.
//!
//! Source: `authority/provisioner/claims.go` and `authority/config/config.go` of smallstep/certificates.

use serde::{Deserialize, Serialize};

use super::GoDuration;

/// Claims as an authority or a provisioner sets them; what it leaves out it inherits.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Claims {
    /// The shortest life of a TLS certificate.
    #[serde(rename = "minTLSCertDuration", skip_serializing_if = "Option::is_none")]
    pub min_tls: Option<GoDuration>,
    /// The longest life of a TLS certificate.
    #[serde(rename = "maxTLSCertDuration", skip_serializing_if = "Option::is_none")]
    pub max_tls: Option<GoDuration>,
    /// The life of a TLS certificate whose request names none.
    #[serde(rename = "defaultTLSCertDuration", skip_serializing_if = "Option::is_none")]
    pub default_tls: Option<GoDuration>,
    /// The shortest life of an SSH user certificate.
    #[serde(rename = "minUserSSHCertDuration", skip_serializing_if = "Option::is_none")]
    pub min_user_ssh: Option<GoDuration>,
    /// The longest life of an SSH user certificate.
    #[serde(rename = "maxUserSSHCertDuration", skip_serializing_if = "Option::is_none")]
    pub max_user_ssh: Option<GoDuration>,
    /// The life of an SSH user certificate whose request names none.
    #[serde(rename = "defaultUserSSHCertDuration", skip_serializing_if = "Option::is_none")]
    pub default_user_ssh: Option<GoDuration>,
    /// The shortest life of an SSH host certificate.
    #[serde(rename = "minHostSSHCertDuration", skip_serializing_if = "Option::is_none")]
    pub min_host_ssh: Option<GoDuration>,
    /// The longest life of an SSH host certificate.
    #[serde(rename = "maxHostSSHCertDuration", skip_serializing_if = "Option::is_none")]
    pub max_host_ssh: Option<GoDuration>,
    /// The life of an SSH host certificate whose request names none.
    #[serde(rename = "defaultHostSSHCertDuration", skip_serializing_if = "Option::is_none")]
    pub default_host_ssh: Option<GoDuration>,
    /// Whether an expired certificate may still be renewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_renewal_after_expiry: Option<bool>,
    /// Whether `step ca renew` is refused; cert-manager does not renew that way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_renewal: Option<bool>,
    /// Whether the extension that names the provisioner is left out of certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_smallstep_extensions: Option<bool>,
    /// Whether SSH certificates are issued.
    #[serde(rename = "enableSSHCA", skip_serializing_if = "Option::is_none")]
    pub enable_ssh_ca: Option<bool>,
}

impl Claims {
    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        *self == Claims::default()
    }
}

/// How long TLS certificates may live in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsClaims {
    /// The shortest life.
    pub min: GoDuration,
    /// The longest life.
    pub max: GoDuration,
    /// The life where a request names none.
    pub default: GoDuration,
}

impl TlsClaims {
    /// What holds where neither authority nor provisioner says anything: 5 minutes, 24 hours, 24 hours.
    pub const GLOBAL: TlsClaims =
        TlsClaims { min: GoDuration::from_minutes(5), max: GoDuration::from_hours(24), default: GoDuration::from_hours(24) };

    /// What holds where `claims` are set below these: an authority's below [`TlsClaims::GLOBAL`], a provisioner's below
    /// its authority's. A maximum that is not set rises to a default that is set, a minimum falls to it.
    #[must_use]
    pub fn narrowed_by(self, claims: &Claims) -> TlsClaims {
        let own = claims.default_tls;
        TlsClaims {
            min: claims.min_tls.unwrap_or_else(|| own.map_or(self.min, |own| own.min(self.min))),
            max: claims.max_tls.unwrap_or_else(|| own.map_or(self.max, |own| own.max(self.max))),
            default: own.unwrap_or(self.default),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(hours: i32) -> GoDuration {
        GoDuration::from_hours(hours)
    }

    fn of(text: &str) -> GoDuration {
        text.parse().expect(text)
    }

    #[test]
    fn what_is_not_set_is_inherited() {
        assert_eq!(TlsClaims::GLOBAL.narrowed_by(&Claims::default()), TlsClaims { min: of("5m"), max: of("24h"), default: of("24h") });
        let authority = TlsClaims::GLOBAL.narrowed_by(&Claims { max_tls: Some(hours(72)), ..Claims::default() });
        assert_eq!(authority, TlsClaims { min: of("5m"), max: of("72h"), default: of("24h") });
        let provisioner = authority.narrowed_by(&Claims { min_tls: Some(hours(1)), ..Claims::default() });
        assert_eq!(provisioner, TlsClaims { min: of("1h"), max: of("72h"), default: of("24h") });
    }

    #[test]
    fn a_default_outside_moves_the_limit_that_is_not_set() {
        let long = TlsClaims::GLOBAL.narrowed_by(&Claims { default_tls: Some(hours(2160)), ..Claims::default() });
        assert_eq!(long, TlsClaims { min: of("5m"), max: of("2160h"), default: of("2160h") });
        let short = TlsClaims::GLOBAL.narrowed_by(&Claims { default_tls: Some(of("2m")), ..Claims::default() });
        assert_eq!(short, TlsClaims { min: of("2m"), max: of("24h"), default: of("2m") });
        // A limit that is set stays, also where it is the narrower one.
        let set = TlsClaims::GLOBAL.narrowed_by(&Claims { default_tls: Some(hours(48)), max_tls: Some(hours(36)), ..Claims::default() });
        assert_eq!(set.max, of("36h"));
    }
}
