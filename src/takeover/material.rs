//! What an old environment consists of, sorted by what becomes of it: taken over, no longer needed, or left as it is.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Value as Json, json};

use super::authority::CLUSTER_DOMAIN;
use super::chart::{self, ChartUse, Engine};
use super::gather::Source;
use super::script::{has_heredoc, has_variable, heredocs, is_variable, other_writes};
use super::settings;
use crate::finding::listed;
use crate::manifest::kustomization::Part;
use crate::manifest::{Flaw, Identity, Shape, identity_of, objects_in};
use crate::yaml::{At, Keys, Node, Path, Value, read};

/// The group of step-issuer's kinds, and a misspelling of it that many copied.
const STEP_GROUPS: &[&str] = &["certmanager.step.sm", "cert-manager.step.sm"];
/// What a HelmRelease takes its chart from.
const SOURCES: &[&str] = &["HelmRepository", "OCIRepository"];
/// step-issuer's kinds.
const ISSUER_KINDS: &[&str] = &["StepIssuer", "StepClusterIssuer"];

/// An object that somebody wrote.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) identity: Identity,
    pub(super) file: Utf8PathBuf,
    pub(super) node: Node,
    /// The object whose script makes it.
    pub(super) maker: Option<Identity>,
}

impl Item {
    /// The value at a path of keys.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Node> {
        self.node.value_at(&Path::of(path.iter().copied())).filter(|node| node.value != Value::Null)
    }

    /// The text at a path of keys.
    pub(super) fn text(&self, path: &[&str]) -> Option<&str> {
        self.at(path).and_then(Node::as_str)
    }
}

/// Something that stays where it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Left {
    /// The file, below the old repository.
    pub file: Utf8PathBuf,
    /// What it is.
    pub what: String,
    /// Why it was not taken over, or what to do with it.
    pub why: String,
    /// Whether the file is needed for it; not where it was only a setting of something that was taken over.
    pub keeps_file: bool,
}

/// What an old environment consists of.
#[derive(Debug, Default)]
pub(super) struct Material {
    pub(super) charts: Vec<ChartUse>,
    pub(super) issuers: Vec<Item>,
    pub(super) certificates: Vec<Item>,
    /// Roles and bindings that let cert-manager approve requests.
    pub(super) approvers: Vec<Item>,
    /// The ServiceAccount that they let approve, with its namespace first.
    pub(super) approves_for: Option<(String, String)>,
    /// What is not needed any more, and why.
    pub(super) gone: Vec<(Item, String)>,
    /// HelmReleases and their repositories, in whose place others are rendered.
    pub(super) replaced: Vec<Item>,
    pub(super) left: BTreeSet<Left>,
}

/// Whether something in a folder has to do with step-issuer.
pub(super) fn is_about_step_issuer(source: &Source) -> bool {
    source.parts.iter().any(|part| match part.shape {
        Shape::Kustomization => chart::of_kustomization(part, &[]).iter().any(ChartUse::is_step_issuer),
        Shape::Values => false,
        Shape::Object => {
            let makes = || scripts(&part.node).iter().any(|(script, _)| STEP_GROUPS.iter().any(|group| script.contains(group)));
            is_issuer(&part.node) || is_certificate(&part.node) || installs(part, source) || makes()
        }
    })
}

/// Whether an object of Flux or Argo CD installs the chart of step-issuer.
fn installs(part: &Part, source: &Source) -> bool {
    let Ok(identity) = identity_of(&part.node) else { return false };
    match (identity.group.as_str(), identity.kind.as_str()) {
        (_, "HelmRelease") => {
            let objects = || source.parts.iter().filter(|part| part.shape == Shape::Object).map(|part| &part.node);
            let named = |kind: &str, name: &str| {
                objects()
                    .find(|node| node.get_str("kind") == Some(kind) && node.get("metadata").and_then(|it| it.get_str("name")) == Some(name))
            };
            chart::of_helm_release(part, &identity, named).is_some_and(|chart| chart.is_step_issuer())
        }
        ("argoproj.io", "Application") => chart::of_application(part, &identity).iter().any(ChartUse::is_step_issuer),
        _ => false,
    }
}

