//! Charts that are inflated before the tree is rendered. Their objects are judged like any other; here it is about what the
//! inventory says of them.

use super::usage::{ChartUse, Crds, Engine, Version};
use super::values::{Layer, Values};
use crate::manifest::{Content, Document};
use crate::yaml::Path;

/// The chart that a request is about; None for other documents.
pub(super) fn chart(document: &Document) -> Option<ChartUse<'_>> {
    let node = (document.content == Content::ChartRequest).then_some(&document.node)?;
    let version = node.get("chart")?.get_str("version")?.to_owned();
    let values = node.get("values").map(|values| Layer::below(document, Path::of(["values"]), values));
    Some(ChartUse {
        name: node.get("chart")?.get_str("name")?,
        version: Version::Written { text: version, document, path: Path::of(["chart", "version"]) },
        release: node.get_str("release").map(str::to_owned),
        namespace: node.get_str("namespace"),
        engine: Engine::Inflation,
        crds: Crds::Included,
        document,
        path: Path::of(["chart"]),
        values: Values { layers: values.into_iter().collect(), are_incomplete: false },
    })
}
