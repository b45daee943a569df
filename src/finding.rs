//! Findings: what is wrong with somebody's input, as data. The table of rules stands here so that every room can name
//! a rule; which rule fires where is each room's own business, and how a finding looks is `report/`'s.

use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};

use crate::yaml::{At, Path, Problem, ProblemKind, YamlError, nearest};

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Informs.
    Note,
    /// Reports; `--strict` fails on it.
    Warning,
    /// Nothing of the environment is written.
    Error,
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Error => "error",
        })
    }
}

/// One thing that can be wrong. The code is stable and has a heading of its own in `docs/rules.md`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Kebab-case, never reused for something else.
    pub code: &'static str,
    /// The level where nobody changed it.
    pub level: Level,
    /// Whether the input cannot be read or trusted: exit code 2, and no level of its own choosing.
    pub untrusted: bool,
    /// What the rule says, in one sentence without a period.
    pub summary: &'static str,
}

impl Rule {
    /// Whether the line that a finding of this rule points at may hold secret material.
    pub fn is_about_secrets(&self) -> bool {
        [SNAPSHOT_PRIVATE_KEY.code, MANIFEST_SECRET_MATERIAL.code].contains(&self.code)
    }
}

/// Declares the rules and the table of them all.
macro_rules! rules {
    ($($name:ident = $code:literal, $level:ident $(, $untrusted:ident)?: $summary:literal;)*) => {
        $(
            #[doc = $summary]
            pub static $name: Rule = Rule { code: $code, level: Level::$level, untrusted: rules!(@ $($untrusted)?), summary: $summary };
        )*
        /// Every rule, in the order of `docs/rules.md`.
        pub static RULES: &[&Rule] = &[$(&$name),*];
    };
    (@ untrusted) => { true };
    (@) => { false };
}

