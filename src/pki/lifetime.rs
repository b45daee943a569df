//! How long a certificate lives, and when cert-manager renews it.
//!
//! Sources: `authority/provisioner/sign_options.go` and `claims.go` of smallstep/certificates 0.30.2,
//! `pkg/util/pki/renewaltime.go` and `internal/apis/certmanager/validation/certificate.go` of cert-manager 1.5 to 1.21.

use super::{GoDuration, TlsClaims};

/// A certificate's life as step-ca grants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// From the beginning of its validity to the end; cert-manager counts with this.
    pub total: GoDuration,
    /// How much of it has passed when it is signed: step-ca sets the beginning back by as much.
    pub backdate: GoDuration,
}

/// A duration that step-ca refuses, with the words of its answer (403, after which cert-manager waits for an hour).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LifetimeRefusal {
    /// Longer than the provisioner may grant.
    #[error("requested duration of {asked} is more than the authorized maximum certificate duration of {limit}")]
    TooLong {
        /// The whole life that was asked for, backdate included.
        asked: GoDuration,
        /// The longest that is granted, backdate included.
        limit: GoDuration,
    },
    /// Shorter than the provisioner may grant.
    #[error("requested duration of {asked} is less than the authorized minimum certificate duration of {limit}")]
    TooShort {
        /// The whole life that was asked for, backdate included.
        asked: GoDuration,
        /// The shortest that is granted. The backdate is not added to this one.
        limit: GoDuration,
    },
    /// Over before it begins.
    #[error("notAfter cannot be in the past")]
    Past,
}

/// Claims with which step-ca does not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    /// A duration is zero or negative.
    #[error("`{name}` is {value}, and must be more than zero")]
    NotPositive {
        /// The claim.
        name: &'static str,
        /// What it says.
        value: GoDuration,
    },
    /// Two that contradict each other.
    #[error("`{larger}` is {larger_value}, which is less than `{smaller}` with {smaller_value}")]
    Crossed {
        /// The claim that should be the larger one.
        larger: &'static str,
        /// What it says.
        larger_value: GoDuration,
        /// The claim that should not be larger.
        smaller: &'static str,
        /// What it says.
        smaller_value: GoDuration,
    },
}

const MIN: &str = "minTLSCertDuration";
const MAX: &str = "maxTLSCertDuration";
const DEFAULT: &str = "defaultTLSCertDuration";

const SECOND: i64 = 1_000_000_000;

impl TlsClaims {
    /// Whether step-ca starts with these, as they hold for an authority or, below it, for a provisioner.
    ///
    /// # Errors
    ///
    /// The first contradiction that step-ca finds.
    pub fn check(&self) -> Result<(), ClaimsError> {
        for (name, value) in [(MIN, self.min), (MAX, self.max), (DEFAULT, self.default)] {
            if value.nanoseconds() <= 0 {
                return Err(ClaimsError::NotPositive { name, value });
            }
        }
        let pairs = [(MAX, self.max, MIN, self.min), (DEFAULT, self.default, MIN, self.min), (MAX, self.max, DEFAULT, self.default)];
        match pairs.into_iter().find(|(_, larger, _, smaller)| larger < smaller) {
            Some((larger, larger_value, smaller, smaller_value)) => {
                Err(ClaimsError::Crossed { larger, larger_value, smaller, smaller_value })
            }
            None => Ok(()),
        }
    }

    /// What step-ca does with a Certificate's `duration`, which step-issuer hands on as it is: the end of the validity
    /// counts from now, its beginning is set back by `backdate`, so the whole is longer than what was asked for. Without
    /// a duration the claims' default is taken, not cert-manager's 90 days.
    ///
    /// With fractions of a second step-ca's answer depends on the moment; this one is for the worst.
    ///
    /// # Errors
    ///
    /// step-ca refuses to sign.
    pub fn lifetime(&self, backdate: GoDuration, requested: Option<GoDuration>) -> Result<Lifetime, LifetimeRefusal> {
        // A duration of nothing is not sent.
        let asked = requested.filter(|asked| asked.nanoseconds() != 0).unwrap_or(self.default);
        let total = asked.saturating_add(backdate);
        let limit = self.max.saturating_add(backdate);
        let (shortest, longest) = (seconds_down(total), seconds_up(total));
        if asked.nanoseconds() <= -SECOND {
            Err(LifetimeRefusal::Past)
        } else if shortest < self.min {
            Err(LifetimeRefusal::TooShort { asked: shortest, limit: self.min })
        } else if longest > limit {
            Err(LifetimeRefusal::TooLong { asked: longest, limit })
        } else {
            Ok(Lifetime { total: shortest, backdate })
        }
    }
}

fn seconds_down(duration: GoDuration) -> GoDuration {
    GoDuration::from_nanoseconds(duration.nanoseconds().div_euclid(SECOND).saturating_mul(SECOND))
}

fn seconds_up(duration: GoDuration) -> GoDuration {
    let down = seconds_down(duration);
    if down == duration { down } else { down.saturating_add(GoDuration::from_nanoseconds(SECOND)) }
}

fn minus(one: GoDuration, other: GoDuration) -> GoDuration {
    GoDuration::from_nanoseconds(one.nanoseconds().saturating_sub(other.nanoseconds()))
}

/// The shortest `duration` that cert-manager's webhook takes: an hour.
pub const SHORTEST_DURATION: GoDuration = GoDuration::from_hours(1);

/// The shortest `renewBefore` that cert-manager's webhook takes: five minutes.
pub const SHORTEST_RENEW_BEFORE: GoDuration = GoDuration::from_minutes(5);

/// What cert-manager's webhook takes for the duration of a Certificate that names none: 90 days. The CA may think otherwise.
pub const ASSUMED_DURATION: GoDuration = GoDuration::from_hours(90 * 24);

/// When a Certificate asks to be renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RenewBefore {
    /// After two thirds of its life.
    #[default]
    Unset,
    /// `renewBefore`: so long before its end.
    Duration(GoDuration),
    /// `renewBeforePercentage`, from cert-manager 1.16 on: when so much of its life is left.
    Percentage(i32),
    /// `renewBeforePercentage` as 1.16.0 to 1.16.2 understood it: when so much of its life has passed.
    PercentagePassed(i32),
}

/// When cert-manager renews a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewal {
    /// Counted from the beginning of its validity, in whole seconds.
    pub after: GoDuration,
    /// Counted from the moment when it was signed.
    pub after_signing: GoDuration,
    /// Whether what the Certificate asks for cannot be done with this life, so that two thirds of it are taken instead.
    pub is_fallback: bool,
}

impl Renewal {
    /// Whether the certificate is due as soon as it is signed, so that cert-manager asks for one after the other.
    pub fn is_endless(&self) -> bool {
        self.after_signing.nanoseconds() <= 0
    }
}

impl Lifetime {
    /// When cert-manager renews a certificate of this life. ACME's own advice and `spec.renewal` of 1.21 are left out.
    pub fn renewal(&self, renew_before: RenewBefore) -> Renewal {
        let wanted = match renew_before {
            RenewBefore::Duration(before) if before.nanoseconds() > 0 && before < self.total => Some(before),
            RenewBefore::Percentage(left @ 1..=99) => Some(share(self.total, left)),
            RenewBefore::PercentagePassed(passed @ 1..=99) => Some(share(self.total, 100 - passed)),
            _ => None,
        };
        let before = wanted.unwrap_or_else(|| GoDuration::from_nanoseconds(self.total.nanoseconds() / 3));
        let after = seconds_down(minus(self.total, before));
        let is_fallback = wanted.is_none() && renew_before != RenewBefore::Unset;
        Renewal { after, after_signing: minus(after, self.backdate), is_fallback }
    }
}

/// So many hundredths of a duration, cut to nanoseconds.
fn share(duration: GoDuration, percentage: i32) -> GoDuration {
    let hundredths = i128::from(duration.nanoseconds()) * i128::from(percentage) / 100;
    GoDuration::from_nanoseconds(i64::try_from(hundredths).unwrap_or(i64::MAX))
}

/// Why cert-manager's webhook refuses what a Certificate says about its renewal. The text continues a sentence, as in
/// ``the API server refuses `renewBefore`: {problem}``.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RenewalProblem {
    /// `renewBefore` below five minutes.
    #[error("{0} is less than 5m0s")]
    TooShort(GoDuration),
    /// `renewBefore` not below the duration, or below the 90 days that are assumed where there is none.
    #[error("{before} is not less than the duration of {duration}")]
    NotBelowDuration {
        /// What is asked for.
        before: GoDuration,
        /// The duration that it is held against.
        duration: GoDuration,
    },
    /// A percentage that the webhook takes for less than five minutes, or for no less than the duration. It counts the
    /// other way round than the controller: 99 with a duration of an hour is refused, though 59 minutes would be left.
    #[error("{percentage} % of {duration} is too little or too much for the webhook, which counts {before} from it")]
    Percentage {
        /// What is asked for.
        percentage: i32,
        /// The duration that it is held against.
        duration: GoDuration,
        /// What the webhook makes of it.
        before: GoDuration,
    },
}

