#!/usr/bin/env bash
# Checks what operators load into Prometheus and Grafana, with Prometheus' own promtool: that
# ops/alerts.yml is valid, that its tests pass, and that each query of ops/grafana.json is valid.
# Prints the counts of the tests.
#
# promtool comes from the PATH, or from Debian's package `prometheus`, which is unpacked in the
# cache and not installed: an installed one starts a server.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root/ops"

promtool=$cache_dir/prometheus/usr/bin/promtool
has promtool && promtool=promtool

download_promtool() {
    local folder
    if ! has apt-get || ! has dpkg-deb; then
        die "promtool is missing: install Prometheus, then run this again"
    fi
    mkdir -p "$cache_dir"
    folder=$(mktemp -d "$cache_dir/prometheus.XXXXXX")
    say "downloading prometheus, for its promtool …"
    (
        cd "$folder"
        # Outdated package lists may still be sufficient.
        if ! apt-get download -qq prometheus >&2; then
            apt-get update -qq >&2
            apt-get download -qq prometheus >&2
        fi
        dpkg-deb -x prometheus_*.deb .
    ) || die "could not download prometheus"
    rm -rf "$cache_dir/prometheus"
    mv "$folder" "$cache_dir/prometheus"
}

tools() {
    need jq jq
    has "$promtool" || download_promtool
}

passed=0
failed=0
# try NAME COMMAND…
try() {
    local name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        printf 'ok: %s\n' "$name"
    else
        failed=$((failed + 1))
        printf 'FAILED: %s\n' "$name"
    fi
}

# complain WHAT NAMES: prints the names, and fails.
complain() {
    printf '%s: %s\n' "$1" "${2//$'\n'/, }"
    return 1
}

each_alert_has_a_test() {
    local untested
    untested=$(comm -23 <(names alert alerts.yml) <(names alertname alerts.test.yml))
    [[ -z $untested ]] || complain 'without a test' "$untested"
}

each_alert_is_explained() {
    local unexplained
    unexplained=$(comm -23 <(names alert alerts.yml) \
        <(grep -oE '\bMatchcast[A-Za-z]+' ../docs/OPERATIONS.md | sort -u))
    [[ -z $unexplained ]] || complain 'not in docs/OPERATIONS.md' "$unexplained"
}

# names KEY FILE: the values of a key, sorted.
names() { sed -nE "s/^ *- $1: ([A-Za-z]+)$/\1/p" "$2" | sort -u; }

# The queries of the dashboard as recording rules, because promtool checks rules. The variables of
# Grafana are replaced by values of their kind.
queries_are_valid() {
    local rules status=0
    rules=$(mktemp "${TMPDIR:-/tmp}/matchcast-rules.XXXXXX")
    jq '[.. | objects | select(has("expr")).expr
            | gsub("\\$__rate_interval"; "5m") | gsub("\\$instance"; ".*")]
        | to_entries
        | {groups: [{name: "queries", rules: map({record: "query:\(.key)", expr: .value})}]}' \
        grafana.json >"$rules"
    "$promtool" check rules "$rules" || status=$?
    rm -f "$rules"
    return "$status"
}

# Metrics that the program does not have.
metrics_exist() {
    local unknown
    unknown=$(comm -23 \
        <(grep -ohE 'matchcast_[a-z_]+' alerts.yml grafana.json |
            sed -E 's/_(bucket|sum|count)$//' | sort -u) \
        <(grep -oE 'matchcast_[a-z_]+' ../src/telemetry/metrics.rs | sort -u))
    [[ -z $unknown ]] || complain 'no such metric' "$unknown"
}

case ${1:-} in
tools) tools ;;
check)
    tools
    try 'alerts.yml is valid' "$promtool" check rules alerts.yml
    try 'each alert is raised when it should, and only then' "$promtool" test rules alerts.test.yml
    try 'each alert has a test' each_alert_has_a_test
    try 'each alert is explained' each_alert_is_explained
    try 'each query of grafana.json is valid' queries_are_valid
    try 'each metric exists' metrics_exist
    printf '%s passed, %s failed\n' "$passed" "$failed"
    [[ $failed -eq 0 ]]
    ;;
*) die "usage: scripts/alerts.sh tools|check" ;;
esac
