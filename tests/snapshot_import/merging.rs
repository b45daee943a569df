//! "Rotation" and "Rebuild": what import keeps, marks, drops and refuses.

use serde_json::{Value, json};
use trustree::pki::Fingerprint;
use trustree::snapshot::{ImportRequest, Imported, Snapshot, import};

use super::support::{Lab, ca_json, codes, fingerprint_of, input, jwk, one, reloaded, request};

fn again(list: &Value, request: &ImportRequest, existing: &Snapshot) -> Imported {
    import(vec![input("-", list.to_string())], request, Some(existing)).unwrap_or_else(|findings| panic!("{findings:#?}"))
}

fn refusal(list: &Value, request: &ImportRequest, existing: &Snapshot) -> Vec<&'static str> {
    codes(&import(vec![input("-", list.to_string())], request, Some(existing)).expect_err("refused"))
}

fn dropping(root: Fingerprint, as_of: &str) -> ImportRequest {
    ImportRequest { drop_roots: vec![root], as_of: as_of.parse().expect("day"), ..request() }
}

fn needed_until(snapshot: &Snapshot, root: Fingerprint) -> Option<String> {
    snapshot.root(root).expect("there").needed_until.map(|day| day.to_string())
}

/// A CA with two roots in ca.json whose intermediate is under `issuing`.
fn two_roots(first: &Lab, second: &Lab, intermediate: &str) -> Value {
    let mut list = first.list(&ca_json());
    list["items"][1]["data"]["root_ca.crt"] = format!("{}{}", first.root, second.root).into();
    list["items"][1]["data"]["intermediate_ca.crt"] = intermediate.into();
    list
}

#[test]
fn importing_the_same_thing_twice_gives_the_same_bytes() {
    let lab = Lab::new("Root");
    let list = lab.list(&ca_json());
    let first = one(&list);
    let mut later = request();
    later.as_of = "2030-01-01".parse().expect("day");
    assert_eq!(again(&list, &later, &reloaded(&first)).to_yaml(), first.to_yaml());
}

#[test]
fn the_order_of_roots_is_their_own() {
    let (first, second) = (Lab::new("First"), Lab::new("Second"));
    let one_way = one(&two_roots(&first, &second, &first.intermediate));
    let mut list = two_roots(&first, &second, &first.intermediate);
    list["items"][1]["data"]["root_ca.crt"] = format!("{}{}", second.root, first.root).into();
    assert_eq!(one(&list).snapshot.ca_bundle(), one_way.snapshot.ca_bundle());
    assert_eq!(one(&list).to_yaml(), one_way.to_yaml());
}

#[test]
fn a_rotation_runs_from_two_roots_to_the_drop_of_the_old_one() {
    let (old, new) = (Lab::new("Old"), Lab::new("New"));
    let start = reloaded(&one(&old.list(&ca_json())));
    // The new root joins; the CA still issues under the old one.
    let joined = reloaded(&again(&two_roots(&old, &new, &old.intermediate), &request(), &start));
    assert_eq!(joined.roots().len(), 2);
    assert_eq!(needed_until(&joined, old.fingerprint()), None);
    // The CA changes over: 24h and 1m from 2026-11-23 on, in whole days.
    let switched = two_roots(&old, &new, &new.intermediate);
    let moved = reloaded(&again(&switched, &request(), &joined));
    assert_eq!(needed_until(&moved, old.fingerprint()).as_deref(), Some("2026-11-25"));
    assert_eq!(needed_until(&moved, new.fingerprint()), None);
    // It is written once.
    let mut later = request();
    later.as_of = "2027-05-05".parse().expect("day");
    let mut without_old = new.list(&ca_json());
    without_old["items"][0]["data"].as_object_mut().expect("data").remove("defaults.json");
    let kept = reloaded(&again(&without_old, &later, &moved));
    assert_eq!(kept, moved, "a root that the CA no longer lists stays");
    // While the CA lists it, it cannot be dropped; too early is a finding; then it is gone.
    assert_eq!(refusal(&switched, &dropping(old.fingerprint(), "2027-01-01"), &moved), ["root-drop-refused"]);
    let early = again(&without_old, &dropping(old.fingerprint(), "2026-11-24"), &moved);
    assert_eq!(codes(&early.notes), ["root-dropped-too-early"]);
    let done = again(&without_old, &dropping(old.fingerprint(), "2026-11-25"), &moved);
    assert_eq!(done.notes, []);
    assert_eq!(done.snapshot.roots().len(), 1);
    assert_eq!(refusal(&without_old, &dropping(old.fingerprint(), "2026-11-25"), &done.snapshot), ["root-drop-refused"]);
    // Dropping the root that issues is refused, listed or not.
    assert_eq!(refusal(&switched, &dropping(new.fingerprint(), "2027-01-01"), &moved), ["root-drop-refused"]);
}

