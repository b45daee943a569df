//! One template to one document: rendered, filled, read again and checked.

use std::sync::Arc;

use minijinja::Value;

use crate::finding::{Finding, IN_QUOTES, Place, TEMPLATE_INVALID};
use crate::manifest::{Checked, Flaw, Shape};
use crate::model::Model;
use crate::render::component::{Component, Templates, of_template_error};
use crate::render::engine::MAX_DOCUMENT_BYTES;
use crate::render::fill;
use crate::yaml::Path;

/// A rendered document.
pub(super) struct Document {
    pub(super) text: String,
    /// What it turned out to be.
    pub(super) checked: Arc<Checked>,
    /// The inventory entry that it was rendered for.
    pub(super) entry: Option<Path>,
    /// The inventory entry or the template that it comes from.
    pub(super) place: Place,
}

impl Document {
    /// Namespace, then name.
    pub(super) fn sort_key(&self) -> (Option<&str>, Option<&str>) {
        let identity = self.checked.identity.as_ref();
        (identity.and_then(|identity| identity.namespace.as_deref()), identity.map(|identity| identity.name.as_str()))
    }
}

/// One template of one file.
pub(super) struct Job<'a> {
    pub(super) model: &'a Model,
    pub(super) component: &'a Component,
    /// The file that the documents go to.
    pub(super) file: &'a str,
    pub(super) shape: Shape,
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
        if text.len() > MAX_DOCUMENT_BYTES {
            let message = format!("the document has more than {} MiB{over}", MAX_DOCUMENT_BYTES >> 20);
            let help = "no API server takes such an object; render several smaller ones";
            return (None, vec![Finding::new(&TEMPLATE_INVALID, Place::whole(source), message).help(help)]);
        }
        let checked = templates.checked.check(&text, self.shape);
        // That a component is switched on says less than its template.
        let is_entry = |entry: &Path| !self.component.is_own() || entry.segments().len() > 2;
        let place = entry.clone().filter(is_entry).map_or_else(|| Place::whole(&source), Place::Inventory);
        let findings = checked.flaws.iter().map(|flaw| self.of_flaw(flaw, entry.as_ref(), &place)).collect();
        (Some(Document { text, checked, entry, place }), findings)
    }

    fn of_flaw(&self, flaw: &Flaw, entry: Option<&Path>, otherwise: &Place) -> Finding {
        let place = match self.model.source_of(self.shape, entry, &flaw.path()) {
            Some(path) if flaw.is_about_key() => Place::InventoryKey(path),
            Some(path) => Place::Inventory(path),
            None => otherwise.clone(),
        };
        let mut finding = flaw.finding(place);
        let line = if let Flaw::Yaml(error) = flaw { format!(" (line {} of the document)", error.at.line) } else { String::new() };
        finding.message = format!("`{}`: {}{line}", self.file, finding.message);
        let origin = format!("it comes from `{}`", self.component.source(self.template));
        // A placeholder stands alone, so quotes around it are refused.
        if finding.help.as_deref() == Some(IN_QUOTES) && matches!(finding.place, Place::File { .. }) {
            finding.help = Some("make a text of it with `~`, as in `{{ values.port ~ \"\" }}`".to_owned());
        }
        finding.help = Some(match finding.help {
            Some(help) if !matches!(flaw, Flaw::SecretMaterial(_)) => format!("{help} ({origin})"),
            Some(help) => help,
            None => origin,
        });
        finding
    }
}
