//! A repository as a platform team would have it, made from a seed: layers, and environments that differ.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use crate::authority;
use crate::random::Random;

const REGIONS: &[&str] = &["amsterdam", "dublin", "frankfurt", "london", "ohio", "oregon", "osaka", "seoul", "sydney", "tokyo"];
const TEAMS: &[&str] = &["accounts", "billing", "catalogue", "checkout", "identity", "logistics", "orders", "payments", "search"];
const SERVICES: &[&str] = &["admin", "api", "cache", "events", "gateway", "grafana", "queue", "scheduler", "web", "worker"];

const BASE: &str = r#"# What every environment shares.
apiVersion: trustree.dev/v1alpha1
kind: Layer
clusterDomain: cluster.local
delivery: kustomize
versions:
  certManager: "1.19"
  kubernetes: "1.36"
  kustomize: "5.8"
authorities:
  internal:
    namespace: smallstep
    release: step-certificates
stepIssuer:
  namespace: smallstep
  release: step-issuer
  chart:
    repo: https://smallstep.github.io/helm-charts
    version: 1.11.0
  values:
    serviceAccount:
      create: true
      name: step-issuer
exporter: true
"#;

const PRODUCTION: &str = "apiVersion: trustree.dev/v1alpha1\nkind: Layer\nlabels:\n  stage: prod\nstepIssuer:\n  values:\n    replicaCount: 2\n    \
     resources:\n      limits:\n        memory: 256Mi\n";
const STAGING: &str = "apiVersion: trustree.dev/v1alpha1\nkind: Layer\nlabels:\n  stage: staging\n";
const SHARED_CLUSTER: &str = "# Clusters that many teams share: the controller runs on nodes of its own.\napiVersion: trustree.dev/v1alpha1\nkind: Layer\n\
     labels:\n  cluster: shared\nstepIssuer:\n  values:\n    nodeSelector:\n      node-role.example.com/platform: \"true\"\n";

/// Writes a repository with so many environments into a folder; the same seed gives the same bytes.
pub(crate) fn write(folder: &Path, seed: u64, environments: usize) -> io::Result<()> {
    let layers = folder.join("environments/_layers");
    fs::create_dir_all(&layers)?;
    for (name, text) in [("base", BASE), ("prod", PRODUCTION), ("staging", STAGING), ("shared", SHARED_CLUSTER)] {
        fs::write(layers.join(format!("{name}.yaml")), text)?;
    }
    for number in 0..environments {
        let environment = Environment::new(seed, number);
        let folder = folder.join("environments").join(&environment.name);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("inventory.yaml"), environment.inventory)?;
        fs::write(folder.join("ca-snapshot.yaml"), environment.snapshot)?;
    }
    Ok(())
}

/// One environment, as text.
struct Environment {
    name: String,
    inventory: String,
    snapshot: String,
}

impl Environment {
    /// The environment of that number: it does not depend on how many others there are.
    fn new(seed: u64, number: usize) -> Environment {
        let random = &mut Random::new(seed, number as u64);
        let (stage, region, team) = (random.pick(&["prod", "prod", "staging"]), random.pick(REGIONS), random.pick(TEAMS));
        let name = format!("{stage}-{region}-{number:05}");
        let issuers = 1 + random.below(3);
        let provisioners = if random.chance(30) { &["admin", "step-issuer"][..] } else { &["step-issuer"] };
        let is_moving = random.chance(25);
        let snapshot = authority::snapshot(&name, provisioners, is_moving, random);
        let more_layers = if random.chance(30) { ", shared" } else { "" };
        let mut inventory = format!(
            "apiVersion: trustree.dev/v1alpha1\nkind: Environment\nextends: [base, {stage}{more_layers}]\nlabels:\n  region: {region}\n  team: {team}\n"
        );
        if random.chance(20) {
            let memory = random.pick(&["192Mi", "384Mi", "512Mi"]);
            inventory.push_str("stepIssuer:\n  values:\n    resources:\n      limits:\n        memory: ");
            inventory.push_str(memory);
            inventory.push_str("\n    podSecurityContext:\n      runAsNonRoot: true\n");
        }
        write_issuers(&mut inventory, issuers, team);
        write_certificates(&mut inventory, &name, issuers, team, random);
        Environment { name, inventory, snapshot }
    }
}

/// One issuer for all namespaces, one for the platform's own, one for the team's, in that order.
fn write_issuers(out: &mut String, count: usize, team: &str) {
    let password = "      passwordRef:\n        name: step-issuer-provisioner-password\n        key: password\n";
    let namespaced = |name: &str, namespace: &str| {
        format!("  {name}:\n    kind: StepIssuer\n    namespace: {namespace}\n    provisioner:\n      name: step-issuer\n{password}")
    };
    out.push_str("issuers:\n  tenants:\n    kind: StepClusterIssuer\n    provisioner:\n      name: step-issuer\n");
    out.push_str(password);
    out.push_str("        namespace: smallstep\n");
    if count > 1 {
        out.push_str(&namespaced("platform", "smallstep"));
    }
    if count > 2 {
        out.push_str(&namespaced("team", team));
    }
}

/// Two to twelve certificates, most of them signed by the issuer for all namespaces. Most have only names that mean the
/// same in every cluster, and are equal in many of them; every third has a name of its own.
fn write_certificates(out: &mut String, environment: &str, issuers: usize, team: &str, random: &mut Random) {
    out.push_str("certificates:\n");
    let count = 2 + random.below(11);
    let mut taken = BTreeSet::new();
    while taken.len() < count {
        let issuer = random.pick(&["tenants", "tenants", "platform", "team"][..=issuers]);
        let namespace = match issuer {
            "tenants" => random.pick(TEAMS),
            "platform" => "smallstep",
            _ => team,
        };
        let service = random.pick(SERVICES);
        if !taken.insert((namespace, service)) {
            continue;
        }
        // Writing into a string cannot fail.
        let _ = write!(
            out,
            "  {namespace}-{service}:\n    name: {service}\n    namespace: {namespace}\n    issuer: {issuer}\n    dnsNames:\n      \
             - {service}.{namespace}.svc.cluster.local\n      - {service}.{namespace}.svc\n"
        );
        if random.chance(33) {
            let _ = writeln!(out, "      - {service}.{namespace}.{environment}.example.com");
        }
        out.push_str("    duration: 24h\n");
        if random.chance(30) {
            out.push_str("    renewBefore: 8h\n");
        }
        if random.chance(15) {
            out.push_str("    privateKey:\n      algorithm: ECDSA\n      size: 256\n");
        }
    }
}