#[test]
fn a_root_that_the_ca_comes_back_to_is_needed_without_end() {
    let (old, new) = (Lab::new("Old"), Lab::new("New"));
    let start = one(&two_roots(&old, &new, &old.intermediate)).snapshot;
    let moved = again(&two_roots(&old, &new, &new.intermediate), &request(), &start).snapshot;
    let back = again(&two_roots(&old, &new, &old.intermediate), &request(), &moved).snapshot;
    assert_eq!(needed_until(&back, old.fingerprint()), None);
    assert!(needed_until(&back, new.fingerprint()).is_some());
}

#[test]
fn the_longest_life_of_any_provisioner_counts_the_old_claims_too() {
    let (old, new) = (Lab::new("Old"), Lab::new("New"));
    let mut long = ca_json();
    long["authority"]["provisioners"][0]["claims"] = json!({"defaultTLSCertDuration": "2160h"});
    long["authority"]["backdate"] = "2h".into();
    let mut list = two_roots(&old, &new, &old.intermediate);
    list["items"][0]["data"]["ca.json"] = long.to_string().into();
    let start = one(&list).snapshot;
    let moved = again(&two_roots(&old, &new, &new.intermediate), &request(), &start).snapshot;
    // 2160h and 2h: 91 days.
    assert_eq!(needed_until(&moved, old.fingerprint()).as_deref(), Some("2027-02-22"));
}

#[test]
fn a_life_that_is_no_whole_number_of_days_counts_from_the_end_of_the_day_of_the_import() {
    let (old, new) = (Lab::new("Old"), Lab::new("New"));
    let mut longer = ca_json();
    longer["authority"]["claims"] = json!({"maxTLSCertDuration": "36h"});
    longer["authority"]["backdate"] = "0s".into();
    let mut list = two_roots(&old, &new, &old.intermediate);
    list["items"][0]["data"]["ca.json"] = longer.to_string().into();
    let start = one(&list).snapshot;
    list["items"][1]["data"]["intermediate_ca.crt"] = new.intermediate.clone().into();
    // Issued in the last minute of the 23rd, a leaf is valid until the 25th at noon.
    assert_eq!(needed_until(&again(&list, &request(), &start).snapshot, old.fingerprint()).as_deref(), Some("2026-11-26"));
}

#[test]
fn a_root_that_was_issued_anew_for_its_key_leaves_the_old_one_free_to_go() {
    let lab = Lab::new("Root");
    let start = one(&lab.list(&ca_json())).snapshot;
    let root = lab.reissued_root();
    let mut list = lab.list(&ca_json());
    list["items"][1]["data"]["root_ca.crt"] = root.clone().into();
    list["items"][0]["data"].as_object_mut().expect("data").remove("defaults.json");
    let both = again(&list, &request(), &start).snapshot;
    assert_eq!(both.roots().len(), 2, "the old one stays until somebody drops it");
    assert_eq!(both.intermediates()[0].root.known(), Some(&fingerprint_of(&root)), "the CA lists this one");
    assert_eq!(needed_until(&both, lab.fingerprint()), None, "what it verifies, the new one verifies too");
    let alone = again(&list, &dropping(lab.fingerprint(), "2026-11-23"), &both);
    assert_eq!(codes(&alone.notes), Vec::<&str>::new());
    assert_eq!(alone.snapshot.roots().len(), 1);
    assert_eq!(reloaded(&alone), alone.snapshot);
}

#[test]
fn an_intermediate_of_an_unknown_root_finds_it_once_the_root_is_there() {
    let (lab, other) = (Lab::new("Root"), Lab::new("Other"));
    let mut list = lab.list(&ca_json());
    list["items"][1]["data"]["intermediate_ca.crt"] = other.intermediate.clone().into();
    let start = one(&list);
    assert_eq!(codes(&start.notes), ["ca-chain-broken"]);
    assert!(start.snapshot.intermediates()[0].root.is_unknown());
    let answers = vec![
        input("roots.pem", format!("{}{}", lab.root, other.root)),
        input("provisioners.json", json!({"provisioners": ca_json()["authority"]["provisioners"], "nextCursor": ""}).to_string()),
    ];
    let whole = import(answers, &request(), Some(&start.snapshot)).expect("imported").snapshot;
    assert_eq!(whole.intermediates()[0].root.known(), Some(&other.fingerprint()));
}

