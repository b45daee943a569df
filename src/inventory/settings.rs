//! `trustree.yaml`: where things lie in a repository. Every key has a default.

use std::collections::BTreeMap;

use camino::Utf8Path;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::finding::{Finding, PATH_ESCAPES, Place, WRONG_TYPE};
use crate::inventory::rules;
use crate::inventory::schema::RuleOverride;
use crate::tree::portable_path_problem;
use crate::yaml::{At, Keys, Path, read, read_struct, text_of};

/// The file that marks the root of a repository.
pub const SETTINGS_FILE: &str = "trustree.yaml";

/// Where things lie in a repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Settings {
    /// Folder of the environments and of `_layers`.
    pub environments: String,
    /// Folder of template overrides and of components of your own.
    pub templates: String,
    /// Folder that is rendered into.
    pub out: String,
    /// Path of a component below `out`; begins with the segment `{environment}`, where the ledger lies.
    pub path: String,
    /// Rules whose level is another one in every environment, by their code; an environment's own word counts more.
    pub rules: BTreeMap<String, RuleOverride>,
    /// Folder of CustomResourceDefinitions that rendered objects are checked against.
    pub crds: Option<String>,
    /// The oldest release of trustree that may work on this repository.
    pub minimum_version: Option<String>,
    /// Where each of `rules` stands.
    #[serde(skip)]
    #[schemars(skip)]
    rule_places: BTreeMap<String, At>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            environments: "environments".to_owned(),
            templates: "templates".to_owned(),
            out: "out".to_owned(),
            path: "{environment}/{namespace}/{component}".to_owned(),
            rules: BTreeMap::new(),
            crds: None,
            minimum_version: None,
            rule_places: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// Reads `trustree.yaml`; an empty file means all defaults.
    ///
    /// # Errors
    /// Everything that is wrong with it, as findings.
    pub fn parse(bytes: &[u8]) -> Result<Settings, Vec<Finding>> {
        let file = Utf8Path::new(SETTINGS_FILE);
        let documents =
            text_of(bytes, 0).and_then(|text| read(text, 0, Keys::AsKubernetes)).map_err(|error| vec![Finding::of_yaml(file, &error)])?;
        let Some(node) = documents.iter().find(|node| node.value != crate::yaml::Value::Null) else { return Ok(Settings::default()) };
        let mut problems = Vec::new();
        let mut settings: Option<Settings> = read_struct(node, &mut problems);
        // `crds/` reads as a folder, and means the same as `crds`.
        if let Some(folder) = settings.as_mut().and_then(|settings| settings.crds.as_mut()).filter(|folder| folder.ends_with('/')) {
            folder.pop();
        }
        let mut findings: Vec<Finding> =
            problems.iter().map(|problem| Finding::of_problem(problem, Place::at(file, problem.at(node)))).collect();
        if let Some(settings) = &mut settings {
            let places = settings.rules.keys().map(|code| (code.clone(), node.key_place(&Path::of(["rules", code]))));
            settings.rule_places = places.collect();
            findings.extend(rules::check(&settings.rules, node, |at| Place::at(file, at)));
            findings.extend(
                settings
                    .check()
                    .into_iter()
                    .map(|(key, finding)| Finding { place: Place::at(file, node.place(&Path::of([key]))), ..finding }),
            );
        }
        match settings {
            Some(settings) if findings.is_empty() => Ok(settings),
            _ => Err(findings),
        }
    }

    fn check(&self) -> Vec<(&'static str, Finding)> {
        let mut findings = Vec::new();
        let inputs = [("environments", Some(&self.environments)), ("templates", Some(&self.templates)), ("crds", self.crds.as_ref())];
        let inputs = inputs.into_iter().filter_map(|(key, folder)| Some((key, folder?.as_str())));
        for (key, folder) in inputs.clone().chain([("out", self.out.as_str())]) {
            if let Some(problem) = portable_path_problem(folder) {
                let finding = Finding::new(
                    &PATH_ESCAPES,
                    Place::whole(SETTINGS_FILE),
                    format!("`{key}: {folder}` is no folder below the repository: {problem}"),
                );
                findings.push((key, finding.help("name a folder in the repository, such as `out` or `clusters/rendered`")));
            }
        }
        let within = |inner: &str, outer: &str| inner == outer || inner.starts_with(&format!("{outer}/"));
        for (key, folder) in inputs {
            if within(folder, &self.out) || within(&self.out, folder) {
                let message = format!("`{key}: {folder}` and `out: {}` lie inside each other", self.out);
                findings.push((
                    "out",
                    Finding::new(&PATH_ESCAPES, Place::whole(SETTINGS_FILE), message).help("what is rendered needs a folder of its own"),
                ));
            }
        }
        if let Err(problem) = check_path(&self.path) {
            findings.push((
                "path",
                Finding::new(&PATH_ESCAPES, Place::whole(SETTINGS_FILE), format!("`path: {}`: {problem}", self.path))
                    .help("write it as `{environment}/{namespace}/{component}`, with parts of your own between them or left out"),
            ));
        }
        if let Some(minimum) = &self.minimum_version {
            match (version(minimum), version(env!("CARGO_PKG_VERSION"))) {
                (Some(minimum), Some(own)) if minimum <= own => {}
                (Some(_), Some(_)) => {
                    let message =
                        format!("this repository asks for trustree {minimum} or newer, and this is {}", env!("CARGO_PKG_VERSION"));
                    findings.push((
                        "minimumVersion",
                        Finding::new(&WRONG_TYPE, Place::whole(SETTINGS_FILE), message).help("install a newer release"),
                    ));
                }
                _ => {
                    let message = format!("`minimumVersion: {minimum}` is no version");
                    findings.push((
                        "minimumVersion",
                        Finding::new(&WRONG_TYPE, Place::whole(SETTINGS_FILE), message).help("write it as \"1.2\" or \"1.2.3\""),
                    ));
                }
            }
        }
        findings
    }

    /// Where the settings change the level of a rule.
    pub fn rule_place(&self, code: &str) -> Place {
        Place::at(Utf8Path::new(SETTINGS_FILE), self.rule_places.get(code).copied().unwrap_or_default())
    }

    /// Whether components of different namespaces lie in different folders.
    pub fn has_namespace_in_path(&self) -> bool {
        self.path.contains("{namespace}")
    }

    /// The folder of a component below the environment's own folder.
    pub fn component_folder(&self, namespace: &str, component: &str) -> String {
        let below = self.path.strip_prefix("{environment}").unwrap_or_default().trim_start_matches('/');
        below.replace("{namespace}", namespace).replace("{component}", component)
    }
}

