package config

import "time"

// The values of Config.Mode.
const (
	ModeProduction  = "production"
	ModeDevelopment = "development"
)

// The parts of the platform that one process can run, and of which a production installation needs all somewhere.
const (
	RoleAPI    = "api"
	RoleRelay  = "relay"
	RoleWorker = "worker"
	RoleCloser = "closer"
)

// Config is the whole of it. The tags of a key: `default`; `min` and `max`, inclusive, in the key's own unit; `one_of`;
// `check`, the name of a form; `unit` where the type does not say it; `need`, the part of an installation without which
// the key may stay empty; `doc`.
type Config struct {
	Mode  string   `key:"mode" default:"production" one_of:"production,development" doc:"Production refuses development secrets and a durability of none."`
	Roles []string `key:"roles" default:"api,relay,worker,closer" one_of:"api,relay,worker,closer" need:"all" doc:"What this process does. Every role must run somewhere; any may run several times."`

	HTTP     HTTP     `key:"http" doc:"The edge: the API, the pages, and the probes."`
	MySQL    MySQL    `key:"mysql" doc:"The store of record."`
	Redis    Redis    `key:"redis" doc:"The gate decides (authority, noeviction); the shelf remembers (a cache, may evict)."`
	Kafka    Kafka    `key:"kafka" doc:"The road from the gate to the store, and the public topics."`
	Sale     Sale     `key:"sale" doc:"The rules that are the same for every session."`
	Relay    Relay    `key:"relay" doc:"From a shard's journal to its partition."`
	Consumer Consumer `key:"consumer" doc:"From a partition to MySQL."`
	Auth     Auth     `key:"auth" doc:"Tokens and passwords."`
	Preheat  Preheat  `key:"preheat" doc:"Writing a session into the gate and the shelf before it starts."`
	Limits   Limits   `key:"limits" doc:"How much one client may ask for."`
	Start    Start    `key:"start" doc:"Starting."`
	Log      Log      `key:"log" doc:"Logs, to standard error."`

	sources map[string]string // key → where its value is from; missing: the default
}

// HTTP is the section of that name.
type HTTP struct {
	Listen          string        `key:"listen" default:"127.0.0.1:8080" check:"listen" doc:"Address of the API and the pages."`
	OpsListen       string        `key:"ops_listen" check:"listen" doc:"Address of /metrics, /livez and /readyz of this process, whatever its roles. Empty: they are at listen, for everybody who reaches it, and a process without the role api has none."`
	ReadTimeout     time.Duration `key:"read_timeout" default:"5s" min:"100ms" max:"5m" doc:"For reading a request with its body."`
	WriteTimeout    time.Duration `key:"write_timeout" default:"10s" min:"100ms" max:"5m" doc:"For writing an answer."`
	IdleTimeout     time.Duration `key:"idle_timeout" default:"60s" min:"1s" max:"1h" doc:"How long a connection may stay open without a request."`
	RequestTimeout  time.Duration `key:"request_timeout" default:"2s" min:"50ms" max:"1m" doc:"For answering a request that is no bid."`
	BidTimeout      time.Duration `key:"bid_timeout" default:"500ms" min:"10ms" max:"30s" doc:"For deciding a bid. A bid that has waited longer is dropped before it is sent to the gate."`
	ShutdownTimeout time.Duration `key:"shutdown_timeout" default:"10s" min:"0s" max:"5m" doc:"For finishing what is under way when the process is told to stop. Clients have half of it to end their requests; then they are cut off, and the rest is for what is behind the door."`
	TrustedProxies  []string      `key:"trusted_proxies" check:"network" doc:"Addresses or networks (CIDR) of the proxies in front, whose X-Real-IP is believed: they must overwrite that header. Empty: the address that connects counts."`
	CookieSecure    bool          `key:"cookie_secure" default:"true" doc:"Whether the cookies of the pages travel over TLS only."`
}

// MySQL is the section of that name.
type MySQL struct {
	DSN             Secret        `key:"dsn" check:"dsn" need:"mysql" doc:"user:password@tcp(host:3306)/database, as the Go driver writes it. In production only unix(/path/of/socket) may go without a password."`
	MaxConns        int           `key:"max_conns" default:"32" min:"2" max:"1000" unit:"connections" doc:"Most connections of this process."`
	ConnMaxLifetime time.Duration `key:"conn_max_lifetime" default:"3m" min:"10s" max:"1h" doc:"After this a connection is replaced, so that a fail-over is followed."`
	Timeout         time.Duration `key:"timeout" default:"5s" min:"100ms" max:"1m" doc:"For connecting and for one statement."`
}

