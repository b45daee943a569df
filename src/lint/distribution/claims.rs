//! Who writes which Secret and ConfigMap: an object itself, copies of it in other namespaces, and what a Bundle makes. Two
//! that write one object undo each other without end, and some names are Kubernetes' own or those of the CA's chart.

use std::collections::BTreeMap;

use regex::Regex;

use super::carrier::{Carrier, carriers};
use super::copies::{REFLECTOR, REPLICATOR};
use super::pattern::{Reach, patterns, reach};
use crate::finding::{Level, MANIFEST_DUPLICATE, Rule, SECRET_NAME_COLLISION};
use crate::lint::Lint;
use crate::lint::certificate::written_secret;
use crate::lint::object::Object;
use crate::manifest::Document;
use crate::yaml::{Node, Path};

const SECRET: &str = "Secret";
const CONFIG_MAP: &str = "ConfigMap";
/// ConfigMaps that the cluster itself writes into every namespace. Sources: Kubernetes, `root-ca-cert-publisher`; OpenShift,
/// `service-ca-operator`.
const OF_CLUSTER: [(&str, &str); 2] = [("kube-root-ca.crt", "Kubernetes"), ("openshift-service-ca.crt", "OpenShift")];
/// What the chart `step-certificates` appends to its full name for ConfigMaps of its own.
const OF_AUTHORITY: [&str; 3] = ["certs", "config", "secrets"];

/// Where somebody writes an object.
#[derive(Debug)]
enum Where<'a> {
    /// In one namespace.
    Here(&'a str),
    /// In those that fit one of some expressions.
    Fitting(Vec<Expression<'a>>),
    /// In every namespace.
    Everywhere,
    /// In those with certain labels.
    Labelled,
}

/// Somebody who writes an object.
struct Claim<'a> {
    document: &'a Document,
    /// What says that it is written.
    path: Path,
    kind: &'static str,
    name: &'a str,
    whereto: Where<'a>,
    /// How a message calls it.
    called: String,
    /// Whether it is that object, and does not only write it.
    is_object: bool,
    /// The source that it says to be a copy of, `namespace/name`.
    copy_of: Option<&'a str>,
    /// The namespace of what is copied.
    home: Option<&'a str>,
}

/// How sure it is that two claims meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Meeting {
    Never,
    Perhaps,
    Surely,
}

/// Judges all of them.
pub(super) fn check(lint: &mut Lint<'_>) {
    let claims = claims(lint);
    for claim in &claims {
        reserved(lint, claim);
    }
    let mut by_name: BTreeMap<(&str, &str), Vec<&Claim<'_>>> = BTreeMap::new();
    claims.iter().for_each(|claim| by_name.entry((claim.kind, claim.name)).or_default().push(claim));
    for rivals in by_name.values().filter(|rivals| rivals.len() > 1) {
        let wide = |claim: &&Claim<'_>| !matches!(claim.whereto, Where::Here(_));
        for (index, claim) in rivals.iter().enumerate().filter(|(_, claim)| wide(claim)) {
            // Two that both reach far are told once, at the first.
            let others: Vec<&Claim<'_>> =
                rivals.iter().enumerate().filter(|(other, rival)| !wide(rival) || *other > index).map(|(_, rival)| *rival).collect();
            collisions(lint, claim, &others);
        }
    }
}

