package config

import (
	"encoding/base64"
)

// developmentSecret signs tokens where nothing is worth stealing. Production refuses it.
const developmentSecret = "rostrum development, not a secret"

// DevelopmentKey is auth.keys of a development installation.
func DevelopmentKey() Secret {
	return Secret("development:" + base64.StdEncoding.EncodeToString([]byte(developmentSecret)))
}

// Development gives the configuration for one machine: unguarded servers on loopback at their usual ports, nothing
// promised, logs for people. The demo starts from it and puts the addresses of its stand-ins in.
func Development() Config {
	config, err := Load(Options{Need: []string{}})
	if err != nil {
		panic("the defaults do not pass their own checks: " + err.Error()) // held by a test
	}
	config.Mode = ModeDevelopment
	config.HTTP.CookieSecure = false
	config.MySQL.DSN = "root@tcp(127.0.0.1:3306)/rostrum"
	config.Redis.GateURL = "redis://127.0.0.1:6379/0"
	config.Redis.Durability = "none"
	config.Kafka.Brokers = []string{"127.0.0.1:9092"}
	config.Auth.Keys = []Secret{DevelopmentKey()}
	config.Log.Level, config.Log.Format = "info", "text"
	for _, key := range []string{"mode", "http.cookie_secure", "mysql.dsn", "redis.gate_url", "redis.durability", "kafka.brokers", "auth.keys", "log.format"} {
		config.sources[key] = "development"
	}
	return config
}