fn group_of(node: &Node) -> &str {
    node.get_str("apiVersion").and_then(|version| version.split_once('/')).map_or("", |(group, _)| group)
}

fn is_issuer(node: &Node) -> bool {
    STEP_GROUPS.contains(&group_of(node)) && node.get_str("kind").is_some_and(|kind| ISSUER_KINDS.contains(&kind))
}

/// Whether a Certificate is signed by an issuer of step-issuer.
fn is_certificate(node: &Node) -> bool {
    if (group_of(node), node.get_str("kind")) != ("cert-manager.io", Some("Certificate")) {
        return false;
    }
    let Some(reference) = node.value_at(&Path::of(["spec", "issuerRef"])) else { return false };
    reference.get_str("group").is_some_and(|group| STEP_GROUPS.contains(&group))
        || reference.get_str("kind").is_some_and(|kind| ISSUER_KINDS.contains(&kind))
}

/// Everything in an object that may be a script or a command: texts, and lists of words with `kubectl` among them.
fn commands(node: &Node) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        match &node.value {
            Value::String(text) => found.push((**text).to_owned()),
            Value::List(items) => {
                let words: Vec<&str> = items.iter().filter_map(Node::as_str).collect();
                if words.iter().any(|word| *word == "kubectl" || word.ends_with("/kubectl")) {
                    found.push(words.join(" "));
                }
                open.extend(items);
            }
            Value::Map(map) => open.extend(map.iter().map(|(_, entry)| &entry.node)),
            _ => {}
        }
    }
    found
}

/// The texts in an object that hold manifests of a script. A Secret is never looked into.
fn scripts(node: &Node) -> Vec<(&str, At)> {
    if node.get_str("kind") == Some("Secret") || node.get("sops").is_some() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        match &node.value {
            Value::String(text) if has_heredoc(text) => found.push((&**text, node.at)),
            Value::List(items) => open.extend(items),
            Value::Map(map) => open.extend(map.iter().map(|(_, entry)| &entry.node)),
            _ => {}
        }
    }
    found.sort_by_key(|(_, at)| *at);
    found
}

impl Material {
    /// The URLs of every issuer; where there is none, that of the CA whose chart is installed.
    pub(super) fn urls(&self) -> Vec<String> {
        let written =
            self.issuers.iter().filter_map(|item| item.text(&["spec", "url"])).filter(|url| !url.is_empty() && !has_variable(url));
        let urls: Vec<String> = written.map(str::to_owned).collect();
        if !self.issuers.is_empty() {
            return urls;
        }
        let charts = self.charts.iter().filter(|chart| chart.is_step_certificates());
        charts
            .filter_map(|chart| Some(format!("https://{}.{}.svc.{CLUSTER_DOMAIN}", chart.fullname(), chart.namespace.as_deref()?)))
            .collect()
    }

