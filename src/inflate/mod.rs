//! Charts to objects, before the tree is rendered: by Helm where the person at the keyboard allows it, otherwise from what
//! was inflated and committed before, once it is proven to be the same. Nothing in a repository can allow it.
//!
//! Knows charts and Helm, not which component takes the objects up.

mod chart;
mod helm;
mod objects;
mod questions;
mod record;
mod verify;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use camino::Utf8PathBuf;

use crate::finding::{CHART_INSTALL_ONLY, Finding, Place, Rule};
use crate::manifest::{Identity, Shape, flaws_of};
use crate::model::{ChartRequest, ChartSource};
use crate::outside::files::{FileError, Folder};
use crate::tree::Digest;
use crate::yaml::Node;
use chart::Chart;
use record::{Inputs, Record};

pub use helm::Helm;
pub use record::INFLATION_FILE;

/// What came out of the charts of an environment, by their name in the model.
pub type Inflations = BTreeMap<String, Arc<Inflation>>;

/// What came out of one chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Inflation {
    /// The objects, each in a file of its own; definitions of kinds first, otherwise sorted by name.
    pub files: Vec<InflatedFile>,
    /// What `.trustree.inflation` says of it.
    pub record: Arc<str>,
    /// Digest of everything that went in.
    pub inputs: Digest,
    /// What is not among them because only an upgrade has it, such as `Job/migrate`.
    pub of_upgrade: Vec<String>,
}

/// What a template asks whose object is not there, only because Helm says that it installs.
const IS_UPGRADE: &str = ".Release.IsUpgrade";

impl Inflation {
    /// What came out, and the lines of the record about what is not there.
    fn new(files: Vec<InflatedFile>, left_out: BTreeSet<String>, inputs: &Inputs) -> Inflation {
        // The record may come out of a repository.
        let is_plain = |object: &&str| object.len() < 300 && object.chars().all(|letter| letter.is_ascii_graphic() && letter != '`');
        let objects = left_out.iter().filter_map(|line| line.strip_suffix(IS_UPGRADE)?.strip_suffix(' '));
        let of_upgrade = objects.filter(is_plain).map(str::to_owned).collect();
        let record = Record::new(inputs.clone(), &files, left_out).to_text().into();
        Inflation { files, record, inputs: inputs.digest(), of_upgrade }
    }
}

/// One object that came out of a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct InflatedFile {
    /// Name of the file.
    pub name: String,
    /// The object as text, without what stands on top of every file of ours.
    pub text: Arc<str>,
    /// Its fields.
    pub node: Arc<Node>,
    /// What it is.
    pub identity: Identity,
    /// What its template asks Helm that only an installation can answer, such as `.Release.IsInstall`.
    pub asks: Vec<String>,
}

/// Why a chart could not be inflated: said of the chart's entry in the inventory, or of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Problem {
    rule: &'static Rule,
    message: String,
    help: String,
    /// The file; None where the chart's entry is meant.
    file: Option<Utf8PathBuf>,
}

/// Inflates the charts of a repository: equal requests once, whoever asks.
#[derive(Debug, Default)]
pub struct Inflater {
    /// None where nobody has allowed it.
    helm: Option<Helm>,
    charts: Shared<Utf8PathBuf, Chart>,
    inflations: Shared<Digest, Inflation>,
    verified: AtomicUsize,
}

/// What is found out once and shared, by what it was asked for.
type Shared<K, V> = Mutex<HashMap<K, Arc<OnceLock<Result<Arc<V>, Problem>>>>>;

impl Inflater {
    /// One that may run Helm.
    pub fn with(helm: Helm) -> Inflater {
        Inflater { helm: Some(helm), ..Inflater::default() }
    }

    /// How many times a chart was not inflated, because what is committed was proven to be the same.
    pub fn verified(&self) -> usize {
        self.verified.load(Ordering::Relaxed)
    }

    /// Inflates one chart of the repository `source`. `committed` is the folder that holds what came out of it before, and
    /// its path; None where there is none yet.
    ///
    /// # Errors
    /// Why there is nothing, or nothing that could be written.
    pub fn inflate(
        &self,
        request: &ChartRequest,
        source: &dyn Folder,
        committed: (Option<&dyn Folder>, &Utf8PathBuf),
    ) -> Result<Arc<Inflation>, Vec<Finding>> {
        let chart = match &request.source {
            ChartSource::Folder(path) => Some(once(&self.charts, path, || chart::read(source, path))),
            ChartSource::Repository(_) => None,
        };
        let told = |problem: Problem| vec![problem.finding(request)];
        let chart = chart.transpose().map_err(told)?;
        if let Some(chart) = &chart {
            chart.check(request).map_err(told)?;
        }
        let inputs = Inputs::of(request, chart.as_deref());
        let inflation = match &self.helm {
            Some(helm) => once(&self.inflations, &inputs.digest(), || helm.inflate(request, chart.as_deref(), &inputs)),
            None => verify::verify(request, &inputs, committed).map(Arc::new),
        };
        let inflation = inflation.map_err(told)?;
        let findings = flaws(request, &inflation);
        if !findings.is_empty() {
            return Err(findings);
        }
        self.verified.fetch_add(usize::from(self.helm.is_none()), Ordering::Relaxed);
        Ok(inflation)
    }
}

