use serde_json::json;

use super::*;

fn read(value: &Value) -> Result<Configuration, Vec<Finding>> {
    Configuration::read(value, &Place::whole("ca.json"))
}

fn refused(value: &Value) -> Vec<(&'static str, String)> {
    match read(value) {
        Ok(_) => panic!("read"),
        Err(findings) => findings.into_iter().map(|finding| (finding.rule.code, finding.message)).collect(),
    }
}

fn with(provisioners: Value) -> Value {
    json!({"root": "/r.crt", "dnsNames": ["b", "a"], "authority": {"provisioners": provisioners}})
}

fn jwk(name: &str) -> Value {
    json!({"type": "jwk", "name": name, "encryptedKey": "a.b.c.d.e",
        "key": {"kty": "EC", "crv": "P-256", "x": "eA", "y": "eQ", "kid": "k1"}})
}

#[test]
fn defaults_are_those_of_step_ca() {
    let read = read(&with(json!([{"type": "acme", "name": "acme"}]))).unwrap_or_else(|_| panic!("readable"));
    let authority = read.authority;
    assert_eq!(authority.backdate.known().map(ToString::to_string).as_deref(), Some("1m0s"));
    assert_eq!(authority.dns_names.known().map(|names| names.join(",")).as_deref(), Some("a,b"));
    let claims = authority.claims.known().cloned().unwrap_or_default();
    let shown = [claims.min_tls, claims.max_tls, claims.default_tls].map(|claim| claim.map(|claim| claim.to_string()).unwrap_or_default());
    assert_eq!(shown, ["5m0s", "24h0m0s", "24h0m0s"]);
    assert_eq!(read.provisioners.known().and_then(|all| all.get("acme")).map(|one| one.kind.as_str()), Some("ACME"));
}

#[test]
fn field_names_and_types_are_read_in_any_case_and_unknown_ones_are_passed_over() {
    let mut value = with(json!([jwk("a"), {"type": "k8ssa", "name": "b"}, {"type": "Future"}, {"type": "Future", "name": "c"}]));
    value["federateRoots"] = json!([]);
    value["_logger"] = json!({});
    value["authority"]["EnableAdmin"] = json!(false);
    let read = read(&value).unwrap_or_else(|_| panic!("readable"));
    let kinds: Vec<&str> = read.provisioners.known().into_iter().flatten().map(|(_, one)| one.kind.as_str()).collect();
    assert_eq!(kinds, ["JWK", "K8sSA", "Future"]);
}

#[test]
fn an_encrypted_key_is_usable_only_with_five_parts() {
    for (text, usable) in [
        ("a.b.c.d.e", true),
        ("a.b.c.d", false),
        ("a.b.c.d.e.f", false),
        ("YS5iLmMuZC5l", false),
        ("", false),
        ("a.b.c..e", false),
        ("a.b.c.d=.e", false),
        (" a.b\n.c.d.e", true),
    ] {
        let mut provisioner = jwk("a");
        provisioner["encryptedKey"] = text.into();
        let read = read(&with(json!([provisioner]))).unwrap_or_else(|_| panic!("readable"));
        let encrypted = read.provisioners.known().and_then(|all| all.get("a")?.encrypted_key);
        assert_eq!(encrypted, Some(Fact::Known(usable)), "{text:?}");
    }
}

#[test]
fn templates_and_webhooks_are_noted_without_their_text() {
    let mut provisioner = jwk("a");
    provisioner["options"] = json!({"x509": {"template": "{\"SECRET\": 1}", "templateData": {}}, "webhooks": [{"secret": "SECRET"}]});
    let mut plain = jwk("b");
    plain["options"] = json!({"x509": {"templateData": {"a": 1}}, "ssh": {"template": "x"}});
    let read = read(&with(json!([provisioner, plain]))).unwrap_or_else(|_| panic!("readable"));
    let flags: Vec<(bool, bool)> = read.provisioners.known().into_iter().flatten().map(|(_, one)| (one.template, one.webhooks)).collect();
    assert_eq!(flags, [(true, true), (false, false)]);
    assert!(!format!("{:?}", read.provisioners).contains("SECRET"));
}

#[test]
fn private_keys_among_public_ones_are_refused_without_their_values() {
    let mut provisioner = jwk("a");
    provisioner["key"]["d"] = "SECRET".into();
    let found = refused(&with(json!([provisioner])));
    assert_eq!(found[0].0, "snapshot-private-key");
    assert!(found[0].1.contains("`d`") && !found[0].1.contains("SECRET"));
}

#[test]
fn two_provisioners_of_one_name_are_refused_whatever_their_types() {
    let found = refused(&with(json!([jwk("a"), {"type": "ACME", "name": "a"}])));
    assert_eq!(found.iter().map(|(code, _)| *code).collect::<Vec<_>>(), ["provisioner-ambiguous"]);
}

#[test]
fn everything_that_is_wrong_is_named_at_once() {
    let mut value = with(json!([jwk("a"), {"name": "b"}, 1]));
    value["authority"]["backdate"] = "1d".into();
    value["authority"]["claims"] = json!({"maxTLSCertDuration": 24});
    value["dnsNames"] = json!([1]);
    let found = refused(&value);
    for part in ["`24h`", "maxTLSCertDuration", "dnsNames", "provisioners[1]", "provisioners[2]"] {
        assert!(found.iter().any(|(_, message)| message.contains(part)), "{part}: {found:?}");
    }
}

#[test]
fn provisioners_live_elsewhere_with_remote_management_linked_and_registration_authorities() {
    for (field, set) in [("enableAdmin", json!(true)), ("deploymentType", json!("linked")), ("type", json!("StepCAS"))] {
        let mut value = with(json!([jwk("a")]));
        value["authority"][field] = set;
        let read = read(&value).unwrap_or_else(|_| panic!("readable"));
        assert!(read.provisioners.is_unknown() && read.elsewhere.is_some(), "{field}");
    }
    let mut local = with(json!([jwk("a")]));
    local["authority"]["type"] = "softcas".into();
    local["authority"]["deploymentType"] = "".into();
    assert!(read(&local).is_ok_and(|read| !read.provisioners.is_unknown()));
}

#[test]
fn a_policy_exists_only_where_a_name_is_given() {
    let mut value = with(json!([]));
    value["authority"]["policy"] = json!({"x509": {"allowWildcardNames": true, "allow": {"dns": []}}});
    assert!(read(&value).is_ok_and(|read| read.authority.policy == Fact::Known(None)));
    value["authority"]["policy"]["x509"]["deny"] = json!({"dns": ["*.evil"]});
    let policy = read(&value).ok().and_then(|read| read.authority.policy.known().cloned().flatten()).unwrap_or_default();
    assert!(policy.x509.allow_wildcard_names);
    assert_eq!(policy.x509.deny.dns, ["*.evil"]);
}

#[test]
fn provisioners_that_are_missing_are_said_to_be() {
    let found = refused(&json!({"root": "x", "authority": {}}));
    assert_eq!(found[0].0, "snapshot-incomplete");
    assert!(found[0].1.contains("authority.provisioners"));
}
