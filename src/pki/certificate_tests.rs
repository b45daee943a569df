use rcgen::{BasicConstraints, CertificateParams, DnType, DnValue, IsCa, Issuer, KeyPair};

use super::*;

fn key(algorithm: &'static rcgen::SignatureAlgorithm) -> KeyPair {
    KeyPair::generate_for(algorithm).expect("key")
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).expect("params");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Lab");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn parse(der: &[u8]) -> Certificate {
    Certificate::from_der(der).expect("certificate")
}

#[test]
fn facts_are_read_for_every_kind_of_key_that_can_be_made() {
    for (algorithm, words) in [
        (&rcgen::PKCS_ECDSA_P256_SHA256, "ECDSA P-256"),
        (&rcgen::PKCS_ECDSA_P384_SHA384, "ECDSA P-384"),
        (&rcgen::PKCS_ED25519, "Ed25519"),
    ] {
        let root = parse(authority("Root").self_signed(&key(algorithm)).expect("signed").der());
        assert_eq!(root.key().to_string(), words);
        assert_eq!(root.subject(), "O=Lab, CN=Root");
        assert!(root.is_authority() && root.is_self_issued());
        assert_eq!(root.issued_by(&root), Verification::Verified, "{words}");
    }
}

#[test]
fn years_up_to_9999_are_written_as_rfc_3339() {
    let mut params = authority("Root");
    params.not_before = rcgen::date_time_ymd(1975, 1, 1);
    params.not_after = rcgen::date_time_ymd(9999, 12, 31);
    let root = parse(params.self_signed(&key(&rcgen::PKCS_ECDSA_P256_SHA256)).expect("signed").der());
    assert_eq!(root.not_before().to_string(), "1975-01-01T00:00:00Z");
    assert_eq!(root.not_after().to_string(), "9999-12-31T00:00:00Z");
    // The moment that RFC 5280 gives to certificates without an end: 253402300799 seconds after the epoch.
    let end = Moment::of(&ASN1Time::from_timestamp(253_402_300_799).expect("time")).expect("moment");
    assert_eq!(end.to_string(), "9999-12-31T23:59:59Z");
}

#[test]
fn a_chain_needs_name_and_signature() {
    let algorithm = &rcgen::PKCS_ECDSA_P256_SHA256;
    let root_key = key(algorithm);
    let root = parse(authority("Root").self_signed(&root_key).expect("signed").der());
    let intermediate = authority("Intermediate").signed_by(&key(algorithm), &Issuer::new(authority("Root"), root_key)).expect("signed");
    let intermediate = parse(intermediate.der());
    assert_eq!(intermediate.issued_by(&root), Verification::Verified);
    assert!(intermediate.names_issuer(&root) && !intermediate.is_self_issued());
    let namesake = parse(authority("Root").self_signed(&key(algorithm)).expect("signed").der());
    assert_eq!(intermediate.issued_by(&namesake), Verification::Failed);
    let other = parse(authority("Other").self_signed(&key(algorithm)).expect("signed").der());
    assert_eq!(intermediate.issued_by(&other), Verification::Failed);
    assert!(!intermediate.names_issuer(&other));
}

#[test]
fn a_leaf_and_a_root_of_version_1_are_no_authorities() {
    let leaf = CertificateParams::new(vec!["a.example".to_owned()]).expect("params");
    let leaf = parse(leaf.self_signed(&key(&rcgen::PKCS_ED25519)).expect("signed").der());
    assert!(!leaf.is_authority() && leaf.is_self_issued());
    let root = parse(&pem_rfc7468::decode_vec(RSA_1024_VERSION_1.as_bytes()).expect("pem").1);
    assert!(root.is_self_issued() && !root.is_authority());
    assert_eq!(root.key().to_string(), "RSA 1024");
    assert_eq!(root.issued_by(&root), Verification::NotSupported, "short RSA keys are not forgeries");
}

