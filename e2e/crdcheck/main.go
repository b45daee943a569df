// Command crdcheck writes down what an API server says to a few hundred objects, for a test that compares our own check of
// objects against CustomResourceDefinitions with it.
//
//	crdcheck [-texts] OBJECTS.yaml CRD.yaml... >ANSWERS.jsonl
//
// Each object of OBJECTS.yaml is changed at every place in every simple way: the value is taken out, or replaced by values
// of other types, and each map gets a field that nobody declares. With -texts, strings and numbers are replaced by many
// more. One line of the answer is one place: the definition's file, the index of the object, the path, whether the object
// is refused "without" a value there (for the empty path: as it is), and the values that are taken and refused there.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

type checker struct {
	structural *structuralschema.Structural
	validator  validation.SchemaValidator
	rules      *cel.Validator
	hasStatus  bool
}

type answer struct {
	Crd     string `json:"crd"`
	Object  int    `json:"object"`
	Path    []any  `json:"path"`
	Without *bool  `json:"without,omitempty"`
	Taken   []any  `json:"taken,omitempty"`
	Refused []any  `json:"refused,omitempty"`
}

var texts = flag.Bool("texts", false, "replace strings by texts of all formats")
var why = flag.Bool("why", false, "tell the errors, too, on standard error")

var simple = []any{nil, "", "x", int64(0), int64(7), int64(-3), 1.5, true, []any{}, map[string]any{}, []any{"x", "x"}, map[string]any{"x": "y"}}

var formatted = []any{
	"aGVsbG8=", "aGVsbG8=\n", "aGVs bG8=", "aGVsbG8", "a-_=", "10.0.0.1", "010.0.0.1", "::1", "::ffff:1.2.3.4", "fe80::1%eth0", "10.0.0.0/8", "::/129",
	"2026-11-23", "2026-02-29", "2026-11-23T12:00:00Z", "2026-11-23t12:00:00.5+01:00", "2026-11-23T24:00:00Z", "2026-11-23 12:00:00Z",
	"24h", "1h30m", "3 days", "1d", "-1.5s", "1 year", "https://ca.example:443/x?y", "/path", "a/b", "https://a:b", "https://[::1]:1/", "mailto:a", "/%zz", "https://a b/", "https://a/b c", "//host/x", "https://user:pw@host/", "https://us er@host/", "https:", "http://%41/", "http://%zz/", "*",
	"a@b.c", "A <a@b.c>", "a@", "@b", "a b@c", "a@b..c", "localhost", "my-long-host", "a-b", "a-", "ca.example.com", "a_b", "-a.b", "a.b-", "1.example", "x.y1",
	"123e4567-e89b-42d3-a456-426614174000", "123E4567E89B12D3A456426614174000", "123e4567-e89b-12d3-a456-42661417400g", "123e4567--e89b12d3-a456-426614174000",
	"0321751043", "978-0321751041", "0321751044", "4111 1111 1111 1111", "4111 1111 1111 1112", "111-11-1111", "111111111", "#fff", "#ffff", "rgb(0, 10,255)", "rgb(01,0,0)", "rgb(256,0,0)",
	"00:11:22:33:44:55", "00-11-22-33-44-55", "0011.2233.4455", "00:11:22", "507f1f77bcf86cd799439011", "A-b", "a.b", "ÄÖ", "ÄÖÜ", "100", "100Mi", "٣", "a b", "a.b.c", "[", "a&b",
}

var numbers = []any{int64(1), int64(2), int64(3), int64(4), int64(5), int64(6), int64(9), int64(10), int64(11), int64(12), int64(2147483648), 0.5, 2.5, 2.75, 10.5, 1e20, 0.3}

func main() {
	flag.Parse()
	if flag.NArg() < 2 {
		flag.Usage()
		os.Exit(2)
	}
	text, err := os.ReadFile(flag.Arg(0))
	stop(err)
	output := json.NewEncoder(os.Stdout)
	for _, file := range flag.Args()[1:] {
		kind, checkers := read(file)
		for index, document := range bytes.Split(text, []byte("\n---\n")) {
			converted, err := yaml.YAMLToJSONStrict(document)
			stop(err)
			object := decode(converted)
			if object["kind"] != kind || checkers[fmt.Sprint(object["apiVersion"])] == nil {
				continue
			}
			ask := func(path []any, value *any) bool {
				copied := decode(converted)
				if len(path) > 0 {
					edit(copied, path, value)
				}
				encoded, err := json.Marshal(copied)
				stop(err)
				errors := check(checkers, encoded)
				if *why {
					fmt.Fprintln(os.Stderr, path, errors)
				}
				return len(errors) > 0
			}
			tell := func(path []any, takeOut bool, values []any) {
				line := answer{Crd: filepath.Base(file), Object: index, Path: path}
				if takeOut {
					refused := ask(path, nil)
					line.Without = &refused
				}
				for _, value := range values {
					if ask(path, &value) {
						line.Refused = append(line.Refused, value)
					} else {
						line.Taken = append(line.Taken, value)
					}
				}
				stop(output.Encode(line))
			}
			tell([]any{}, true, nil)
			for _, key := range slices.Sorted(maps.Keys(object)) {
				if key != "apiVersion" && key != "kind" && key != "metadata" {
					walk(object[key], []any{key}, tell)
				}
			}
		}
	}
}

