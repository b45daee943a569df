//! One thing broken, rule by rule.

use serde_json::{Value, json};
use trustree::finding::{Level, Rule};

use super::repository::{Good, findings_of, jwk};

/// A way to break an inventory.
struct Mutation {
    /// The rule that must fire.
    rule: &'static str,
    /// Rules that follow from the same thing, and may fire.
    follows: &'static [&'static str],
    /// Breaks it; whether it could.
    apply: fn(&mut Good) -> bool,
}

/// Breaks every inventory in every way that fits it, and looks at what is found.
pub(crate) fn run(goods: &[Good]) {
    let mut broken = Vec::new();
    for (number, mutation) in MUTATIONS.iter().enumerate() {
        assert!(Rule::by_code(mutation.rule).is_some(), "there is no rule {}", mutation.rule);
        let before = broken.len();
        for good in goods {
            let mut good = good.clone();
            if (mutation.apply)(&mut good) {
                good.rename(&format!("m{number}-{}", good.name));
                broken.push((mutation, good));
            }
        }
        assert!(broken.len() > before, "{} fits no inventory", mutation.rule);
    }
    let (mutations, goods): (Vec<&Mutation>, Vec<Good>) = broken.into_iter().unzip();
    let mut problems = Vec::new();
    for ((mutation, good), findings) in mutations.iter().zip(&goods).zip(findings_of(&goods)) {
        if !findings.iter().any(|finding| finding.rule.code == mutation.rule) {
            problems.push(format!("{} in {}: does not fire", mutation.rule, good.name));
        }
        for finding in findings.iter().filter(|finding| finding.level > Level::Note) {
            let code = finding.rule.code;
            if code != mutation.rule && !mutation.follows.contains(&code) {
                problems.push(format!("{} in {}: `{code}` fires too: {}", mutation.rule, good.name, finding.message));
            }
        }
    }
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n"));
}

/// Sets a field of the certificate `web`, where the inventory has it.
fn web(good: &mut Good, field: &str, value: Value) -> bool {
    let Some(web) = good.inventory.pointer_mut("/certificates/web") else { return false };
    web[field] = value;
    true
}

/// Adds a DNS name to the certificate `web`, where no policy of the CA has a word in it.
fn name(good: &mut Good, name: &str) -> bool {
    if has_policy(good) {
        return false;
    }
    let Some(names) = good.inventory.pointer_mut("/certificates/web/dnsNames").and_then(Value::as_array_mut) else { return false };
    names.push(json!(name));
    true
}

fn is_inflated(good: &Good) -> bool {
    good.inventory.pointer("/stepIssuer/chart/path").is_some()
}

/// Sets a field of a chart in a folder.
fn chart(good: &mut Good, field: &str, value: &str) -> bool {
    let is_inflated = is_inflated(good);
    if is_inflated {
        good.inventory["stepIssuer"]["chart"][field] = json!(value);
    }
    is_inflated
}

fn has_policy(good: &Good) -> bool {
    good.cas.values().any(|ca| !ca.ca_json["authority"]["policy"].is_null())
}

/// Whether the issuer's provisioner has claims or a template of its own, or is known through the API only.
fn is_special(good: &Good) -> bool {
    good.cas.get("internal").is_none_or(|ca| {
        let authority = &ca.ca_json["authority"];
        let provisioner = &authority["provisioners"][0];
        ca.through_api || !authority["claims"].is_null() || !provisioner["claims"].is_null() || !provisioner["options"].is_null()
    })
}

/// Sets a field of the issuer `step-issuer`.
fn issuer(good: &mut Good, pointer: &str, value: Value) -> bool {
    let Some(field) = good.inventory.pointer_mut("/issuers/step-issuer") else { return false };
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let Some(parent) = field.pointer_mut(parent) else { return false };
    put(parent, key, value);
    true
}

fn put(parent: &mut Value, key: &str, value: Value) {
    match key.parse::<usize>() {
        Ok(index) => parent[index] = value,
        Err(_) => parent[key] = value,
    }
}

/// Sets a field of the configuration of the CA `internal`.
fn ca(good: &mut Good, pointer: &str, value: Value) -> bool {
    let Some(ca) = good.cas.get_mut("internal").filter(|ca| !ca.through_api) else { return false };
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let Some(parent) = ca.ca_json.pointer_mut(parent) else { return false };
    put(parent, key, value);
    true
}

