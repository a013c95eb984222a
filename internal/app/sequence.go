package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// step is one thing that is started, with why it stands where it does. Stop may be nil; it is called in reverse order,
// and only for steps that started.
type step struct {
	name, why string
	start     func(ctx context.Context) error
	stop      func(ctx context.Context) error
}

// sequence starts steps in order and stops them in reverse.
type sequence struct {
	log     *slog.Logger
	started []step
}

// up starts the steps; at the first that fails it stops what had started and gives the error.
func (s *sequence) up(ctx context.Context, steps []step) error {
	for _, st := range steps {
		s.log.Debug("starting", "step", st.name, "why", st.why)
		if err := st.start(ctx); err != nil {
			return errors.Join(fmt.Errorf("start of %s: %w", st.name, err), s.down(context.WithoutCancel(ctx)))
		}
		s.started = append(s.started, st)
	}
	return nil
}

// down stops what has started, in reverse, each whether or not the one before it could.
func (s *sequence) down(ctx context.Context) error {
	var failed []error
	for len(s.started) > 0 {
		last := s.started[len(s.started)-1]
		s.started = s.started[:len(s.started)-1]
		if last.stop == nil {
			continue
		}
		s.log.Debug("stopping", "step", last.name, "why", last.why)
		if err := last.stop(ctx); err != nil {
			failed = append(failed, fmt.Errorf("stop of %s: %w", last.name, err))
		}
	}
	return errors.Join(failed...)
}

// background runs a task that lives until its step is stopped: start gives it a context that stop cancels and waits for.
func background(name, why string, run func(ctx context.Context) error, died func(name string, err error)) step {
	var cancel context.CancelFunc
	done := make(chan struct{})
	return step{name: name, why: why,
		start: func(ctx context.Context) error {
			ctx, cancel = context.WithCancel(context.WithoutCancel(ctx))
			go func() {
				defer close(done)
				defer recovered(name, died)
				if err := run(ctx); err != nil && ctx.Err() == nil {
					died(name, err)
				}
			}()
			return nil
		},
		stop: func(ctx context.Context) error {
			cancel()
			select {
			case <-done:
				return nil
			case <-ctx.Done():
				return fmt.Errorf("%s did not stop in time: %w", name, ctx.Err())
			}
		}}
}

// recovered turns a panic of a task into its death, so that the process stops in order instead of at once.
func recovered(name string, died func(string, error)) {
	if p := recover(); p != nil {
		died(name, fmt.Errorf("panic: %v", p))
	}
}

// every calls do now and then at each interval until ctx ends. A failure is logged and tried again at the next tick: the
// truth of each job is a conditional update or a script, so a tick may run twice or on two nodes.
func every(ctx context.Context, log *slog.Logger, name string, interval time.Duration, do func(ctx context.Context) error) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			log.Warn("a job failed and will be tried again", "job", name, "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// await tries until it works, with a line that says for what it waits, up to limit.
func await(whole context.Context, log *slog.Logger, what string, limit time.Duration, try func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(whole, limit)
	defer cancel()
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		err := try(ctx)
		if err == nil || permanent(err) {
			return err
		}
		log.Warn("waiting for "+what, "error", err)
		select {
		case <-ctx.Done():
			if whole.Err() != nil {
				return fmt.Errorf("told to stop while waiting for %s: %w", what, err)
			}
			return fmt.Errorf("%s did not come within %s: %w", what, limit, err)
		case <-time.After(wait):
		}
	}
}
