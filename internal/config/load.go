package config

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/viper"
)

// maxFileBytes bounds the configuration file and each file that holds a secret.
const maxFileBytes = 1 << 20

// Options says where to look.
type Options struct {
	File    string   // YAML; empty: none
	Environ []string // NAME=value as os.Environ gives it; of it only ROSTRUM_ names are looked at
	Set     []string // key=value from the command line

	// Need names the parts (mysql, redis, kafka, auth) whose keys must be set; nil: all of them, empty: none.
	Need []string
	// ReadFile reads File and the files of secrets; nil: os.ReadFile.
	ReadFile func(name string) ([]byte, error)
}

// ours are the names in the environment that begin like ours and are no keys: the path of the file itself, and what
// tests and the scripts of deploy use.
var ours = regexp.MustCompile(`^ROSTRUM_(CONFIG|LIVE|CACHE|TEST_.*)$`)

// Load reads, merges and checks. Its error is a Problems with everything that is wrong; the Config is then not to be used.
func Load(o Options) (Config, error) {
	if o.ReadFile == nil {
		o.ReadFile = os.ReadFile
	}
	l := loader{Options: o, v: viper.New(), sources: map[string]string{}}
	for _, key := range Keys() {
		l.v.SetDefault(key.Name, key.Default)
	}
	l.file()
	l.environment()
	l.flags()
	config := l.decode()
	if len(l.problems) == 0 {
		l.problems = append(l.missing(config), config.crossCheck()...)
	}
	if len(l.problems) > 0 {
		return Config{}, l.problems
	}
	return config, nil
}

type loader struct {
	Options
	v        *viper.Viper
	sources  map[string]string
	problems Problems
}

func (l *loader) wrong(key, value, source, detail, remedy string) {
	l.problems = append(l.problems, Problem{Key: key, Value: value, Source: source, Detail: detail, Remedy: remedy})
}

var quoted = regexp.MustCompile("(?s)`.*`")

func (l *loader) file() {
	if l.File == "" {
		return
	}
	text, err := l.read(l.File)
	if err != nil {
		l.wrong("", "", l.File, err.Error(), "name a file that can be read, with --config or ROSTRUM_CONFIG")
		return
	}
	file := viper.New() // apart, so that it knows only the keys of the file
	file.SetConfigType("yaml")
	if err := file.ReadConfig(bytes.NewReader(text)); err != nil {
		// What YAML quotes may be part of a secret.
		l.wrong("", "", l.File, quoted.ReplaceAllString(err.Error(), "…"), "write it as YAML, like the samples in deploy/config")
		return
	}
	for _, name := range file.AllKeys() {
		value := file.Get(name)
		if _, known := keyNamed(name); !known && (value != nil || !isSection(name)) {
			l.unknown(name, l.File)
		} else if known && value != nil {
			l.v.Set(name, value)
			l.sources[name] = l.File
		}
	}
}

func isSection(name string) bool {
	return slices.ContainsFunc(Sections(), func(s Section) bool { return s.Name == name })
}

func (l *loader) unknown(name, source string) {
	var names []string
	for _, key := range Keys() {
		names = append(names, key.Name)
	}
	remedy := "see the keys there are with: rostrum config reference"
	if near := nearest(name, names); near != "" {
		remedy = "did you mean " + near + "?"
	} else if isSection(name) {
		remedy = "it is a section: indent its keys below it"
	}
	l.wrong(name, "", source, "there is no such key", remedy)
}

// read gives a file's text, and an error without its content.
func (l *loader) read(name string) ([]byte, error) {
	text, err := l.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	if len(text) > maxFileBytes {
		return nil, fmt.Errorf("has more than %d bytes", maxFileBytes)
	}
	return text, nil
}

func (l *loader) environment() {
	byEnv, names := map[string]Key{}, []string{}
	for _, key := range Keys() {
		byEnv[key.Env] = key
		names = append(names, key.Env)
		if key.Secret {
			byEnv[key.FileEnv] = key
			names = append(names, key.FileEnv)
		}
	}
	given := map[string]string{} // key → the variable that set it
	for _, entry := range slices.Sorted(slices.Values(l.Environ)) {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, envPrefix) || ours.MatchString(name) {
			continue
		}
		key, known := byEnv[name]
		switch {
		case !known:
			l.unknownVariable(name, names)
		case given[key.Name] != "":
			l.wrong(key.Name, "", name, "is set by "+given[key.Name]+" too", "keep one of the two")
		default:
			given[key.Name] = name
			l.variable(key, name, value)
		}
	}
}

func (l *loader) unknownVariable(name string, names []string) {
	remedy := "see the keys there are with: rostrum config reference"
	if near := nearest(name[len(envPrefix):], trimmed(names)); near != "" {
		remedy = "did you mean " + envPrefix + near + "?"
	}
	l.wrong("", "", name, "there is no such key", remedy)
}

func trimmed(names []string) []string {
	short := make([]string, len(names))
	for i, name := range names {
		short[i] = strings.TrimPrefix(name, envPrefix)
	}
	return short
}

func (l *loader) variable(key Key, name, value string) {
	if name == key.FileEnv {
		text, err := l.read(value)
		if err != nil {
			l.wrong(key.Name, "", name, "the file "+err.Error(), "name a file with the secret alone in it")
			return
		}
		// A list of secrets is one a line.
		value = strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", ",")
	}
	l.v.Set(key.Name, value)
	l.sources[key.Name] = name
}

func (l *loader) flags() {
	for _, set := range l.Set {
		name, value, found := strings.Cut(set, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		key, known := keyNamed(name)
		switch {
		case !found:
			l.wrong("", "", "--set", "has no value", "write --set section.key=value")
		case !known:
			l.unknown(name, "--set")
		case key.Secret:
			l.wrong(name, "", "--set", "a secret on the command line is seen by everybody on the machine", "use "+key.FileEnv)
		default:
			l.v.Set(name, value)
			l.sources[name] = "--set"
		}
	}
}

func (l *loader) decode() Config {
	config := Config{sources: l.sources}
	target := reflect.ValueOf(&config).Elem()
	for _, key := range Keys() {
		source := config.Source(key.Name)
		for _, p := range key.decode(l.v.Get(key.Name), target.FieldByIndex(key.path)) {
			p.Source = source
			l.problems = append(l.problems, p)
		}
	}
	return config
}

func (l *loader) missing(c Config) Problems {
	var problems Problems
	for _, key := range Keys() {
		needed := key.Need == "all" || key.Need != "" && (l.Need == nil || slices.Contains(l.Need, key.Need))
		if needed && reflect.ValueOf(c).FieldByIndex(key.path).Len() == 0 {
			remedy := "set " + key.Env
			if key.Secret {
				remedy += " or " + key.FileEnv
			}
			problems = append(problems, Problem{Key: key.Name, Source: c.Source(key.Name), Detail: "is not set", Remedy: remedy})
		}
	}
	return problems
}

// Source says where a key's value is from: the file's name, the variable, --set, or "default".
func (c Config) Source(key string) string {
	if source, given := c.sources[key]; given {
		return source
	}
	return "default"
}
