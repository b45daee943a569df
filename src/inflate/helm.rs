//! Running Helm: with nothing of the person's own settings, no cluster and no plugins, in a folder that is gone afterwards.

use std::sync::OnceLock;
use std::time::Duration;

use super::chart::{Chart, read_folder};
use super::objects::{Objects, objects};
use super::record::Inputs;
use super::{IS_UPGRADE, InflatedFile, Inflation, Problem};
use crate::finding::{CHART_NOT_INFLATED, HELM_FAILED};
use crate::model::{ChartRequest, ChartSource};
use crate::outside::files::OpenFolder;
use crate::outside::process::{Answer, Call, CallError, Limits, call};
use crate::outside::scratch::Scratch;

/// What one call of Helm may use. A chart takes well below a second; a repository may be slow. Of the memory, a program in Go
/// sets 1.2 GiB aside before it does anything.
const LIMITS: Limits = Limits { time: Duration::from_secs(120), bytes: 32 * 1024 * 1024, memory: 4 << 30 };
/// The oldest Helm that does all that is asked of it: it fetches from registries.
const OLDEST: (u32, u32) = (3, 8);
/// What a template asks whose object is there, or is as it is, only because Helm says that it installs.
const IS_INSTALL: &str = ".Release.IsInstall";
/// Characters of what Helm says that are told.
const MAX_TOLD: usize = 600;

/// A Helm that may be run.
#[derive(Debug)]
pub struct Helm {
    program: String,
    /// What it gets of our environment.
    environment: Vec<(String, String)>,
    limits: Limits,
    /// Whether it can be used; asked once.
    checked: OnceLock<Result<(), Problem>>,
}

impl Helm {
    /// A Helm by its path, or by a name that is looked for on the `PATH` among `environment`, which should hold that, and
    /// what it takes to reach a chart repository.
    pub fn new(program: String, environment: Vec<(String, String)>) -> Helm {
        Helm { program, environment, limits: LIMITS, checked: OnceLock::new() }
    }

    /// Inflates a chart, as for an installation and as for an upgrade. What differs is there only because Helm says that it
    /// installs; or it is another one each time, and cannot be kept in Git.
    pub(super) fn inflate(&self, request: &ChartRequest, chart: Option<&Chart>, inputs: &Inputs) -> Result<Inflation, Problem> {
        self.checked.get_or_init(|| self.check()).clone()?;
        let scratch = Scratch::new().map_err(|error| no_scratch(&error))?;
        let fetched = match (chart, &request.source) {
            (Some(_), _) | (None, ChartSource::Folder(_)) => None,
            (None, ChartSource::Repository(address)) => Some(self.fetch(request, address, &scratch)?),
        };
        let chart = chart.or(fetched.as_ref());
        for (path, bytes) in chart.iter().flat_map(|chart| &chart.files) {
            scratch.write(&format!("chart/{path}"), bytes).map_err(|error| no_scratch(&error))?;
        }
        // JSON is YAML, and needs no quotes that somebody could forget.
        let values = serde_json::Value::Object(request.values.clone()).to_string();
        scratch.write("values.json", values.as_bytes()).map_err(|error| no_scratch(&error))?;
        let mut objects = self.template(request, chart, &scratch, false)?;
        let upgraded = self.template(request, chart, &scratch, true)?;
        if objects.files != upgraded.files {
            let again = self.template(request, chart, &scratch, false)?;
            if let Some(file) = objects.files.iter().zip(&again.files).find_map(|(one, other)| (one != other).then_some(one)) {
                let message = format!("{} of chart `{}` is another one each time that it is inflated", file.identity, request.chart);
                let help = "the chart makes a random password or certificate; look for a value that names an existing one";
                return Err(Problem::new(&CHART_NOT_INFLATED, message, help));
            }
            for file in objects.files.iter_mut().filter(|file| !upgraded.files.contains(file)) {
                file.asks.insert(0, IS_INSTALL.to_owned());
            }
        }
        let is_new = |file: &&InflatedFile| !objects.files.iter().any(|known| known.identity == file.identity);
        let upgraded = upgraded.files.iter().filter(is_new);
        objects.left_out.extend(upgraded.map(|file| format!("{}/{} {IS_UPGRADE}", file.identity.kind, file.identity.name)));
        Ok(Inflation::new(objects.files, objects.left_out, inputs))
    }

