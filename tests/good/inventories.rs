//! The good inventories: one common beginning, and what is special about each.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::repository::{Ca, Good, jwk};

/// The common beginning: one CA, the controller's chart, one issuer, one certificate.
pub(crate) fn base(name: &str) -> Good {
    let inventory = json!({
        "apiVersion": "trustree.dev/v1alpha1",
        "kind": "Environment",
        "versions": {"certManager": "1.19", "kubernetes": "1.34", "kustomize": "5.8.1"},
        "authorities": {"internal": {"namespace": "smallstep"}},
        "stepIssuer": {"namespace": "smallstep", "chart": {"version": "1.11.0"}, "values": {"serviceAccount": {"create": true}}},
        "issuers": {"step-issuer": {
            "kind": "StepIssuer", "namespace": "smallstep",
            "provisioner": {"name": "step-issuer", "passwordRef": {"name": "step-issuer-password"}}
        }},
        "certificates": {"web": {
            "namespace": "smallstep", "dnsNames": ["web.smallstep.svc.cluster.local"], "duration": "24h0m0s",
            "privateKey": {"algorithm": "ECDSA", "size": 256}
        }}
    });
    let cas = BTreeMap::from([("internal".to_owned(), Ca::new("p-256", "p-256"))]);
    Good { name: name.to_owned(), inventory, cas, written: BTreeMap::new(), snapshot_edits: Vec::new() }
}

/// All of them.
pub(crate) fn all() -> Vec<Good> {
    let mut goods = vec![base("plain")];
    goods.extend(charts());
    goods.extend(authorities());
    goods.extend(claims_and_policies());
    goods.extend(certificates());
    goods.extend(clusters());
    goods.extend(trust());
    goods.extend(cert_manager_issuers());
    goods.extend(inflated());
    goods.extend(tenants());
    goods.extend(written());
    goods
}

/// The common beginning with something changed.
fn with(name: &str, change: impl FnOnce(&mut Good)) -> Good {
    let mut good = base(name);
    change(&mut good);
    good
}

fn set(value: &mut Value, pointer: &str, new: Value) {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let parent = value.pointer_mut(parent).unwrap_or_else(|| panic!("nothing at {parent}"));
    parent[key] = new;
}

fn certificate(name: &str, change: Value) -> Good {
    with(name, |good| {
        let fields = good.inventory["certificates"]["web"].as_object_mut().expect("a map");
        for (key, value) in change.as_object().expect("a map") {
            fields.insert(key.clone(), value.clone());
        }
    })
}

fn ca(name: &str, change: impl FnOnce(&mut Ca)) -> Good {
    with(name, |good| change(good.cas.get_mut("internal").expect("a CA")))
}

/// The roots, spread in every way.
fn trust() -> Vec<Good> {
    let ways = [
        ("bundle", json!({"bundle": {}})),
        (
            "bundle-with-everything",
            json!({"name": "roots", "key": "root.pem", "authorities": ["internal"], "bundle": {
                "useDefaultCAs": true, "jks": {"key": "trust.jks"}, "pkcs12": {"key": "trust.p12", "profile": "Modern2023"},
                "namespaceSelector": {"matchLabels": {"trust": "internal"},
                    "matchExpressions": [{"key": "team", "operator": "In", "values": ["web"]}, {"key": "old", "operator": "DoesNotExist"}]}
            }}),
        ),
        ("config-maps", json!({"configMaps": ["shop", "web"]})),
        ("replicator", json!({"replicator": {"namespace": "smallstep", "namespaces": ["shop", "team-*", "*-db"]}})),
        ("replicator-everywhere", json!({"replicator": {"namespace": "smallstep", "namespaces": ["*"]}})),
        ("replicator-by-label", json!({"replicator": {"namespace": "smallstep", "selector": {"trust": "internal"}}})),
        ("replicator-copies", json!({"replicator": {"namespace": "smallstep", "namespaces": ["smallstep", "shop"], "copies": true}})),
        ("reflector", json!({"reflector": {"namespace": "smallstep", "namespaces": ["shop", "team-*", "*-db", "*"]}})),
        ("reflector-copies", json!({"reflector": {"namespace": "smallstep", "namespaces": ["smallstep", "shop"], "copies": true}})),
    ];
    let mut goods: Vec<Good> = ways
        .into_iter()
        .map(|(name, way)| with(&format!("roots-by-{name}"), |good| good.inventory["trust"] = json!({"internal-root": way})))
        .collect();
    goods.push(with("trust-in-stages", |good| {
        good.inventory["delivery"] = json!("flux");
        set(&mut good.inventory, "/stepIssuer", json!({"namespace": "smallstep"}));
        set(&mut good.inventory, "/versions/stepIssuer", json!("0.11"));
        good.inventory["trust"] = json!({"roots": {"bundle": {}}, "copies": {"configMaps": ["shop"]}});
    }));
    for program in ["replicator", "reflector"] {
        goods.push(certificate(&format!("shared-by-{program}"), json!({"share": {"with": program, "namespaces": ["shop"]}})));
    }
    goods.push(with("trust-of-two", |good| {
        good.cas.insert("other".to_owned(), Ca::new("p-384", "p-384"));
        good.inventory["authorities"]["other"] = json!({"namespace": "smallstep"});
        good.inventory["issuers"]["step-issuer"]["authority"] = json!("internal");
        good.inventory["trust"] = json!({"roots": {"bundle": {}}, "other": {"authorities": ["other"], "configMaps": ["shop"]}});
    }));
    goods
}

