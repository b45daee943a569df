//! Secret material: private keys anywhere, and what a Secret holds.

use base64::Engine as _;
use serde_json::Value as Json;

use super::{Flaw, Identity};
use crate::pki::{private_key_in, private_key_with_body_in};
use crate::yaml::{Node, Path, Value};

/// Looks for private keys in every string, also in base64, and for Secrets with content.
pub(super) fn material(node: &Node, identity: Option<&Identity>, flaws: &mut Vec<Flaw>) {
    if identity.is_some_and(|identity| identity.group.is_empty() && identity.kind == "Secret") {
        let is_of_argo_cd = is_of_argo_cd(node);
        for field in ["data", "stringData"] {
            let map = node.get(field).and_then(Node::as_map);
            let is_secret = |key: &str, text: &str| is_secret(text) && !(is_of_argo_cd && is_public_for_argo_cd(key, &plain(text)));
            if map.is_some_and(|map| map.iter().any(|(key, entry)| entry.node.as_str().is_some_and(|text| is_secret(key, text)))) {
                flaws.push(Flaw::SecretMaterial(Path::of([field])));
            }
        }
    }
    if identity.is_none()
        && let Some(generators) = node.get("secretGenerator").and_then(Node::as_list)
    {
        for (index, generator) in generators.iter().enumerate() {
            let literals = generator.get("literals").and_then(Node::as_list).unwrap_or_default();
            let values = literals.iter().filter_map(|literal| literal.as_str()?.split_once('='));
            if values.clone().any(|(_, value)| is_secret(value.trim_matches(['\'', '"']))) {
                flaws.push(Flaw::SecretMaterial(Path::of(["secretGenerator"]).index(index).key("literals")));
            }
        }
    }
    private_keys(node, &Path::default(), flaws);
}

fn private_keys(node: &Node, path: &Path, flaws: &mut Vec<Flaw>) {
    match &node.value {
        Value::String(text) if private_key_with_body_in(text).is_some() || holds_key_of_json(text) => {
            flaws.push(Flaw::SecretMaterial(path.clone()));
        }
        Value::List(items) => items.iter().enumerate().for_each(|(index, item)| private_keys(item, &path.index(index), flaws)),
        Value::Map(map) => map.iter().for_each(|(key, entry)| private_keys(&entry.node, &path.key(key), flaws)),
        _ => {}
    }
}

/// Whether a text in JSON holds a private JWK, or is a ca.json that says the password of its key.
fn holds_key_of_json(text: &str) -> bool {
    let is_worth_reading = text.trim_start().starts_with(['{', '[']) && ["\"kty\"", "\"password\""].iter().any(|key| text.contains(key));
    is_worth_reading && serde_json::from_str(text).is_ok_and(|json| is_or_holds_key(&json))
}

fn is_or_holds_key(json: &Json) -> bool {
    let is_said = |key: &str| json.get(key).and_then(Json::as_str).is_some_and(|text| !text.trim().is_empty() && !is_placeholder(text));
    let is_jwk = is_said("kty") && is_said("d");
    let is_ca_json = is_said("password") && json.get("authority").is_some_and(Json::is_object);
    let is_below = || match json {
        Json::Array(items) => items.iter().any(is_or_holds_key),
        Json::Object(map) => map.values().any(is_or_holds_key),
        _ => false,
    };
    is_jwk || is_ca_json || is_below()
}

/// References that a program resolves before the API server sees them: of 1Password, Vault and vals.
const REFERENCES: &[&str] = &["op://", "vault:", "ref+"];

/// Whether a text stands for something that another program puts there: `${password}`, `{{ password }}`, `<base64>`,
/// `op://vault/item`.
pub fn is_placeholder(text: &str) -> bool {
    let text = text.trim();
    let is_word = ["changeme", "change-me", "replaceme", "replace-me", "todo"].iter().any(|word| text.eq_ignore_ascii_case(word));
    let is_reference = REFERENCES.iter().any(|begin| text.starts_with(begin));
    is_word || is_reference || ["${", "$(", "{{"].iter().any(|mark| text.contains(mark)) || text.starts_with('<') && text.ends_with('>')
}

/// Whether a value of a Secret, in base64 or not, is one that must not be read by many: not empty, no placeholder, and no
/// certificate.
fn is_secret(text: &str) -> bool {
    let is_harmless = |text: &str| {
        let text = text.trim();
        let is_empty = || text.starts_with(['{', '[']) && serde_json::from_str(text).is_ok_and(|json| says_nothing(&json));
        text.is_empty() || is_placeholder(text) || text.starts_with("-----BEGIN CERTIFICATE") || is_empty()
    };
    !is_harmless(text) && !decoded(text).is_some_and(|decoded| is_harmless(&decoded))
}

