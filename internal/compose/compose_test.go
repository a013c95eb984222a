// Package compose holds docker-compose.yml and the Dockerfile to the product: the keys and values that the configuration
// takes, the commands that there are, the routes that are asked, the ports that are listened on. No container engine is
// needed to find that a file which nobody ran for a month has gone stale. Each check is also shown a broken copy of the file
// that it must refuse.
package compose

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"rostrum/internal/config"
	"rostrum/internal/live"
)

const (
	root       = "../.."
	file       = root + "/docker-compose.yml"
	ownImage   = "rostrum:local"
	secretsDir = "/run/secrets"
)

// deployment is the file as compose reads it, with the secrets that deploy/secrets makes.
type deployment struct {
	project *types.Project
	secrets map[string]string // name → content
}

func load(t *testing.T, text string) (deployment, error) {
	t.Helper()
	project, err := loader.LoadWithContext(context.Background(), types.ConfigDetails{
		WorkingDir:  root,
		ConfigFiles: []types.ConfigFile{{Filename: "docker-compose.yml", Content: []byte(text)}},
		Environment: types.Mapping{},
	})
	return deployment{project, madeSecrets(t)}, err
}

// madeSecrets runs deploy/secrets in a folder of the test.
func madeSecrets(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command(live.Program(t, "bash"), root+"/deploy/secrets", dir).CombinedOutput(); err != nil {
		t.Fatalf("deploy/secrets: %v\n%s", err, out)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]string{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		made[e.Name()] = string(data)
	}
	return made
}

// ours gives the services that run the product, by name.
func (d deployment) ours() map[string]types.ServiceConfig {
	own := map[string]types.ServiceConfig{}
	for name, s := range d.project.Services {
		if s.Image == ownImage {
			own[name] = s
		}
	}
	return own
}

// config is what the product makes of a service's environment, and the secrets it may read.
func (d deployment) config(s types.ServiceConfig) (config.Config, error) {
	var environ []string
	for name, value := range s.Environment {
		if value != nil {
			environ = append(environ, name+"="+*value)
		}
	}
	return config.Load(config.Options{Environ: environ, ReadFile: func(name string) ([]byte, error) {
		for _, secret := range s.Secrets {
			if path.Join(secretsDir, secret.Source) == name && filepath.Base(d.project.Secrets[secret.Source].File) == secret.Source {
				if content, made := d.secrets[secret.Source]; made {
					return []byte(content), nil
				}
			}
		}
		return nil, fmt.Errorf("%w: no such secret of this service", os.ErrNotExist)
	}})
}

// checks give what is wrong, a sentence each.
var checks = map[string]func(deployment) []string{
	"configuration": configuration,
	"roles":         roles,
	"addresses":     addresses,
	"ports":         ports,
	"volumes":       volumes,
	"images":        images,
	"order":         order,
	"redis":         redisRoles,
	"confinement":   confinement,
}

// configuration: every ROSTRUM_ variable is a key, its value is taken, and what must be set is.
func configuration(d deployment) (wrong []string) {
	for name, s := range d.ours() {
		c, err := d.config(s)
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: %v", name, err))
			continue
		}
		if c.Mode != config.ModeProduction {
			wrong = append(wrong, name+": its mode is "+string(c.Mode))
		}
		if s.StopGracePeriod == nil || time.Duration(*s.StopGracePeriod) <= c.HTTP.ShutdownTimeout {
			wrong = append(wrong, name+": is killed before its shutdown_timeout is over")
		}
	}
	return wrong
}

// roles: each runs somewhere, and no other is asked for.
func roles(d deployment) (wrong []string) {
	all := []string{config.RoleAPI, config.RoleRelay, config.RoleWorker, config.RoleCloser}
	run := map[string]bool{}
	for name, s := range d.ours() {
		if at := slices.Index(s.Command, "--roles"); at >= 0 && at+1 < len(s.Command) {
			for role := range strings.SplitSeq(s.Command[at+1], ",") {
				run[role] = true
				if !slices.Contains(all, role) {
					wrong = append(wrong, name+": there is no role "+role)
				}
			}
		}
	}
	for _, role := range all {
		if !run[role] {
			wrong = append(wrong, "nobody runs "+role)
		}
	}
	return wrong
}

// listening is the port of each server that is not ours; Kafka's is in its environment.
var listening = map[string]string{"mysql": "3306", "gate": "6379", "shelf": "6379", "kafka": "9092"}