/// `{environment}` first, then segments that are names or `{namespace}` or `{component}`, the latter at least once.
fn check_path(path: &str) -> Result<(), String> {
    let mut segments = path.split('/');
    if segments.next() != Some("{environment}") {
        return Err("it must begin with the segment `{environment}`, where the ledger lies".to_owned());
    }
    if !path.contains("{component}") {
        return Err("it must contain `{component}`, or components would write over each other".to_owned());
    }
    for segment in segments {
        let plain = segment.replace("{namespace}", "n").replace("{component}", "c");
        if let Some(problem) = portable_path_problem(&plain) {
            return Err(format!("`{segment}` is no part of a path: {problem}"));
        }
    }
    Ok(())
}

fn version(text: &str) -> Option<(u64, u64, u64)> {
    let mut parts = text.split('.').map(str::parse);
    let version = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next().map_or(Some(0), Result::ok)?);
    parts.next().is_none().then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(text: &str) -> Vec<String> {
        Settings::parse(text.as_bytes())
            .map_or_else(|findings| findings.into_iter().map(|finding| finding.message).collect(), |_| Vec::new())
    }

    #[test]
    fn an_empty_file_means_all_defaults() {
        assert_eq!(Settings::parse(b"").expect("settings"), Settings::default());
        assert_eq!(Settings::parse(b"# nothing\n").expect("settings"), Settings::default());
        assert_eq!(Settings::default().component_folder("smallstep", "step-issuer"), "smallstep/step-issuer");
    }

    #[test]
    fn folders_stay_in_the_repository_and_apart() {
        assert!(messages("out: ../elsewhere\n")[0].contains("no folder below the repository"));
        assert!(messages("out: /etc\n")[0].contains("no folder below the repository"));
        assert!(messages("out: environments/x\n")[0].contains("inside each other"));
        assert!(messages("path: \"{namespace}/{environment}\"\n")[0].contains("must begin with"));
        assert!(messages("path: \"{environment}/../{component}\"\n")[0].contains("no part of a path"));
        assert!(messages("ot: x\n")[0].contains("no field `ot`"));
        assert_eq!(Settings::parse(b"path: '{environment}/apps/{component}'\n").expect("settings").component_folder("n", "c"), "apps/c");
    }

    #[test]
    fn definitions_lie_in_a_folder_of_their_own() {
        assert_eq!(Settings::parse(b"crds: schemas/crds/\n").expect("settings").crds.as_deref(), Some("schemas/crds"));
        assert_eq!(Settings::parse(b"{}\n").expect("settings").crds, None);
        assert!(messages("crds: ../crds\n")[0].contains("`crds: ../crds` is no folder below the repository"));
        assert!(messages("crds: out/crds\n")[0].contains("inside each other"));
        assert!(messages("crds: a\nout: a/b\n")[0].contains("inside each other"));
    }

    #[test]
    fn a_repository_can_ask_for_a_newer_release() {
        assert!(messages("minimumVersion: \"999.0\"\n")[0].contains("asks for trustree 999.0"));
        assert!(messages("minimumVersion: \"0.1\"\n").is_empty());
        assert!(messages("minimumVersion: \"soon\"\n")[0].contains("no version"));
    }
}