/// What a text in base64 stands for; None where it is none.
fn decoded(text: &str) -> Option<String> {
    let plain = text.split_whitespace().collect::<String>();
    base64::engine::general_purpose::STANDARD.decode(plain).ok().and_then(|bytes| String::from_utf8(bytes).ok())
}

/// A value of a Secret as programs read it.
fn plain(text: &str) -> String {
    decoded(text).unwrap_or_else(|| text.to_owned())
}

/// Whether maps and lists are all there is, such as the registries of a `.dockerconfigjson` that logs in nowhere.
fn says_nothing(json: &Json) -> bool {
    match json {
        Json::Null => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.iter().all(says_nothing),
        Json::Object(map) => map.values().all(says_nothing),
        Json::Bool(_) | Json::Number(_) => false,
    }
}

/// Whether a Secret is one that tells Argo CD of a repository or a cluster: most of it is no secret.
fn is_of_argo_cd(secret: &Node) -> bool {
    let labels = secret.get("metadata").and_then(|metadata| metadata.get("labels"));
    let secret_type = labels.and_then(|labels| labels.get_str("argocd.argoproj.io/secret-type"));
    secret_type.is_some_and(|secret_type| ["repository", "repo-creds", "cluster"].contains(&secret_type))
}

/// Keys of such a Secret that log nobody in. Source: Argo CD, `util/db/repository_secrets.go` and `cluster.go`.
const PUBLIC_FOR_ARGO_CD: &[&str] = &[
    "clusterResources",
    "enableLfs",
    "enableOCI",
    "forceHttpBasicAuth",
    "githubAppEnterpriseBaseUrl",
    "githubAppID",
    "githubAppInstallationID",
    "insecure",
    "insecureIgnoreHostKey",
    "insecureOCIForceHttp",
    "name",
    "namespaces",
    "noProxy",
    "project",
    "shard",
    "type",
    "useAzureWorkloadIdentity",
];

/// Whether an entry of such a Secret may be read by everybody. An address can hold a password, and the settings of a
/// cluster a token.
fn is_public_for_argo_cd(key: &str, value: &str) -> bool {
    match key {
        "url" | "server" | "proxy" => !has_password(value),
        "config" => serde_json::from_str(value).is_ok_and(|config| !logs_in(&config)),
        _ => PUBLIC_FOR_ARGO_CD.contains(&key),
    }
}

/// Whether an address says who asks, other than by the name alone that SSH wants.
fn has_password(url: &str) -> bool {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // In `git@host:path` the colon stands behind the name.
    host.rsplit_once('@').is_some_and(|(user, _)| user.contains(':') || scheme.starts_with("http"))
}

/// Whether settings of a cluster hold something that logs in: a token, a password, a key, at any depth.
fn logs_in(config: &Json) -> bool {
    let is_named_secret = |key: &str| {
        let key = key.to_ascii_lowercase();
        ["token", "password", "secret", "keydata", "accesskey", "privatekey"].iter().any(|word| key.contains(word))
    };
    match config {
        Json::Object(map) => map.iter().any(|(key, value)| match value {
            Json::String(text) => (is_named_secret(key) && is_secret(text)) || (key == "proxyUrl" && has_password(text)),
            _ => logs_in(value),
        }),
        // A list has arguments of a program, which may hold anything.
        Json::Array(items) => items.iter().any(|item| match item {
            Json::String(text) => is_named_secret(text) && text.contains('='),
            _ => logs_in(item),
        }),
        _ => false,
    }
}

