//! The chart of a CA: the port on which it listens.

use super::usage::ChartUse;
use crate::finding::CHART_PORT_MISMATCH;
use crate::lint::Lint;
use crate::lint::object::is_filled_in_later;
use crate::yaml::{Node, Value};

/// The chart's default of `service.targetPort`, and the port in its default of `ca.address`.
const PORT: i64 = 9000;

/// Judges one use of the chart. With existing Secrets the address stands where nobody sees it.
pub(super) fn check(lint: &mut Lint<'_>, chart: &ChartUse<'_>) {
    let values = &chart.values;
    if values.is_true("existingSecrets.enabled") || !values.are_complete() {
        return;
    }
    let is_injected = values.is_true("inject.enabled");
    let address = if is_injected {
        // The key has a dot in it, so it is no path of plain keys.
        values.get("inject.config.files").and_then(|given| given.node.get("ca.json")?.get_str("address").map(str::to_owned))
    } else {
        values.text("ca.address").map(str::to_owned)
    };
    if let Some(without) = address.as_deref().filter(|address| !address.contains(':') && !is_filled_in_later(address)) {
        let (document, path) = match values.get(if is_injected { "inject.config.files" } else { "ca.address" }) {
            Some(given) => (given.document, given.path),
            None => chart.place_for("ca.address"),
        };
        let message = format!("the CA is to listen on `{without}`, which names no port: it does not start");
        let help = format!("write the port behind a colon, such as `:{PORT}`");
        lint.report(&CHART_PORT_MISMATCH, document, &path, message, help);
        return;
    }
    let Some(listens) = address.as_deref().map_or(Some(PORT), |address| address.rsplit_once(':')?.1.parse().ok()) else { return };
    let asks = match values.get("service.targetPort").map(|given| port(given.node)) {
        Some(None) => return,
        Some(Some(port)) => port,
        None => PORT,
    };
    if listens == asks {
        return;
    }
    let (document, path) = match values.get("service.targetPort") {
        Some(given) => (given.document, given.path),
        None => chart.place_for("service.targetPort"),
    };
    let message = format!("the CA listens on port {listens}, and its Service and probes ask for port {asks}");
    let help = format!("write `service.targetPort: {listens}`, or let the CA listen on {asks}");
    lint.report(&CHART_PORT_MISMATCH, document, &path, message, help);
}

/// A port; None for a name.
fn port(node: &Node) -> Option<i64> {
    match &node.value {
        Value::Integer(port) => Some(*port),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::testing::places;

    fn found(values: &str) -> Vec<String> {
        let text = format!(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nhelmCharts:\n  - name: step-certificates\n    repo: https://example.org\n    version: 1.30.1\n    releaseName: ca\n    valuesInline:\n{values}"
        );
        places("chart-port-mismatch", "", &[("kustomization.yaml", &text)])
    }

    #[test]
    fn the_service_asks_for_the_port_on_which_the_ca_listens() {
        assert_eq!(found("      ca: {address: ':8443'}\n").len(), 1);
        assert_eq!(found("      ca: {address: ':8443'}\n      service: {targetPort: 8444}\n"), ["10:29"]);
        assert_eq!(found("      service: {targetPort: 8443}\n"), ["9:29"]);
        assert_eq!(found("      ca: {address: '0.0.0.0:8443'}\n      service: {targetPort: 8443}\n"), [""; 0]);
        assert_eq!(found("      ca: {name: x}\n"), [""; 0]);
        assert_eq!(found("      ca: {address: foo}\n"), ["9:21"]);
        assert_eq!(found("      ca: {address: '${ADDRESS}'}\n"), [""; 0]);
    }

    #[test]
    fn what_is_injected_counts_where_something_is() {
        let injected = |port: u16| format!("      inject: {{enabled: true, config: {{files: {{ca.json: {{address: ':{port}'}}}}}}}}\n");
        assert_eq!(found(&injected(8443)).len(), 1);
        assert_eq!(found(&format!("{}      service: {{targetPort: 8443}}\n", injected(8443))), [""; 0]);
        assert_eq!(found(&format!("{}      ca: {{address: ':1'}}\n", injected(9000))), [""; 0]);
        assert_eq!(found("      existingSecrets: {enabled: true}\n      service: {targetPort: 8443}\n"), [""; 0]);
    }
}