// addresses: every server the product is sent to is a service, on a port it listens on, in a network both are in.
func addresses(d deployment) (wrong []string) {
	for name, s := range d.ours() {
		c, err := d.config(s)
		if err != nil {
			continue // said by configuration
		}
		_, dsn, _ := strings.Cut(string(c.MySQL.DSN), "@tcp(")
		mysql, _, _ := strings.Cut(dsn, ")")
		for _, address := range append([]string{mysql, hostOf(c.Redis.GateURL), hostOf(c.Redis.ShelfURL)}, c.Kafka.Brokers...) {
			host, port, _ := net.SplitHostPort(address)
			server, there := d.project.Services[host]
			if !there || listening[host] != port {
				wrong = append(wrong, fmt.Sprintf("%s: nobody listens at %s", name, address))
				continue
			}
			for network := range s.Networks {
				if _, both := server.Networks[network]; !both {
					wrong = append(wrong, fmt.Sprintf("%s: is not in a network with %s", name, host))
				}
			}
		}
	}
	if at := d.project.Services["kafka"].Environment["KAFKA_ADVERTISED_LISTENERS"]; at == nil || *at != "PLAINTEXT://kafka:9092" {
		wrong = append(wrong, "kafka tells its clients another address than they use")
	}
	return wrong
}

func hostOf(secret config.Secret) string {
	u, err := url.Parse(string(secret))
	if err != nil {
		return ""
	}
	return u.Host
}

// ports: what is published and what the health check asks is listened on; published is the API alone, on loopback.
func ports(d deployment) (wrong []string) {
	for name, s := range d.project.Services {
		c, err := d.config(s)
		own := s.Image == ownImage && err == nil
		for _, p := range s.Ports {
			if !own || fmt.Sprintf(":%d", p.Target) != c.HTTP.Listen || p.HostIP != "127.0.0.1" {
				wrong = append(wrong, fmt.Sprintf("%s: publishes %s:%s → %d", name, p.HostIP, p.Published, p.Target))
			}
		}
		if !own || len(s.Command) == 0 || s.Command[0] != "serve" {
			continue
		}
		if s.HealthCheck == nil || len(s.HealthCheck.Test) == 0 {
			wrong = append(wrong, name+": has no health check")
			continue
		}
		u, err := url.Parse(s.HealthCheck.Test[len(s.HealthCheck.Test)-1])
		if err != nil || u.Host != "127.0.0.1"+c.HTTP.OpsListen || !slices.Contains(probes, u.Path) {
			wrong = append(wrong, fmt.Sprintf("%s: its health check asks %v", name, u))
		}
	}
	return wrong
}

var probes = []string{"/livez", "/readyz"}

// volumes: what keeps data has one, declared, and none is declared in vain.
func volumes(d deployment) (wrong []string) {
	used := map[string]bool{}
	for name, s := range d.project.Services {
		for _, v := range s.Volumes {
			used[v.Source] = true
			if _, declared := d.project.Volumes[v.Source]; !declared {
				wrong = append(wrong, fmt.Sprintf("%s: volume %s is not declared", name, v.Source))
			}
		}
	}
	for name := range d.project.Volumes {
		if !used[name] {
			wrong = append(wrong, "nobody uses volume "+name)
		}
	}
	for _, name := range []string{"mysql", "gate", "kafka"} {
		if len(d.project.Services[name].Volumes) == 0 {
			wrong = append(wrong, name+": loses its data with its container")
		}
	}
	return wrong
}

// images: each says which version it is.
func images(d deployment) (wrong []string) {
	for name, s := range d.project.Services {
		if _, tag, found := strings.Cut(s.Image, ":"); !found || tag == "" || tag == "latest" {
			wrong = append(wrong, fmt.Sprintf("%s: image %q says no version", name, s.Image))
		}
	}
	return wrong
}

// order: who waits for health waits for one that has a health check; who waits for an end waits for one that ends.
func order(d deployment) (wrong []string) {
	for name, s := range d.project.Services {
		for other, how := range s.DependsOn {
			o := d.project.Services[other]
			if how.Condition == types.ServiceConditionHealthy && o.HealthCheck == nil {
				wrong = append(wrong, fmt.Sprintf("%s waits for ever: %s has no health check", name, other))
			}
			if how.Condition == types.ServiceConditionCompletedSuccessfully && o.Restart != types.RestartPolicyOnFailure {
				wrong = append(wrong, fmt.Sprintf("%s waits for ever: %s is started again when it ends", name, other))
			}
		}
		if s.Image == ownImage && slices.Contains(s.Command, "serve") {
			for _, other := range []string{"migrate", "topics", "gate", "shelf"} {
				if _, waits := s.DependsOn[other]; !waits {
					wrong = append(wrong, fmt.Sprintf("%s does not wait for %s", name, other))
				}
			}
		}
	}
	return wrong
}

