//! Layers and inventories: read once, merged as RFC 7386 says, each node keeping the file, line and column that set it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use camino::{Utf8Path, Utf8PathBuf};

use crate::finding::{Finding, LAYER_CYCLE, LAYER_NOT_FOUND, Place, WRONG_TYPE, listed};
use crate::inventory::name::EnvironmentName;
use crate::inventory::rules;
use crate::inventory::schema::EnvironmentFile;
use crate::inventory::tenants::{self, Typed};
use crate::yaml::{At, Keys, Node, Path, Value, nearest, read, text_of};

/// Name of an environment's own file in its folder.
pub const INVENTORY_FILE: &str = "inventory.yaml";
/// Index that an environment's own file has in places; layers come after it.
const OWN_FILE: u16 = 0;
/// Fields that say what a file is; they are the file's own and never merged.
const HEAD: [&str; 3] = ["apiVersion", "kind", "extends"];

/// One environment's inventory, merged.
#[derive(Debug)]
pub struct Inventory {
    /// The typed fields.
    pub fields: EnvironmentFile,
    /// The merged tree, where every node knows its place. Tenants are in it as they were written.
    pub tree: Node,
    /// The map of tenants, each merged over the defaults; None where there are none.
    pub tenants: Option<Node>,
    /// The environment's own file, below the repository.
    pub file: Utf8PathBuf,
    /// The layers that were merged, in that order.
    pub layers: Vec<String>,
}

impl Inventory {
    /// Where the value that `path` leads to was set: by the environment's own file or by a layer.
    pub fn place(&self, path: &Path, layers: &Layers) -> Place {
        layers.place(&self.file, self.at(path, Node::place))
    }

    /// A place in the inventory as a place in a file.
    pub fn located(&self, place: Place, layers: &Layers) -> Place {
        match place {
            Place::Inventory(path) => self.place(&path, layers),
            Place::InventoryKey(path) => layers.place(&self.file, self.at(&path, Node::key_place)),
            Place::File { .. } => place,
        }
    }

    /// A merged tree as an inventory; None where something is wrong with it.
    pub fn of_tree(mut tree: Node, file: &Utf8Path, layers: &[String]) -> Option<Inventory> {
        let Typed { fields, tenants, problems } = tenants::read(&mut tree);
        let fields = fields.filter(|_| problems.is_empty())?;
        Some(Inventory { fields, tree, tenants, file: file.to_owned(), layers: layers.to_vec() })
    }

    /// What is known of a path: of one that leads into a tenant by the tenant or the defaults.
    fn at(&self, path: &Path, place: fn(&Node, &Path) -> At) -> At {
        match self.tenants.as_ref().zip(tenants::below_tenants(path)) {
            Some((tenants, path)) => place(tenants, &path),
            None => place(&self.tree, path),
        }
    }

    /// Why a rule has another level here, where somebody says so. A layer's reason is none for a level that another file
    /// has set over the layer's.
    pub fn override_reason(&self, code: &str) -> Option<&str> {
        let set_by = |field: &str| self.tree.place(&Path::of(["rules", code, field])).file;
        self.fields.rules.get(code)?.given_reason().filter(|_| set_by("level") == set_by("reason"))
    }
}

/// Every layer of a repository, parsed once; chains of layers are merged once.
#[derive(Debug, Default)]
pub struct Layers {
    /// By name, in the order of their indices, which begin at 1.
    layers: BTreeMap<String, Layer>,
    files: Vec<Utf8PathBuf>,
    chains: Mutex<HashMap<Vec<String>, Arc<Node>>>,
}

#[derive(Debug)]
struct Layer {
    /// Where its path stands among the files.
    index: usize,
    bytes: Arc<[u8]>,
    parsed: Result<Node, Finding>,
}

impl Layers {
    /// Takes the files of the layers' folder: name without `.yaml`, path below the repository, content. A layer that is
    /// broken is a finding only for the environments that use it.
    pub fn new(files: Vec<(String, Utf8PathBuf, Vec<u8>)>) -> Layers {
        let mut layers = Layers { files: vec![Utf8PathBuf::new()], ..Layers::default() };
        for (name, file, bytes) in files {
            let index = u16::try_from(layers.files.len()).unwrap_or(u16::MAX);
            let parsed = parse(&bytes, &file, index);
            layers.layers.insert(name, Layer { index: usize::from(index), bytes: bytes.into(), parsed });
            layers.files.push(file);
        }
        layers
    }

