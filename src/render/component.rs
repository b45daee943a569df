//! Components: `component.yaml` and its templates, from the binary and from the user's repository, compiled once.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use minijinja::Environment;

use crate::finding::{Finding, Place, TEMPLATE_INVALID, listed};
use crate::manifest::CheckedDocuments;
use crate::render::built_in::{BUILT_IN, TemplateFile, built_in};
use crate::render::engine::{FILTERS, engine};
use crate::render::fill;
use crate::render::overrides::stale;
use crate::render::specification::{self, COMPONENT_FILE, Owner, Specification};
use crate::tree::Digest;
use crate::yaml::{nearest, text_of};

/// The component with issuers and certificates, which a bootstrap renders in the cluster.
pub(super) const CARRIED: &str = "step-issuer";

/// A component, ready to render.
#[derive(Debug)]
pub(super) struct Component {
    pub(super) name: String,
    /// What its `component.yaml` says.
    pub(super) specification: Specification,
    /// Where each of its files comes from, for messages.
    sources: BTreeMap<String, Utf8PathBuf>,
}

/// Every component with its templates, compiled.
#[derive(Debug)]
pub struct Templates {
    pub(super) components: Vec<Component>,
    pub(super) environment: Environment<'static>,
    /// What they rendered before, for any environment.
    pub(super) checked: CheckedDocuments,
    digest: Digest,
    /// The user's own files of the component that a bootstrap renders, by their names.
    pub(super) carried: BTreeMap<String, String>,
    /// What is to be told of the user's files, without it being in the way.
    findings: Vec<Finding>,
}

