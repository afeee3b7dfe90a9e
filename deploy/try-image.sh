#!/usr/bin/env bash
# Builds the image and runs every service of docker-compose.yml from it, without a container engine:
# as an arbitrary user, on a read-only root, against real Kafka, Elasticsearch and kube-apiserver.
#
#   make test && sudo deploy/try-image.sh       # six minutes at first, then two
#
# Debian's packages buildah and debootstrap must be there, and what the tests on real servers need
# (README). The base is Debian with its own Python of the version that the Dockerfile names: what an
# official image adds to that is not tried here. It is kept as localhost/aftershock-base:trixie.
set -euo pipefail
cd "$(dirname "$0")/.."

base=localhost/aftershock-base:trixie
image=localhost/aftershock:tried
python=.venv/bin/python
authorities=/etc/ssl/certs/ca-certificates.crt

for command in buildah debootstrap unshare setpriv; do
    command -v "$command" >/dev/null || { echo "try-image: $command is missing" >&2; exit 1; }
done
[ "$(id -u)" = 0 ] || { echo "try-image: only root can make the base" >&2; exit 1; }
[ -x "$python" ] || { echo "try-image: $python is missing: make unit" >&2; exit 1; }

if ! buildah inspect --type image "$base" >/dev/null 2>&1; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    debootstrap --variant=minbase --include=python3,python3-venv,python-is-python3,ca-certificates \
        trixie "$folder/root" >"$folder/log" || { tail "$folder/log" >&2; exit 1; }
    tar -C "$folder/root" -cf "$folder/root.tar" .
    container=$(buildah from scratch)
    buildah add --quiet "$container" "$folder/root.tar" / >/dev/null
    buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
    buildah commit --quiet --rm "$container" "$base" >/dev/null
fi

# The machine's own authorities are trusted while building: a registry may be behind a proxy.
buildah bud --quiet --layers --isolation chroot --pull-never --build-arg "BASE=$base" \
    --volume "$authorities:$authorities:ro" --ignorefile deploy/Dockerfile.dockerignore \
    --file deploy/Dockerfile --tag "$image" . >/dev/null
PYTHONPATH=tests:. "$python" -m servers.image "$image"