rules! {
    UNKNOWN_FIELD = "unknown-field", Error, untrusted: "a field that does not exist";
    WRONG_TYPE = "wrong-type", Error, untrusted: "a value that its field cannot hold, or a field that must be there and is not";
    DUPLICATE_KEY = "duplicate-key", Error, untrusted: "a key that stands twice in one map";
    INVALID_YAML = "invalid-yaml", Error, untrusted: "a file that is no YAML that can be used";
    UNREADABLE_FILE = "unreadable-file", Error, untrusted: "a file or folder that cannot be read";
    LAYER_NOT_FOUND = "layer-not-found", Error, untrusted: "`extends` names a layer that does not exist";
    LAYER_CYCLE = "layer-cycle", Error, untrusted: "layers that extend each other in a circle";
    ENVIRONMENT_NAME_INVALID = "environment-name-invalid", Error, untrusted: "an environment's folder whose name cannot be used everywhere";
    INVENTORY_NOT_FOUND = "inventory-not-found", Error, untrusted: "an environment's folder without an inventory";
    PATH_ESCAPES = "path-escapes", Error, untrusted: "a path that leads out of its folder, or through a link";
    LEDGER_INVALID = "ledger-invalid", Error, untrusted: "a ledger that cannot be read or names what it may not name";
    SNAPSHOT_NOT_FOUND = "snapshot-not-found", Error, untrusted: "an authority without a CA snapshot that is not marked as pending";
    SNAPSHOT_PRIVATE_KEY = "snapshot-private-key", Error, untrusted: "a private key where only public facts may stand";
    SNAPSHOT_ALTERED = "snapshot-altered", Error, untrusted: "a CA snapshot whose recorded facts differ from its certificates or keys";
    SNAPSHOT_FINGERPRINT_DIFFERS = "snapshot-fingerprint-differs", Error, untrusted: "`defaults.json` names a root that the input does not hold";
    SNAPSHOT_INCOMPLETE = "snapshot-incomplete", Error, untrusted: "an input that lacks a part of the CA";
    SNAPSHOT_AMBIGUOUS = "snapshot-ambiguous", Error, untrusted: "an input with several CAs";
    SNAPSHOT_OF_ANOTHER_CA = "snapshot-of-another-ca", Error, untrusted: "an input that shares neither a root nor a key with the snapshot it would update";
    SNAPSHOT_PENDING = "snapshot-pending", Note: "an authority that still waits for its CA snapshot";
    SNAPSHOT_PARTIAL = "snapshot-partial", Note: "a part of the CA that the input does not hold and rendering does not need";
    ROOT_DROP_REFUSED = "root-drop-refused", Error, untrusted: "a root to be dropped that the CA still uses, or that the snapshot does not hold";
    ROOT_DROPPED_TOO_EARLY = "root-dropped-too-early", Warning: "a root that is gone while certificates issued under it may still be valid";
    CA_NOT_AN_AUTHORITY = "ca-not-an-authority", Error, untrusted: "a root certificate that is no CA";
    CA_NOT_SELF_SIGNED = "ca-not-self-signed", Warning: "an intermediate certificate given as root";
    CA_CHAIN_BROKEN = "ca-chain-broken", Warning: "an intermediate certificate that none of the roots has issued";
    PROVISIONERS_NOT_AUTHORITATIVE = "provisioners-not-authoritative", Warning: "a CA whose provisioners do not live in its ca.json";
    PROVISIONER_AMBIGUOUS = "provisioner-ambiguous", Error, untrusted: "two provisioners of one name, with which step-ca does not start";
    PROVISIONER_NOT_FOUND = "provisioner-not-found", Error: "an issuer's provisioner that the CA snapshot does not hold";
    PROVISIONER_NOT_JWK = "provisioner-not-jwk", Error: "an issuer's provisioner that is no JWK provisioner";
    PROVISIONER_WITHOUT_KEY = "provisioner-without-key", Error: "a JWK provisioner without an encrypted key that step-issuer could fetch";
    REFERENCE_UNRESOLVED = "reference-unresolved", Error: "a name in the inventory that nothing in the inventory bears";
    NAME_INVALID = "name-invalid", Error: "a name that Kubernetes does not accept";
    DURATION_NOT_GO = "duration-not-go", Error: "a duration that Go does not read";
    RENEW_BEFORE_TWICE = "renew-before-twice", Error: "a certificate with both ways to say when it is renewed";
    ISSUER_PASSWORD_NAMESPACE = "issuer-password-namespace", Error: "a password reference with a namespace too few or too many";
    ISSUER_IN_OTHER_NAMESPACE = "issuer-in-other-namespace", Error: "a certificate in another namespace than its StepIssuer";
    CERTIFICATE_WITHOUT_NAME = "certificate-without-name", Error: "a certificate that names nothing";
    SECRET_NAME_COLLISION = "secret-name-collision", Error: "two certificates that write the same Secret";
    FIELD_NEEDS_NEWER_CERT_MANAGER = "field-needs-newer-cert-manager", Error: "a certificate field that the environment's cert-manager does not know";
    CHART_VERSION_FLOATING = "chart-version-floating", Error: "a chart version that does not name one chart";
    VALUES_UNKNOWN_KEY = "values-unknown-key", Error: "a chart value that the chart does not know";
    VALUES_WRONG_TYPE = "values-wrong-type", Error: "a chart value of another type than the chart's default";
    VALUES_NOT_CHECKED = "values-not-checked", Note: "chart values that could not be checked, because the chart version is not known";
    TEMPLATE_INVALID = "template-invalid", Error, untrusted: "a template or `component.yaml` that cannot be used";
    RESOURCE_MISSING = "resource-missing", Error: "a kustomization that names a file which is not rendered";
    CRD_INVALID = "crd-invalid", Error, untrusted: "a CustomResourceDefinition that cannot be used";
    MANIFEST_INVALID_YAML = "manifest-invalid-yaml", Error, untrusted: "a rendered document that is no YAML";
    MANIFEST_NOT_AN_OBJECT = "manifest-not-an-object", Error: "a rendered document without apiVersion, kind or name";
    MANIFEST_UNKNOWN_FIELD = "manifest-unknown-field", Error: "a rendered document with a field that its kind does not have";
    MANIFEST_WRONG_TYPE = "manifest-wrong-type", Error: "a rendered document with a value of the wrong type";
    MANIFEST_NAME_INVALID = "manifest-name-invalid", Error: "a rendered document whose name Kubernetes does not accept";
    MANIFEST_DUPLICATE = "manifest-duplicate", Error: "the same object rendered twice";
    MANIFEST_SECRET_MATERIAL = "manifest-secret-material", Error, untrusted: "a rendered document that holds secret material";
}