#[test]
fn a_key_that_the_library_cannot_check_is_neither_verified_nor_forged() {
    let root = parse(&pem_rfc7468::decode_vec(P521.as_bytes()).expect("pem").1);
    assert_eq!(root.key().to_string(), "ECDSA P-521");
    assert!(root.is_authority());
    assert_eq!(root.issued_by(&root), Verification::NotSupported);
    let root = parse(&pem_rfc7468::decode_vec(RSA_2048.as_bytes()).expect("pem").1);
    assert_eq!((root.key().to_string().as_str(), root.issued_by(&root)), ("RSA 2048", Verification::Verified));
}

#[test]
fn the_canonical_pem_has_64_columns_and_one_line_break_at_the_end() {
    let root = parse(&pem_rfc7468::decode_vec(P521.as_bytes()).expect("pem").1);
    assert_eq!(root.to_pem(), P521);
}

#[test]
fn a_name_cannot_pretend_to_have_other_attributes() {
    let mut params = authority("x");
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, DnValue::Utf8String("Lab, CN=Lab Root CA".to_owned()));
    let root = parse(params.self_signed(&key(&rcgen::PKCS_ED25519)).expect("signed").der());
    assert_eq!(root.subject(), "O=Lab\\, CN=Lab Root CA");
}

#[test]
fn bytes_that_are_no_certificate_are_refused() {
    assert!(Certificate::from_der(b"these are just some fake bytes").is_err());
    let mut der = pem_rfc7468::decode_vec(P521.as_bytes()).expect("pem").1;
    der.push(0);
    assert!(Certificate::from_der(&der).is_err());
}

/// Made for this test; its key is thrown away.
const P521: &str = "\
-----BEGIN CERTIFICATE-----
MIICCDCCAWqgAwIBAgIUcblAzBgorpszLE9cFJprc4/OqugwCgYIKoZIzj0EAwQw
FTETMBEGA1UEAwwKUC01MjEgUm9vdDAgFw0yNjExMjMyMDM1MDVaGA8yMTI2MTAz
MDIwMzUwNVowFTETMBEGA1UEAwwKUC01MjEgUm9vdDCBmzAQBgcqhkjOPQIBBgUr
gQQAIwOBhgAEAVolEYxuCXGTfOBe7cd2iRWbcvntKDp/vCJRn3Q/mmTg9YPHpLPB
RzokPFRIwVAlryS43w8I7AKtwYyvZ3seQtkoAXhOz/kq8HB9RYLEfbPP0ts3ZjKS
npWohHeV81COHxb4mWJyjsJZTrM7xWV9nnyBXG/S8VOGMgK8j7asD/C18FiXo1Mw
UTAdBgNVHQ4EFgQU9idic9zccX0KD7S3N4xugB2k6GswHwYDVR0jBBgwFoAU9idi
c9zccX0KD7S3N4xugB2k6GswDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDBAOB
iwAwgYcCQgEK5E/XSb5YjGzvNVcUR6HLt1oXXqEwbk/LGPOqT25AuFRLOOemC/fK
bvr10oelnp6rwwqSkRorI+uy5zo9iokx8gJBLrkWK/5j7Yg3XXHnI0SA9yqSlrRe
6BVe/tjOLnfEzgKAsmebnZzASnMUYZb7s2xmlWWcdV5KsRP5TywYWhFYe8U=
-----END CERTIFICATE-----
";

