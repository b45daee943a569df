//! Wildcards as clients compare them, and which names of a cluster one reaches.
//!
//! A star stands for exactly one label, the leftmost (RFC 9525, section 6.3). What Go and OpenSSL do beyond that, and
//! where they differ, is written down in `tests/data/names.jsonl`.

use std::fmt;

/// A name with a star where one may stand: as its whole leftmost label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wildcard {
    /// What follows `*.`, in lower case.
    base: String,
}

/// A star where none may stand. The text continues a sentence, as in ``the wildcard `w*b.x` covers nothing: {error}``.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WildcardError {
    /// The star is a label, but not the leftmost.
    #[error("a star may stand only as the leftmost label")]
    NotLeftmost,
    /// The star is a part of a label.
    #[error("a star stands for a whole label, and OpenSSL alone takes it for a part of one")]
    Partial,
    /// There is more than one star.
    #[error("a name may have one star only")]
    Several,
    /// There is nothing but the star.
    #[error("a star alone covers no name")]
    Alone,
}

impl Wildcard {
    /// Reads a DNS name: `None` where it has no star, an error where a star stands where it covers nothing.
    ///
    /// # Errors
    ///
    /// The star is not the whole leftmost label, or not the only one.
    pub fn find(name: &str) -> Result<Option<Wildcard>, WildcardError> {
        if !name.contains('*') {
            return Ok(None);
        }
        match name.split_once('.') {
            _ if name.matches('*').count() > 1 => Err(WildcardError::Several),
            None | Some(("*", "")) => {
                Err(if name.starts_with('*') && name.len() <= 2 { WildcardError::Alone } else { WildcardError::Partial })
            }
            Some(("*", base)) => Ok(Some(Wildcard { base: base.to_ascii_lowercase() })),
            Some(_) if name.split('.').any(|label| label == "*") => Err(WildcardError::NotLeftmost),
            Some(_) => Err(WildcardError::Partial),
        }
    }

    /// What follows `*.`, in lower case.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Which names of a cluster it reaches, whose names end in `cluster_domain` (`cluster.local` unless somebody chose
    /// another).
    pub fn reach(&self, cluster_domain: &str) -> Reach {
        let domain = cluster_domain.trim_matches('.').to_ascii_lowercase();
        let labels: Vec<&str> = self.base.split('.').collect();
        let below = |suffix: &str| if self.base == suffix { Some("") } else { self.base.strip_suffix(suffix)?.strip_suffix('.') };
        let no_service = |why| Reach::NoService { why, domain: domain.clone() };
        if let Some(services) = below(&format!("svc.{domain}")) {
            return Reach::below_svc(services, ServiceForm::Full, domain);
        }
        if let Some(pods) = below(&format!("pod.{domain}")) {
            return match pods {
                "" => no_service(NoService::NamespaceOfPods),
                namespace if namespace.contains('.') => no_service(NoService::TooDeep),
                namespace => Reach::PodAddressesOf { namespace: namespace.to_owned() },
            };
        }
        if let Some(between) = below(&domain) {
            return no_service(if between.is_empty() { NoService::WholeCluster } else { NoService::OutsideSvc });
        }
        if let Some(services) = below("svc") {
            return Reach::below_svc(services, ServiceForm::Svc, domain);
        }
        if domain != DEFAULT_DOMAIN && below(DEFAULT_DOMAIN).is_some() {
            return no_service(NoService::DefaultDomain);
        }
        match labels.as_slice() {
            [label] if domain.rsplit('.').next() == Some(*label) => no_service(NoService::AboveCluster),
            [label] => Reach::TooShallow { namespace: (*label).to_owned(), domain },
            _ => Reach::NotClusterInternal,
        }
    }
}

impl fmt::Display for Wildcard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "*.{}", self.base)
    }
}

/// The cluster domain where nobody chose another.
pub const DEFAULT_DOMAIN: &str = "cluster.local";

