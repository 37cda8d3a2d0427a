#!/usr/bin/env bash
# Measures the server over HTTP: how many requests a second it answers on one address, and how fast.
#
#   benches/http/load.sh [SECONDS] [CONNECTIONS]
#
# It starts a release build on a folder that is thrown away. On PostgreSQL: set MONO_DATABASE_URL and
# MONO_DATABASE_OWNER_URL to an empty database (`mono --help`).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
seconds=${1:-10}
connections=${2:-64}

tool=
for candidate in wrk oha; do
    if command -v "$candidate" >/dev/null; then
        tool=$candidate
        break
    fi
done
if [ -z "$tool" ]; then
    echo "load.sh: neither wrk nor oha is here (apt-get install wrk, or cargo install oha):" >&2
    echo "load.sh: curl asks 2000 times, one after the other, which says little about load" >&2
fi

cargo build --release --quiet --package reference-server
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')

folder=$(mktemp -d)
"$target/release/mono" --data-directory "$folder" --listen 127.0.0.1:0 --rate-limits off >"$folder/out" 2>"$folder/log" &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" || true; rm -rf "$folder"' EXIT

url=
until [ -n "$url" ]; do
    kill -0 "$server" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
    sleep 0.1
    url=$(sed -n 's/^mono is ready at \([^ ]*\).*/\1/p' "$folder/out")
done
head -n 1 "$folder/out"

body="{\"email\":\"tom@harbour.example\",\"password\":\"$(cat "$folder/demo-password")\"}"
token=$(curl -sf "$url/api/v1/public/auth/login" -H 'Content-Type: application/json' -d "$body" |
    sed 's/.*"accessToken":"\([^"]*\).*/\1/')

measure() {
    local name=$1 address=$2 answer
    printf '\n== %s\n' "$name"
    case $tool in
        wrk) answer=$(wrk -t1 -c"$connections" -d"${seconds}s" --latency -H "Authorization: Bearer $token" "$address") ;;
        oha) answer=$(oha --no-tui -c "$connections" -z "${seconds}s" -H "Authorization: Bearer $token" "$address") ;;
        *) answer=$(one_by_one "$address") ;;
    esac
    printf '%s\n' "$answer"
    # Fast refusals are no throughput.
    if grep -q 'Non-2xx' <<<"$answer"; then
        echo "load.sh: some requests were refused" >&2
        exit 1
    fi
}

one_by_one() {
    local config=$folder/urls
    for _ in $(seq 2000); do printf 'url = "%s"\noutput = /dev/null\n' "$1"; done >"$config"
    curl -sf -H "Authorization: Bearer $token" -K "$config" -w '%{time_total}\n' |
        awk '{ sum += $1 } END { printf "%d requests, %.0f a second, %.2f ms each\n", NR, NR / sum, 1000 * sum / NR }'
}

measure "GET /ping" "$url/ping"
measure "GET /api/v1/tenant/accounts" "$url/api/v1/tenant/accounts"
