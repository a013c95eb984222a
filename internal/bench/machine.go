package bench

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/segmentio/kafka-go"

	"rostrum/cache"
)

// Machine is where a run took place. What the system does not tell is empty, or below 0.
type Machine struct {
	Cores  int
	Model  string
	Go, OS string
	Load   string  // average of the minute before the run; near 0 on a machine that does nothing else
	Busy   float64 // share of all cores that was busy during the rounds over HTTP, 0 … 1
}

func lookAtMachine() Machine {
	m := Machine{Cores: runtime.NumCPU(), Go: runtime.Version(), OS: runtime.GOOS + "/" + runtime.GOARCH, Busy: -1}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load, _, _ = strings.Cut(string(text), " ")
	}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		m.Model = modelIn(string(text))
	}
	return m
}

func modelIn(cpuinfo string) string {
	for line := range strings.Lines(cpuinfo) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// watchCores gives a function that says which share of all cores was busy since.
func watchCores() func() float64 {
	read := func() (busy, all float64) {
		text, err := os.ReadFile("/proc/stat")
		if err != nil {
			return 0, 0
		}
		return ticksIn(string(text))
	}
	busy, all := read()
	return func() float64 {
		busyNow, allNow := read()
		if allNow <= all {
			return -1
		}
		return (busyNow - busy) / (allNow - all)
	}
}

// ticksIn reads the first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal, and two that are
// part of the first.
func ticksIn(stat string) (busy, all float64) {
	const idle, iowait, last = 3, 4, 8
	line, _, _ := strings.Cut(stat, "\n")
	for n, field := range strings.Fields(strings.TrimPrefix(line, "cpu ")) {
		ticks, err := strconv.ParseFloat(field, 64)
		if err != nil || n >= last {
			break
		}
		all += ticks
		if n != idle && n != iowait {
			busy += ticks
		}
	}
	return busy, all
}

// redisVersions gives what the server says it is, if it does.
func redisVersions(ctx context.Context, address string) []string {
	client, err := cache.Connect(cache.Connection{URL: "redis://" + address + "/0", PoolSize: 1, Timeout: removeTimeout})
	if err != nil {
		return nil
	}
	defer client.Close()
	f, err := cache.Inspect(ctx, client)
	if err != nil || f.Version == "" {
		return nil
	}
	return []string{fmt.Sprintf("%s, appendonly %s, appendfsync %s", f.Version, f.AppendOnly, f.AppendFsync)}
}

// kafkaVersion gives what the broker lets be known: it does not tell its version, only what it speaks.
func kafkaVersion(ctx context.Context, broker string) string {
	client := bareClient(broker)
	defer closeIdle(client)
	spoken, err := client.ApiVersions(ctx, &kafka.ApiVersionsRequest{})
	if err != nil {
		return "it does not say"
	}
	for _, key := range spoken.ApiKeys {
		if key.ApiName == "Produce" {
			return fmt.Sprintf("a broker does not tell its version; this one speaks Produce up to version %d", key.MaxVersion)
		}
	}
	return "it does not say"
}
