//! A candidate read: ca.json, the certificates that it names, and what the CA's API adds, with all that is missing.

use std::collections::BTreeMap;

use camino::Utf8Path;
use serde_json::Value;

use super::ca_json::{Configuration, provisioners_of};
use super::candidate::{Candidate, base_of, common_end, common_start, fingerprint_text};
use super::input::{Role, reason_of};
use super::object::Part;
use super::{Authority, Provisioner};
use crate::finding::{
    Finding, INVALID_YAML, Place, SNAPSHOT_AMBIGUOUS, SNAPSHOT_INCOMPLETE, SNAPSHOT_PARTIAL, SNAPSHOT_PRIVATE_KEY, WRONG_TYPE, listed,
};
use crate::pki::{self, Certificate, PemError};
use crate::yaml::{self, Fact};

/// A CA as one source shows it, before it is merged with what is recorded.
pub(super) struct Draft {
    pub(super) roots: Vec<Certificate>,
    /// The issuing one first.
    pub(super) intermediates: Vec<Certificate>,
    /// `None` where the source cannot tell.
    pub(super) federated_roots: Option<Vec<Certificate>>,
    pub(super) authority: Authority,
    pub(super) provisioners: Fact<BTreeMap<String, Provisioner>>,
    /// Why the provisioners do not live in ca.json, where they do not.
    pub(super) elsewhere: Option<String>,
    /// What `defaults.json` names as the root.
    pub(super) fingerprint: Option<String>,
    pub(super) place: Place,
    /// Where the first root stands.
    pub(super) root_place: Place,
    pub(super) notes: Vec<Finding>,
}

impl Draft {
    /// Whether this draft says all that the other one says, of the same CA.
    pub(super) fn covers(&self, other: &Draft) -> bool {
        let no_more = |these: &[Certificate], those: &[Certificate]| those.is_empty() || these == those;
        let (mine, others) = (&self.authority, &other.authority);
        let authority = Authority {
            version: others.version.clone().or(mine.version.clone()),
            dns_names: others.dns_names.clone().or(mine.dns_names.clone()),
            backdate: others.backdate.or(mine.backdate),
            claims: others.claims.clone().or(mine.claims.clone()),
            policy: others.policy.clone().or(mine.policy.clone()),
            enable_admin: others.enable_admin.or(mine.enable_admin),
            deployment_type: others.deployment_type.clone().or(mine.deployment_type.clone()),
            registration_authority: others.registration_authority.clone().or(mine.registration_authority.clone()),
        };
        self.roots == other.roots
            && no_more(&self.intermediates, &other.intermediates)
            && (other.federated_roots.is_none() || self.federated_roots == other.federated_roots)
            && authority == *mine
            && (other.provisioners.is_unknown() || self.provisioners == other.provisioners)
    }
}

impl<'m> Candidate<'m> {
    /// Reads what the candidate holds.
    ///
    /// # Errors
    /// Everything that is missing or wrong.
    pub(super) fn draft(&self) -> Result<Draft, Vec<Finding>> {
        let Some((part, path)) = &self.configuration else { return self.draft_of_api() };
        let value = configuration_value(part, path)?;
        let configuration = Configuration::read(&value, &part.place)?;
        let mut notes = Vec::new();
        let mut findings = Vec::new();
        let mut certificates = |parts: Vec<(String, &Part)>| {
            let mut all: Vec<Certificate> = Vec::new();
            for (name, part) in parts {
                match certificates_of(&name, part) {
                    Ok(found) => found.into_iter().for_each(|certificate| {
                        if !all.contains(&certificate) {
                            all.push(certificate)
                        }
                    }),
                    Err(finding) => findings.push(finding),
                }
            }
            all
        };
        let (root_parts, missing) = self.root_parts(&configuration, &mut notes);
        let mut roots = certificates(root_parts.clone());
        roots.sort_by_key(|root| (root.not_before(), root.fingerprint()));
        let mut intermediates = certificates(self.intermediate_parts(&configuration));
        // A full chain ends with its root; only a CA that issues under its root directly begins with it.
        let issuing = intermediates.first().cloned();
        intermediates.retain(|certificate| Some(certificate) == issuing.as_ref() || !roots.contains(certificate));
        let federated_roots = self.federated_parts(&configuration, &root_parts, &mut notes).map(&mut certificates).map(|mut federated| {
            federated.retain(|certificate| !roots.contains(certificate));
            federated.sort_by_key(|root| (root.not_before(), root.fingerprint()));
            federated
        });
        if !missing.is_empty() {
            findings.push(self.without_root(&missing));
        }
        let mut draft = Draft {
            roots,
            intermediates,
            federated_roots,
            authority: configuration.authority,
            provisioners: configuration.provisioners,
            elsewhere: configuration.elsewhere,
            fingerprint: self.defaults.and_then(fingerprint_text),
            place: part.place.clone(),
            root_place: root_parts.first().map_or_else(|| part.place.clone(), |(_, root)| root.place.clone()),
            notes,
        };
        if self.is_alone {
            draft.authority.version = self.material.api.version.clone().into();
        }
        let answers_fit = self.answers_are_of(&draft.roots);
        if answers_fit == Some(false) && self.is_alone {
            let message = "the answers of a CA's API in the input have other roots than the CA of ca.json";
            let help = "give what belongs to one CA, or import one after the other";
            findings.push(Finding::new(&SNAPSHOT_AMBIGUOUS, part.place.clone(), message).help(help));
        }
        if draft.provisioners.is_unknown() && !self.material.api.provisioners.is_empty() && answers_fit.unwrap_or(self.is_alone) {
            match self.provisioners_of_api() {
                Ok(provisioners) => {
                    draft.provisioners = Fact::Known(provisioners);
                    draft.elsewhere = None;
                }
                Err(more) => findings.extend(more),
            }
        }
        if findings.is_empty() { Ok(draft) } else { Err(findings) }
    }

