//! trustree renders reviewed GitOps trees for step-issuer and cert-manager from inventories and a CA snapshot.

pub mod finding;
pub mod pki;
pub mod snapshot;
pub mod yaml;
