"""Turns CustomResourceDefinitions into JSON schemas that kubeconform finds.

    crd_schemas.py OUT CRD.yaml...

writes OUT/<group>/<kind>_<version>.json for every version of every definition, to be used as
-schema-location 'OUT/{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json'.

What an API server would drop without a word is refused by these schemas: a map takes only the fields that it declares,
unless the definition says that unknown ones are kept. Rules in CEL have no counterpart and are left out.
"""

import json
import pathlib
import sys

import yaml

# What the API server takes for `format: byte`: no line break, no space.
BASE64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"


def closed(schema):
    """The JSON schema of a structural schema. The branches of allOf, anyOf, oneOf and not only narrow what stands
    beside them, so they stay as they are."""
    keeps_unknown = schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("x-kubernetes-embedded-resource")
    result = {key: value for key, value in schema.items() if not key.startswith("x-kubernetes-") and key != "nullable"}
    if "properties" in schema:
        result["properties"] = {name: closed(field) for name, field in schema["properties"].items()}
    if "items" in schema:
        result["items"] = closed(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        result["additionalProperties"] = closed(schema["additionalProperties"])
    elif schema.get("type") == "object" and "additionalProperties" not in schema and not keeps_unknown:
        result["additionalProperties"] = False
    if schema.get("x-kubernetes-int-or-string"):
        result.pop("type", None)
        result.setdefault("anyOf", [{"type": "integer"}, {"type": "string"}])
    if schema.get("format") == "byte":
        del result["format"]
        result.setdefault("pattern", BASE64)
    if schema.get("nullable") and "type" in result:
        result["type"] = [result["type"], "null"]
        if "enum" in result:
            result["enum"] = [*result["enum"], None]
    return result


def of_object(schema):
    """As `closed`, and with the three fields that every object has."""
    result = closed(schema)
    result["properties"] = {
        **result.get("properties", {}),
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
    }
    return result


def main(out, *files):
    written = {}
    for file in files:
        for document in yaml.safe_load_all(pathlib.Path(file).read_text(encoding="utf-8")):
            if not document or document.get("kind") != "CustomResourceDefinition":
                continue
            spec = document["spec"]
            for version in spec["versions"]:
                path = pathlib.Path(out, spec["group"], f"{spec['names']['kind'].lower()}_{version['name']}.json")
                if path in written:
                    sys.exit(f"crd_schemas.py: {file} and {written[path]} define the same kind")
                written[path] = file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(of_object(version["schema"]["openAPIV3Schema"]), indent=1), encoding="utf-8")
    if not written:
        sys.exit("crd_schemas.py: no CustomResourceDefinition in the files given")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