// Redis is the section of that name.
type Redis struct {
	GateURL     Secret        `key:"gate_url" check:"redis_url" need:"redis" doc:"redis://user:password@host:6379/0, rediss:// for TLS. For a cluster one master, others as ?addr=host:port."`
	ShelfURL    Secret        `key:"shelf_url" check:"redis_url" doc:"The same for the shelf; empty: the gate's server is the shelf too."`
	GateCluster bool          `key:"gate_cluster" default:"false" doc:"Whether the gate is a Redis Cluster."`
	PoolSize    int           `key:"pool_size" default:"64" min:"4" max:"10000" unit:"connections" doc:"Most connections of this process to each server."`
	Timeout     time.Duration `key:"timeout" default:"500ms" min:"10ms" max:"30s" doc:"For connecting and for one command."`
	Durability  string        `key:"durability" default:"always" one_of:"everysec,always,kafka,none" doc:"What an admission is worth when it is answered. everysec: a crash of Redis may lose about a second. always: it is on the disk of this Redis. kafka: Kafka's brokers have it, for a Redis that fails over by itself; answers take a round trip longer. none: nothing; stand-ins only. The server must be set up for it."`
}

// Kafka is the section of that name.
type Kafka struct {
	Brokers        []string      `key:"brokers" check:"host_port" need:"kafka" doc:"host:port of some brokers; the others are learnt from them."`
	Replication    int           `key:"replication" default:"1" min:"1" max:"9" unit:"copies" doc:"Copies of a partition, for topics that are made. 3 in production."`
	MinInsync      int           `key:"min_insync" default:"1" min:"1" max:"9" unit:"copies" doc:"Copies that must have a record before it is acknowledged. 2 in production."`
	TLS            bool          `key:"tls" default:"false" doc:"Whether to speak TLS with the brokers."`
	SASLMechanism  string        `key:"sasl_mechanism" one_of:",PLAIN,SCRAM-SHA-256,SCRAM-SHA-512" doc:"How to log in to the brokers; empty: not at all."`
	SASLUser       string        `key:"sasl_user" doc:"With this name."`
	SASLPassword   Secret        `key:"sasl_password" doc:"And this password."`
	RequestTimeout time.Duration `key:"request_timeout" default:"5s" min:"500ms" max:"1m" doc:"For one request to a broker."`
	TopicPrefix    string        `key:"topic_prefix" check:"topic_prefix" doc:"Put before the name of every topic and consumer group, where several installations share brokers."`
}

// Sale is the section of that name.
type Sale struct {
	Shards        int           `key:"shards" default:"16" min:"1" max:"512" unit:"shards" doc:"Journals, partitions and consumers that a deployment has. Fixed for its life: a start that finds another number in MySQL, Redis or Kafka refuses."`
	PaymentWindow time.Duration `key:"payment_window" default:"15m" min:"10s" max:"720h" doc:"Time to pay for a flash order."`
}

// Relay is the section of that name.
type Relay struct {
	Linger            time.Duration `key:"linger" default:"100ms" min:"0s" max:"1s" doc:"Wait for more records before sending few; not under durability kafka. Longer makes fewer, larger requests and transactions, and orders later by as much."`
	BatchRecords      int           `key:"batch_records" default:"1000" min:"1" max:"10000" unit:"records" doc:"Most records in one request."`
	BatchBytes        int           `key:"batch_bytes" default:"900000" min:"16384" max:"16000000" unit:"bytes" doc:"Most bytes in one request; below the broker's message.max.bytes."`
	Lease             time.Duration `key:"lease" default:"3s" min:"500ms" max:"1m" doc:"A relay that has not renewed its lease of a shard for so long has lost it."`
	ResendAfter       time.Duration `key:"resend_after" default:"5s" min:"500ms" max:"5m" doc:"When MySQL's position has waited so long behind what was sent, the relay sends again."`
	JournalMaxRecords int           `key:"journal_max_records" default:"1000000" min:"1000" max:"100000000" unit:"records" doc:"Records in one shard's journal at which the gate answers paused, before Redis is full."`
}

