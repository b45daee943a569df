//! trustree renders reviewed GitOps trees for step-issuer and cert-manager from inventories and a CA snapshot.
//!
//! The program is a thin shell around this library: what a command does, a program of your own can do. Reading goes
//! through the trait [`outside::files::Folder`], so that a folder, a commit or Git's index are the same; deciding is pure;
//! only [`apply`] and [`outside::disk`] write. Nothing below [`cli`] prints, reads the clock or the environment.
//!
//! Everything of one environment, as `trustree check` sees it:
//!
//! ```
//! use std::ops::ControlFlow;
//!
//! use camino::Utf8Path;
//! use trustree::finding::Level;
//! use trustree::fleet::{AT_ONCE, Repository, Request, Selection};
//! use trustree::outside::files::OpenFolder;
//!
//! let root = Utf8Path::new(env!("CARGO_MANIFEST_DIR"));
//! let repository = Repository::open(Box::new(OpenFolder::open(root)?)).map_err(|unusable| format!("{:?}", unusable.findings))?;
//! // A check looks at the calendar, and at files that somebody wrote by hand.
//! let request = Request { as_of: Some(jiff::civil::date(2027, 6, 1)), ..Request::default() };
//! let mut drifting = Vec::new();
//! repository.for_each(
//!     &Selection::new(&["prod".to_owned()], Vec::new())?,
//!     &request,
//!     AT_ONCE,
//!     |_outcome| (),
//!     |outcome, ()| {
//!         for finding in outcome.findings.iter().filter(|finding| finding.level == Level::Error) {
//!             println!("{}: {}", finding.rule.code, finding.message);
//!         }
//!         if outcome.plan.is_none_or(|plan| !plan.is_empty()) {
//!             drifting.push(outcome.environment);
//!         }
//!         ControlFlow::Continue(())
//!     },
//! );
//! assert!(drifting.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Its parts by themselves: [`inventory`] merges layers, [`snapshot`] reads and makes what is known of a CA, [`model`]
//! resolves the two, [`render`] makes the tree, [`lint`] judges it, [`plan`](mod@plan) compares it with what is there,
//! [`change`] says what a difference means, [`explain`] leads from a field back to the lines that decide it.
//!
//! ```
//! use trustree::explain::{Target, explain_field, explain_rule};
//! # use trustree::fleet::Repository;
//! # use trustree::outside::files::OpenFolder;
//! # let root = camino::Utf8Path::new(env!("CARGO_MANIFEST_DIR"));
//! # let repository = Repository::open(Box::new(OpenFolder::open(root)?)).map_err(|unusable| format!("{:?}", unusable.findings))?;
//!
//! let target = Target::parse("out/prod/smallstep/step-issuer/certificates.yaml#Certificate/payments/api/spec/duration");
//! let explanation = explain_field(&repository, &target)?;
//! assert_eq!(explanation.value, "168h0m0s");
//! assert_eq!(explanation.sources[0].path, "certificates.payments-api.duration");
//!
//! assert!(explain_rule("wildcard-matches-no-service").is_ok_and(|rule| rule.level == "error"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod apply;
pub mod catalog;
pub mod change;
pub mod cli;
pub mod explain;
pub mod finding;
pub mod fleet;
pub mod inflate;
pub mod inventory;
pub mod lint;
pub mod manifest;
pub mod model;
pub mod outside;
pub mod pki;
pub mod plan;
pub mod render;
pub mod report;
pub mod snapshot;
pub mod takeover;
pub mod tree;
pub mod yaml;
