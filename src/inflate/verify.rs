//! What is committed in place of a new inflation: believed only where the record says that the same went in, and every file
//! is what came out.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;

use super::objects::{order, read_file};
use super::record::{INFLATION_FILE, Inputs, Listed, Record};
use super::{InflatedFile, Inflation, Problem};
use crate::finding::CHART_NOT_INFLATED;
use crate::model::ChartRequest;
use crate::outside::files::Folder;
use crate::tree::Digest;

/// Bytes that a file may have.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// What to do, wherever it cannot be proven.
const ALLOW: &str =
    "run `trustree render --allow-helm`, which runs `helm`, and commit what it writes; nothing in a repository can allow it";

/// Reads what came out of a chart before, and proves that it would come out again.
pub(super) fn verify(
    request: &ChartRequest,
    inputs: &Inputs,
    (folder, path): (Option<&dyn Folder>, &Utf8PathBuf),
) -> Result<Inflation, Problem> {
    let chart = &request.chart;
    let never = || {
        Problem::new(&CHART_NOT_INFLATED, format!("chart `{chart}` was never inflated here: there is no `{path}/{INFLATION_FILE}`"), ALLOW)
    };
    let folder = folder.ok_or_else(never)?;
    let text = text_of(folder, INFLATION_FILE)?.ok_or_else(never)?;
    let of_file =
        |name: &str, message: String| Problem { file: Some(path.join(name)), ..Problem::new(&CHART_NOT_INFLATED, message, ALLOW) };
    let record = Record::parse(&text).map_err(|(line, problem)| {
        of_file(INFLATION_FILE, format!("line {line} of the record of chart `{chart}` cannot be used: {problem}"))
    })?;
    let differences = record.inputs.differences(inputs);
    if let [first, rest @ ..] = differences.as_slice() {
        let what = rest.iter().fold((*first).to_owned(), |what, next| format!("{what}, {next}"));
        let message = format!("chart `{chart}` was inflated from something else than there is now; what differs: {what}");
        return Err(Problem::new(&CHART_NOT_INFLATED, message, ALLOW));
    }
    let mut files = Vec::new();
    for (name, listed) in &record.files {
        files.push(file(folder, name, listed)?.ok_or_else(|| {
            let help = "restore it with Git, or write it anew with `trustree render --allow-helm --force`, which runs `helm`".to_owned();
            Problem {
                help,
                ..of_file(name, format!("`{name}` is not what came out of chart `{chart}`: it is gone, or was edited by hand"))
            }
        })?);
    }
    files.sort_by(|a, b| order(a).cmp(&order(b)));
    let left_out: BTreeSet<String> = record.left_out;
    Ok(Inflation::new(files, left_out, inputs))
}

/// A listed file; None where it is not what it was.
fn file(folder: &dyn Folder, name: &str, listed: &Listed) -> Result<Option<InflatedFile>, Problem> {
    let Some(text) = text_of(folder, name)? else { return Ok(None) };
    let object = without_header(&text);
    if Digest::of(object.as_bytes()) != listed.digest {
        return Ok(None);
    }
    // A name that is not the object's own was never ours.
    Ok(read_file(object, listed.asks.clone()).ok().filter(|file| file.name == name))
}

/// The text of a file with line feeds only; None where there is no such text.
fn text_of(folder: &dyn Folder, name: &str) -> Result<Option<String>, Problem> {
    let bytes = folder.read(name, MAX_BYTES).map_err(|error| Problem::of_file(&error))?;
    Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()).map(|text| text.replace("\r\n", "\n")))
}

/// The object without the lines above it, which say where the file comes from and are written anew each time.
fn without_header(text: &str) -> &str {
    let mut rest = text;
    while rest.starts_with('#') {
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
    }
    rest
}

#[cfg(test)]
pub(super) mod testing {
    use crate::model::{ChartRequest, ChartSource};
    use crate::yaml::Path;

