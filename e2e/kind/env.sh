# Sourced by the scripts of this folder: the cluster's name, its engine, and where things are.
# shellcheck shell=bash source-path=SCRIPTDIR
# shellcheck disable=SC2034 # used by those that source this
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
state=$cache/kind
cluster=${KIND_CLUSTER_NAME:-surehup} # as for kind itself
own=$state/clusters/$cluster
kubeconfig=$own/kubeconfig
# Another node image can be named, such as kindest/node:v1.37.2 where a registry can be reached.
version=$(sed -n 's/^\tk8s.io\/kubernetes v\([^ ]*\).*/v\1/p' "$e2e/modules/kubernetes/go.mod")
own_image=localhost/surehup-node:$version
image=${NODE_IMAGE:-$own_image}
export KUBECONFIG=$kubeconfig
export KIND_EXPERIMENTAL_PROVIDER=podman CONTAINERS_CONF=$state/containers.conf

nodes() { kind get nodes --name "$cluster" 2>/dev/null; }

# Of all clusters of kind, whoever made them.
is_last() { [ -z "$(podman ps --quiet --filter label=io.x-k8s.kind.cluster)" ]; }

running_nodes() {
    podman ps --quiet --filter "label=io.x-k8s.kind.cluster=$cluster"
}
