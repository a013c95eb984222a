package simulate

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
)

// asServer makes this test binary a bare Fiber server, so that its CPU time is not the client's.
const asServer = "ROSTRUM_SIMULATE_BARE_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" {
		bare()
		return
	}
	os.Exit(m.Run())
}

// bare answers every bid with the same receipt until its standard input ends.
func bare() {
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	receipt := []byte(`{"bid_id":"0198c0de-0000-7000-8000-000000000001","lot":"0198c0de-0000-7000-8000-000000000031","verdict":"admitted",` +
		`"order":"0198c0de-0000-7000-8000-0000000000aa","serial":"R-1234-5678","quantity":1,"units":[1],"price":4500,"currency":"EUR","version_before":1,` +
		`"version":2,"epoch":1,"seq":17,"time":"2026-11-22T19:00:00.000001Z","durability":"everysec"}`)
	app.Post("/api/v1/lots/:lot/bids", func(c *fiber.Ctx) error {
		c.Set("Content-Type", "application/json")
		return c.Status(201).Send(receipt)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr())
	go func() { _ = app.Listener(listener) }()
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// startBare gives the address of a bare server in a process of its own.
func startBare(b *testing.B) string {
	b.Helper()
	server := exec.Command(os.Args[0])
	server.Env = append(os.Environ(), asServer+"=1")
	in, err := server.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := server.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = in.Close(); _ = server.Wait() })
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return "http://" + strings.TrimSpace(address)
}

// What a request costs this program, against a server that does nothing: more arrivals are scheduled than can be sent,
// so that it runs as fast as it can. req/cpu-s is requests per second of one core.
func BenchmarkClient(b *testing.B) {
	target := startBare(b)
	for _, connections := range []int{16, 64, 256} {
		b.Run(fmt.Sprint(connections), func(b *testing.B) {
			o := Options{Rate: MaxRate, Length: time.Minute, MaxBids: b.N, Connections: connections, Drain: time.Minute}.withDefaults()
			client := NewClient(func() string { return target }, o.Client)
			defer client.Close()
			began := time.Now()
			d := &drive{o: o, client: client, members: members(1000), lots: []Lot{{ID: uuid.New(), Code: "0000000000000000000031", Price: 4500}}, rec: newRecorder(o.Length),
				dice: dice(), now: func() time.Duration { return time.Since(began) }, schedule: newSchedule(o.Shape, o.Rate, o.Length, false, dice()), choice: newChoice(1, 0)}
			b.ResetTimer()
			cpu := cpuTime()
			d.run(b.Context())
			used := cpuTime() - cpu
			if got := len(d.rec.receipts); got != b.N {
				b.Fatalf("%d of %d answered: %+v", got, b.N, d.rec.bids)
			}
			b.ReportMetric(float64(b.N)/used.Seconds(), "req/cpu-s")
			b.ReportMetric(float64(used.Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
}
