//! Chart values as JSON: reading, setting and merging by path.

use serde_json::{Map, Value};

/// Lists to which what the inventory gives is added, because what stands in them already must stay.
const ADDED_TO: [&str; 2] = ["extraVolumes", "extraVolumeMounts"];

/// The value at some keys.
pub(super) fn at<'v>(value: &'v Value, keys: &[&str]) -> Option<&'v Value> {
    keys.iter().try_fold(value, |value, key| value.get(key)).filter(|value| !value.is_null())
}

/// Sets the value at some keys; what is no map on the way becomes one.
pub(super) fn set(value: &mut Value, keys: &[&str], new: Value) {
    let mut place = value;
    for key in keys {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = &mut place[*key];
    }
    *place = new;
}

/// The first values with the second over them, as Helm merges: maps key by key, everything else as a whole. What stands
/// in [`ADDED_TO`] stays, and what is given comes behind it.
pub(super) fn merged(base: Value, over: &Value) -> Value {
    let (mut base, over) = match (base, over) {
        (Value::Object(base), Value::Object(over)) => (base, over),
        (_, over) => return over.clone(),
    };
    for (key, value) in over {
        let new = match (base.remove(key), value) {
            (Some(Value::Array(ours)), Value::Array(theirs)) if ADDED_TO.contains(&key.as_str()) => {
                ours.into_iter().chain(theirs.iter().cloned()).collect()
            }
            (Some(ours @ Value::Object(_)), Value::Object(_)) => merged(ours, value),
            _ => value.clone(),
        };
        base.insert(key.clone(), new);
    }
    Value::Object(base)
}

/// The port of an address as Go listens on it: `:9000`, `0.0.0.0:9000`, `[::]:9000`.
pub(super) fn port_of(address: &str) -> Option<u16> {
    address.rsplit_once(':')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_merge_as_helm_merges_them() {
        let base = json!({"a": {"b": 1, "c": [1]}, "d": 1, "extraVolumes": [1]});
        let over = json!({"a": {"c": [2], "e": null}, "d": {"x": 1}, "extraVolumes": [2]});
        assert_eq!(merged(base, &over), json!({"a": {"b": 1, "c": [2], "e": null}, "d": {"x": 1}, "extraVolumes": [1, 2]}));
    }

    #[test]
    fn ports_are_read_as_go_listens_on_them() {
        assert_eq!(port_of(":9000"), Some(9000));
        assert_eq!(port_of("0.0.0.0:8443"), Some(8443));
        assert_eq!(port_of("[::]:443"), Some(443));
        assert_eq!(port_of("9000"), None);
        assert_eq!(port_of(":https"), None);
    }

    #[test]
    fn a_value_is_set_wherever_it_is_missing() {
        let mut value = json!({"a": 1});
        set(&mut value, &["a", "b"], json!(2));
        assert_eq!(value, json!({"a": {"b": 2}}));
        assert_eq!(at(&value, &["a", "b"]), Some(&json!(2)));
        assert_eq!(at(&value, &["a", "c"]), None);
    }
}