    /// Sorts what the folders of an environment bring.
    pub(super) fn of(sources: &[Source]) -> Material {
        let mut material = Material::default();
        let parts: Vec<&Part> = sources.iter().flat_map(|source| &source.parts).collect();
        let all: Vec<Part> = parts.iter().map(|part| (*part).clone()).collect();
        for source in sources {
            for part in source.parts.iter().filter(|part| part.shape == Shape::Kustomization) {
                for mut chart in chart::of_kustomization(part, &all) {
                    if chart.is_step_issuer() {
                        settings::apply(&mut chart, source);
                    }
                    material.charts.push(chart);
                }
            }
            for link in &source.links {
                let why = "it is a link, which is not followed: take over what it leads to by itself, and keep the files until then";
                material.leave(link, format!("`{link}`"), why);
            }
        }
        let mut objects: Vec<Item> = Vec::new();
        for part in parts.iter().filter(|part| part.shape == Shape::Object) {
            let mut part = (*part).clone();
            if part.node.get_str("kind") == Some("StepClusterIssuer")
                && let Some(metadata) = part.node.get_mut("metadata").and_then(Node::as_map_mut)
            {
                // The API server ignores it; kustomize writes it, since it does not know the kind.
                metadata.remove("namespace");
            }
            match identity_of(&part.node) {
                Ok(identity) if objects.iter().any(|item| item.identity == identity) => {
                    let why = "an object of the same name was read before; only the first counts".to_owned();
                    material.leave(&part.file, identity.to_string(), why);
                }
                Ok(identity) => objects.push(Item { identity, file: part.file.clone(), node: part.node.clone(), maker: None }),
                Err(Flaw::NotAnObject(reason)) if part.node.get("apiVersion").is_some() => {
                    let what = format!("a document of kind {}", part.node.get_str("kind").unwrap_or("nothing"));
                    material.leave(&part.file, what, reason);
                }
                Err(_) => {}
            }
        }
        material.sort(objects);
        material
    }

    fn leave(&mut self, file: &Utf8Path, what: impl Into<String>, why: impl Into<String>) {
        self.left.insert(Left { file: file.to_owned(), what: what.into(), why: why.into(), keeps_file: true });
    }

    fn sort(&mut self, objects: Vec<Item>) {
        let repositories: Vec<Item> = objects.iter().filter(|item| SOURCES.contains(&item.identity.kind.as_str())).cloned().collect();
        let mut others = Vec::new();
        let mut makers = Vec::new();
        for item in objects {
            let identity = item.identity.clone();
            if item.node.get("sops").is_some() {
                self.leave(&item.file, identity.to_string(), "it is encrypted with SOPS and was not looked into");
            } else if identity.kind == "Secret" && identity.group.is_empty() {
                self.leave(&item.file, identity.to_string(), "an inventory holds no Secrets");
            } else if is_issuer(&item.node) {
                self.issuers.push(item);
            } else if is_certificate(&item.node) {
                self.certificates.push(item);
            } else if identity.kind == "HelmRelease" {
                self.helm_release(item, &repositories);
            } else if (identity.group.as_str(), identity.kind.as_str()) == ("argoproj.io", "Application") {
                self.application(item, &mut others);
            } else if scripts(&item.node).iter().any(|(script, _)| STEP_GROUPS.iter().any(|group| script.contains(group))) {
                makers.push(item);
            } else {
                others.push(item);
            }
        }
        for maker in makers {
            self.maker(maker, &mut others);
        }
        self.issuers_of_charts();
        self.approvers(&mut others);
        self.repositories(&mut others);
        for item in others {
            let why = why_left(&item);
            self.leave(&item.file, item.identity.to_string(), why);
        }
        let charts = std::mem::take(&mut self.charts);
        let (ours, rest): (Vec<ChartUse>, Vec<ChartUse>) = charts.into_iter().partition(ChartUse::is_step_issuer);
        for chart in rest.iter().chain(ours.iter().skip(1)) {
            let why = match chart.is_step_issuer() {
                true => "an environment has one controller; the first release was taken over",
                false if chart.is_step_certificates() => {
                    "write it into `authorities.<name>.chart` of the inventory yourself: its values may hold the CA's secrets, and are not taken over"
                }
                false => "trustree does not install it",
            };
            // The Application itself is told.
            if chart.engine != Engine::Argo {
                self.leave(&chart.file, chart.shown(), why);
            }
        }
        // One with a range of versions stays whole.
        for chart in ours.iter().take(1).filter(|chart| chart.has_exact_version()) {
            self.left.extend(chart.dropped.iter().cloned());
            let (file, not_taken) = (chart.file.clone(), chart.not_taken.clone());
            self.left.extend(not_taken.into_iter().map(|what| Left {
                file: file.clone(),
                what,
                why: "an inventory does not have it: add by hand what matters of it".to_owned(),
                keeps_file: false,
            }));
        }
        self.charts = ours.into_iter().take(1).chain(rest).collect();
    }

