//! The controller's pod in the step-issuer chart: its images, and where it may run.

use super::accounts::replaces_image;
use super::usage::{ChartUse, Engine};
use super::version::numbers;
use crate::catalog::STEP_CERTIFICATES_CHART;
use crate::catalog::minor_version;
use crate::finding::{AFFINITY_PINS_CONTROLLER, CHART_IMAGE_TAG_MISMATCH, CHART_IMAGE_WITHDRAWN};
use crate::lint::Lint;
use crate::lint::object::value;
use crate::yaml::{Node, Path};

/// The image of charts up to 1.9.11 that its registry no longer has.
const WITHDRAWN: &str = "gcr.io/kubebuilder/kube-rbac-proxy";
/// The first chart without it.
const WITHOUT_PROXY: (u32, u32, u32) = (1, 10, 0);
/// The first chart whose minor version is that of its step-issuer.
const SAME_MINOR: (u32, u32, u32) = (1, 8, 0);

/// Judges one use of the chart.
pub(super) fn check(lint: &mut Lint<'_>, chart: &ChartUse<'_>) {
    if let Some(version) = chart.version().and_then(numbers) {
        withdrawn(lint, chart, version);
        tag(lint, chart, version);
    }
    affinity(lint, chart);
}

fn withdrawn(lint: &mut Lint<'_>, chart: &ChartUse<'_>, version: (u32, u32, u32)) {
    let repository = "kubeRBACproxy.image.repository";
    let is_default = match chart.values.get(repository) {
        Some(given) => given.node.as_str() == Some(WITHDRAWN),
        None => chart.values.are_complete(),
    };
    // One that is inflated beforehand shows its images itself.
    if chart.engine == Engine::Inflation {
        return;
    }
    if version >= WITHOUT_PROXY || !is_default || replaces_image(lint, chart, WITHDRAWN) {
        return;
    }
    let (document, path) = match (chart.values.get(repository), &chart.version) {
        (Some(given), _) => (given.document, given.path),
        (None, super::usage::Version::Written { document, path, .. }) => (*document, path.clone()),
        (None, _) => chart.place_for(repository),
    };
    let message = format!(
        "chart step-issuer {} starts `{WITHDRAWN}` beside the controller, an image that is gone from its registry",
        chart.version().unwrap_or_default()
    );
    let help =
        "take chart 1.10.0 or newer, or write `kubeRBACproxy.image.repository: quay.io/brancz/kube-rbac-proxy`, or a mirror that has it";
    lint.report(&CHART_IMAGE_WITHDRAWN, document, &path, message, help);
}

/// The flags that the chart gives changed with step-issuer 0.10, and each chart knows the fields of its own release.
fn tag(lint: &mut Lint<'_>, chart: &ChartUse<'_>, version: (u32, u32, u32)) {
    let Some((given, (0, image))) = chart.values.get("image.tag").and_then(|given| {
        let tag = given.node.as_str()?.split('@').next()?;
        let minor = minor_version(tag)?;
        Some((given, minor))
    }) else {
        return;
    };
    let (_, made_for, _) = version;
    if version < SAME_MINOR || image == made_for {
        return;
    }
    let message = format!(
        "chart step-issuer {} is made for step-issuer 0.{made_for}, and the image is 0.{image}",
        chart.version().unwrap_or_default()
    );
    let message = match (made_for >= 10, image >= 10) {
        (true, false) => format!("{message}: it does not know the flag `--metrics-bind-address` that the chart gives, and stops"),
        (false, true) => format!("{message}: it does not know the flag `--metrics-addr` that the chart gives, and stops"),
        _ => message,
    };
    let place = lint.place(given.document, &given.path);
    let help = match place.inventory_path().map(crate::yaml::Path::segments) {
        Some([crate::yaml::Segment::Key(images), crate::yaml::Segment::Key(image)]) if **images == *"images" => {
            format!(
                "write the tag of the chart's own release behind the mirror of `{image}`, or none, or take the chart that belongs to it"
            )
        }
        _ => "take `image.tag` out, so that the chart chooses its own, or take the chart that belongs to the image".to_owned(),
    };
    lint.report(&CHART_IMAGE_TAG_MISMATCH, given.document, &given.path, message, help);
}

/// A required affinity to the CA's pods on the same node: the controller talks to the CA over the network anyway.
fn affinity(lint: &mut Lint<'_>, chart: &ChartUse<'_>) {
    let Some(given) = chart.values.get("affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution") else { return };
    let terms = given.node.as_list().unwrap_or_default().iter().enumerate();
    let found = terms.into_iter().find(|(_, term)| {
        let topology = term.get_str("topologyKey").unwrap_or("kubernetes.io/hostname");
        topology == "kubernetes.io/hostname" && labels(term).any(|label| is_authority(lint, label))
    });
    let Some((index, _)) = found else { return };
    let message = "the controller may run only on the node of the CA: it waits as `Pending` whenever that node is full or drained";
    let help = "take it out, or use `preferredDuringSchedulingIgnoredDuringExecution`; the controller reaches the CA over the network";
    lint.report(&AFFINITY_PINS_CONTROLLER, given.document, &item(&given.path, index), message, help);
}

