package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"

	"github.com/smallstep/certificates/authority/provisioner"
)

// Whether a request for a DNS name can be made, and whether a JWK provisioner takes it together with the token of
// step-issuer, which holds the same name without its type.
type requestRow struct {
	Kind  string `json:"kind"`
	DNS   string `json:"dns"`
	Made  bool   `json:"made"`
	Taken bool   `json:"taken"`
}

func requests() ([]any, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	var rows []any
	for _, name := range []string{
		"web", "localhost", "web.example.com", "WEB.example.com", "*.example.com", "web_1.example.com", "xn--bcher-kva.example", "bücher.example",
		"10.0.0.1", "::1", "[::1]", "010.0.0.1", "10.0.0.0/8", "https://web.example.com", "web.example.com:443", "web:443", "urn:x", "a@b.example",
		"web.example.com.", "a..b", ".example.com", "a b.example.com", "-a.example.com", "w*b.example.com",
	} {
		row := requestRow{Kind: "request", DNS: name}
		der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{name}}, key)
		if err == nil {
			row.Made = true
			if row.Taken, err = takes(name, der); err != nil {
				return nil, err
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func takes(name string, der []byte) (bool, error) {
	request, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return false, err
	}
	options, err := optionsOfJWK(tlsClaims{}, name)
	if err != nil {
		return false, err
	}
	for _, option := range options {
		if validator, ok := option.(provisioner.CertificateRequestValidator); ok && validator.Valid(request) != nil {
			return false, nil
		}
	}
	return true, nil
}