/// cert-manager's own issuers, alone and beside one of step-issuer.
fn cert_manager_issuers() -> Vec<Good> {
    let solver = json!({"http01": {"ingress": {"ingressClassName": "nginx"}}});
    let acme = json!({"type": "ACME", "name": "acme"});
    let name = json!({"dnsNames": ["www.example.com"], "namespace": "smallstep"});
    let mut goods = Vec::new();
    let mut add = |label: &str, issuer: Value, has_acme: bool| {
        let name = name.clone();
        goods.push(with(label, |good| {
            if has_acme {
                let provisioners = &mut good.cas.get_mut("internal").expect("a CA").ca_json["authority"]["provisioners"];
                provisioners.as_array_mut().expect("a list").push(acme.clone());
            }
            good.inventory["issuers"]["plain"] = issuer;
            good.inventory["certificates"]["web"]["issuer"] = json!("step-issuer");
            good.inventory["certificates"]["www"] = name;
            good.inventory["certificates"]["www"]["issuer"] = json!("plain");
        }));
    };
    add("ca-issuer", json!({"kind": "Issuer", "namespace": "smallstep", "ca": {"secretName": "own-ca"}}), false);
    add("ca-cluster-issuer", json!({"kind": "ClusterIssuer", "ca": {"secretName": "own-ca"}}), false);
    add("acme-of-the-authority", json!({"kind": "ClusterIssuer", "acme": {"solvers": [solver]}}), true);
    let named = json!({
        "kind": "Issuer", "namespace": "smallstep", "authority": "internal", "provisioner": {"name": "acme"},
        "acme": {"solvers": [solver], "enableDurationFeature": true}
    });
    add("acme-of-a-named-provisioner", named, true);
    let solvers = json!([
        {"selector": {"dnsZones": ["example.com"], "matchLabels": {"dns": "own"}}, "dns01": {"rfc2136": {"nameserver": "192.0.2.53:53"}}},
        {"selector": {"dnsNames": ["www.example.com"]}, "http01": {"gatewayHTTPRoute": {
            "parentRefs": [{"name": "front", "namespace": "gateway", "kind": "Gateway"}], "labels": {"app": "acme"}, "serviceType": "ClusterIP"}}},
        {"http01": {"ingress": {"class": "nginx", "podTemplate": {"spec": {"nodeSelector": {"kubernetes.io/os": "linux"}}}}}},
    ]);
    let public = json!({"kind": "ClusterIssuer", "acme": {
        "server": "https://acme.example.com/directory", "email": "pki@example.com", "privateKeySecretRef": {"name": "account"},
        "preferredChain": "Example Root", "profile": "shortlived", "solvers": solvers,
        "externalAccountBinding": {"keyID": "abc", "keySecretRef": {"name": "eab", "key": "secret"}}
    }});
    add("acme-of-somebody-else", public.clone(), false);
    goods.push(with("without-step", |good| {
        good.cas.clear();
        good.inventory = json!({
            "apiVersion": "trustree.dev/v1alpha1", "kind": "Environment", "versions": {"certManager": "1.19", "kustomize": "5.8.1"},
            "issuers": {"public": public},
            "certificates": {"www": {"namespace": "shop", "dnsNames": ["www.example.com", "*.example.com"]}}
        });
    }));
    goods
}

