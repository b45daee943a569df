//! Job and CronJob with the pod that they make. Fields follow `batch/v1` and `core/v1` of Kubernetes 1.36; parts that we
//! never render are known by their names only.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Labels, Metadata, Text, Texts, typed};
use crate::yaml::{Node, Problem};

/// Checks a Job.
pub(super) fn check_job(node: &Node, problems: &mut Vec<Problem>) {
    typed::<Job>(node, problems);
}

/// Checks a CronJob.
pub(super) fn check_cron_job(node: &Node, problems: &mut Vec<Problem>) {
    typed::<CronJob>(node, problems);
}

words! {
    ConcurrencyPolicy { Allow = "Allow", Forbid = "Forbid", Replace = "Replace" }
    RestartPolicy { Always = "Always", OnFailure = "OnFailure", Never = "Never" }
}

/// A number or a text that Kubernetes reads as a quantity.
type Quantities = Option<BTreeMap<String, IgnoredAny>>;
type Ignored = Option<IgnoredAny>;

shapes! {
    Job { api_version: Text, kind: Text, metadata: Metadata, spec: JobSpec, status: Ignored }
    CronJob { api_version: Text, kind: Text, metadata: Metadata, spec: CronJobSpec, status: Ignored }
    CronJobSpec {
        schedule: Text, time_zone: Option<Text>, starting_deadline_seconds: Option<i64>, concurrency_policy: Option<ConcurrencyPolicy>,
        suspend: Option<bool>, job_template: JobTemplate, successful_jobs_history_limit: Option<u32>,
        failed_jobs_history_limit: Option<u32>,
    }
    JobTemplate { metadata: Option<TemplateMetadata>, spec: JobSpec }
    JobSpec {
        parallelism: Option<u32>, completions: Option<u32>, active_deadline_seconds: Option<i64>, pod_failure_policy: Ignored,
        success_policy: Ignored, backoff_limit: Option<u32>, backoff_limit_per_index: Option<u32>, max_failed_indexes: Option<u32>,
        failed_pods_limit: Option<u32>, selector: Ignored, manual_selector: Option<bool>, template: PodTemplate,
        ttl_seconds_after_finished: Option<u32>, completion_mode: Option<String>, suspend: Option<bool>,
        pod_replacement_policy: Option<String>, managed_by: Option<String>,
    }
    PodTemplate { metadata: Option<TemplateMetadata>, spec: PodSpec }
    // A template's object has no name of its own.
    TemplateMetadata {
        name: Option<String>, namespace: Option<String>, labels: Labels, annotations: Labels, finalizers: Texts,
        generate_name: Option<String>, owner_references: Ignored, creation_timestamp: Ignored, deletion_timestamp: Ignored,
        deletion_grace_period_seconds: Ignored, generation: Ignored, managed_fields: Ignored, resource_version: Ignored,
        self_link: Ignored, uid: Ignored,
    }
    PodSpec {
        volumes: Option<Vec<Volume>>, init_containers: Option<Vec<Container>>, containers: Vec<Container>,
        ephemeral_containers: Ignored, restart_policy: Option<RestartPolicy>, termination_grace_period_seconds: Option<i64>,
        active_deadline_seconds: Option<i64>, dns_policy: Option<String>, node_selector: Labels, service_account_name: Option<String>,
        service_account: Option<String>, automount_service_account_token: Option<bool>, node_name: Option<String>,
        host_network: Option<bool>, host_pid as "hostPID": Option<bool>, host_ipc as "hostIPC": Option<bool>,
        share_process_namespace: Option<bool>, security_context: Option<PodSecurityContext>,
        image_pull_secrets: Option<Vec<LocalReference>>, hostname: Option<String>, subdomain: Option<String>, affinity: Ignored,
        scheduler_name: Option<String>, tolerations: Ignored, host_aliases: Ignored, priority_class_name: Option<String>,
        priority: Option<i64>, dns_config: Ignored, readiness_gates: Ignored, runtime_class_name: Option<String>,
        enable_service_links: Option<bool>, preemption_policy: Option<String>, overhead: Ignored,
        topology_spread_constraints: Ignored, set_hostname_as_fqdn as "setHostnameAsFQDN": Option<bool>, os: Ignored,
        host_users: Option<bool>, scheduling_gates: Ignored, resource_claims: Ignored, resources: Ignored,
        hostname_override: Option<String>, workload_ref: Ignored, scheduling_group: Ignored,
    }
    LocalReference { name: Option<String> }
    PodSecurityContext {
        se_linux_options: Ignored, windows_options: Ignored, run_as_user: Option<i64>, run_as_group: Option<i64>,
        run_as_non_root: Option<bool>, supplemental_groups: Option<Vec<i64>>, supplemental_groups_policy: Option<String>,
        fs_group: Option<i64>, sysctls: Ignored, fs_group_change_policy: Option<String>, seccomp_profile: Option<Profile>,
        app_armor_profile: Option<Profile>, se_linux_change_policy: Option<String>,
    }
    SecurityContext {
        capabilities: Option<Capabilities>, privileged: Option<bool>, se_linux_options: Ignored, windows_options: Ignored,
        run_as_user: Option<i64>, run_as_group: Option<i64>, run_as_non_root: Option<bool>, read_only_root_filesystem: Option<bool>,
        allow_privilege_escalation: Option<bool>, proc_mount: Option<String>, seccomp_profile: Option<Profile>,
        app_armor_profile: Option<Profile>,
    }
    Profile { profile as "type": Text, localhost_profile: Option<String> }
    Capabilities { add: Texts, drop: Texts }
    Container {
        name: Text, image: Option<String>, command: Texts, args: Texts, working_dir: Option<String>, ports: Ignored, env_from: Ignored,
        env: Option<Vec<Variable>>, resources: Option<ContainerResources>, resize_policy: Ignored, restart_policy: Option<RestartPolicy>,
        restart_policy_rules: Ignored, volume_mounts: Option<Vec<Mount>>, volume_devices: Ignored, liveness_probe: Ignored,
        readiness_probe: Ignored, startup_probe: Ignored, lifecycle: Ignored, termination_message_path: Option<String>,
        termination_message_policy: Option<String>, image_pull_policy: Option<String>, security_context: Option<SecurityContext>,
        stdin: Option<bool>, stdin_once: Option<bool>, tty: Option<bool>,
    }
    Variable { name: Text, value: Option<String>, value_from: Option<VariableSource> }
    VariableSource {
        field_ref: Ignored, resource_field_ref: Ignored, config_map_key_ref: Option<KeyReference>, secret_key_ref: Option<KeyReference>,
        file_key_ref: Ignored,
    }
    KeyReference { name: Option<String>, key: Text, optional: Option<bool> }
    ContainerResources { limits: Quantities, requests: Quantities, claims: Ignored }
    Mount {
        name: Text, read_only: Option<bool>, recursive_read_only: Option<String>, mount_path: Text, sub_path: Option<String>,
        mount_propagation: Option<String>, sub_path_expr: Option<String>,
    }
    Volume {
        name: Text, host_path: Ignored, empty_dir: Option<EmptyDir>, gce_persistent_disk: Ignored, aws_elastic_block_store: Ignored,
        git_repo: Ignored, secret: Option<SecretVolume>, nfs: Ignored, iscsi: Ignored, glusterfs: Ignored,
        persistent_volume_claim: Ignored, rbd: Ignored, flex_volume: Ignored, cinder: Ignored, cephfs: Ignored, flocker: Ignored,
        downward_api as "downwardAPI": Option<DownwardVolume>, fc: Ignored, azure_file: Ignored, config_map: Option<ConfigMapVolume>,
        vsphere_volume: Ignored, quobyte: Ignored, azure_disk: Ignored, photon_persistent_disk: Ignored,
        projected: Option<ProjectedVolume>, portworx_volume: Ignored, scale_io as "scaleIO": Ignored, storageos: Ignored, csi: Ignored,
        ephemeral: Ignored, image: Ignored,
    }
    EmptyDir { medium: Option<String>, size_limit: Ignored }
    SecretVolume { secret_name: Option<String>, items: Option<Vec<KeyToPath>>, default_mode: Option<u32>, optional: Option<bool> }
    ConfigMapVolume { name: Option<String>, items: Option<Vec<KeyToPath>>, default_mode: Option<u32>, optional: Option<bool> }
    KeyToPath { key: Text, path: Text, mode: Option<u32> }
    DownwardVolume { items: Option<Vec<DownwardFile>>, default_mode: Option<u32> }
    DownwardFile { path: Text, field_ref: Option<FieldReference>, resource_field_ref: Ignored, mode: Option<u32> }
    FieldReference { api_version: Option<String>, field_path: Text }
    ProjectedVolume { sources: Option<Vec<Projection>>, default_mode: Option<u32> }
    Projection {
        secret: Option<Part>, downward_api as "downwardAPI": Option<DownwardPart>, config_map: Option<Part>,
        service_account_token: Option<TokenPart>, cluster_trust_bundle: Ignored, pod_certificate: Ignored,
    }
    Part { name: Option<String>, items: Option<Vec<KeyToPath>>, optional: Option<bool> }
    DownwardPart { items: Option<Vec<DownwardFile>> }
    TokenPart { audience: Option<String>, expiration_seconds: Option<i64>, path: Text }
}
