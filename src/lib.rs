//! trustree renders reviewed GitOps trees for step-issuer and cert-manager from inventories and a CA snapshot.

pub mod apply;
pub mod catalog;
pub mod change;
pub mod cli;
pub mod explain;
pub mod finding;
pub mod fleet;
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
pub mod tree;
pub mod yaml;
