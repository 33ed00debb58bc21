# Sourced by the scripts of this folder: where things are, and how trouble is told.
# shellcheck shell=bash
# shellcheck disable=SC2034 # used by those that source this
set -euo pipefail
e2e=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$e2e")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/surehup
bin=$cache/bin
PATH=$bin:$PATH:/usr/sbin:/sbin

say() { printf '%s\n' "$(basename "$(dirname "$0")")/$(basename "$0"): $*" >&2; }

fail() {
    say "$*"
    exit 1
}

need_root() { [ "$(id -u)" -eq 0 ] || fail "needs root: containers, mounts and addresses are made"; }

# COMMAND... must succeed within SECONDS; WHAT says in the error what was waited for.
wait_for() { # SECONDS WHAT COMMAND...
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || fail "$what did not come about in time"
        sleep 0.1
    done
}

# One at a time: two runs that prepare the same machine would undo each other's work.
lock() { # NAME
    mkdir -p "$cache"
    exec 9>"$cache/.$1.lock"
    flock -w 1800 9 || fail "another run has been preparing the $1 for half an hour: end it first"
}

# Settings of the whole machine that a kubelet changes (setupKernelTunables in its
# container_manager_linux.go). The last kubelet that ends puts them back.
kernel_settings=(vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops
    kernel/keys/root_maxkeys kernel/keys/root_maxbytes)

keep_settings() {
    local name
    ! pgrep -x kubelet >/dev/null || return 0 # they are changed already
    (cd /proc/sys && for name in "${kernel_settings[@]}"; do
        printf '%s %s\n' "$name" "$(cat "$name")"
    done) >"$cache/kernel-settings"
}

restore_settings() {
    local name value
    { [ -s "$cache/kernel-settings" ] && ! pgrep -x kubelet >/dev/null; } || return 0
    while read -r name value; do
        printf '%s\n' "$value" >"/proc/sys/$name" || say "/proc/sys/$name stays as a kubelet set it"
    done <"$cache/kernel-settings"
    rm "$cache/kernel-settings"
}

need_programs() { # PROGRAM...
    "$e2e/build" --check "$@" >/dev/null 2>&1 && return
    "$root/.ci/setup" go
    "$e2e/build" "$@" >/dev/null
}

python() {
    local found=$root/.venv/bin/python
    [ -x "$found" ] || found=python3
    "$found" "$@"
}

pack() { # FOLDER OUT.tar: a layer, everything of it owned by root
    tar -C "$1" --owner=0 --group=0 --numeric-owner --sort=name --mtime=@0 -cf "$2" .
}