func decode(text []byte) map[string]any {
	object := map[string]any{}
	stop(utiljson.Unmarshal(text, &object))
	return object
}

func walk(value any, path []any, tell func([]any, bool, []any)) {
	values := slices.Clone(simple)
	if list, ok := value.([]any); ok && len(list) > 0 {
		values = append(values, append(slices.Clone(list), list[0]))
	}
	if *texts {
		switch value.(type) {
		case string:
			values = append(values, formatted...)
		case int64, float64:
			values = append(values, numbers...)
		}
	}
	tell(path, true, values)
	switch value := value.(type) {
	case map[string]any:
		tell(append(slices.Clone(path), "unknownField"), false, []any{"x"})
		for _, key := range slices.Sorted(maps.Keys(value)) {
			walk(value[key], append(slices.Clone(path), key), tell)
		}
	case []any:
		for index, item := range value {
			walk(item, append(slices.Clone(path), index), tell)
		}
	}
}

// Sets the value at the path, or takes it out. A list item that is taken out becomes null.
func edit(object any, path []any, value *any) {
	for _, step := range path[:len(path)-1] {
		switch step := step.(type) {
		case string:
			object = object.(map[string]any)[step]
		case int:
			object = object.([]any)[step]
		}
	}
	switch step := path[len(path)-1].(type) {
	case string:
		if value == nil {
			delete(object.(map[string]any), step)
		} else {
			object.(map[string]any)[step] = *value
		}
	case int:
		if value == nil {
			object.([]any)[step] = nil
		} else {
			object.([]any)[step] = *value
		}
	}
}

// The kind, and the checkers of a definition by group and version.
func read(file string) (string, map[string]*checker) {
	text, err := os.ReadFile(file)
	stop(err)
	var outer v1.CustomResourceDefinition
	stop(yaml.UnmarshalStrict(text, &outer))
	v1.SetDefaults_CustomResourceDefinition(&outer)
	v1.SetDefaults_CustomResourceDefinitionSpec(&outer.Spec)
	checkers := map[string]*checker{}
	for _, version := range outer.Spec.Versions {
		var inner apiextensions.CustomResourceValidation
		stop(v1.Convert_v1_CustomResourceValidation_To_apiextensions_CustomResourceValidation(version.Schema, &inner, nil))
		structural, err := structuralschema.NewStructural(inner.OpenAPIV3Schema)
		stop(err)
		for _, flaw := range structuralschema.ValidateStructural(nil, structural) {
			stop(flaw)
		}
		stop(defaulting.PruneDefaults(structural))
		validator, _, err := validation.NewSchemaValidator(inner.OpenAPIV3Schema)
		stop(err)
		checkers[outer.Spec.Group+"/"+version.Name] = &checker{
			structural: structural,
			validator:  validator,
			rules:      cel.NewValidator(structural, true, celconfig.PerCallLimit),
			hasStatus:  version.Subresources != nil && version.Subresources.Status != nil,
		}
	}
	return outer.Spec.Names.Kind, checkers
}

// What the API server says, in the order of its own steps: decoding, pruning, defaults, schema, lists, rules.
func check(checkers map[string]*checker, text []byte) []string {
	object := map[string]interface{}{}
	if err := utiljson.Unmarshal(text, &object); err != nil {
		return []string{err.Error()}
	}
	version, _ := object["apiVersion"].(string)
	checker := checkers[version]
	if checker == nil {
		return []string{"no such version"}
	}
	var errors []string
	options := structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
	for _, path := range pruning.PruneWithOptions(object, checker.structural, true, options) {
		errors = append(errors, fmt.Sprintf("unknown field %q", path))
	}
	defaulting.PruneNonNullableNullsWithoutDefaults(object, checker.structural)
	defaulting.Default(object, checker.structural)
	if checker.hasStatus {
		delete(object, "status")
	}
	var list field.ErrorList
	list = append(list, validation.ValidateCustomResource(nil, object, checker.validator)...)
	list = append(list, objectmeta.Validate(nil, object, checker.structural, false)...)
	list = append(list, listtype.ValidateListSetsAndMaps(nil, checker.structural, object)...)
	if len(list) == 0 && checker.rules != nil {
		more, _ := checker.rules.Validate(context.Background(), nil, checker.structural, object, nil, celconfig.RuntimeCELCostBudget)
		list = append(list, more...)
	}
	for _, flaw := range list {
		errors = append(errors, flaw.Error())
	}
	return errors
}

func stop(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
