//! Values that the Helm chart `step-certificates` knows. It has no `values.schema.json` either.
//!
//! Source: `values.yaml` and templates of the charts 1.28.4 to 1.30.1, which do not differ in either. `autocert` belongs to
//! a chart below it, whose values are not known here.

use std::sync::OnceLock;

use super::chart_values::{ChartValues, Row, Type};

use Type::{Anything, Boolean, Integer, List, String as Text, StringOrInteger, Strings};

/// Chart versions that this table is right for.
const VERSIONS: &[&str] = &["1.28.4", "1.29.0", "1.30.0", "1.30.1"];

const VALUES: &[Row] = &[
    ("affinity", Anything, "{}"),
    ("args", Strings, "[]"),
    ("autocert", Anything, "-"),
    ("bootstrap.configmaps", Boolean, "true"),
    ("bootstrap.containerSecurityContext", Anything, "-"),
    ("bootstrap.enabled", Boolean, "true"),
    ("bootstrap.image.imagePullSecrets", List, "-"),
    ("bootstrap.image.pullPolicy", Text, r#""IfNotPresent""#),
    ("bootstrap.image.repository", Text, r#""cr.smallstep.com/smallstep/step-ca-bootstrap""#),
    ("bootstrap.image.tag", Text, r#""latest""#),
    ("bootstrap.secrets", Boolean, "true"),
    ("ca.address", Text, r#"":9000""#),
    ("ca.bootstrap.postInitHook", Text, r#""""#),
    ("ca.containerSecurityContext", Anything, "-"),
    ("ca.db.accessModes", Strings, r#"["ReadWriteOnce"]"#),
    ("ca.db.enabled", Boolean, "true"),
    ("ca.db.existingClaim", Text, "-"),
    ("ca.db.persistent", Boolean, "true"),
    ("ca.db.size", Text, r#""10Gi""#),
    ("ca.db.storageClass", Text, "-"),
    ("ca.dns", Text, "-"),
    ("ca.env", List, "[]"),
    ("ca.existingSecrets.enabled", Boolean, "false"),
    ("ca.init.containerSecurityContext", Anything, "-"),
    ("ca.kms.type", Text, r#""""#),
    ("ca.name", Text, r#""Step Certificates""#),
    ("ca.password", Text, "-"),
    ("ca.provisioner.name", Text, r#""admin""#),
    ("ca.provisioner.password", Text, "-"),
    ("ca.ssh.enabled", Boolean, "false"),
    ("ca.url", Text, "-"),
    ("command", Strings, "[]"),
    ("existingSecrets.ca", Boolean, "false"),
    ("existingSecrets.certsAsSecret", Boolean, "false"),
    ("existingSecrets.configAsSecret", Boolean, "false"),
    ("existingSecrets.enabled", Boolean, "false"),
    ("existingSecrets.issuer", Boolean, "false"),
    ("existingSecrets.sshHostCa", Boolean, "false"),
    ("existingSecrets.sshTemplates", Boolean, "false"),
    ("existingSecrets.sshUserCa", Boolean, "false"),
    ("extraContainers", List, "[]"),
    ("extraInitContainers", List, "[]"),
    ("extraVolumeMounts", List, "[]"),
    ("extraVolumes", List, "[]"),
    ("fullnameOverride", Text, r#""""#),
    ("hostAliases", List, "[]"),
    ("image.imagePullSecrets", List, "-"),
    ("image.initContainerRepository", Text, r#""busybox:latest""#),
    ("image.pullPolicy", Text, r#""IfNotPresent""#),
    ("image.repository", Text, r#""cr.smallstep.com/smallstep/step-ca""#),
    ("image.tag", Text, r#""""#),
    ("ingress.annotations", Anything, "{}"),
    ("ingress.enabled", Boolean, "false"),
    ("ingress.hosts", List, "[]"),
    ("ingress.ingressClassName", Text, r#""""#),
    ("ingress.tls", List, "[]"),
    ("inject.certificates.certificate_issuer", Text, r#""""#),
    ("inject.certificates.intermediate_ca", Text, r#""""#),
    ("inject.certificates.root_ca", Text, r#""""#),
    ("inject.certificates.ssh_host_ca", Text, r#""""#),
    ("inject.certificates.ssh_user_ca", Text, r#""""#),
    ("inject.config.files", Anything, "-"),
    ("inject.config.templates", Anything, "-"),
    ("inject.enabled", Boolean, "false"),
    ("inject.secrets.ca_password", Text, r#""""#),
    ("inject.secrets.certificate_issuer.enabled", Boolean, "false"),
    ("inject.secrets.certificate_issuer.key", Text, r#""""#),
    ("inject.secrets.certificate_issuer.password", Text, r#""""#),
    ("inject.secrets.provisioner_password", Text, r#""""#),
    ("inject.secrets.ssh.enabled", Boolean, "true"),
    ("inject.secrets.ssh.host_ca_key", Text, r#""""#),
    ("inject.secrets.ssh.host_ca_password", Text, r#""""#),
    ("inject.secrets.ssh.user_ca_key", Text, r#""""#),
    ("inject.secrets.ssh.user_ca_password", Text, r#""""#),
    ("inject.secrets.x509.enabled", Boolean, "true"),
    ("inject.secrets.x509.intermediate_ca_key", Text, r#""""#),
    ("inject.secrets.x509.root_ca_key", Text, r#""""#),
    ("kind", Text, r#""StatefulSet""#),
    ("linkedca.secretKeyRef.key", Text, "-"),
    ("linkedca.secretKeyRef.name", Text, "-"),
    ("linkedca.token", Text, "-"),
    ("nameOverride", Text, r#""""#),
    ("nodeSelector", Anything, "{}"),
    ("podExtraLabels", Anything, "{}"),
    ("podSecurityContext", Anything, "-"),
    ("replicaCount", Integer, "1"),
    ("resources", Anything, "{}"),
    ("service.annotations", Anything, "{}"),
    ("service.externalIPs", Strings, "[]"),
    ("service.nodePort", StringOrInteger, r#""""#),
    ("service.port", Integer, "443"),
    ("service.targetPort", StringOrInteger, "9000"),
    ("service.type", Text, r#""ClusterIP""#),
    ("serviceaccount.annotations", Anything, "{}"),
    ("serviceaccount.create", Boolean, "false"),
    ("serviceaccount.labels", Anything, "{}"),
    ("serviceaccount.name", Text, r#""""#),
    ("shareProcessNamespace", Boolean, "false"),
    ("tolerations", List, "[]"),
    ("workingDir", Text, r#""/home/step""#),
];

/// What the chart of that exact version knows; None for a version that this table does not hold.
pub(super) fn values(version: &str) -> Option<&'static ChartValues> {
    static TABLE: OnceLock<ChartValues> = OnceLock::new();
    VERSIONS.contains(&version).then(|| TABLE.get_or_init(|| ChartValues::new(VALUES.iter().copied())))
}

/// The versions that [`values`] knows, oldest first.
pub(super) fn versions() -> impl Iterator<Item = &'static str> {
    VERSIONS.iter().copied()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::yaml::Node;

    #[test]
    fn a_usual_set_of_values_is_right() {
        let chart = values("1.30.1").expect("known");
        let right = json!({
            "ca": {"dns": "ca.example.com", "provisioner": {"name": "step-issuer"}, "db": {"storageClass": null}},
            "inject": {"enabled": true, "config": {"files": {"ca.json": {"dnsNames": ["x"]}}}}, "autocert": {"enabled": false, "x": 1},
            "service": {"targetPort": 9000, "nodePort": ""}
        });
        assert_eq!(chart.check(&Node::from(right)), []);
    }

    #[test]
    fn keys_of_other_charts_are_not_known() {
        let chart = values("1.28.4").expect("known");
        let wrong = json!({"serviceAccount": {"create": true}, "ca": {"enableAdmin": true}, "replicaCount": "1"});
        let paths: Vec<String> = chart.check(&Node::from(wrong)).iter().map(|problem| problem.path.to_string()).collect();
        assert_eq!(paths, ["ca.enableAdmin", "replicaCount", "serviceAccount"]);
        assert!(values("1.27.4").is_none());
        assert_eq!(versions().count(), 4);
    }
}