#[test]
fn where_nobody_knew_the_issuing_root_every_other_one_is_kept_for_a_while() {
    let (first, second) = (Lab::new("First"), Lab::new("Second"));
    let answers = vec![
        input("roots.pem", format!("{}{}", first.root, second.root)),
        input("provisioners.json", json!({"provisioners": ca_json()["authority"]["provisioners"], "nextCursor": ""}).to_string()),
    ];
    let start = import(answers, &request(), None).expect("imported").snapshot;
    assert_eq!(start.intermediates(), []);
    let known = again(&two_roots(&first, &second, &second.intermediate), &request(), &start).snapshot;
    assert!(needed_until(&known, first.fingerprint()).is_some());
    assert_eq!(needed_until(&known, second.fingerprint()), None);
}

#[test]
fn a_new_intermediate_under_the_same_root_changes_nothing_else() {
    let lab = Lab::new("Root");
    let start = one(&lab.list(&ca_json())).snapshot;
    let mut list = lab.list(&ca_json());
    list["items"][1]["data"]["intermediate_ca.crt"] = lab.new_intermediate("Second").into();
    let renewed = again(&list, &request(), &start).snapshot;
    assert_eq!(renewed.roots(), start.roots());
    assert_eq!(renewed.intermediates()[0].certificate.subject(), "O=Lab, CN=Second");
    assert_eq!(renewed.intermediates()[0].root.known(), Some(&lab.fingerprint()));
}

#[test]
fn unknown_never_replaces_a_recorded_fact() {
    let lab = Lab::new("Root");
    let start = one(&lab.list(&ca_json())).snapshot;
    // The API tells no authority facts and has no intermediate here; enableAdmin hides the provisioners.
    let answers = vec![
        input("roots.pem", &*lab.root),
        input("provisioners.json", json!({"provisioners": ca_json()["authority"]["provisioners"], "nextCursor": ""}).to_string()),
    ];
    let answered = import(answers.clone(), &request(), Some(&start)).expect("imported").snapshot;
    assert_eq!(answered, start);
    let mut managed = ca_json();
    managed["authority"]["enableAdmin"] = true.into();
    let hidden = again(&lab.list(&managed), &request(), &start);
    assert_eq!(hidden.snapshot.provisioners(), start.provisioners());
    assert_eq!(hidden.snapshot.authority().enable_admin.known(), Some(&true));
    assert_eq!(codes(&hidden.notes), ["provisioners-not-authoritative"]);
    // Both together are whole, and say so in one import as well.
    let bare = one(&lab.list(&managed));
    assert!(bare.snapshot.provisioners().is_unknown());
    assert!(bare.to_yaml().contains("\nprovisioners: unknown\n"));
    assert!(bare.notes[0].help.as_deref().is_some_and(|help| help.contains("provisioners.json")));
    let mut inputs = lab.folder("", &managed);
    inputs.extend(answers);
    let whole = import(inputs, &request(), None).expect("imported");
    assert_eq!(whole.snapshot.provisioners(), start.provisioners());
    assert_eq!(whole.notes, []);
}

#[test]
fn another_ca_is_refused_and_replaced_only_on_demand() {
    let (lab, other) = (Lab::new("Root"), Lab::new("Root"));
    let start = one(&lab.list(&ca_json())).snapshot;
    let mut stranger = ca_json();
    stranger["authority"]["provisioners"] = json!([jwk("admin", "another-kid"), {"type": "ACME", "name": "acme"}]);
    assert_eq!(refusal(&other.list(&stranger), &request(), &start), ["snapshot-of-another-ca"]);
    let findings = import(vec![input("-", other.list(&stranger).to_string())], &request(), Some(&start)).expect_err("refused");
    assert!(findings[0].help.as_deref().is_some_and(|help| help.contains("--replace")));
    let replaced = again(&other.list(&stranger), &ImportRequest { replace: true, ..request() }, &start);
    assert_eq!(replaced.to_yaml(), one(&other.list(&stranger)).to_yaml());
    // A shared key id is enough, and so is a root that was issued anew for its key.
    assert_eq!(again(&other.list(&ca_json()), &request(), &start).snapshot.roots().len(), 2);
    let mut reissued = lab.list(&stranger);
    let root = lab.reissued_root();
    reissued["items"][1]["data"]["root_ca.crt"] = root.clone().into();
    reissued["items"][0]["data"].as_object_mut().expect("data").remove("defaults.json");
    let both = again(&reissued, &request(), &start).snapshot;
    assert_eq!(both.roots().len(), 2);
    assert!(both.root(fingerprint_of(&root)).is_some());
}