    fn helm_release(&mut self, item: Item, repositories: &[Item]) {
        let part = Part { file: item.file.clone(), node: item.node.clone(), shape: Shape::Object };
        let named = |kind: &str, name: &str| {
            repositories
                .iter()
                .find(|item| (item.identity.kind.as_str(), item.identity.name.as_str()) == (kind, name))
                .map(|item| &item.node)
        };
        match chart::of_helm_release(&part, &item.identity, named) {
            Some(chart) => {
                let is_first = chart.is_step_issuer() && !self.charts.iter().any(ChartUse::is_step_issuer);
                self.charts.push(chart);
                if is_first {
                    self.replaced.push(item);
                }
            }
            None => self.leave(&item.file, item.identity.to_string(), "trustree does not install it"),
        }
    }

    /// An Application of Argo CD: it stays, and where it installs the chart of step-issuer, this one is taken over.
    fn application(&mut self, item: Item, others: &mut Vec<Item>) {
        let part = Part { file: item.file.clone(), node: item.node.clone(), shape: Shape::Object };
        let charts = chart::of_application(&part, &item.identity);
        if !charts.iter().any(ChartUse::is_step_issuer) {
            others.push(item);
            return;
        }
        let is_known = self.charts.iter().any(ChartUse::is_step_issuer);
        let is_exact = charts.iter().any(|chart| chart.is_step_issuer() && chart.has_exact_version());
        let why = match (is_known, is_exact) {
            (true, _) => "it installs another release of the chart `step-issuer`, and an environment has one: let it be as it is",
            (false, true) => {
                "its chart is in the inventory now: once the rendered folder is in Git, let it point there in the place of the chart; its name must stay, or Argo CD deletes what it made"
            }
            (false, false) => "it installs the controller, which the rendered folder does not have: let it be as it is",
        };
        self.leave(&item.file, item.identity.to_string(), why);
        self.charts.extend(charts);
    }

    /// Repositories that only a HelmRelease needed in whose place another one is rendered.
    fn repositories(&mut self, others: &mut Vec<Item>) {
        let wanted: BTreeSet<(String, String)> = self.replaced.iter().filter_map(|item| chart::source_of(&item.node)).collect();
        let replaced: Vec<&Node> = self.replaced.iter().map(|item| &item.node).collect();
        let by_others: BTreeSet<(String, String)> =
            self.charts.iter().filter(|chart| !replaced.contains(&&chart.node)).filter_map(|chart| chart::source_of(&chart.node)).collect();
        let (replaced, rest): (Vec<Item>, Vec<Item>) = std::mem::take(others).into_iter().partition(|item| {
            let key = (item.identity.kind.clone(), item.identity.name.clone());
            wanted.contains(&key) && !by_others.contains(&key)
        });
        self.replaced.extend(replaced);
        *others = rest;
    }

    /// Something whose script makes issuers and certificates: they are taken over, and it is not needed any more.
    fn maker(&mut self, maker: Item, others: &mut Vec<Item>) {
        let environment = container_environment(&maker.node);
        let mut is_whole = true;
        for (script, at) in scripts(&maker.node) {
            for heredoc in heredocs(script, &environment) {
                let Ok(documents) = read(&heredoc.text, at.file, Keys::AsKubernetes) else {
                    is_whole = false;
                    let why = "it cannot be read as YAML before the script runs";
                    self.leave(&maker.file, format!("a manifest in the script of {}", maker.identity), why);
                    continue;
                };
                for node in documents.iter().flat_map(objects_in) {
                    is_whole &= self.made(&maker, shifted(node, at.line + heredoc.line));
                }
            }
        }
        let beyond: BTreeSet<String> = commands(&maker.node).iter().flat_map(|script| other_writes(script)).collect();
        if !beyond.is_empty() {
            let why = format!(
                "its script does more, with {}: take only those issuers and certificates out of it that are in the inventory now",
                listed(beyond.iter().map(String::as_str))
            );
            self.leave(&maker.file, maker.identity.to_string(), why);
            return;
        }
        if !is_whole {
            self.leave(
                &maker.file,
                maker.identity.to_string(),
                "take those issuers and certificates out of its script that are in the inventory now",
            );
            return;
        }
        let (account, user) = (account_of(&maker), maker.identity.to_string());
        self.gone.push((maker, "issuers and certificates stand in Git now, and nothing in the cluster has to make them".to_owned()));
        if let Some(account) = account {
            self.account(&account, &user, others);
        }
    }

