//! One template to one document: rendered, filled, read again and checked.

use minijinja::Value;

use crate::finding::{
    Finding, MANIFEST_INVALID_YAML, MANIFEST_NAME_INVALID, MANIFEST_NOT_AN_OBJECT, MANIFEST_SECRET_MATERIAL, MANIFEST_UNKNOWN_FIELD,
    MANIFEST_WRONG_TYPE, Place, TEMPLATE_INVALID,
};
use crate::manifest::{Flaw, Identity};
use crate::render::component::{Component, Content, Templates, of_template_error};
use crate::render::fill;
use crate::yaml::{Path, ProblemKind};

/// A rendered document.
pub(super) struct Document {
    pub(super) text: String,
    /// What it is; None for values and kustomizations.
    pub(super) identity: Option<Identity>,
    /// The files beside it that a kustomization names.
    pub(super) names: Vec<String>,
    /// The inventory entry or the template that it comes from.
    pub(super) place: Place,
}

impl Document {
    /// Namespace, then name.
    pub(super) fn sort_key(&self) -> (Option<&str>, Option<&str>) {
        let identity = self.identity.as_ref();
        (identity.and_then(|identity| identity.namespace.as_deref()), identity.map(|identity| identity.name.as_str()))
    }
}

/// One template of one file.
pub(super) struct Job<'a> {
    pub(super) component: &'a Component,
    /// The file that the documents go to.
    pub(super) file: &'a str,
    pub(super) content: Content,
    pub(super) template: &'a str,
}

impl Job<'_> {
    /// Renders the template once, for an entry of the inventory where it runs over a map; the document, where there is
    /// one, and what is wrong with it.
    pub(super) fn run(&self, templates: &Templates, context: Value, entry: Option<Path>) -> (Option<Document>, Vec<Finding>) {
        let source = self.component.source(self.template);
        let over = entry.as_ref().map(|path| format!(", rendered for `{path}`")).unwrap_or_default();
        let template = templates.environment.get_template(&self.component.template_name(self.template));
        let rendered = match template.and_then(|template| template.render(context)) {
            Ok(rendered) => rendered,
            Err(error) => {
                let mut finding = of_template_error(&source, &error);
                finding.message.push_str(&over);
                return (None, vec![finding]);
            }
        };
        let mut text = match fill::fill(&rendered) {
            Ok(text) => text,
            Err(problem) => return (None, vec![Finding::new(&TEMPLATE_INVALID, Place::whole(source), format!("{problem}{over}"))]),
        };
        if !text.ends_with('\n') {
            text.push('\n');
        }
        let (mut identity, mut names) = (None, Vec::new());
        let flaws = match self.content {
            Content::Objects => {
                let flaws;
                (identity, flaws) = templates.checked.object(&text);
                flaws
            }
            Content::Values => templates.checked.values(&text),
            Content::Kustomization => {
                let flaws;
                (names, flaws) = templates.checked.kustomization(&text);
                flaws
            }
        };
        let place = entry.map_or_else(|| Place::whole(&source), Place::Inventory);
        let findings = flaws.iter().map(|flaw| of_flaw(flaw, self.file, source.as_str(), place.clone())).collect();
        (Some(Document { text, identity, names, place }), findings)
    }
}

fn of_flaw(flaw: &Flaw, file: &str, template: &str, place: Place) -> Finding {
    let help = format!("it comes from `{template}`");
    match flaw {
        Flaw::Yaml(error) => {
            Finding::new(&MANIFEST_INVALID_YAML, place, format!("`{file}`: {} (line {} of the document)", error.message, error.at.line))
                .help(help)
        }
        Flaw::NotAnObject(problem) => Finding::new(&MANIFEST_NOT_AN_OBJECT, place, format!("`{file}`: {problem}")).help(help),
        Flaw::Field(problem) => {
            let inner = Finding::of_problem(problem, place.clone());
            let rule = match problem.kind {
                ProblemKind::UnknownField { .. } => &MANIFEST_UNKNOWN_FIELD,
                _ => &MANIFEST_WRONG_TYPE,
            };
            let help = inner.help.map_or(help.clone(), |more| format!("{more} ({help})"));
            Finding::new(rule, place, format!("`{file}`: {}", inner.message)).help(help)
        }
        Flaw::WrongValue(path, problem) => Finding::new(&MANIFEST_WRONG_TYPE, place, format!("`{file}`: `{path}`: {problem}")).help(help),
        Flaw::Name(path, problem) => Finding::new(&MANIFEST_NAME_INVALID, place, format!("`{file}`: `{path}`: {problem}")).help(help),
        Flaw::SecretMaterial(path) => Finding::new(&MANIFEST_SECRET_MATERIAL, place, format!("`{file}`: `{path}` holds secret material"))
            .help("name a Secret in the cluster instead; a tree in Git is read by many"),
    }
}