fn charts() -> Vec<Good> {
    let mut goods = Vec::new();
    for version in ["1.9.9", "1.9.10", "1.9.11", "1.10.0", "1.10.1", "1.10.2"] {
        goods.push(with(&format!("chart-{}", version.replace('.', "-")), |good| {
            set(&mut good.inventory, "/stepIssuer/chart/version", json!(version));
            if version.starts_with("1.9") {
                let proxy = json!({"image": {"repository": "quay.io/brancz/kube-rbac-proxy"}});
                set(&mut good.inventory, "/stepIssuer/values/kubeRBACproxy", proxy);
            }
        }));
    }
    goods.push(with("chart-values", |good| {
        let values = json!({
            "serviceAccount": {"create": true, "name": "issuer"}, "replicaCount": 3,
            "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname",
                 "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "step-issuer"}}}}]}},
            "tolerations": [{"key": "infra", "operator": "Exists"}], "imagePullSecrets": ["mirror"],
            "image": {"repository": "registry.example.com/mirror/step-issuer"},
            "volumes": false, "resources": {"limits": {"memory": "256Mi"}}
        });
        set(&mut good.inventory, "/stepIssuer/values", values);
    }));
    goods.push(with("explicit-values", |good| set(&mut good.inventory, "/stepIssuer/explicitValues", json!(true))));
    goods.push(with("own-release-and-mirror", |good| {
        let chart = json!({"version": "1.11.0", "repo": "https://charts.example.com/mirror"});
        set(&mut good.inventory, "/stepIssuer/chart", chart);
        set(&mut good.inventory, "/stepIssuer/release", json!("pki-issuer"));
    }));
    goods.push(with("shared-with-mirrors-and-patches", |good| {
        good.inventory["layout"] = json!("shared");
        good.inventory["images"] =
            json!({"cr.step.sm/smallstep": "registry.example.com/smallstep", "gcr.io/kubebuilder": "registry.example.com"});
        let patches = json!({
            "priority": {"target": {"kind": "Deployment"},
                "patch": [{"op": "add", "path": "/spec/template/spec/priorityClassName", "value": "system-cluster-critical"}]},
            "team": {"target": {"kind": "Certificate|StepIssuer"}, "patch": "- {op: add, path: /metadata/labels, value: {team: web}}"}
        });
        set(&mut good.inventory, "/stepIssuer/patches", patches);
    }));
    goods.push(with("chart-from-a-registry", |good| {
        set(&mut good.inventory, "/stepIssuer/chart/repo", json!("oci://registry.example.com/charts"));
    }));
    goods.push(with("delivered-by-flux", |good| set(&mut good.inventory, "/delivery", json!("flux"))));
    goods.push(with("delivered-by-flux-otherwise", |good| {
        let flux = json!({"namespace": "gitops", "namePrefix": "pki-", "interval": "30m", "timeout": "10m", "prune": false,
            "dependsOn": ["cert-manager"], "source": {"create": true, "secretName": "fleet"}});
        set(&mut good.inventory, "/delivery", json!("flux"));
        set(&mut good.inventory, "/flux", flux);
        set(&mut good.inventory, "/git", json!({"url": "https://git.example.com/fleet.git", "path": "platform"}));
        set(&mut good.inventory, "/versions/flux", json!("2.6"));
        set(&mut good.inventory, "/stepIssuer/chart", json!({"version": "1.11.0", "repo": "oci://registry.example.com/charts"}));
        let issuer = json!({"kind": "StepClusterIssuer", "provisioner": {"name": "step-issuer",
            "passwordRef": {"name": "step-issuer-password", "namespace": "smallstep"}}});
        set(&mut good.inventory, "/issuers/everywhere", issuer);
        set(&mut good.inventory, "/certificates/web/issuer", json!("step-issuer"));
    }));
    for version in ["1.28.4", "1.30.1"] {
        goods.push(with(&format!("ca-chart-{}", version.replace('.', "-")), |good| {
            set(&mut good.inventory, "/authorities/internal/chart", json!({"version": version}));
        }));
    }
    goods.push(with("ca-chart-and-values", |good| {
        let values = json!({"ca": {"name": "Example", "address": ":8443", "db": {"storageClass": "fast"}}, "replicaCount": 1});
        set(&mut good.inventory, "/authorities/internal/chart", json!({"version": "1.30.1", "repo": "https://charts.example.com/mirror"}));
        set(&mut good.inventory, "/authorities/internal/values", values);
    }));
    goods.push(with("ca-chart-injected", |good| {
        set(&mut good.inventory, "/authorities/internal/chart", json!({"version": "1.30.1"}));
        set(&mut good.inventory, "/authorities/internal/mode", json!("inject"));
        let provisioners = json!({
            "step-issuer": {"type": "JWK", "encryptedKey": "e30.e30.e30.e30.e30"}, "acme": {"type": "ACME", "forceCN": true}
        });
        set(&mut good.inventory, "/authorities/internal/provisioners", provisioners);
    }));
    goods.push(with("ca-chart-existing-secrets", |good| {
        set(&mut good.inventory, "/authorities/internal/chart", json!({"version": "1.30.1"}));
        set(&mut good.inventory, "/authorities/internal/mode", json!("existingSecrets"));
        set(&mut good.inventory, "/authorities/internal/configAsSecret", json!(true));
    }));
    goods.push(with("ca-chart-by-flux", |good| {
        set(&mut good.inventory, "/delivery", json!("flux"));
        set(&mut good.inventory, "/stepIssuer", json!({"namespace": "smallstep"}));
        set(&mut good.inventory, "/authorities/internal/chart", json!({"version": "1.30.1", "repo": "oci://registry.example.com/charts"}));
    }));
    goods.push(with("controller-of-somebody-else", |good| {
        set(&mut good.inventory, "/stepIssuer", json!({"namespace": "smallstep"}));
        set(&mut good.inventory, "/versions/stepIssuer", json!("0.11"));
    }));
    goods
}