    /// Takes over one object of a script; says whether that was possible.
    fn made(&mut self, maker: &Item, mut node: Node) -> bool {
        let namespace = maker.identity.namespace.clone();
        let Ok(identity) = identity_of(&node) else { return true };
        let is_known = |items: &[Item]| items.iter().any(|item| item.identity == identity);
        if is_known(&self.issuers) || is_known(&self.certificates) {
            return true;
        }
        let what = format!("{identity}, which the script of {} makes", maker.identity);
        if is_variable(&identity.name) || identity.namespace.as_deref().is_some_and(is_variable) {
            self.leave(&maker.file, what, "only the script knows its name: write it into the inventory yourself");
            return false;
        }
        // kubectl applies what names no namespace to the one that its pod runs in.
        if identity.namespace.is_none()
            && identity.kind != "StepClusterIssuer"
            && let (Some(namespace), Some(metadata)) = (&namespace, node.get_mut("metadata").and_then(Node::as_map_mut))
        {
            let at = At::default();
            metadata
                .insert("namespace", crate::yaml::Entry { key: at, node: Node { at, value: Value::String(namespace.as_str().into()) } });
        }
        let Ok(identity) = identity_of(&node) else { return true };
        let (is_issuer, is_certificate) = (is_issuer(&node), is_certificate(&node));
        let item = Item { identity, file: maker.file.clone(), node, maker: Some(maker.identity.clone()) };
        match (is_issuer, is_certificate) {
            (true, _) => self.issuers.push(item),
            (_, true) => self.certificates.push(item),
            _ => {
                self.leave(&maker.file, what, "trustree does not render it");
                return false;
            }
        }
        true
    }

    /// What only a ServiceAccount needed whose last user is gone.
    fn account(&mut self, account: &(Option<String>, String), user: &str, others: &mut Vec<Item>) {
        if others.iter().any(|item| account_of(item).as_ref() == Some(account)) {
            return;
        }
        let why = format!("only {user} needed it, which runs as ServiceAccount `{}`", account.1);
        let is_account = |subject: &Node| {
            subject.get_str("kind") == Some("ServiceAccount")
                && subject.get_str("name") == Some(&account.1)
                && subject.get_str("namespace").map(str::to_owned) == account.0
        };
        let (bindings, rest): (Vec<Item>, Vec<Item>) = std::mem::take(others).into_iter().partition(|item| {
            let subjects = item.node.get("subjects").and_then(Node::as_list).unwrap_or_default();
            item.identity.kind.ends_with("RoleBinding") && !subjects.is_empty() && subjects.iter().all(is_account)
        });
        let role = |item: &Item| Some((item.text(&["roleRef", "kind"])?.to_owned(), item.text(&["roleRef", "name"])?.to_owned()));
        let unbound: BTreeSet<(String, String)> = bindings.iter().filter_map(role).collect();
        let bound: BTreeSet<(String, String)> = rest.iter().filter_map(role).collect();
        let (gone, rest): (Vec<Item>, Vec<Item>) = rest.into_iter().partition(|item| {
            let key = (item.identity.kind.clone(), item.identity.name.clone());
            let is_own = item.identity.kind == "ServiceAccount"
                && (item.identity.namespace.clone(), item.identity.name.clone()) == (account.0.clone(), account.1.clone());
            is_own || unbound.contains(&key) && !bound.contains(&key)
        });
        *others = rest;
        self.gone.extend(bindings.into_iter().chain(gone).map(|item| (item, why.clone())));
    }

