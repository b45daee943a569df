//! step-ca's `ca.json`: what a snapshot takes from it. Everything else is dropped here, unread and unsaid: passwords,
//! data sources, client secrets, SCEP keys, templates. No type of this module prints what it was made from.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Authority, Provisioner};
use crate::finding::{Finding, PROVISIONER_AMBIGUOUS, Place, SNAPSHOT_INCOMPLETE, SNAPSHOT_PRIVATE_KEY, WRONG_TYPE, listed};
use crate::pki::{Claims, GoDuration, JwkError, Policy, PolicyNames, PublicJwk, TlsClaims, X509Policy};
use crate::yaml::Fact;

/// The types that step-ca knows, as it prints them.
const TYPES: [&str; 11] = ["JWK", "OIDC", "GCP", "AWS", "Azure", "ACME", "X5C", "K8sSA", "SSHPOP", "SCEP", "Nebula"];

/// What ca.json says.
pub(super) struct Configuration {
    /// Paths of the roots, as the CA's container sees them.
    pub(super) roots: Vec<String>,
    /// Paths of the federated roots.
    pub(super) federated_roots: Vec<String>,
    /// Path of the intermediate.
    pub(super) intermediate: Option<String>,
    pub(super) authority: Authority,
    pub(super) provisioners: Fact<BTreeMap<String, Provisioner>>,
    /// Why the provisioners do not live in ca.json, where they do not.
    pub(super) elsewhere: Option<String>,
}

/// Collects what is wrong with one ca.json; all of it has the place of the file or object that holds it.
struct Reader<'a> {
    place: &'a Place,
    findings: Vec<Finding>,
}

/// Go reads field names in any case; the exact one goes first.
fn field<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let value = map.get(name).or_else(|| map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value));
    value.filter(|value| !value.is_null())
}

impl Configuration {
    /// Reads what ca.json says.
    ///
    /// # Errors
    /// Values of the wrong type, private keys among the public ones, provisioners missing or ambiguous.
    pub(super) fn read(value: &Value, place: &Place) -> Result<Configuration, Vec<Finding>> {
        let mut reader = Reader { place, findings: Vec::new() };
        let configuration = reader.configuration(value);
        match configuration {
            Some(configuration) if reader.findings.is_empty() => Ok(configuration),
            _ => Err(reader.findings),
        }
    }
}

/// The provisioners of `GET /provisioners`, all pages of it.
pub(super) fn provisioners_of(pages: &[&Value], place: &Place) -> Result<BTreeMap<String, Provisioner>, Vec<Finding>> {
    let mut reader = Reader { place, findings: Vec::new() };
    let mut all: Vec<&Value> = Vec::new();
    for value in pages.iter().filter_map(|page| page.get("provisioners")?.as_array()).flatten() {
        // Pages may overlap; the same entry twice is one.
        if !all.contains(&value) {
            all.push(value);
        }
    }
    let provisioners = reader.provisioners(&all);
    if reader.findings.is_empty() { Ok(provisioners) } else { Err(reader.findings) }
}

