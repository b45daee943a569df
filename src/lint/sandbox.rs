//! A small environment for tests of rules: one authority with the CA snapshot of `tests/rules/_good`, what an inventory
//! adds to it, and objects that somebody wrote.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::Utf8Path;
use jiff::civil::Date;

use super::testing::{model, written};
use super::{Lint, Scope, Verdict, certificate, issuer, judged};
use crate::finding::Rule;
use crate::manifest::Document;
use crate::model::{Extent, KnownSnapshot};
use crate::snapshot::{Snapshot, load};

/// The snapshot of that CA; its provisioners are `admin` and `step-issuer`.
pub(super) const SNAPSHOT: &str = include_str!("../../tests/rules/_good/environments/prod/ca-snapshot.yaml");

const HEAD: &str = "authorities:\n  internal:\n    namespace: smallstep\n    snapshot: ca-snapshot.yaml\n";

/// An environment to be judged.
pub(super) struct Sandbox {
    inventory: String,
    snapshot: String,
    documents: Vec<Document>,
    as_of: Option<Date>,
}

impl Sandbox {
    /// With that behind the head of the inventory.
    pub(super) fn new(inventory: &str) -> Sandbox {
        Sandbox { inventory: format!("{HEAD}{inventory}"), snapshot: SNAPSHOT.to_owned(), documents: Vec::new(), as_of: None }
    }

    /// With another snapshot.
    pub(super) fn with_snapshot(self, change: impl FnOnce(&str) -> String) -> Sandbox {
        let snapshot = change(&self.snapshot);
        assert_ne!(snapshot, self.snapshot, "the change changes nothing");
        Sandbox { snapshot, ..self }
    }

    /// With an object that somebody wrote, each in a file of its own.
    pub(super) fn write(mut self, text: &str) -> Sandbox {
        for text in text.split("\n---\n") {
            self.documents.extend(written(&format!("{}/object.yaml", self.documents.len()), text));
        }
        self
    }

    /// Judged on that day, such as `2027-06-01`.
    pub(super) fn at(self, day: &str) -> Sandbox {
        Sandbox { as_of: Some(day.parse().expect("a day")), ..self }
    }

    /// What the rules about issuers and certificates say.
    pub(super) fn lint(&self) -> Verdict {
        let snapshot = load(self.snapshot.as_bytes(), Utf8Path::new("ca-snapshot.yaml")).unwrap_or_else(|findings| panic!("{findings:?}"));
        let snapshots =
            BTreeMap::from([("internal".to_owned(), KnownSnapshot::Here(Arc::<Snapshot>::new(snapshot), "ca-snapshot.yaml".into()))]);
        let model = model(&self.inventory, &snapshots, Extent::Known);
        let families: [fn(&mut Lint<'_>); 2] = [issuer::check, certificate::check];
        let definitions = crate::manifest::crd::CrdCatalog::default();
        let scope = Scope {
            model: &model,
            snapshots: &snapshots,
            documents: &self.documents,
            definitions: &definitions,
            vendored: None,
            as_of: self.as_of,
        };
        judged(&scope, scope.documents, &families)
    }

    /// The messages of what one rule finds.
    pub(super) fn found(&self, rule: &Rule) -> Vec<String> {
        let Verdict { ours, theirs } = self.lint();
        ours.into_iter().chain(theirs).filter(|finding| finding.rule == rule).map(|finding| finding.message).collect()
    }
}

/// The `caBundle` that fits the snapshot.
pub(super) fn root_bundle() -> String {
    load(SNAPSHOT.as_bytes(), Utf8Path::new("ca-snapshot.yaml")).expect("a snapshot").ca_bundle()
}

/// An issuer of that CA in which nothing is wrong, named `by-hand`, a StepIssuer in namespace `web`.
pub(super) fn issuer(kind: &str) -> String {
    let (own, reference) = match kind {
        "StepIssuer" => ("  namespace: web\n", ""),
        _ => ("", "      namespace: smallstep\n"),
    };
    let bundle = root_bundle();
    format!(
        "apiVersion: certmanager.step.sm/v1beta1\nkind: {kind}\nmetadata:\n  name: by-hand\n{own}spec:\n  url: https://step-certificates.smallstep.svc.cluster.local\n  caBundle: {bundle}\n  provisioner:\n    name: step-issuer\n    kid: knuhGxxc67HkQ3VLZK_uFIGuaqWkjJUjNDjnjezVb3E\n    passwordRef:\n      name: step-issuer-password\n      key: password\n{reference}"
    )
}

/// A certificate of that issuer with further lines of its spec.
pub(super) fn certificate(name: &str, spec: &str) -> String {
    let lines: String = spec.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata:\n  name: {name}\n  namespace: web\nspec:\n  secretName: {name}-tls\n  issuerRef:\n    name: by-hand\n    kind: StepIssuer\n    group: certmanager.step.sm\n{lines}"
    )
}