/// Which names of a cluster a wildcard reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// It is no name inside of the cluster: the cluster's DNS says nothing about it.
    NotClusterInternal,
    /// `*.<namespace>.svc…`: all Services of a namespace.
    ServicesOf {
        /// The namespace.
        namespace: String,
        /// In which form of their names.
        form: ServiceForm,
    },
    /// `*.<service>.<namespace>.svc…`: the pods behind a headless Service, each by its host name.
    PodsOf {
        /// The Service.
        service: String,
        /// Its namespace.
        namespace: String,
        /// In which form of their names.
        form: ServiceForm,
    },
    /// `*.<namespace>.pod.<domain>`: the pods of a namespace by their addresses, as in `10-0-0-1.team.pod.cluster.local`.
    PodAddressesOf {
        /// The namespace.
        namespace: String,
    },
    /// No name of a Service at all.
    NoService {
        /// Why not.
        why: NoService,
        /// The cluster domain.
        domain: String,
    },
    /// `*.<namespace>`: the short names of Services. Go takes it, while OpenSSL and rustls want two labels behind the star.
    TooShallow {
        /// The label, which can only be a namespace.
        namespace: String,
        /// The cluster domain.
        domain: String,
    },
}

/// How a Service is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceForm {
    /// `<service>.<namespace>.svc.<domain>`.
    Full,
    /// `<service>.<namespace>.svc`.
    Svc,
}

/// Why a wildcard reaches no name of a Service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoService {
    /// `*.svc.<domain>`: the star stands for the namespace.
    Namespace,
    /// `*.svc`: likewise, in the short form.
    NamespaceShort,
    /// `*.pod.<domain>`: likewise.
    NamespaceOfPods,
    /// `*.<domain>`: the star stands for `svc`.
    WholeCluster,
    /// `*.<x>.<domain>` where x is neither `svc` nor `pod`.
    OutsideSvc,
    /// `*.local`: the star stands for the rest of the cluster domain.
    AboveCluster,
    /// More labels than the name of a Service or a pod has.
    TooDeep,
    /// Below `cluster.local`, which is not the domain of this cluster.
    DefaultDomain,
}

impl Reach {
    fn below_svc(services: &str, form: ServiceForm, domain: String) -> Reach {
        let labels: Vec<&str> = services.split('.').collect();
        match (labels.as_slice(), form) {
            ([""], ServiceForm::Full) => Reach::NoService { why: NoService::Namespace, domain },
            ([""], ServiceForm::Svc) => Reach::NoService { why: NoService::NamespaceShort, domain },
            ([namespace], _) => Reach::ServicesOf { namespace: (*namespace).to_owned(), form },
            ([service, namespace], _) => Reach::PodsOf { service: (*service).to_owned(), namespace: (*namespace).to_owned(), form },
            _ => Reach::NoService { why: NoService::TooDeep, domain },
        }
    }

    /// Why the wildcard does not do what was meant, in words that continue ``the wildcard `*.svc` …``; `None` where it
    /// does.
    pub fn complaint(&self) -> Option<String> {
        Some(match self {
            Reach::NoService { why, domain } => match why {
                NoService::Namespace => {
                    format!(
                        "matches no Service: the star stands for one label, and `<service>.<namespace>.svc.{domain}` has two before `svc`"
                    )
                }
                NoService::NamespaceShort => {
                    "matches no Service: the star stands for one label, and `<service>.<namespace>.svc` has two before `svc`".to_owned()
                }
                NoService::NamespaceOfPods => {
                    format!("matches no pod: the star stands for one label, and `<address>.<namespace>.pod.{domain}` has two before `pod`")
                }
                NoService::WholeCluster => {
                    format!(
                        "matches no Service: the star stands for one label, and `<service>.<namespace>.svc.{domain}` has three before `{domain}`"
                    )
                }
                NoService::OutsideSvc => format!("matches no Service: their names end in `.svc.{domain}`"),
                NoService::AboveCluster => {
                    format!("matches no Service: the star stands for one label, so nothing below `{domain}` is covered")
                }
                NoService::TooDeep => "matches no Service and no pod: their names have fewer labels".to_owned(),
                NoService::DefaultDomain => format!("matches no Service: the domain of this cluster is `{domain}`, not `{DEFAULT_DOMAIN}`"),
            },
            Reach::TooShallow { namespace, .. } => {
                format!(
                    "is taken by Go, but neither by OpenSSL nor by rustls: they want two labels behind the star, and `{namespace}` is one"
                )
            }
            _ => return None,
        })
    }

    /// What to write instead; `None` where nothing is wrong. Placeholders stand in angle brackets.
    pub fn instead(&self) -> Option<String> {
        Some(match self {
            Reach::NoService { why: NoService::NamespaceShort, .. } => "*.<namespace>.svc".to_owned(),
            Reach::NoService { why: NoService::NamespaceOfPods, domain } => format!("*.<namespace>.pod.{domain}"),
            Reach::NoService { domain, .. } => format!("*.<namespace>.svc.{domain}"),
            Reach::TooShallow { namespace, domain } => format!("*.{namespace}.svc.{domain}"),
            _ => return None,
        })
    }
}