/// One finding for each that reaches far, however many it meets.
fn collisions(lint: &mut Lint<'_>, claim: &Claim<'_>, others: &[&Claim<'_>]) {
    let judged = |other: &&&Claim<'_>| {
        let is_same = std::ptr::eq(claim.document, other.document) || claim.document.identity() == other.document.identity();
        !is_same && !claim.is_copied_into(other) && !lint.overlays.exclude_each_other(claim.document, other.document)
    };
    let mut met: Vec<(Meeting, &Claim<'_>)> =
        others.iter().filter(judged).map(|other| (claim.meets(other), *other)).filter(|(meeting, _)| *meeting > Meeting::Never).collect();
    met.sort_by_key(|(meeting, _)| std::cmp::Reverse(*meeting));
    let Some((meeting, other)) = met.first() else { return };
    let namespace = other.only_namespace().or_else(|| claim.only_namespace());
    let place = namespace.map(|namespace| format!(" in namespace `{namespace}`")).unwrap_or_default();
    let more = if met.len() > 1 { format!(" ({} more of these)", met.len() - 1) } else { String::new() };
    let verb = if *meeting == Meeting::Surely { "writes" } else { "may write" };
    let message = format!(
        "{} {verb} the {} `{}`{place}, which {}{more}: each undoes the other's",
        claim.called,
        claim.kind,
        claim.name,
        if other.is_object { "stands in the tree as well".to_owned() } else { format!("{} writes as well", other.called) }
    );
    let (rule, help): (&'static Rule, _) = match claim.kind {
        SECRET => (&SECRET_NAME_COLLISION, "give one of them another `secretName`, or take that namespace out of the copies"),
        _ => (&MANIFEST_DUPLICATE, "give one of them another name, or take that namespace out of the copies"),
    };
    let level = if *meeting == Meeting::Surely { Level::Error } else { Level::Warning };
    lint.report_at(level, rule, claim.document, &claim.path, (message, help));
}

/// Names that somebody else has: the cluster in every namespace, and the CA's chart in its own.
fn reserved(lint: &mut Lint<'_>, claim: &Claim<'_>) {
    let is_plain = matches!(claim.whereto, Where::Here(_));
    // What somebody wrote by hand may be what the CA reads; and the chart's own are its own.
    if claim.kind != CONFIG_MAP || is_plain && (claim.document.is_written() || lint.is_of_chart(claim.document)) {
        return;
    }
    let of_cluster = OF_CLUSTER.iter().find(|(name, _)| *name == claim.name);
    let of_authority = || {
        let authorities = lint.scope.model.authorities.iter();
        let is_own = |fullname: &str| OF_AUTHORITY.iter().any(|suffix| claim.name == format!("{fullname}-{suffix}"));
        let mut own = authorities.filter(|(_, authority)| is_own(&authority.fullname) && claim.reaches(&authority.namespace));
        own.next().map(|(name, authority)| format!("the chart of the CA `{name}` writes into namespace `{}`", authority.namespace))
    };
    let owner = of_cluster.map(|(_, owner)| format!("{owner} writes into every namespace")).or_else(of_authority);
    let Some(owner) = owner else { return };
    let message = match claim.is_object {
        true => format!("{} is one that {owner}: each undoes the other's", claim.called),
        false => format!("{} writes the ConfigMap `{}`, which {owner}: each undoes the other's", claim.called, claim.name),
    };
    let path = if is_plain { Path::of(["metadata", "name"]) } else { claim.path.clone() };
    lint.report(&MANIFEST_DUPLICATE, claim.document, &path, message, "give it another name, such as `ca-roots`");
}

impl<'a> Claim<'a> {
    fn only_namespace(&self) -> Option<&'a str> {
        match self.whereto {
            Where::Here(namespace) => Some(namespace),
            _ => None,
        }
    }

    /// Whether the other one is an empty object that this one's program fills.
    fn is_copied_into(&self, other: &Claim<'_>) -> bool {
        let source = |home: &str| format!("{home}/{}", self.name);
        other.copy_of.is_some_and(|reference| self.home.is_none_or(|home| reference == source(home)))
    }

    /// Whether it surely writes into a namespace.
    fn reaches(&self, namespace: &str) -> bool {
        match &self.whereto {
            Where::Here(own) => *own == namespace,
            Where::Fitting(expressions) => expressions.iter().any(|expression| expression.fits(namespace)),
            Where::Everywhere => true,
            Where::Labelled => false,
        }
    }

    /// Names meet surely; a pattern that fits a name may have been meant for others.
    fn meets(&self, other: &Claim<'_>) -> Meeting {
        use Where::{Everywhere, Fitting, Here, Labelled};
        match (&self.whereto, &other.whereto) {
            (Here(one), Here(two)) => {
                if one == two {
                    Meeting::Surely
                } else {
                    Meeting::Never
                }
            }
            (Everywhere, Everywhere | Here(_)) | (Here(_), Everywhere) => Meeting::Surely,
            (Fitting(expressions), Here(namespace)) | (Here(namespace), Fitting(expressions)) => {
                let here = Expression::Plain(namespace);
                expressions.iter().map(|expression| expression.meets(&here)).max().unwrap_or(Meeting::Never)
            }
            (Fitting(list), Everywhere) | (Everywhere, Fitting(list)) => {
                if list.iter().any(Expression::is_plain) {
                    Meeting::Surely
                } else {
                    Meeting::Perhaps
                }
            }
            (Fitting(ones), Fitting(twos)) => {
                let met = ones.iter().flat_map(|one| twos.iter().map(move |two| one.meets(two)));
                met.max().unwrap_or(Meeting::Never)
            }
            (Labelled, Everywhere) | (Everywhere, Labelled) => Meeting::Perhaps,
            // Whoever chooses by labels may have chosen them so that they do not meet.
            (Labelled, _) | (_, Labelled) => Meeting::Never,
        }
    }
}