impl Templates {
    /// The built-in components with the user's files over them.
    ///
    /// # Errors
    /// Every file that cannot be used, with its line.
    pub fn new(overrides: &[TemplateFile]) -> Result<Templates, Vec<Finding>> {
        let mut findings = Vec::new();
        let mut environment = engine();
        let mut drafts = Vec::new();
        let mut digested: Vec<Vec<u8>> = vec![fill::FORMAT.as_bytes().to_vec()];
        let own = overrides.iter().map(|file| file.component.as_str());
        let names: BTreeSet<&str> = own.chain(BUILT_IN.iter().map(|(name, _)| *name)).collect();
        for name in names {
            let mut files: BTreeMap<&str, (Utf8PathBuf, Vec<u8>)> = built_in(name)
                .iter()
                .map(|(file, text)| (*file, (Utf8PathBuf::from(format!("templates/{name}/{file}")), text.as_bytes().to_vec())))
                .collect();
            for file in overrides.iter().filter(|file| file.component == name) {
                files.insert(&file.name, (file.path.clone(), file.bytes.clone()));
            }
            for (file, (_, bytes)) in &files {
                digested.extend([name.as_bytes().to_vec(), file.as_bytes().to_vec(), bytes.clone()]);
            }
            if !files.contains_key(COMPONENT_FILE) {
                let file = files.values().next().map(|(path, _)| path.clone()).unwrap_or_default();
                findings.push(without_specification(name, &file));
                continue;
            }
            match Draft::read(name, files) {
                Ok(draft) => drafts.push(draft),
                Err(more) => findings.extend(more),
            }
        }
        // What a component takes from one that cannot be read is not looked for.
        let is_whole = findings.is_empty();
        for draft in &drafts {
            findings.extend(draft.compile(&drafts, is_whole, &mut environment));
        }
        let sources: Vec<_> = drafts.iter().map(|draft| draft.sources(&drafts)).collect();
        let component =
            |(draft, sources): (Draft<'_>, _)| Component { name: draft.name.to_owned(), specification: draft.specification, sources };
        let components = drafts.into_iter().zip(sources).map(component).collect();
        let digest = Digest::of_parts(digested.iter().map(Vec::as_slice));
        if findings.is_empty() {
            let findings = overrides.iter().filter_map(|file| stale(file, overrides)).collect();
            // What is the built-in text is there without being carried.
            let is_built_in =
                |file: &&TemplateFile| built_in(CARRIED).contains(&(file.name.as_str(), &*String::from_utf8_lossy(&file.bytes)));
            let carried = overrides.iter().filter(|file| file.component == CARRIED && !is_built_in(file));
            let carried = carried.filter_map(|file| Some((file.name.clone(), text_of(&file.bytes, 0).ok()?.to_owned()))).collect();
            Ok(Templates { components, environment, checked: CheckedDocuments::default(), digest, carried, findings })
        } else {
            Err(findings)
        }
    }

    /// Files of the user's that were made from another built-in text than there is now, or that change nothing.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The components of the user's own, by name, each with its `component.yaml`.
    pub fn own(&self) -> impl Iterator<Item = (&str, Utf8PathBuf)> {
        let own = self.components.iter().filter(|component| component.is_own());
        own.map(|component| (component.name.as_str(), component.source(COMPONENT_FILE)))
    }

    /// Digest of all templates and of the format that the writer keeps to.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

fn without_specification(component: &str, file: &Utf8Path) -> Finding {
    let message = format!("there is no component `{component}`, and no `{COMPONENT_FILE}` beside this file");
    let built_in = BUILT_IN.iter().map(|(name, _)| *name);
    let help = match nearest(component, built_in.clone()) {
        Some(near) => format!("did you mean the built-in component `{near}`?"),
        None => {
            format!("the built-in components are {}; a component of your own says in `{COMPONENT_FILE}` what it writes", listed(built_in))
        }
    };
    Finding::new(&TEMPLATE_INVALID, Place::whole(file), message).help(help)
}

impl Component {
    /// Whether it is the user's own, and not a built-in one.
    pub(super) fn is_own(&self) -> bool {
        built_in(&self.name).is_empty()
    }

    /// Name of a template among all templates: one of another component is named with it.
    pub(super) fn template_name(&self, template: &str) -> String {
        full_name(&self.name, template)
    }

    /// Where a file of the component comes from.
    pub(super) fn source(&self, file: &str) -> Utf8PathBuf {
        self.sources.get(file).cloned().unwrap_or_else(|| Utf8PathBuf::from(file))
    }
}

/// Name of a template among all templates, as the `component.yaml` of `component` calls it.
fn full_name(component: &str, template: &str) -> String {
    if template.contains('/') { template.to_owned() } else { format!("{component}/{template}") }
}

/// A component whose templates are not compiled yet: a template may be rendered by another component, too.
struct Draft<'a> {
    name: &'a str,
    specification: Specification,
    /// Where each of its files comes from.
    paths: BTreeMap<&'a str, Utf8PathBuf>,
    /// The templates.
    texts: BTreeMap<&'a str, String>,
}

impl<'a> Draft<'a> {
    fn read(name: &'a str, files: BTreeMap<&'a str, (Utf8PathBuf, Vec<u8>)>) -> Result<Draft<'a>, Vec<Finding>> {
        let mut findings = Vec::new();
        let mut texts = BTreeMap::new();
        for (file, (path, bytes)) in &files {
            match text_of(bytes, 0) {
                Ok(text) => drop(texts.insert(*file, text.replace("\r\n", "\n"))),
                Err(error) => findings.push(Finding::of_yaml(path, &error)),
            }
        }
        let (component_path, _) = &files[COMPONENT_FILE];
        let owner = Owner { component: name, is_own: built_in(name).is_empty() };
        let text = texts.remove(COMPONENT_FILE);
        let specification = text.and_then(|text| specification::parse(&text, component_path, owner, &mut findings));
        let paths = files.into_iter().map(|(file, (path, _))| (file, path)).collect();
        match specification {
            Some(specification) if findings.is_empty() => Ok(Draft { name, specification, paths, texts }),
            _ => Err(findings),
        }
    }

    /// The templates that it renders, as its `component.yaml` calls them.
    fn used(&self) -> impl Iterator<Item = &str> {
        self.specification.all_files().flat_map(|(_, file)| &file.documents).map(|document| document.template.as_str())
    }

