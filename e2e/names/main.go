// Command names writes a table of what the real programs say about names and lifetimes, for tests that compare our own
// judgement with theirs: Go's crypto/x509 and OpenSSL about wildcards, step-ca about policies, claims and durations,
// cert-manager about renewal.
//
// Standard output is one JSON object on each line, sorted; the field "kind" says which question it answers. The same
// libraries give the same bytes. OpenSSL is the binary `openssl` on the path.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"
)

func main() {
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "names:", err)
		os.Exit(2)
	}
}

func run(out io.Writer) error {
	var lines [][]byte
	for _, part := range []func() ([]any, error){wildcards, asciiForms, kindsOfName, requests, policies, claims, lifetimes, renewals} {
		rows, err := part()
		if err != nil {
			return err
		}
		for _, row := range rows {
			line, err := encode(row)
			if err != nil {
				return err
			}
			lines = append(lines, line)
		}
	}
	sort.Slice(lines, func(i, j int) bool { return bytes.Compare(lines[i], lines[j]) < 0 })
	buffered := bufio.NewWriter(out)
	for i, line := range lines {
		if i > 0 && bytes.Equal(line, lines[i-1]) {
			return fmt.Errorf("asked twice: %s", line)
		}
		buffered.Write(line)
	}
	return buffered.Flush()
}

// encode writes a row on one line, without the escapes that are only for HTML.
func encode(row any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(row)
	return text.Bytes(), err
}
