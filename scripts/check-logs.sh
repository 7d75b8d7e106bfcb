#!/usr/bin/env bash
# Searches the logs of the tests for secrets and personal data, which no log may contain:
#
#     scripts/check-logs.sh FOLDER [FILE…]
#
# FOLDER contains the logs: MATCHCAST_TEST_LOGS named it during the tests. Its file known-secrets
# lists the secrets that the tests used, one per line. The FILEs are outputs of test runners and are
# searched as well. The script fails if it finds anything, and prints the finding redacted. It also
# fails if the folder contains too little to be conclusive. A self-test comes first: it plants
# secrets and verifies that the search finds them.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# An optional quotation mark, which is escaped in JSON within a string; the first character of a
# value, except for `::`, `(secret)` and empty values; and the names of secret fields.
quote='\\?["'\'']?'
value='[^ :("'\''\\]'
field='(password|secret|app_key|master_key[a-z0-9_]*)'
# Patterns that indicate a secret regardless of its value. Matching ignores case.
declare -A patterns=(
    ['a signature']='auth_signature=[0-9a-f]'
    ['a bearer token']='[0-9]+(\||%7c)[0-9a-z]{40}|bearer +[0-9a-z]'
    ['a cookie']='(matchcast_session|xsrf-token)=[^ ;]'
    # Except for the commit of the compiler in a backtrace: /rustc/…
    ['a long hexadecimal number']='(^|[^/]|(^|[^c])/)[0-9a-f]{40}'
    ['32 bytes in base64']='(^|[^a-z0-9+/])[a-z0-9+/]{43}='
    ['an e-mail address']='[a-z0-9._%+-]+(@|%40)[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2}'
    ['a password in a field']="[=:] *${quote}password\\b"
    ['a field of a secret']="$field${quote}[=:] *$quote$value"
)

# How MySQL says whether it was given a password, which is not a secret.
harmless='\(using password: (YES|NO)\)'

# With less than this, a search without findings would prove nothing.
min_lines=1000
min_processes=20
min_secrets=50
max_shown=20

# search KNOWN_SECRETS FILE…: prints FILE:LINE:KIND for each finding.
search() {
    local kind known_secrets=$1
    shift
    # The file is missing if no test recorded a secret.
    if [[ -s $known_secrets ]]; then
        grep -HnaF -f "$known_secrets" -- "$@" | cut -d: -f1,2 |
            sed 's/$/:a secret of the tests/' || true
    fi
    for kind in "${!patterns[@]}"; do
        grep -HnaiE -- "${patterns[$kind]}" "$@" | sed -E "s/$harmless//" |
            grep -aiE -- "${patterns[$kind]}" | cut -d: -f1,2 | sed "s/\$/:$kind/" || true
    done
}