    /// Reads and merges an environment's own file.
    ///
    /// # Errors
    /// Everything that is wrong with it or with a layer that it uses.
    pub fn load(&self, environment: &EnvironmentName, file: &Utf8Path, bytes: &[u8]) -> Result<Inventory, Vec<Finding>> {
        let own = parse(bytes, file, OWN_FILE).map_err(|finding| vec![finding])?;
        let chain = self.chain(file, &own)?;
        let mut tree = match &*chain {
            [] => Node { at: own.at, value: Value::Map(crate::yaml::Map::default()) },
            names => (*self.merged(names)).clone(),
        };
        tree.at = own.at;
        let says_layer = own.get_str("kind") == Some("Layer");
        let mut findings = self.empty_tenants(file, &chain, &own);
        tenants::merge_files(&mut tree, own);
        let Typed { fields, tenants, problems } = tenants::read(&mut tree);
        findings.extend(problems.iter().map(|(problem, at)| Finding::of_problem(problem, self.place(file, *at))));
        if says_layer {
            let place = self.place(file, tree.place(&Path::of(["kind"])));
            let finding = Finding::new(&WRONG_TYPE, place, format!("`{environment}` is an environment, and its file says `kind: Layer`"));
            findings.push(finding.help("write `kind: Environment`, or move the file to `_layers/`"));
        }
        if let Some(fields) = &fields {
            findings.extend(rules::check(&fields.rules, &tree, |at| self.place(file, at)));
        }
        match fields {
            Some(fields) if findings.is_empty() => Ok(Inventory { fields, tree, tenants, file: file.to_owned(), layers: chain.to_vec() }),
            _ => Err(findings),
        }
    }

    /// Tenants with nothing behind their name, which merges into nothing.
    fn empty_tenants(&self, file: &Utf8Path, chain: &[String], own: &Node) -> Vec<Finding> {
        let layers = chain.iter().filter_map(|name| self.layers.get(name)?.parsed.as_ref().ok());
        let empty = tenants::empty_tenants(layers.chain([own]));
        let finding = |(name, at): (String, At)| {
            let message = format!("`{name}:` with nothing behind it is no tenant: it takes away one that a layer brings, and none does");
            let help = format!("write `{name}: {{}}` for a tenant that has what `tenantDefaults` says");
            Finding::new(&WRONG_TYPE, self.place(file, at), message).help(help)
        };
        empty.into_iter().map(finding).collect()
    }

    /// What an environment's own file, `own`, and its layers say at a path, the one that counts first.
    pub fn history(&self, inventory: &Inventory, own: &[u8], path: &Path) -> Vec<(Place, Node)> {
        let own = parse(own, &inventory.file, OWN_FILE).ok();
        let layers = inventory.layers.iter().rev().filter_map(|name| self.layers.get(name)?.parsed.as_ref().ok());
        own.iter()
            .chain(layers)
            .filter_map(|tree| {
                let node = path.segments().iter().try_fold(tree, |node, segment| node.step(segment))?;
                Some((self.place(&inventory.file, node.at), node.clone()))
            })
            .collect()
    }

    /// Every layer: name and file.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Utf8Path)> {
        self.layers.iter().map(|(name, layer)| (name.as_str(), self.files[layer.index].as_path()))
    }

    /// Bytes of a layer, for the digest of an environment's inputs.
    pub fn bytes(&self, name: &str) -> Option<Arc<[u8]>> {
        self.layers.get(name).map(|layer| Arc::clone(&layer.bytes))
    }

    /// Whether both have the same layers with the same bytes.
    pub fn has_same_files(&self, other: &Layers) -> bool {
        self.layers.len() == other.layers.len()
            && self.layers.iter().all(|(name, layer)| other.layers.get(name).is_some_and(|other| other.bytes == layer.bytes))
    }

    /// Whether the layer in this file has the same bytes in the other.
    pub fn has_same_file(&self, other: &Layers, file: &Utf8Path) -> bool {
        let found = self.iter().find(|(_, path)| *path == file).and_then(|(name, _)| self.layers.get_key_value(name));
        found.is_some_and(|(name, layer)| other.layers.get(name).is_some_and(|other| other.bytes == layer.bytes))
    }

    fn place(&self, own_file: &Utf8Path, at: At) -> Place {
        match at.file {
            OWN_FILE => Place::at(own_file, at),
            index => Place::at(&self.files[usize::from(index)], at),
        }
    }

    /// The layers to merge under a file, lowest first: each layer once, after those that it extends itself.
    fn chain(&self, file: &Utf8Path, own: &Node) -> Result<Vec<String>, Vec<Finding>> {
        let mut walk = Walk { layers: self, own_file: file, open: Vec::new(), chain: Vec::new(), findings: Vec::new() };
        walk.extends(own);
        if walk.findings.is_empty() { Ok(walk.chain) } else { Err(walk.findings) }
    }

    fn merged(&self, chain: &[String]) -> Arc<Node> {
        let known = self.chains.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(chain).cloned();
        if let Some(node) = known {
            return node;
        }
        let mut tree = Node { at: At::default(), value: Value::Map(crate::yaml::Map::default()) };
        for layer in chain.iter().filter_map(|name| self.layers.get(name)?.parsed.as_ref().ok()) {
            let mut layer = layer.clone();
            if let Value::Map(map) = &mut layer.value {
                HEAD.iter().for_each(|key| drop(map.remove(key)));
            }
            tenants::merge_files(&mut tree, layer);
        }
        let tree = Arc::new(tree);
        self.chains.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(chain.to_vec(), Arc::clone(&tree));
        tree
    }
}

