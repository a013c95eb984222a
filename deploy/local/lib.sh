# shellcheck shell=bash disable=SC2034
# What the five commands share: options, the folder's settings, ports, and the one way a server is started, recognised and
# ended. Sourced, never run.
#
# A set of servers lives in one folder (--dir):
#   settings            what was chosen at the first "up"; later commands need only --dir
#   NAME/               one server: port, port2, pid, kind, version, log, data/
# A pid file holds "PID START": a pid alone may belong to another process by now, pid and start time together do not, and
# only a process that also works inside the folder is ever signalled.

set -euo pipefail
shopt -s inherit_errexit # or a failure inside $(…) goes unseen
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
repo=$(cd "$here/../.." && pwd -P)
cache=${ROSTRUM_CACHE:-${HOME:-/root}/.cache/rostrum}

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }
clock() { printf '%s' "${EPOCHREALTIME:-$SECONDS.0}"; }
since() { awk -v a="$1" -v b="$(clock)" 'BEGIN { printf "%.1f s", b - a }'; }

# ---- options and settings ----

dir='' port_base='' free_ports='' mysql='' redis='' cluster='' only='' appendfsync=''
install='' prepare='' now='' delete='' second='' containers=''

# parse "ALLOWED OPTIONS" "$@": fills the variables above. The comment at the top of the command is its help.
parse() {
  local allowed=" $1 " o; shift
  while [ $# -gt 0 ]; do
    o=${1#--}
    case $1 in
      -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 0 ;;
      --*) [[ $allowed == *" $o "* ]] || die "no option $1; there are: $allowed" ;;
      *) die "what is $1? --help says what there is" ;;
    esac
    case $o in
      cluster | free-ports | install | prepare | now | delete | second | containers) printf -v "${o//-/_}" 1 ;;
      *) [ $# -gt 1 ] || die "$1 needs a value"; printf -v "${o//-/_}" '%s' "$2"; shift ;;
    esac
    shift
  done
  dir=${dir:-$repo/.local}
}

one_of() { # one_of OPTION VALUE CHOICES...
  local option=$1 value=$2 c; shift 2
  for c in "$@"; do [ "$c" != "$value" ] || return 0; done
  die "$option $value: it is one of: $*"
}

setting() { sed -n "s/^$1=//p" "$dir/settings"; }

# open_set: for commands on a set that is there.
open_set() {
  [ -f "$dir/settings" ] || die "no servers in $dir: deploy/local/up starts them, --dir names another folder"
  dir=$(cd "$dir" && pwd -P)
  mysql=$(setting mysql) redis=$(setting redis) cluster=$(setting cluster) only=$(setting only)
  appendfsync=$(setting appendfsync) port_base=$(setting port_base) free_ports=$(setting free_ports)
}

