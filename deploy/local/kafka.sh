# shellcheck shell=bash disable=SC2154
# How Apache Kafka is started: its jars by Maven's coordinates (kafka/pom.xml), KRaft, broker and controller in one process.
# One node, or with --cluster three with replication 3 and min.insync 2.

kafka_version=4.3.1
kafka_libs() { say "$cache/kafka-$kafka_version"; }

# kafka_program: the jars, fetched once; says where they are.
kafka_program() {
  local to half
  to=$(kafka_libs) half=$cache/.kafka.$$
  need java openjdk-17-jre-headless >/dev/null
  if [ ! -f "$to/.complete" ]; then
    mkdir -p "$cache"; rm -rf "$half"
    maven -f "$here/kafka/pom.xml" -Dkafka.version="$kafka_version" -Dproject.target="$half/target" \
      org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$half" ||
      { rm -rf "$half"; die "Kafka's jars could not be fetched by Maven"; }
    keep "$half" "$to"
  fi
  say "$to"
}

# kafka_id: 22 characters that stand for 16 bytes. No dash, which would be read as an option.
kafka_id() { head -c 16 /dev/urandom | base64 | tr '+/' 'ab' | cut -c1-22; }

kafka_properties() { # NAME NODE VOTERS COPIES IN_SYNC
  cat <<PROPERTIES
process.roles=broker,controller
node.id=$2
controller.quorum.voters=$3
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$(port "$1"),CONTROLLER://127.0.0.1:$(port2 "$1")
advertised.listeners=PLAINTEXT://127.0.0.1:$(port "$1")
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$dir/$1/data
default.replication.factor=$4
min.insync.replicas=$5
offsets.topic.replication.factor=$4
transaction.state.log.replication.factor=$4
transaction.state.log.min.isr=$5
share.coordinator.state.topic.replication.factor=$4
share.coordinator.state.topic.min.isr=$5
# few partitions of the offsets topic: fifty are slow to open and to close
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
# a broker that comes back is refused until its old session is over: short, so that a fault test is
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
PROPERTIES
}

kafka_answers() { grep -q 'Kafka Server started' "$dir/$1/server.log" && listens "$(port "$1")"; }

start_kafka() { # NAME LIBS
  local name=$1 libs=$2 node=${1#kafka} voters copies=1 in_sync=1 n
  if [ -n "$node" ]; then
    copies=3 in_sync=2
    voters=$(for n in 1 2 3; do say "$n@127.0.0.1:$(port2 "kafka$n")"; done | paste -sd, -)
  else
    node=1 voters=1@127.0.0.1:$(port2 kafka)
  fi
  [ -s "$dir/kafka.id" ] || kafka_id >"$dir/kafka.id"
  kafka_properties "$name" "$node" "$voters" "$copies" "$in_sync" >"$dir/$name/server.properties"
  if [ ! -f "$dir/$name/made" ]; then
    rm -rf "$dir/$name/data"
    java -XX:TieredStopAtLevel=1 -cp "$libs/*" -Dlog4j2.configurationFile="$here/kafka/log4j2.properties" -Drostrum.log="$dir/$name/format.log" \
      kafka.tools.StorageTool format -t "$(cat "$dir/kafka.id")" -c "$dir/$name/server.properties" >"$dir/$name/log" 2>&1 ||
      { tail -n 15 "$dir/$name/log" >&2; die "$name: its data folder cannot be made"; }
    : >"$dir/$name/made"
  fi
  rm -f "$dir/$name/server.log"
  # A broker here lives for minutes: the compiler's second stage takes more of the cores than it would ever give back.
  launch "$name" java -XX:TieredStopAtLevel=1 -Xms256m -Xmx512m -Dlog4j2.configurationFile="$here/kafka/log4j2.properties" -Drostrum.log="$dir/$name/server.log" \
    -cp "$libs/*" kafka.Kafka "$dir/$name/server.properties"
  await "$name" 90 kafka_answers "$name"
  say "kafka $kafka_version" >"$dir/$name/version"
}