/// What runs in the cluster and ends.
fn jobs() -> Vec<Good> {
    let digest = format!("sha256:{}", "1".repeat(64));
    let bootstrap = json!({"images": {"trustree": format!("registry.example.com/trustree:1.0@{digest}"),
        "kubectl": format!("registry.example.com:5000/kubectl@{digest}")}, "timeout": "15m", "interval": "5s"});
    let export = json!({"schedule": "17 3 * * 1-5", "image": format!("registry.example.com/trustree-bot@{digest}"),
        "forgeToken": {"name": "forge", "key": "token"}, "gitCredentials": {"name": "forge", "key": "git"}});
    let url = json!({"url": "https://git.example.com/platform/clusters.git"});
    vec![
        with("bootstrap", |good| {
            set(&mut good.inventory, "/authorities/internal/snapshot", json!("pending"));
            set(&mut good.inventory, "/bootstrap", bootstrap.clone());
            good.cas.clear();
        }),
        with("bootstrap-of-a-cluster-issuer", |good| {
            set(&mut good.inventory, "/authorities/internal/snapshot", json!("pending"));
            set(&mut good.inventory, "/bootstrap", bootstrap.clone());
            let reference = json!({"name": "step-issuer-password", "namespace": "smallstep"});
            let provisioner = json!({"name": "step-issuer", "passwordRef": reference});
            set(&mut good.inventory, "/issuers", json!({"wide": {"kind": "StepClusterIssuer", "provisioner": provisioner}}));
            good.cas.clear();
        }),
        with("bootstrap-that-is-over", |good| set(&mut good.inventory, "/bootstrap", bootstrap.clone())),
        with("exporter-cron-job", |good| {
            set(&mut good.inventory, "/git", url.clone());
            set(&mut good.inventory, "/exporterCronJob", export.clone());
        }),
    ]
}

