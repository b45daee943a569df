//! A CA snapshot as a table, and as JSON.

use anyhow::{Context as _, Result};

use crate::pki::Certificate;
use crate::report::without_control;
use crate::snapshot::{Origin, Snapshot};
use crate::yaml::{Fact, Keys, read};

/// What a reviewer wants to see at a glance, one line per fact.
pub(super) fn table(snapshot: &Snapshot) -> String {
    let mut lines = Vec::new();
    for root in snapshot.roots() {
        let until = root.needed_until.map(|day| format!(", needed until {day}")).unwrap_or_default();
        lines.push(("root", format!("{}{until}", described(&root.certificate))));
    }
    for intermediate in snapshot.intermediates() {
        lines.push(("intermediate", described(&intermediate.certificate)));
    }
    for certificate in snapshot.federated_roots() {
        lines.push(("federated root", described(certificate)));
    }
    if let Fact::Known(names) = &snapshot.authority().dns_names {
        lines.push(("names", names.join(", ")));
    }
    match snapshot.provisioners() {
        Fact::Unknown => lines.push(("provisioners", "unknown".to_owned())),
        Fact::Known(provisioners) if provisioners.is_empty() => lines.push(("provisioners", "none".to_owned())),
        Fact::Known(provisioners) => {
            for (name, provisioner) in provisioners {
                let kid = provisioner.kid.as_ref().map(|kid| format!(", kid {kid}")).unwrap_or_default();
                lines.push(("provisioner", format!("{name} ({}{kid})", provisioner.kind)));
            }
        }
    }
    let width = lines.iter().map(|(label, _)| label.len()).max().unwrap_or_default();
    // Names are what a CA says of itself.
    lines.into_iter().map(|(label, text)| format!("  {label:width$}  {}\n", without_control(&text))).collect()
}

fn described(certificate: &Certificate) -> String {
    let until = certificate.not_after().to_string();
    let day = until.split('T').next().unwrap_or_default();
    format!("{} ({}, until {day}, SHA-256 {})", certificate.subject(), certificate.key(), certificate.fingerprint())
}

/// The same facts as the file, as JSON.
pub(super) fn json(snapshot: &Snapshot) -> Result<String> {
    let text = snapshot.to_yaml(Origin { release: None, namespace: None });
    let documents = read(&text, 0, Keys::AsWritten)?;
    let node = documents.first().context("a snapshot is one document")?;
    Ok(format!("{}\n", serde_json::to_string_pretty(&node.to_json())?))
}