impl Reader<'_> {
    fn wrong(&mut self, path: &str, reason: &str) {
        let message = format!("ca.json: `{path}` {reason}");
        self.findings
            .push(Finding::new(&WRONG_TYPE, self.place.clone(), message).help("step-ca does not start with this; look at the CA's log"));
    }

    fn configuration(&mut self, value: &Value) -> Option<Configuration> {
        let Some(map) = value.as_object() else {
            let finding = Finding::new(&WRONG_TYPE, self.place.clone(), "ca.json is no JSON object");
            self.findings.push(finding.help("give the ca.json that step-ca reads, as it is"));
            return None;
        };
        let empty = Map::new();
        let authority = match field(map, "authority") {
            None => &empty,
            Some(Value::Object(authority)) => authority,
            Some(_) => {
                self.wrong("authority", "is no map");
                return None;
            }
        };
        let enable_admin = self.flag(authority, "authority", "enableAdmin").unwrap_or(false);
        let deployment_type = self.text(authority, "authority", "deploymentType");
        let registration_authority =
            self.text(authority, "authority", "type").map(|kind| kind.to_lowercase()).filter(|kind| kind != "softcas");
        let elsewhere = if enable_admin {
            Some("`authority.enableAdmin` is set, so the provisioners live in the CA's database".to_owned())
        } else if let Some(kind) = deployment_type.as_deref().filter(|kind| !kind.eq_ignore_ascii_case("standalone")) {
            Some(format!("`authority.deploymentType` is `{kind}`, so the provisioners live with Smallstep"))
        } else {
            registration_authority.as_ref().map(|kind| {
                format!("this is a registration authority (`authority.type` is `{kind}`), so the provisioners that count live elsewhere")
            })
        };
        let provisioners = match (&elsewhere, field(authority, "provisioners")) {
            (Some(_), _) => Fact::Unknown,
            (None, Some(Value::Array(list))) => Fact::Known(self.provisioners(&list.iter().collect::<Vec<_>>())),
            (None, Some(_)) => {
                self.wrong("authority.provisioners", "is no list");
                Fact::Unknown
            }
            (None, None) => {
                let message = "ca.json has no `authority.provisioners`, and nothing in it says that they live elsewhere";
                let help = "give the whole ca.json; if the provisioners are managed remotely, add the answer of the CA's `/provisioners`";
                self.findings.push(Finding::new(&SNAPSHOT_INCOMPLETE, self.place.clone(), message).help(help));
                Fact::Unknown
            }
        };
        let own = self.claims(authority, "authority");
        let effective = TlsClaims::GLOBAL.narrowed_by(&own);
        let claims = Claims { min_tls: Some(effective.min), max_tls: Some(effective.max), default_tls: Some(effective.default), ..own };
        let backdate = self.duration(authority, "authority", "backdate").unwrap_or(GoDuration::from_minutes(1));
        let mut dns_names = self.texts(map, "", "dnsNames");
        dns_names.sort();
        dns_names.dedup();
        // With remote management the policy lives in the database too.
        let policy = if enable_admin { Fact::Unknown } else { Fact::Known(self.policy(authority)) };
        Some(Configuration {
            roots: self.texts(map, "", "root"),
            federated_roots: self.texts(map, "", "federatedRoots"),
            intermediate: self.text(map, "", "crt"),
            authority: Authority {
                version: Fact::Unknown,
                dns_names: if dns_names.is_empty() { Fact::Unknown } else { Fact::Known(dns_names) },
                backdate: Fact::Known(backdate),
                claims: Fact::Known(claims),
                policy,
                enable_admin: Fact::Known(enable_admin),
                deployment_type: Fact::Known(deployment_type),
                registration_authority: Fact::Known(registration_authority),
            },
            provisioners,
            elsewhere,
        })
    }

    fn provisioners(&mut self, list: &[&Value]) -> BTreeMap<String, Provisioner> {
        let mut provisioners: BTreeMap<String, Provisioner> = BTreeMap::new();
        let mut twice: Vec<String> = Vec::new();
        for (index, value) in list.iter().enumerate() {
            let path = format!("authority.provisioners[{index}]");
            let Some(map) = value.as_object() else {
                self.wrong(&path, "is no map");
                continue;
            };
            let Some(kind) = self.text(map, &path, "type") else {
                self.wrong(&path, "has no `type`");
                continue;
            };
            let known = TYPES.into_iter().find(|known| known.eq_ignore_ascii_case(&kind));
            let Some(name) = self.text(map, &path, "name") else {
                // step-ca passes over types that it does not know, whatever else they lack.
                if known.is_some() {
                    self.wrong(&path, "has no `name`");
                }
                continue;
            };
            let is_known = |name: &str| provisioners.get(name).is_some_and(|other| TYPES.contains(&other.kind.as_str()));
            match (known, provisioners.contains_key(&name)) {
                (Some(_), true) if is_known(&name) => {
                    twice.push(name);
                    continue;
                }
                (None, true) => continue,
                _ => {}
            }
            let provisioner = self.provisioner(map, &path, &name, known.unwrap_or(&kind));
            provisioners.insert(name, provisioner);
        }
        twice.sort();
        twice.dedup();
        if !twice.is_empty() {
            let message = format!(
                "two provisioners bear the name {}, and step-ca does not start with that",
                listed(twice.iter().map(String::as_str))
            );
            let finding = Finding::new(&PROVISIONER_AMBIGUOUS, self.place.clone(), message);
            self.findings.push(finding.help("rename one of them in ca.json; if the CA runs, this is not the ca.json that it reads"));
        }
        provisioners
    }

    fn provisioner(&mut self, map: &Map<String, Value>, path: &str, name: &str, kind: &str) -> Provisioner {
        let is_jwk = kind == "JWK";
        let x509 = field(map, "options").and_then(Value::as_object).and_then(|options| field(options, "x509")?.as_object());
        let template = ["template", "templateFile"]
            .into_iter()
            .any(|name| x509.and_then(|x509| field(x509, name)?.as_str()).is_some_and(|text| !text.is_empty()));
        let webhooks = field(map, "options")
            .and_then(Value::as_object)
            .and_then(|options| field(options, "webhooks")?.as_array())
            .is_some_and(|webhooks| !webhooks.is_empty());
        let key = field(map, "key").filter(|_| is_jwk);
        // A key without an id is recorded as one with an empty id, which no issuer can use.
        let kid = is_jwk.then(|| key.and_then(|key| key.get("kid")?.as_str()).unwrap_or_default().to_owned());
        let public_key = if is_jwk { self.public_key(key, path, name) } else { None };
        let thumbprint = public_key.as_ref().and_then(|key| key.thumbprint().ok());
        Provisioner {
            kind: kind.to_owned(),
            kid_is_thumbprint: (kid.is_some() && kid != thumbprint).then_some(false),
            kid,
            public_key,
            encrypted_key: is_jwk.then(|| Fact::Known(field(map, "encryptedKey").and_then(Value::as_str).is_some_and(is_compact_jwe))),
            claims: self.claims(map, path),
            template,
            webhooks,
        }
    }

    fn public_key(&mut self, key: Option<&Value>, path: &str, name: &str) -> Option<PublicJwk> {
        let Some(key) = key else {
            self.wrong(path, &format!("(the JWK provisioner `{name}`) has no `key`"));
            return None;
        };
        match PublicJwk::from_json(key) {
            Ok(key) => Some(key),
            Err(error @ JwkError::Private(_)) => {
                let message = format!("ca.json: the `key` of the JWK provisioner `{name}` is a private key: {error}");
                let help = "everybody who reads ca.json can issue certificates: make a new key for the provisioner and keep only its public part in `key` (`step crypto jwk public`)";
                self.findings.push(Finding::new(&SNAPSHOT_PRIVATE_KEY, self.place.clone(), message).help(help));
                None
            }
            Err(error) => {
                self.wrong(&format!("{path}.key"), &format!("is no public key: {error}"));
                None
            }
        }
    }

    fn claims(&mut self, map: &Map<String, Value>, path: &str) -> Claims {
        let claims = match field(map, "claims") {
            None => return Claims::default(),
            Some(Value::Object(claims)) => claims,
            Some(_) => {
                self.wrong(&format!("{path}.claims"), "is no map");
                return Claims::default();
            }
        };
        let path = format!("{path}.claims");
        Claims {
            min_tls: self.duration(claims, &path, "minTLSCertDuration"),
            max_tls: self.duration(claims, &path, "maxTLSCertDuration"),
            default_tls: self.duration(claims, &path, "defaultTLSCertDuration"),
            min_user_ssh: self.duration(claims, &path, "minUserSSHCertDuration"),
            max_user_ssh: self.duration(claims, &path, "maxUserSSHCertDuration"),
            default_user_ssh: self.duration(claims, &path, "defaultUserSSHCertDuration"),
            min_host_ssh: self.duration(claims, &path, "minHostSSHCertDuration"),
            max_host_ssh: self.duration(claims, &path, "maxHostSSHCertDuration"),
            default_host_ssh: self.duration(claims, &path, "defaultHostSSHCertDuration"),
            allow_renewal_after_expiry: self.flag(claims, &path, "allowRenewalAfterExpiry"),
            disable_renewal: self.flag(claims, &path, "disableRenewal"),
            disable_smallstep_extensions: self.flag(claims, &path, "disableSmallstepExtensions"),
            enable_ssh_ca: self.flag(claims, &path, "enableSSHCA"),
        }
    }

    /// The X.509 policy, where one is in force: an engine exists only if some name is given.
    fn policy(&mut self, authority: &Map<String, Value>) -> Option<Policy> {
        let x509 = field(authority, "policy")?.as_object().and_then(|policy| field(policy, "x509")?.as_object())?;
        let path = "authority.policy.x509";
        let mut names = |list: &str| {
            let Some(map) = field(x509, list).and_then(Value::as_object) else { return PolicyNames::default() };
            let path = format!("{path}.{list}");
            PolicyNames {
                cn: self.texts(map, &path, "cn"),
                dns: self.texts(map, &path, "dns"),
                ip: self.texts(map, &path, "ip"),
                email: self.texts(map, &path, "email"),
                uri: self.texts(map, &path, "uri"),
            }
        };
        let (allow, deny) = (names("allow"), names("deny"));
        let allow_wildcard_names = self.flag(x509, path, "allowWildcardNames").unwrap_or(false);
        (!allow.is_empty() || !deny.is_empty()).then_some(Policy { x509: X509Policy { allow, deny, allow_wildcard_names } })
    }

    /// A string that is not empty.
    fn text(&mut self, map: &Map<String, Value>, path: &str, name: &str) -> Option<String> {
        match field(map, name)? {
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(text.clone()),
            _ => {
                self.wrong(&joined(path, name), "is no string");
                None
            }
        }
    }

    /// A list of strings, or one string; empty ones are left out.
    fn texts(&mut self, map: &Map<String, Value>, path: &str, name: &str) -> Vec<String> {
        let texts = match field(map, name) {
            None => return Vec::new(),
            Some(Value::String(text)) => Some(vec![text.clone()]),
            Some(Value::Array(items)) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            Some(_) => None,
        };
        let Some(texts) = texts else {
            self.wrong(&joined(path, name), "is no list of strings");
            return Vec::new();
        };
        texts.into_iter().filter(|text| !text.is_empty()).collect()
    }

    fn flag(&mut self, map: &Map<String, Value>, path: &str, name: &str) -> Option<bool> {
        let value = field(map, name)?.as_bool();
        if value.is_none() {
            self.wrong(&joined(path, name), "is neither `true` nor `false`");
        }
        value
    }

    fn duration(&mut self, map: &Map<String, Value>, path: &str, name: &str) -> Option<GoDuration> {
        let Some(text) = field(map, name)?.as_str() else {
            self.wrong(&joined(path, name), "is no duration in quotes, such as `\"24h\"`");
            return None;
        };
        match text.parse() {
            Ok(duration) => Some(duration),
            Err(error) => {
                self.wrong(&joined(path, name), &format!("cannot be read: {error}"));
                None
            }
        }
    }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Whether a text is a compact JWE: five parts of base64url with dots between them. step-issuer reads nothing else;
/// white space within is ignored by its library.
fn is_compact_jwe(text: &str) -> bool {
    let plain: String = text.chars().filter(|character| !character.is_whitespace()).collect();
    let parts: Vec<&str> = plain.split('.').collect();
    let base64url = |part: &&str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    parts.len() == 5 && parts.iter().all(base64url) && !parts[0].is_empty() && !parts[3].is_empty()
}

#[cfg(test)]
#[path = "ca_json_tests.rs"]
mod tests;
