# shellcheck shell=bash disable=SC2154
# How the two Redis roles are started. The gate decides who gets what: all is appended to its file, nothing is evicted. The
# shelf is a cache: it keeps nothing and evicts. Kinds: redis (installed), redis8 and valkey (installed, or unpacked from other
# suites).

redis_program() {
  local to name=redis-server suite=trixie
  if [ "$redis" = redis ]; then need redis-server redis-server; return; fi
  if [ "$redis" = valkey ]; then name=valkey-server suite=sid; fi
  if to=$(installed "$name") && [[ $redis = valkey || $(redis_version "$to") == 8.* ]]; then
    say "$to"
  elif to=$(unpacked "$redis" "$suite" "$name" "usr/bin/$name"); then
    say "$to/run/$name"
  else
    not_here "$redis" "$name" "$suite" ROSTRUM_TEST_REDIS2=host:port
  fi
}

# redis_say PORT COMMAND...: the answer to one command, without a client program.
redis_say() {
  local port=$1; shift
  exec 4<>"/dev/tcp/127.0.0.1/$port" || return 1
  printf '%s\r\nQUIT\r\n' "$*" >&4
  timeout 20 cat <&4 | tr -d '\r'
  exec 4>&-
}

redis_answers() { [[ $(redis_say "$1" PING) == +PONG* ]]; }

redis_version() { "$1" --version | grep -oE ' v=[^ ]+' | cut -c4-; }

start_redis() { # NAME PROGRAM
  local name=$1 program=$2 args=()
  mkdir -p "$dir/$name/data"
  case $name in
    shelf) args=(--save '' --appendonly no --maxmemory 256mb --maxmemory-policy allkeys-lru) ;;
    # The file is rewritten seldom: a rewrite forks and takes a core while bids are decided.
    *) args=(--save '' --appendonly yes --appendfsync "$appendfsync" --maxmemory 1gb --maxmemory-policy noeviction
      --auto-aof-rewrite-min-size 512mb --latency-tracking no) ;;
  esac
  # The memory limit is there for the product's own budget to be seen against; without one a full Redis takes the machine.
  if [ -f "$dir/$name/port2" ]; then
    # Full coverage is not asked for: while one master is away, the shards of the others go on.
    args+=(--cluster-enabled yes --cluster-port "$(port2 "$name")" --cluster-node-timeout 15000 --cluster-config-file nodes.conf
      --cluster-require-full-coverage no)
  fi
  launch "$name" "$program" --bind 127.0.0.1 --port "$(port "$name")" --dir "$dir/$name/data" --daemonize no \
    --loglevel notice "${args[@]}"
  await "$name" 30 redis_answers "$(port "$name")"
  say "${redis/redis8/redis} $(redis_version "$program")" >"$dir/$name/version"
}

# join_redis: three masters share the slots evenly. Done once; a restarted set finds itself by its own nodes.conf.
join_redis() {
  local n p first answer
  first=$(port gate1)
  if [ ! -f "$dir/gate1/joined" ]; then
    for n in 1 2 3; do
      p=$(port "gate$n")
      answer=$(redis_say "$p" CLUSTER ADDSLOTSRANGE $(((n - 1) * 16384 / 3)) $((n * 16384 / 3 - 1)))
      [[ $answer == +OK* || $answer == *' is already busy'* ]] || die "gate$n takes no slots: $answer"
      redis_say "$p" CLUSTER SET-CONFIG-EPOCH "$n" >/dev/null
    done
    for n in 2 3; do redis_say "$first" CLUSTER MEET 127.0.0.1 "$(port "gate$n")" "$(port2 "gate$n")" >/dev/null; done
    : >"$dir/gate1/joined"
  fi
  for n in 1 2 3; do await "gate$n" 30 cluster_whole "$(port "gate$n")"; done
}

cluster_whole() {
  local info
  info=$(redis_say "$1" CLUSTER INFO)
  [[ $info == *cluster_state:ok* && $info == *cluster_slots_ok:16384* && $info == *cluster_known_nodes:3* ]]
}
