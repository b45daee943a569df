//! Our judgement of names, policies and lifetimes against that of the real programs: every row of the table that
//! `e2e/names` writes with Go's crypto/x509, OpenSSL, step-ca and cert-manager. `.ci/run real-tools` writes it anew and
//! compares.

use std::collections::BTreeMap;

use serde::Deserialize;
use trustree::pki::{
    CertificateNames, Claims, Coverage, Denial, DenialCause, GoDuration, Lifetime, NameType, PolicyEngine, Reach, RenewBefore, TlsClaims,
    Wildcard, X509Policy, ascii_form, coverage, covers, dns_name_problem,
};

const TABLE: &str = include_str!("data/names.jsonl");

/// All rows of a kind, of which there are at least so many.
fn rows<T: for<'de> Deserialize<'de>>(kind: &str, at_least: usize) -> Vec<T> {
    let start = format!(r#"{{"kind":"{kind}","#);
    let lines = TABLE.lines().filter(|line| line.starts_with(&start));
    let rows: Vec<T> = lines.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect();
    assert!(rows.len() >= at_least, "only {} rows of the kind {kind}", rows.len());
    rows
}

fn none_is_wrong(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} rows are not ours:\n{}", wrong.len(), wrong.join("\n"));
}

#[derive(Deserialize)]
struct Cover {
    pattern: String,
    host: String,
    go: bool,
    openssl: bool,
}

#[test]
fn wildcards_cover_what_go_and_openssl_say() {
    let mut wrong = Vec::new();
    for row in rows::<Cover>("cover", 300) {
        let expected = match (row.go, row.openssl) {
            (true, true) => Coverage::Covered,
            (false, false) => Coverage::NotCovered,
            _ => Coverage::ClientsDiffer,
        };
        let found = coverage(&row.pattern, &row.host);
        if found != expected || covers(&row.pattern, &row.host) != (row.go && row.openssl) {
            wrong.push(format!("{} for {}: {found:?}, not {expected:?}", row.pattern, row.host));
        }
    }
    none_is_wrong(&wrong);
}

/// A wildcard that we call too shallow, or without a Service, really covers no name of a Service in the table; and one
/// that we say reaches Services really does.
#[test]
fn what_a_wildcard_reaches_is_what_clients_take() {
    let service_names = ["web.default.svc.cluster.local", "web.default.svc"];
    let mut seen = BTreeMap::<&str, usize>::new();
    for row in rows::<Cover>("cover", 300) {
        let Ok(Some(wildcard)) = Wildcard::find(&row.pattern) else { continue };
        let takes = row.go && row.openssl;
        let is_service = service_names.contains(&row.host.as_str());
        let kind = match wildcard.reach("cluster.local") {
            Reach::NoService { .. } => {
                assert!(!(takes && is_service), "{} covers {}", row.pattern, row.host);
                "no service"
            }
            Reach::TooShallow { namespace, .. } => {
                assert!(!takes, "{} covers {}", row.pattern, row.host);
                if row.host == format!("web.{namespace}") {
                    assert!(row.go && !row.openssl, "{} for {}", row.pattern, row.host);
                }
                "too shallow"
            }
            Reach::ServicesOf { namespace, .. } if is_service && row.pattern.ends_with(row.host.trim_start_matches("web")) => {
                assert!(takes && namespace == "default", "{} does not cover {}", row.pattern, row.host);
                "services"
            }
            Reach::PodsOf { .. } if row.host == "web-0.web.default.svc.cluster.local" => {
                assert!(takes, "{} does not cover {}", row.pattern, row.host);
                "pods"
            }
            _ => "other",
        };
        *seen.entry(kind).or_default() += 1;
    }
    for kind in ["no service", "too shallow", "services", "pods"] {
        assert!(seen.contains_key(kind), "no row was of the kind `{kind}`: {seen:?}");
    }
}

#[derive(Deserialize)]
struct Ascii {
    name: String,
    ok: bool,
    #[serde(default)]
    ascii: String,
}