// Consumer is the section of that name.
type Consumer struct {
	Group            string        `key:"group" default:"rostrum.orders" check:"topic_prefix" doc:"Name of the consumer group."`
	BatchRows        int           `key:"batch_rows" default:"1000" min:"1" max:"10000" unit:"records" doc:"Most records in one transaction."`
	Linger           time.Duration `key:"linger" default:"100ms" min:"0s" max:"1s" doc:"Between looks at the partitions of the journal topic that had nothing more. Longer makes fewer, larger requests and transactions, and orders later by as much."`
	AtOnce           int           `key:"at_once" default:"2" min:"1" max:"64" unit:"transactions" doc:"Most transactions that one process has open to apply records: about as many as MySQL has cores for it. Shards take turns."`
	SessionTimeout   time.Duration `key:"session_timeout" default:"6s" min:"1s" max:"5m" doc:"A consumer that is silent for so long is taken for dead. Within the broker's group.min.session.timeout.ms and max."`
	Heartbeat        time.Duration `key:"heartbeat" default:"1s" min:"100ms" max:"1m" doc:"How often a consumer says that it lives; at most a third of session_timeout."`
	RebalanceTimeout time.Duration `key:"rebalance_timeout" default:"6s" min:"1s" max:"5m" doc:"Time to finish a transaction when partitions move."`
	GapHalt          time.Duration `key:"gap_halt" default:"30s" min:"1s" max:"1h" doc:"A record that is missing for so long halts its shard with an alarm."`
	PoisonRetries    int           `key:"poison_retries" default:"5" min:"1" max:"100" unit:"tries" doc:"After so many a record that cannot be applied halts its shard with an alarm: what comes after depends on it."`
}

// Auth is the section of that name.
type Auth struct {
	Keys                []Secret      `key:"keys" check:"token_key" need:"auth" doc:"name:base64 of 32 random bytes or more. The first signs, all verify. To rotate: add the new one second everywhere, then first, then remove the old one a day later."`
	AccessTTL           time.Duration `key:"access_ttl" default:"15m" min:"1m" max:"24h" doc:"Life of an access token. It cannot be called back, so keep it short."`
	RefreshTTL          time.Duration `key:"refresh_ttl" default:"720h" min:"1h" max:"8760h" doc:"Life of a log-in since it was last used."`
	PasswordConcurrency int           `key:"password_concurrency" default:"2" min:"1" max:"64" unit:"hashes" doc:"Passwords hashed at once; each takes 19 MiB and a core for some 20 ms."`
}

// Preheat is the section of that name.
type Preheat struct {
	Ahead  time.Duration `key:"ahead" default:"15m" min:"10s" max:"24h" doc:"How long before its start a session is written."`
	Grace  time.Duration `key:"grace" default:"1h" min:"1m" max:"168h" doc:"How long the shelf keeps a session after its end. The gate keeps it as long, and until it is settled."`
	Jitter time.Duration `key:"jitter" default:"10m" min:"0s" max:"24h" doc:"Spread of the ends of life on the shelf, so that they do not fall together."`
}

// Limits is the section of that name.
type Limits struct {
	LogInsPerMinute      int `key:"log_ins_per_minute" default:"30" min:"0" max:"100000" unit:"log-ins per minute" doc:"To one login, and from one address; each costs a password hash. 0: no limit."`
	BidsPerSecondUser    int `key:"bids_per_second_user" default:"20" min:"0" max:"100000" unit:"bids per second" doc:"Of one user, twice that at once; 0: no limit."`
	BidsPerSecondAddress int `key:"bids_per_second_address" default:"1000" min:"0" max:"1000000" unit:"bids per second" doc:"From one address (of IPv6: one /64), twice that at once; many bidders may share one. A loopback address is not limited. 0: no limit."`
	BidsAtOnce           int `key:"bids_at_once" default:"2048" min:"16" max:"1000000" unit:"bids" doc:"That one node answers at a time; more are turned away with 503, before anything of them is read."`
}

// Start is the section of that name.
type Start struct {
	WaitForDependencies time.Duration `key:"wait_for_dependencies" default:"60s" min:"0s" max:"1h" doc:"How long a start waits for MySQL, Redis and Kafka, saying for which."`
}

// Log is the section of that name.
type Log struct {
	Level  string `key:"level" default:"info" one_of:"debug,info,warn,error" doc:"The least that is written."`
	Format string `key:"format" default:"json" one_of:"text,json" doc:"For people or for machines."`
}