    fn template(&self, request: &ChartRequest, chart: Option<&Chart>, scratch: &Scratch, is_upgrade: bool) -> Result<Objects, Problem> {
        // What comes from the inventory stands behind `=` or `--`, so that it can be no option of its own.
        let mut arguments = vec!["template".to_owned(), "--include-crds".to_owned()];
        arguments.extend(is_upgrade.then(|| "--is-upgrade".to_owned()));
        arguments.extend([
            format!("--kube-version={}", request.kubernetes),
            format!("--namespace={}", request.namespace),
            "--values=values.json".to_owned(),
            "--".to_owned(),
            request.release.clone(),
            "./chart".to_owned(),
        ]);
        let answer = self.call(&arguments, scratch)?;
        if !answer.is_success {
            let message = format!("helm cannot inflate chart `{}` {}: {}", request.chart, request.version, said(&answer.stderr));
            return Err(Problem::new(&HELM_FAILED, message, help_for(&answer.stderr)));
        }
        let text = String::from_utf8(answer.stdout).map_err(|_| {
            Problem::new(&HELM_FAILED, "what helm prints is not UTF-8", "is this the Helm that you mean? `--helm PATH` names another one")
        })?;
        objects(&text, request, chart)
    }

    /// Fetches a chart from its repository.
    fn fetch(&self, request: &ChartRequest, address: &str, scratch: &Scratch) -> Result<Chart, Problem> {
        let address = address.trim_end_matches('/');
        let mut arguments =
            vec!["pull".to_owned(), format!("--version={}", request.version), "--untar".to_owned(), "--untardir=fetched".to_owned()];
        match address.split_once("://") {
            Some(("oci", _)) => arguments.extend(["--".to_owned(), format!("{address}/{}", request.chart)]),
            Some(("https" | "http", _)) => {
                arguments.extend([format!("--repo={address}"), "--".to_owned(), request.chart.clone()]);
            }
            _ => {
                let help = "write it with `https://` or `oci://`; for a chart in this repository write `path` in place of `repo`";
                return Err(Problem::new(&HELM_FAILED, format!("`{address}` is no address of a chart repository"), help));
            }
        }
        let answer = self.call(&arguments, scratch)?;
        if !answer.is_success {
            let message =
                format!("helm cannot fetch chart `{}` {} from `{address}`: {}", request.chart, request.version, said(&answer.stderr));
            let help = "look at the version and the address; a chart in the repository, with `chart.path`, needs no network";
            return Err(Problem::new(&HELM_FAILED, message, help));
        }
        let folder = format!("fetched/{}", request.chart);
        let opened = OpenFolder::open(&scratch.path().join(&folder)).map_err(|error| Problem::of_file(&error))?;
        read_folder(&opened, &folder)
    }

    /// Whether it is a Helm that is new enough.
    fn check(&self) -> Result<(), Problem> {
        let scratch = Scratch::new().map_err(|error| no_scratch(&error))?;
        let answer = self.call(&["version".to_owned(), "--template={{.Version}}".to_owned()], &scratch)?;
        let text = String::from_utf8_lossy(&answer.stdout);
        let Some(version) = version(text.trim()).filter(|_| answer.is_success) else {
            let said = if answer.is_success { said(&answer.stdout) } else { said(&answer.stderr) };
            let message = format!("`{}` does not say its version as Helm does: {said}", self.program);
            return Err(Problem::new(&HELM_FAILED, message, "install Helm, or name it with `--helm PATH`"));
        };
        if version < OLDEST {
            let message = format!("`{}` is Helm {}, and {}.{} or later is needed", self.program, text.trim(), OLDEST.0, OLDEST.1);
            return Err(Problem::new(&HELM_FAILED, message, "install a newer one, or name it with `--helm PATH`"));
        }
        Ok(())
    }

