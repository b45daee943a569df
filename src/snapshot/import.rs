//! Import: inputs, an order from a person and what is recorded so far become one snapshot, or reasons why not. Reads no
//! file and no clock, and writes nothing.

use super::candidate::{Candidate, candidates};
use super::chain::MAX_CERTIFICATES;
use super::document::Origin;
use super::draft::Draft;
use super::input::{Input, Material};
use super::merge::merge;
use super::request::ImportRequest;
use super::{Snapshot, input};
use crate::finding::{
    CA_NOT_AN_AUTHORITY, CA_NOT_SELF_SIGNED, Finding, PROVISIONERS_NOT_AUTHORITATIVE, Place, SNAPSHOT_AMBIGUOUS,
    SNAPSHOT_FINGERPRINT_DIFFERS, SNAPSHOT_INCOMPLETE, WRONG_TYPE,
};
use crate::pki::{Fingerprint, Verification};

/// What an import has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The snapshot, merged with the recorded one.
    pub snapshot: Snapshot,
    /// What the names of the CA's objects begin with, such as `step-certificates`.
    pub release: Option<String>,
    /// The namespace it runs in.
    pub namespace: Option<String>,
    /// What should be known about it; none of it stops the import.
    pub notes: Vec<Finding>,
}

impl Imported {
    /// The text for `ca-snapshot.yaml`.
    pub fn to_yaml(&self) -> String {
        self.snapshot.to_yaml(Origin { release: self.release.as_deref(), namespace: self.namespace.as_deref() })
    }
}

/// Makes a snapshot from what a cluster, a folder or a CA gave out, merged with the `existing` one.
///
/// # Errors
/// Everything that is missing, ambiguous, secret or wrong, each with its place and what to do.
pub fn import(inputs: Vec<Input>, request: &ImportRequest, existing: Option<&Snapshot>) -> Result<Imported, Vec<Finding>> {
    let first = inputs.first().map_or_else(|| "-".to_owned(), |input| input.name.clone());
    let material = Material::read(inputs)?;
    let (candidate, draft) = chosen(&material, request, &Place::whole(first))?;
    check_lengths(&draft)?;
    check_roots(&draft, existing)?;
    let (release, namespace) = origin(&candidate, &draft);
    let mut notes = draft.notes.clone();
    for root in &draft.roots {
        if !root.is_self_issued() || root.issued_by(root) == Verification::Failed {
            let message = format!("the root `{}` is not signed by itself but issued by `{}`", root.subject(), root.issuer());
            let help = "Go trusts such a certificate, other programs need the one at the top of the chain: give that one";
            notes.push(Finding::new(&CA_NOT_SELF_SIGNED, draft.root_place.clone(), message).help(help));
        }
    }
    if let Some(reason) = draft.elsewhere.as_ref().filter(|_| draft.provisioners.is_unknown()) {
        let kept = existing.filter(|existing| !request.replace && !existing.provisioners.is_unknown()).is_some();
        let outcome = if kept { "those in the snapshot are kept" } else { "they are `unknown` in the snapshot" };
        let message = format!("{reason}; {outcome}");
        let help = "add them from the CA's API: save `https://CA/provisioners?limit=100` as `provisioners.json` beside this input, and import both";
        notes.push(Finding::new(&PROVISIONERS_NOT_AUTHORITATIVE, draft.place.clone(), message).help(help));
    }
    let snapshot = merge(draft, existing, request, &mut notes)?;
    Ok(Imported { snapshot, release, namespace, notes })
}