/// Whether clients that want a host take a certificate for a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// All of them do.
    Covered,
    /// None of them does.
    NotCovered,
    /// Go does and OpenSSL does not, or the other way round.
    ClientsDiffer,
}

/// Whether clients that want `host` take a certificate for `pattern`, which may be a wildcard.
pub fn coverage(pattern: &str, host: &str) -> Coverage {
    match (go_takes(pattern, host), openssl_takes(pattern, host)) {
        (true, true) => Coverage::Covered,
        (false, false) => Coverage::NotCovered,
        _ => Coverage::ClientsDiffer,
    }
}

/// Whether every client that wants `host` takes a certificate for `pattern`.
pub fn covers(pattern: &str, host: &str) -> bool {
    coverage(pattern, host) == Coverage::Covered
}

/// `VerifyHostname` of Go's `crypto/x509`: wildcards only among names that are sound, anything else only where it is the same.
fn go_takes(pattern: &str, host: &str) -> bool {
    let bare_host = host.strip_suffix('.').unwrap_or(host);
    if !is_sound_in_go(bare_host, false) || !is_sound_in_go(pattern, true) {
        return !pattern.is_empty() && pattern != "." && pattern.eq_ignore_ascii_case(host);
    }
    let wanted = pattern.split('.').zip(bare_host.split('.')).enumerate();
    pattern.split('.').count() == bare_host.split('.').count()
        && wanted.into_iter().all(|(at, (wanted, label))| (at == 0 && wanted == "*") || wanted.eq_ignore_ascii_case(label))
}

fn is_sound_in_go(name: &str, is_pattern: bool) -> bool {
    let sound = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    name != "*" && name.split('.').enumerate().all(|(at, label)| (is_pattern && at == 0 && label == "*") || sound(label))
}

