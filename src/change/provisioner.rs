//! What another provisioner or key id of an issuer asks of people: the name goes into the token, the id selects the key,
//! and the password opens that key and no other (smallstep/step-issuer, `provisioners/step.go`).

use serde_json::Value;

use super::entry::{Code, Meaning, Object};

/// Sentences about each issuer in a document that is there before and after.
pub(super) fn meanings(object: Option<&Object>, before: &Value, after: &Value) -> Vec<Meaning> {
    issuers(object)
        .into_iter()
        .filter_map(|(pointer, url)| Some((before.pointer(pointer)?, after.pointer(pointer)?, url)))
        .flat_map(|(old, new, url)| of_issuer(object.and_then(|object| object.namespace.as_deref()), old, new, url))
        .collect()
}

/// Whether a kind is an issuer of ours.
pub(super) fn is_step_issuer(object: &Object) -> bool {
    object.group == "certmanager.step.sm" && matches!(object.kind.as_str(), "StepIssuer" | "StepClusterIssuer")
}

/// Where an issuer can stand in such a document, and what its URL is called there: the object itself, values of the
/// step-issuer chart, the same values in a HelmRelease.
fn issuers(object: Option<&Object>) -> Vec<(&'static str, &'static str)> {
    match object {
        Some(object) if is_step_issuer(object) => vec![("/spec", "url")],
        Some(object) if object.kind == "HelmRelease" => {
            vec![("/spec/values/stepIssuer", "caUrl"), ("/spec/values/stepClusterIssuer", "caUrl")]
        }
        Some(_) => Vec::new(),
        None => vec![("/stepIssuer", "caUrl"), ("/stepClusterIssuer", "caUrl")],
    }
}

fn of_issuer(namespace: Option<&str>, old: &Value, new: &Value, url: &str) -> Vec<Meaning> {
    let mut found = Vec::new();
    let part = |issuer: &Value, key: &str| issuer.pointer(&format!("/provisioner/{key}")).and_then(Value::as_str).map(str::to_owned);
    let (old_name, new_name) = (part(old, "name"), part(new, "name"));
    let (old_id, new_id) = (part(old, "kid"), part(new, "kid"));
    let (old_password, new_password) = (password(namespace, old), password(namespace, new));
    let name = match (&old_name, &new_name) {
        (Some(old), Some(new)) if old != new => format!("provisioner `{old}` -> `{new}`"),
        (_, name) => format!("provisioner `{}`", name.as_deref().unwrap_or("?")),
    };
    let is_known = old_id.is_some() && new_id.is_some();
    if is_known && old_id != new_id {
        let (old_id, new_id) = (old_id.unwrap_or_default(), new_id.unwrap_or_default());
        let place = new_password.as_deref().unwrap_or("the password Secret");
        let text = format!("{name}: key id `{old_id}` -> `{new_id}`: another key, so the password in {place} must be the new key's");
        found.push(Meaning::new(Code::KeyIdChanged, text));
    } else if is_known && old_name.is_some() && old_name != new_name {
        let id = new_id.unwrap_or_default();
        let text = format!(
            "{name}: the kid stays: `{id}`. The CA looks for name and kid together: unless the provisioner was renamed there, the issuer is Ready and cannot sign"
        );
        found.push(Meaning::new(Code::ProvisionerRenamed, text));
    }
    if let (Some(old), Some(new)) = (&old_password, &new_password)
        && old != new
    {
        found.push(Meaning::new(Code::PasswordMoved, format!("the password comes from {new} instead of {old}")));
    }
    if let (Some(old), Some(new)) = (old.get(url).and_then(Value::as_str), new.get(url).and_then(Value::as_str))
        && old != new
    {
        let text = format!("the issuer asks `{new}` instead of `{old}`: another CA, or another name of the same");
        found.push(Meaning::new(Code::AuthorityMoved, text));
    }
    found
}