# redacted KNOWN_SECRETS LINE: prints the line without the secrets.
redacted() {
    local known_secrets=$1 line=$2 secret kind d=$'\001'
    while IFS= read -r secret; do
        line=${line//"$secret"/[redacted]}
    done < <(sort -u "$known_secrets" 2>/dev/null || true)
    for kind in "${!patterns[@]}"; do
        # The pattern matches only the beginning; also remove the rest of the value.
        line=$(sed -E "s${d}(${patterns[$kind]})[^][ \"',;]*${d}[redacted]${d}gI" <<<"$line")
    done
    printf '%s' "${line:0:200}"
}

# check_files KNOWN_SECRETS FILE…: prints the findings; fails if there are any.
check_files() {
    local known_secrets=$1 found file number kind
    shift
    found=$(search "$known_secrets" "$@" | sort -u)
    [[ -n $found ]] || return 0
    while IFS=: read -r file number kind; do
        printf '%s:%s: %s: %s\n' "${file##*/}" "$number" "$kind" \
            "$(redacted "$known_secrets" "$(sed -n "${number}p" "$file")")"
    done < <(head -n "$max_shown" <<<"$found")
    printf '%d findings\n' "$(wc -l <<<"$found")"
    return 1
}

# check_amount FOLDER: fails if the folder contains too little to be conclusive.
check_amount() {
    local folder=$1 lines processes secrets
    lines=$(cat "$folder"/*.log 2>/dev/null | wc -l)
    # A file without DEBUG lines comes from a process that did not log at level debug.
    processes=$(grep -laE ' DEBUG ' "$folder"/{process,client}-*.log 2>/dev/null | wc -l)
    secrets=$(sort -u "$folder/known-secrets" 2>/dev/null | wc -l)
    printf '%d lines, %d processes at level debug, %d secrets\n' "$lines" "$processes" "$secrets"
    if ! grep -qaE ' (INFO|WARN|ERROR) ' "$folder"/it-*.log 2>/dev/null; then
        printf 'there are no log lines from the Rust tests (it-*.log)\n'
        return 1
    fi
    if ((lines < min_lines || processes < min_processes || secrets < min_secrets)); then
        printf 'too little to be conclusive: at least %d lines, %d processes, %d secrets\n' \
            "$min_lines" "$min_processes" "$min_secrets"
        return 1
    fi
}

# Plants each kind of secret and verifies that it is found and redacted.
self_test() {
    local folder kind line output secret=0123456789abcdefghij
    folder=$(mktemp -d "${TMPDIR:-/tmp}/matchcast-check-logs.XXXXXX")
    # shellcheck disable=SC2064 # expands now, because the variable is local
    trap "rm -rf '$folder'" RETURN
    printf '%s\n' "$secret" >"$folder/known-secrets"
    cat >"$folder/clean.log" <<'CLEAN'
2026-01-31T10:00:00.000000Z  INFO events go to the provider destination=http://127.0.0.1:8080
2026-01-31T10:00:00.000000Z ERROR the provider refuses; events wait status=400 likely_cause="look \
at PUSHER_APP_SECRET, which must be the secret of the key" error=Unknown auth_key
thread 'main' panicked at /rustc/00112233445566778899aabbccddeeff00112233/library/core/src/a.rs:1:
Access denied for user 'reader'@'localhost' (using password: YES)
password: (secret) order.id=12345678901234567890 price=0.00000001 private-user.1 postgres@127.0.0.1
CLEAN
    output=$(check_files "$folder/known-secrets" "$folder/clean.log") ||
        die "self-test: a false positive: $output"
    local -A planted=()
    while IFS='>' read -r kind line; do
        planted[$kind]=yes
        printf 'a line\nthe beginning %s the end\n' "$line" >"$folder/planted.log"
        if output=$(check_files "$folder/known-secrets" "$folder/clean.log" "$folder/planted.log")
        then
            die "self-test: not found: $line"
        fi
        [[ $output == *"planted.log:2: $kind: "*'[redacted]'*' findings' ]] ||
            die "self-test: unexpected output: $output"
        [[ $output != *hidden* && $output != *"$secret"* ]] ||
            die "self-test: a secret was printed: $output"
    done <<PLANTED
a secret of the tests>error=$secret
a signature>POST /apps/1/events?auth_key=k&auth_signature=abcdef0123456789-hidden
a bearer token>token=17|zzzzzzzzzzyyyyyyyyyyxxxxxxxxxxwwwwwwwwwwhidden
a bearer token>Authorization: Bearer hidden
a cookie>cookie: matchcast_session=hidden
a cookie>set-cookie: XSRF-TOKEN=hidden; Path=/
a long hexadecimal number>state=00112233445566778899aabbccddeeff00112233-hidden
a long hexadecimal number>/state/00112233445566778899aabbccddeeff00112233-hidden
a long hexadecimal number>00112233445566778899aabbccddeeff00112233-hidden
32 bytes in base64>shared key MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=-hidden
an e-mail address>email=hidden@example.com
an e-mail address>/api/nothing?email=hidden%40example.com
a password in a field>{"email":"x","word":"password-hidden"}
a field of a secret>{\"password\":\"hidden\"}
a field of a secret>Login { password: "hidden" }
a field of a secret>APP_KEY=hidden
a field of a secret>PUSHER_ENCRYPTION_MASTER_KEY_BASE64=hidden
PLANTED
    for kind in "${!patterns[@]}"; do
        [[ -n ${planted[$kind]:-} ]] || die "self-test: no example of $kind"
    done
    mkdir "$folder/empty"
    if output=$(check_amount "$folder/empty"); then die "self-test: accepted as enough: $output"; fi
    cp "$folder/clean.log" "$folder/empty/it-1.log"
    if output=$(check_amount "$folder/empty"); then die "self-test: accepted as enough: $output"; fi
}

[[ $# -gt 0 ]] || die "usage: scripts/check-logs.sh FOLDER [FILE…]"
folder=$1
shift
self_test
problem=
check_amount "$folder" || problem=yes
shopt -s nullglob
logs=("$folder"/*.log)
if [[ ${#logs[@]} -gt 0 || $# -gt 0 ]]; then
    check_files "$folder/known-secrets" "${logs[@]}" "$@" || problem=yes
fi
if [[ -n $problem ]]; then
    printf '0 passed, 1 failed\n'
    exit 1
fi
printf '1 passed, 0 failed\n'