fn authorities() -> Vec<Good> {
    let mut goods = Vec::new();
    for certificates in ["rsa-2048", "rsa-4096", "p-384", "p-521", "ed25519"] {
        goods.push(ca(&format!("ca-{certificates}"), |ca| ca.certificates = certificates));
    }
    for key in ["p-384", "p-521", "rsa-2048", "ed25519"] {
        goods.push(ca(&format!("provisioner-{key}"), |ca| *ca = Ca::new("p-256", key)));
    }
    goods.push(ca("many-provisioners", |ca| {
        let more = json!([
            {"type": "ACME", "name": "acme"},
            {"type": "OIDC", "name": "people", "clientID": "x", "configurationEndpoint": "https://id.example.com"},
            {"type": "K8sSA", "name": "cluster", "publicKeys": ""},
            {"type": "SSHPOP", "name": "sshpop"}
        ]);
        let list = ca.ca_json["authority"]["provisioners"].as_array_mut().expect("a list");
        list.push(jwk("admin", "p-384"));
        list.extend(more.as_array().expect("a list").clone());
    }));
    goods.push(ca("lower-case-type", |ca| ca.ca_json["authority"]["provisioners"][0]["type"] = json!("jwk")));
    goods.push(ca("several-names", |ca| {
        ca.ca_json["dnsNames"] = json!(["ca.example.com", "step-certificates.smallstep.svc.cluster.local", "localhost"]);
    }));
    goods.push(with("url-with-a-port", |good| {
        set(&mut good.inventory, "/authorities/internal/url", json!("https://step-certificates.smallstep.svc.cluster.local:9443/"));
    }));
    goods.push(with("url-of-an-address", |good| set(&mut good.inventory, "/authorities/internal/url", json!("https://127.0.0.1:9000"))));
    goods.push(ca("through-the-api", |ca| ca.through_api = true));
    goods.push(with("pending", |good| {
        set(&mut good.inventory, "/authorities/internal/snapshot", json!("pending"));
        good.cas.clear();
    }));
    goods.extend(jobs());
    goods.push(with("two-authorities", |good| {
        set(
            &mut good.inventory,
            "/authorities/edge",
            json!({"namespace": "edge", "release": "edge-ca", "url": "https://edge.example.com"}),
        );
        set(&mut good.inventory, "/issuers/step-issuer/authority", json!("internal"));
        let edge = json!({"kind": "StepClusterIssuer", "authority": "edge", "provisioner": {"name": "edge",
            "passwordRef": {"name": "edge-password", "namespace": "edge", "key": "secret"}}});
        set(&mut good.inventory, "/issuers/edge", edge);
        set(&mut good.inventory, "/certificates/web/issuer", json!("step-issuer"));
        let shop = json!({"namespace": "shop", "issuer": "edge", "dnsNames": ["shop.example.com"], "duration": "12h0m0s"});
        set(&mut good.inventory, "/certificates/shop", shop);
        let mut edge = Ca::new("ed25519", "p-256");
        edge.ca_json["dnsNames"] = json!(["edge.example.com"]);
        edge.ca_json["authority"]["provisioners"] = json!([jwk("edge", "p-256")]);
        good.cas.insert("edge".to_owned(), edge);
    }));
    goods
}

fn claims_and_policies() -> Vec<Good> {
    let mut goods = vec![
        ca("authority-claims", |ca| {
            ca.ca_json["authority"]["claims"] = json!({"maxTLSCertDuration": "72h", "defaultTLSCertDuration": "48h"})
        }),
        ca("backdate", |ca| ca.ca_json["authority"]["backdate"] = json!("5m0s")),
    ];
    let mut long = certificate("long-lived", json!({"duration": "720h0m0s", "renewBefore": "240h0m0s"}));
    provisioner(&mut long)["claims"] = json!({"maxTLSCertDuration": "720h", "defaultTLSCertDuration": "24h"});
    goods.push(long);
    let mut short = certificate("as-short-as-allowed", json!({"duration": "1h0m0s", "renewBefore": "5m0s"}));
    provisioner(&mut short)["claims"] = json!({"minTLSCertDuration": "1h"});
    goods.push(short);
    let mut template = certificate(
        "own-template",
        json!({
            "subject": {"organizations": ["Example"], "countries": ["DE"]}, "usages": ["server auth", "digital signature"]
        }),
    );
    provisioner(&mut template)["options"] = json!({"x509": {"templateFile": "templates/leaf.tpl"}});
    goods.push(template);
    goods.push(certificate("usages-that-the-ca-gives-anyway", json!({"usages": ["digital signature", "server auth", "client auth"]})));
    let policy = |name: &str, policy: Value, names: Value| {
        let mut good = certificate(name, json!({"dnsNames": names}));
        good.cas.get_mut("internal").expect("a CA").ca_json["authority"]["policy"] = json!({"x509": policy});
        good
    };
    goods.push(policy(
        "policy-allows",
        json!({"allow": {"dns": ["*.smallstep.svc.cluster.local"]}}),
        json!(["web.smallstep.svc.cluster.local"]),
    ));
    goods.push(policy("policy-denies-others", json!({"deny": {"dns": ["secret.example.com"]}}), json!(["web.example.com"])));
    goods.push(policy(
        "policy-allows-wildcards",
        json!({"allow": {"dns": ["*.smallstep.svc.cluster.local"]}, "allowWildcardNames": true}),
        json!(["*.smallstep.svc.cluster.local"]),
    ));
    goods
}

