#!/usr/bin/env bash
# Searches what was logged in tests for what no log may hold:
#
#     scripts/check-logs.sh FOLDER [FILE…]
#
# FOLDER is what MATCHCAST_TEST_LOGS named during the tests; its file known-secrets has the secrets
# that they used, one in a line. The FILEs, outputs of test runners, are searched as well. A finding
# fails and is shown without what was found; so does a folder in which hardly anything was logged.
# First of all it makes sure that it would find what it looks for.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# A quotation mark or none, as it is written in JSON and in JSON in a string; and the beginning of a
# value, which is not that of ::, (secret) or nothing.
quote='\\?["'\'']?'
value='[^ :("'\''\\]'
# What gives a secret away, whatever its value; upper and lower case are the same.
declare -A patterns=(
    ['a signature']='auth_signature=[0-9a-f]'
    ['a bearer token']='[0-9]+(\||%7c)[0-9a-z]{40}|bearer +[0-9a-z]'
    ['a cookie']='(matchcast_session|xsrf-token)=[^ ;]'
    ['a long hexadecimal number']='[0-9a-f]{40}'
    ['32 bytes in base64']='(^|[^a-z0-9+/])[a-z0-9+/]{43}='
    ['an e-mail address']='[a-z0-9._%+-]+(@|%40)[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2}'
    ['a password in a field']="[=:] *${quote}password\\b"
    ['a field of a secret']="(password|secret|app_key|master_key[a-z0-9_]*)$quote[=:] *$quote$value"
)

# At least so much must have been logged, or the search shows nothing.
least_lines=1000
least_processes=20
least_secrets=50
shown=20

# Prints FILE:LINE:KIND for everything that is found in these files.
search() {
    local kind known=$1
    shift
    # An empty file of patterns would match every line.
    if [[ -s $known ]]; then
        grep -HnaF -f "$known" -- "$@" | cut -d: -f1,2 | sed 's/$/:a secret of the tests/' || true
    fi
    for kind in "${!patterns[@]}"; do
        grep -HnaiE -- "${patterns[$kind]}" "$@" | cut -d: -f1,2 | sed "s/\$/:$kind/" || true
    done
}

# Prints a line without anything of what is searched for.
redacted() {
    local known=$1 line=$2 secret kind d=$'\001'
    while IFS= read -r secret; do
        line=${line//"$secret"/[redacted]}
    done < <(sort -u "$known" 2>/dev/null || true)
    for kind in "${!patterns[@]}"; do
        # What follows belongs to it, as far as it goes.
        line=$(sed -E "s$d(${patterns[$kind]})[^][ \"',;]*$d[redacted]${d}gI" <<<"$line")
    done
    printf '%s' "${line:0:200}"
}

# Says what was found; fails if anything was.
check_files() {
    local known=$1 found file number kind
    shift
    found=$(search "$known" "$@" | sort -u)
    [[ -n $found ]] || return 0
    while IFS=: read -r file number kind; do
        printf '%s:%s: %s: %s\n' "${file##*/}" "$number" "$kind" \
            "$(redacted "$known" "$(sed -n "${number}p" "$file")")"
    done < <(head -n "$shown" <<<"$found")
    printf '%d findings\n' "$(wc -l <<<"$found")"
    return 1
}

# Fails where so little was logged that nothing could be found.
check_amount() {
    local folder=$1 lines processes secrets
    lines=$(cat "$folder"/*.log 2>/dev/null | wc -l)
    # A process says at its start where it sends events, and how its requests go at level debug.
    processes=$(grep -laE ' DEBUG ' "$folder"/{process,client}-*.log 2>/dev/null | wc -l)
    secrets=$(sort -u "$folder/known-secrets" 2>/dev/null | wc -l)
    printf '%d lines, %d processes at level debug, %d secrets\n' "$lines" "$processes" "$secrets"
    if ! grep -qaE ' (INFO|WARN|ERROR) ' "$folder"/it-*.log 2>/dev/null; then
        printf 'the tests themselves have logged nothing\n'
        return 1
    fi
    if ((lines < least_lines || processes < least_processes || secrets < least_secrets)); then
        printf 'that is too little: at least %d lines, %d processes, %d secrets are expected\n' \
            "$least_lines" "$least_processes" "$least_secrets"
        return 1
    fi
}

# Plants each kind of secret, and sees that it is found and not shown.
self_test() {
    local folder kind line said secret=0123456789abcdefghij
    folder=$(mktemp -d "${TMPDIR:-/tmp}/matchcast-check-logs.XXXXXX")
    # shellcheck disable=SC2064 # the folder of this very call
    trap "rm -rf '$folder'" RETURN
    printf '%s\n' "$secret" >"$folder/known-secrets"
    cat >"$folder/clean.log" <<'CLEAN'
2026-01-31T10:00:00.000000Z  INFO events go to the provider destination=http://127.0.0.1:8080
2026-01-31T10:00:00.000000Z ERROR the provider refuses; events wait status=400 likely_cause="look \
at PUSHER_APP_SECRET, which must be the secret of the key" answer=Unknown auth_key
password: (secret) order.id=12345678901234567890 price=0.00000001 private-user.1 postgres@127.0.0.1
CLEAN
    said=$(check_files "$folder/known-secrets" "$folder/clean.log") ||
        die "nothing is wrong with this, and yet: $said"
    local -A planted=()
    while IFS='>' read -r kind line; do
        planted[$kind]=yes
        printf 'a line\nthe beginning %s the end\n' "$line" >"$folder/planted.log"
        if said=$(check_files "$folder/known-secrets" "$folder/clean.log" "$folder/planted.log")
        then
            die "this was not found: $line"
        fi
        [[ $said == *"planted.log:2: $kind: "*'[redacted]'*' findings' ]] ||
            die "strange words: $said"
        [[ $said != *hidden* && $said != *"$secret"* ]] || die "this was shown: $said"
    done <<PLANTED
a secret of the tests>answer=$secret
a signature>POST /apps/1/events?auth_key=k&auth_signature=abcdef0123456789-hidden
a bearer token>token=17|zzzzzzzzzzyyyyyyyyyyxxxxxxxxxxwwwwwwwwwwhidden
a bearer token>Authorization: Bearer hidden
a cookie>cookie: matchcast_session=hidden
a cookie>set-cookie: XSRF-TOKEN=hidden; Path=/
a long hexadecimal number>state=00112233445566778899aabbccddeeff00112233-hidden
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
        [[ -n ${planted[$kind]:-} ]] || die "nobody has tried to find $kind"
    done
    mkdir "$folder/empty"
    if said=$(check_amount "$folder/empty"); then die "this was enough: $said"; fi
    cp "$folder/clean.log" "$folder/empty/it-1.log"
    if said=$(check_amount "$folder/empty"); then die "this was enough: $said"; fi
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
