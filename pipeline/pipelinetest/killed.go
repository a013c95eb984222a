package pipelinetest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/auction/auctiontest"
	"rostrum/pipeline"
)

// envChild carries the options of a consumer that runs in a process of its own, to be killed.
const envChild = "ROSTRUM_TEST_CONSUMER_CHILD"

type childOptions struct {
	Brokers     []string
	Deployment  uuid.UUID
	Shards      int
	TopicPrefix string
}

// Child runs a consumer instead of tests where this process was started for that, and does not come back then. Call it
// first in TestMain.
func Child() {
	text := os.Getenv(envChild)
	if text == "" {
		return
	}
	// The parent holds the other end of stdin: when it ends, however it does, so does this.
	go func() { io.Copy(io.Discard, os.Stdin); os.Exit(1) }()
	if err := child(text, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func child(text string, out io.Writer) error {
	var o childOptions
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	k, err := pipeline.Connect(pipeline.Options{Brokers: o.Brokers, Deployment: o.Deployment, Shards: o.Shards, TopicPrefix: o.TopicPrefix})
	if err != nil {
		return err
	}
	ledger := auctiontest.NewLedger(auction.Deployment{ID: o.Deployment, Shards: o.Shards})
	count := func(what string, n int) { fmt.Fprintln(out, what, n) }
	return pipeline.NewConsumer(k, ledger, pipeline.ConsumerOptions{Count: count}).Run(context.Background())
}

// takenOver is how soon a killed consumer's partitions must move on.
const takenOver = 10 * time.Second

// consumerKilled kills a process with SIGKILL that holds half of the partitions; its times and the survivor's are those of
// production.
func consumerKilled(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 4).apply().open()
	b.relay()
	options, err := json.Marshal(childOptions{b.options.Brokers, b.options.Deployment, b.options.Shards, b.options.TopicPrefix})
	if err != nil {
		t.Fatal(err)
	}
	victim := exec.Command(os.Args[0])
	victim.Env = append(os.Environ(), envChild+"="+string(options))
	victim.Stderr = os.Stderr
	_, err = victim.StdinPipe()
	out, outErr := victim.StdoutPipe()
	if err = errors.Join(err, outErr); err == nil {
		err = victim.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	killed := false
	defer func() {
		if !killed {
			victim.Process.Kill()
			victim.Wait()
		}
	}()
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), pipeline.CountApplied) {
	}
	survivor := pipeline.NewConsumer(b.kafka, b.ledger, pipeline.ConsumerOptions{Log: b.log})
	b.run(func(ctx context.Context) {
		if err := survivor.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	b.await("two shards of four", func() (bool, error) { return len(survivor.Assigned()) == 2, nil })
	want := b.decide(100)
	victim.Process.Kill()
	victim.Wait()
	killed = true
	since := time.Now()
	b.exactly(want)
	if took := time.Since(since); took > takenOver {
		t.Errorf("the partitions stood still for %v", took)
	} else {
		t.Logf("taken over in %v", took)
	}
}
