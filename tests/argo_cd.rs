//! What Argo CD would make of what we tell it, asked of the language that it runs health checks in.
//!
//!     TRUSTREE_TOOLS=~/.cache/trustree-ci/bin cargo test --test argo_cd -- --ignored

#![expect(clippy::disallowed_methods, reason = "a test makes its own files and starts programs")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const INVENTORY: &str = "apiVersion: trustree.dev/v1alpha1\nkind: Environment\nargoCd: {healthChecks: true}\n";

fn rendered() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(folder.path().join("environments/prod")).expect("a folder");
    fs::write(folder.path().join("environments/prod/inventory.yaml"), INVENTORY).expect("written");
    let status = Command::new(env!("CARGO_BIN_EXE_trustree")).arg("render").current_dir(folder.path()).output().expect("runs").status;
    assert!(status.success());
    folder
}

fn tool(name: &str) -> PathBuf {
    Path::new(&std::env::var_os("TRUSTREE_TOOLS").expect("TRUSTREE_TOOLS names the folder of the tools")).join(name)
}

#[test]
#[ignore = "needs `health`, which `.ci/run tools` builds"]
fn an_issuer_is_healthy_only_when_it_is_ready() {
    let folder = rendered();
    let fragment = folder.path().join("out/prod/argo-cd-health/argocd-cm.yaml");
    let output = Command::new(tool("health")).arg(fragment).output().expect("health runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    for kind in ["StepIssuer", "StepClusterIssuer"] {
        for (state, expected) in [
            ("new", "Progressing"),
            ("empty", "Progressing"),
            ("ready", "Healthy"),
            ("failed", "Degraded \"failed initialize provisioner\""),
            ("unknown", "Progressing \"waiting\""),
        ] {
            let line = format!("resource.customizations.health.certmanager.step.sm_{kind} {state} {expected}");
            assert!(text.lines().any(|found| found.starts_with(&line)), "{line}:\n{text}");
        }
    }
}