// redisRoles: the gate evicts nothing and keeps what the durability says; the shelf evicts.
func redisRoles(d deployment) (wrong []string) {
	option := func(service, name string) string {
		c := d.project.Services[service].Command
		if at := slices.Index(c, name); at >= 0 && at+1 < len(c) {
			return c[at+1]
		}
		return ""
	}
	for service, policy := range map[string]string{"gate": "noeviction", "shelf": "allkeys-lru"} {
		if got := option(service, "--maxmemory-policy"); got != policy {
			wrong = append(wrong, fmt.Sprintf("%s: its policy is %q, not %s", service, got, policy))
		}
	}
	for name, s := range d.ours() {
		if c, err := d.config(s); err == nil && (option("gate", "--appendonly") != "yes" || option("gate", "--appendfsync") != c.Redis.Durability) {
			wrong = append(wrong, fmt.Sprintf("%s: promises %s, and the gate does not do it", name, c.Redis.Durability))
		}
	}
	return wrong
}

// confinement: the product's containers write nowhere, may nothing, and are in no network of the host's.
func confinement(d deployment) (wrong []string) {
	for name, s := range d.project.Services {
		if s.Privileged || s.NetworkMode != "" && s.NetworkMode != "bridge" && !strings.HasPrefix(s.NetworkMode, "service:") {
			wrong = append(wrong, name+": is privileged, or in the host's network")
		}
		if s.Image == ownImage && (!s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.SecurityOpt, "no-new-privileges:true")) {
			wrong = append(wrong, name+": may more than it needs")
		}
	}
	return wrong
}

