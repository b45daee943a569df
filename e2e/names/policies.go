package main

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"net/url"

	authority "github.com/smallstep/certificates/authority/policy"
	"github.com/smallstep/certificates/policy"
	"go.step.sm/crypto/x509util"
	"golang.org/x/net/idna"
)

// What IDNA makes of a name, where step-ca asks it.
type asciiRow struct {
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	OK    bool   `json:"ok"`
	ASCII string `json:"ascii,omitempty"`
}

func asciiForms() ([]any, error) {
	var rows []any
	for _, name := range []string{
		"web.example.com", "WEB.Example.COM", ".example.com", "example.com.", "example..com", "web_1.example.com", "a b", "*.example.com", "*",
		"-web.example.com", "web-.example.com", "ab--cd.example.com", "xn--bcher-kva.example", "xn--bcher-kv.example", "xn--a.example",
		"xn--abc-.example", "xn--.example", "web.XN--", "bücher.example", "BÜCHER.example", "faß.example", "σςΣ.example", "日本語.example", "日本語。example", "ｅｘａｍｐｌｅ.com",
		"a\u00adb.example", "a\u200db.example", "אבג.example", "אבגa.example", "ﬁ.example", "☃.example", "\U0001F600.example", "example.com:443",
		"10.0.0.1", "a@b.example", "1.example", "a/b", "", ".", "ｗｅｂ＿1.example", "İ.example", "ı.example",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example",
	} {
		ascii, err := idna.Lookup.ToASCII(name)
		row := asciiRow{Kind: "ascii", Name: name, OK: err == nil}
		if err == nil {
			row.ASCII = ascii
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// What step-ca takes a name for that comes without a type: in a token of step-issuer, and as common name.
type kindRow struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	Type string `json:"type"`
}

func kindsOfName() ([]any, error) {
	var rows []any
	for _, name := range []string{
		"web.example.com", "*.example.com", "10.0.0.1", "010.0.0.1", "::1", "[::1]", "fe80::1%eth0", "::ffff:10.0.0.1", "10.0.0.1:443", "10.0.0.0/8",
		"web.example.com:443", "web:443", "https://web.example.com", "https://web.example.com:port", "https://web example.com/", "https://[::1]/x",
		"https://[::1/x", "https://%zz/", "https://a.example/%zz", "https://a.example/#%zz", "https://a.example?%zz", "https://u:p@a.example/",
		"https://u p@a.example/", "spiffe://cluster.local/ns/a/sa/b", "urn:uuid:1", "mailto:a@b.example", "a@b.example", "a@b.example:443", "//a.example",
		"a b", "My Service: web", "My Service", "a_b:c", "1a:b", ":a", "a/b:c", "a+b:c", "https:", "https:?", "a:\u007f", "a:\tb", "ü:b", "https://ü.example",
		"https://a.example:/", "https://a\"b.example", "https://a{b.example", "https://%41.example", "https://%25.example", "https://", "https:///x", "https://@a.example",
	} {
		dns, ips, emails, uris := x509util.SplitSANs([]string{name})
		row := kindRow{Kind: "kind", Name: name}
		switch {
		case len(dns) == 1:
			row.Type = "dns"
		case len(ips) == 1:
			row.Type = "ip"
		case len(emails) == 1:
			row.Type = "email"
		case len(uris) == 1:
			row.Type = "uri"
		default:
			return nil, fmt.Errorf("%q is of no type", name)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// A policy, and whether step-ca starts with it.
type policyRow struct {
	Kind   string                       `json:"kind"`
	Policy string                       `json:"policy"`
	X509   *authority.X509PolicyOptions `json:"x509"`
	Starts bool                         `json:"starts"`
}

// The names of a certificate.
type names struct {
	CommonName string   `json:"cn,omitempty"`
	DNS        []string `json:"dns,omitempty"`
	IP         []string `json:"ip,omitempty"`
	Email      []string `json:"email,omitempty"`
	URI        []string `json:"uri,omitempty"`
}

// What a policy says of a certificate, and about which name.
type verdictRow struct {
	Kind   string `json:"kind"`
	Policy string `json:"policy"`
	Names  names  `json:"names"`
	Reason string `json:"reason"`
	Type   string `json:"type,omitempty"`
	Name   string `json:"name,omitempty"`
}

type rules = authority.X509NameOptions

var goodPolicies = map[string]*authority.X509PolicyOptions{
	"nothing":            {},
	"wildcards-only":     {AllowWildcardNames: true},
	"allow-domain":       {AllowedNames: &rules{DNSDomains: []string{"example.com"}}},
	"allow-below":        {AllowedNames: &rules{DNSDomains: []string{"*.example.com"}}},
	"allow-below-stars":  {AllowedNames: &rules{DNSDomains: []string{"*.example.com"}}, AllowWildcardNames: true},
	"allow-star-literal": {AllowedNames: &rules{DNSDomains: []string{"*.svc.cluster.local", "*.default.svc.cluster.local"}}, AllowWildcardNames: true},
	"allow-local":        {AllowedNames: &rules{DNSDomains: []string{"*.local", "local", "web"}}},
	"allow-idn":          {AllowedNames: &rules{DNSDomains: []string{"*.Bücher.example", "FAß.example"}}},
	"allow-padded":       {AllowedNames: &rules{DNSDomains: []string{"  *.Example.COM  "}}},
	"deny-domain":        {DeniedNames: &rules{DNSDomains: []string{"web.example.com"}}},
	"deny-below":         {DeniedNames: &rules{DNSDomains: []string{"*.example.com"}}},
	"deny-below-stars":   {DeniedNames: &rules{DNSDomains: []string{"*.example.com"}}, AllowWildcardNames: true},
	"both": {
		AllowedNames: &rules{DNSDomains: []string{"*.example.com", "example.com"}},
		DeniedNames:  &rules{DNSDomains: []string{"web.example.com"}},
	},
	"allow-ip":         {AllowedNames: &rules{IPRanges: []string{"10.0.0.0/8", "192.0.2.7", "2001:db8::/32"}}},
	"allow-ip-mapped":  {AllowedNames: &rules{IPRanges: []string{"::ffff:10.0.0.0/104", "::ffff:192.0.2.7"}}},
	"allow-ip-wide":    {AllowedNames: &rules{IPRanges: []string{"::/0"}}},
	"deny-ip":          {DeniedNames: &rules{IPRanges: []string{"10.1.2.3/16"}}},
	"deny-ip-allow":    {AllowedNames: &rules{IPRanges: []string{"10.0.0.0/8"}}, DeniedNames: &rules{IPRanges: []string{"10.1.0.0/16"}, DNSDomains: []string{"bad.example.com"}}},
	"allow-email":      {AllowedNames: &rules{EmailAddresses: []string{"@example.com", "root@Other.example", "third.example"}}},
	"deny-email":       {DeniedNames: &rules{EmailAddresses: []string{"root@example.com"}}},
	"allow-uri":        {AllowedNames: &rules{URIDomains: []string{"*.example.com", "cluster.local"}}},
	"deny-uri":         {DeniedNames: &rules{URIDomains: []string{"web.example.com"}}},
	"allow-cn":         {AllowedNames: &rules{CommonNames: []string{"My Service", "web.example.com"}}},
	"allow-cn-and-dns": {AllowedNames: &rules{CommonNames: []string{"my service"}, DNSDomains: []string{"*.example.com"}}},
	"deny-cn":          {DeniedNames: &rules{CommonNames: []string{"web.example.com"}}},
	"deny-cn-allow":    {AllowedNames: &rules{DNSDomains: []string{"*.example.com"}}, DeniedNames: &rules{CommonNames: []string{"web.example.com"}}},
	"allow-all-types": {
		AllowedNames: &rules{
			CommonNames: []string{"my service"}, DNSDomains: []string{"*.example.com", "*.default.svc", "*.default.svc.cluster.local"},
			IPRanges: []string{"10.0.0.0/8"}, EmailAddresses: []string{"example.com"}, URIDomains: []string{"*.example.com"},
		},
		DeniedNames: &rules{
			DNSDomains: []string{"bad.example.com"}, IPRanges: []string{"10.1.0.0/16"}, EmailAddresses: []string{"root@example.com"},
			URIDomains: []string{"bad.example.com"},
		},
	},
}

// With these step-ca does not start, or so it seems.
var doubtfulPolicies = map[string]rules{
	"empty":           {DNSDomains: []string{""}},
	"blank":           {DNSDomains: []string{" "}},
	"star":            {DNSDomains: []string{"*"}},
	"leading-dot":     {DNSDomains: []string{".example.com"}},
	"trailing-dot":    {DNSDomains: []string{"example.com."}},
	"two-dots":        {DNSDomains: []string{"example..com"}},
	"two-stars":       {DNSDomains: []string{"*.*.example.com"}},
	"star-inside":     {DNSDomains: []string{"web.*.example.com"}},
	"star-partial":    {DNSDomains: []string{"*web.example.com"}},
	"star-dot":        {DNSDomains: []string{"*."}},
	"underscore":      {DNSDomains: []string{"my_team.example.com"}},
	"hyphen":          {DNSDomains: []string{"-a.example.com"}},
	"space":           {DNSDomains: []string{"a b.example.com"}},
	"port":            {DNSDomains: []string{"example.com:443"}},
	"address-as-name": {DNSDomains: []string{"10.0.0.1"}},
	"second":          {DNSDomains: []string{"example.com", "*.*"}},
	"ip-name":         {IPRanges: []string{"web"}},
	"ip-zone":         {IPRanges: []string{"fe80::1%eth0"}},
	"ip-too-long":     {IPRanges: []string{"10.0.0.0/33"}},
	"ip-zeros":        {IPRanges: []string{"010.0.0.0/8"}},
	"ip-blank":        {IPRanges: []string{" 10.0.0.0/8"}},
	"ip-plus":         {IPRanges: []string{"10.0.0.0/+8"}},
	"ip-mask-zeros":   {IPRanges: []string{"10.0.0.0/08"}},
	"ip-mask-none":    {IPRanges: []string{"10.0.0.0/"}},
	"ip-mask-dotted":  {IPRanges: []string{"10.0.0.0/255.0.0.0"}},
	"ip-empty":        {IPRanges: []string{""}},
	"email-star":      {EmailAddresses: []string{"*@example.com"}},
	"email-two-ats":   {EmailAddresses: []string{"a@b@example.com"}},
	"email-dot":       {EmailAddresses: []string{"@.example.com"}},
	"email-at":        {EmailAddresses: []string{"@"}},
	"email-no-local":  {EmailAddresses: []string{"a b@example.com"}},
	"email-no-domain": {EmailAddresses: []string{"a@"}},
	"email-quoted":    {EmailAddresses: []string{`"a"@example.com`}},
	"email-spaced":    {EmailAddresses: []string{`"a b"@example.com`}},
	"email-underbar":  {EmailAddresses: []string{"my_team.example.com"}},
	"email-ok":        {EmailAddresses: []string{"A.B@Example.com"}},
	"uri-scheme":      {URIDomains: []string{"https://example.com"}},
	"uri-port":        {URIDomains: []string{"example.com:443"}},
	"uri-ip":          {URIDomains: []string{"10.0.0.1"}},
	"uri-ip-six":      {URIDomains: []string{"::1"}},
	"uri-brackets":    {URIDomains: []string{"[::1]"}},
	"uri-star":        {URIDomains: []string{"*"}},
	"uri-partial":     {URIDomains: []string{"*web.example.com"}},
	"uri-dot":         {URIDomains: []string{".example.com"}},
	"uri-path":        {URIDomains: []string{"example.com/x"}},
	"uri-two-dots":    {URIDomains: []string{"a..b"}},
	"uri-empty":       {URIDomains: []string{" "}},
	"cn-empty":        {CommonNames: []string{"  "}},
	"cn-star":         {CommonNames: []string{"*"}},
	"cn-star-domain":  {CommonNames: []string{"*.example.com"}},
}

var certificates = []names{
	{},
	{DNS: []string{"web.example.com"}},
	{CommonName: "web.example.com", DNS: []string{"web.example.com"}},
	{CommonName: "My Service", DNS: []string{"api.example.com"}},
	{CommonName: "my SERVICE"},
	{CommonName: "My Service: web", DNS: []string{"api.example.com"}},
	{CommonName: "10.0.0.1", IP: []string{"10.0.0.1"}},
	{CommonName: "root@example.com", Email: []string{"a@example.com"}},
	{CommonName: "spiffe://cluster.local/ns/a", URI: []string{"spiffe://cluster.local/ns/a"}},
	{DNS: []string{"example.com"}},
	{DNS: []string{"a.web.example.com"}},
	{DNS: []string{"WEB.Example.Com"}},
	{DNS: []string{"api.example.com", "bad.example.com"}},
	{DNS: []string{"*.example.com"}},
	{CommonName: "*.example.com", DNS: []string{"*.example.com"}},
	{DNS: []string{"*.svc.cluster.local"}},
	{DNS: []string{"*.default.svc.cluster.local", "web.default.svc"}},
	{DNS: []string{"web.default.svc.cluster.local"}},
	{DNS: []string{"*.*.example.com"}},
	{DNS: []string{"w*b.example.com"}},
	{DNS: []string{"*"}},
	{DNS: []string{"web"}},
	{DNS: []string{"web.local"}},
	{DNS: []string{"local"}},
	{DNS: []string{".example.com"}},
	{DNS: []string{"web.example.com."}},
	{DNS: []string{"web_1.example.com"}},
	{DNS: []string{"web .example.com"}},
	{DNS: []string{"web.xn--bcher-kva.example"}},
	{DNS: []string{"web.bücher.example"}},
	{DNS: []string{"fass.example"}},
	{DNS: []string{"xn--fa-hia.example"}},
	{DNS: []string{"10.0.0.1"}},
	{IP: []string{"10.0.0.1"}},
	{IP: []string{"10.1.2.3"}},
	{IP: []string{"192.0.2.7"}},
	{IP: []string{"::ffff:10.0.0.1"}},
	{IP: []string{"2001:db8::1"}},
	{IP: []string{"2001:db9::1"}},
	{Email: []string{"a@example.com"}},
	{Email: []string{"root@example.com"}},
	{Email: []string{"ROOT@example.com"}},
	{Email: []string{"root@other.EXAMPLE"}},
	{Email: []string{"a@sub.example.com"}},
	{Email: []string{"a@third.example"}},
	{Email: []string{"not an address"}},
	{Email: []string{`"a b"@example.com`}},
	{Email: []string{"a..b@example.com"}},
	{Email: []string{"a@xn--zzzzz.example"}},
	{Email: []string{"a@example.com."}},
	{URI: []string{"https://web.example.com/x"}},
	{URI: []string{"https://web.example.com:8443/x"}},
	{URI: []string{"https://bad.example.com"}},
	{URI: []string{"https://user@web.example.com"}},
	{URI: []string{"https://10.0.0.1/x"}},
	{URI: []string{"https://[::1]/x"}},
	{URI: []string{"https://*.example.com"}},
	{URI: []string{"https://web.example.com."}},
	{URI: []string{"spiffe://cluster.local/ns/a"}},
	{URI: []string{"urn:uuid:1"}},
	{URI: []string{"https://:8443/"}},
	{URI: []string{"https://[fe80::1%25eth0]/"}},
	{URI: []string{"https://[fe80::1%25eth0]:443/"}},
	{Email: []string{"a@*"}},
	{DNS: []string{"xn--.example.com"}},
	{DNS: []string{"web.example.com"}, IP: []string{"10.0.0.1"}, Email: []string{"a@example.com"}, URI: []string{"https://web.example.com"}},
}

func policies() ([]any, error) {
	var rows []any
	for name, options := range goodPolicies {
		engine, err := authority.NewX509PolicyEngine(options)
		if err != nil {
			return nil, fmt.Errorf("policy %q: %w", name, err)
		}
		rows = append(rows, policyRow{"policy", name, options, true})
		for _, certificate := range certificates {
			row, err := judge(name, engine, certificate)
			if err != nil {
				return nil, err
			}
			rows = append(rows, row)
		}
	}
	for name, doubtful := range doubtfulPolicies {
		allow := &authority.X509PolicyOptions{AllowedNames: &doubtful}
		deny := &authority.X509PolicyOptions{DeniedNames: &doubtful}
		rows = append(rows,
			policyRow{"policy", name + "/allow", allow, starts(allow)},
			policyRow{"policy", name + "/deny", deny, starts(deny)})
	}
	return rows, nil
}

// starts tells whether step-ca takes the rules: an error stops it, and so does a panic.
func starts(options *authority.X509PolicyOptions) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	_, err := authority.NewX509PolicyEngine(options)
	return err == nil
}

func judge(policyName string, engine authority.X509Policy, subject names) (row verdictRow, err error) {
	row = verdictRow{Kind: "verdict", Policy: policyName, Names: subject, Reason: "allowed"}
	certificate := &x509.Certificate{Subject: pkix.Name{CommonName: subject.CommonName}, DNSNames: subject.DNS, EmailAddresses: subject.Email}
	for _, text := range subject.IP {
		certificate.IPAddresses = append(certificate.IPAddresses, net.ParseIP(text))
	}
	for _, text := range subject.URI {
		uri, err := url.Parse(text)
		if err != nil {
			return row, err
		}
		certificate.URIs = append(certificate.URIs, uri)
	}
	if engine == nil {
		return row, nil
	}
	defer func() {
		// Up to 0.30.2 a name without a character, and a lone star, are read beyond their end.
		if recover() != nil {
			row.Reason = "panic"
		}
	}()
	refusal := engine.IsX509CertificateAllowed(certificate)
	if refusal == nil {
		return row, nil
	}
	var typed *policy.NamePolicyError
	if !errors.As(refusal, &typed) {
		return row, fmt.Errorf("policy %q: an error of another kind: %w", policyName, refusal)
	}
	row.Type, row.Name = string(typed.NameType), typed.Name
	row.Reason = map[policy.NamePolicyReason]string{
		policy.NotAllowed: "not allowed", policy.CannotParseDomain: "no domain", policy.CannotParseRFC822Name: "no mailbox",
		policy.CannotMatchNameToConstraint: "cannot match",
	}[typed.Reason]
	return row, nil
}
