package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"time"

	"github.com/cert-manager/cert-manager/pkg/util/pki"
	"github.com/smallstep/certificates/authority/config"
	"github.com/smallstep/certificates/authority/provisioner"
	"go.step.sm/crypto/jose"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The three claims about TLS certificates, as ca.json writes them.
type tlsClaims struct {
	Min     string `json:"minTLSCertDuration,omitempty"`
	Max     string `json:"maxTLSCertDuration,omitempty"`
	Default string `json:"defaultTLSCertDuration,omitempty"`
}

// What holds where an authority and a provisioner set these; Starts is false where step-ca refuses to.
type claimsRow struct {
	Kind        string    `json:"kind"`
	Authority   tlsClaims `json:"authority"`
	Provisioner tlsClaims `json:"provisioner"`
	Starts      bool      `json:"starts"`
	Effective   tlsClaims `json:"effective"`
}

// What becomes of a request for a duration under claims that an authority sets.
type lifetimeRow struct {
	Kind      string    `json:"kind"`
	Claims    tlsClaims `json:"claims"`
	Backdate  string    `json:"backdate"`
	Requested string    `json:"requested,omitempty"`
	Lifetime  string    `json:"lifetime,omitempty"`
	Message   string    `json:"message,omitempty"`
}

// When cert-manager renews, counted from the beginning of the validity.
type renewalRow struct {
	Kind        string `json:"kind"`
	Lifetime    string `json:"lifetime"`
	RenewBefore string `json:"renewBefore,omitempty"`
	Percentage  *int32 `json:"percentage,omitempty"`
	RenewsAfter string `json:"renewsAfter"`
}

func (c tlsClaims) read() (*provisioner.Claims, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	var claims provisioner.Claims
	return &claims, json.Unmarshal(text, &claims)
}

var authorityClaims = []tlsClaims{
	{}, {Min: "1m"}, {Max: "72h"}, {Default: "48h"}, {Default: "2m"}, {Min: "1h", Max: "72h", Default: "2h"}, {Max: "12h"}, {Min: "25h"}, {Default: "0s"},
}

var provisionerClaims = []tlsClaims{
	{}, {Min: "30m"}, {Max: "2160h"}, {Default: "720h"}, {Default: "1m"}, {Max: "1h"}, {Max: "1h", Default: "1h"}, {Min: "48h"},
	{Min: "-5m"}, {Max: "0s"}, {Default: "-1h"}, {Min: "2h", Max: "1h"}, {Min: "5m", Max: "8760h", Default: "24h"},
}

