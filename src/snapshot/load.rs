//! Reading `ca-snapshot.yaml`: every recorded fact is recomputed, everything that is wrong is said, nothing secret is
//! repeated.

use std::collections::{BTreeMap, HashMap, HashSet};

use camino::Utf8Path;
use jiff::civil::Date;

use super::chain::{MAX_CERTIFICATES, way};
use super::document::{API_VERSION, AuthorityEntry, Document, KIND, filled_in};
use super::places::{INTERMEDIATES, Places, ROOTS};
use super::{Authority, Intermediate, Provisioner, Root, Snapshot, sort_roots};
use crate::finding::{CA_NOT_AN_AUTHORITY, Finding, INVALID_YAML, Place, SNAPSHOT_ALTERED, SNAPSHOT_PRIVATE_KEY, WRONG_TYPE};
use crate::pki::{self, Certificate, Fingerprint, PemError};
use crate::yaml::{self, Fact, Keys, Node, Path, ProblemKind};

const PRIVATE_KEY_HELP: &str =
    "take it out, and treat the key as lost: everybody who can read the repository has it; a CA snapshot holds public facts only";

/// Reads a CA snapshot and recomputes what it records. Signatures are not verified here: that is import's business and
/// a rule's.
///
/// # Errors
/// Everything that is wrong with the file: what is no snapshot, secrets in it, recorded facts that differ from the
/// certificates, and roots that are no authorities.
pub fn load(bytes: &[u8], file: &Utf8Path) -> Result<Snapshot, Vec<Finding>> {
    load_with_places(bytes, file).map(|(snapshot, _)| snapshot)
}

/// The same, and where in the file each fact stands.
///
/// # Errors
/// As for [`load`].
pub fn load_with_places(bytes: &[u8], file: &Utf8Path) -> Result<(Snapshot, Places), Vec<Finding>> {
    let text = yaml::text_of(bytes, 0).map_err(|error| vec![Finding::of_yaml(file, &error)])?;
    let mut loading = Loading { file, node: None, certificates: HashMap::new(), findings: Vec::new() };
    loading.refuse_private_keys(text);
    let snapshot = loading.read(text);
    match (snapshot, loading.node) {
        (Some(snapshot), Some(node)) if loading.findings.is_empty() => Ok((snapshot, Places::new(file, node, loading.certificates))),
        _ => Err(loading.findings),
    }
}

struct Loading<'a> {
    file: &'a Utf8Path,
    node: Option<Node>,
    /// Where in its list each certificate stands.
    certificates: HashMap<(&'static str, Fingerprint), usize>,
    findings: Vec<Finding>,
}