    fn call(&self, arguments: &[String], scratch: &Scratch) -> Result<Answer, Problem> {
        let mut environment = self.environment.clone();
        let folders = [
            ("HOME", "home"),
            ("HELM_CACHE_HOME", "cache"),
            ("HELM_CONFIG_HOME", "config"),
            ("HELM_DATA_HOME", "data"),
            ("HELM_PLUGINS", "plugins"),
            ("HELM_REGISTRY_CONFIG", "config/registry.json"),
            ("HELM_REPOSITORY_CACHE", "cache/repository"),
            ("HELM_REPOSITORY_CONFIG", "config/repositories.yaml"),
            ("KUBECONFIG", "config/no-cluster"),
        ];
        environment.extend(folders.map(|(name, folder)| (name.to_owned(), scratch.path().join(folder).to_string())));
        let asked = Call { program: &self.program, arguments, environment: &environment, folder: scratch.path() };
        call(&asked, &self.limits).map_err(|error| {
            let help = match error {
                CallError::NotFound => "install Helm, put it on `PATH`, or name it with `--helm PATH`",
                CallError::TimedOut(_) => "try again; a chart in the repository, with `chart.path`, needs no network",
                CallError::Io(_) | CallError::TooMuch(_) => "is this the Helm that you mean? `--helm PATH` names another one",
            };
            Problem::new(&HELM_FAILED, format!("`{}`: {error}", self.program), help)
        })
    }
}

fn no_scratch(error: &std::io::Error) -> Problem {
    Problem::new(
        &HELM_FAILED,
        format!("there is no folder for Helm to work in: {error}"),
        "look at the place for temporary files, `TMPDIR`",
    )
}

/// What to do where Helm cannot inflate a chart.
fn help_for(said: &[u8]) -> &'static str {
    let said = String::from_utf8_lossy(said);
    let is_said = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if is_said(&["out of memory", "cannot allocate memory"]) {
        "the chart wants more memory than helm may use here; look for a loop without an end in it, or in its values"
    } else if is_said(&["missing in charts/", "chart dependencies"]) {
        "run `helm dependency update` in the chart's folder, and commit what it puts into `charts/`"
    } else {
        "correct the values that it speaks of; a chart may also ask for another `versions.kubernetes`"
    }
}

