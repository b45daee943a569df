// Runs the health checks of an argocd-cm fragment as Argo CD does, with gopher-lua, over an issuer in every state, and
// prints what each says: key, state, status, message.
//
//	health argocd-cm.yaml
package main

import (
	"fmt"
	"os"
	"sort"

	lua "github.com/yuin/gopher-lua"
	"sigs.k8s.io/yaml"
)

// The states of an issuer, as its status says them.
var states = []struct{ name, status string }{
	{"new", "nil"},
	{"empty", "{}"},
	{"ready", `{conditions = {{type = "Ready", status = "True", message = "StepIssuer verified and ready to sign certificates"}}}`},
	{"failed", `{conditions = {{type = "Ready", status = "False", message = "failed initialize provisioner"}}}`},
	{"unknown", `{conditions = {{type = "Ready", status = "Unknown", message = "waiting"}}}`},
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	var config struct {
		Data map[string]string `json:"data"`
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		panic(err)
	}
	var keys []string
	for key := range config.Data {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		for _, state := range states {
			status, message := run(config.Data[key], state.status)
			fmt.Printf("%s %s %s %q\n", key, state.name, status, message)
		}
	}
}

// run opens the libraries that Argo CD opens: the base, tables and strings.
func run(script, status string) (string, string) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{"": lua.OpenBase, "table": lua.OpenTable, "string": lua.OpenString} {
		state.Push(state.NewFunction(open))
		state.Push(lua.LString(name))
		state.Call(1, 0)
	}
	if err := state.DoString("obj = {status = " + status + "}"); err != nil {
		panic(err)
	}
	if err := state.DoString(script); err != nil {
		panic(err)
	}
	health := state.Get(-1).(*lua.LTable)
	return health.RawGetString("status").String(), health.RawGetString("message").String()
}
