package live

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// kafkaID names the cluster; nobody meets another one.
const kafkaID = "MkU3OEVBNTcwNTJENDM2Qk"

// StartKafka starts a Kafka of one node, broker and controller, for this test alone, from the jars of KafkaLibs. It creates
// no topic by itself. A start takes some seconds: the first makes its data folder with a virtual machine of its own.
func StartKafka(t testing.TB) *Process {
	t.Helper()
	libs, dir := filepath.Join(KafkaLibs(t), "*"), t.TempDir()
	p := &Process{Dir: dir, log: filepath.Join(dir, "server.log"), ready: kafkaAnswers}
	p.bin = program(t, "", "java")
	settings := filepath.Join(dir, "server.properties")
	return launch(t, p, func(port string) []string {
		_, controller, _ := net.SplitHostPort(FreeAddr(t))
		if err := os.WriteFile(settings, []byte(kafkaSettings(dir, port, controller)), 0o600); err != nil {
			t.Fatal(err)
		}
		java := []string{"-XX:TieredStopAtLevel=1", "-Xms64m", "-Xmx256m", "-cp", libs}
		format := exec.Command(p.bin, append(java, "kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", kafkaID, "-c", settings)...)
		if out, err := format.CombinedOutput(); err != nil {
			t.Fatalf("Kafka's data folder: %v\n%s", err, out)
		}
		return append(java, "kafka.Kafka", settings)
	})
}

// kafkaSettings are those of deploy/local/kafka.sh for one node.
func kafkaSettings(dir, port, controller string) string {
	return fmt.Sprintf(`process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:%[3]s
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:%[2]s,CONTROLLER://127.0.0.1:%[3]s
advertised.listeners=PLAINTEXT://127.0.0.1:%[2]s
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=%[1]s/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
`, dir, port, controller)
}

// kafkaAnswers is nil when the broker says which requests it takes.
func kafkaAnswers(addr string) error {
	const apiVersions = "\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x07\xff\xff" // length, request, version, number, no name
	answer, err := ask(addr, apiVersions)
	if err != nil {
		return err
	}
	const length = 4
	if number := []byte{0, 0, 0, 7}; len(answer) < length+len(number) || !bytes.HasPrefix(answer[length:], number) {
		return fmt.Errorf("answered %q", answer)
	}
	return nil
}
