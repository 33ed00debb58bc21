# Sourced by the scripts of this folder: the node's names, addresses and places.
# shellcheck shell=bash source-path=SCRIPTDIR
# shellcheck disable=SC2034 # used by those that source this
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
state=$cache/node
kubeconfig=$state/kubeconfig
run=/run/surehup-node
socket=$run/containerd.sock
# 198.18.0.0/15 is set aside for tests within one network (RFC 2544): nobody's machines have it.
network=198.18.0.0/15
address=198.18.0.1
pods=198.18.1.0/24
services=198.19.0.0/24
api_service=198.19.0.1
bridge=surehup0
cgroup=surehup-node
pause_version=3.10.2
programs=(etcd kube-apiserver kube-controller-manager kube-scheduler kubectl kubelet kube-proxy
    containerd containerd-shim-runc-v2 ctr runc crictl coredns)
# In the order in which they start; they end in the reverse one.
services_of_node=(etcd containerd kube-apiserver kube-controller-manager kube-scheduler coredns
    kubelet kube-proxy)

export CONTAINERD_SUPPRESS_DEPRECATION_WARNINGS=1 # ctr would say of each call what the machine is

containers() { crictl --config "$state/etc/crictl.yaml" "$@"; }

images() { ctr --address "$socket" --namespace k8s.io images "$@"; }

# The start time tells a process from a later one with the same number (proc(5), field 22).
started_at() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }

runs() { # NAME
    local pid started
    read -r pid started 2>/dev/null <"$state/pids/$1" && [ "$(started_at "$pid")" = "$started" ]
}

end() { # NAME SIGNAL: insists after a while
    local pid deadline=$((SECONDS + 10))
    if runs "$1"; then
        read -r pid _ <"$state/pids/$1"
        kill -s "$2" "$pid" 2>/dev/null || true
        while runs "$1"; do
            [ "$SECONDS" -lt "$deadline" ] || { kill -s KILL "$pid" 2>/dev/null || true; }
            sleep 0.05
        done
    fi
    rm -f "$state/pids/$1"
}