/// Where a finding points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file; line and column from 1, or 0 for the file as a whole.
    File {
        /// Path below the repository.
        file: Utf8PathBuf,
        /// Line, from 1; 0 for the whole file.
        line: u32,
        /// Column in characters, from 1.
        column: u32,
    },
    /// A path in the merged inventory; its file and line are looked up when it is shown.
    Inventory(Path),
}

impl Place {
    /// A file as a whole.
    pub fn whole(file: impl Into<Utf8PathBuf>) -> Place {
        Place::File { file: file.into(), line: 0, column: 0 }
    }

    /// A node's place in a file.
    pub fn at(file: &Utf8Path, at: At) -> Place {
        Place::File { file: file.to_owned(), line: at.line, column: at.column }
    }
}

/// One thing that is wrong, with its place, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule that says so.
    pub rule: &'static Rule,
    /// What is wrong: lower case, no final period, names and paths in backticks.
    pub message: String,
    /// What to do, in the same style.
    pub help: Option<String>,
    /// Where.
    pub place: Place,
}

impl Finding {
    /// A finding without a help line.
    pub fn new(rule: &'static Rule, place: Place, message: impl Into<String>) -> Finding {
        Finding { rule, message: message.into(), help: None, place }
    }

    /// The same with a help line.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Finding {
        Finding { help: Some(help.into()), ..self }
    }

    /// What the YAML reader refused.
    pub fn of_yaml(file: &Utf8Path, error: &YamlError) -> Finding {
        let rule = if error.duplicate_key { &DUPLICATE_KEY } else { &INVALID_YAML };
        Finding { rule, message: error.message.clone(), help: error.hint.clone(), place: Place::at(file, error.at) }
    }

    /// What a typed struct found wrong with a tree of nodes; `place` says where the problem's path lies.
    pub fn of_problem(problem: &Problem, place: Place) -> Finding {
        let path = &problem.path;
        match &problem.kind {
            ProblemKind::UnknownField { known } => {
                let name = match path.segments().last() {
                    Some(crate::yaml::Segment::Key(name)) => name.to_string(),
                    _ => path.to_string(),
                };
                let help = match nearest(&name, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the fields here are {}", listed(known.iter().copied())),
                };
                Finding::new(&UNKNOWN_FIELD, place, format!("there is no field `{name}` here (`{path}`)")).help(help)
            }
            ProblemKind::WrongType(reason) => {
                let message = if path.is_empty() { reason.clone() } else { format!("`{path}`: {reason}") };
                let finding = Finding::new(&WRONG_TYPE, place, message);
                match help_for_wrong_type(reason) {
                    Some(help) => finding.help(help),
                    None => finding,
                }
            }
            ProblemKind::MissingField(field) if path.is_empty() => {
                Finding::new(&WRONG_TYPE, place, format!("the field `{field}` is missing"))
                    .help(format!("write `{field}:` on a line of its own"))
            }
            ProblemKind::MissingField(field) => {
                Finding::new(&WRONG_TYPE, place, format!("`{path}` needs the field `{field}`")).help(format!("write `{field}:` below it"))
            }
        }
    }
}

/// What to do about a value of the wrong type, where one thing is what most people need to do.
fn help_for_wrong_type(reason: &str) -> Option<&'static str> {
    let (expected, found) = reason.split_once(" is expected here, and this is ")?;
    match expected {
        "a string" if found.starts_with("the number") || found.starts_with("the boolean") => Some("put the value in double quotes"),
        "a list" => Some("write each value on a line of its own, behind `- `"),
        "a map" => Some("write fields as `name: value`, each on a line of its own"),
        "a number that JSON has" => Some("write the number that is meant, or leave it out"),
        "`true` or `false`" => Some("write one of the two, without quotes"),
        _ => None,
    }
}

/// Names in backticks with commas.
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// `1 file`, `2 files`.
pub fn counted(number: usize, what: &str) -> String {
    match (number, what.strip_suffix('y')) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        _ => format!("{number} {what}s"),
    }
}