/// The provisioner that the issuer uses.
fn provisioner(good: &mut Good) -> &mut Value {
    &mut good.cas.get_mut("internal").expect("a CA").ca_json["authority"]["provisioners"][0]
}

fn certificates() -> Vec<Good> {
    vec![
        certificate("wildcard-of-a-namespace", json!({"dnsNames": ["*.smallstep.svc.cluster.local", "*.smallstep.svc"]})),
        certificate("wildcard-of-pods", json!({"dnsNames": ["*.web.smallstep.svc.cluster.local", "web.smallstep.svc.cluster.local"]})),
        certificate("public-wildcard", json!({"dnsNames": ["*.example.com", "example.com", "xn--bcher-kva.example"]})),
        certificate("short-names", json!({"dnsNames": ["web", "web.smallstep", "web.smallstep.svc", "web.smallstep.svc.cluster.local"]})),
        certificate(
            "other-names",
            json!({
                "commonName": "web", "dnsNames": ["web.example.com"], "ipAddresses": ["10.0.0.1", "2001:db8::1"],
                "uris": ["spiffe://cluster.local/ns/a/sa/b"], "emailAddresses": ["ops@example.com"]
            }),
        ),
        certificate("rsa-key", json!({"privateKey": {"algorithm": "RSA", "size": 4096, "encoding": "PKCS8"}})),
        certificate("ecdsa-521-key", json!({"privateKey": {"algorithm": "ECDSA", "size": 521}})),
        certificate("ed25519-key", json!({"privateKey": {"algorithm": "Ed25519"}})),
        certificate("never-rotated", json!({"privateKey": {"algorithm": "RSA", "size": 2048, "rotationPolicy": "Never"}})),
        certificate("signature-algorithm", json!({"signatureAlgorithm": "ECDSAWithSHA256"})),
        certificate("percentage", json!({"renewBeforePercentage": 33})),
        certificate("history", json!({"revisionHistoryLimit": 3})),
        certificate(
            "secret-template",
            json!({"secretTemplate": {
                "labels": {"team": "web"}, "annotations": {"cert-manager.io/allow-direct-injection": "true", "example.com/owner": "web"}
            }}),
        ),
        certificate("formats", json!({"additionalOutputFormats": [{"type": "DER"}, {"type": "CombinedPEM"}]})),
        certificate(
            "keystores",
            json!({"keystores": {
                "jks": {"create": true, "passwordSecretRef": {"name": "store", "key": "password"}},
                "pkcs12": {"create": true, "passwordSecretRef": {"name": "store", "key": "password"}}
            }}),
        ),
        certificate("long-names", json!({"name": "a".repeat(63), "secretName": format!("{}.tls", "b".repeat(60))})),
        certificate("whole-lifetime-unsaid", json!({"duration": null})),
        with("no-certificates", |good| {
            good.inventory.as_object_mut().expect("a map").remove("certificates");
        }),
    ]
}

/// Charts whose objects lie in the tree.
fn inflated() -> Vec<Good> {
    let inflate = |good: &mut Good| {
        set(&mut good.inventory, "/delivery", json!("manifests"));
        set(&mut good.inventory, "/stepIssuer/chart/path", json!("charts/step-issuer"));
    };
    vec![
        with("manifests", inflate),
        with("manifests-for-argo-cd", |good| {
            inflate(good);
            set(&mut good.inventory, "/argoCd", json!({}));
        }),
    ]
}

