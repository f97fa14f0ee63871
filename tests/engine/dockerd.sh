#!/usr/bin/env bash
# A real Docker engine with the defect of moby issue 48747, for tests: dockerd 26.1.5 and its command line from Debian's
# packages. Nothing is installed and apt's own state is not touched. Debian 12 or newer, root, about 70 MB of download.
set -euo pipefail

usage() {
  cat >&2 <<'EOF'
usage: dockerd.sh fetch                                   download and unpack, unless it is there already
       dockerd.sh cli                                     fetch, print the path of Docker's command line
       dockerd.sh start WORKDIR containerd|graphdriver    fetch, start, wait until it answers, print its address
       dockerd.sh stop WORKDIR                            stop it and wait; data in WORKDIR stays for the next start
EOF
  exit 2
}

fail() {
  printf 'dockerd.sh: %s\n' "$*" >&2
  exit 1
}

here=$(dirname "${BASH_SOURCE[0]}")
# trixie's engine, containerd and command line run on bookworm; its runc wants a newer libc.
engine() { "$here/../support/unpacked" dockerd docker.io/trixie containerd/trixie runc/bookworm; }
client() { "$here/../support/unpacked" docker-cli docker-cli/trixie; }

# Whether the process whose id stands in the file is a `name` that was started for this WORKDIR.
ours() { # file name
  local pid
  pid=$(cat "$1" 2>/dev/null) && [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$2" ] &&
    tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF -- "$workdir/"
}

end() { # file name
  local pid signal
  ours "$1" "$2" || return 0
  pid=$(cat "$1")
  for signal in TERM KILL; do
    kill "-$signal" "$pid" 2>/dev/null || true
    for _ in $(seq 150); do
      ours "$1" "$2" || return 0
      sleep 0.1
    done
  done
  fail "$2 ($pid) does not end"
}

start() {
  local store=$1 root snapshotter=false pid
  [ "$store" = containerd ] && snapshotter=true
  [ "$(id -u)" = 0 ] || fail "a real dockerd needs root"
  command -v curl >/dev/null || fail "curl is needed to see when dockerd answers"
  root=$(engine)
  mkdir -p "$workdir"
  ! ours "$workdir/dockerd.pid" dockerd || fail "an engine runs in $workdir already"
  rm -f "$workdir/dockerd.pid"
  cat >"$workdir/daemon.json" <<EOF
{"features": {"containerd-snapshotter": $snapshotter}, "insecure-registries": ["127.0.0.0/8"]}
EOF
  # In a mount namespace of its own, so that its mounts end with it and WORKDIR can be removed.
  PATH=$root/usr/sbin:$root/usr/bin:$PATH setsid unshare --mount --propagation private dockerd \
    --config-file "$workdir/daemon.json" --data-root "$workdir/data-$store" --exec-root "$workdir/exec" \
    --pidfile "$workdir/dockerd.pid" --host "unix://$workdir/docker.sock" --bridge=none --iptables=false \
    --ip6tables=false >>"$workdir/dockerd.log" 2>&1 </dev/null &
  pid=$!
  for _ in $(seq 600); do
    if curl -sf --max-time 2 --unix-socket "$workdir/docker.sock" http://localhost/_ping >/dev/null 2>&1; then
      printf 'unix://%s\n' "$workdir/docker.sock"
      return 0
    fi
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 5 "$workdir/dockerd.log" >&2
  stop
  fail "dockerd did not come up"
}

stop() {
  end "$workdir/dockerd.pid" dockerd
  # dockerd takes its containerd along, unless it was killed.
  end "$workdir/exec/containerd/containerd.pid" containerd
}

case "${1:-}" in
  fetch)
    [ $# = 1 ] || usage
    engine >/dev/null
    client >/dev/null
    ;;
  cli)
    [ $# = 1 ] || usage
    cli=$(client)
    printf '%s\n' "$cli/usr/bin/docker"
    ;;
  start)
    [ $# = 3 ] || usage
    case "$3" in containerd | graphdriver) ;; *) usage ;; esac
    workdir=$(realpath -m "$2")
    start "$3"
    ;;
  stop)
    [ $# = 2 ] || usage
    workdir=$(realpath -m "$2")
    stop
    ;;
  *) usage ;;
esac
