//! What the catalog says of charts is what the charts say themselves: their own `values.yaml` has no key that the catalog
//! does not know, no value of another type, and, for step-issuer, no default that the catalog takes for a change.

#![expect(clippy::disallowed_methods, reason = "a test reads its own files")]

use std::fs;
use std::path::PathBuf;

use trustree::catalog::{STEP_ISSUER_CHART, chart_values};
use trustree::yaml::{Keys, read};

mod reference {
    use super::*;

    #[test]
    #[ignore = "needs the reference files, with TRUSTREE_REFERENCE=<folder>: .ci/run runs it where they are at hand"]
    fn the_values_of_every_chart_are_known() {
        let folder =
            PathBuf::from(std::env::var("TRUSTREE_REFERENCE").expect("TRUSTREE_REFERENCE names the folder of the reference files"));
        let mut seen = 0;
        for entry in fs::read_dir(folder.join("charts")).expect("listed").flatten() {
            let file = entry.file_name().into_string().expect("UTF-8");
            let Some((chart, version)) = file.strip_suffix(".values.yaml").and_then(|name| name.rsplit_once('-')) else { continue };
            let text = fs::read_to_string(entry.path()).expect("read");
            let values = read(&text, 0, Keys::AsKubernetes).expect("YAML").remove(0);
            let known = chart_values(chart, version).expect(&file);
            assert_eq!(known.check(&values), [], "{file}");
            if chart == STEP_ISSUER_CHART {
                let values = values.to_json();
                let left = known.without_defaults(values.as_object().expect("a map"));
                assert!(left.is_empty(), "{file}: {left:?}");
            }
            seen += 1;
        }
        assert!(seen > 0, "no values of a chart in the folder");
    }
}