/// Made for this test; its key is thrown away.
const RSA_2048: &str = "\
-----BEGIN CERTIFICATE-----
MIIDCTCCAfGgAwIBAgIUMF/pCo89xYO72dtBYHgTp+QBSbYwDQYJKoZIhvcNAQEL
BQAwEzERMA8GA1UEAwwIUlNBIFJvb3QwIBcNMjYxMTIzMjAzNTA1WhgPMjEyNjEw
MzAyMDM1MDVaMBMxETAPBgNVBAMMCFJTQSBSb290MIIBIjANBgkqhkiG9w0BAQEF
AAOCAQ8AMIIBCgKCAQEAtcDgsywnlSbLZ2i6GqOt3PC1FE2i9kLLDNR+KEHUtz5L
MizlODeWBsEHlx4Rw0zAzhWsMZ2hFxZVSPI9fn1gWpNx46CHR9TqIqVgT9PAdn/h
pkieDmaJ1qFVgix6Qvsq+qVGadTeVhcKub4Gny56RjGSb5lFtMpFvVNakUIpOTFw
ZQcPzpgyJDOLi+Je+9ewvjjoA7a5MfgvX2zNN29BCpzBVqImHrWlZtWnYfcVKEiD
UbTPSXhpmPQKGcGCBNoek06wZSG6Is+CYv/IkiXc4hR8kJAbC/g4YTCP69iaZrq+
9Swvmpyl3yUATGkXDw+7r1tpgFxKGyo9Q6x51rFy5QIDAQABo1MwUTAdBgNVHQ4E
FgQUOPLF73OuEQxoE4UxcpocvvvLa8swHwYDVR0jBBgwFoAUOPLF73OuEQxoE4Ux
cpocvvvLa8swDwYDVR0TAQH/BAUwAwEB/zANBgkqhkiG9w0BAQsFAAOCAQEAZdgg
orWacCTnmBtGQ1SWUoNbSlz+H3h/GTp6s00njQbG24tL/L7WTkQ5D20j0YAA4DbM
RTjtHiGo8Ikwo2EQUMrPGQGcwqaWcRwv/MPtXbTuMxSML/BXxXYniPuqf8KVXMPI
QLDZQa/h3fFexXXDyIe0Grct4ScsYT3aSKdesqClwedhFYInyqr/EGQ3hzFoanSx
VSuyXiXXVOpzt8RA2Ut/bXK/yaL3MRqrA7R0nPhpV1gUEWf3PlTBisrJ5hPV0f91
cb2RPH0nQd/oXGnLgnCZvpPIB2gdBpGlapWdP8BH8kwkstrkzNYeCsEHtPQrVwBB
scVYXiCmCfM0v2w6lA==
-----END CERTIFICATE-----
";

/// Made for this test; its key is thrown away.
const RSA_1024_VERSION_1: &str = "\
-----BEGIN CERTIFICATE-----
MIIBtjCCAR8CFBrQomhVDFibQ/vyxkDKOTZFj0M8MA0GCSqGSIb3DQEBCwUAMBkx
FzAVBgNVBAMMDlZlcnNpb24gMSBSb290MCAXDTI2MTEyMzIwMzUwNVoYDzIxMjYx
MDMwMjAzNTA1WjAZMRcwFQYDVQQDDA5WZXJzaW9uIDEgUm9vdDCBnzANBgkqhkiG
9w0BAQEFAAOBjQAwgYkCgYEAp4zVpel2qZj38j8/xaP9YIwN8+UiN022XTZJhFNu
bLCS3AvtoSeBhcGkJtBGGk5XVP7cUUHvdJ4UndI0LW+Mp5UkIVJTBBuVUf1urnXv
A5nkOwLdMZwb2RC3SgxlmAeyML5IMlyZvviQJYDNbu4SgKDYr2H+Glh/DyVhAOUK
+l0CAwEAATANBgkqhkiG9w0BAQsFAAOBgQCSgJS75IXkcA7VbJcfJwx6F9i7k7iN
xA7EETamhIF36Hlv6DLdqdCg3H3iDiWVTrNTZihTQWktC06xXfGlAKOP3I1ySzty
9GlAQ5svZfjsLu5UF1dYcYKw/F1CR7/VKgWDL3L87FoBjgHbgus1N/FGLMIES37o
BwYc8ei7JJ/Ung==
-----END CERTIFICATE-----
";