/// Finds something out, or waits for whoever is at it.
fn once<K: Clone + Eq + std::hash::Hash, V>(
    shared: &Shared<K, V>,
    key: &K,
    find: impl FnOnce() -> Result<V, Problem>,
) -> Result<Arc<V>, Problem> {
    let cell = Arc::clone(shared.lock().unwrap_or_else(PoisonError::into_inner).entry(key.clone()).or_default());
    cell.get_or_init(|| find().map(Arc::new)).clone()
}

/// What is wrong with objects and values by themselves: a name that Kubernetes refuses, secret material.
fn flaws(request: &ChartRequest, inflation: &Inflation) -> Vec<Finding> {
    let values = Node::from(serde_json::Value::Object(request.values.clone()));
    let of_values = flaws_of(&values, None, Shape::Values).into_iter().map(|flaw| {
        let path = request.entry.key("values").join(flaw.path().segments());
        flaw.finding(Place::Inventory(path))
    });
    let of_files = inflation.files.iter().flat_map(|file| {
        flaws_of(&file.node, Some(&file.identity), Shape::Object).into_iter().map(|flaw| {
            let mut finding = flaw.finding(place(request));
            finding.message = format!("{} of chart `{}`: {}", file.identity, request.chart, finding.message);
            finding.help.get_or_insert_with(|| "look for a value of the chart that changes it, or take another version".to_owned());
            finding
        })
    });
    of_values.chain(of_files).collect()
}

/// Where a finding about the chart as a whole points.
fn place(request: &ChartRequest) -> Place {
    let chart = request.entry.key("chart");
    Place::Inventory(match request.source {
        ChartSource::Folder(_) => chart.key("path"),
        ChartSource::Repository(_) => chart.key("version"),
    })
}

/// Objects that are named in one finding.
const NAMED: usize = 6;

/// What Helm would have decided anew at every installation and upgrade, and nobody decides any more.
pub fn install_only(request: &ChartRequest, inflation: &Inflation) -> Vec<Finding> {
    let mut by_question: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for file in &inflation.files {
        for ask in &file.asks {
            by_question.entry(ask).or_default().push(file.identity.to_string());
        }
    }
    let shown = |objects: &[String]| {
        let more = objects.len().saturating_sub(NAMED);
        let named = objects[..objects.len() - more].join(", ");
        if more > 0 { format!("{named} and {more} more") } else { named }
    };
    let told = |(ask, objects): (&str, Vec<String>)| {
        let named = shown(&objects);
        let message = format!(
            "chart `{}` asks Helm for `{ask}`, which is answered here once and for all, as at a first installation into an empty cluster: {named}",
            request.chart
        );
        let help = "an engine applies them in this form again and again; look for a value of the chart that turns them off, or bring them by other means";
        Finding::new(&CHART_INSTALL_ONLY, place(request), message).help(help)
    };
    let upgrade = (!inflation.of_upgrade.is_empty()).then(|| {
        let named = shown(&inflation.of_upgrade);
        let message = format!(
            "chart `{}` makes something only where Helm upgrades (`{IS_UPGRADE}`), and it is not in the tree: {named}",
            request.chart
        );
        let help = "look for a value of the chart that brings it always, or bring it by other means";
        Finding::new(&CHART_INSTALL_ONLY, place(request), message).help(help)
    });
    by_question.into_iter().map(told).chain(upgrade).collect()
}

impl Problem {
    fn new(rule: &'static Rule, message: impl Into<String>, help: impl Into<String>) -> Problem {
        Problem { rule, message: message.into(), help: help.into(), file: None }
    }

    fn finding(self, request: &ChartRequest) -> Finding {
        let place = self.file.map_or_else(|| place(request), Place::whole);
        Finding::new(self.rule, place, self.message).help(self.help)
    }

    fn of_file(error: &FileError) -> Problem {
        let rule = match error {
            FileError::Link { .. } | FileError::PathEscapes { .. } => &crate::finding::PATH_ESCAPES,
            _ => &crate::finding::UNREADABLE_FILE,
        };
        Problem::new(rule, error.told(), error.hint().unwrap_or("look at what lies there"))
    }
}

/// What the inventory says of a chart, in the form in which it says it: for rules about charts and their values.
pub fn request_as_node(request: &ChartRequest) -> Node {
    serde_json::json!({
        "chart": {"name": request.chart, "version": request.version},
        "release": request.release,
        "namespace": request.namespace,
        "values": request.values,
    })
    .into()
}