func claims() ([]any, error) {
	var rows []any
	for _, authority := range authorityClaims {
		for _, own := range provisionerClaims {
			row := claimsRow{Kind: "claims", Authority: authority, Provisioner: own}
			outer, err := claimer(authority, config.GlobalProvisionerClaims)
			if err != nil {
				return nil, err
			}
			inner, err := claimer(own, outer.Claims())
			if err != nil {
				return nil, err
			}
			row.Starts = outer.Validate() == nil && inner.Validate() == nil
			row.Effective = tlsClaims{inner.MinTLSCertDuration().String(), inner.MaxTLSCertDuration().String(), inner.DefaultTLSCertDuration().String()}
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// claimer also gives the claims back that step-ca refuses: whether it does is asked of the claimer.
func claimer(claims tlsClaims, global provisioner.Claims) (*provisioner.Claimer, error) {
	read, err := claims.read()
	if err != nil {
		return nil, err
	}
	made, _ := provisioner.NewClaimer(read, global)
	return made, nil
}

func lifetimes() ([]any, error) {
	var rows []any
	for _, claims := range []tlsClaims{{}, {Min: "1h", Max: "720h", Default: "48h"}, {Max: "24h1m"}, {Min: "24h"}} {
		options, err := optionsOfJWK(claims, "web.example.com")
		if err != nil {
			return nil, err
		}
		for _, backdate := range []string{"0s", "1m", "10m"} {
			for _, requested := range []string{
				"", "1s", "3m", "4m", "4m59s", "5m", "50m", "59m", "1h", "23h59m", "24h", "24h1s", "24h1m", "24h1m1s", "48h", "720h", "720h1s", "2160h",
			} {
				row, err := sign(claims, backdate, requested, options)
				if err != nil {
					return nil, err
				}
				rows = append(rows, row)
			}
		}
	}
	return rows, nil
}

// optionsOfJWK are the modifiers and validators that a JWK provisioner puts on what step-issuer asks for under a name.
func optionsOfJWK(claims tlsClaims, name string) ([]provisioner.SignOption, error) {
	key, err := jose.GenerateJWK("EC", "P-256", "ES256", "sig", "", 0)
	if err != nil {
		return nil, err
	}
	public := key.Public()
	outer, err := claimer(claims, config.GlobalProvisionerClaims)
	if err != nil {
		return nil, err
	}
	jwk := &provisioner.JWK{Type: "JWK", Name: "step-issuer", Key: &public}
	audience := "https://ca.example.com/1.0/sign"
	err = jwk.Init(provisioner.Config{Claims: outer.Claims(), Audiences: provisioner.Audiences{Sign: []string{audience}}})
	if err != nil {
		return nil, err
	}
	header := new(jose.SignerOptions).WithType("JWT").WithHeader("kid", key.KeyID)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key.Key}, header)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	token, err := jose.Signed(signer).Claims(jose.Claims{
		Issuer: "step-issuer", Subject: name, Audience: jose.Audience{audience}, ID: "1",
		NotBefore: jose.NewNumericDate(now.Add(-time.Minute)), IssuedAt: jose.NewNumericDate(now), Expiry: jose.NewNumericDate(now.Add(time.Hour)),
	}).Claims(map[string]any{"sans": []string{name}}).CompactSerialize()
	if err != nil {
		return nil, err
	}
	return jwk.AuthorizeSign(context.Background(), token)
}

// sign does with the options what step-ca does between the request and the signature.
func sign(claims tlsClaims, backdate, requested string, options []provisioner.SignOption) (lifetimeRow, error) {
	row := lifetimeRow{Kind: "lifetime", Claims: claims, Backdate: backdate, Requested: requested}
	back, err := time.ParseDuration(backdate)
	if err != nil {
		return row, err
	}
	notAfter, err := provisioner.ParseTimeDuration(requested)
	if err != nil {
		return row, err
	}
	asked := provisioner.SignOptions{NotAfter: notAfter, Backdate: back}
	leaf := &x509.Certificate{}
	for _, option := range options {
		if modifier, ok := option.(provisioner.CertificateModifier); ok {
			if err := modifier.Modify(leaf, asked); err != nil {
				return row, err
			}
		}
	}
	judged := 0
	for _, option := range options {
		validator, ok := option.(provisioner.CertificateValidator)
		if !ok {
			continue
		}
		judged++
		if err := validator.Valid(leaf, asked); err != nil {
			row.Message = err.Error()
			return row, nil
		}
	}
	if judged == 0 {
		return row, fmt.Errorf("no validator among %d options", len(options))
	}
	row.Lifetime = leaf.NotAfter.Sub(leaf.NotBefore).String()
	return row, nil
}

func renewals() ([]any, error) {
	notBefore := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var rows []any
	for _, text := range []string{"6m", "1h1m", "24h1m", "24h", "100s", "720h1m", "2160h", "8760h"} {
		lifetime, err := time.ParseDuration(text)
		if err != nil {
			return nil, err
		}
		ask := func(row renewalRow, before *meta.Duration) error {
			at, err := pki.RenewalTime(notBefore, notBefore.Add(lifetime), before, row.Percentage, nil)
			if err != nil {
				return err
			}
			row.Kind, row.Lifetime, row.RenewsAfter = "renewal", text, at.Time.Sub(notBefore).String()
			rows = append(rows, row)
			return nil
		}
		if err := ask(renewalRow{}, nil); err != nil {
			return nil, err
		}
		for _, before := range []string{"0s", "5m", "8h", "23h59m", "24h", "24h1m", "30h", "720h"} {
			duration, err := time.ParseDuration(before)
			if err != nil {
				return nil, err
			}
			if err := ask(renewalRow{RenewBefore: before}, &meta.Duration{Duration: duration}); err != nil {
				return nil, err
			}
		}
		for _, percentage := range []int32{0, 1, 10, 33, 50, 67, 99, 100} {
			if err := ask(renewalRow{Percentage: &percentage}, nil); err != nil {
				return nil, err
			}
		}
	}
	return rows, nil
}
