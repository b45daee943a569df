//! The controller and its chart.

use serde_json::{Map, Value};

use super::super::Reason;
use super::super::chart::ChartUse;
use super::super::draft::way;
use super::super::material::Left;
use super::{Maker, chart_identity, take_out_keys};
use crate::catalog::{STEP_ISSUER_CHART, STEP_ISSUER_CHART_REPOSITORY, chart_values};
use crate::finding::{AFFINITY_PINS_CONTROLLER, CHART_CRDS_MISSING, CHART_VERSION_FLOATING};
use crate::manifest::kustomization::resolve;

impl<'a> Maker<'a> {
    pub(super) fn step_issuer(&mut self) {
        let material = self.context.material;
        let Some(chart) = self.chart() else {
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
        if chart.is_flux {
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
        if !values.is_empty() {
            self.made.draft.set(&["stepIssuer", "values"], Value::Object(values));
        }
        if !chart.brings_crds {
            let text = "without `includeCRDs` a cluster does not get to know the kinds of step-issuer; it is always set";
            self.because(&identity, Reason::of(&CHART_CRDS_MISSING, text));
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

/// Whether a chart's version is one and not a range.
pub(super) fn is_exact(version: &str) -> bool {
    let core = version.split(['-', '+']).next().unwrap_or_default().trim_start_matches('v');
    let parts: Vec<&str> = core.split('.').collect();
    parts.len() == 3 && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
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
