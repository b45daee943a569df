// Command strict reads Kubernetes objects into the types of k8s.io/api, as kubectl and the API server do with strict
// field validation: a field that a type does not have, or a value that it cannot hold, is an error.
//
//	strict FILE...         reads every object of the files; kinds that are not Kubernetes' own are passed over
//	strict -sample KIND    prints an object of the kind in which every field is set
//
// The second is for the other direction: whoever keeps a list of the fields must know them all.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// kinds makes an empty object of each kind that is known here.
var kinds = map[string]func() any{
	"batch/v1 Job":                                    func() any { return &batchv1.Job{} },
	"batch/v1 CronJob":                                func() any { return &batchv1.CronJob{} },
	"networking.k8s.io/v1 NetworkPolicy":              func() any { return &networkingv1.NetworkPolicy{} },
	"rbac.authorization.k8s.io/v1 ClusterRole":        func() any { return &rbacv1.ClusterRole{} },
	"rbac.authorization.k8s.io/v1 ClusterRoleBinding": func() any { return &rbacv1.ClusterRoleBinding{} },
	"rbac.authorization.k8s.io/v1 Role":               func() any { return &rbacv1.Role{} },
	"rbac.authorization.k8s.io/v1 RoleBinding":        func() any { return &rbacv1.RoleBinding{} },
	"v1 ConfigMap":                                    func() any { return &corev1.ConfigMap{} },
	"v1 Namespace":                                    func() any { return &corev1.Namespace{} },
	"v1 Pod":                                          func() any { return &corev1.Pod{} },
	"v1 Secret":                                       func() any { return &corev1.Secret{} },
	"v1 Service":                                      func() any { return &corev1.Service{} },
	"v1 ServiceAccount":                               func() any { return &corev1.ServiceAccount{} },
}

// ours are the groups of which every kind that turns up must be known.
var ours = map[string]bool{"v1": true, "batch/v1": true, "rbac.authorization.k8s.io/v1": true, "networking.k8s.io/v1": true}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "strict:", err)
		os.Exit(1)
	}
}

func run(arguments []string, out io.Writer) error {
	if len(arguments) == 2 && arguments[0] == "-sample" {
		return sample(arguments[1], out)
	}
	if len(arguments) == 0 {
		return errors.New("name files, or -sample and a kind")
	}
	checked, problems := 0, []error{}
	for _, file := range arguments {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
		for {
			document, err := reader.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			known, err := check(document)
			if err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", file, err))
			}
			if known {
				checked++
			}
		}
	}
	fmt.Fprintln(out, checked)
	return errors.Join(problems...)
}

// check reads one document; whether its kind is known here.
func check(document []byte) (bool, error) {
	var head metav1.TypeMeta
	if err := yaml.Unmarshal(document, &head); err != nil {
		return false, err
	}
	empty, known := kinds[head.APIVersion+" "+head.Kind]
	if !known {
		if ours[head.APIVersion] {
			return false, fmt.Errorf("%s %s is not known here: add it", head.APIVersion, head.Kind)
		}
		return false, nil
	}
	if err := yaml.UnmarshalStrict(document, empty()); err != nil {
		return true, fmt.Errorf("%s: %w", head.Kind, err)
	}
	return true, nil
}

// sample prints an object with everything set.
func sample(kind string, out io.Writer) error {
	for name, empty := range kinds {
		if name != "batch/v1 "+kind && name != "v1 "+kind {
			continue
		}
		object := empty()
		fill(reflect.ValueOf(object).Elem())
		version := name[:len(name)-len(kind)-1]
		reflect.ValueOf(object).Elem().FieldByName("TypeMeta").Set(reflect.ValueOf(metav1.TypeMeta{APIVersion: version, Kind: kind}))
		text, err := yaml.Marshal(object)
		if err != nil {
			return err
		}
		_, err = out.Write(text)
		return err
	}
	return fmt.Errorf("no kind %s", kind)
}

// words are values of types that do not take any text.
var words = map[string]string{
	"ConcurrencyPolicy":      string(batchv1.ForbidConcurrent),
	"RestartPolicy":          string(corev1.RestartPolicyNever),
	"ContainerRestartPolicy": string(corev1.ContainerRestartPolicyAlways),
}

func fill(value reflect.Value) {
	switch value.Interface().(type) {
	case resource.Quantity:
		value.Set(reflect.ValueOf(resource.MustParse("1")))
		return
	case intstr.IntOrString:
		value.Set(reflect.ValueOf(intstr.FromInt32(1)))
		return
	case metav1.Time:
		value.Set(reflect.ValueOf(metav1.Unix(0, 0)))
		return
	case metav1.FieldsV1:
		value.Set(reflect.ValueOf(metav1.FieldsV1{Raw: []byte("{}")}))
		return
	}
	switch value.Kind() {
	case reflect.Pointer:
		value.Set(reflect.New(value.Type().Elem()))
		fill(value.Elem())
	case reflect.Struct:
		for index := range value.NumField() {
			if value.Field(index).CanSet() {
				fill(value.Field(index))
			}
		}
	case reflect.Slice:
		value.Set(reflect.MakeSlice(value.Type(), 1, 1))
		fill(value.Index(0))
	case reflect.Map:
		key, element := reflect.New(value.Type().Key()).Elem(), reflect.New(value.Type().Elem()).Elem()
		fill(key)
		fill(element)
		value.Set(reflect.MakeMap(value.Type()))
		value.SetMapIndex(key, element)
	case reflect.String:
		word := words[value.Type().Name()]
		if word == "" {
			word = "x"
		}
		value.SetString(word)
	case reflect.Bool:
		value.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		value.SetInt(1)
	case reflect.Uint8:
		value.SetUint(1)
	}
}
