#!/usr/bin/env bash
# A real Docker engine with the defect of moby issue 48747, for tests: dockerd 26.1.5 and its command line from Debian's
# packages. Nothing is installed and apt's own state is not touched. Debian 12 or newer, root, about 70 MB of download.
set -euo pipefail

usage() {
  cat >&2 <<'EOF'
usage: dockerd.sh fetch [CACHE]                           download and unpack, unless it is there already
       dockerd.sh cli                                     fetch, print the path of Docker's command line
       dockerd.sh start WORKDIR containerd|graphdriver    fetch, start, wait until it answers, print its address
       dockerd.sh stop WORKDIR                            stop it and wait; data in WORKDIR stays for the next start
CACHE is $REPODIGEST_DOCKERD_CACHE, else ~/.cache/repodigest_exporter/dockerd.
EOF
  exit 2
}

fail() {
  printf 'dockerd.sh: %s\n' "$*" >&2
  exit 1
}

default_cache() {
  printf '%s' "${REPODIGEST_DOCKERD_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/repodigest_exporter/dockerd}"
}

# Each part of the cache, and a file that it has when it is whole.
parts=(root cli)
declare -A whole=([root]=usr/sbin/dockerd [cli]=usr/bin/docker)
# trixie's engine, containerd and command line run on bookworm; its runc wants a newer libc.
declare -A packages=([root]='docker.io/trixie containerd/trixie runc/bookworm' [cli]=docker-cli/trixie)

fetch() {
  local cache=$1 mirror state signed part deb
  local missing=()
  mkdir -p "$cache" || fail "cannot make the folder $cache"
  exec 9>"$cache/lock"
  flock 9 # tests that run side by side download once
  for part in "${parts[@]}"; do
    [ -x "$cache/$part/${whole[$part]}" ] || missing+=("$part")
  done
  [ ${#missing[@]} -gt 0 ] || return 0

  # The mirror this machine is configured for, whatever it is called.
  # shellcheck disable=SC2016  # apt expands these
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 2>/dev/null | awk '$2 == "bookworm" { print $1; exit }')
  [ -n "$mirror" ] || fail "apt has no source for bookworm, so where Debian's packages are is not known"
  rm -rf "$cache"/new.*
  state=$(mktemp -d "$cache/new.XXXXXX") || fail "cannot make a folder in $cache"
  mkdir -p "$state"/{lists/partial,cache/archives/partial}
  : >"$state/status"
  signed='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
  printf 'deb %s %s %s main\n' "$signed" "$mirror" trixie "$signed" "$mirror" bookworm >"$state/sources.list"
  local apt=(apt-get -qq -o "Dir::State=$state" -o "Dir::State::status=$state/status" -o "Dir::State::lists=$state/lists"
    -o "Dir::Cache=$state/cache" -o "Dir::Etc::SourceList=$state/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null -o APT::Sandbox::User=root
    -o Acquire::Languages=none -o Acquire::Retries=2 -o Acquire::http::Timeout=30)
  "${apt[@]}" -o APT::Update::Error-Mode=any update >&2 || fail "cannot read the package lists of trixie from $mirror"
  for part in "${missing[@]}"; do
    mkdir -p "$state/debs-$part" "$state/$part"
    # shellcheck disable=SC2086  # several packages
    (cd "$state/debs-$part" && "${apt[@]}" download ${packages[$part]} >&2) ||
      fail "cannot download ${packages[$part]} from $mirror"
    for deb in "$state/debs-$part"/*.deb; do
      dpkg-deb -x "$deb" "$state/$part" || fail "cannot unpack $deb"
    done
    # Only what is whole gets the name that counts.
    mv -T "$state/$part" "$cache/$part"
  done
  rm -rf "$state"
}

# In a process of its own: in a function called before `||`, `set -e` would be off.
fetch_apart() { bash "${BASH_SOURCE[0]}" fetch "$1" || exit 1; }

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
  local store=$1 cache root snapshotter=false pid
  [ "$store" = containerd ] && snapshotter=true
  [ "$(id -u)" = 0 ] || fail "a real dockerd needs root"
  command -v curl >/dev/null || fail "curl is needed to see when dockerd answers"
  cache=$(default_cache)
  fetch_apart "$cache"
  root=$cache/root
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
    [ $# -le 2 ] || usage
    fetch "${2:-$(default_cache)}"
    ;;
  cli)
    [ $# = 1 ] || usage
    fetch_apart "$(default_cache)"
    printf '%s\n' "$(default_cache)/cli/${whole[cli]}"
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
