//! Certificates as they are met in the field, good and bad; those that the library for tests cannot make lie in
//! `tests/data/unusual/`.

use jiff::civil::Date;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use serde_json::{Value, json};

use super::{Known, chain, dropped_roots, validity};
use crate::finding::{Finding, Level, Place};
use crate::snapshot::{ImportRequest, Input, Places, Snapshot, import, load_with_places};

macro_rules! unusual {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/unusual/", $name, ".crt"))
    };
}

/// A certificate with its key.
struct Made {
    pem: String,
    params: CertificateParams,
    key: KeyPair,
}

impl Made {
    /// Valid from a year on to the beginning of another one.
    fn root(name: &str, from: i32, to: i32) -> Made {
        let key = KeyPair::generate().expect("key");
        let params = params(name, from, to);
        Made { pem: params.self_signed(&key).expect("signed").pem(), params, key }
    }

    fn issues(&self, name: &str, from: i32, to: i32) -> Made {
        let key = KeyPair::generate().expect("key");
        let params = params(name, from, to);
        Made { pem: params.signed_by(&key, &Issuer::from_params(&self.params, &self.key)).expect("signed").pem(), params, key }
    }

    fn again(&self, from: i32, to: i32) -> Made {
        let key = KeyPair::from_pem(&self.key.serialize_pem()).expect("key");
        let mut params = self.params.clone();
        (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
        Made { pem: params.self_signed(&key).expect("signed").pem(), params, key }
    }
}

fn params(name: &str, from: i32, to: i32) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).expect("params");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.use_authority_key_identifier_extension = true;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
    params
}

fn day(text: &str) -> Date {
    text.parse().expect(text)
}

fn provisioner(kid: &str) -> Value {
    json!({"type": "JWK", "name": "admin", "encryptedKey": "a.b.c.d.e",
        "key": {"use": "sig", "kty": "EC", "kid": kid, "crv": "P-256", "alg": "ES256", "x": "eA", "y": "eQ"}})
}

/// The snapshot of a CA with these roots and intermediates, read from its file.
fn snapshot(roots: &[&str], intermediates: &[&str]) -> (Snapshot, Places) {
    snapshot_of(roots, intermediates, "kid-of-admin", None, "2027-01-01")
}

fn snapshot_of(roots: &[&str], intermediates: &[&str], kid: &str, existing: Option<&Snapshot>, on: &str) -> (Snapshot, Places) {
    let configuration = json!({"root": "root_ca.crt", "crt": "intermediate_ca.crt", "authority": {"provisioners": [provisioner(kid)]}});
    let mut inputs = vec![
        Input { name: "ca.json".to_owned(), bytes: configuration.to_string().into_bytes() },
        Input { name: "root_ca.crt".to_owned(), bytes: roots.concat().into_bytes() },
    ];
    if !intermediates.is_empty() {
        inputs.push(Input { name: "intermediate_ca.crt".to_owned(), bytes: intermediates.concat().into_bytes() });
    }
    let request = ImportRequest { release: None, replace: false, drop_roots: Vec::new(), as_of: day(on) };
    let imported = import(inputs, &request, existing).unwrap_or_else(|findings| panic!("{findings:#?}"));
    load_with_places(imported.to_yaml().as_bytes(), "ca.yaml".into()).unwrap_or_else(|findings| panic!("{findings:#?}"))
}

fn on_a_day(roots: &[&str], intermediates: &[&str], as_of: &str, horizon: Option<u32>) -> Vec<(&'static str, String)> {
    let (snapshot, places) = snapshot(roots, intermediates);
    let chain = snapshot.chain();
    let known = Known { authority: "internal", snapshot: &snapshot, places: &places, chain: chain.as_ref() };
    told(validity::check(known, day(as_of), horizon))
}

fn on_certificates(roots: &[&str], intermediates: &[&str]) -> Vec<Finding> {
    let (snapshot, places) = snapshot(roots, intermediates);
    let chain = snapshot.chain();
    chain::check(Known { authority: "internal", snapshot: &snapshot, places: &places, chain: chain.as_ref() })
}

fn told(findings: Vec<Finding>) -> Vec<(&'static str, String)> {
    findings.into_iter().map(|finding| (finding.rule.code, finding.message)).collect()
}