/// One expression for the whole of a name, read once: it is held against every tenant.
#[derive(Debug)]
enum Expression<'a> {
    /// It names one namespace.
    Plain(&'a str),
    /// It may fit several; None where it is not understood here, and fits nothing.
    Pattern(&'a str, Option<Regex>),
}

impl<'a> Expression<'a> {
    fn of(text: &'a str) -> Expression<'a> {
        let inner = text.strip_prefix('^').unwrap_or(text);
        let inner = inner.strip_suffix('$').unwrap_or(inner);
        match inner.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
            true => Expression::Plain(inner),
            false => Expression::Pattern(inner, Regex::new(&format!("^(?:{text})$")).ok()),
        }
    }

    fn fits(&self, namespace: &str) -> bool {
        match self {
            Expression::Plain(name) => *name == namespace,
            Expression::Pattern(_, expression) => expression.as_ref().is_some_and(|expression| expression.is_match(namespace)),
        }
    }

    fn is_plain(&self) -> bool {
        matches!(self, Expression::Plain(_))
    }

    /// A name meets surely what names it, too, and perhaps what fits it; two patterns meet where they are the same.
    fn meets(&self, other: &Expression<'_>) -> Meeting {
        use Expression::{Pattern, Plain};
        let (meeting, do_meet) = match (self, other) {
            (Plain(one), Plain(two)) => (Meeting::Surely, one == two),
            (Plain(name), pattern @ Pattern(..)) | (pattern @ Pattern(..), Plain(name)) => (Meeting::Perhaps, pattern.fits(name)),
            (Pattern(one, _), Pattern(two, _)) => (Meeting::Perhaps, one == two),
        };
        if do_meet { meeting } else { Meeting::Never }
    }
}

fn claims<'a>(lint: &Lint<'a>) -> Vec<Claim<'a>> {
    let mut claims: Vec<Claim<'a>> = lint.objects.iter().filter_map(|object| own(*object)).collect();
    let carriers = carriers(lint);
    claims.extend(carriers.iter().flat_map(copies));
    claims.extend(lint.objects_of("trust.cert-manager.io", "Bundle").flat_map(bundle));
    claims.retain(|claim| lint.is_followed(claim.document));
    claims
}