/// Whether lines of a text could show secret material: it is a Secret, or holds a private key. Says yes too often rather
/// than too rarely, and does not need the text to be YAML.
pub fn may_show_secrets(text: &str) -> bool {
    let is_secret = |line: &str| {
        let value = line.split_once("kind").map(|(_, rest)| rest.trim_start_matches(['"', '\'', ' ', ':']));
        value.is_some_and(|value| {
            let word = value.split(|character: char| !character.is_ascii_alphanumeric()).next().unwrap_or_default();
            word == "Secret" || word == "SecretList"
        })
    };
    text.lines().any(is_secret) || private_key_in(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_show_a_secret_is_known_by_its_kind_and_by_keys() {
        for text in
            ["kind: Secret\n", "  \"kind\":\"Secret\",", "- kind: 'Secret' # x", "{kind: Secret, a: [", "-----BEGIN RSA PRIVATE KEY-----"]
        {
            assert!(may_show_secrets(text), "{text}");
        }
        for text in ["kind: SealedSecret\n", "secretName: x\n", "kind: ConfigMap\nsecretKeyRef: {}\n"] {
            assert!(!may_show_secrets(text), "{text}");
        }
    }

    #[test]
    fn a_placeholder_is_no_secret_and_neither_is_a_certificate() {
        for text in ["", "<base64>", "${PASSWORD}", "{{ password }}", "op://a/b/c", "Y2hhbmdlbWU=", "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"]
        {
            assert!(!is_secret(text), "{text}");
        }
        for text in ["hunter2", "aHVudGVyMg==", "c3VwZXI=", "123456", "{\"auths\":{\"ghcr.io\":{\"auth\":\"YTpi\"}}}"] {
            assert!(is_secret(text), "{text}");
        }
    }

    #[test]
    fn a_login_that_is_empty_is_no_secret() {
        for text in ["{}", "e30=", "{\"auths\":{}}", "eyJhdXRocyI6e319", "{\"auths\": {\"ghcr.io\": {}}}"] {
            assert!(!is_secret(text), "{text}");
        }
    }

    fn is_told(text: &str) -> bool {
        let node = crate::yaml::read(text, 0, crate::yaml::Keys::AsKubernetes).expect("YAML").remove(0);
        let identity = crate::manifest::identity_of(&node).expect("an object");
        let mut flaws = Vec::new();
        material(&node, Some(&identity), &mut flaws);
        !flaws.is_empty()
    }

    #[test]
    fn what_argo_cd_wants_in_a_secret_is_told_only_where_it_logs_in() {
        let told = |content: &str| {
            let labels = "labels: {argocd.argoproj.io/secret-type: repository}";
            is_told(&format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: a, namespace: argocd, {labels}}}\n{content}\n"))
        };
        for content in [
            "stringData: {type: git, url: 'https://git.example.com/a.git', name: a, project: default, enableOCI: 'true'}",
            "stringData: {url: 'git@git.example.com:a.git'}",
            "stringData: {url: 'ssh://git@git.example.com/a.git'}",
            "data: {type: Z2l0, url: aHR0cHM6Ly9naXQuZXhhbXBsZS5jb20vYS5naXQ=}",
            "stringData: {server: 'https://kubernetes.default.svc', config: '{\"tlsClientConfig\":{\"insecure\":false}}'}",
            "stringData: {config: '{\"tlsClientConfig\":{\"caData\":\"QUJD\"},\"awsAuthConfig\":{\"clusterName\":\"a\"}}'}",
            "stringData: {password: '', sshPrivateKey: '{{ key }}'}",
        ] {
            assert!(!told(content), "{content}");
        }
        for content in [
            "stringData: {url: 'https://git.example.com/a.git', password: hunter2}",
            "stringData: {token: hunter2}",
            "stringData: {sshPrivateKey: hunter2}",
            "stringData: {url: 'https://me:hunter2@git.example.com/a.git'}",
            "stringData: {url: 'https://hunter2@git.example.com/a.git'}",
            "stringData: {config: '{\"bearerToken\":\"hunter2\"}'}",
            "stringData: {config: '{\"username\":\"a\",\"password\":\"hunter2\"}'}",
            "stringData: {config: '{\"tlsClientConfig\":{\"keyData\":\"aHVudGVyMg==\"}}'}",
            "stringData: {config: '{\"execProviderConfig\":{\"env\":{\"AZURE_CLIENT_SECRET\":\"hunter2\"}}}'}",
            "stringData: {config: '{\"execProviderConfig\":{\"args\":[\"--token=hunter2\"]}}'}",
            "stringData: {config: 'hunter2'}",
        ] {
            assert!(told(content), "{content}");
        }
        assert!(is_told("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {url: 'https://git.example.com'}\n"));
    }

    #[test]
    fn a_private_jwk_in_json_is_told_and_a_public_one_is_not() {
        let told = |json: &str| is_told(&format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{ca.json: '{json}'}}\n"));
        let provisioner = |key: &str| format!("{{\"authority\": {{\"provisioners\": [{{\"key\": {key}}}]}}}}");
        assert!(told(&provisioner("{\"kty\": \"EC\", \"x\": \"a\", \"d\": \"b\"}")));
        assert!(told("{\"authority\": {}, \"password\": \"hunter2\"}"));
        assert!(!told(&provisioner("{\"kty\": \"EC\", \"x\": \"a\", \"y\": \"b\"}")));
        assert!(!told(&provisioner("{\"kty\": \"EC\", \"d\": \"${D}\"}")));
        assert!(!told("{\"authority\": {}, \"password\": \"\"}"));
        assert!(!told("{\"password\": \"a word of some other program\"}"));
    }

    #[test]
    fn a_text_about_keys_is_no_key() {
        let config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n";
        assert!(!is_told(&format!("{config}  pattern: '-----BEGIN (RSA|EC) PRIVATE KEY-----'\n")));
        assert!(!is_told(&format!("{config}  tls.key: \"-----BEGIN PRIVATE KEY-----\\n{{{{ .k }}}}\"\n")));
        let pem = rcgen::KeyPair::generate().expect("a key").serialize_pem().replace('\n', "\n    ");
        assert!(is_told(&format!("{config}  tls.key: |\n    {pem}\n")));
    }
}