    /// Adds its templates to the others; what is wrong with them, and with the names of those that it renders.
    fn compile(&self, drafts: &[Draft<'_>], is_whole: bool, environment: &mut Environment<'static>) -> Vec<Finding> {
        let mut findings = self.unknown_templates(drafts, is_whole);
        let used: BTreeSet<String> = drafts.iter().flat_map(|draft| draft.used().map(|template| full_name(draft.name, template))).collect();
        for (file, text) in &self.texts {
            let path = &self.paths[file];
            let name = full_name(self.name, file);
            if !used.contains(&name) {
                if !built_in(self.name).iter().any(|(known, _)| known == file) {
                    findings.push(self.unused(file, path));
                }
                continue;
            }
            if let Some((line, problem)) = fill::misplaced_value(text) {
                let place = Place::File { file: path.clone(), line, column: 1 };
                let help = "a value stands alone behind `key:` or `-`; build longer values in the inventory";
                findings.push(Finding::new(&TEMPLATE_INVALID, place, problem).help(help));
            }
            if let Some((line, word)) = fill::foreign_statement(text) {
                let place = Place::File { file: path.clone(), line, column: 1 };
                let message = format!("`{{% {word} %}}` is no statement of a template");
                let help = "a template has `if` and `for`; values come from the inventory, and nothing is included";
                findings.push(Finding::new(&TEMPLATE_INVALID, place, message).help(help));
                continue;
            }
            if let Err(error) = environment.add_template_owned(name, text.clone()) {
                findings.push(of_template_error(path, &error));
            }
        }
        findings
    }

    /// Templates that are named and not there.
    fn unknown_templates(&self, drafts: &[Draft<'_>], is_whole: bool) -> Vec<Finding> {
        let place = Place::whole(&self.paths[COMPONENT_FILE]);
        let finding = |template: &str| {
            let Some((component, file)) = template.split_once('/') else {
                if self.texts.contains_key(template) {
                    return None;
                }
                let message = format!("`{template}` is named here, and there is no such file beside it");
                return Some((message, nearest(template, self.texts.keys().copied()).map(str::to_owned)));
            };
            let other = drafts.iter().find(|draft| draft.name == component);
            if !is_whole || other.is_some_and(|draft| draft.texts.contains_key(file)) {
                return None;
            }
            let near = match other {
                Some(draft) => nearest(file, draft.texts.keys().copied()).map(|near| format!("{component}/{near}")),
                None => nearest(component, drafts.iter().map(|draft| draft.name)).map(|near| format!("{near}/{file}")),
            };
            Some((format!("`{template}` is named here, and no component has such a template"), near))
        };
        let found = self.used().filter_map(finding);
        let finding = |(message, near): (String, Option<String>)| {
            let finding = Finding::new(&TEMPLATE_INVALID, place.clone(), message);
            match near {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None => finding,
            }
        };
        found.map(finding).collect()
    }

    fn unused(&self, file: &str, path: &Utf8PathBuf) -> Finding {
        let message = format!("nothing renders `{file}`: `{COMPONENT_FILE}` does not name it");
        let finding = Finding::new(&TEMPLATE_INVALID, Place::whole(path), message);
        match nearest(file, self.used()) {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding.help(format!("the templates are {}", listed(self.used()))),
        }
    }

    /// Where its files come from, and the templates of others that it renders.
    fn sources(&self, drafts: &[Draft<'_>]) -> BTreeMap<String, Utf8PathBuf> {
        let own = self.paths.iter().map(|(file, path)| ((*file).to_owned(), path.clone()));
        let of_others = self.used().filter_map(|template| {
            let (component, file) = template.split_once('/')?;
            let other = drafts.iter().find(|draft| draft.name == component)?;
            Some((template.to_owned(), other.paths.get(file)?.clone()))
        });
        own.chain(of_others).collect()
    }
}

/// A template engine's error as a finding.
pub(super) fn of_template_error(path: &Utf8PathBuf, error: &minijinja::Error) -> Finding {
    let line = error.line().and_then(|line| u32::try_from(line).ok()).unwrap_or_default();
    let column = error.range().zip(error.template_source()).map_or(1, |(range, source)| {
        let before = source.get(..range.start).unwrap_or_default();
        before.chars().rev().take_while(|character| *character != '\n').count() + 1
    });
    let excerpt = error
        .range()
        .and_then(|range| error.template_source()?.get(range))
        .map(str::trim)
        .filter(|excerpt| !excerpt.is_empty() && excerpt.len() < 200);
    let detail = error.detail().map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()));
    let message = match excerpt {
        Some(excerpt) => format!("{detail} (`{excerpt}`)"),
        None => detail,
    };
    let filters = || format!("a template has `if`, `for` and the filters {}; build longer values in the inventory", listed(FILTERS));
    let help = match error.kind() {
        minijinja::ErrorKind::UndefinedError => {
            "a template sees the model and what `component.yaml` says behind `as`; look at the spelling"
        }
        minijinja::ErrorKind::OutOfFuel => "a loop in it has no end, or far too many turns",
        minijinja::ErrorKind::UnknownFilter | minijinja::ErrorKind::UnknownFunction | minijinja::ErrorKind::UnknownTest => &filters(),
        minijinja::ErrorKind::SyntaxError => {
            "look at the braces of this line and the one above; a template has `if` and `for`, and no other statements"
        }
        _ => "look at this line; the built-in template of that name shows how it can be",
    };
    Finding::new(&TEMPLATE_INVALID, Place::File { file: path.clone(), line, column: u32::try_from(column).unwrap_or(1) }, message)
        .help(help)
}