/// Sets a chart value, where there is a chart.
fn value(good: &mut Good, pointer: &str, value: Value) -> bool {
    if good.inventory.pointer("/stepIssuer/chart").is_none() {
        return false;
    }
    let Some(mut place) = good.inventory.pointer_mut("/stepIssuer/values") else { return false };
    for key in pointer.trim_start_matches('/').split('/') {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[key];
    }
    *place = value;
    true
}

/// Adds a file that somebody wrote.
fn file(good: &mut Good, text: &str) -> bool {
    // Beside a kustomization it would be a file that nobody lists, which is another matter.
    good.written.insert("own/file.yaml".to_owned(), text.to_owned());
    true
}

/// Whether the certificate `web` shares its Secret.
fn is_sharing(good: &Good) -> bool {
    good.inventory.pointer("/certificates/web/share").is_some()
}

/// Sets a way of the entry `internal-root` of `trust`, which has another one.
fn way(good: &mut Good, way: &str, value: Value) -> bool {
    let Some(entry) = good.inventory.pointer_mut("/trust/internal-root") else { return false };
    let is_other = entry[way].is_null();
    entry[way] = value;
    is_other
}

/// Sets a field of that way of the entry `internal-root`, where it has that way.
fn in_trust(good: &mut Good, way: &str, field: &str, value: Value) -> bool {
    let Some(entry) = good.inventory.pointer_mut(&format!("/trust/internal-root/{way}")) else { return false };
    entry[field] = value;
    true
}

/// Whether that entry has a key of its own.
fn is_named(good: &Good) -> bool {
    good.inventory.pointer("/trust/internal-root/key").is_some()
}

fn is_reflecting(good: &Good) -> bool {
    good.inventory.pointer("/trust/internal-root/reflector").is_some()
}

/// The issuer of cert-manager.
fn plain(good: &Good) -> Option<&Value> {
    good.inventory.pointer("/issuers/plain")
}

fn set_plain(good: &mut Good, field: &str, value: Value) -> bool {
    let Some(plain) = good.inventory.pointer_mut("/issuers/plain") else { return false };
    plain[field] = value;
    true
}

fn is_acme(good: &Good) -> bool {
    plain(good).is_some_and(|plain| plain["acme"].is_object() && plain["provisioner"].is_null())
}

/// Whether that issuer asks the authority.
fn is_of_authority(good: &Good) -> bool {
    plain(good).is_some_and(|plain| plain["acme"].is_object() && plain["acme"]["server"].is_null())
}