/// What an object is, or writes beside itself. Without a namespace of its own, nobody knows where.
fn own(object: Object<'_>) -> Option<Claim<'_>> {
    let namespace = object.namespace()?;
    let (kind, name, path) = match (object.identity.group.as_str(), object.identity.kind.as_str()) {
        ("", "ConfigMap") => (CONFIG_MAP, object.name(), ["metadata", "name"]),
        ("cert-manager.io", "Certificate") => (SECRET, object.text("spec.secretName")?, ["spec", "secretName"]),
        _ => (SECRET, written_secret(object)?.2, ["metadata", "name"]),
    };
    let copies = ["replicate-from", "reflects"];
    let copy_of = object.annotations().find(|(key, ..)| key.rsplit_once('/').is_some_and(|(_, name)| copies.contains(&name)));
    Some(Claim {
        document: object.document,
        path: Path::of(path),
        kind,
        name,
        whereto: Where::Here(namespace),
        called: called(object),
        is_object: object.identity.kind == kind,
        copy_of: copy_of.map(|(_, _, reference)| reference),
        home: Some(namespace),
    })
}

fn called(object: Object<'_>) -> String {
    let namespace = object.namespace().map(|namespace| format!(" in namespace `{namespace}`")).unwrap_or_default();
    format!("the {} `{}`{namespace}", object.identity.kind, object.name())
}

/// What replicator and reflector make of it.
fn copies<'a>(carrier: &Carrier<'a>) -> Vec<Claim<'a>> {
    let claim = |path: Path, whereto: Where<'a>, program: &str| Claim {
        document: carrier.document,
        path,
        kind: carrier.kind,
        name: carrier.name,
        whereto,
        called: format!("{program}, with copies of the {} `{}`{},", carrier.kind, carrier.name, in_namespace(carrier.namespace)),
        is_object: false,
        copy_of: None,
        home: carrier.namespace,
    };
    let mut claims = Vec::new();
    if let Some((list, path)) = carrier.get(REPLICATOR, "replicate-to") {
        claims.extend(listed_in(list).map(|whereto| claim(path, whereto, "replicator")));
    }
    if let Some((_, path)) = carrier.get(REPLICATOR, "replicate-to-matching") {
        claims.push(claim(path, Where::Labelled, "replicator"));
    }
    if carrier.is_true(REFLECTOR, "reflection-allowed") && carrier.is_true(REFLECTOR, "reflection-auto-enabled") {
        let given = |name: &str| carrier.get(REFLECTOR, name).filter(|(list, _)| !list.trim().is_empty());
        let is_labelled =
            ["reflection-allowed-namespaces-selector", "reflection-auto-namespaces-selector"].iter().any(|name| given(name).is_some());
        let found = given("reflection-auto-namespaces").or_else(|| given("reflection-allowed-namespaces"));
        let everywhere = || Some((Where::Everywhere, carrier.get(REFLECTOR, "reflection-auto-enabled")?.1));
        let whereto = match found {
            Some((list, path)) => listed_in(list).map(|whereto| (whereto, path)),
            None => everywhere(),
        };
        let whereto = whereto.map(|(whereto, path)| (if is_labelled { Where::Labelled } else { whereto }, path));
        claims.extend(whereto.map(|(whereto, path)| claim(path, whereto, "reflector")));
    }
    claims
}

fn in_namespace(namespace: Option<&str>) -> String {
    namespace.map(|namespace| format!(" in namespace `{namespace}`")).unwrap_or_default()
}

/// Whom a list of expressions means; None for nobody.
fn listed_in(list: &str) -> Option<Where<'_>> {
    match reach(list) {
        Reach::Nobody => None,
        Reach::Everything => Some(Where::Everywhere),
        Reach::Names | Reach::Pattern => Some(Where::Fitting(patterns(list).map(Expression::of).collect())),
    }
}

/// What trust-manager makes of a Bundle. Without a selector it is there in every namespace.
fn bundle(object: Object<'_>) -> Vec<Claim<'_>> {
    let selects = |key: &str| {
        let found = object.get(&format!("spec.target.namespaceSelector.{key}"));
        found.is_some_and(|node| node.as_map().is_some_and(|map| !map.is_empty()) || node.as_list().is_some_and(|list| !list.is_empty()))
    };
    let by_name = object
        .get("spec.target.namespaceSelector.matchLabels")
        .and_then(|labels| labels.get("kubernetes.io/metadata.name"))
        .and_then(Node::as_str);
    let claim = |kind: &'static str| Claim {
        document: object.document,
        path: Path::of(["metadata", "name"]),
        kind,
        name: object.name(),
        whereto: match by_name {
            Some(namespace) => Where::Fitting(vec![Expression::Plain(namespace)]),
            None if selects("matchLabels") || selects("matchExpressions") => Where::Labelled,
            None => Where::Everywhere,
        },
        called: format!("the Bundle `{}`", object.name()),
        is_object: false,
        copy_of: None,
        home: None,
    };
    let kinds = [("configMap", CONFIG_MAP), ("secret", SECRET)];
    let made = kinds.into_iter().filter(|(target, _)| object.get(&format!("spec.target.{target}")).is_some());
    made.map(|(_, kind)| claim(kind)).collect()
}

#[cfg(test)]
mod tests {
    use crate::finding::Level;
    use crate::lint::testing::found;