    /// Issuers that the chart itself makes from its values: in the inventory they stand among the others.
    fn issuers_of_charts(&mut self) {
        let Some(chart) = self.charts.iter_mut().find(|chart| chart.is_step_issuer()) else { return };
        let fullname = chart.fullname();
        let namespace = chart.namespace.clone().unwrap_or_else(|| "default".to_owned());
        for (key, kind) in [("stepIssuer", "StepIssuer"), ("stepClusterIssuer", "StepClusterIssuer")] {
            let Some(values) = chart.values.get(key).filter(|values| values.get("create") == Some(&Json::Bool(true))) else { continue };
            let url = values.get("caUrl").and_then(Json::as_str).filter(|url| !url.is_empty()).map(str::to_owned);
            let mut object = json!({
                "apiVersion": "certmanager.step.sm/v1beta1",
                "kind": kind,
                "metadata": {"name": fullname},
                "spec": {
                    "url": url.unwrap_or_else(|| format!("https://step-certificates.{namespace}.svc.cluster.local")),
                    "caBundle": values.get("caBundle"),
                    "provisioner": values.get("provisioner"),
                },
            });
            if kind == "StepIssuer" {
                object["metadata"]["namespace"] = namespace.clone().into();
            }
            let node = Node::from(object);
            let Ok(identity) = identity_of(&node) else { continue };
            let maker = Identity { group: String::new(), kind: "chart".to_owned(), namespace: None, name: chart.chart.clone() };
            self.issuers.push(Item { identity, file: chart.file.clone(), node, maker: Some(maker) });
            chart.values.shift_remove(key);
        }
    }

    /// Roles that only let cert-manager approve what step-issuer signs, with their bindings.
    fn approvers(&mut self, others: &mut Vec<Item>) {
        let is_role = |item: &Item| {
            let rules = item.node.get("rules").and_then(Node::as_list).unwrap_or_default();
            let has = |rule: &Node, key: &str, wanted: &dyn Fn(&str) -> bool| {
                let list = rule.get(key).and_then(Node::as_list).unwrap_or_default();
                !list.is_empty() && list.iter().filter_map(Node::as_str).all(wanted)
            };
            let approves = |rule: &Node| {
                has(rule, "resources", &|resource| resource == "signers")
                    && has(rule, "verbs", &|verb| verb == "approve")
                    && has(rule, "resourceNames", &|name| name.contains(".certmanager.step.sm/"))
            };
            item.identity.kind == "ClusterRole" && !rules.is_empty() && rules.iter().all(approves)
        };
        let (roles, rest): (Vec<Item>, Vec<Item>) = std::mem::take(others).into_iter().partition(is_role);
        let names: BTreeSet<&str> = roles.iter().map(|role| role.identity.name.as_str()).collect();
        let (bindings, rest): (Vec<Item>, Vec<Item>) = rest.into_iter().partition(|item| {
            item.identity.kind == "ClusterRoleBinding" && item.text(&["roleRef", "name"]).is_some_and(|name| names.contains(name))
        });
        let subjects = bindings.iter().flat_map(|item| item.node.get("subjects").and_then(Node::as_list).unwrap_or_default());
        self.approves_for =
            subjects.filter_map(|subject| Some((subject.get_str("namespace")?.to_owned(), subject.get_str("name")?.to_owned()))).next();
        self.approvers = roles.into_iter().chain(bindings).collect();
        *others = rest;
    }
}