const MUTATIONS: &[Mutation] = &[
    // Charts that are inflated.
    Mutation { rule: "chart-not-inflated", follows: &[], apply: |good| chart(good, "version", "1.10.2") },
    Mutation { rule: "helm-failed", follows: &[], apply: |good| chart(good, "path", "charts/none") },
    Mutation { rule: "path-escapes", follows: &[], apply: |good| chart(good, "path", "../charts") },
    Mutation {
        rule: "reference-unresolved",
        follows: &[],
        apply: |good| good.inventory.as_object_mut().is_some_and(|inventory| inventory.remove("delivery").is_some()) && is_inflated(good),
    },
    // Inventory.
    Mutation {
        rule: "unknown-field",
        follows: &[],
        apply: |good| {
            good.inventory["certifcates"] = json!({});
            true
        },
    },
    Mutation {
        rule: "wrong-type",
        follows: &[],
        apply: |good| {
            good.inventory["exporter"] = json!("yes");
            true
        },
    },
    Mutation {
        rule: "layer-not-found",
        follows: &[],
        apply: |good| {
            good.inventory["extends"] = json!(["bse"]);
            true
        },
    },
    Mutation {
        rule: "patch-meets-nothing",
        follows: &[],
        apply: |good| {
            let Some(target) = good.inventory.pointer_mut("/stepIssuer/patches/priority/target") else { return false };
            target["name"] = json!("step-issuer-controller");
            true
        },
    },
    Mutation {
        rule: "patch-invalid",
        follows: &[],
        apply: |good| {
            let Some(patch) = good.inventory.pointer_mut("/stepIssuer/patches/priority/patch/0") else { return false };
            patch["op"] = json!("push");
            true
        },
    },
    Mutation {
        rule: "chart-repository-invalid",
        follows: &["reference-unresolved"],
        apply: |good| {
            let Some(chart) = good.inventory.pointer_mut("/stepIssuer/chart") else { return false };
            chart["repo"] = json!("oci://registry.example.com/charts/step-issuer");
            true
        },
    },
    Mutation { rule: "reference-unresolved", follows: &[], apply: |good| web(good, "issuer", json!("nobody")) },
    Mutation {
        rule: "name-invalid",
        follows: &[],
        apply: |good| {
            good.inventory["labels"] = json!({"stage": "-x"});
            true
        },
    },
    Mutation {
        rule: "rule-override-without-reason",
        follows: &[],
        apply: |good| {
            good.inventory["rules"] = json!({"duration-unset": {"level": "off"}});
            true
        },
    },
    Mutation {
        rule: "image-not-pinned",
        follows: &[],
        apply: |good| {
            let Some(image) = good.inventory.pointer_mut("/bootstrap/images/kubectl") else { return false };
            *image = json!("registry.example.com/kubectl:1.34.2");
            true
        },
    },
    Mutation {
        rule: "image-not-pinned",
        // Only a Job that is rendered can be judged by its documents.
        follows: &["image-mutable-tag"],
        apply: |good| {
            let Some(image) = good.inventory.pointer_mut("/exporterCronJob/image") else { return false };
            *image = json!("registry.example.com/trustree-bot:latest");
            true
        },
    },
    Mutation {
        rule: "job-timing",
        follows: &[],
        apply: |good| {
            let Some(bootstrap) = good.inventory.get_mut("bootstrap") else { return false };
            bootstrap["timeout"] = json!("100ms");
            true
        },
    },
    Mutation {
        rule: "schedule-invalid",
        follows: &[],
        apply: |good| {
            let Some(job) = good.inventory.get_mut("exporterCronJob") else { return false };
            job["timeZone"] = json!("Local");
            true
        },
    },
    Mutation {
        rule: "reference-unresolved",
        follows: &[],
        apply: |good| {
            good.inventory.get_mut("exporterCronJob").is_some()
                && good.inventory.as_object_mut().is_some_and(|fields| fields.remove("git").is_some())
        },
    },
    // CA snapshot.
    Mutation {
        rule: "snapshot-not-found",
        follows: &[],
        apply: |good| good.inventory["authorities"]["internal"]["snapshot"] != json!("pending") && good.cas.remove("internal").is_some(),
    },
    Mutation {
        rule: "provisioner-not-found",
        follows: &[],
        apply: |good| issuer(good, "/provisioner/name", json!("nobody")) && !good.cas.is_empty(),
    },
    Mutation {
        rule: "provisioner-not-jwk",
        follows: &["reference-unresolved", "wrong-type"],
        apply: |good| ca(good, "/authority/provisioners/0", json!({"type": "ACME", "name": "step-issuer"})),
    },
    Mutation {
        rule: "provisioner-without-key",
        follows: &[],
        apply: |good| ca(good, "/authority/provisioners/0/encryptedKey", json!("a.b.c")),
    },
    Mutation {
        rule: "provisioner-kid-mismatch",
        follows: &[],
        apply: |good| {
            ca(good, "/authority/provisioners/0/key/kid", json!("mine"))
                && good.cas["internal"].ca_json["authority"]["provisioners"][0]["type"] == "JWK"
        },
    },
    Mutation {
        rule: "provisioner-kid-shared",
        follows: &["authority-config-incomplete"],
        apply: |good| {
            let Some(ca) = good.cas.get_mut("internal") else { return false };
            let mut twin = ca.ca_json["authority"]["provisioners"][0].clone();
            twin["name"] = json!("twin");
            ca.ca_json["authority"]["provisioners"].as_array_mut().expect("a list").push(twin);
            true
        },
    },
    Mutation {
        rule: "ca-chain-broken",
        follows: &["snapshot-altered", "authority-config-incomplete"],
        apply: |good| {
            let Some(ca) = good.cas.get_mut("internal").filter(|ca| ca.certificates == "p-256") else { return false };
            ca.certificates = "mixed";
            true
        },
    },
    // Issuer.
    Mutation {
        rule: "issuer-url-not-https",
        follows: &[],
        apply: |good| {
            if good.inventory["authorities"]["internal"]["release"].is_string() {
                return false;
            }
            let host = good.inventory["clusterDomain"].as_str().unwrap_or("cluster.local").to_owned();
            good.inventory["authorities"]["internal"]["url"] = json!(format!("http://step-certificates.smallstep.svc.{host}"));
            !good.cas.is_empty()
        },
    },
    Mutation {
        rule: "issuer-url-not-in-dns-names",
        // A tenant's NetworkPolicy cannot name a CA outside of the cluster.
        follows: &["reference-unresolved"],
        apply: |good| {
            good.inventory["authorities"]["internal"]["url"] = json!("https://elsewhere.example.com");
            good.cas.get("internal").is_some_and(|ca| !ca.through_api)
        },
    },
    Mutation {
        rule: "issuer-password-namespace",
        follows: &[],
        apply: |good| issuer(good, "/provisioner/passwordRef/namespace", json!("smallstep")),
    },
    Mutation {
        rule: "issuer-in-other-namespace",
        follows: &["wildcard-matches-no-service"],
        // A StepClusterIssuer serves that namespace, too.
        apply: |good| good.inventory.pointer("/issuers/wide").is_none() && web(good, "namespace", json!("elsewhere")),
    },
    // Certificate.
    Mutation {
        rule: "wildcard-matches-no-service",
        follows: &[],
        apply: |good| {
            let domain = good.inventory["clusterDomain"].as_str().unwrap_or("cluster.local").to_owned();
            name(good, &format!("*.svc.{domain}"))
        },
    },
    Mutation { rule: "wildcard-too-shallow", follows: &[], apply: |good| name(good, "*.smallstep") },
    Mutation { rule: "wildcard-not-leftmost", follows: &[], apply: |good| name(good, "web.*.example.com") },
    Mutation { rule: "dns-name-invalid", follows: &[], apply: |good| name(good, "https://web.example.com") },
    Mutation {
        rule: "certificate-without-name",
        follows: &["name-denied-by-policy"],
        apply: |good| {
            let Some(web) = good.inventory.pointer_mut("/certificates/web").and_then(Value::as_object_mut) else { return false };
            for field in ["dnsNames", "commonName", "ipAddresses", "uris", "emailAddresses"] {
                web.remove(field);
            }
            true
        },
    },
    Mutation {
        rule: "common-name-too-long",
        follows: &[],
        apply: |good| !has_policy(good) && web(good, "commonName", json!("x".repeat(65))),
    },
    Mutation { rule: "duration-not-go", follows: &[], apply: |good| web(good, "duration", json!("1d")) },
    Mutation {
        rule: "duration-below-hour",
        follows: &["renew-before-too-long"],
        apply: |good| !is_special(good) && web(good, "duration", json!("30m")),
    },
    Mutation { rule: "duration-over-maximum", follows: &[], apply: |good| !is_special(good) && web(good, "duration", json!("10000h")) },
    Mutation { rule: "duration-unset", follows: &[], apply: |good| !is_special(good) && web(good, "duration", Value::Null) },
    Mutation {
        rule: "renew-before-too-long",
        follows: &[],
        apply: |good| {
            good.inventory["certificates"]["web"]["renewBeforePercentage"].is_null()
                && !is_special(good)
                && web(good, "renewBefore", json!("24h"))
        },
    },
    Mutation {
        rule: "renew-before-too-short",
        follows: &[],
        apply: |good| good.inventory["certificates"]["web"]["renewBeforePercentage"].is_null() && web(good, "renewBefore", json!("1m")),
    },
    Mutation {
        rule: "renew-before-twice",
        follows: &["field-needs-newer-cert-manager"],
        apply: |good| !is_special(good) && web(good, "renewBefore", json!("8h")) && web(good, "renewBeforePercentage", json!(30)),
    },
    Mutation {
        rule: "name-denied-by-policy",
        follows: &[],
        apply: |good| {
            !has_policy(good)
                && !is_special(good)
                && good.inventory.pointer("/certificates/web").is_some()
                && ca(good, "/authority/policy", json!({"x509": {"allow": {"dns": ["only.example.com"]}}}))
        },
    },
    Mutation {
        rule: "field-dropped-by-ca",
        follows: &[],
        apply: |good| !is_special(good) && web(good, "subject", json!({"organizations": ["Example"]})),
    },
    Mutation {
        rule: "field-needs-newer-cert-manager",
        follows: &[],
        apply: |good| {
            good.inventory["versions"] = json!({"certManager": "1.15"});
            good.inventory["certificates"]["web"]["renewBefore"].is_null() && web(good, "renewBeforePercentage", json!(30))
        },
    },
    Mutation { rule: "usage-unknown", follows: &["field-dropped-by-ca"], apply: |good| web(good, "usages", json!(["server"])) },
    Mutation {
        rule: "secret-template-annotation",
        follows: &[],
        apply: |good| web(good, "secretTemplate", json!({"annotations": {"cert-manager.io/issuer-name": "x"}})),
    },
    Mutation {
        rule: "output-format-twice",
        follows: &[],
        apply: |good| web(good, "additionalOutputFormats", json!([{"type": "DER"}, {"type": "DER"}])),
    },
    Mutation {
        rule: "private-key-settings",
        follows: &[],
        apply: |good| web(good, "privateKey", json!({"algorithm": "ECDSA", "size": 123})),
    },
    Mutation {
        rule: "secret-name-collision",
        follows: &["manifest-duplicate"],
        apply: |good| {
            let Some(certificates) = good.inventory["certificates"].as_object_mut().filter(|all| all.contains_key("web")) else {
                return false;
            };
            let mut twin = certificates["web"].clone();
            let secret =
                twin["secretName"].as_str().map_or_else(|| format!("{}-tls", twin["name"].as_str().unwrap_or("web")), str::to_owned);
            twin["name"] = json!("twin");
            twin["secretName"] = json!(secret);
            certificates.insert("twin".to_owned(), twin);
            true
        },
    },
    // Chart.
    Mutation {
        rule: "chart-version-floating",
        follows: &["chart-not-inflated", "image-mirror-unused"],
        apply: |good| {
            if good.inventory.pointer("/stepIssuer/chart").is_none() {
                return false;
            }
            good.inventory["stepIssuer"]["chart"]["version"] = json!("1.x");
            good.inventory["stepIssuer"]["values"] = json!({"serviceAccount": {"create": true}});
            true
        },
    },
    Mutation { rule: "values-unknown-key", follows: &[], apply: |good| value(good, "/replicaCout", json!(2)) },
    Mutation { rule: "values-wrong-type", follows: &[], apply: |good| value(good, "/replicaCount", json!("2")) },
    Mutation {
        rule: "values-not-checked",
        follows: &["chart-not-inflated", "image-mirror-unused"],
        apply: |good| {
            if good.inventory.pointer("/stepIssuer/chart").is_none() {
                return false;
            }
            good.inventory["stepIssuer"]["chart"]["version"] = json!("1.99.0");
            good.inventory["stepIssuer"]["values"] = json!({"serviceAccount": {"create": true}});
            true
        },
    },
    Mutation {
        rule: "chart-image-withdrawn",
        follows: &[],
        apply: |good| {
            good.inventory.pointer("/stepIssuer/values/kubeRBACproxy").is_some()
                && good.inventory["stepIssuer"]["values"].as_object_mut().is_some_and(|values| values.remove("kubeRBACproxy").is_some())
        },
    },
    Mutation {
        rule: "chart-service-account-split",
        follows: &[],
        apply: |good| value(good, "/serviceAccount", json!({"create": false, "name": "other"})),
    },
    Mutation {
        rule: "chart-default-service-account",
        follows: &[],
        apply: |good| value(good, "/serviceAccount", json!({"create": false})),
    },
    Mutation {
        rule: "approval-check-disabled",
        follows: &[],
        apply: |good| value(good, "/deployment/args/disableApprovalCheck", json!(true)),
    },
    Mutation {
        rule: "affinity-pins-controller",
        follows: &[],
        apply: |good| {
            value(
                good,
                "/affinity",
                json!({"podAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "kubernetes.io/hostname",
            "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "step-certificates"}}}]}}),
            )
        },
    },
    // Distribution.
    Mutation {
        rule: "private-key-shared",
        follows: &[],
        apply: |good| {
            !is_sharing(good)
                && web(
                    good,
                    "secretTemplate",
                    json!({"annotations": {
        "replicator.v1.mittwald.de/replicate-to": ".*"}}),
                )
        },
    },
    Mutation {
        rule: "reflector-pattern-invalid",
        follows: &["private-key-shared"],
        apply: |good| {
            !is_sharing(good)
                && web(
                    good,
                    "secretTemplate",
                    json!({"annotations": {
        "reflector.v1.k8s.emberstack.com/reflection-allowed": "true", "reflector.v1.k8s.emberstack.com/reflection-auto-enabled": "true",
        "reflector.v1.k8s.emberstack.com/reflection-allowed-namespaces": "*"}}),
                )
        },
    },
    Mutation {
        rule: "cluster-bundle-not-reconciled",
        follows: &[],
        apply: |good| {
            file(
                good,
                "apiVersion: trust-manager.io/v1alpha2\nkind: ClusterBundle\nmetadata: {name: x}\nspec:\n  inLineCAs: x\n  target: {configMap: {}, namespaceSelector: {}}\n",
            )
        },
    },
    // RBAC.
    Mutation {
        rule: "rbac-wildcard",
        follows: &["rbac-reaches-ca-keys"],
        apply: |good| {
            file(
                good,
                "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: x, namespace: elsewhere}\nrules: [{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]\n",
            )
        },
    },
    // The CA's chart.
    Mutation {
        rule: "authority-values-conflict",
        follows: &[],
        apply: |good| {
            let authority = &mut good.inventory["authorities"]["internal"];
            let has_chart = authority["chart"].is_object();
            if has_chart {
                authority["values"] = json!({"fullnameOverride": "another"});
            }
            has_chart
        },
    },
    Mutation {
        rule: "authority-config-incomplete",
        follows: &[],
        apply: |good| {
            let authority = &mut good.inventory["authorities"]["internal"];
            authority["mode"] == "inject" && authority.as_object_mut().is_some_and(|authority| authority.remove("provisioners").is_some())
        },
    },
    Mutation {
        rule: "chart-port-mismatch",
        follows: &[],
        apply: |good| {
            let authority = &mut good.inventory["authorities"]["internal"];
            let is_seen = authority["chart"].is_object() && authority["mode"] != "existingSecrets";
            if is_seen {
                authority["values"] = json!({"service": {"targetPort": 9001}});
            }
            is_seen
        },
    },
    Mutation {
        rule: "component-not-found",
        follows: &[],
        apply: |good| {
            good.inventory["components"] = json!({"nobody": {}});
            good.name.starts_with("ca-chart")
        },
    },
    // Delivery.
    Mutation {
        rule: "image-mutable-tag",
        follows: &[],
        apply: |good| {
            file(
                good,
                "apiVersion: batch/v1\nkind: Job\nmetadata: {name: x, namespace: elsewhere}\nspec:\n  template:\n    spec:\n      restartPolicy: Never\n      containers: [{name: x, image: 'registry.example.com/x:latest'}]\n",
            )
        },
    },
    // Manifest.
    Mutation { rule: "manifest-invalid-yaml", follows: &[], apply: |good| file(good, "a: [\n") },
    Mutation {
        rule: "manifest-unknown-field",
        follows: &[],
        apply: |good| {
            file(
                good,
                "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: x, namespace: elsewhere}\nautomountServiceAccountTokn: false\n",
            )
        },
    },
    Mutation {
        rule: "cluster-scoped-with-namespace",
        follows: &[],
        apply: |good| {
            file(
                good,
                "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: x, namespace: elsewhere}\nrules: []\n",
            )
        },
    },
    Mutation {
        rule: "manifest-secret-material",
        follows: &[],
        apply: |good| {
            file(good, "apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: elsewhere}\nstringData: {password: hunter2}\n")
        },
    },
    // Spread by the inventory itself.
    Mutation {
        rule: "private-key-shared",
        follows: &[],
        apply: |good| is_sharing(good) && web(good, "share", json!({"with": "reflector", "namespaces": ["shop", "team-*"]})),
    },
    Mutation {
        rule: "private-key-shared",
        follows: &[],
        apply: |good| is_sharing(good) && web(good, "share", json!({"with": "replicator", "namespaces": ["*"]})),
    },
    Mutation {
        rule: "name-invalid",
        follows: &[],
        apply: |good| is_sharing(good) && web(good, "share", json!({"with": "replicator", "namespaces": ["team-.*"]})),
    },
    Mutation {
        rule: "wrong-type",
        follows: &[],
        apply: |good| {
            is_sharing(good)
                && web(
                    good,
                    "secretTemplate",
                    json!({"annotations": {"replicator.v1.mittwald.de/replicate-to": "shop",
                    "reflector.v1.k8s.emberstack.com/reflection-allowed": "false"}}),
                )
        },
    },
    Mutation { rule: "wrong-type", follows: &[], apply: |good| way(good, "configMaps", json!(["shop"])) },
    Mutation { rule: "wrong-type", follows: &[], apply: |good| in_trust(good, "reflector", "namespaces", json!([])) },
    Mutation {
        rule: "wrong-type",
        follows: &[],
        apply: |good| in_trust(good, "bundle", "jks", json!({"key": "root.pem"})) && is_named(good),
    },
    Mutation { rule: "name-invalid", follows: &[], apply: |good| in_trust(good, "replicator", "namespaces", json!(["team-.*"])) },
    Mutation {
        rule: "name-invalid",
        follows: &[],
        apply: |good| {
            let copies = good.inventory.pointer("/trust/internal-root/replicator/copies").is_some();
            copies && in_trust(good, "replicator", "namespaces", json!(["team-*"]))
        },
    },
    Mutation {
        rule: "name-invalid",
        follows: &[],
        apply: |good| {
            let Some(list) = good.inventory.pointer_mut("/trust/internal-root/configMaps") else { return false };
            *list = json!(["Shop"]);
            true
        },
    },
    Mutation {
        rule: "reference-unresolved",
        follows: &[],
        apply: |good| {
            let Some(entry) = good.inventory.pointer_mut("/trust/internal-root") else { return false };
            entry["authorities"] = json!(["internol"]);
            true
        },
    },
    // Somebody else's hand on what was rendered.
    Mutation {
        rule: "replication-copies-nothing",
        follows: &[],
        apply: |good| {
            let allowed = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: root, namespace: web, annotations: {reflector.v1.k8s.emberstack.com/reflection-allowed: 'true'}}\n";
            is_reflecting(good) && good.written.insert("own/root.yaml".to_owned(), allowed.to_owned()).is_none()
        },
    },
    Mutation {
        rule: "cluster-bundle-not-reconciled",
        follows: &[],
        apply: |good| {
            let bundle = "apiVersion: trust-manager.io/v1alpha2\nkind: ClusterBundle\nmetadata: {name: root}\nspec: {}\n";
            good.inventory.pointer("/trust/internal-root/bundle").is_some()
                && good.written.insert("own/bundle.yaml".to_owned(), bundle.to_owned()).is_none()
        },
    },
    // cert-manager's own issuers.
    Mutation {
        rule: "acme-wildcard-needs-dns01",
        follows: &[],
        apply: |good| {
            let is_http = plain(good)
                .and_then(|plain| plain.pointer("/acme/solvers"))
                .and_then(Value::as_array)
                .is_some_and(|solvers| solvers.iter().all(|solver| solver["dns01"].is_null()));
            let Some(www) = good.inventory.pointer_mut("/certificates/www") else { return false };
            www["dnsNames"] = json!(["*.example.com"]);
            is_http
        },
    },
    Mutation {
        rule: "provisioner-not-acme",
        follows: &[],
        apply: |good| is_of_authority(good) && set_plain(good, "provisioner", json!({"name": "step-issuer"})),
    },
    Mutation {
        rule: "provisioner-not-found",
        follows: &[],
        apply: |good| is_of_authority(good) && set_plain(good, "provisioner", json!({"name": "acne"})),
    },
    Mutation {
        rule: "provisioner-not-found",
        follows: &[],
        apply: |good| {
            let is_default = is_of_authority(good) && plain(good).is_some_and(|plain| plain["provisioner"].is_null());
            is_default
                && good.cas.get_mut("internal").and_then(|ca| ca.ca_json["authority"]["provisioners"].as_array_mut()?.pop()).is_some()
        },
    },
    Mutation {
        rule: "reference-unresolved",
        follows: &[],
        apply: |good| {
            let is_default = is_of_authority(good) && plain(good).is_some_and(|plain| plain["provisioner"].is_null());
            let provisioners = good.cas.get_mut("internal").and_then(|ca| ca.ca_json["authority"]["provisioners"].as_array_mut());
            is_default && provisioners.map(|list| list.push(json!({"type": "ACME", "name": "other"}))).is_some()
        },
    },
    Mutation {
        rule: "issuer-url-not-in-dns-names",
        follows: &[],
        apply: |good| {
            let is_it = is_of_authority(good);
            // The Step issuer has the same URL.
            good.inventory["certificates"].as_object_mut().map(|certificates| certificates.remove("web"));
            good.inventory["issuers"].as_object_mut().map(|issuers| issuers.remove("step-issuer"));
            good.inventory["authorities"]["internal"]["url"] = json!("https://elsewhere.example.com");
            is_it
        },
    },
    Mutation {
        rule: "issuer-in-other-namespace",
        follows: &[],
        apply: |good| {
            let is_it = plain(good).is_some_and(|plain| plain["kind"] == "Issuer");
            let Some(www) = good.inventory.pointer_mut("/certificates/www") else { return false };
            www["namespace"] = json!("shop");
            is_it
        },
    },
    Mutation {
        rule: "wrong-type",
        follows: &[],
        apply: |good| is_acme(good) && set_plain(good, "acme", json!({"server": "http://x", "solvers": [{"dns01": {"route53": {}}}]})),
    },
    Mutation {
        rule: "wrong-type",
        follows: &["reference-unresolved"],
        apply: |good| is_acme(good) && set_plain(good, "acme", json!({"solvers": []})),
    },
    Mutation { rule: "wrong-type", follows: &[], apply: |good| is_acme(good) && set_plain(good, "ca", json!({"secretName": "x"})) },
    Mutation {
        rule: "wrong-type",
        follows: &[],
        apply: |good| {
            let is_ca = plain(good).is_some_and(|plain| plain["ca"].is_object());
            is_ca && set_plain(good, "authority", json!("internal"))
        },
    },
    Mutation {
        rule: "wrong-type",
        follows: &["issuer-in-other-namespace"],
        apply: |good| plain(good).is_some_and(|plain| plain["kind"] == "ClusterIssuer") && set_plain(good, "namespace", json!("web")),
    },
    Mutation { rule: "wrong-type", follows: &[], apply: |good| issuer(good, "/provisioner/passwordRef", Value::Null) },
    Mutation { rule: "wrong-type", follows: &[], apply: |good| issuer(good, "/provisioner", Value::Null) },
    Mutation { rule: "wrong-type", follows: &[], apply: |good| issuer(good, "/ca", json!({"secretName": "x"})) },
    // A second JWK provisioner makes the chart's own password Secret doubtful.
    Mutation {
        rule: "issuer-password-may-be-another",
        follows: &["authority-config-incomplete"],
        apply: |good| {
            let Some(ca) = good.cas.get_mut("internal").filter(|ca| ca.certificates == "p-256" && !ca.through_api) else { return false };
            if ca.ca_json["authority"]["provisioners"]
                .as_array()
                .is_none_or(|list| list.len() > 1 || list[0]["key"]["kid"] == jwk("admin", "p-521")["key"]["kid"])
            {
                return false;
            }
            ca.ca_json["authority"]["provisioners"].as_array_mut().expect("a list").insert(0, jwk("admin", "p-521"));
            let fullname =
                if good.inventory["authorities"]["internal"]["release"].is_string() { "ca-step-certificates" } else { "step-certificates" };
            issuer(good, "/provisioner/passwordRef/name", json!(format!("{fullname}-provisioner-password")))
        },
    },
];
