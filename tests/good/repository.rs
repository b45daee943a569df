//! One environment as data, written into a folder and checked.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use trustree::finding::Finding;
use trustree::fleet::{AT_ONCE, Repository, Request, Selection};
use trustree::inflate::Helm;
use trustree::outside::files::OpenFolder;
use trustree::snapshot::{ImportRequest, Input, import};

/// The day on which they are judged.
const TODAY: &str = "2027-06-01";

/// A CA as it would be exported.
#[derive(Debug, Clone)]
pub(crate) struct Ca {
    /// Folder below `tests/data/authorities` with its certificates.
    pub(crate) certificates: &'static str,
    /// Its configuration.
    pub(crate) ca_json: Value,
    /// Whether it is known through its API only, which tells less.
    pub(crate) through_api: bool,
}

/// One environment.
#[derive(Debug, Clone)]
pub(crate) struct Good {
    pub(crate) name: String,
    pub(crate) inventory: Value,
    /// By authority; one that is missing here is pending.
    pub(crate) cas: BTreeMap<String, Ca>,
    /// Files that somebody wrote, by their path below `out/<name>/`.
    pub(crate) written: BTreeMap<String, String>,
    /// Changes to the text of the snapshot, old and new.
    pub(crate) snapshot_edits: Vec<(String, String)>,
}

