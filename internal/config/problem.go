package config

import "strings"

// Problem is one wrong thing in a configuration.
type Problem struct {
	Key    string `json:"key,omitempty"`   // empty where it is not about one key
	Value  string `json:"value,omitempty"` // as far as it may be seen
	Source string `json:"source"`          // file, variable, flag, or "default"
	Detail string `json:"detail"`
	Remedy string `json:"remedy"`
}

const maxShown = 80

func (p Problem) String() string {
	subject := p.Key
	if p.Value != "" {
		subject += " = " + shortened(p.Value)
	}
	if subject == "" {
		return p.Source + ": " + p.Detail + "; " + p.Remedy
	}
	return subject + " (" + p.Source + "): " + p.Detail + "; " + p.Remedy
}

func shortened(s string) string {
	if runes := []rune(s); len(runes) > maxShown {
		return string(runes[:maxShown]) + "…"
	}
	return s
}

// Problems is everything that is wrong with a configuration: never empty where it is an error.
type Problems []Problem

// Error gives one line a problem.
func (ps Problems) Error() string {
	lines := make([]string, 0, len(ps)+1)
	lines = append(lines, "the configuration cannot be used:")
	for _, p := range ps {
		lines = append(lines, "  "+p.String())
	}
	return strings.Join(lines, "\n")
}