/// `X509_check_host` of OpenSSL without flags.
fn openssl_takes(pattern: &str, host: &str) -> bool {
    if host.len() > 1 && host.starts_with('.') {
        // It then looks for any name below.
        return pattern.to_ascii_lowercase().ends_with(&host.to_ascii_lowercase());
    }
    let Some((before, after)) = openssl_star(pattern) else { return pattern.eq_ignore_ascii_case(host) };
    let (host, before, after) = (host.to_ascii_lowercase(), before.to_ascii_lowercase(), after.to_ascii_lowercase());
    let Some(starred) = host.strip_prefix(&before).and_then(|rest| rest.strip_suffix(&after)) else { return false };
    if before.is_empty() && after.starts_with('.') {
        if starred.is_empty() {
            return false;
        }
    } else if starred.starts_with("xn--") {
        // A star that is a part of a label does not stand for Punycode.
        return false;
    }
    starred == "*" || starred.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// What stands before and after the star that OpenSSL takes for one: at an end of the first label, which is not Punycode,
/// with at least two labels behind it, and in a name of letters, digits and hyphens.
fn openssl_star(pattern: &str) -> Option<(&str, &str)> {
    let (before, after) = pattern.split_once('*')?;
    let behind = after.strip_prefix('.');
    let labels: Vec<&str> = behind.or_else(|| after.split_once('.').map(|(_, rest)| rest))?.split('.').collect();
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let sound = |label: &&str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && plain(label);
    let first = after.split('.').next().unwrap_or_default();
    let at_an_end = before.is_empty() || first.is_empty();
    let fits = at_an_end
        && labels.len() >= 2
        && labels.iter().all(sound)
        && plain(before)
        && plain(first)
        && !before.starts_with('-')
        && !before.to_ascii_lowercase().starts_with("xn--")
        && !first.ends_with('-')
        && !before.ends_with('-');
    fits.then_some((before, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(pattern: &str, domain: &str) -> Reach {
        Wildcard::find(pattern).expect("a sound star").expect("a star").reach(domain)
    }

    #[test]
    fn a_star_stands_alone_as_the_leftmost_label_or_not_at_all() {
        assert_eq!(Wildcard::find("web.example.com"), Ok(None));
        assert_eq!(Wildcard::find("*.Example.com").map(|found| found.map(|found| found.to_string())), Ok(Some("*.example.com".to_owned())));
        for (name, error) in [
            ("w*b.example.com", WildcardError::Partial),
            ("*web.example.com", WildcardError::Partial),
            ("web*", WildcardError::Partial),
            ("*web", WildcardError::Partial),
            ("web.*.example.com", WildcardError::NotLeftmost),
            ("web.*", WildcardError::NotLeftmost),
            ("*.*.example.com", WildcardError::Several),
            ("**.example.com", WildcardError::Several),
            ("*", WildcardError::Alone),
            ("*.", WildcardError::Alone),
        ] {
            assert_eq!(Wildcard::find(name), Err(error), "{name}");
        }
    }

    #[test]
    fn a_namespace_before_svc_reaches_its_services() {
        for domain in ["cluster.local", "k8s.example.com", "Cluster.Local."] {
            let name = domain.trim_matches('.').to_lowercase();
            assert_eq!(
                reach(&format!("*.Team.svc.{name}"), domain),
                Reach::ServicesOf { namespace: "team".to_owned(), form: ServiceForm::Full }
            );
            assert_eq!(
                reach(&format!("*.web.team.svc.{name}"), domain),
                Reach::PodsOf { service: "web".to_owned(), namespace: "team".to_owned(), form: ServiceForm::Full }
            );
        }
        assert_eq!(reach("*.team.svc", "cluster.local"), Reach::ServicesOf { namespace: "team".to_owned(), form: ServiceForm::Svc });
        assert_eq!(reach("*.team.pod.cluster.local", "cluster.local"), Reach::PodAddressesOf { namespace: "team".to_owned() });
        for pattern in ["*.team.svc", "*.team.svc.cluster.local", "*.example.com", "*.a.b.c.d"] {
            let found = reach(pattern, "cluster.local");
            assert_eq!((found.complaint(), found.instead()), (None, None), "{pattern}");
        }
    }

    #[test]
    fn where_the_star_stands_for_the_namespace_no_service_is_reached() {
        for (pattern, domain, why, instead) in [
            ("*.svc.cluster.local", "cluster.local", NoService::Namespace, "*.<namespace>.svc.cluster.local"),
            ("*.svc", "cluster.local", NoService::NamespaceShort, "*.<namespace>.svc"),
            ("*.pod.cluster.local", "cluster.local", NoService::NamespaceOfPods, "*.<namespace>.pod.cluster.local"),
            ("*.cluster.local", "cluster.local", NoService::WholeCluster, "*.<namespace>.svc.cluster.local"),
            ("*.team.cluster.local", "cluster.local", NoService::OutsideSvc, "*.<namespace>.svc.cluster.local"),
            ("*.local", "cluster.local", NoService::AboveCluster, "*.<namespace>.svc.cluster.local"),
            ("*.a.b.c.svc.cluster.local", "cluster.local", NoService::TooDeep, "*.<namespace>.svc.cluster.local"),
            ("*.a.b.c.svc", "cluster.local", NoService::TooDeep, "*.<namespace>.svc.cluster.local"),
            ("*.svc.k8s.example.com", "k8s.example.com", NoService::Namespace, "*.<namespace>.svc.k8s.example.com"),
            ("*.k8s.example.com", "k8s.example.com", NoService::WholeCluster, "*.<namespace>.svc.k8s.example.com"),
            ("*.team.svc.cluster.local", "k8s.example.com", NoService::DefaultDomain, "*.<namespace>.svc.k8s.example.com"),
            ("*.cluster", "cluster", NoService::WholeCluster, "*.<namespace>.svc.cluster"),
        ] {
            let found = reach(pattern, domain);
            assert_eq!(found, Reach::NoService { why, domain: domain.to_owned() }, "{pattern} in {domain}");
            assert_eq!(found.instead().as_deref(), Some(instead));
            assert!(found.complaint().is_some_and(|complaint| complaint.contains("matches no ")));
        }
        assert_eq!(reach("*.example.com", "k8s.example.com"), Reach::NotClusterInternal);
    }

    #[test]
    fn one_label_behind_the_star_is_too_few_for_most_clients() {
        let found = reach("*.team", "cluster.local");
        assert_eq!(found, Reach::TooShallow { namespace: "team".to_owned(), domain: "cluster.local".to_owned() });
        assert_eq!(found.instead().as_deref(), Some("*.team.svc.cluster.local"));
        assert_eq!(coverage("*.team", "web.team"), Coverage::ClientsDiffer);
        assert!(!covers("*.team", "web.team"));
    }
}
