//! Certificates that are broken, unusual or far too many: refused or taken with a clear word, in bounded time.

use std::time::{Duration, Instant};

use trustree::snapshot::load;

use super::support::{Lab, ca_json, codes, imported, input, refusal};

macro_rules! unusual {
    ($name:literal) => {
        include_str!(concat!("../data/unusual/", $name, ".crt"))
    };
}

/// A snapshot whose root is exchanged for something else.
fn with_root(pem: &str) -> String {
    let lab = Lab::new("Root");
    let text = imported(lab.folder("", &ca_json())).to_yaml();
    let indented = |pem: &str| pem.lines().map(|line| format!("      {line}\n")).collect::<String>();
    text.replacen(&indented(&lab.root.replace("\r\n", "\n")), &indented(pem), 1)
}

#[test]
fn certificates_that_go_does_not_read_are_refused_with_the_reason() {
    for (pem, reason) in [
        (unusual!("root-negative-serial"), "its serial number is negative"),
        (unusual!("root-broken-extension"), "an extension that says what the certificate is for cannot be read"),
    ] {
        let mut lab = Lab::new("Root");
        lab.root = pem.to_owned();
        let (code, text) = refusal(lab.folder("", &ca_json()));
        assert_eq!(code, "wrong-type", "{text}");
        assert!(text.contains(reason), "{text}");
        let findings = load(with_root(pem).as_bytes(), "ca.yaml".into()).expect_err("refused");
        assert_eq!(findings[0].rule.code, "snapshot-altered", "{findings:?}");
        assert!(findings[0].message.contains(reason), "{findings:?}");
    }
}

#[test]
fn a_broken_certificate_is_named_with_its_line() {
    let cut: String = unusual!("root-rsa-2048").lines().filter(|line| !line.starts_with("MII")).map(|line| format!("{line}\n")).collect();
    let findings = load(with_root(&cut).as_bytes(), "ca.yaml".into()).expect_err("refused");
    let shown: Vec<_> = findings.iter().map(|finding| (finding.rule.code, format!("{:?}", finding.place))).collect();
    assert_eq!(shown.len(), 1, "{findings:#?}");
    assert!(shown[0].0 == "snapshot-altered" && shown[0].1.contains("line: 11,"), "{shown:?}");
}

#[test]
fn keys_of_every_kind_are_recorded_and_read_again() {
    for (pem, key) in [
        (unusual!("root-p224"), "ECDSA P-224"),
        (unusual!("root-p521"), "ECDSA P-521"),
        (unusual!("root-rsa-1024"), "RSA 1024"),
        (unusual!("root-secp256k1"), "ECDSA secp256k1"),
    ] {
        let inputs = vec![input("ca.json", ca_json().to_string()), input("root_ca.crt", pem)];
        let text = imported(inputs).to_yaml();
        assert!(text.contains(&format!("\n    key: {key}\n")), "{text}");
        load(text.as_bytes(), "ca.yaml".into()).unwrap_or_else(|findings| panic!("{findings:#?}"));
    }
}

#[test]
fn a_bundle_of_megabytes_is_refused_at_once() {
    let lab = Lab::new("Root");
    let many: String = (0..7000).map(|_| lab.root.as_str()).collect();
    assert!(many.len() > 4 << 20);
    let start = Instant::now();
    // The same root again and again is one root.
    let mut inputs = lab.folder("", &ca_json());
    inputs[1] = input("certs/root_ca.crt", &*many);
    assert_eq!(imported(inputs).snapshot.roots().len(), 1);
    // Different ones are no CA's.
    let different: String = (0..40).map(|number| Lab::new(&format!("Root {number}")).root).collect();
    let mut inputs = lab.folder("", &ca_json());
    inputs[1] = input("certs/root_ca.crt", format!("{}{different}", lab.root));
    let (code, text) = refusal(inputs);
    assert!(code == "wrong-type" && text.contains("holds 41 roots"), "{text}");
    // The same in a snapshot that somebody made.
    let text = imported(lab.folder("", &ca_json())).to_yaml();
    let (head, rest) = text.split_once("roots:\n").expect("roots");
    let (entry, rest) = rest.split_once("intermediates:\n").expect("intermediates");
    let text = format!("{head}roots:\n{}intermediates:\n{rest}", entry.repeat(8000));
    assert!(text.len() > 5 << 20);
    let findings = load(text.as_bytes(), "ca.yaml".into()).expect_err("refused");
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(findings[0].message, "`roots` holds 8000 certificates, and more than 32 are not read");
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

#[test]
fn chains_that_were_made_to_be_searched_for_long_are_searched_in_no_time() {
    // Intermediates of one name and key, each the issuer of each, and none of them leads to the root.
    let (lab, circle) = (Lab::new("Root"), Lab::new("Circle"));
    let many: String = (0..30).map(|_| circle.reissued_root()).collect();
    let mut inputs = lab.folder("", &ca_json());
    inputs[2] = input("certs/intermediate_ca.crt", format!("{}{many}", circle.intermediate));
    let start = Instant::now();
    let imported = imported(inputs);
    assert_eq!(imported.snapshot.intermediates().len(), 31);
    assert_eq!(codes(&imported.notes), ["ca-chain-broken"; 31]);
    assert!(imported.snapshot.chain().is_some_and(|chain| chain.roots.is_empty()));
    load(imported.to_yaml().as_bytes(), "ca.yaml".into()).unwrap_or_else(|findings| panic!("{findings:#?}"));
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}