    /// Whether the answers of the API have a root of this CA; `None` where they have none at all.
    fn answers_are_of(&self, roots: &[Certificate]) -> Option<bool> {
        let answered = &self.material.api.roots;
        let is_one = |part: &Part| {
            let certificates = part.bytes().ok().and_then(|bytes| pki::certificates(&bytes).ok()).unwrap_or_default();
            certificates.iter().any(|certificate| roots.contains(certificate))
        };
        (!answered.is_empty()).then(|| answered.iter().any(is_one))
    }

    fn draft_of_api(&self) -> Result<Draft, Vec<Finding>> {
        let api = &self.material.api;
        let folders: std::collections::BTreeSet<Option<&Utf8Path>> = api.places().map(folder_of).collect();
        if folders.len() > 1 {
            let message = "the input holds answers of a CA's API in several folders, which may be of several CAs";
            let place = api.provisioners.first().map_or_else(|| Place::whole(""), |(_, place)| place.clone());
            return Err(vec![Finding::new(&SNAPSHOT_AMBIGUOUS, place, message).help("import one folder after the other")]);
        }
        let read = |parts: &[Part]| -> Result<Vec<Certificate>, Vec<Finding>> {
            let mut all: Vec<Certificate> = Vec::new();
            for part in parts {
                let found = certificates_of("the answer of the CA", part).map_err(|finding| vec![finding])?;
                found.into_iter().for_each(|certificate| {
                    if !all.contains(&certificate) {
                        all.push(certificate)
                    }
                });
            }
            Ok(all)
        };
        let mut roots = read(&api.roots)?;
        roots.sort_by_key(|root| (root.not_before(), root.fingerprint()));
        // `/federation` repeats the CA's own roots.
        let federated_roots = if api.federated_roots.is_empty() {
            None
        } else {
            let mut federated = read(&api.federated_roots)?;
            federated.retain(|certificate| !roots.contains(certificate));
            federated.sort_by_key(|root| (root.not_before(), root.fingerprint()));
            Some(federated)
        };
        Ok(Draft {
            intermediates: read(&api.intermediates)?,
            federated_roots,
            authority: Authority { version: api.version.clone().into(), ..Authority::default() },
            provisioners: Fact::Known(self.provisioners_of_api()?),
            elsewhere: None,
            fingerprint: self.material.files.iter().find(|file| file.role == Role::Defaults).and_then(|file| fingerprint_text(&file.part)),
            place: api.provisioners.first().map_or_else(|| Place::whole(""), |(_, place)| place.clone()),
            root_place: api.roots.first().map_or_else(|| Place::whole(""), |root| root.place.clone()),
            notes: Vec::new(),
            roots,
        })
    }

