//! The values of a chart in use: several layers, of which the strongest that says something wins, each value with the place
//! where it was written.

use std::borrow::Cow;

use crate::manifest::Document;
use crate::yaml::{Node, Path, Value};

/// The values of a chart, strongest layer first. Helm merges maps key by key and replaces everything else; null takes a
/// value of a weaker layer away.
#[derive(Debug, Default)]
pub(in crate::lint) struct Values<'a> {
    pub(super) layers: Vec<Layer<'a>>,
    /// Whether there are more, which are not in the tree: what is absent here may be set there.
    pub(super) are_incomplete: bool,
}

/// One layer of values.
#[derive(Debug)]
pub(super) struct Layer<'a> {
    pub(super) document: &'a Document,
    pub(super) node: Cow<'a, Node>,
    pub(super) source: Source,
}

/// Where the values of a layer stand in its document.
#[derive(Debug)]
pub(super) enum Source {
    /// As they are, below that path.
    Below(Path),
    /// As a text at that path.
    Text(Path),
    /// As a list of names and values at that path; the names in their order.
    Parameters(Path, Vec<String>),
}

/// A value that somebody wrote.
#[derive(Debug)]
pub(in crate::lint) struct Given<'v, 'a> {
    pub(in crate::lint) node: &'v Node,
    /// Where it stands.
    pub(in crate::lint) document: &'a Document,
    pub(in crate::lint) path: Path,
}

impl<'a> Layer<'a> {
    /// Values that stand in a document as they are.
    pub(super) fn below(document: &'a Document, path: Path, node: &'a Node) -> Layer<'a> {
        Layer { document, node: Cow::Borrowed(node), source: Source::Below(path) }
    }

    /// The path in the document of a path of the values.
    pub(super) fn path(&self, value: &Path) -> Path {
        match &self.source {
            Source::Below(base) => base.join(value.segments()),
            Source::Text(base) => base.clone(),
            Source::Parameters(base, names) => {
                let value = value.to_string();
                let is_it = |name: &String| *name == value || name.strip_prefix(&value).is_some_and(|rest| rest.starts_with('.'));
                names.iter().position(is_it).map_or_else(|| base.clone(), |index| base.index(index).key("value"))
            }
        }
    }
}

impl<'a> Values<'a> {
    /// The value at a path of plain keys, such as `serviceAccount.create`.
    pub(in crate::lint) fn get(&self, path: &str) -> Option<Given<'_, 'a>> {
        for layer in &self.layers {
            match follow(&layer.node, path) {
                Followed::To(node) => {
                    return Some(Given { node, document: layer.document, path: layer.path(&Path::of(path.split('.'))) });
                }
                Followed::Ended => return None,
                Followed::Absent => {}
            }
        }
        None
    }

    /// The string there; None also where it is empty, which charts take for absent.
    pub(in crate::lint) fn text(&self, path: &str) -> Option<&str> {
        self.get(path)?.node.as_str().filter(|text| !text.is_empty())
    }

    /// Whether `true` stands there.
    pub(in crate::lint) fn is_true(&self, path: &str) -> bool {
        self.get(path).is_some_and(|given| given.node.value == Value::Boolean(true))
    }

    /// Whether all values are known.
    pub(in crate::lint) fn are_complete(&self) -> bool {
        !self.are_incomplete
    }

    /// Where a value could be written that nobody wrote.
    pub(super) fn place_for(&self, value: &str) -> Option<(&'a Document, Path)> {
        let layer = self.layers.first()?;
        Some((layer.document, layer.path(&Path::of(value.split('.')))))
    }
}

enum Followed<'v> {
    To(&'v Node),
    /// Something on the way is no map, so weaker layers are not asked.
    Ended,
    Absent,
}

fn follow<'v>(mut node: &'v Node, path: &str) -> Followed<'v> {
    for key in path.split('.') {
        match &node.value {
            Value::Map(map) => match map.get(key) {
                Some(next) => node = next,
                None => return Followed::Absent,
            },
            _ => return Followed::Ended,
        }
    }
    if node.value == Value::Null { Followed::Ended } else { Followed::To(node) }
}

#[cfg(test)]
mod tests {
    use crate::lint::testing::places;

    const CHART: &str = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nhelmCharts:\n  - {name: step-issuer, version: 1.11.0, includeCRDs: true, valuesFile: values.yaml";

    fn disabled(chart: &str, files: &[(&str, &str)]) -> Vec<String> {
        let kustomization = format!("{CHART}{chart}}}\n");
        let all: Vec<(&str, &str)> = [("kustomization.yaml", kustomization.as_str())].into_iter().chain(files.iter().copied()).collect();
        places("approval-check-disabled", "", &all)
    }

    const ON: &str = "deployment: {args: {disableApprovalCheck: true}}\n";
    const OFF: &str = "deployment: {args: {disableApprovalCheck: false}}\n";

    #[test]
    fn the_way_of_merging_decides_which_value_wins() {
        let inline = ", valuesInline: {deployment: {args: {disableApprovalCheck: false}}}";
        assert_eq!(disabled("", &[("values.yaml", ON)]).len(), 1);
        assert_eq!(disabled(inline, &[("values.yaml", ON)]).len(), 0, "inline wins over the file");
        assert_eq!(disabled(&format!("{inline}, valuesMerge: merge"), &[("values.yaml", ON)]).len(), 1, "the file wins");
        assert_eq!(disabled(&format!("{inline}, valuesMerge: replace"), &[("values.yaml", ON)]).len(), 0, "there is no file");
    }

    #[test]
    fn additional_files_win_over_all_and_the_last_one_most() {
        let more = ", valuesInline: {deployment: {args: {disableApprovalCheck: true}}}, additionalValuesFiles: [one.yaml, two.yaml]";
        assert_eq!(disabled(more, &[("values.yaml", ON), ("one.yaml", ON), ("two.yaml", OFF)]).len(), 0);
        assert_eq!(disabled(more, &[("values.yaml", OFF), ("one.yaml", OFF), ("two.yaml", ON)]), ["1:43"]);
    }

    #[test]
    fn null_takes_a_weaker_value_away() {
        let inline = ", valuesInline: {deployment: {args: {disableApprovalCheck: null}}}";
        assert_eq!(disabled(inline, &[("values.yaml", ON)]).len(), 0);
    }

    fn application(helm: &str) -> Vec<String> {
        let text = format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: step-issuer}}\nspec:\n  source:\n    chart: step-issuer\n    targetRevision: 1.11.0\n    helm:\n{helm}"
        );
        places("approval-check-disabled", "", &[("application.yaml", &text)])
    }

    #[test]
    fn parameters_of_argo_cd_win_over_its_values() {
        let parameter =
            |value: &str| format!("      parameters:\n        - {{name: deployment.args.disableApprovalCheck, value: \"{value}\"}}\n");
        let values = "      values: |\n        deployment: {args: {disableApprovalCheck: true}}\n";
        assert_eq!(application(values), ["10:9"]);
        assert_eq!(application(&parameter("true")), ["10:63"]);
        assert_eq!(application(&format!("{values}{}", parameter("false"))), [""; 0]);
        let object = "      valuesObject: {deployment: {args: {disableApprovalCheck: false}}}\n";
        assert_eq!(application(&format!("{values}{object}")), [""; 0], "`valuesObject` stands in for `values`");
    }
}