/// Why an object is not taken over, as far as its kind says something about it.
fn why_left(item: &Item) -> String {
    let step = |kinds: &[&str]| kinds.contains(&item.identity.kind.as_str());
    match item.identity.group.as_str() {
        "argoproj.io" if step(&["Application", "ApplicationSet"]) && takes_a_chart(&item.node) => {
            "it installs a chart, which the rendered folder does not have: let it be as it is".to_owned()
        }
        "argoproj.io" if step(&["Application", "ApplicationSet"]) => {
            "let it point at the rendered folder once that is in Git; its name must stay, or Argo CD deletes what it made".to_owned()
        }
        "kustomize.toolkit.fluxcd.io" => {
            "let `spec.path` point at the rendered folder once that is in Git; its name must stay, or Flux deletes what it made".to_owned()
        }
        "cert-manager.io" if step(&["ClusterIssuer", "Issuer"]) && ["acme", "ca"].iter().any(|key| item.at(&["spec", key]).is_some()) => {
            format!("it is not taken over: `issuers.<name>` with `kind: {}` can say it, with `acme` or `ca`", item.identity.kind)
        }
        "cert-manager.io" if step(&["ClusterIssuer", "Issuer"]) => {
            "an inventory has issuers of step-issuer, and those of cert-manager with `acme` or `ca`".to_owned()
        }
        "cert-manager.io" if step(&["Certificate"]) => {
            "its issuer is not taken over: once that stands in `issuers`, `certificates` can hold it".to_owned()
        }
        "bitnami.com" | "external-secrets.io" => "trustree renders no Secrets, in whatever form".to_owned(),
        _ => "trustree does not render it".to_owned(),
    }
}

/// Whether an Application, or those of an ApplicationSet, take a chart from a repository of charts.
fn takes_a_chart(node: &Node) -> bool {
    let spec = node.get("spec");
    let specs = [spec, spec.and_then(|spec| spec.get("template")?.get("spec"))];
    specs.into_iter().flatten().any(|spec| {
        let several = spec.get("sources").and_then(Node::as_list).unwrap_or_default();
        spec.get("source").into_iter().chain(several).any(|source| source.get("chart").is_some())
    })
}

/// What the containers of a workload find in their environment.
fn container_environment(node: &Node) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        if let Some(map) = node.as_map() {
            for variable in map.get("env").and_then(Node::as_list).unwrap_or_default() {
                if let (Some(name), Some(value)) = (variable.get_str("name"), variable.get_str("value")) {
                    found.insert(name.to_owned(), value.to_owned());
                }
            }
            open.extend(map.iter().map(|(_, entry)| &entry.node));
        } else if let Some(items) = node.as_list() {
            open.extend(items);
        }
    }
    found
}

/// Namespace and name of the ServiceAccount that a workload runs as.
fn account_of(item: &Item) -> Option<(Option<String>, String)> {
    let pods: &[&[&str]] = &[&["spec", "template", "spec"], &["spec", "jobTemplate", "spec", "template", "spec"], &["spec"]];
    let name = pods.iter().find_map(|pod| {
        let path: Vec<&str> = pod.iter().copied().chain(["serviceAccountName"]).collect();
        item.text(&path).map(str::to_owned)
    })?;
    Some((item.identity.namespace.clone(), name))
}

/// A node of a script with its places in the file: a block of lines begins behind the line of its key.
fn shifted(node: &Node, lines: u32) -> Node {
    let at = At { line: node.at.line + lines, ..node.at };
    let value = match &node.value {
        Value::List(items) => Value::List(items.iter().map(|item| shifted(item, lines)).collect()),
        Value::Map(map) => {
            let mut moved = crate::yaml::Map::default();
            for (key, entry) in map.iter() {
                let place = At { line: entry.key.line + lines, ..entry.key };
                moved.insert(key, crate::yaml::Entry { key: place, node: shifted(&entry.node, lines) });
            }
            Value::Map(moved)
        }
        other => other.clone(),
    };
    Node { at, value }
}