/// The one CA of the material, or the one that was asked for.
fn chosen<'m>(material: &'m Material, request: &ImportRequest, whole: &Place) -> Result<(Candidate<'m>, Draft), Vec<Finding>> {
    let all = candidates(material);
    if all.is_empty() {
        return Err(vec![nothing_found(material, whole)]);
    }
    let names: Vec<String> = all.iter().map(Candidate::described).collect();
    let all = match &request.release {
        // One CA without any name of its own cannot be mistaken for another.
        Some(wanted) if all.len() > 1 || all.iter().any(|candidate| candidate.release.is_some()) => {
            let wanted: Vec<Candidate<'m>> = all.into_iter().filter(|candidate| candidate.is_called(wanted)).collect();
            if wanted.is_empty() {
                let message = format!(
                    "no CA in the input is called `{}`; found were {}",
                    request.release.as_deref().unwrap_or_default(),
                    names.join(", ")
                );
                return Err(vec![Finding::new(&SNAPSHOT_INCOMPLETE, whole.clone(), message).help("name one of these with `--release`")]);
            }
            wanted
        }
        _ => all,
    };
    let mut broken: Vec<(Candidate<'m>, Vec<Finding>)> = Vec::new();
    let mut whole_ones: Vec<(Candidate<'m>, Draft)> = Vec::new();
    for candidate in all {
        match candidate.draft() {
            Ok(draft) => whole_ones.push((candidate, draft)),
            Err(findings) => broken.push((candidate, findings)),
        }
    }
    // The original first: the one whose namespace its own DNS names mention, no replicator's copy.
    whole_ones.sort_by_key(|(candidate, draft)| (!is_at_home(candidate, draft), candidate.is_copy, candidate.release.is_none()));
    let mut distinct: Vec<(Candidate<'m>, Draft)> = Vec::new();
    for (candidate, draft) in whole_ones {
        if distinct.iter().any(|(_, other)| other.covers(&draft)) {
            continue;
        }
        // A fuller view of the same CA takes the place of a lesser one, under the name that came first.
        match distinct.iter_mut().find(|(_, other)| draft.covers(other)) {
            Some((_, other)) => *other = draft,
            None => distinct.push((candidate, draft)),
        }
    }
    match (distinct.len(), broken.len()) {
        (1, 0) => Ok(distinct.remove(0)),
        (0, 1) => Err(broken.remove(0).1),
        _ => {
            let roots = |draft: &Draft| {
                draft.roots.first().map(|root| format!(" (root `{}`, {})", root.subject(), root.fingerprint())).unwrap_or_default()
            };
            let mut listed: Vec<String> =
                distinct.iter().map(|(candidate, draft)| format!("{}{}", candidate.described(), roots(draft))).collect();
            listed.extend(broken.iter().map(|(candidate, _)| format!("{} (which cannot be imported as it is)", candidate.described())));
            listed.sort();
            let message = format!("the input holds several CAs: {}", listed.join(", "));
            let example = distinct.iter().map(|(candidate, _)| candidate).chain(broken.iter().map(|(candidate, _)| candidate)).next();
            let help = format!(
                "name one with `--release`, such as `--release {}`",
                example.map(|one| one.described().replace('`', "")).unwrap_or_default()
            );
            Err(vec![Finding::new(&SNAPSHOT_AMBIGUOUS, whole.clone(), message).help(help)])
        }
    }
}

fn is_at_home(candidate: &Candidate<'_>, draft: &Draft) -> bool {
    let Some(namespace) = &candidate.namespace else { return false };
    let part = format!(".{namespace}.svc");
    draft.authority.dns_names.known().is_some_and(|names| names.iter().any(|name| name.contains(&part)))
}

/// Name and namespace: of the objects, otherwise of the Service among the CA's DNS names.
fn origin(candidate: &Candidate<'_>, draft: &Draft) -> (Option<String>, Option<String>) {
    if candidate.release.is_some() {
        return (candidate.release.clone(), candidate.namespace.clone());
    }
    let names = draft.authority.dns_names.known().map(Vec::as_slice).unwrap_or_default();
    let service = names.iter().find_map(|name| match name.split('.').collect::<Vec<_>>().as_slice() {
        [service, namespace, "svc", ..] => Some(((*service).to_owned(), (*namespace).to_owned())),
        _ => None,
    });
    service.unzip()
}

/// Lists that no CA has: a bundle of everybody's roots, say.
fn check_lengths(draft: &Draft) -> Result<(), Vec<Finding>> {
    let federated = draft.federated_roots.as_ref().map_or(0, Vec::len);
    let lengths = [("roots", draft.roots.len()), ("intermediates", draft.intermediates.len()), ("federated roots", federated)];
    let too_long = lengths.into_iter().filter(|(_, length)| *length > MAX_CERTIFICATES).map(|(list, length)| {
        let message = format!("the input holds {length} {list}, and more than {MAX_CERTIFICATES} are not read");
        Finding::new(&WRONG_TYPE, draft.root_place.clone(), message).help("no CA has so many; give the certificates of this one CA")
    });
    let findings: Vec<Finding> = too_long.collect();
    if findings.is_empty() { Ok(()) } else { Err(findings) }
}

/// What holds for every root, and for the one that `defaults.json` names.
fn check_roots(draft: &Draft, existing: Option<&Snapshot>) -> Result<(), Vec<Finding>> {
    let mut findings = Vec::new();
    for root in draft.roots.iter().filter(|root| !root.is_authority()) {
        let message = format!("the root `{}` is no CA certificate, so nothing that it has signed is trusted", root.subject());
        let finding = Finding::new(&CA_NOT_AN_AUTHORITY, draft.root_place.clone(), message);
        findings.push(finding.help("give the root of the CA, the certificate that `step ca root` prints"));
    }
    if let Some(text) = &draft.fingerprint {
        let named = text.parse::<Fingerprint>().ok();
        let listed = named.is_some_and(|named| draft.roots.iter().any(|root| root.fingerprint() == named));
        let recorded = named.is_some_and(|named| existing.is_some_and(|existing| existing.root(named).is_some()));
        if !listed && !recorded {
            let found: Vec<String> = draft.roots.iter().map(|root| format!("`{}` ({})", root.fingerprint(), root.subject())).collect();
            let shown = named.map_or_else(|| "something that is no SHA-256 fingerprint".to_owned(), |named| format!("`{named}`"));
            let message = format!("`defaults.json` names {shown} as the root, and the input has {}", found.join(", "));
            let help = "ca.json and certificates are of different CAs, or one of them is old: export both at once";
            findings.push(Finding::new(&SNAPSHOT_FINGERPRINT_DIFFERS, draft.place.clone(), message).help(help));
        }
    }
    if findings.is_empty() { Ok(()) } else { Err(findings) }
}

/// No ca.json anywhere: what was looked for, what was there, and how to get the rest.
fn nothing_found(material: &Material, whole: &Place) -> Finding {
    let has_certificates = material.objects.iter().any(|object| object.part("root_ca.crt").is_some())
        || material.files.iter().any(|file| file.role == input::Role::Certificate)
        || !material.api.roots.is_empty();
    let missing = match (has_certificates, material.api.provisioners.is_empty()) {
        (true, _) => "the certificates of a CA are there, but no `ca.json` with its provisioners",
        (false, false) => "provisioners of a CA are there, but no root certificate (`roots.pem`)",
        (false, true) => {
            "no CA was found: looked for a ConfigMap or Secret with the key `ca.json` and one with `root_ca.crt`, or for such files"
        }
    };
    Finding::new(&SNAPSHOT_INCOMPLETE, whole.clone(), format!("{missing}; found were {}", material.seen_in_words()))
        .help(material.command())
}

impl Material {
    /// What was found, in one line.
    pub(super) fn seen_in_words(&self) -> String {
        const SHOWN: usize = 8;
        match self.seen.len() {
            0 => "no objects and no files".to_owned(),
            1..=SHOWN => self.seen.join("; "),
            all => format!("{}; and {} more", self.seen[..SHOWN].join("; "), all - SHOWN),
        }
    }

    /// The command that gives the whole CA, with the names that are known.
    pub(super) fn command(&self) -> String {
        let is_part = |key: &str| matches!(key, "ca.json" | "root_ca.crt" | "defaults.json");
        let hint = self.objects.iter().find(|object| object.parts().any(|(key, _)| is_part(key)));
        let hint = hint.or_else(|| self.objects.iter().find(|object| object.name.ends_with("-config") || object.name.ends_with("-certs")));
        let (namespace, release, kind) = match hint {
            Some(object) => (object.namespace.as_str(), object.prefix(), object.kind.to_lowercase()),
            None => ("NAMESPACE", "RELEASE-step-certificates", "configmap".to_owned()),
        };
        let namespace = if namespace.is_empty() { "NAMESPACE" } else { namespace };
        format!(
            "`kubectl -n {namespace} get {kind} {release}-config {release}-certs -o yaml | trustree snapshot import - --env ENVIRONMENT`"
        )
    }
}
