//! Made-up CAs and the shapes in which they are exported.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SignatureAlgorithm};
use serde_json::{Value, json};
use trustree::finding::Finding;
use trustree::pki::Fingerprint;
use trustree::snapshot::{ImportRequest, Imported, Input, Snapshot, import, load};

/// A CA with a root and an intermediate.
pub(crate) struct Lab {
    pub(crate) root: String,
    pub(crate) root_key: KeyPair,
    pub(crate) name: String,
    pub(crate) intermediate: String,
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).expect("params");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.use_authority_key_identifier_extension = true;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Lab");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Lab {
    pub(crate) fn new(name: &str) -> Lab {
        Lab::with_key(name, &rcgen::PKCS_ECDSA_P256_SHA256)
    }

    pub(crate) fn with_key(name: &str, algorithm: &'static SignatureAlgorithm) -> Lab {
        let root_key = KeyPair::generate_for(algorithm).expect("key");
        let root = params(name).self_signed(&root_key).expect("signed").pem();
        let mut lab = Lab { root, root_key, name: name.to_owned(), intermediate: String::new() };
        lab.intermediate = lab.new_intermediate("Intermediate");
        lab
    }

    pub(crate) fn new_intermediate(&self, name: &str) -> String {
        let key = KeyPair::generate().expect("key");
        let root_key = KeyPair::from_pem(&self.root_key.serialize_pem()).expect("key");
        params(name).signed_by(&key, &Issuer::new(params(&self.name), root_key)).expect("signed").pem()
    }

    pub(crate) fn reissued_root(&self) -> String {
        let mut again = params(&self.name);
        again.serial_number = Some(rcgen::SerialNumber::from(77_u64));
        again.self_signed(&self.root_key).expect("signed").pem()
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        fingerprint_of(&self.root)
    }

    /// A ConfigMap `List` as kubectl prints it.
    pub(crate) fn list(&self, ca_json: &Value) -> Value {
        self.objects("step-certificates", "smallstep", ca_json, "List")
    }

    pub(crate) fn objects(&self, prefix: &str, namespace: &str, ca_json: &Value, kind: &str) -> Value {
        json!({"apiVersion": "v1", "kind": kind, "metadata": {"resourceVersion": ""}, "items": self.items(prefix, namespace, ca_json)})
    }

    pub(crate) fn items(&self, prefix: &str, namespace: &str, ca_json: &Value) -> Vec<Value> {
        let defaults =
            json!({"ca-url": "https://ca", "fingerprint": self.fingerprint().to_string(), "root": "/home/step/certs/root_ca.crt"});
        let object = |name: &str, data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("{prefix}-{name}"), "namespace": namespace}, "data": data});
        vec![
            object("config", json!({"ca.json": format!("{ca_json:#}"), "defaults.json": defaults.to_string()})),
            object("certs", json!({"root_ca.crt": self.root, "intermediate_ca.crt": self.intermediate})),
        ]
    }

    /// The files of `$(step path)`.
    pub(crate) fn folder(&self, base: &str, ca_json: &Value) -> Vec<Input> {
        vec![
            input(&format!("{base}config/ca.json"), format!("{ca_json:#}").replace("  ", "\t")),
            input(&format!("{base}certs/root_ca.crt"), &*self.root),
            input(&format!("{base}certs/intermediate_ca.crt"), &*self.intermediate),
        ]
    }
}

pub(crate) fn fingerprint_of(pem: &str) -> Fingerprint {
    trustree::pki::certificates(pem.as_bytes()).expect("pem")[0].fingerprint()
}

pub(crate) fn jwk(name: &str, kid: &str) -> Value {
    json!({"type": "JWK", "name": name, "encryptedKey": "SECRETa.b.c.d.e",
        "key": {"use": "sig", "kty": "EC", "kid": kid, "crv": "P-256", "alg": "ES256", "x": "eA", "y": "eQ"}})
}

pub(crate) fn ca_json() -> Value {
    json!({
        "root": "/home/step/certs/root_ca.crt", "federatedRoots": null, "crt": "/home/step/certs/intermediate_ca.crt",
        "key": "/home/step/secrets/intermediate_ca_key", "address": ":9000",
        "dnsNames": ["step-certificates.smallstep.svc.cluster.local", "127.0.0.1"],
        "authority": {"provisioners": [jwk("admin", "kid-of-admin"), {"type": "ACME", "name": "acme"}]}
    })
}

pub(crate) fn input(name: &str, bytes: impl Into<Vec<u8>>) -> Input {
    Input { name: name.to_owned(), bytes: bytes.into() }
}

pub(crate) fn request() -> ImportRequest {
    ImportRequest { release: None, replace: false, drop_roots: Vec::new(), as_of: "2026-11-23".parse().expect("day") }
}

pub(crate) fn imported(inputs: Vec<Input>) -> Imported {
    import(inputs, &request(), None).unwrap_or_else(|findings| panic!("{findings:#?}"))
}

pub(crate) fn one(value: &Value) -> Imported {
    imported(vec![input("-", value.to_string())])
}

pub(crate) fn refused(inputs: Vec<Input>) -> Vec<Finding> {
    match import(inputs, &request(), None) {
        Ok(imported) => panic!("imported {}", imported.to_yaml()),
        Err(findings) => findings,
    }
}

/// The one finding of a refused import: code, message and help.
pub(crate) fn refusal(inputs: Vec<Input>) -> (&'static str, String) {
    let findings = refused(inputs);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let finding = &findings[0];
    (finding.rule.code, format!("{}\n{}", finding.message, finding.help.as_deref().expect("help")))
}

pub(crate) fn reloaded(imported: &Imported) -> Snapshot {
    load(imported.to_yaml().as_bytes(), "ca-snapshot.yaml".into())
        .unwrap_or_else(|findings| panic!("{findings:#?}\n{}", imported.to_yaml()))
}

pub(crate) fn codes(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(|finding| finding.rule.code).collect()
}
