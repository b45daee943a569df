//! Charts that were inflated beforehand: their objects take their place beside what a component renders.

use std::sync::Arc;

use super::component::Component;
use super::{Instance, Pass, Written};
use crate::finding::{Finding, Place, TEMPLATE_INVALID};
use crate::inflate::{INFLATION_FILE, Inflation, request_as_node};
use crate::manifest::{self, Content, Origin};
use crate::model::ChartSource;

impl<'a> Pass<'a> {
    /// The chart whose objects an instance of a component takes up.
    pub(super) fn chart_of(&mut self, component: &Component, instance: &Instance) -> Option<String> {
        let path = component.specification.chart.as_ref()?;
        self.text_at(component, path, instance)
    }

    /// The objects of the chart that was inflated beforehand, as files beside those of the component: names and texts.
    pub(super) fn inflated(&mut self, component: &'a Component, instance: &Instance, folder: &str) -> Vec<(String, String)> {
        let Some(chart) = self.chart_of(component, instance) else { return Vec::new() };
        self.request(&chart, folder);
        let inflation = self.inflations.get(&chart).cloned();
        self.charts.insert(chart.clone());
        let Some(inflation) = inflation else { return Vec::new() };
        let record =
            Written { owner: component, path: format!("{folder}/{INFLATION_FILE}"), root: None, text: inflation.record.to_string() };
        self.written.push(record);
        self.objects(&chart, &inflation, folder);
        inflation.files.iter().map(|file| (file.name.clone(), format!("{}{}", self.header, file.text))).collect()
    }

    /// What the inventory says of a chart, for whoever judges it.
    pub(super) fn request(&mut self, chart: &str, folder: &str) {
        let Some(request) = self.model.inflations.get(chart) else { return };
        let root = self.out.join(folder);
        self.documents.push(manifest::Document {
            file: root.join(INFLATION_FILE),
            root,
            content: Content::ChartRequest,
            node: Arc::new(request_as_node(request)),
            origin: Origin::Rendered { entry: Some(request.entry.clone()), template: self.model.sources.inventory.clone() },
        });
    }

    /// The objects of a chart, for whoever judges them.
    pub(super) fn objects(&mut self, chart: &str, inflation: &Inflation, folder: &str) {
        let Some(request) = self.model.inflations.get(chart) else { return };
        let entry = request.entry.key("chart");
        let template = match &request.source {
            ChartSource::Folder(path) => path.clone(),
            ChartSource::Repository(address) => format!("{address} {}-{}", request.chart, request.version).into(),
        };
        let root = self.out.join(folder);
        for file in &inflation.files {
            self.identities.push((file.identity.clone(), Place::Inventory(entry.clone())));
            self.documents.push(manifest::Document {
                file: root.join(&file.name),
                root: root.clone(),
                content: Content::Object(file.identity.clone()),
                node: Arc::clone(&file.node),
                origin: Origin::Rendered { entry: Some(entry.clone()), template: template.clone() },
            });
        }
    }

    /// Charts that were inflated for nothing: no component takes their objects up.
    pub(super) fn charts_without_component(&mut self) {
        for (chart, request) in self.model.inflations.iter().filter(|(chart, _)| !self.charts.contains(*chart)) {
            let message = format!("no component takes up the objects of chart `{chart}`");
            let help =
                "a component says with `chart:` which one it takes up; look at the `component.yaml` that took the built-in one's place";
            self.findings.push(Finding::new(&TEMPLATE_INVALID, Place::Inventory(request.entry.key("chart")), message).help(help));
        }
    }
}