#[test]
fn names_become_the_ascii_that_step_ca_compares() {
    let expected = |row: &Ascii| row.ok.then(|| row.ascii.clone());
    let wrong: Vec<String> = rows::<Ascii>("ascii", 40)
        .iter()
        .filter(|row| ascii_form(&row.name) != expected(row))
        .map(|row| format!("{:?}: {:?}, not {:?}", row.name, ascii_form(&row.name), expected(row)))
        .collect();
    none_is_wrong(&wrong);
}

#[derive(Deserialize)]
struct Kind {
    name: String,
    r#type: String,
}

#[test]
fn names_without_a_type_get_the_one_that_step_ca_gives() {
    let wrong: Vec<String> = rows::<Kind>("kind", 50)
        .iter()
        .filter(|row| NameType::of(&row.name).as_str() != row.r#type)
        .map(|row| format!("{:?}: {}, not {}", row.name, NameType::of(&row.name).as_str(), row.r#type))
        .collect();
    none_is_wrong(&wrong);
}

#[derive(Deserialize)]
struct RequestRow {
    dns: String,
    made: bool,
    taken: bool,
}

/// The other way round there is no such rule: step-ca also takes names that no client looks for.
#[test]
fn what_cannot_be_asked_for_or_is_refused_has_a_problem() {
    for row in rows::<RequestRow>("request", 20) {
        let problem = dns_name_problem(&row.dns);
        assert!(problem.is_some() || row.taken, "`{}` is no problem", row.dns);
        let problem = problem.unwrap_or_default();
        assert!(!(row.taken && problem.contains("step-ca")), "`{}` is taken by step-ca: {problem}", row.dns);
        assert_eq!(!row.made, problem.contains("only ASCII"), "`{}`: {problem}", row.dns);
    }
}

#[derive(Deserialize)]
struct PolicyRow {
    policy: String,
    x509: X509Policy,
    starts: bool,
}

#[test]
fn policies_that_keep_step_ca_from_starting_are_known() {
    let wrong: Vec<String> = rows::<PolicyRow>("policy", 100)
        .iter()
        .filter(|row| row.x509.engine().is_ok() != row.starts)
        .map(|row| format!("{}: {:?}", row.policy, row.x509.engine().err()))
        .collect();
    none_is_wrong(&wrong);
}

#[derive(Deserialize)]
struct Verdict {
    policy: String,
    names: Names,
    reason: String,
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Names {
    cn: Option<String>,
    #[serde(default)]
    dns: Vec<String>,
    #[serde(default)]
    ip: Vec<String>,
    #[serde(default)]
    email: Vec<String>,
    #[serde(default)]
    uri: Vec<String>,
}

impl From<Names> for CertificateNames {
    fn from(names: Names) -> CertificateNames {
        let ip = names.ip.iter().map(|address| address.parse().expect(address)).collect();
        CertificateNames { common_name: names.cn, dns: names.dns, ip, email: names.email, uri: names.uri }
    }
}

/// In the words of the table: reason, type, name. What step-ca stumbles over we call a name that cannot be compared, and
/// we do not tell apart whether a mailbox or its domain cannot be read.
fn in_words(verdict: Result<(), Denial>) -> (String, String, String) {
    let Err(denial) = verdict else { return ("allowed".to_owned(), String::new(), String::new()) };
    let reason = match denial.cause {
        DenialCause::TypeNotAllowed | DenialCause::NoRuleFits | DenialCause::WildcardsNotAllowed | DenialCause::DeniedBy { .. } => {
            "not allowed"
        }
        DenialCause::Unreadable => "unreadable",
        DenialCause::Incomparable { reason } if reason.contains("stumbles") => "panic",
        DenialCause::Incomparable { .. } => "cannot match",
    };
    if reason == "panic" {
        return (reason.to_owned(), String::new(), String::new());
    }
    (reason.to_owned(), denial.name_type.as_str().to_owned(), denial.name)
}

#[test]
fn policies_judge_as_step_ca_does() {
    let engines: BTreeMap<String, PolicyEngine> = rows::<PolicyRow>("policy", 100)
        .into_iter()
        .filter(|row| row.starts)
        .map(|row| (row.policy, row.x509.engine().expect("a policy that step-ca starts with")))
        .collect();
    let mut wrong = Vec::new();
    let mut reasons = BTreeMap::<String, usize>::new();
    for row in rows::<Verdict>("verdict", 300) {
        let names = CertificateNames::from(row.names);
        let found = in_words(engines[&row.policy].verdict(&names));
        let reason = if matches!(row.reason.as_str(), "no domain" | "no mailbox") { "unreadable".to_owned() } else { row.reason };
        *reasons.entry(reason.clone()).or_default() += 1;
        let expected = (reason, row.r#type, row.name);
        if found != expected {
            wrong.push(format!("{} {names:?}: {found:?}, not {expected:?}", row.policy));
        }
    }
    none_is_wrong(&wrong);
    for reason in ["allowed", "not allowed", "unreadable", "cannot match", "panic"] {
        assert!(reasons.contains_key(reason), "no row had the reason `{reason}`: {reasons:?}");
    }
}

#[derive(Deserialize)]
struct ClaimsRow {
    authority: Claims,
    provisioner: Claims,
    starts: bool,
    effective: Claims,
}

#[test]
fn claims_hold_as_step_ca_says() {
    let mut wrong = Vec::new();
    for row in rows::<ClaimsRow>("claims", 100) {
        let authority = TlsClaims::GLOBAL.narrowed_by(&row.authority);
        let found = authority.narrowed_by(&row.provisioner);
        let expected = &row.effective;
        let same = (Some(found.min), Some(found.max), Some(found.default)) == (expected.min_tls, expected.max_tls, expected.default_tls);
        let starts = authority.check().is_ok() && found.check().is_ok();
        if !same || starts != row.starts {
            wrong.push(format!("{:?} below {:?}: {found:?}, starts: {starts}", row.provisioner, row.authority));
        }
    }
    none_is_wrong(&wrong);
}

#[derive(Deserialize)]
struct LifetimeRow {
    claims: Claims,
    backdate: GoDuration,
    requested: Option<GoDuration>,
    lifetime: Option<GoDuration>,
    message: Option<String>,
}

#[test]
fn lifetimes_are_granted_and_refused_in_the_words_of_step_ca() {
    let mut wrong = Vec::new();
    for row in rows::<LifetimeRow>("lifetime", 200) {
        let found = TlsClaims::GLOBAL.narrowed_by(&row.claims).lifetime(row.backdate, row.requested);
        let expected = row.lifetime.map(|total| Lifetime { total, backdate: row.backdate }).ok_or(row.message.unwrap_or_default());
        if found.map_err(|refusal| refusal.to_string()) != expected {
            wrong.push(format!("{:?} + {} under {:?}: {found:?}, not {expected:?}", row.requested, row.backdate, row.claims));
        }
    }
    none_is_wrong(&wrong);
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RenewalRow {
    lifetime: GoDuration,
    renew_before: Option<GoDuration>,
    percentage: Option<i32>,
    renews_after: GoDuration,
}

#[test]
fn renewals_are_due_when_cert_manager_says() {
    let mut wrong = Vec::new();
    for row in rows::<RenewalRow>("renewal", 100) {
        let wanted = match (row.renew_before, row.percentage) {
            (Some(before), _) => RenewBefore::Duration(before),
            (None, Some(percentage)) => RenewBefore::Percentage(percentage),
            (None, None) => RenewBefore::Unset,
        };
        let found = Lifetime { total: row.lifetime, backdate: GoDuration::from_hours(0) }.renewal(wanted).after;
        if found != row.renews_after {
            wrong.push(format!("{} with {wanted:?}: {found}, not {}", row.lifetime, row.renews_after));
        }
    }
    none_is_wrong(&wrong);
}