impl Loading<'_> {
    /// Private keys in PEM wherever they stand, in comments too.
    fn refuse_private_keys(&mut self, text: &str) {
        if pki::private_key_in(text).is_none() {
            return;
        }
        let mut found = false;
        for (number, line) in text.lines().enumerate() {
            if pki::private_key_in(line).is_some() {
                found = true;
                let line = u32::try_from(number + 1).unwrap_or(u32::MAX);
                let place = Place::File { file: self.file.to_owned(), line, column: 1 };
                self.findings
                    .push(Finding::new(&SNAPSHOT_PRIVATE_KEY, place, "a private key stands in a CA snapshot").help(PRIVATE_KEY_HELP));
            }
        }
        if !found {
            let place = Place::whole(self.file);
            self.findings.push(Finding::new(&SNAPSHOT_PRIVATE_KEY, place, "a private key stands in a CA snapshot").help(PRIVATE_KEY_HELP));
        }
    }

    fn read(&mut self, text: &str) -> Option<Snapshot> {
        let mut documents = match yaml::read(text, 0, Keys::AsWritten) {
            Ok(documents) => documents,
            Err(error) => {
                self.findings.push(Finding::of_yaml(self.file, &error));
                return None;
            }
        };
        if documents.len() != 1 {
            let message = format!("a CA snapshot is one YAML document, and this file has {}", documents.len());
            let place = documents.get(1).map_or_else(|| Place::whole(self.file), |second| Place::at(self.file, second.at));
            self.findings.push(Finding::new(&INVALID_YAML, place, message).help("make it anew with `trustree snapshot import`"));
            return None;
        }
        let node = self.node.insert(documents.remove(0));
        let secrets = secrets_in(node);
        let mut problems = Vec::new();
        let document: Option<Document> = yaml::read_struct(node, &mut problems);
        for (path, message) in &secrets {
            let place = Place::at(self.file, node.place(path));
            self.findings.push(Finding::new(&SNAPSHOT_PRIVATE_KEY, place, message.clone()).help(PRIVATE_KEY_HELP));
        }
        for mut problem in problems {
            if secrets.iter().any(|(path, _)| *path == problem.path) {
                continue;
            }
            // A value in the wrong place may be a secret, so it is not repeated.
            if let ProblemKind::WrongType(reason) = &mut problem.kind
                && let Some(start) = reason.find("this is the string `")
            {
                reason.truncate(start);
                reason.push_str("this is a string");
            }
            let place = Place::at(self.file, problem.at(node));
            self.findings.push(Finding::of_problem(&problem, place));
        }
        self.check(document?)
    }

    /// Every recorded fact against what it was made from.
    fn check(&mut self, document: Document) -> Option<Snapshot> {
        for (field, found, expected) in [("apiVersion", &document.api_version, API_VERSION), ("kind", &document.kind, KIND)] {
            if found != expected {
                let message = format!("`{field}` is not `{expected}`: this is no CA snapshot that this version reads");
                self.add(Finding::new(&WRONG_TYPE, self.place(&[field]), message));
            }
        }
        let lengths = [
            (ROOTS, document.roots.len()),
            (INTERMEDIATES, document.intermediates.len()),
            ("federatedRoots", document.federated_roots.len()),
        ];
        for (list, length) in lengths.into_iter().filter(|(_, length)| *length > MAX_CERTIFICATES) {
            let message = format!("`{list}` holds {length} certificates, and more than {MAX_CERTIFICATES} are not read");
            let help = "no CA has so many; import what this one CA uses with `trustree snapshot import`";
            self.add(Finding::new(&WRONG_TYPE, self.place(&[list]), message).help(help));
        }
        if lengths.iter().any(|(_, length)| *length > MAX_CERTIFICATES) {
            return None;
        }
        let recorded_roots = document.roots.len();
        let mut roots = Vec::with_capacity(recorded_roots);
        let mut seen = HashSet::new();
        for (index, entry) in document.roots.into_iter().enumerate() {
            let path = Path::of([ROOTS]).index(index);
            let needed_until = entry.needed_until.as_deref().map(|text| self.date(&path, text));
            let Some(certificate) = self.certificate(&path, &entry.pem, &entry.recorded()) else { continue };
            if !certificate.is_authority() {
                self.not_an_authority(&path, &certificate);
            }
            if !seen.insert(certificate.fingerprint()) {
                self.altered(&path.key("sha256"), format!("the root `{}` stands here a second time", certificate.subject()));
            }
            self.certificates.insert((ROOTS, certificate.fingerprint()), index);
            roots.push(Root { certificate, needed_until: needed_until.flatten() });
        }
        if roots.is_empty() && self.findings.is_empty() {
            self.altered(&Path::of(["roots"]), "no root is recorded, so nothing could be trusted".to_owned());
        }
        sort_roots(&mut roots);
        let mut intermediates = Vec::with_capacity(document.intermediates.len());
        for (index, entry) in document.intermediates.into_iter().enumerate() {
            let path = Path::of([INTERMEDIATES]).index(index);
            let Some(certificate) = self.certificate(&path, &entry.pem, &entry.recorded()) else { continue };
            self.certificates.insert((INTERMEDIATES, certificate.fingerprint()), index);
            intermediates.push(Intermediate { certificate, root: entry.root });
        }
        // A root that could not be read has its own finding, and would make others out of every chain to it.
        if roots.len() == recorded_roots {
            self.check_chains(&roots, &intermediates);
        }
        let mut federated_roots = Vec::with_capacity(document.federated_roots.len());
        for (index, entry) in document.federated_roots.into_iter().enumerate() {
            let path = Path::of(["federatedRoots"]).index(index);
            federated_roots.extend(self.certificate(&path, &entry.pem, &entry.recorded()));
        }
        self.check_provisioners(document.provisioners.known());
        let AuthorityEntry { version, dns_names, backdate, claims, policy, enable_admin, deployment_type, registration_authority } =
            document.authority;
        let authority = Authority {
            version,
            dns_names,
            backdate,
            claims,
            policy: filled_in(policy),
            enable_admin,
            deployment_type: filled_in(deployment_type),
            registration_authority: filled_in(registration_authority),
        };
        Some(Snapshot { roots, intermediates, federated_roots, authority, provisioners: document.provisioners })
    }

    /// The one certificate of an entry, and its recorded facts against it.
    fn certificate(&mut self, entry: &Path, pem: &str, recorded: &[(&str, &String)]) -> Option<Certificate> {
        let certificate = match pki::certificates(pem.as_bytes()) {
            // The search through the whole text has reported it already, with its line.
            Err(PemError::PrivateKey { .. }) if !self.findings.is_empty() => return None,
            Err(error @ PemError::PrivateKey { .. }) => {
                let place = self.place_of(&entry.key("pem"));
                self.add(Finding::new(&SNAPSHOT_PRIVATE_KEY, place, format!("`{}`: {error}", entry.key("pem"))).help(PRIVATE_KEY_HELP));
                return None;
            }
            Err(error) => {
                self.altered(&entry.key("pem"), format!("`{}`: {error}", entry.key("pem")));
                return None;
            }
            Ok(mut certificates) if certificates.len() == 1 => certificates.remove(0),
            Ok(certificates) => {
                let message = format!("`{}` holds {} certificates instead of one", entry.key("pem"), certificates.len());
                self.altered(&entry.key("pem"), message);
                return None;
            }
        };
        let actual = [
            certificate.fingerprint().to_string(),
            certificate.subject().to_owned(),
            certificate.not_before().to_string(),
            certificate.not_after().to_string(),
            certificate.key().to_string(),
        ];
        for ((field, recorded), actual) in recorded.iter().zip(actual) {
            if **recorded != actual {
                self.altered(&entry.key(field), format!("`{}` differs from its certificate, which has `{actual}`", entry.key(field)));
            }
        }
        Some(certificate)
    }

    /// Every recorded root against the names in the certificates.
    fn check_chains(&mut self, roots: &[Root], intermediates: &[Intermediate]) {
        let all: Vec<&Certificate> = intermediates.iter().map(|intermediate| &intermediate.certificate).collect();
        for (index, intermediate) in intermediates.iter().enumerate() {
            let Fact::Known(recorded) = intermediate.root else { continue };
            let path = Path::of([INTERMEDIATES]).index(index).key("root");
            match roots.iter().position(|root| root.certificate.fingerprint() == recorded) {
                None => self.altered(&path, format!("`{path}` is none of the recorded roots")),
                Some(root) if way(&intermediate.certificate, &all, &roots[root..=root], Certificate::names_issuer).is_none() => {
                    self.altered(
                        &path,
                        format!("`{path}` differs from its certificate, which names `{}` as its issuer", intermediate.certificate.issuer()),
                    );
                }
                Some(_) => {}
            }
        }
    }

    fn check_provisioners(&mut self, provisioners: Option<&BTreeMap<String, Provisioner>>) {
        for (name, provisioner) in provisioners.into_iter().flatten() {
            let path = Path::of(["provisioners", name]);
            if !provisioner.is_jwk() {
                continue;
            }
            let Some(key) = &provisioner.public_key else {
                self.altered(&path, format!("`{path}` is a JWK provisioner without `publicKey`"));
                continue;
            };
            if provisioner.kid.is_none() {
                self.altered(&path, format!("`{path}` is a JWK provisioner without `kid`"));
            }
            match key.thumbprint() {
                Err(error) => self.altered(&path.key("publicKey"), format!("`{}` is no public key: {error}", path.key("publicKey"))),
                Ok(thumbprint) => {
                    let chosen = provisioner.kid.as_ref().is_some_and(|kid| *kid != thumbprint);
                    if chosen && provisioner.kid_is_thumbprint != Some(false) {
                        let message =
                            format!("`{path}`: the kid is not the thumbprint of the public key, which it was when it was imported");
                        self.altered(&path.key("kid"), message);
                    }
                }
            }
        }
    }

    fn not_an_authority(&mut self, entry: &Path, certificate: &Certificate) {
        let message = format!("the root `{}` is no CA certificate, so nothing that it has signed is trusted", certificate.subject());
        let finding = Finding::new(&CA_NOT_AN_AUTHORITY, self.place_of(&entry.key("pem")), message);
        self.add(finding.help("give the root of the CA, the certificate that `step ca root` prints"));
    }

    fn date(&mut self, entry: &Path, text: &str) -> Option<Date> {
        let date = text.parse().ok().filter(|date: &Date| date.to_string() == text);
        if date.is_none() {
            let path = entry.key("neededUntil");
            let finding = Finding::new(&WRONG_TYPE, self.place_of(&path), format!("`{path}` is no day such as `2027-01-31`"));
            self.add(finding);
        }
        date
    }

    fn altered(&mut self, path: &Path, message: String) {
        let finding = Finding::new(&SNAPSHOT_ALTERED, self.place_of(path), message);
        self.add(finding.help("do not edit the recorded facts: make the snapshot anew with `trustree snapshot import`"));
    }

    fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    fn place(&self, keys: &[&str]) -> Place {
        self.place_of(&Path::of(keys.iter().copied()))
    }

    fn place_of(&self, path: &Path) -> Place {
        self.node.as_ref().map_or_else(|| Place::whole(self.file), |node| Place::at(self.file, node.place(path)))
    }
}

/// Private members of public keys, and encrypted keys: what JSON or a person may have put into the tree.
fn secrets_in(node: &Node) -> Vec<(Path, String)> {
    let mut found = Vec::new();
    let Some(provisioners) = node.get("provisioners").and_then(Node::as_map) else { return found };
    for (name, entry) in provisioners.iter() {
        let path = Path::of(["provisioners", name]);
        let Some(provisioner) = entry.node.as_map() else { continue };
        if let Some(key) = provisioner.get("publicKey").and_then(Node::as_map) {
            for (member, _) in key.iter() {
                if pki::private_member(std::iter::once(member)).is_some() {
                    let path = path.key("publicKey").key(member);
                    let message = format!("`{path}` is a member that only a private key has");
                    found.push((path, message));
                }
            }
        }
        if provisioner.get("encryptedKey").is_some_and(|value| value.as_str().is_some_and(|text| text != "unknown")) {
            let path = path.key("encryptedKey");
            let message = format!("`{path}` holds a key, and a snapshot records only whether there is one (`true`)");
            found.push((path, message));
        }
    }
    found
}