fn codes(findings: &[(&'static str, String)]) -> Vec<&'static str> {
    findings.iter().map(|(code, _)| *code).collect()
}

fn levels(findings: &[Finding]) -> Vec<(&'static str, Level)> {
    findings.iter().map(|finding| (finding.rule.code, finding.level)).collect()
}

#[test]
fn a_ca_ends_with_its_root_or_its_intermediate_and_the_last_day_still_counts() {
    let root = Made::root("Root", 2020, 2030);
    let intermediate = root.issues("Intermediate", 2020, 2028);
    let told = |as_of| on_a_day(&[&root.pem], &[&intermediate.pem], as_of, Some(0));
    assert_eq!(told("2027-12-31"), []);
    // It ends on the first of January, in that day's first second.
    assert_eq!(codes(&told("2028-01-01")), ["ca-expires-soon"]);
    assert_eq!(codes(&told("2028-01-02")), ["ca-expired"]);
    assert_eq!(codes(&told("2030-01-02")), ["ca-expired", "ca-expired"]);
    assert_eq!(codes(&told("2019-12-31")), ["ca-expired", "ca-expired"], "not yet valid is not valid");
    assert!(told("2019-12-31")[0].1.contains("is not valid before 2020-01-01T00:00:00Z"));
}

#[test]
fn an_intermediate_that_is_given_as_root_leads_to_itself() {
    let root = Made::root("Root", 2020, 2040);
    let intermediate = root.issues("Intermediate", 2020, 2040);
    let alone = on_certificates(&[&intermediate.pem], &[&intermediate.pem]);
    assert_eq!(levels(&alone), [("ca-not-self-signed", Level::Warning)]);
    // Where the one at the top is there too, the way goes on to it.
    let (snapshot, _) = snapshot(&[&intermediate.pem, &root.pem], &[&intermediate.pem]);
    let chain = snapshot.chain().expect("an intermediate");
    assert_eq!(chain.roots.iter().map(|root| root.certificate.subject().to_owned()).collect::<Vec<_>>(), ["CN=Root"]);
}

#[test]
fn a_valid_root_that_issues_nothing_does_not_save_a_ca() {
    let (old, new) = (Made::root("Old", 2020, 2027), Made::root("New", 2026, 2040));
    let under_old = old.issues("Intermediate", 2020, 2040);
    assert_eq!(codes(&on_a_day(&[&old.pem, &new.pem], &[&under_old.pem], "2027-06-01", None)), ["ca-expired"]);
    let under_new = new.issues("Intermediate", 2026, 2040);
    assert_eq!(codes(&on_a_day(&[&old.pem, &new.pem], &[&under_new.pem], "2027-06-01", None)), ["ca-root-expired-beside-valid"]);
    // Without an intermediate nobody knows, and any valid root may be the one.
    assert_eq!(codes(&on_a_day(&[&old.pem, &new.pem], &[], "2027-06-01", None)), ["ca-root-expired-beside-valid"]);
}

#[test]
fn the_horizon_is_ninety_days_for_roots_and_thirty_for_intermediates_or_what_the_inventory_says() {
    let root = Made::root("Root", 2020, 2030);
    let intermediate = root.issues("Intermediate", 2020, 2030);
    let told = |as_of, horizon| codes(&on_a_day(&[&root.pem], &[&intermediate.pem], as_of, horizon)).len();
    assert_eq!((told("2029-10-02", None), told("2029-10-03", None)), (0, 1));
    assert_eq!((told("2029-12-01", None), told("2029-12-02", None)), (1, 2));
    assert_eq!((told("2029-12-21", Some(10)), told("2029-12-22", Some(10))), (0, 2));
}

#[test]
fn a_root_that_was_issued_anew_in_time_is_not_told_of() {
    let root = Made::root("Root", 2020, 2028);
    let again = root.again(2026, 2040);
    let intermediate = root.issues("Intermediate", 2020, 2040);
    assert_eq!(on_a_day(&[&root.pem, &again.pem], &[&intermediate.pem], "2027-12-15", None), []);
    assert_eq!(codes(&on_a_day(&[&root.pem], &[&intermediate.pem], "2027-12-15", None)), ["ca-expires-soon"]);
}

#[test]
fn a_chain_holds_by_signature_where_two_roots_bear_one_name() {
    let (one, other) = (Made::root("Root", 2020, 2040), Made::root("Root", 2021, 2040));
    let intermediate = other.issues("Intermediate", 2021, 2040);
    assert_eq!(on_certificates(&[&one.pem, &other.pem], &[&intermediate.pem]), []);
    let (snapshot, _) = snapshot(&[&one.pem, &other.pem], &[&intermediate.pem]);
    let chain = snapshot.chain().expect("an intermediate");
    assert_eq!(chain.roots.iter().map(|root| root.certificate.to_pem()).collect::<Vec<_>>(), [other.pem.replace("\r\n", "\n")]);
    assert!(chain.is_verified);
    // Another root of the name alone is none.
    let findings = on_certificates(&[&one.pem], &[&intermediate.pem]);
    assert_eq!(levels(&findings), [("ca-chain-broken", Level::Error)]);
    assert!(matches!(findings[0].place, Place::File { line: 1.., .. }));
}

#[test]
fn keys_that_clients_refuse_are_told_and_those_that_work_are_not() {
    for (root, intermediate, expected) in [
        (unusual!("root-p224"), unusual!("intermediate-of-p224"), ["ca-weak-key", "ca-chain-broken"].as_slice()),
        (unusual!("root-rsa-1024"), unusual!("intermediate-of-rsa-1024"), &["ca-weak-key", "ca-chain-broken"]),
        (unusual!("root-p521"), unusual!("intermediate-of-p521"), &["ca-chain-broken"]),
        (unusual!("root-rsa-2048"), unusual!("intermediate-sha1"), &["ca-weak-key"]),
        (unusual!("root-secp256k1"), "", &["ca-weak-key"]),
        (unusual!("root-rsa-2048"), "", &[]),
    ] {
        let intermediates: Vec<&str> = (!intermediate.is_empty()).then_some(intermediate).into_iter().collect();
        let findings = on_certificates(&[root], &intermediates);
        assert_eq!(findings.iter().map(|finding| finding.rule.code).collect::<Vec<_>>(), expected, "{findings:#?}");
        for finding in findings {
            let level = if finding.rule.code == "ca-weak-key" { Level::Warning } else { Level::Note };
            assert_eq!(finding.level, level, "a signature that cannot be checked is no broken one: {finding:?}");
        }
    }
    let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("key");
    let root = params("Ed25519", 2020, 2040).self_signed(&key).expect("signed").pem();
    assert_eq!(on_certificates(&[&root], &[]), []);
}

fn dropped(before: &Snapshot, now: &(Snapshot, Places), as_of: &str) -> Vec<(Level, String)> {
    let findings = dropped_roots(before, &now.0, &now.1, day(as_of));
    findings.into_iter().map(|finding| (finding.level, format!("{} / {}", finding.message, finding.help.unwrap_or_default()))).collect()
}

#[test]
fn a_root_may_go_on_its_day_and_not_before() {
    let (old, new) = (Made::root("Old", 2020, 2040), Made::root("New", 2026, 2040));
    let (under_old, under_new) = (old.issues("One", 2020, 2040), new.issues("Two", 2026, 2040));
    let start = snapshot(&[&old.pem, &new.pem], &[&under_old.pem]).0;
    let moved = snapshot_of(&[&old.pem, &new.pem], &[&under_new.pem], "kid-of-admin", Some(&start), "2027-03-01").0;
    let without_old = snapshot(&[&new.pem], &[&under_new.pem]);
    let early = dropped(&moved, &without_old, "2027-03-02");
    assert_eq!(early.len(), 1);
    assert!(
        early[0].0 == Level::Error && early[0].1.contains("valid until 2027-03-03") && early[0].1.contains("bring it back"),
        "{early:?}"
    );
    assert_eq!(dropped(&moved, &without_old, "2027-03-03"), []);
    // Both steps in one change: the root that issued until now is gone.
    let early = dropped(&start, &without_old, "2027-03-02");
    assert!(early.len() == 1 && early[0].1.contains("the CA has issued under it until this change"), "{early:?}");
    // A root that has only joined may go, and one that ended is needed by nobody.
    assert_eq!(dropped(&start, &snapshot(&[&old.pem], &[&under_old.pem]), "2027-03-02"), []);
    assert_eq!(dropped(&start, &without_old, "2041-01-01"), []);
    assert_eq!(dropped(&start, &snapshot(&[&old.pem, &new.pem], &[&under_new.pem]), "2027-03-02"), []);
}

#[test]
fn a_root_that_was_issued_anew_is_not_gone() {
    let root = Made::root("Root", 2020, 2030);
    let again = root.again(2026, 2040);
    let intermediate = root.issues("Intermediate", 2020, 2030);
    let before = snapshot(&[&root.pem], &[&intermediate.pem]).0;
    assert_eq!(dropped(&before, &snapshot(&[&again.pem], &[&intermediate.pem]), "2027-01-01"), []);
}

#[test]
fn a_ca_that_was_built_anew_is_told_as_a_break_of_trust() {
    let (old, new) = (Made::root("Root", 2020, 2040), Made::root("Root", 2026, 2040));
    let before = snapshot(&[&old.pem], &[&old.issues("I", 2020, 2040).pem]).0;
    let rebuilt = snapshot_of(&[&new.pem], &[&new.issues("I", 2026, 2040).pem], "another-kid", None, "2027-01-01");
    let told = dropped(&before, &rebuilt, "2027-01-01");
    assert!(told.len() == 1 && told[0].1.contains("breaks trust") && told[0].1.contains("root-dropped-too-early"), "{told:?}");
}

#[test]
fn where_the_issuing_root_is_not_known_that_is_said_and_no_more() {
    let (one, other) = (Made::root("One", 2020, 2040), Made::root("Other", 2020, 2040));
    let before = snapshot(&[&one.pem, &other.pem], &[]).0;
    let told = dropped(&before, &snapshot(&[&one.pem], &[]), "2027-01-01");
    assert!(told.len() == 1 && told[0].0 == Level::Note && told[0].1.contains("not checked"), "{told:?}");
}