    /// A request for tests.
    pub(in crate::inflate) fn request() -> ChartRequest {
        let values = serde_json::json!({"replicaCount": 2});
        ChartRequest {
            chart: "step-issuer".to_owned(),
            source: ChartSource::Folder("charts/step-issuer".into()),
            version: "1.11.0".to_owned(),
            release: "step-issuer".to_owned(),
            namespace: "smallstep".to_owned(),
            values: values.as_object().cloned().unwrap_or_default(),
            kubernetes: "1.34".to_owned(),
            has_hooks: false,
            entry: Path::of(["stepIssuer"]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::request;
    use super::*;
    use crate::inflate::objects::objects;
    use crate::outside::files::OpenFolder;
    use crate::outside::scratch::Scratch;

    const POD: &str = "smallstep_core_pod_a.yaml";

    /// A folder as it was written, `change` made to it, and what a verification says of it.
    fn verified(change: impl FnOnce(&Scratch, &str)) -> Result<Inflation, String> {
        let inputs = Inputs::of(&request(), None);
        let text = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: b}\n";
        let files = objects(text, &request(), None).expect("objects").files;
        let folder = Scratch::new().expect("a folder");
        for file in &files {
            folder.write(&file.name, format!("# Generated.\n# By us.\n{}", file.text).as_bytes()).expect("written");
        }
        let record = Record::new(inputs.clone(), &files, BTreeSet::new()).to_text();
        folder.write(INFLATION_FILE, record.as_bytes()).expect("written");
        change(&folder, &record);
        let opened = OpenFolder::open(folder.path()).expect("opened");
        let inflation = verify(&request(), &inputs, (Some(&opened), &"out/a".into()));
        inflation
            .inspect(|inflation| assert_eq!((&*inflation.record, &inflation.files), (&*record, &files)))
            .map_err(|problem| problem.message)
    }

    #[test]
    fn what_was_written_is_believed_also_with_other_line_endings_and_another_header() {
        assert!(verified(|_, _| {}).is_ok());
        let other = "# Another header.\r\napiVersion: v1\r\nkind: Pod\r\nmetadata:\r\n  name: a\r\n  namespace: smallstep\r\n";
        assert!(verified(|folder, _| folder.write(POD, other.as_bytes()).expect("written")).is_ok());
    }

    #[test]
    fn what_was_edited_is_not() {
        let write =
            |name: &'static str, text: String| move |folder: &Scratch, _: &str| folder.write(name, text.as_bytes()).expect("written");
        let edited = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  namespace: other\n";
        assert!(verified(write(POD, edited.to_owned())).expect_err("edited").contains("edited by hand"));
        assert!(verified(write(INFLATION_FILE, String::new())).expect_err("empty").contains("line 1"));
        // Somebody who edits the record as well cannot bring a file under a name that is not its own.
        let forged = |folder: &Scratch, record: &str| {
            folder.write("evil.yaml", edited.as_bytes()).expect("written");
            let line = format!("file evil.yaml {}\nleft-out", Digest::of(edited.as_bytes()));
            folder.write(INFLATION_FILE, record.replace("release", &format!("{line} x\nrelease")).as_bytes()).expect("written");
        };
        assert!(verified(forged).expect_err("forged").contains("`evil.yaml`"));
    }

    #[test]
    fn other_inputs_are_named() {
        let inputs = Inputs::of(&request(), None);
        let other = Inputs::of(&ChartRequest { values: serde_json::Map::new(), namespace: "other".to_owned(), ..request() }, None);
        let folder = Scratch::new().expect("a folder");
        folder.write(INFLATION_FILE, Record::new(inputs, &[], BTreeSet::new()).to_text().as_bytes()).expect("written");
        let opened = OpenFolder::open(folder.path()).expect("opened");
        let problem = verify(&request(), &other, (Some(&opened), &"out/a".into())).expect_err("others");
        assert!(problem.message.ends_with("what differs: its values, its namespace"));
        assert!(problem.help.contains("--allow-helm"));
    }
}
