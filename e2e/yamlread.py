"""Reads YAML with PyYAML, for tests that compare our writer with an independent reader.

Standard input is one JSON array of texts, each one YAML document. Standard output is one JSON array of the same
length and order: {"value": …} with what the text says, or {"error": "…"} where PyYAML refuses it or where it says
something that JSON has no word for: a date, bytes, a set, a key that is no string, a number that is none.
"""

import json
import sys

import yaml


def as_json(value):
    """The value, or an error that names what JSON could not carry unchanged."""
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise ValueError(f"key {key!r} is a {type(key).__name__}")
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    if isinstance(value, float) and value - value != 0:
        raise ValueError(f"{value!r} is no number in JSON")
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise ValueError(f"{value!r} is a {type(value).__name__}")


def read(text):
    try:
        return {"value": as_json(yaml.safe_load(text))}
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        return {"error": str(error) or type(error).__name__}


def main():
    texts = json.load(sys.stdin.buffer)
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        sys.exit("yamlread.py: standard input is no JSON array of strings")
    json.dump([read(text) for text in texts], sys.stdout)
    print()


if __name__ == "__main__":
    main()