func text(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestComposeFile(t *testing.T) {
	d, err := load(t, text(t, file))
	if err != nil {
		t.Fatal(err)
	}
	if len(d.ours()) == 0 {
		t.Fatalf("no service has the image %s", ownImage)
	}
	for name, check := range checks {
		for _, wrong := range check(d) {
			t.Errorf("%s: %s", name, wrong)
		}
	}
}

// TestBrokenComposeFiles: what each check is there for is found by it.
func TestBrokenComposeFiles(t *testing.T) {
	whole := text(t, file)
	for _, c := range []struct{ check, is, becomes, want string }{
		{"configuration", "ROSTRUM_REDIS_GATE_URL:", "ROSTRUM_REDIS_GATEURL:", "ROSTRUM_REDIS_GATE_URL"},
		{"configuration", "ROSTRUM_REDIS_DURABILITY: always", "ROSTRUM_REDIS_DURABILITY: perhaps", "durability"},
		{"configuration", "secrets: [mysql_dsn, auth_keys]", "secrets: [mysql_dsn]", "auth.keys"},
		{"configuration", "mysql_dsn: { file: .secrets/mysql_dsn }", "mysql_dsn: { file: .secrets/auth_keys }", "mysql.dsn"},
		{"configuration", "ROSTRUM_MODE: production", "ROSTRUM_MODE: development", "mode is development"},
		{"configuration", "stop_grace_period: 20s", "stop_grace_period: 2s", "killed before"},
		{"roles", `["serve", "--roles", "relay"]`, `["serve", "--roles", "worker"]`, "nobody runs relay"},
		{"roles", `["serve", "--roles", "relay"]`, `["serve", "--roles", "relay,cook"]`, "no role cook"},
		{"addresses", "redis://gate:6379/0", "redis://gates:6379/0", "nobody listens at gates:6379"},
		{"addresses", "ROSTRUM_KAFKA_BROKERS: kafka:9092", "ROSTRUM_KAFKA_BROKERS: kafka:9093", "nobody listens at kafka:9093"},
		{"addresses", "PLAINTEXT://kafka:9092", "PLAINTEXT://localhost:9092", "another address"},
		{"ports", "127.0.0.1:8080:8080", "127.0.0.1:8080:8081", "publishes"},
		{"ports", "127.0.0.1:8080:8080", "8080:8080", "publishes"},
		{"ports", "127.0.0.1:9090/readyz", "127.0.0.1:9090/healthz", "/healthz"},
		{"ports", "127.0.0.1:9090/readyz", "127.0.0.1:8080/readyz", "health check asks"},
		{"volumes", `volumes: ["gate:/data"]`, `volumes: []`, "gate: loses its data"},
		{"images", "image: mysql:9", "image: mysql:latest", "says no version"},
		{"images", "image: redis:8.0", "image: redis", "says no version"},
		{"order", "restart: on-failure", "restart: always", "waits for ever"},
		{"order", "healthcheck: *redis-health", "", "no health check"},
		{"redis", `"--maxmemory-policy", "noeviction"`, `"--maxmemory-policy", "allkeys-lru"`, "not noeviction"},
		{"redis", `"--appendfsync", "always"`, `"--appendfsync", "everysec"`, "promises always"},
		{"confinement", "read_only: true", "read_only: false", "may more"},
	} {
		t.Run(c.check+"/"+c.becomes, func(t *testing.T) {
			if !strings.Contains(whole, c.is) {
				t.Fatalf("the file no longer says %q: mend this case", c.is)
			}
			d, err := load(t, strings.ReplaceAll(whole, c.is, c.becomes))
			if err != nil {
				t.Fatal(err)
			}
			if said := strings.Join(checks[c.check](d), "\n"); !strings.Contains(said, c.want) {
				t.Errorf("said %q, want %q", said, c.want)
			}
		})
	}
}

// TestUndeclared: these the compose library refuses by itself.
func TestUndeclared(t *testing.T) {
	whole := text(t, file)
	for is, becomes := range map[string]string{
		"volumes:\n  mysql:\n":              "volumes:\n",
		"networks:\n  inside:\n":            "networks:\n  outside:\n",
		"  shelf: { condition":              "  shelves: { condition",
		"mysql_password: { file: .secrets/": "mysql_passwords: { file: .secrets/",
	} {
		if !strings.Contains(whole, is) {
			t.Fatalf("the file no longer says %q: mend this case", is)
		}
		if _, err := load(t, strings.Replace(whole, is, becomes, 1)); err == nil {
			t.Errorf("%q was taken", becomes)
		}
	}
}

// TestContainersForTests: deploy/local/env --containers names every server that tests ask for, at the addresses that its
// compose file publishes, on loopback; and the brokers are told those addresses too.
func TestContainersForTests(t *testing.T) {
	d, err := load(t, text(t, root+"/deploy/local/docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(live.Program(t, "bash"), root+"/deploy/local/env", "--containers").Output()
	if err != nil {
		t.Fatal(err)
	}
	said := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindAllString(string(out), -1)
	var published, advertised []string
	for name, s := range d.project.Services {
		for _, p := range s.Ports {
			published = append(published, p.HostIP+":"+p.Published)
			if fmt.Sprint(p.Target) != p.Published && len(s.Ports) > 1 {
				t.Errorf("%s: %s is %d inside, and its clients are told one of them", name, p.Published, p.Target)
			}
		}
		if at := s.Environment["KAFKA_ADVERTISED_LISTENERS"]; at != nil {
			address := strings.TrimPrefix(*at, "PLAINTEXT://")
			advertised = append(advertised, address)
			_, port, _ := net.SplitHostPort(address)
			if !strings.HasPrefix(*s.Environment["KAFKA_LISTENERS"], "PLAINTEXT://:"+port+",") || name != "kafka" && s.NetworkMode != "service:kafka" {
				t.Errorf("%s: says it is at %s and is not", name, address)
			}
		}
	}
	if diff := cmp.Diff(sorted(published), sorted(said)); diff != "" {
		t.Errorf("-published +said by env:\n%s", diff)
	}
	if brokers := regexp.MustCompile(`KAFKA(?:_CLUSTER)?='([^']*)'`).FindAllStringSubmatch(string(out), -1); len(brokers) != 2 ||
		!slices.Equal(sorted(advertised), sorted(strings.Split(brokers[0][1]+","+brokers[1][1], ","))) {
		t.Errorf("brokers say they are at %v, env %v", advertised, brokers)
	}
	for _, m := range regexp.MustCompile(`"(ROSTRUM_TEST_\w+)"`).FindAllStringSubmatch(text(t, root+"/internal/live/live.go"), -1) {
		// Programs that a test starts to kill are no containers.
		if !strings.HasSuffix(m[1], "_BIN") && !strings.HasSuffix(m[1], "_LIBS") && !strings.Contains(string(out), "export "+m[1]+"='") {
			t.Errorf("env --containers says nothing of %s", m[1])
		}
	}
	for _, wrong := range append(images(d), confinement(d)...) {
		t.Error(wrong)
	}
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }
