package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// Whether a client that wants host takes a certificate for pattern.
type coverRow struct {
	Kind    string `json:"kind"`
	Pattern string `json:"pattern"`
	Host    string `json:"host"`
	Go      bool   `json:"go"`
	OpenSSL bool   `json:"openssl"`
}

var patterns = []string{
	"*.svc.cluster.local",
	"*.default.svc.cluster.local",
	"*.web.default.svc.cluster.local",
	"*.*.svc.cluster.local",
	"*.cluster.local",
	"*.local",
	"*.default.svc",
	"*.svc",
	"*.default",
	"*.pod.cluster.local",
	"*.default.pod.cluster.local",
	"w*b.default.svc.cluster.local",
	"web*.default.svc.cluster.local",
	"*eb.default.svc.cluster.local",
	"web.*.svc.cluster.local",
	"**.default.svc.cluster.local",
	"*.",
	"*",
	"*.com",
	"*.example.com",
	"*.EXAMPLE.com",
	"*.example.com.",
	"*.my_team.example.com",
	"*.xn--bcher-kva.example",
	"xn--*.example.com",
	"*-.example.com",
	"*.-bad.example.com",
	"*.bad-.example.com",
	"web.default.svc.cluster.local",
	"web.default.svc",
	"web",
	"web.example.com",
	"Web.Example.com",
	"web_1.example.com",
	"bad-.example.com",
}

var hosts = []string{
	"web.default.svc.cluster.local",
	"WEB.default.svc.cluster.local",
	"default.svc.cluster.local",
	"svc.cluster.local",
	"cluster.local",
	"web-0.web.default.svc.cluster.local",
	"10-0-0-1.default.pod.cluster.local",
	"default.pod.cluster.local",
	"web.default.svc",
	"web.default.svc.",
	"default.svc",
	"web.default",
	"web",
	"example.com",
	"web.example.com",
	"web.example.com.",
	"a.web.example.com",
	"web_1.example.com",
	"-web.example.com",
	"bad-.example.com",
	"*.example.com",
	"web.my_team.example.com",
	"web.xn--bcher-kva.example",
	"xn--bcher-kva.example.com",
	"web.bad-.example.com",
	".example.com",
}

func wildcards() ([]any, error) {
	folder, err := os.MkdirTemp("", "names")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	rows := make([]any, len(patterns)*len(hosts))
	// One process of OpenSSL for each row takes most of the time.
	var group errgroup.Group
	group.SetLimit(runtime.NumCPU())
	for number, pattern := range patterns {
		group.Go(func() error {
			path := filepath.Join(folder, fmt.Sprintf("%d.pem", number))
			return judgeHosts(pattern, path, rows[number*len(hosts):(number+1)*len(hosts)])
		})
	}
	return rows, group.Wait()
}

// judgeHosts fills one row for each host. The certificate is kept at path.
func judgeHosts(pattern, path string, rows []any) error {
	certificate, err := certificateFor(pattern)
	if err != nil {
		return fmt.Errorf("a certificate for %q: %w", pattern, err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return err
	}
	for at, host := range hosts {
		openssl, err := opensslTakes(path, host)
		if err != nil {
			return err
		}
		rows[at] = coverRow{"cover", pattern, host, certificate.VerifyHostname(host) == nil, openssl}
	}
	return nil
}

func certificateFor(name string) (*x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		DNSNames:     []string{name},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// opensslTakes asks X509_check_host, which is what TLS clients and `openssl verify -verify_hostname` call.
func opensslTakes(path, host string) (bool, error) {
	// Newer releases also say it with their exit code.
	output, _ := exec.Command("openssl", "x509", "-noout", "-in", path, "-checkhost", host).Output()
	switch {
	case strings.Contains(string(output), "does NOT match certificate"):
		return false, nil
	case strings.Contains(string(output), "does match certificate"):
		return true, nil
	}
	return false, fmt.Errorf("openssl says of %q: %q", host, output)
}
