//! ServiceAccounts of the step-issuer chart: who runs the pod, and who has its rights.

use super::usage::{ChartUse, Engine};
use crate::catalog::minor_version;
use crate::finding::{CHART_DEFAULT_SERVICE_ACCOUNT, CHART_SERVICE_ACCOUNT_SPLIT, CHART_SERVICE_ACCOUNT_WITHOUT_NAMESPACE};
use crate::lint::Lint;
use crate::lint::object::value;
use crate::manifest::{Content, Document};
use crate::yaml::{Node, Value};

/// Judges one use of the chart. A value of another type is wrong enough, and told elsewhere.
pub(super) fn check(lint: &mut Lint<'_>, chart: &ChartUse<'_>) {
    let created = match chart.values.get("serviceAccount.create") {
        Some(given) => match given.node.value {
            Value::Boolean(created) => created,
            _ => return,
        },
        None if chart.values.get("serviceAccount").is_none_or(|given| given.node.as_map().is_some()) && chart.values.are_complete() => {
            false
        }
        None => return,
    };
    match chart.values.text("serviceAccount.name") {
        _ if created => without_namespace(lint, chart),
        Some(name) if name != "default" => split(lint, chart, name),
        _ => default_account(lint, chart),
    }
}

/// The chart binds its rights to `serviceAccount.name`, and lets the pod run as it only when it makes the account itself.
fn split(lint: &mut Lint<'_>, chart: &ChartUse<'_>, name: &str) {
    if patches(lint, chart).iter().any(|patch| patch.may_set("serviceAccountName", "Deployment")) {
        return;
    }
    let Some(given) = chart.values.get("serviceAccount.name") else { return };
    let message = format!("the chart gives its rights to ServiceAccount `{name}` and runs the pod as `default`, which has none");
    let help = "write `serviceAccount.create: true` beside the name; the chart then makes the account, so take yours out";
    lint.report(&CHART_SERVICE_ACCOUNT_SPLIT, given.document, &given.path, message, help);
}

fn default_account(lint: &mut Lint<'_>, chart: &ChartUse<'_>) {
    if !chart.values.are_complete() {
        return;
    }
    let (document, path) = match chart.values.get("serviceAccount.create") {
        Some(given) => (given.document, given.path),
        None => chart.place_for("serviceAccount.create"),
    };
    let namespace = chart.namespace.map_or_else(|| "its namespace".to_owned(), |namespace| format!("namespace `{namespace}`"));
    let message = format!(
        "the chart lets ServiceAccount `default` of {namespace} read every Secret of the cluster, and with it every pod there that names no other account"
    );
    let help = "write `serviceAccount: {create: true}` into the chart's values";
    lint.report(&CHART_DEFAULT_SERVICE_ACCOUNT, document, &path, message, help);
}

/// The chart's ServiceAccount names no namespace, and kustomize gives it none from 5.8 on.
fn without_namespace(lint: &mut Lint<'_>, chart: &ChartUse<'_>) {
    let Some(namespace) = chart.namespace.filter(|namespace| chart.engine == Engine::Kustomize && *namespace != "default") else {
        return;
    };
    let version = lint.scope.model.versions.kustomize.as_deref();
    let is_old = version.and_then(minor_version).is_some_and(|version| version < (5, 8));
    if is_old || is_moved_elsewhere(lint, chart, namespace) {
        return;
    }
    let when = match version {
        Some(version) => format!("kustomize {version} gives it none"),
        None => "kustomize gives it none from 5.8 on".to_owned(),
    };
    let message = format!(
        "the chart's ServiceAccount names no namespace, and {when}, so it lands in another one than `{namespace}` and the pod does not start"
    );
    let help = format!("patch it: target `kind: ServiceAccount`, `op: add`, `path: /metadata/namespace`, `value: {namespace}`");
    lint.report(&CHART_SERVICE_ACCOUNT_WITHOUT_NAMESPACE, chart.document, &chart.path.key("name"), message, help);
}