/// The path of an item; the place of a text stays where the text is.
fn item(list: &Path, index: usize) -> Path {
    list.index(index)
}

/// The values of labels that a term selects.
fn labels(term: &Node) -> impl Iterator<Item = &str> {
    let exact = value(term, "labelSelector.matchLabels").and_then(Node::as_map);
    let expressions = value(term, "labelSelector.matchExpressions").and_then(Node::as_list).unwrap_or_default();
    let chosen = expressions.iter().filter(|expression| expression.get_str("operator") == Some("In"));
    let values = chosen.flat_map(|expression| expression.get("values").and_then(Node::as_list).unwrap_or_default());
    exact.into_iter().flat_map(|map| map.iter().map(|(_, entry)| &entry.node)).chain(values).filter_map(Node::as_str)
}

fn is_authority(lint: &Lint<'_>, label: &str) -> bool {
    let authorities = &lint.scope.model.authorities;
    label == STEP_CERTIFICATES_CHART || authorities.values().any(|authority| label == authority.fullname || label == authority.release)
}

#[cfg(test)]
mod tests {
    use crate::lint::testing::places;

    fn of(code: &str, version: &str, values: &str, more: &str) -> usize {
        let text = format!(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nhelmCharts:\n  - {{name: step-issuer, version: {version}, includeCRDs: true, valuesInline: {values}}}\n{more}"
        );
        places(code, "", &[("kustomization.yaml", &text)]).len()
    }

    #[test]
    fn the_withdrawn_image_is_only_in_old_charts() {
        let code = "chart-image-withdrawn";
        assert_eq!(of(code, "1.9.11", "{}", ""), 1);
        assert_eq!(of(code, "1.9.9", "{kubeRBACproxy: {image: {repository: gcr.io/kubebuilder/kube-rbac-proxy}}}", ""), 1);
        assert_eq!(of(code, "1.10.0", "{}", ""), 0);
        assert_eq!(of(code, "1.9.9", "{kubeRBACproxy: {image: {repository: quay.io/brancz/kube-rbac-proxy}}}", ""), 0);
        let mirror = "images:\n  - {name: gcr.io/kubebuilder/kube-rbac-proxy, newName: mirror.example.org/kube-rbac-proxy}\n";
        assert_eq!(of(code, "1.9.9", "{}", mirror), 0);
    }

    #[test]
    fn chart_and_image_belong_together() {
        let code = "chart-image-tag-mismatch";
        for (version, tag) in [("1.11.0", "0.9.9"), ("1.9.9", "0.11.0"), ("1.11.0", "v0.10.2"), ("1.10.0", "0.11.0@sha256:00")] {
            assert_eq!(of(code, version, &format!("{{image: {{tag: \"{tag}\"}}}}"), ""), 1, "{version} {tag}");
        }
        for (version, tag) in [("1.11.0", "0.11.0"), ("1.9.9", "0.9.11"), ("1.11.0", ""), ("1.11.0", "latest"), ("1.11.0", "ours-7")] {
            assert_eq!(of(code, version, &format!("{{image: {{tag: \"{tag}\"}}}}"), ""), 0, "{version} {tag}");
        }
    }

    #[test]
    fn only_a_required_affinity_to_the_ca_pins() {
        let code = "affinity-pins-controller";
        let term = |labels: &str, topology: &str| {
            format!(
                "{{affinity: {{podAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: [{{topologyKey: {topology}, labelSelector: {{{labels}}}}}]}}}}}}"
            )
        };
        let host = "kubernetes.io/hostname";
        assert_eq!(of(code, "1.11.0", &term("matchLabels: {app.kubernetes.io/name: step-certificates}", host), ""), 1);
        let expression = "matchExpressions: [{key: app.kubernetes.io/name, operator: In, values: [step-certificates]}]";
        assert_eq!(of(code, "1.11.0", &term(expression, host), ""), 1);
        assert_eq!(of(code, "1.11.0", &term("matchLabels: {app: cache}", host), ""), 0);
        assert_eq!(
            of(code, "1.11.0", &term("matchLabels: {app.kubernetes.io/name: step-certificates}", "topology.kubernetes.io/zone"), ""),
            0
        );
        let preferred = "{affinity: {podAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1}]}}}";
        assert_eq!(of(code, "1.11.0", preferred, ""), 0);
    }
}