# make_set: the folder's settings are those of its first "up"; a later one may add kinds of server and change nothing else.
make_set() {
  local key given kept
  mkdir -p "$dir"
  dir=$(cd "$dir" && pwd -P)
  if [ -f "$dir/settings" ]; then
    for key in mysql redis cluster appendfsync port_base free_ports; do
      given=${!key} kept=$(setting "$key")
      [ -z "$given" ] || [ "$given" = "$kept" ] ||
        die "$dir holds a set with $key=$kept, not $given: another --dir, or deploy/local/down --delete first"
      printf -v "$key" '%s' "$kept"
    done
    only="$(setting only)${only:+,$only}"
  elif [ -n "$(ls -A "$dir")" ] && [ "$(ls -A "$dir")" != lock ]; then
    die "$dir is not empty and no set of servers: another --dir"
  fi
  mysql=${mysql:-mariadb} redis=${redis:-redis} only=${only:-mysql,redis,kafka} appendfsync=${appendfsync:-everysec}
  port_base=${port_base:-20000}
  one_of --mysql "$mysql" mariadb mysql
  one_of --redis "$redis" redis redis8 valkey
  one_of --appendfsync "$appendfsync" everysec always
  if ! [[ $port_base =~ ^[0-9]+$ ]] || [ "$port_base" -gt 55000 ]; then die "--port-base $port_base: a number up to 55000"; fi
  for key in ${only//,/ }; do one_of --only "$key" mysql redis kafka; done
  only=$(tr , '\n' <<<"$only" | sort -u | paste -sd, -)
  for key in mysql redis cluster only appendfsync port_base free_ports; do say "$key=${!key}"; done >"$dir/settings"
}

# locked: one command at a time works on a folder.
locked() {
  command -v flock >/dev/null || return 0
  exec 9>"$dir/lock"
  flock -w 120 9 || die "another up, down or reset is at work in $dir"
}

# instances: NAME KIND PORT PORT2, a line a server of the set. The numbers are counted from --port-base.
instances() {
  local n
  if [[ ,$only, == *,mysql,* ]]; then say "mysql $mysql 3306 -"; fi
  if [[ ,$only, == *,redis,* ]]; then
    if [ -z "$cluster" ]; then say "gate $redis 6379 -"; fi
    say "shelf $redis 6380 -"
    if [ -n "$cluster" ]; then for n in 1 2 3; do say "gate$n $redis $((6380 + n)) $((6390 + n))"; done; fi
  fi
  if [[ ,$only, == *,kafka,* ]]; then
    if [ -z "$cluster" ]; then say "kafka kafka 9092 9093"; fi
    if [ -n "$cluster" ]; then for n in 1 2 3; do say "kafka$n kafka $((9090 + 2 * n)) $((9091 + 2 * n))"; done; fi
  fi
}

# ---- ports ----

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
port() { cat "$dir/$1/port"; }
port2() { cat "$dir/$1/port2"; }

# give_port FILE OFFSET: fixed, or a free one below the range from which the system gives ports to clients.
give_port() {
  local p=$((port_base + $2))
  [ ! -f "$1" ] || return 0
  if [ -n "$free_ports" ]; then
    p=$((10000 + RANDOM % 22000))
    while listens "$p" || grep -qsx "$p" "$dir"/*/port "$dir"/*/port2; do p=$((10000 + RANDOM % 22000)); done
  fi
  say "$p" >"$1"
}

# taken NAME: says which port of a server that does not run is somebody else's.
taken() {
  local f p
  for f in "$dir/$1/port" "$dir/$1/port2"; do
    [ -f "$f" ] || continue
    p=$(cat "$f")
    if listens "$p"; then die "$1: port $p on 127.0.0.1 is taken by a program that is not ours: --port-base N or --free-ports, in another --dir"; fi
  done
}

# ---- processes ----

# start_of PID: when it started, by the kernel's count; nothing for one that is gone or a zombie.
start_of() {
  local stat
  if [ -d /proc/self ]; then
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 0
    # shellcheck disable=SC2086  # the fields after the name in brackets: state is the 1st, start time the 20th
    set -- ${stat##*) }
    if [ "$1" != Z ]; then say "${20}"; fi
  else
    ps -o lstart= -p "$1" 2>/dev/null | tr -s ' ' '_' || true
  fi
}

# pid_of NAME: the pid of our running server, or nothing.
pid_of() {
  local pid start
  [ -s "$dir/$1/pid" ] || return 0
  read -r pid start <"$dir/$1/pid"
  [ -n "$start" ] && [ "$(start_of "$pid")" = "$start" ] || return 0
  if [ -e "/proc/$pid/cwd" ] && [[ $(readlink "/proc/$pid/cwd") != "$dir/$1"* ]]; then return 0; fi
  say "$pid"
}

# launch NAME PROGRAM ARGS...: in the server's folder, in the background, with nothing of ours left open.
launch() {
  local name=$1 detach=''; shift
  if command -v setsid >/dev/null; then detach='setsid'; else detach='nohup'; fi
  cd "$dir/$name"
  "$detach" "$@" >log 2>&1 </dev/null 9>&- &
  say "$! $(start_of $!)" >pid
  cd "$repo"
}

# await NAME SECONDS CHECK...: until the check succeeds; a server that ended, or is late, is shown with its last lines.
await() {
  local name=$1 end=$((SECONDS + $2)); shift 2
  until "$@" 2>/dev/null; do
    # Looked at twice: once, one look found nothing of a server that ran.
    if [ -z "$(pid_of "$name")" ] && sleep 0.2 && [ -z "$(pid_of "$name")" ]; then last_words "$name"; die "$name ended by itself; its log is in $dir/$name"; fi
    if [ $SECONDS -ge $end ]; then last_words "$name"; die "$name does not answer; its log is in $dir/$name"; fi
    sleep 0.05
  done
}

last_words() { tail -qn 15 "$dir/$1/"*log >&2; }

# stop NAME...: all asked first, then waited for; after 20 s, or with --now at once, without ceremony.
stop() {
  local name pid asked=() end=$((SECONDS + 20)) signal=TERM
  if [ -n "$now" ]; then signal=KILL; fi
  for name in "$@"; do
    pid=$(pid_of "$name")
    if [ -n "$pid" ]; then kill -CONT "$pid"; kill "-$signal" "$pid"; asked+=("$name"); fi
  done
  for name in "${asked[@]+"${asked[@]}"}"; do
    while pid=$(pid_of "$name"); [ -n "$pid" ]; do
      if [ $SECONDS -ge $end ]; then kill -KILL "$pid" 2>/dev/null || true; fi
      sleep 0.05
    done
    rm -f "$dir/$name/pid"
    say "$name  ended"
  done
}

# every server of a folder, whatever its settings say now
servers_here() {
  local d
  for d in "$dir"/*/; do if [ -f "$d/kind" ]; then basename "$d"; fi; done
}

# ---- programs ----

in_containers="in containers:
  docker compose -f deploy/local/docker-compose.yml up -d --wait && eval \"\$(deploy/local/env --containers)\""

# installed PROGRAM: where it is in PATH, or where Debian has servers; else nothing, and status 1.
installed() { PATH=$PATH:/usr/sbin:/sbin command -v "$1"; }

# need PROGRAM DEBIAN-PACKAGES: where it is, or what to do.
need() {
  installed "$1" || die "$1 is missing: \"apt-get install $2\" (deploy/local/up --install does it, on Debian as root), or $in_containers"
}

# not_here ENGINE PROGRAM SUITE VARIABLE=ADDRESS: an engine that is neither installed nor to be unpacked on this machine.
not_here() {
  die "$1 is not here: no $2 of it in PATH, and Debian's $3 does not give it to this machine. Install it, or let make live use one
that runs elsewhere: export $4, or $in_containers"
}

# install_packages: what the chosen servers need and this machine lacks, from the system's own packages.
install_packages() {
  local want=()
  if [[ ,$only, == *,mysql,* && $mysql = mariadb ]]; then installed mariadbd >/dev/null || want+=(mariadb-server-core mariadb-client-core); fi
  if [[ ,$only, == *,redis,* && $redis = redis ]]; then installed redis-server >/dev/null || want+=(redis-server); fi
  if [[ ,$only, == *,kafka,* ]]; then
    installed java >/dev/null || want+=(openjdk-17-jre-headless)
    [ -f "$(kafka_libs)/.complete" ] || installed mvn >/dev/null || want+=(maven)
  fi
  install_now "${want[@]+"${want[@]}"}"
}

install_now() { # PACKAGE...
  local began
  [ $# -gt 0 ] || return 0
  if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then die "missing: $*; --install works on Debian as root"; fi
  began=$(clock)
  apt-get -qq update
  DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 --no-install-recommends install "$@" >/dev/null
  say "installed  $*  $(since "$began")" >&2
}

# unpacked NAME SUITE "PACKAGES" PROGRAM [SHARE]: a program of another Debian suite in the cache, fetched once; says its folder.
unpacked() {
  local name=$1 to=$cache/$1 half
  if [ ! -f "$to/.complete" ]; then
    half=$cache/.$name.$$
    mkdir -p "$cache"; rm -rf "$half"
    SHARE=${5:-} "$here/from-debian" "$half" "$2" "$3" "$4" >&2 || { rm -rf "$half"; return 1; }
    keep "$half" "$to"
  fi
  say "$to"
}

# keep HALF TO: what was fetched gets its name when it is whole. Whoever was first has it.
keep() {
  : >"$1/.complete"
  if [ -f "$2/.complete" ]; then rm -rf "$1"; else mv -T "$1" "$2"; fi
}

# maven ARGS...: quiet; what it says is shown when it fails.
maven() {
  local out
  need mvn maven >/dev/null
  out=$(mvn -q -B "$@" 2>&1) || { printf '%s\n' "$out" >&2; return 1; }
}