pub(crate) fn data(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/authorities").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A JWK provisioner with one of the keys in `keys.json`.
pub(crate) fn jwk(name: &str, key: &str) -> Value {
    let keys: Value = serde_json::from_str(&data("keys.json")).expect("keys");
    assert!(keys[key].is_object(), "no key {key}");
    json!({"type": "JWK", "name": name, "key": keys[key], "encryptedKey": "e30.e30.e30.e30.e30"})
}

impl Ca {
    pub(crate) fn new(certificates: &'static str, key: &str) -> Ca {
        let ca_json = json!({
            "root": "/home/step/certs/root_ca.crt",
            "crt": "/home/step/certs/intermediate_ca.crt",
            "dnsNames": ["step-certificates.smallstep.svc.cluster.local", "127.0.0.1"],
            "authority": {"provisioners": [jwk("step-issuer", key)]}
        });
        Ca { certificates, ca_json, through_api: false }
    }

    /// The text of its snapshot.
    pub(crate) fn snapshot(&self) -> String {
        let input = |name: &str, text: String| Input { name: name.to_owned(), bytes: text.into_bytes() };
        // An intermediate of another CA.
        let issuing = if self.certificates == "mixed" { "p-384" } else { self.certificates };
        let trusted = if self.certificates == "mixed" { "p-256" } else { self.certificates };
        let (root, intermediate) = (data(&format!("{trusted}/root_ca.crt")), data(&format!("{issuing}/intermediate_ca.crt")));
        let inputs = if self.through_api {
            let provisioners = json!({"provisioners": self.ca_json["authority"]["provisioners"], "nextCursor": ""});
            vec![input("roots.pem", root), input("intermediates.pem", intermediate), input("provisioners.json", provisioners.to_string())]
        } else {
            vec![
                input("config/ca.json", self.ca_json.to_string()),
                input("certs/root_ca.crt", root),
                input("certs/intermediate_ca.crt", intermediate),
            ]
        };
        let request = ImportRequest { release: None, replace: false, drop_roots: Vec::new(), as_of: "2026-11-30".parse().expect("a day") };
        import(inputs, &request, None).unwrap_or_else(|findings| panic!("{findings:#?}")).to_yaml()
    }
}

impl Good {
    /// Gives it another name; what somebody wrote may name its folder.
    pub(crate) fn rename(&mut self, name: &str) {
        for text in self.written.values_mut() {
            *text = text.replace(&format!("out/{}/", self.name), &format!("out/{name}/"));
        }
        name.clone_into(&mut self.name);
    }

    /// The repository as files.
    fn write(&self, folder: &Path, snapshots: &mut BTreeMap<String, String>) {
        let put = |path: String, text: &str| {
            let file = folder.join(path);
            fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            fs::write(file, text).expect("written");
        };
        put(format!("environments/{}/inventory.yaml", self.name), &format!("{:#}", self.inventory));
        let several = self.inventory["authorities"].as_object().is_some_and(|authorities| authorities.len() > 1);
        for (authority, ca) in &self.cas {
            let file = if several { format!("ca-snapshot.{authority}.yaml") } else { "ca-snapshot.yaml".to_owned() };
            let key = format!("{} {} {}", ca.certificates, ca.through_api, ca.ca_json);
            let mut text = snapshots.entry(key).or_insert_with(|| ca.snapshot()).clone();
            for (old, new) in &self.snapshot_edits {
                assert!(text.contains(old), "{}: no `{old}` in the snapshot", self.name);
                text = text.replace(old, new);
            }
            put(format!("environments/{}/{file}", self.name), &text);
        }
        for (path, text) in &self.written {
            put(format!("out/{}/{path}", self.name), text);
        }
    }
}

/// The chart of inventories that are inflated: one without braces, for a stand-in for Helm prints it as it is.
fn put_chart(folder: &Path) {
    let files = [
        ("Chart.yaml", "apiVersion: v2\nname: step-issuer\nversion: 1.11.0\n"),
        ("templates/account.yaml", "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: step-issuer\n"),
        (
            "templates/approver.yaml",
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: step-issuer-approver-role\nrules:\n  - apiGroups: [cert-manager.io]\n    resources: [signers]\n    resourceNames: [stepissuers.certmanager.step.sm/*, stepclusterissuers.certmanager.step.sm/*]\n    verbs: [approve]\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata:\n  name: step-issuer-approver-role\nroleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: ClusterRole\n  name: step-issuer-approver-role\nsubjects:\n  - kind: ServiceAccount\n    name: cert-manager\n    namespace: cert-manager\n",
        ),
        (
            "templates/deployment.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: step-issuer\nspec:\n  selector:\n    matchLabels: {app: step-issuer}\n  template:\n    metadata:\n      labels: {app: step-issuer}\n    spec:\n      serviceAccountName: step-issuer\n      containers:\n        - name: manager\n          image: cr.smallstep.com/smallstep/step-issuer:0.11.0\n",
        ),
    ];
    for (path, text) in files {
        let file = folder.join("charts/step-issuer").join(path);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, text).expect("written");
    }
}

/// Everything that a check finds in each environment, all of them in one repository. Their names must differ.
pub(crate) fn findings_of(goods: &[Good]) -> Vec<Vec<Finding>> {
    let folder = TempDir::new().expect("a folder");
    let mut snapshots = BTreeMap::new();
    goods.iter().for_each(|good| good.write(folder.path(), &mut snapshots));
    put_chart(folder.path());
    let root = camino::Utf8Path::from_path(folder.path()).expect("UTF-8");
    let repository = Repository::open(Box::new(OpenFolder::open(root).expect("opened")));
    let repository = repository.unwrap_or_else(|unusable| panic!("{:#?}", unusable.findings));
    assert_eq!(repository.findings(), []);
    let shim = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shims/helm");
    let path = ("PATH".to_owned(), std::env::var("PATH").expect("PATH"));
    let repository = repository.with_helm(Some(Helm::new(shim.display().to_string(), vec![path])));
    let request = Request { as_of: Some(TODAY.parse().expect("a day")), ..Request::default() };
    let mut found = BTreeMap::new();
    repository.for_each(
        &Selection::default(),
        &request,
        AT_ONCE,
        |_| (),
        |outcome, ()| {
            found.insert(outcome.environment, outcome.findings);
            ControlFlow::Continue(())
        },
    );
    goods.iter().map(|good| found.remove(&good.name).unwrap_or_else(|| panic!("{} was not checked", good.name))).collect()
}