/// Major and minor of `v3.19.2`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.strip_prefix('v')?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// What a program says, on one line and not too long.
fn said(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("Use --debug")).collect();
    let told: String = lines.join("; ").chars().filter(|letter| !letter.is_control()).take(MAX_TOLD).collect();
    let told = told.trim_start_matches("Error: ");
    if told.is_empty() { "it says nothing".to_owned() } else { told.to_owned() }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::inflate::verify::testing::request;

    /// Runs a script in place of `helm template`. The stand-in itself is never written here: a program that is being written
    /// while another thread starts one cannot be started.
    fn inflate(script: &str, limits: Limits) -> Result<Inflation, Problem> {
        let program = format!("{}/tests/shims/helm", env!("CARGO_MANIFEST_DIR"));
        let helm = Helm { limits, ..Helm::new(program, vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())]) };
        let source = Scratch::new().expect("a folder");
        source.write("Chart.yaml", b"name: step-issuer\nversion: 1.11.0\n").expect("written");
        source.write("stand-in.sh", script.as_bytes()).expect("written");
        let chart = read_folder(&OpenFolder::open(source.path()).expect("opened"), "chart").expect("a chart");
        helm.inflate(&request(), Some(&chart), &Inputs::of(&request(), Some(&chart)))
    }

    #[test]
    fn helm_gets_what_the_inventory_says_and_nothing_of_ours() {
        let script = "cat chart/Chart.yaml >/dev/null || exit 1\necho 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:'\n\
                      echo \"  arguments: '$*'\"\necho \"  values: '$(cat values.json)'\"\n\
                      test -z \"$CARGO_MANIFEST_DIR$HELM_DRIVER\" && echo \"  own: '${HELM_PLUGINS##*/} ${KUBECONFIG##*/} ${HOME##*/}'\"";
        let inflation = inflate(script, LIMITS).expect("an inflation");
        let data = inflation.files[0].node.get("data").expect("data").to_json();
        let expected = serde_json::json!({
            "arguments": "template --include-crds --kube-version=1.34 --namespace=smallstep --values=values.json -- step-issuer ./chart",
            "own": "plugins no-cluster home",
            "values": "{\"replicaCount\":2}",
        });
        assert_eq!(data, expected);
    }

    #[test]
    fn what_keeps_helm_from_an_answer_is_said() {
        let short = Limits { time: Duration::from_millis(300), bytes: 4096, ..LIMITS };
        for (script, expected) in [
            (
                "echo 'Error: bad: <.Values.x>: nil pointer' >&2; exit 1",
                "helm cannot inflate chart `step-issuer` 1.11.0: bad: <.Values.x>: nil pointer",
            ),
            ("exit 1", "it says nothing"),
            ("sleep 30", "had not ended"),
            ("while :; do echo 'a: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'; done", "more than 4 KiB"),
            ("echo 'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\n'; [ \"$3\" = --is-upgrade ] || echo '---\nx: 1'", "no object"),
            ("echo hello", "no object"),
            ("printf '\\377'", "not UTF-8"),
            ("echo 'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:' '{x: '$$'}'", "another one each time"),
        ] {
            let problem = inflate(script, short).expect_err(script);
            assert!(problem.message.contains(expected), "{script}: {problem:?}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn helm_has_only_so_much_memory() {
        // The limit is there as soon as somebody looks.
        let problem = inflate("sleep 1; ulimit -v >&2; exit 1", LIMITS).expect_err("a problem");
        assert!(problem.message.ends_with(&format!(": {}", LIMITS.memory >> 10)), "{}", problem.message);
    }

    #[test]
    fn what_is_there_only_at_an_installation_is_marked() {
        let object = |kind: &str| format!("echo '---\napiVersion: v1\nkind: {kind}\nmetadata: {{name: a}}'\n");
        let script = format!("{}[ \"$3\" = --is-upgrade ] || {}", object("Service"), object("Pod"));
        let files = inflate(&script, LIMITS).expect("an inflation").files;
        let asks: Vec<(&str, Vec<String>)> = files.iter().map(|file| (file.identity.kind.as_str(), file.asks.clone())).collect();
        assert_eq!(asks, [("Pod", vec![IS_INSTALL.to_owned()]), ("Service", Vec::new())]);
    }

    #[test]
    fn what_only_an_upgrade_has_is_told() {
        let object = |kind: &str| format!("echo '---\napiVersion: v1\nkind: {kind}\nmetadata: {{name: a}}'\n");
        let script = format!("{}[ \"$3\" != --is-upgrade ] || {}", object("Service"), object("Pod"));
        let inflation = inflate(&script, LIMITS).expect("an inflation");
        assert_eq!((inflation.files.len(), inflation.of_upgrade.as_slice()), (1, &["Pod/a".to_owned()][..]));
        assert!(super::super::install_only(&request(), &inflation)[0].message.contains("Pod/a"));
    }

    #[test]
    fn the_help_fits_what_helm_says() {
        for (said, expected) in [
            ("found in Chart.yaml, but missing in charts/ directory: redis", "helm dependency update"),
            ("fatal error: runtime: out of memory", "memory"),
            ("nil pointer", "correct the values"),
        ] {
            assert!(help_for(said.as_bytes()).contains(expected), "{said}");
        }
    }

    #[test]
    fn only_helm_of_our_time_will_do() {
        for (text, expected) in [("v3.19.2", Some((3, 19))), ("v4.0.0-rc.1", Some((4, 0))), ("3.19.2", None), ("Client: v2", None)] {
            assert_eq!(version(text), expected, "{text}");
        }
        assert!(version("v3.7.2") < Some(OLDEST));
    }
}
