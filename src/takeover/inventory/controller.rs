//! The controller and its chart.

use serde_json::{Map, Value};

use super::super::Reason;
use super::super::chart::{ChartUse, Engine, is_exact};
use super::super::draft::way;
use super::super::material::Left;
use super::super::script::has_variable;
use super::{FILLED_IN, Maker, chart_identity, take_out_keys, take_out_variables};
use crate::catalog::{STEP_ISSUER_CHART, STEP_ISSUER_CHART_REPOSITORY, chart_values, step_issuer_images, withdrawn_image};
use crate::finding::{
    AFFINITY_PINS_CONTROLLER, CHART_CRDS_MISSING, CHART_DEFAULT_SERVICE_ACCOUNT, CHART_IMAGE_WITHDRAWN, CHART_VERSION_FLOATING,
};
use crate::manifest::Identity;
use crate::manifest::kustomization::resolve;

/// The image that is still there of the proxy of old charts.
const INSTEAD: &str = "quay.io/brancz/kube-rbac-proxy";

impl<'a> Maker<'a> {
    pub(super) fn step_issuer(&mut self) {
        let material = self.context.material;
        let is_usable = |chart: &&ChartUse| !has_variable(&chart.release) && !chart.namespace.as_deref().is_some_and(has_variable);
        if let Some(chart) = self.chart().filter(|chart| !is_usable(chart)) {
            let what = format!("the chart of release `{}`", chart.release);
            self.made.left.push(Left { file: chart.file.clone(), what, why: FILLED_IN.to_owned(), keeps_file: true });
        }
        let Some(chart) = self.chart().filter(is_usable) else {
            let namespace = self.home();
            let has_home = self.context.authorities.iter().any(|authority| authority.service.is_some());
            if self.context.authorities.len() != 1 || !has_home {
                self.made
                    .draft
                    .comment(way(&["stepIssuer"]), "Somebody else installs the controller; its namespace is where the tree lies.");
                self.made.draft.set(&["stepIssuer", "namespace"], namespace);
            }
            if material.approvers.is_empty() && !material.issuers.is_empty() {
                self.made
                    .draft
                    .comment(way(&["approver"]), "The controller is installed elsewhere, and with it the right to approve requests.");
                self.made.draft.set(&["approver"], false);
            }
            return;
        };
        let namespace = chart.namespace.clone().unwrap_or_else(|| {
            self.made
                .remarks
                .push(format!("`{}` does not say in which namespace step-issuer is installed: `default` was taken", chart.file));
            "default".to_owned()
        });
        let identity = chart_identity(&chart.release, &namespace);
        if chart.engine == Engine::Flux && chart.has_exact_version() {
            self.made.remarks.push(
                "Flux uninstalls a release whose HelmRelease is deleted: write `suspend: true` into the old one, let Flux apply that, and only then delete it"
                    .to_owned(),
            );
        }
        self.made.draft.set(&["stepIssuer", "namespace"], namespace.as_str());
        if chart.release != STEP_ISSUER_CHART {
            self.made.draft.set(&["stepIssuer", "release"], chart.release.as_str());
        }
        let Some(version) = chart.version.as_deref().filter(|version| is_exact(version)) else {
            let what = format!("the chart of release `{}`", chart.release);
            let shown = chart.version.as_deref().unwrap_or("none");
            let why = format!(
                "{}: its version is {shown}, and an inventory names an exact one: write `stepIssuer.chart.version` and the values yourself",
                CHART_VERSION_FLOATING.code
            );
            self.made.left.push(Left { file: chart.file.clone(), what, why, keeps_file: true });
            if material.approvers.is_empty() && !material.issuers.is_empty() {
                self.made.draft.comment(
                    way(&["approver"]),
                    "The chart brings the right to approve requests; take this out once `stepIssuer.chart` is written.",
                );
                self.made.draft.set(&["approver"], false);
            }
            return;
        };
        self.made.draft.set(&["stepIssuer", "chart", "version"], version);
        let keeps_home = self.chart_home(chart, version);
        // Beside a home the repository is written in full: without one, nothing would be fetched, and the version not looked at.
        let is_default = |repo: &&str| repo.trim_end_matches('/') == STEP_ISSUER_CHART_REPOSITORY;
        if let Some(repo) = chart.repo.as_deref().filter(|repo| keeps_home || !is_default(repo)) {
            self.made.draft.set(&["stepIssuer", "chart", "repo"], repo);
        }
        let mut values = chart.values.clone();
        if take_out_affinity(&mut values) {
            let text = "the controller reaches the CA over the network, and had to wait whenever the CA's node was full or drained";
            self.made
                .draft
                .comment(way(&["stepIssuer", "values", "affinity"]), format!("The required podAffinity to the CA is dropped: {text}."));
            self.because(&identity, Reason::of(&AFFINITY_PINS_CONTROLLER, format!("the required podAffinity is dropped: {text}")));
        }
        self.repair(&identity, chart, version, &mut values);
        if let Some(known) = chart_values(STEP_ISSUER_CHART, version) {
            values = known.without_defaults(&values);
        }
        let mut secrets = Vec::new();
        take_out_keys(&mut values, "stepIssuer.values", &mut secrets);
        for path in secrets {
            let why = "an inventory holds no secrets: keep the key in a Secret".to_owned();
            self.because(&identity, Reason::plain(why.clone()));
            self.made.left.push(Left { file: chart.file.clone(), what: format!("the private key in `{path}`"), why, keeps_file: false });
        }
        let mut filled_in = Vec::new();
        take_out_variables(&mut values, "stepIssuer.values", &mut filled_in);
        for path in filled_in {
            let why = FILLED_IN.to_owned();
            self.because(&identity, Reason::plain(format!("`{path}`: {why}")));
            self.made.left.push(Left { file: chart.file.clone(), what: format!("`{path}`"), why, keeps_file: false });
        }
        for mirror in &chart.images {
            self.made.draft.set(&["images", &mirror.name], mirror.written());
        }
        for (name, patch) in &chart.patches {
            self.made.draft.set(&["stepIssuer", "patches", name], patch.clone());
        }
        for left in &chart.dropped {
            self.because(&identity, Reason::plain(format!("{} is not taken over: {}", left.what, left.why)));
        }
        for what in &chart.not_taken {
            self.because(&identity, Reason::plain(format!("{what} is not taken over")));
        }
        if !values.is_empty() {
            self.made.draft.set(&["stepIssuer", "values"], Value::Object(values));
        }
        if !chart.brings_crds {
            let text = "without `includeCRDs` a cluster does not get to know the kinds of step-issuer; it is always set";
            self.because(&identity, Reason::of(&CHART_CRDS_MISSING, text));
        }
    }

