package config

import (
	"log/slog"
	"net/url"
	"regexp"
	"strings"
)

const hidden = "(secret)"

// Secret is a text that is never printed. Only Reveal gives it.
type Secret string

// Reveal gives the secret itself, to hand it to what needs it.
func (s Secret) Reveal() string { return string(s) }

// String hides the secret; an empty one is empty, so that it is seen that it is not set.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// GoString hides the secret under %#v.
func (s Secret) GoString() string { return `"` + s.String() + `"` }

// MarshalText hides the secret in JSON, YAML and whatever else asks for text.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue hides the secret in logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// A DSN of the form below shows all but its password and parameters; the password reaches to the last "@net(address)/".
var dsnForm = regexp.MustCompile(`^([A-Za-z0-9_.-]*)(:(.*))?@([a-z0-9]+\([^()@]*\)/[A-Za-z0-9_-]*)(\?.*)?$`)

// showDSN prints a data source name without its password, for people who ask where it goes. What has not exactly the
// known form is hidden as a whole.
func showDSN(s Secret) string {
	parts := dsnForm.FindStringSubmatch(string(s))
	if s == "" || parts == nil {
		return s.String()
	}
	shown := parts[1]
	if parts[2] != "" {
		shown += ":" + hidden
	}
	return shown + "@" + parts[4] + cut(parts[5])
}

// showURL prints a URL without its user part and its query; what is no URL with a host is hidden as a whole.
func showURL(s Secret) string {
	u, err := url.Parse(string(s))
	if s == "" || err != nil || u.Host == "" || u.Opaque != "" || strings.Contains(u.Host, "@") {
		return s.String()
	}
	user, query := "", ""
	if u.User != nil {
		user = hidden + "@"
	}
	if u.RawQuery != "" {
		query = cut("?")
	}
	return u.Scheme + "://" + user + u.Host + u.Path + query
}

func cut(query string) string {
	if query == "" {
		return ""
	}
	return "?…"
}

var afterScheme = regexp.MustCompile(`(?s)://.*`)

// withoutAddress hides what follows :// in a text. No setting but a secret one is a URL, so this one was put in the wrong
// place; where its password ends cannot be told, since a YAML comment or a quote may have cut it.
func withoutAddress(s string) string { return afterScheme.ReplaceAllString(s, "://"+hidden) }