/// The walk through `extends`, depth first.
struct Walk<'a> {
    layers: &'a Layers,
    own_file: &'a Utf8Path,
    /// Layers whose `extends` are being followed: meeting one of them again closes a circle.
    open: Vec<String>,
    chain: Vec<String>,
    findings: Vec<Finding>,
}

impl Walk<'_> {
    fn extends(&mut self, node: &Node) {
        let names = match node.get("extends").map(|extends| &extends.value) {
            Some(Value::List(names)) => names.as_slice(),
            // Another type is reported when the typed fields are read; a layer's own `extends` is never merged, so here.
            Some(Value::Null) | None => return,
            Some(_) => {
                let place = self.layers.place(self.own_file, node.place(&Path::of(["extends"])));
                return self
                    .findings
                    .push(Finding::new(&WRONG_TYPE, place, "`extends` is a list of layer names").help("write `extends: [base]`"));
            }
        };
        for item in names {
            let place = self.layers.place(self.own_file, item.at);
            match item.as_str() {
                Some(name) => self.layer(name, place),
                None => self.findings.push(
                    Finding::new(&WRONG_TYPE, place, format!("`extends` takes names of layers, and this is {}", item.value.kind()))
                        .help("write the name of a file below `_layers/`, without `.yaml`"),
                ),
            }
        }
    }

    fn layer(&mut self, name: &str, place: Place) {
        if let Some(start) = self.open.iter().position(|open| open == name) {
            let mut circle = self.open[start..].to_vec();
            circle.push(name.to_owned());
            let finding = Finding::new(&LAYER_CYCLE, place, format!("layers extend each other in a circle: {}", circle.join(" -> ")));
            return self.findings.push(finding.help("take one of the `extends` out"));
        }
        if self.chain.iter().any(|known| known == name) {
            return;
        }
        let Some(layer) = self.layers.layers.get(name) else {
            let known = self.layers.layers.keys().map(String::as_str);
            let help = match nearest(name, known.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if self.layers.layers.is_empty() => "there are no layers; write one to `_layers/`".to_owned(),
                None => format!("the layers are {}", listed(known)),
            };
            return self.findings.push(Finding::new(&LAYER_NOT_FOUND, place, format!("there is no layer `{name}`")).help(help));
        };
        match &layer.parsed {
            Err(finding) => self.findings.push(finding.clone()),
            Ok(node) => {
                if node.get_str("kind") != Some("Layer") {
                    let place = self.layers.place(self.own_file, node.place(&Path::of(["kind"])));
                    self.findings.push(
                        Finding::new(&WRONG_TYPE, place, format!("the layer `{name}` must say `kind: Layer`"))
                            .help("write `kind: Layer`, or move the file out of `_layers/`"),
                    );
                }
                if node.get_str("apiVersion") != Some("trustree.dev/v1alpha1") {
                    let place = self.layers.place(self.own_file, node.place(&Path::of(["apiVersion"])));
                    self.findings.push(
                        Finding::new(&WRONG_TYPE, place, format!("the layer `{name}` must say `apiVersion: trustree.dev/v1alpha1`"))
                            .help("write `apiVersion: trustree.dev/v1alpha1`"),
                    );
                }
                self.open.push(name.to_owned());
                self.extends(node);
                self.open.pop();
                self.chain.push(name.to_owned());
            }
        }
    }
}