/// ``Secret `ns/name` (key `other`)``, where the key has not the usual name; a StepIssuer reads in its own namespace.
fn password(namespace: Option<&str>, issuer: &Value) -> Option<String> {
    let provisioner = issuer.get("provisioner")?;
    let text = |pointer: &str| provisioner.pointer(pointer).and_then(Value::as_str);
    if let Some(variable) = text("/passwordEnv") {
        return Some(format!("the variable `{variable}`"));
    }
    if let Some(file) = text("/passwordFile") {
        return Some(format!("the file `{file}`"));
    }
    let name = text("/passwordRef/name")?;
    let namespace = text("/passwordRef/namespace").or(namespace);
    let name = namespace.map_or_else(|| name.to_owned(), |namespace| format!("{namespace}/{name}"));
    let key = text("/passwordRef/key").filter(|key| *key != "password").map(|key| format!(" (key `{key}`)")).unwrap_or_default();
    Some(format!("Secret `{name}`{key}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn issuer(name: &str, kid: &str, secret: &str) -> Value {
        json!({"url": "https://ca", "provisioner": {"name": name, "kid": kid, "passwordRef": {"name": secret}}})
    }

    fn step_issuer(namespace: Option<&str>) -> Object {
        let namespace = namespace.map(str::to_owned);
        Object { group: "certmanager.step.sm".to_owned(), kind: "StepIssuer".to_owned(), namespace, name: Some("i".to_owned()) }
    }

    fn says(before: &Value, after: &Value) -> Vec<(Code, String)> {
        let (before, after) = (json!({"spec": before}), json!({"spec": after}));
        let found = meanings(Some(&step_issuer(Some("ns"))), &before, &after);
        found.into_iter().map(|meaning| (meaning.code, meaning.text)).collect()
    }

    #[test]
    fn a_new_password_goes_with_a_new_key() {
        let text = "provisioner `x`: key id `a` -> `b`: another key, so the password in Secret `ns/p` must be the new key's";
        assert_eq!(says(&issuer("x", "a", "p"), &issuer("x", "b", "p")), [(Code::KeyIdChanged, text.to_owned())]);
        let found = says(&issuer("x", "a", "p"), &issuer("y", "b", "q"));
        assert!(found[0].1.starts_with("provisioner `x` -> `y`: key id `a` -> `b`: another key, so the password in Secret `ns/q`"));
        assert_eq!(found[1], (Code::PasswordMoved, "the password comes from Secret `ns/q` instead of Secret `ns/p`".to_owned()));
    }

    #[test]
    fn a_new_name_for_the_same_key_is_told_apart() {
        let found = says(&issuer("x", "a", "p"), &issuer("y", "a", "p"));
        assert_eq!(found.len(), 1);
        assert!(
            found[0].0 == Code::ProvisionerRenamed && found[0].1.starts_with("provisioner `x` -> `y`: the kid stays: `a`."),
            "{found:?}"
        );
        assert_eq!(says(&issuer("x", "a", "p"), &issuer("x", "a", "p")), []);
    }

    #[test]
    fn another_url_and_another_source_of_the_password_are_told() {
        let new = json!({"url": "https://other", "provisioner": {"name": "x", "kid": "a", "passwordEnv": "P"}});
        let codes: Vec<Code> = says(&issuer("x", "a", "p"), &new).into_iter().map(|(code, _)| code).collect();
        assert_eq!(codes, [Code::PasswordMoved, Code::AuthorityMoved]);
    }

    #[test]
    fn values_of_the_chart_hold_an_issuer_too() {
        let values = |kid: &str| json!({"stepIssuer": issuer("x", kid, "p")});
        let found = meanings(None, &values("a"), &values("b"));
        assert!(found[0].text.ends_with("the password in Secret `p` must be the new key's"), "{found:?}");
        let release = Object { kind: "HelmRelease".to_owned(), group: "helm.toolkit.fluxcd.io".to_owned(), ..step_issuer(None) };
        let wrapped = |kid: &str| json!({"spec": {"values": values(kid)}});
        assert_eq!(meanings(Some(&release), &wrapped("a"), &wrapped("b")).len(), 1);
        let cluster = |kid: &str| json!({"stepClusterIssuer": issuer("x", kid, "p")});
        assert_eq!(meanings(None, &cluster("a"), &cluster("b")).len(), 1);
    }
}