fn tenants() -> Vec<Good> {
    let shared = || {
        with("tenants", |good| {
            let issuer = json!({"kind": "StepClusterIssuer", "provisioner": {"name": "step-issuer",
                "passwordRef": {"name": "step-issuer-password", "namespace": "smallstep"}}});
            set(&mut good.inventory, "/issuers", json!({"tenants": issuer}));
            set(&mut good.inventory, "/certificates", json!({}));
            let defaults = json!({
                "issuer": "tenants",
                "certificates": {"tls": {
                    "dnsNames": ["*.{namespace}.svc.{clusterDomain}", "*.{namespace}.svc"], "duration": "24h",
                    "privateKey": {"algorithm": "ECDSA", "size": 256}
                }},
                "namespaceLabels": {"tenant": "{tenant}"},
                "requesters": [{"kind": "Group", "name": "{tenant}-developers"}, {"kind": "ServiceAccount", "name": "deployer"}],
                "trust": {}, "networkPolicy": {"podLabels": {"ca-client": "yes"}}
            });
            set(&mut good.inventory, "/tenantDefaults", defaults);
            let orders = json!({"namespaces": ["{tenant}", "{tenant}-test"], "requesters": [], "certificates": {
                "tls": null, "api": {"name": "{namespace}-api", "dnsNames": ["api.{namespace}.svc"], "duration": "12h"}
            }});
            set(&mut good.inventory, "/tenants", json!({"payments": {}, "orders": orders}));
        })
    };
    let mut own = shared();
    own.rename("tenants-with-issuers-of-their-own");
    set(&mut own.inventory, "/tenantDefaults/issuer", Value::Null);
    let issuer = json!({"provisioner": {"name": "step-issuer", "passwordRef": {"name": "{tenant}-password"}}});
    set(&mut own.inventory, "/tenantDefaults/stepIssuer", issuer);
    let mut staged = shared();
    staged.rename("tenants-with-flux");
    set(&mut staged.inventory, "/delivery", json!("flux"));
    set(&mut staged.inventory, "/stepIssuer", json!({"namespace": "smallstep"}));
    set(&mut staged.inventory, "/versions/stepIssuer", json!("0.11"));
    let mut alone = shared();
    alone.rename("tenants-without-controller");
    set(&mut alone.inventory, "/stepIssuer", Value::Null);
    let mut waiting = shared();
    waiting.rename("tenants-that-wait");
    set(&mut waiting.inventory, "/authorities/internal/snapshot", json!("pending"));
    waiting.cas.clear();
    vec![shared(), own, staged, alone, waiting]
}

fn clusters() -> Vec<Good> {
    let mut goods = vec![with("other-cluster-domain", |good| {
        set(&mut good.inventory, "/clusterDomain", json!("corp.example"));
        set(&mut good.inventory, "/certificates/web/dnsNames", json!(["*.smallstep.svc.corp.example", "web.smallstep.svc.corp.example"]));
        good.cas.get_mut("internal").expect("a CA").ca_json["dnsNames"] = json!(["step-certificates.smallstep.svc.corp.example"]);
    })];
    goods.push(with("cluster-issuer", |good| {
        let issuer = json!({"tenants": {"kind": "StepClusterIssuer", "provisioner": {"name": "step-issuer",
            "passwordRef": {"name": "step-issuer-password", "namespace": "smallstep"}}}});
        set(&mut good.inventory, "/issuers", issuer);
        let certificates = json!({
            "a": {"namespace": "a", "name": "api", "dnsNames": ["api.a.svc.cluster.local"], "duration": "24h0m0s"},
            "b": {"namespace": "b", "name": "api", "dnsNames": ["api.b.svc.cluster.local"], "duration": "24h0m0s"}
        });
        set(&mut good.inventory, "/certificates", certificates);
    }));
    goods.push(with("other-cert-manager", |good| {
        set(&mut good.inventory, "/certManager", json!({"namespace": "pki", "serviceAccount": "certmgr"}));
    }));
    goods.push(with("old-cert-manager", |good| set(&mut good.inventory, "/versions", json!({"certManager": "1.12", "kustomize": "5.5"}))));
    goods.push(with("versions-unknown", |good| set(&mut good.inventory, "/versions", json!({}))));
    goods.push(with("objects-as-secrets", |good| {
        let authority = json!({"namespace": "smallstep", "configAsSecret": true, "certsAsSecret": true});
        set(&mut good.inventory, "/authorities/internal", authority);
        set(&mut good.inventory, "/exporter", json!(true));
    }));
    goods.push(with("other-release", |good| {
        let authority = json!({"namespace": "pki", "release": "ca"});
        set(&mut good.inventory, "/authorities/internal", authority);
        good.cas.get_mut("internal").expect("a CA").ca_json["dnsNames"] = json!(["ca-step-certificates.pki.svc.cluster.local"]);
    }));
    goods
}

