use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

use super::*;

fn made_up() -> (String, KeyPair) {
    let mut params = CertificateParams::new(Vec::new()).expect("params");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("key");
    (params.self_signed(&key).expect("signed").pem(), key)
}

#[test]
fn text_between_sections_line_endings_and_other_sections_do_not_matter() {
    let (first, _) = made_up();
    let (second, _) = made_up();
    let public = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    let text = format!("\u{feff}subject: CN=Lab\n{}\n{public}issuer: x\n{}", first.replace('\n', "\r\n"), second.trim_end());
    assert_eq!(certificates(text.as_bytes()).expect("two").len(), 2);
    let one_line: Vec<&str> = first.lines().collect();
    let body = one_line[1..one_line.len() - 1].concat();
    let unwrapped = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----");
    assert_eq!(certificates(unwrapped.as_bytes()), certificates(first.as_bytes()));
}

#[test]
fn der_is_read_as_step_ca_reads_it() {
    let (pem, _) = made_up();
    let certificate = certificates(pem.as_bytes()).expect("one").remove(0);
    assert_eq!(certificates(certificate.der()).expect("one"), [certificate]);
}

#[test]
fn every_kind_of_private_key_is_refused_and_never_repeated() {
    let (pem, key) = made_up();
    let pkcs8 = key.serialize_pem();
    let label = |label: &str| pkcs8.replace("PRIVATE KEY", label);
    let secret = pkcs8.lines().nth(1).expect("body").to_owned();
    for text in [
        pkcs8.clone(),
        format!("{pem}{pkcs8}"),
        format!("{pkcs8}{pem}"),
        format!("{pem}{}", pkcs8.replace('\n', "\r\n")),
        format!("{pem}{}", &pkcs8[..60]),
        format!("{pem}\n  {}", pkcs8.replace('\n', "\n  ")),
        label("EC PRIVATE KEY"),
        label("RSA PRIVATE KEY"),
        label("DSA PRIVATE KEY"),
        label("ENCRYPTED PRIVATE KEY"),
        label("OPENSSH PRIVATE KEY"),
        STANDARD.encode(&pkcs8),
        format!("{pem}{}", STANDARD.encode(&pkcs8)),
        label("CERTIFICATE"),
    ] {
        let error = certificates(text.as_bytes()).expect_err("refused");
        assert!(matches!(error, PemError::PrivateKey { .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains(&secret[..12]));
    }
    assert!(matches!(certificates(&key.serialize_der()), Err(PemError::PrivateKey { section: 0, .. })));
}

#[test]
fn the_section_that_is_wrong_is_named() {
    let (pem, _) = made_up();
    let message = |text: &str| certificates(text.as_bytes()).expect_err("refused").to_string();
    let fake = "-----BEGIN CERTIFICATE-----\nZmFrZSBieXRlcw==\n-----END CERTIFICATE-----\n";
    assert_eq!(
        message(&format!("{pem}{fake}")).split(':').next(),
        Some(&*format!("section 2 (line {}) cannot be used", pem.lines().count() + 1))
    );
    assert!(message(&pem[..pem.len() / 2]).contains("section 1 (line 1) has no end"));
    assert!(message("-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n").contains("no base64"));
    assert!(message(&pem.replace("-----\nMII", "-----\nProc-Type: 4,ENCRYPTED\n\nMII")).contains("headers"));
    assert_eq!(message(""), "it holds no certificate");
    assert_eq!(message(&STANDARD.encode(&pem)), "it is PEM in base64 once too often");
}

#[test]
fn words_about_private_keys_are_no_private_keys() {
    assert_eq!(private_key_in("# the PRIVATE KEY stays where it is"), None);
    assert_eq!(private_key_in("BEGIN with a PRIVATE KEY"), None);
    assert_eq!(private_key_in("a: \"-----BEGIN EC PRIVATE KEY-----\\nMHc\""), Some("EC PRIVATE KEY".to_owned()));
}

#[test]
fn a_label_without_a_body_is_no_key_where_texts_speak_of_keys() {
    let pem = rcgen::KeyPair::generate().expect("a key").serialize_pem();
    let in_json = pem.replace('\n', "\\n");
    let in_one_line = pem.replace('\n', "");
    let indented = pem.replace('\n', "\n      ");
    let encrypted = pem.replacen("KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00FF\n\n", 1);
    let encoded = STANDARD.encode(&pem);
    let twice = STANDARD.encode(&encoded);
    for text in [pem, in_json, in_one_line, indented, encrypted, encoded, twice] {
        assert_eq!(private_key_with_body_in(&text).as_deref(), Some("PRIVATE KEY"), "{text}");
    }
    for text in [
        "-----BEGIN (RSA|EC) PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----[A-Za-z0-9+/=\\s]+-----END PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\n{{ .k }}\n-----END PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\n{{ .privateKeyOfServer1 }}",
        "grep -q '-----BEGIN EC PRIVATE KEY-----' /etc/ssl/private/step1/key && echo found",
        "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t",
    ] {
        assert_eq!(private_key_with_body_in(text), None, "{text}");
        assert!(private_key_in(text).is_some(), "{text}");
    }
}

#[test]
fn an_identity_of_age_is_a_key() {
    let identity = format!("AGE-SECRET-KEY-1{}", "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L".repeat(2)).chars().take(74).collect::<String>();
    for text in [identity.clone(), format!("# created: today\n{identity}\n")] {
        assert_eq!(private_key_with_body_in(&text).as_deref(), Some("AGE SECRET KEY"));
    }
    assert_eq!(private_key_with_body_in("a line with AGE-SECRET-KEY-1... is one"), None);
}