/// The one map that a file holds.
fn parse(bytes: &[u8], file: &Utf8Path, index: u16) -> Result<Node, Finding> {
    let text = text_of(bytes, index).map_err(|error| Finding::of_yaml(file, &error))?;
    let mut documents = read(text, index, Keys::AsKubernetes).map_err(|error| Finding::of_yaml(file, &error))?;
    documents.retain(|node| node.value != Value::Null);
    match documents.as_slice() {
        [node] if node.as_map().is_some() => Ok(documents.remove(0)),
        [] => {
            Err(Finding::new(&WRONG_TYPE, Place::whole(file), "the file is empty")
                .help("begin it with `apiVersion: trustree.dev/v1alpha1`"))
        }
        [node] => {
            Err(Finding::new(&WRONG_TYPE, Place::at(file, node.at), format!("a map is expected here, and this is {}", node.value.kind()))
                .help("write fields as `name: value`, beginning with `apiVersion: trustree.dev/v1alpha1`"))
        }
        [_, second, ..] => Err(Finding::new(&WRONG_TYPE, Place::at(file, second.at), "a second document begins here; one file holds one")
            .help("move it to a file of its own")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADS: &str = "apiVersion: trustree.dev/v1alpha1\nkind: Layer\n";

    fn layers(files: &[(&str, &str)]) -> Layers {
        let files = files.iter().map(|(name, text)| {
            ((*name).to_owned(), Utf8PathBuf::from(format!("environments/_layers/{name}.yaml")), format!("{HEADS}{text}").into_bytes())
        });
        Layers::new(files.collect())
    }

    fn load(layers: &Layers, text: &str) -> Result<Inventory, Vec<Finding>> {
        let name = EnvironmentName::new("dev").expect("name");
        let text = format!("apiVersion: trustree.dev/v1alpha1\nkind: Environment\n{text}");
        layers.load(&name, Utf8Path::new("environments/dev/inventory.yaml"), text.as_bytes())
    }

    fn place(file: &str, line: u32, column: u32) -> Place {
        Place::File { file: file.into(), line, column }
    }

    /// The examples of RFC 7386, appendix A, whose results are maps.
    #[test]
    fn a_merged_value_knows_the_file_that_set_it() {
        let layers = layers(&[
            ("base", "clusterDomain: a.local\nversions:\n  kubernetes: \"1.36\"\n"),
            ("prod", "extends: [base]\nclusterDomain: b.local\n"),
        ]);
        let inventory = load(&layers, "extends: [prod]\nversions:\n  kustomize: \"5.8\"\n").expect("inventory");
        assert_eq!(inventory.layers, ["base", "prod"]);
        assert_eq!(inventory.fields.cluster_domain.as_deref(), Some("b.local"));
        assert_eq!(inventory.place(&Path::of(["clusterDomain"]), &layers), place("environments/_layers/prod.yaml", 4, 16));
        assert_eq!(inventory.place(&Path::of(["versions", "kubernetes"]), &layers), place("environments/_layers/base.yaml", 5, 15));
        assert_eq!(inventory.place(&Path::of(["versions", "kustomize"]), &layers), place("environments/dev/inventory.yaml", 5, 14));
    }

    #[test]
    fn an_unknown_field_of_a_layer_is_placed_in_the_layer() {
        let layers = layers(&[("base", "delivry: kustomize\n")]);
        let findings = load(&layers, "extends: [base]\n").expect_err("refused");
        assert_eq!(findings[0].place, place("environments/_layers/base.yaml", 3, 1));
        assert_eq!(findings[0].help.as_deref(), Some("did you mean `delivery`?"));
    }

    #[test]
    fn a_circle_is_shown_as_a_chain() {
        let layers = layers(&[("a", "extends: [b]\n"), ("b", "extends: [c]\n"), ("c", "extends: [a]\n")]);
        let findings = load(&layers, "extends: [a]\n").expect_err("refused");
        assert!(findings[0].message.contains("a -> b -> c -> a"), "{}", findings[0].message);
        assert_eq!(findings[0].place, place("environments/_layers/c.yaml", 3, 11));
    }

    #[test]
    fn a_layer_that_two_layers_share_is_merged_once() {
        let layers = layers(&[("base", "clusterDomain: x\n"), ("a", "extends: [base]\nclusterDomain: a\n"), ("b", "extends: [base]\n")]);
        let inventory = load(&layers, "extends: [a, b]\n").expect("inventory");
        assert_eq!(inventory.layers, ["base", "a", "b"]);
        assert_eq!(inventory.fields.cluster_domain.as_deref(), Some("a"));
    }

    #[test]
    fn a_missing_layer_and_a_broken_one_are_findings_with_a_place() {
        let layers = layers(&[("base", "a: [\n")]);
        let findings = load(&layers, "extends: [bse, base]\n").expect_err("refused");
        assert_eq!(findings[0].help.as_deref(), Some("did you mean `base`?"));
        assert_eq!(findings[0].place, place("environments/dev/inventory.yaml", 3, 11));
        assert!(matches!(&findings[1].place, Place::File { file, .. } if file == "environments/_layers/base.yaml"));
    }

    const DEFAULTS: &str = "tenantDefaults:\n  issuer: tenants\n  certificates:\n    web:\n      dnsNames: [web]\n      duration: 24h\n";

    #[test]
    fn a_tenant_is_a_patch_over_the_defaults_and_keeps_its_places() {
        let layers = layers(&[
            ("base", DEFAULTS),
            ("team", "tenants:\n  orders:\n    certificates: {web: {duration: 1h}, api: {dnsNames: [api]}}\n"),
        ]);
        let own = "extends: [base, team]\ntenants:\n  payments: {}\n  orders: {certificates: {web: null}, issuer: null}\n";
        let inventory = load(&layers, own).expect("inventory");
        let tenants = &inventory.fields.tenants;
        let keys = |tenant: &str| tenants[tenant].certificates.keys().cloned().collect::<Vec<_>>();
        assert_eq!((keys("payments"), keys("orders")), (vec!["web".to_owned()], vec!["api".to_owned()]));
        assert_eq!((tenants["payments"].issuer.as_deref(), tenants["orders"].issuer.as_deref()), (Some("tenants"), None));
        let at = |path: &[&str]| inventory.place(&Path::of(path.iter().copied()), &layers);
        assert_eq!(at(&["tenants", "payments", "certificates", "web", "duration"]), place("environments/_layers/base.yaml", 8, 17));
        assert_eq!(at(&["tenants", "orders", "certificates", "api"]), place("environments/_layers/team.yaml", 5, 41));
        assert_eq!(at(&["tenants", "payments"]), place("environments/dev/inventory.yaml", 5, 3));
    }

    #[test]
    fn a_layer_takes_a_tenant_away_and_brings_a_certificate_back() {
        let layers = layers(&[("base", &format!("{DEFAULTS}tenants: {{payments: {{certificates: {{web: null}}}}, orders: {{}}}}\n"))]);
        let own = "extends: [base]\ntenants: {orders: null, payments: {certificates: {web: {duration: 2h}}}}\n";
        let inventory = load(&layers, own).expect("inventory");
        let tenants = &inventory.fields.tenants;
        assert_eq!(tenants.keys().collect::<Vec<_>>(), ["payments"]);
        let web = &tenants["payments"].certificates["web"];
        assert_eq!((web.duration.as_deref(), web.dns_names.len()), (Some("2h"), 1));
    }

    #[test]
    fn what_is_wrong_with_the_defaults_is_told_once_and_there() {
        let text = "tenantDefaults: {isuer: x, certificates: {web: {dnsNames: web}}, stepIssuer: {name: own}}\ntenants: {a: {}, b: {}, c: {stepIssuer: null}}\n";
        let findings = load(&Layers::default(), text).expect_err("refused");
        let line = |finding: &Finding| if let Place::File { line, .. } = &finding.place { Some(*line) } else { None };
        let mut told: Vec<(&str, Option<u32>)> = findings.iter().map(|finding| (finding.message.as_str(), line(finding))).collect();
        told.sort_unstable();
        let [(second, Some(3)), (third, Some(3)), (first, Some(3))] = told.as_slice() else { panic!("{told:?}") };
        assert!(first.contains("`isuer`") && first.contains("tenantDefaults"), "{first}");
        assert!(second.contains("tenantDefaults.certificates.web.dnsNames"), "{second}");
        assert!(third.contains("tenants.a.stepIssuer") && third.contains("provisioner"), "{third}");
    }

    #[test]
    fn a_name_with_nothing_behind_it_is_no_tenant() {
        let findings = load(&Layers::default(), "tenants:\n  payments:\n  orders: {}\n").expect_err("refused");
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].place, place("environments/dev/inventory.yaml", 4, 3));
        assert_eq!(findings[0].help.as_deref(), Some("write `payments: {}` for a tenant that has what `tenantDefaults` says"));
        let findings = load(&Layers::default(), "tenants: [payments]\n").expect_err("refused");
        assert!(findings[0].message.contains("a map is expected here, of tenants"), "{}", findings[0].message);
    }
}