    fn of(files: &[&str]) -> Vec<(&'static str, Level)> {
        let text = files.join("---\n");
        let all = found("authorities: {internal: {namespace: pki, snapshot: pending}}\n", &[("a.yaml", &text)]);
        let codes = ["manifest-duplicate", "secret-name-collision"];
        all.into_iter().filter(|(code, ..)| codes.contains(code)).map(|(code, level, _)| (code, level)).collect()
    }

    fn config_map(name: &str, namespace: &str, annotations: &str) -> String {
        let annotations = annotations.replace("replicator/", super::REPLICATOR).replace("reflector/", super::REFLECTOR);
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: {namespace}, annotations: {{{annotations}}}}}\n")
    }

    fn certificate(name: &str, namespace: &str, annotations: &str) -> String {
        let annotations = annotations.replace("replicator/", super::REPLICATOR);
        format!(
            "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {{secretName: c-tls, dnsNames: [a.b.svc], issuerRef: {{group: example.org, kind: X, name: x}}, secretTemplate: {{annotations: {{{annotations}}}}}}}\n"
        )
    }

    fn bundle(name: &str, selector: &str) -> String {
        format!(
            "apiVersion: trust.cert-manager.io/v1alpha1\nkind: Bundle\nmetadata: {{name: {name}}}\nspec: {{target: {{configMap: {{key: ca.crt}}{selector}}}}}\n"
        )
    }

    #[test]
    fn a_copy_of_a_secret_over_another_one_is_told() {
        let here = certificate("h", "shop", "");
        let copied = |list: &str| certificate("c", "edge", &format!("replicator/replicate-to: '{list}'"));
        let code = "secret-name-collision";
        assert_eq!(of(&[&copied("^shop$"), &here]), [(code, Level::Error)]);
        assert_eq!(of(&[&copied("^sho.*$"), &here]), [(code, Level::Warning)]);
        assert_eq!(of(&[&copied("^shop2$"), &here]), []);
        assert_eq!(of(&[&copied("^shop2$"), &here.replace("c-tls", "h-tls")]), []);
        // Two copies in one namespace.
        assert_eq!(of(&[&copied("^team$"), &certificate("d", "web", "replicator/replicate-to: '^team$'")]), [(code, Level::Error)]);
    }

    #[test]
    fn config_maps_of_one_name_in_one_namespace_are_told() {
        let duplicate = |level| vec![("manifest-duplicate", level)];
        let copied = config_map("roots", "pki2", "replicator/replicate-to: '^shop$'");
        assert_eq!(of(&[&copied, &config_map("roots", "shop", "")]), duplicate(Level::Error));
        assert_eq!(of(&[&copied, &config_map("roots", "web", "")]), []);
        assert_eq!(of(&[&bundle("roots", ""), &config_map("roots", "web", "")]), duplicate(Level::Error));
        assert_eq!(of(&[&bundle("roots", ", namespaceSelector: {matchLabels: {a: b}}"), &config_map("roots", "web", "")]), []);
        let reflected = config_map(
            "roots",
            "pki2",
            "reflector/reflection-allowed: 'true', reflector/reflection-auto-enabled: 'true', reflector/reflection-auto-namespaces: 'team-.*'",
        );
        assert_eq!(of(&[&reflected, &config_map("roots", "team-a", "")]), duplicate(Level::Warning));
        // Its own copy is no rival.
        let copy = config_map("roots", "shop", "replicator/replicate-from: pki2/roots");
        assert_eq!(of(&[&copied, &copy]), []);
    }

    #[test]
    fn names_of_the_cluster_and_of_the_ca_are_taken() {
        let found = [("manifest-duplicate", Level::Error)];
        assert_eq!(of(&[&bundle("kube-root-ca.crt", "")]), found);
        assert_eq!(of(&[&bundle("kube-root-ca.crt", ", namespaceSelector: {matchLabels: {a: b}}")]), found);
        assert_eq!(of(&[&bundle("step-certificates-certs", "")]), found);
        assert_eq!(of(&[&config_map("step-certificates-config", "web", "replicator/replicate-to: 'pki'")]), found);
        assert_eq!(of(&[&config_map("step-certificates-config", "web", "replicator/replicate-to: 'shop'")]), []);
        assert_eq!(of(&[&config_map("step-certificates-certs", "pki", "")]), [], "it may be what the CA reads");
    }
}
