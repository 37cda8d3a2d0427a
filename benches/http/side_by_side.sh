#!/usr/bin/env bash
# mono's server beside a Fastify application and beside bare axum: the same routes on the same PostgreSQL and Redis, each
# server alone on one core and the load on the other.
#
#   cargo xtask services                      # in another terminal; paste the lines that it prints
#   benches/http/side_by_side.sh [SECONDS] [CONNECTIONS]
#
# It needs two cores, wrk (`apt-get install wrk`), Node.js with npm, curl and psql.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
seconds=${1:-10}
connections=${2:-64}
: "${MONO_TEST_POSTGRES_URL:?names a PostgreSQL server; cargo xtask services starts one}"
: "${MONO_TEST_REDIS_URL:?names a Redis server; cargo xtask services starts one}"

cargo build --release --quiet --package benches --example side_by_side
(cd benches/http/peer && npm install --silent --no-audit --no-fund)
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')

folder=$(mktemp -d)
name=mono_side_by_side_$$
pid=
stop() {
    if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; pid=; fi
}
clean() {
    stop
    psql -q "$MONO_TEST_POSTGRES_URL" -c "DROP DATABASE IF EXISTS $name WITH (FORCE)" \
        -c "DROP ROLE IF EXISTS $name" -c "DROP ROLE IF EXISTS ${name}_platform_login" || true
    rm -rf "$folder"
}
trap clean EXIT

psql -q "$MONO_TEST_POSTGRES_URL" -c "CREATE DATABASE $name"
host=$(sed 's|.*@||; s|/.*||' <<<"$MONO_TEST_POSTGRES_URL")
owner=${MONO_TEST_POSTGRES_URL%/*}/$name
application=postgres://$name:secret@$host/$name

# Starts a program on the first core; sets pid and line, the first that it prints.
start() {
    : >"$folder/out"
    local begin
    begin=$(date +%s%N)
    taskset -c 0 "$@" >"$folder/out" 2>"$folder/log" &
    pid=$!
    until [ -s "$folder/out" ]; do
        kill -0 "$pid" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
        sleep 0.01
    done
    line=$(head -n 1 "$folder/out")
    printf '%s: ready after %d ms, %d MB resident\n' "$label" $((($(date +%s%N) - begin) / 1000000)) \
        $(($(awk '/VmRSS/ { print $2 }' "/proc/$pid/status") / 1024))
}
cpu() { awk '{ print $14 + $15 }' "/proc/$pid/stat"; }

# One route: requests a second, median and 99th percentile, CPU time of the server for a request.
measure() {
    local route=$1 address=$2 before after report requests
    taskset -c 1 wrk -t1 -c"$connections" -d2s "${header[@]}" "$address" >/dev/null
    before=$(cpu)
    report=$(taskset -c 1 wrk -t1 -c"$connections" -d"${seconds}s" --latency "${header[@]}" "$address")
    after=$(cpu)
    if grep -q 'Non-2xx\|Socket errors' <<<"$report"; then
        printf '%s\n' "$report" >&2
        exit 1
    fi
    requests=$(awk '/requests in/ { print $1 }' <<<"$report")
    printf '%-8s %-10s %9s requests/s   p50 %-9s p99 %-9s %6.1f us CPU a request\n' "$label" "$route" \
        "$(awk '/Requests\/sec/ { print $2 }' <<<"$report")" "$(awk '$1 == "50%" { print $2 }' <<<"$report")" \
        "$(awk '$1 == "99%" { print $2 }' <<<"$report")" \
        "$(awk -v ticks=$((after - before)) -v requests="$requests" -v hertz="$(getconf CLK_TCK)" \
            'BEGIN { print 1e6 * ticks / hertz / requests }')"
}

label=mono
export MONO_DATABASE_OWNER_URL=$owner MONO_DATABASE_URL=$application MONO_REDIS_URL=$MONO_TEST_REDIS_URL
export MONO_DATA_DIRECTORY=$folder/data MONO_RATE_LIMITS=off MONO_DEMO_PASSWORD='side by side 1 2 3'
start "$target/release/examples/side_by_side"
stop
# Once more: the first start made the tables and the demo.
start "$target/release/examples/side_by_side"
url=$line
sign_in() {
    curl -sf "$url/api/v1/public/auth/login" -H 'Content-Type: application/json' \
        -d "{\"email\":\"lena@lagoon.example\",\"password\":\"$MONO_DEMO_PASSWORD\"}" |
        sed 's/.*"accessToken":"\([^"]*\).*/\1/'
}
header=(-H "Authorization: Bearer $(sign_in)")
for number in $(seq 18); do
    curl -sf -o /dev/null "${header[@]}" -H 'Content-Type: application/json' "$url/api/v1/tenant/accounts" \
        -d "{\"name\":\"Harbour Bakery $number\",\"email\":\"office$number@bakery.example\"}"
done
curl -sf "${header[@]}" "$url/api/v1/tenant/accounts?limit=20" >"$folder/page"
tenant=$(sed 's/.*"tenantId":"\([^"]*\).*/\1/' "$folder/page")
printf 'a page of 20 accounts has %d bytes\n' "$(wc -c <"$folder/page")"
measure no-op "$url/noop"
measure cached "$url/api/v1/tenant/accounts?limit=20"
measure uncached "$url/api/v1/tenant/accounts/by-cursor?limit=20"
stop

label=Fastify
export PEER_DATABASE_URL=$owner PEER_REDIS_URL=$MONO_TEST_REDIS_URL NODE_ENV=production
start node benches/http/peer/server.js "$tenant"
url=$(sed 's/.*"address":"\([^"]*\).*/\1/' <<<"$line")
header=(-H "Authorization: Bearer $(sed 's/.*"token":"\([^"]*\).*/\1/' <<<"$line")")
measure no-op "$url/noop"
measure cached "$url/cached"
measure uncached "$url/uncached"
stop

label=axum
start "$target/release/examples/side_by_side" --bare "$folder/page"
measure bare "$line/"
