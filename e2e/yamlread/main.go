// Command yamlread reads YAML as Kubernetes does, for tests that compare our writer with an independent reader.
//
// Standard input is one JSON array of texts, each one YAML document. Standard output is one JSON array of the same
// length and order: {"value": …} with what the text says, or {"error": "…"} where it says nothing that Kubernetes
// would take (a key given twice included).
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"sigs.k8s.io/yaml"
)

type answer struct {
	Value json.RawMessage `json:"value,omitempty"`
	Error string          `json:"error,omitempty"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "yamlread:", err)
		os.Exit(2)
	}
}

func run(in io.Reader, out io.Writer) error {
	var texts []string
	if err := json.NewDecoder(in).Decode(&texts); err != nil {
		return fmt.Errorf("standard input is no JSON array of strings: %w", err)
	}
	answers := make([]answer, len(texts))
	for i, text := range texts {
		answers[i] = read(text)
	}
	return json.NewEncoder(out).Encode(answers)
}

func read(text string) answer {
	value, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Value: value}
}