    /// All pages of `/provisioners`, which must end with the last one.
    fn provisioners_of_api(&self) -> Result<BTreeMap<String, Provisioner>, Vec<Finding>> {
        let pages = &self.material.api.provisioners;
        let place = pages.first().map_or_else(|| Place::whole(""), |(_, place)| place.clone());
        let is_last = |page: &Value| page.get("nextCursor").and_then(Value::as_str).is_none_or(str::is_empty);
        if !pages.iter().any(|(page, _)| is_last(page)) {
            let message = "the list of provisioners is not complete: the answer has a `nextCursor`";
            let help = "fetch `/provisioners?limit=100`, and while the answer has a `nextCursor`, the next page with `&cursor=`";
            return Err(vec![Finding::new(&SNAPSHOT_INCOMPLETE, place, message).help(help)]);
        }
        let pages: Vec<&Value> = pages.iter().map(|(page, _)| page).collect();
        provisioners_of(&pages, &place)
    }

    /// The parts with the roots, and what of them is missing. A registration authority lists none and has `root_ca.crt`.
    fn root_parts(&self, configuration: &Configuration, notes: &mut Vec<Finding>) -> (Vec<(String, &'m Part)>, Vec<String>) {
        let mut parts: Vec<(String, &'m Part)> = Vec::new();
        let mut missing = Vec::new();
        for path in &configuration.roots {
            match self.named(path) {
                Some((_, part)) if parts.iter().any(|(_, other)| std::ptr::eq(*other, part)) => {
                    let message = format!(
                        "ca.json lists {} as roots, and the input has one file of that name",
                        listed(configuration.roots.iter().map(String::as_str))
                    );
                    let help = "give the folder with the roots where ca.json has them, so that each is found";
                    notes.push(Finding::new(&SNAPSHOT_PARTIAL, part.place.clone(), message).help(help));
                }
                Some(found) => parts.push(found),
                None => missing.push(path.clone()),
            }
        }
        if !parts.is_empty() {
            return (parts, missing);
        }
        let usual = self.named("root_ca.crt").map(|found| vec![found]);
        let answered = || (!self.material.api.roots.is_empty()).then(|| named_parts("roots.pem", &self.material.api.roots));
        match usual.or_else(answered).or_else(|| self.only_one_with("root").map(|found| vec![found])) {
            Some(parts) if configuration.roots.len() < 2 => (parts, Vec::new()),
            _ if missing.is_empty() => (Vec::new(), vec!["root_ca.crt".to_owned()]),
            _ => (Vec::new(), missing),
        }
    }

    fn intermediate_parts(&self, configuration: &Configuration) -> Vec<(String, &'m Part)> {
        let named = configuration.intermediate.as_deref().and_then(|path| self.named(path)).or_else(|| self.named("intermediate_ca.crt"));
        match named {
            Some(found) => vec![found],
            None if !self.material.api.intermediates.is_empty() => named_parts("intermediates.pem", &self.material.api.intermediates),
            None => self.only_one_with("intermediate").into_iter().collect(),
        }
    }

    /// `None` where ca.json lists federated roots that the input does not hold.
    fn federated_parts(
        &self,
        configuration: &Configuration,
        roots: &[(String, &'m Part)],
        notes: &mut Vec<Finding>,
    ) -> Option<Vec<(String, &'m Part)>> {
        let mut parts = Vec::new();
        for path in &configuration.federated_roots {
            match self.named(path).filter(|(_, part)| !roots.iter().any(|(_, root)| std::ptr::eq(*root, *part))) {
                Some(found) => parts.push(found),
                None => {
                    let message = format!("the federated root `{path}` of ca.json is not in the input, so it is not recorded");
                    let place = self.configuration.as_ref().map_or_else(|| Place::whole(""), |(part, _)| part.place.clone());
                    notes.push(
                        Finding::new(&SNAPSHOT_PARTIAL, place, message)
                            .help("federated roots never enter a bundle; nothing rendered depends on it"),
                    );
                    return None;
                }
            }
        }
        Some(parts)
    }

    /// The part that a path of ca.json means: the same file name, as much of the path before it as possible, and near to
    /// ca.json.
    fn named(&self, wanted: &str) -> Option<(String, &'m Part)> {
        // Paths of a CA on Windows.
        let wanted = wanted.replace('\\', "/");
        let wanted = Utf8Path::new(&wanted);
        let near = self.configuration.as_ref().map(|(_, path)| base_of(path));
        let rank = |path: &Utf8Path| {
            let near = near.map_or(0, |near| common_start(path, near));
            (common_end(path, wanted), near, std::cmp::Reverse(path.as_str().len()))
        };
        let hits = self.shelf.iter().filter(|(path, _)| path.file_name().is_some() && path.file_name() == wanted.file_name());
        let best = hits.max_by(|(one, _), (other, _)| rank(one).cmp(&rank(other)).then(other.cmp(one)))?;
        Some((best.0.to_string(), best.1))
    }

    /// The one file with a word in its name, where there is only one.
    fn only_one_with(&self, word: &str) -> Option<(String, &'m Part)> {
        let mut hits = self.shelf.iter().filter(|(path, _)| {
            let name = path.file_name().unwrap_or_default().to_ascii_lowercase();
            name.contains(word) && [".crt", ".pem", ".cer", ".cert"].iter().any(|ending| name.ends_with(ending))
        });
        match (hits.next(), hits.next()) {
            (Some((path, part)), None) => Some((path.to_string(), part)),
            _ => None,
        }
    }

    fn without_root(&self, missing: &[String]) -> Finding {
        let place = self.configuration.as_ref().map_or_else(|| Place::whole(""), |(part, _)| part.place.clone());
        let mut names: Vec<&str> = missing.iter().map(|path| Utf8Path::new(path).file_name().unwrap_or(path)).collect();
        names.dedup();
        let message = format!(
            "the root certificate {} that {} names is not in the input; found were {}",
            listed(names),
            self.described(),
            self.material.seen_in_words()
        );
        Finding::new(&SNAPSHOT_INCOMPLETE, place, message).help(self.material.command())
    }
}

fn folder_of(place: &Place) -> Option<&Utf8Path> {
    match place {
        Place::File { file, .. } => file.parent(),
        Place::Inventory(_) | Place::InventoryKey(_) => None,
    }
}

fn named_parts<'m>(name: &str, parts: &'m [Part]) -> Vec<(String, &'m Part)> {
    parts.iter().map(|part| (name.to_owned(), part)).collect()
}

/// ca.json as JSON: Go reads the first value and leaves what follows.
fn configuration_value(part: &Part, path: &Utf8Path) -> Result<Value, Vec<Finding>> {
    if let Some(value) = part.as_tree() {
        return Ok(value.clone());
    }
    let refused = |rule, message: String, help: &str| vec![Finding::new(rule, part.place.clone(), message).help(help)];
    let bytes = part.bytes().map_err(|reason| refused(&WRONG_TYPE, format!("`{path}` {reason}"), "export the Secret again"))?;
    let text = yaml::text_of(&bytes, 0).map_err(|error| refused(&INVALID_YAML, format!("`{path}`: {error}"), "export it again"))?;
    if text.trim().is_empty() {
        let help = "the chart's bootstrap Job fills it; look whether the Job has run, then export again";
        return Err(refused(&SNAPSHOT_INCOMPLETE, format!("`{path}` is empty"), help));
    }
    match serde_json::Deserializer::from_str(text).into_iter::<Value>().next() {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) if error.is_eof() => {
            let message =
                format!("`{path}` is cut off: its JSON ends in the middle (line {}, column {} of `{path}`)", error.line(), error.column());
            Err(refused(&SNAPSHOT_INCOMPLETE, message, "export it again; the whole text is needed"))
        }
        Some(Err(error)) => {
            let message =
                format!("`{path}` is no JSON: {} (line {}, column {} of `{path}`)", reason_of(&error), error.line(), error.column());
            Err(refused(
                &INVALID_YAML,
                message,
                "JSON has no comments and no comma behind the last entry; step-ca does not start with this",
            ))
        }
        None => Err(refused(&SNAPSHOT_INCOMPLETE, format!("`{path}` is empty"), "export it again")),
    }
}

/// The certificates of one part; a private key among them is refused with what to do.
fn certificates_of(name: &str, part: &Part) -> Result<Vec<Certificate>, Finding> {
    let bytes = part
        .bytes()
        .map_err(|reason| Finding::new(&WRONG_TYPE, part.place.clone(), format!("`{name}` {reason}")).help("export the Secret again"))?;
    pki::certificates(&bytes).map_err(|error| {
        let rule = if matches!(error, PemError::PrivateKey { .. }) { &SNAPSHOT_PRIVATE_KEY } else { &WRONG_TYPE };
        let finding = Finding::new(rule, part.place.clone(), format!("`{name}`: {error}"));
        match error {
            PemError::PrivateKey { .. } => finding.help(
                "keep only the `CERTIFICATE` sections there, and treat the key as known to everybody who can read this; nothing of it was stored",
            ),
            PemError::EncodedTwice => finding.help("a Secret's `data` is base64 of the PEM itself, encoded once"),
            _ => finding.help("give the certificate as step-ca has it, whole and in PEM"),
        }
    })
}
