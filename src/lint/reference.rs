//! Names of Secrets, ServiceAccounts and Roles that nothing here bears, where something here nearly does: a slip of the
//! pen, most likely. A name that nothing resembles is not told: operators, charts and other repositories make objects, too.

use std::collections::BTreeMap;

use super::Lint;
use super::object::{Object, value};
use super::rights::Binding;
use super::trust::CERT_MANAGER_GROUP;
use crate::finding::REFERENCE_MISSPELT;
use crate::yaml::{Path, is_slip};

/// One name that an object mentions.
struct Mention<'a> {
    object: Object<'a>,
    path: Path,
    kind: &'static str,
    namespace: &'a str,
    name: &'a str,
}

/// The names that something bears, by kind and namespace.
type Borne<'a> = BTreeMap<(&'static str, &'a str), Vec<&'a str>>;

/// Judges every name that is mentioned.
pub(super) fn check(lint: &mut Lint<'_>) {
    let borne = borne(lint);
    let bindings = lint.bindings();
    let mut mentions: Vec<Mention<'_>> = lint.objects.iter().flat_map(|object| secrets_of(*object)).collect();
    mentions.extend(bindings.iter().flat_map(accounts_of));
    mentions.extend(bindings.iter().filter_map(|binding| role_of(binding.object)));
    for Mention { object, path, kind, namespace, name } in mentions {
        let Some(names) = borne.get(&(kind, namespace)) else { continue };
        let Some(near) = names.iter().find(|known| is_slip(name, known)).filter(|_| !names.contains(&name)) else { continue };
        let message = format!("nothing here makes a {kind} `{name}` in namespace `{namespace}`, and something makes `{near}`");
        let help = format!("did you mean `{near}`? If somebody else makes `{name}`, all is well");
        lint.report(&REFERENCE_MISSPELT, object.document, &path, message, help);
    }
}

fn borne<'a>(lint: &Lint<'a>) -> Borne<'a> {
    let mut borne = Borne::new();
    for object in &lint.objects {
        let Some(namespace) = object.namespace() else { continue };
        let (kind, name) = match (object.identity.group.as_str(), object.identity.kind.as_str()) {
            ("", "ServiceAccount") => ("ServiceAccount", Some(object.name())),
            ("rbac.authorization.k8s.io", "Role") => ("Role", Some(object.name())),
            ("", "Secret") | ("bitnami.com", "SealedSecret") => ("Secret", Some(object.name())),
            ("external-secrets.io", "ExternalSecret") => ("Secret", object.text("spec.target.name").or(Some(object.name()))),
            (CERT_MANAGER_GROUP, "Certificate") => ("Secret", object.text("spec.secretName")),
            _ => continue,
        };
        borne.entry((kind, namespace)).or_default().extend(name);
    }
    borne
}

/// The Secrets that an issuer, a certificate or an Ingress mentions.
fn secrets_of<'a>(object: Object<'a>) -> Vec<Mention<'a>> {
    let at = |path: &str, namespace: Option<&'a str>| {
        let (namespace, name) = (namespace?, object.text(path)?);
        Some(Mention { object, path: Path::of(path.split('.')), kind: "Secret", namespace, name })
    };
    let own = object.namespace();
    match object.identity.kind.as_str() {
        "StepIssuer" => at("spec.provisioner.passwordRef.name", own).into_iter().collect(),
        "StepClusterIssuer" => {
            at("spec.provisioner.passwordRef.name", object.text("spec.provisioner.passwordRef.namespace")).into_iter().collect()
        }
        "Issuer" => at("spec.ca.secretName", own).into_iter().collect(),
        "Certificate" => {
            let stores = ["spec.keystores.jks.passwordSecretRef.name", "spec.keystores.pkcs12.passwordSecretRef.name"];
            stores.into_iter().filter_map(|path| at(path, own)).collect()
        }
        "Ingress" => {
            let mention = |(path, item): (Path, &'a crate::yaml::Node)| {
                let name = value(item, "secretName")?.as_str()?;
                Some(Mention { object, path: path.key("secretName"), kind: "Secret", namespace: own?, name })
            };
            object.items("spec.tls").filter_map(mention).collect()
        }
        _ => Vec::new(),
    }
}

fn accounts_of<'a>(binding: &Binding<'a>) -> Vec<Mention<'a>> {
    let object = binding.object;
    let accounts = binding.subjects.iter().filter(|subject| subject.kind == "ServiceAccount");
    let mention = |subject: &super::rights::Subject<'a>| {
        let namespace = subject.namespace.or(object.namespace())?;
        Some(Mention { object, path: subject.path.key("name"), kind: "ServiceAccount", namespace, name: subject.name })
    };
    accounts.filter_map(mention).collect()
}

fn role_of(binding: Object<'_>) -> Option<Mention<'_>> {
    (binding.text("roleRef.kind") == Some("Role")).then_some(())?;
    let (namespace, name) = (binding.namespace()?, binding.text("roleRef.name")?);
    Some(Mention { object: binding, path: Path::of(["roleRef", "name"]), kind: "Role", namespace, name })
}

#[cfg(test)]
mod tests {
    use crate::lint::testing::places;

    fn of(account: &str, subject: &str) -> Vec<String> {
        let text = format!(
            "apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: {account}, namespace: web}}\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: x, namespace: web}}\nroleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}}\nsubjects:\n  - kind: ServiceAccount\n    name: {subject}\n    namespace: web\n"
        );
        places("reference-misspelt", "", &[("binding.yaml", &text)])
    }

    #[test]
    fn a_slip_is_told_and_another_name_is_not() {
        assert_eq!(of("deployment-bot", "deploymnet-bot"), ["11:11"]);
        assert_eq!(of("deployment-bot", "deployment-bot"), [""; 0]);
        assert_eq!(of("deployment-bot", "somebody-elses-bot"), [""; 0]);
        assert_eq!(of("worker-pool-1", "worker-pool-2"), [""; 0], "numbered names differ by a digit");
        assert_eq!(of("api", "app"), [""; 0], "short names are near each other by chance");
    }
}
