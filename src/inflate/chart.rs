//! The folder of a chart: read as any other input, without following links, so that it may come out of a commit as well.

use std::collections::BTreeMap;

use camino::Utf8Path;

use super::Problem;
use super::questions::Templates;
use crate::finding::{CHART_NOT_INFLATED, HELM_FAILED};
use crate::model::ChartRequest;
use crate::outside::files::{EntryKind, Folder};
use crate::tree::Digest;
use crate::yaml::{self, Keys, Node, text_of};

/// Files of a chart with all its dependencies; the largest published ones have a tenth of it.
const MAX_FILES: usize = 4_000;
/// Bytes of all of them together.
const MAX_BYTES: u64 = 32 * 1024 * 1024;
/// Folders inside each other.
const MAX_DEPTH: usize = 24;
/// Bytes of one file.
const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024;

/// A chart in a folder.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chart {
    /// Its files by their path in the folder, with `/`.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// Digest of paths and contents; line endings do not count.
    pub(super) digest: Digest,
    /// The folder, for messages.
    path: String,
}

/// Reads a chart.
pub(super) fn read_folder(folder: &dyn Folder, path: &str) -> Result<Chart, Problem> {
    let mut files = BTreeMap::new();
    let mut bytes = 0;
    collect(folder, "", 0, &mut bytes, &mut files)?;
    let plain: Vec<(&String, Vec<u8>)> = files.iter().map(|(path, bytes)| (path, with_line_feeds(bytes))).collect();
    let digest = Digest::of_parts(plain.iter().flat_map(|(path, bytes)| [path.as_bytes(), bytes]));
    Ok(Chart { files, digest, path: path.to_owned() })
}

/// Reads the chart in a folder of a repository.
pub(super) fn read(source: &dyn Folder, path: &Utf8Path) -> Result<Chart, Problem> {
    let folder = match source.folder(path.as_str()) {
        Ok(Some(folder)) => folder,
        Ok(None) => {
            let help =
                "put the chart there, for example with `helm pull --untar`, or correct the path; it begins at the root of the repository";
            return Err(Problem::new(&HELM_FAILED, format!("there is no folder `{path}`"), help));
        }
        Err(error) if path.extension() == Some("tgz") => {
            let help = "unpack it with `tar -xzf` and name the folder: so a review sees what a new version changes";
            drop(error);
            return Err(Problem::new(&HELM_FAILED, format!("`{path}` is a packed chart, and a folder is needed"), help));
        }
        Err(error) => return Err(Problem::of_file(&error)),
    };
    read_folder(&*folder, path.as_str())
}

fn collect(folder: &dyn Folder, below: &str, depth: usize, bytes: &mut u64, files: &mut BTreeMap<String, Vec<u8>>) -> Result<(), Problem> {
    for entry in folder.list().map_err(|error| Problem::of_file(&error))? {
        let path = if below.is_empty() { entry.name.clone() } else { format!("{below}/{}", entry.name) };
        if entry.kind == EntryKind::Folder {
            if depth == MAX_DEPTH {
                return Err(too_large(&path, &format!("it has more than {MAX_DEPTH} folders inside each other")));
            }
            if let Some(next) = folder.folder(&entry.name).map_err(|error| Problem::of_file(&error))? {
                collect(&*next, &path, depth + 1, bytes, files)?;
            }
            continue;
        }
        // A link, or what is no file, is refused here.
        let Some(content) = folder.read(&entry.name, MAX_FILE_BYTES).map_err(|error| Problem::of_file(&error))? else { continue };
        *bytes += u64::try_from(content.len()).unwrap_or(u64::MAX);
        if *bytes > MAX_BYTES || files.len() == MAX_FILES {
            return Err(too_large(&path, &format!("it has more than {MAX_FILES} files, or more than {} MiB", MAX_BYTES >> 20)));
        }
        files.insert(path, content);
    }
    Ok(())
}

fn too_large(path: &str, what: &str) -> Problem {
    Problem::new(&HELM_FAILED, format!("the chart is too large, at `{path}`: {what}"), "is that the chart's folder, and not one above it?")
}

fn with_line_feeds(bytes: &[u8]) -> Vec<u8> {
    if bytes.contains(&0) {
        return bytes.to_vec();
    }
    let returns = |index: &usize| bytes[*index] == b'\r' && bytes.get(index + 1) == Some(&b'\n');
    (0..bytes.len()).filter(|index| !returns(index)).map(|index| bytes[index]).collect()
}

impl Chart {
    /// Whether it is the chart that is asked for.
    pub(super) fn check(&self, request: &ChartRequest) -> Result<(), Problem> {
        let Some(bytes) = self.files.get("Chart.yaml") else {
            let help = "name the folder in which `Chart.yaml` lies";
            return Err(Problem::new(&HELM_FAILED, format!("`{}` holds no `Chart.yaml`, so it is no chart", self.path), help));
        };
        let broken = |error: crate::yaml::YamlError| {
            let message = format!("`{}/Chart.yaml` cannot be read: {} (line {})", self.path, error.message, error.at.line);
            Problem::new(&HELM_FAILED, message, "restore the chart as it was published")
        };
        let documents = text_of(bytes, 0).and_then(|text| yaml::read(text, 0, Keys::AsKubernetes)).map_err(broken)?;
        let text = |key: &str| documents.first().and_then(|node: &Node| node.get_str(key)).unwrap_or_default();
        if text("name") != request.chart {
            let message = format!("`{}` holds the chart `{}`, and `{}` is wanted", self.path, text("name"), request.chart);
            return Err(Problem::new(&CHART_NOT_INFLATED, message, "name the folder of that chart"));
        }
        let plain = |version: &str| version.trim_start_matches('v').to_owned();
        if plain(text("version")) != plain(&request.version) {
            let message = format!("`{}` holds version `{}` of the chart, and `{}` is wanted", self.path, text("version"), request.version);
            return Err(Problem::new(
                &CHART_NOT_INFLATED,
                message,
                "write the version that lies there to `chart.version`, or put the other one there",
            ));
        }
        Ok(())
    }

    /// Its templates, with what they ask.
    pub(super) fn templates(&self) -> Templates {
        Templates::new(&self.files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outside::files::OpenFolder;

    fn chart(files: &[(&str, &str)]) -> Result<Chart, Problem> {
        let folder = crate::outside::scratch::Scratch::new().expect("a folder");
        for (path, text) in files {
            folder.write(path, text.as_bytes()).expect("written");
        }
        read(&OpenFolder::open(folder.path()).expect("opened"), Utf8Path::new("charts/a"))
    }

    #[test]
    fn a_chart_is_the_same_with_other_line_endings_and_another_with_another_file() {
        let digest = |files: &[(&str, &str)]| chart(files).expect("a chart").digest;
        let one = digest(&[("charts/a/Chart.yaml", "name: a\nversion: 1\n")]);
        assert_eq!(one, digest(&[("charts/a/Chart.yaml", "name: a\r\nversion: 1\r\n")]));
        assert_ne!(one, digest(&[("charts/a/Chart.yaml", "name: a\nversion: 1\n"), ("charts/a/templates/a.yaml", "")]));
    }

    #[test]
    fn what_is_no_chart_is_said() {
        let problem = |files: &[(&str, &str)]| chart(files).expect_err("no chart").message;
        assert!(problem(&[("charts/b/Chart.yaml", "")]).contains("no folder `charts/a`"));
        assert!(problem(&[("charts/a", "")]).contains("`charts/a`"));
    }
}
