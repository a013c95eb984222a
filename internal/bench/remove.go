package bench

import (
	"context"
	"errors"
	"fmt"

	"rostrum/cache"
	"rostrum/internal/config"
)

// remove stops what runs and removes what was made, each whether or not the one before could be.
func (i *installation) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTimeout)
	defer cancel()
	var failed []error
	for len(i.running) > 0 {
		failed = append(failed, i.stop(ctx, i.running[len(i.running)-1]))
	}
	if i.app != nil {
		failed = append(failed, within(stopTimeout, "connections to close", func() error { i.app.Close(); return nil }))
	}
	if len(i.config.Kafka.Brokers) > 0 {
		failed = append(failed, removeTopics(ctx, i.servers.Kafka, i.config.Kafka.TopicPrefix, i.config.Consumer.Group), i.removeKeys(ctx))
	}
	if i.database.Drop != nil {
		failed = append(failed, i.database.Drop(ctx))
	}
	return errors.Join(failed...)
}

// removeKeys unlinks every key under the prefix, on both Redis.
func (i *installation) removeKeys(ctx context.Context) error {
	var failed []error
	for _, url := range []config.Secret{i.config.Redis.GateURL, i.config.Redis.ShelfURL} {
		if url != "" {
			failed = append(failed, unlink(ctx, url.Reveal(), i.prefix()+":*"))
		}
	}
	return errors.Join(failed...)
}

func unlink(ctx context.Context, url, pattern string) error {
	client, err := cache.Connect(cache.Connection{URL: url, PoolSize: 2, Timeout: removeTimeout})
	if err != nil {
		return err
	}
	defer client.Close()
	for cursor := uint64(0); ; {
		var keys []string
		if keys, cursor, err = client.Scan(ctx, cursor, pattern, 10_000).Result(); err != nil {
			return fmt.Errorf("redis: %w", err)
		}
		if len(keys) > 0 {
			if err := client.Unlink(ctx, keys...).Err(); err != nil {
				return fmt.Errorf("redis: %w", err)
			}
		}
		if cursor == 0 {
			return nil
		}
	}
}