/// Whether something may give the ServiceAccount its namespace: a patch, a transformer, or an engine that puts objects
/// without a namespace into this one.
fn is_moved_elsewhere(lint: &Lint<'_>, chart: &ChartUse<'_>, namespace: &str) -> bool {
    let by_engine = lint.objects.iter().any(|object| {
        let target = match (object.identity.group.as_str(), object.identity.kind.as_str()) {
            ("argoproj.io", "Application") => object.text("spec.destination.namespace"),
            ("kustomize.toolkit.fluxcd.io", "Kustomization") => object.text("spec.targetNamespace"),
            _ => None,
        };
        target == Some(namespace)
    });
    let transforms = |document: &Document| {
        ["transformers", "replacements"]
            .iter()
            .any(|key| value(&document.node, key).and_then(Node::as_list).is_some_and(|list| !list.is_empty()))
    };
    by_engine
        || kustomizations(lint, chart).any(transforms)
        || patches(lint, chart).iter().any(|patch| patch.may_set("namespace", "ServiceAccount"))
}

/// The kustomizations that build the chart's objects.
fn kustomizations<'a>(lint: &Lint<'a>, chart: &ChartUse<'a>) -> impl Iterator<Item = &'a Document> + use<'a> {
    let own = chart.document;
    let documents = lint.scope.documents.iter();
    documents.filter(move |document| own.content == Content::Kustomization && document.content == own.content && document.root == own.root)
}

/// A patch of a kustomization.
struct Patch<'a> {
    /// The kind that it is for, where it says so.
    kind: Option<&'a str>,
    /// Its text; None where it stands in a file of its own.
    text: Option<&'a str>,
}

impl Patch<'_> {
    /// Whether it may set a field of a kind: what stands in another file is not known.
    fn may_set(&self, field: &str, kind: &str) -> bool {
        let fits = |text: &str| text.contains(field) && (self.kind.is_some() || text.contains(kind));
        self.kind.is_none_or(|named| named == kind) && self.text.is_none_or(fits)
    }
}

/// Every patch of the kustomizations that build the chart's objects, and of a HelmRelease's post-renderers.
fn patches<'a>(lint: &Lint<'a>, chart: &ChartUse<'a>) -> Vec<Patch<'a>> {
    let mut patches = Vec::new();
    for document in kustomizations(lint, chart) {
        patches_of(&document.node, &mut patches);
    }
    for renderer in value(&chart.document.node, "spec.postRenderers").and_then(Node::as_list).unwrap_or_default() {
        renderer.get("kustomize").into_iter().for_each(|node| patches_of(node, &mut patches));
    }
    patches
}

fn patches_of<'a>(node: &'a Node, patches: &mut Vec<Patch<'a>>) {
    for key in ["patches", "patchesJson6902", "patchesStrategicMerge"] {
        for patch in node.get(key).and_then(Node::as_list).unwrap_or_default() {
            let kind = value(patch, "target.kind").and_then(Node::as_str);
            // An entry of `patchesStrategicMerge` is a text or the name of a file.
            let text = patch.get_str("patch").or_else(|| patch.as_str().filter(|text| text.contains('\n')));
            patches.push(Patch { kind, text });
        }
    }
}

/// Whether `images:` of the kustomizations, or of a HelmRelease's post-renderers, replaces an image.
pub(super) fn replaces_image(lint: &Lint<'_>, chart: &ChartUse<'_>, image: &str) -> bool {
    let replaces = |node: &Node| {
        node.get("images").and_then(Node::as_list).is_some_and(|list| list.iter().any(|entry| entry.get_str("name") == Some(image)))
    };
    let post = value(&chart.document.node, "spec.postRenderers").and_then(Node::as_list).unwrap_or_default();
    kustomizations(lint, chart).any(|document| replaces(&document.node))
        || post.iter().filter_map(|node| node.get("kustomize")).any(replaces)
}