/// What cert-manager's webhook says about `renewBefore` or `renewBeforePercentage` of a Certificate with this `duration`.
/// That there is only one of the two is for the caller to see. A percentage without a duration is not looked at.
///
/// # Errors
///
/// The webhook refuses the Certificate.
pub fn check_renew_before(duration: Option<GoDuration>, renew_before: RenewBefore) -> Result<(), RenewalProblem> {
    let held_against = duration.unwrap_or(ASSUMED_DURATION);
    match renew_before {
        RenewBefore::Duration(before) if before < SHORTEST_RENEW_BEFORE => Err(RenewalProblem::TooShort(before)),
        RenewBefore::Duration(before) if before >= held_against => Err(RenewalProblem::NotBelowDuration { before, duration: held_against }),
        RenewBefore::Percentage(percentage) | RenewBefore::PercentagePassed(percentage) if duration.is_some() => {
            let before = share(held_against, 100_i32.saturating_sub(percentage));
            if before < SHORTEST_RENEW_BEFORE || before >= held_against {
                return Err(RenewalProblem::Percentage { percentage, duration: held_against, before });
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> GoDuration {
        text.parse().expect(text)
    }

    fn lifetime(requested: Option<&str>) -> Result<Lifetime, LifetimeRefusal> {
        TlsClaims::GLOBAL.lifetime(of("1m"), requested.map(of))
    }

    #[test]
    fn the_backdate_makes_a_life_longer_than_asked_for() {
        assert_eq!(lifetime(Some("24h")), Ok(Lifetime { total: of("24h1m"), backdate: of("1m") }));
        assert_eq!(lifetime(None), lifetime(Some("24h")));
        assert_eq!(lifetime(Some("4m")).map(|lifetime| lifetime.total), Ok(of("5m")));
    }

    #[test]
    fn refusals_have_the_words_of_the_ca() {
        let words = |requested: &str| lifetime(Some(requested)).err().map(|refusal| refusal.to_string()).unwrap_or_default();
        assert_eq!(words("720h"), "requested duration of 720h1m0s is more than the authorized maximum certificate duration of 24h1m0s");
        assert_eq!(words("3m"), "requested duration of 4m0s is less than the authorized minimum certificate duration of 5m0s");
        assert_eq!(words("-1h"), "notAfter cannot be in the past");
        // Half a second too long passes or not as the clock stands.
        assert!(words("24h0m0.5s").contains("24h1m1s"));
    }

    #[test]
    fn claims_that_contradict_each_other_are_told() {
        assert_eq!(TlsClaims::GLOBAL.check(), Ok(()));
        let crossed = TlsClaims { max: of("1h"), ..TlsClaims::GLOBAL }.check().expect_err("below the default");
        assert_eq!(crossed.to_string(), "`maxTLSCertDuration` is 1h0m0s, which is less than `defaultTLSCertDuration` with 24h0m0s");
        let zero = TlsClaims { min: of("0s"), ..TlsClaims::GLOBAL }.check().expect_err("zero");
        assert_eq!(zero.to_string(), "`minTLSCertDuration` is 0s, and must be more than zero");
    }

    #[test]
    fn a_renewal_before_the_signature_never_ends() {
        let day = lifetime(Some("24h")).expect("granted");
        let usual = day.renewal(RenewBefore::Unset);
        assert_eq!((usual.after, usual.after_signing, usual.is_fallback), (of("16h0m40s"), of("15h59m40s"), false));
        assert!(day.renewal(RenewBefore::Duration(of("24h"))).is_endless());
        assert!(!day.renewal(RenewBefore::Duration(of("23h"))).is_endless());
        let impossible = day.renewal(RenewBefore::Duration(of("720h")));
        assert_eq!((impossible.after, impossible.is_fallback), (usual.after, true));
    }

    #[test]
    fn a_percentage_once_meant_what_has_passed() {
        let life = Lifetime { total: of("100h"), backdate: of("0s") };
        assert_eq!(life.renewal(RenewBefore::Percentage(25)).after, of("75h"));
        assert_eq!(life.renewal(RenewBefore::PercentagePassed(25)).after, of("25h"));
        assert!(life.renewal(RenewBefore::Percentage(100)).is_fallback);
    }

    #[test]
    fn the_webhook_compares_with_the_duration_that_is_asked_for() {
        let check = |duration: Option<&str>, renew_before| check_renew_before(duration.map(of), renew_before);
        assert_eq!(check(Some("24h"), RenewBefore::Duration(of("8h"))), Ok(()));
        assert_eq!(check(Some("24h"), RenewBefore::Duration(of("4m"))), Err(RenewalProblem::TooShort(of("4m"))));
        assert_eq!(
            check(Some("24h"), RenewBefore::Duration(of("24h"))),
            Err(RenewalProblem::NotBelowDuration { before: of("24h"), duration: of("24h") })
        );
        // Without a duration it is held against 90 days, though the CA grants a day.
        assert_eq!(check(None, RenewBefore::Duration(of("720h"))), Ok(()));
        assert!(check(None, RenewBefore::Duration(of("2160h"))).is_err());
        assert_eq!(check(Some("1h"), RenewBefore::Percentage(33)), Ok(()));
        assert!(check(Some("1h"), RenewBefore::Percentage(99)).is_err());
        assert!(check(Some("1h"), RenewBefore::Percentage(0)).is_err());
        assert_eq!(check(None, RenewBefore::Percentage(0)), Ok(()));
    }
}