    /// Repairs what would not start, and what gives the controller's rights to others.
    fn repair(&mut self, identity: &Identity, chart: &ChartUse, version: &str, values: &mut Map<String, Value>) {
        const PROXY: &[&str] = &["kubeRBACproxy", "image"];
        let images = step_issuer_images(version);
        let proxy = images.iter().find(|image| image.values == PROXY && withdrawn_image(image.repository).is_some());
        let written = values.get(PROXY[0]).and_then(|map| map.get(PROXY[1])?.get("repository")?.as_str().map(str::to_owned));
        let is_mirrored = |repository: &str| chart.images.iter().any(|mirror| mirror.name == repository);
        if let Some(proxy) =
            proxy.filter(|proxy| written.as_deref().is_none_or(|own| own == proxy.repository) && !is_mirrored(proxy.repository))
        {
            let text = format!("`{}` is gone from its registry; `{INSTEAD}` is the same image", proxy.repository);
            set_text(values, &[PROXY[0], PROXY[1], "repository"], INSTEAD.into());
            self.made.draft.comment(way(&["stepIssuer", "values", PROXY[0], PROXY[1], "repository"]), format!("The image {text}."));
            self.because(identity, Reason::of(&CHART_IMAGE_WITHDRAWN, text));
        }
        let account = values.get("serviceAccount");
        let is_created = account.and_then(|account| account.get("create")).is_some_and(|create| *create != Value::Bool(false));
        let name = account.and_then(|account| account.get("name")?.as_str()).unwrap_or_default().to_owned();
        if !is_created && ["", "default"].contains(&name.as_str()) {
            let text = "the controller gets a ServiceAccount of its own: its rights were those of `default`, and so of every pod there";
            set_text(values, &["serviceAccount", "create"], true.into());
            if name == "default" {
                set_text(values, &["serviceAccount", "name"], chart.fullname().into());
            }
            self.made.draft.comment(way(&["stepIssuer", "values", "serviceAccount", "create"]), format!("Repaired: {text}."));
            self.because(identity, Reason::of(&CHART_DEFAULT_SERVICE_ACCOUNT, text));
        }
    }

    /// Where the chart lies, and whether it stays there: it does where kustomize finds it in the new repository, too.
    pub(super) fn chart_home(&mut self, chart: &ChartUse, version: &str) -> bool {
        let Some(home) = &chart.home else { return false };
        let place = chart.file.parent().and_then(|folder| resolve(folder, home));
        let folder =
            if chart.repo.is_some() { format!("{STEP_ISSUER_CHART}-{version}/{STEP_ISSUER_CHART}") } else { STEP_ISSUER_CHART.to_owned() };
        if let Some(place) = place.filter(|place| (self.context.stays)(&place.join(&folder).join("Chart.yaml"))) {
            self.made.draft.set(&["stepIssuer", "chart", "home"], place.as_str());
            return true;
        }
        let why =
            "the chart is fetched from its repository, in that very version; what was changed in the copy here is not in it".to_owned();
        self.made.left.push(Left { file: chart.file.clone(), what: format!("`chartHome: {home}`"), why, keeps_file: false });
        false
    }
}

/// Sets a value in maps that are made where there are none.
fn set_text(values: &mut Map<String, Value>, path: &[&str], value: Value) {
    let Some((last, parents)) = path.split_last() else { return };
    let mut map = values;
    for key in parents {
        let next = map.entry((*key).to_owned()).or_insert_with(|| Value::Object(Map::new()));
        if next.is_null() {
            *next = Value::Object(Map::new());
        }
        let Value::Object(next) = next else { return };
        map = next;
    }
    map.insert((*last).to_owned(), value);
}

/// Takes a required affinity to the CA's pods out; says whether there was one.
pub(super) fn take_out_affinity(values: &mut Map<String, Value>) -> bool {
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    let Some(affinity) = values.get_mut("affinity").and_then(Value::as_object_mut) else { return false };
    let Some(pods) = affinity.get_mut("podAffinity").and_then(Value::as_object_mut) else { return false };
    let is_to_authority = |term: &Value| {
        let labels = term.get("labelSelector").map(ToString::to_string).unwrap_or_default();
        labels.contains("step-certificates") || labels.contains("step-ca")
    };
    let Some(terms) = pods.get_mut(REQUIRED).and_then(Value::as_array_mut) else { return false };
    let before = terms.len();
    terms.retain(|term| !is_to_authority(term));
    let changed = terms.len() < before;
    if terms.is_empty() {
        pods.shift_remove(REQUIRED);
    }
    if pods.is_empty() {
        affinity.shift_remove("podAffinity");
    }
    if affinity.is_empty() {
        values.shift_remove("affinity");
    }
    changed
}