#[cfg(test)]
mod tests {
    use crate::lint::testing::places;

    const SPLIT: &str = "chart-service-account-split";
    const DEFAULT: &str = "chart-default-service-account";
    const WITHOUT: &str = "chart-service-account-without-namespace";

    fn kustomization(values: &str, more: &str) -> String {
        format!(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nhelmCharts:\n  - name: step-issuer\n    version: 1.11.0\n    includeCRDs: true\n    namespace: smallstep\n    valuesInline: {values}\n{more}"
        )
    }

    fn of(code: &str, inventory: &str, values: &str, more: &str) -> usize {
        places(code, inventory, &[("kustomization.yaml", &kustomization(values, more))]).len()
    }

    #[test]
    fn a_name_without_an_account_splits_rights_and_pod() {
        assert_eq!(of(SPLIT, "", "{serviceAccount: {name: x}}", ""), 1);
        assert_eq!(of(SPLIT, "", "{serviceAccount: {name: x, create: false}}", ""), 1);
        assert_eq!(of(SPLIT, "", "{serviceAccount: {name: x, create: true}}", ""), 0);
        let patch = "patches:\n  - target: {kind: Deployment}\n    patch: |-\n      - {op: add, path: /spec/template/spec/serviceAccountName, value: x}\n";
        assert_eq!(of(SPLIT, "", "{serviceAccount: {name: x}}", patch), 0, "a patch mends it");
    }

    #[test]
    fn the_default_account_is_told_of_unless_values_are_elsewhere() {
        assert_eq!(of(DEFAULT, "", "{replicaCount: 2}", ""), 1);
        assert_eq!(of(DEFAULT, "", "{serviceAccount: {create: true}}", ""), 0);
        assert_eq!(of(DEFAULT, "", "{serviceAccount: {create: 'true'}}", ""), 0, "another rule tells of the type");
        assert_eq!(of(DEFAULT, "", "{serviceAccount: true}", ""), 0);
        let release = |more: &str| {
            format!(
                "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: step-issuer}}\nspec:\n  chart: {{spec: {{chart: step-issuer, version: 1.11.0}}}}\n{more}"
            )
        };
        assert_eq!(places(DEFAULT, "", &[("release.yaml", &release(""))]).len(), 1);
        let unknown = release("  valuesFrom: [{kind: ConfigMap, name: values}]\n");
        assert_eq!(places(DEFAULT, "", &[("release.yaml", &unknown)]).len(), 0);
    }

    #[test]
    fn an_account_without_a_namespace_needs_a_patch() {
        let values = "{serviceAccount: {create: true}}";
        assert_eq!(of(WITHOUT, "", values, ""), 1);
        assert_eq!(of(WITHOUT, "versions: {kustomize: '5.8'}\n", values, "namespace: smallstep\n"), 1);
        assert_eq!(of(WITHOUT, "versions: {kustomize: '5.7'}\n", values, "namespace: smallstep\n"), 0);
        let patch = |kind: &str| {
            format!(
                "patches:\n  - target: {{kind: {kind}}}\n    patch: |-\n      - {{op: add, path: /metadata/namespace, value: smallstep}}\n"
            )
        };
        assert_eq!(of(WITHOUT, "", values, &patch("ServiceAccount")), 0);
        assert_eq!(of(WITHOUT, "", values, &patch("Deployment")), 1);
        assert_eq!(of(WITHOUT, "", values, "patches:\n  - path: account.yaml\n"), 0, "what a file patches is not known");
    }

    #[test]
    fn an_engine_that_fills_namespaces_in_is_no_problem() {
        let kustomization = kustomization("{serviceAccount: {create: true}}", "");
        let application = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: x}\nspec: {destination: {namespace: smallstep}, source: {path: out}}\n";
        assert_eq!(places(WITHOUT, "", &[("kustomization.yaml", &kustomization), ("application.yaml", application)]).len(), 0);
    }
}