/// Files that somebody wrote beside the rendered ones.
fn written() -> Vec<Good> {
    let file = |name: &str, files: &[(&str, &str)]| {
        with(name, |good| good.written = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    };
    vec![
        file(
            "overlay-over-bare-objects",
            &[
                (
                    "apps/kustomization.yaml",
                    "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: shop\nresources: [web.yaml]\n",
                ),
                ("apps/web.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n"),
            ],
        ),
        file(
            "base-with-a-placeholder",
            &[
                ("base/kustomization.yaml", "resources: [certificate.yaml]\n"),
                (
                    "base/certificate.yaml",
                    "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: shop, namespace: smallstep}\nspec:\n  secretName: shop-tls\n  dnsNames: [REPLACED]\n  duration: 24h0m0s\n  issuerRef: {group: certmanager.step.sm, kind: StepIssuer, name: step-issuer}\n",
                ),
                (
                    "overlay/kustomization.yaml",
                    "resources: [../base]\npatches:\n  - patch: |-\n      - op: replace\n        path: /spec/dnsNames\n        value: [shop.smallstep.svc.cluster.local]\n    target: {kind: Certificate, name: shop}\n",
                ),
            ],
        ),
        file(
            "flux",
            &[(
                "flux/release.yaml",
                "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: step-issuer-edge, namespace: edge}\nspec:\n  interval: 10m\n  chart:\n    spec:\n      chart: step-issuer\n      version: 1.11.0\n      sourceRef: {kind: HelmRepository, name: smallstep}\n  install: {crds: CreateReplace}\n  upgrade: {crds: CreateReplace}\n  values:\n    serviceAccount: {create: true}\n",
            )],
        ),
        file(
            "argo-cd",
            &[(
                "argo/application.yaml",
                "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: trust, namespace: argocd}\nspec:\n  project: default\n  source: {repoURL: https://git.example.com/gitops, path: out/argo-cd/smallstep/step-issuer, targetRevision: main}\n  destination: {server: https://kubernetes.default.svc, namespace: smallstep}\n",
            )],
        ),
        file(
            "trust-bundle",
            &[(
                "trust/bundle.yaml",
                "apiVersion: trust.cert-manager.io/v1alpha1\nkind: Bundle\nmetadata: {name: internal}\nspec:\n  sources:\n    - useDefaultCAs: true\n  target:\n    configMap: {key: ca.crt}\n    namespaceSelector: {matchLabels: {trust: internal}}\n",
            )],
        ),
        file(
            "narrow-role",
            &[(
                "rbac/role.yaml",
                "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: reader, namespace: smallstep}\nrules:\n  - apiGroups: ['']\n    resources: [configmaps]\n    resourceNames: [step-certificates-certs]\n    verbs: [get]\n",
            )],
        ),
        file(
            "pinned-job",
            &[(
                "jobs/job.yaml",
                "apiVersion: batch/v1\nkind: Job\nmetadata: {name: once, namespace: smallstep}\nspec:\n  template:\n    spec:\n      restartPolicy: Never\n      containers:\n        - name: once\n          image: registry.example.com/tool:1.2.3@sha256:0000000000000000000000000000000000000000000000000000000000000000\n          command: [tool, run]\n",
            )],
        ),
        file(
            "plain-issuer",
            &[(
                "acme/issuer.yaml",
                "apiVersion: cert-manager.io/v1\nkind: ClusterIssuer\nmetadata: {name: letsencrypt}\nspec:\n  acme:\n    server: https://acme-v02.api.letsencrypt.org/directory\n    privateKeySecretRef: {name: letsencrypt}\n    solvers: [{http01: {ingress: {}}}, {dns01: {route53: {}}}]\n---\napiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: public, namespace: shop}\nspec:\n  secretName: public-tls\n  dnsNames: ['*.example.com']\n  duration: 2160h0m0s\n  issuerRef: {name: letsencrypt, kind: ClusterIssuer}\n",
            )],
        ),
        file(
            "ingress",
            &[(
                "ingress/ingress.yaml",
                "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: shop\n  namespace: smallstep\n  annotations:\n    cert-manager.io/issuer: step-issuer\n    cert-manager.io/issuer-kind: StepIssuer\n    cert-manager.io/issuer-group: certmanager.step.sm\nspec:\n  tls: [{hosts: [shop.example.com], secretName: shop-ingress-tls}]\n",
            )],
        ),
    ]
}
