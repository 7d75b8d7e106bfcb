#!/usr/bin/env bash
# Measures how long a newcomer needs from a bare Debian 13 to the first trade in two windows: runs
# the commands of README.md, read from there, as a user in a system made by debootstrap, then trades
# in Chromium. Prints the time of each step. Needs root, for the system.
#
# The system has the committed state of this checkout, nothing else of this machine but the settings
# with which apt, cargo and npm reach their registries, and its network. Chromium runs outside, and
# its installation is not measured.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/debian.sh
source "$root/scripts/debian.sh"
cd "$root"

user=newcomer
rustup_probe_s=20
rustup_limit_s=600
build_limit_s=7200
answer_limit_s=60
log_lines=40

[[ $# -eq 0 ]] || die "usage: scripts/newcomer.sh"
[[ $(id -u) -eq 0 ]] || die "root is required, to create a Debian system in a folder"

folder=
# The process in the system, if one is running.
process=

# Ends everything in the system: its first process ends last, after all others of its namespace.
stop_inside() {
    [[ -n $process ]] || return 0
    pkill -KILL --parent "$process" || kill -KILL "$process" 2>/dev/null || true
    wait "$process" 2>/dev/null || true
    process=
}

# Called by the EXIT trap.
# shellcheck disable=SC2317
remove_system() {
    trap '' INT TERM
    stop_inside
    [[ -z $folder ]] || rm -rf --one-file-system "$folder"
}
trap remove_system EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# start_inside USER COMMAND: starts the command in a login shell of the user. The namespaces end all
# processes and mounts of the system together with the first process.
start_inside() {
    printf '%s\n' "$2" >"$system/tmp/command"
    # shellcheck disable=SC2016 # expanded in the system
    unshare --mount --pid --fork --kill-child --mount-proc="$system/proc" \
        chroot "$system" sh -c 'su --login "$1" --command "bash /tmp/command"; exit $?' sh "$1" \
        >>"$log" 2>&1 </dev/null &
    process=$!
}

# try_inside USER COMMAND: runs the command, and returns its status.
try_inside() {
    local status=0
    start_inside "$1" "$2"
    wait "$process" || status=$?
    process=
    return "$status"
}

inside() {
    try_inside "$@" || fail "$2"
}

# fail SUBJECT: prints the end of the output.
fail() {
    tail -n "$log_lines" "$log" >&2
    die "failed in a bare Debian: $1"
}

# The time of the steps, in milliseconds.
now_ms() { printf '%s' "$((${EPOCHREALTIME/[.,]/} / 1000))"; }

begin() { begin_ms=$(now_ms); }

minutes() { printf '%2d min %4.1f s' $(($1 / 60000)) "$(($1 % 60000 / 100))e-1"; }

lines=()
sum_ms=0
# add NAME MILLISECONDS [REMARK]
add() {
    sum_ms=$((sum_ms + $2))
    lines+=("$(printf '  %-16s%s%s' "$1" "$(minutes "$2")" "${3:+   $3}")")
    say "${lines[-1]}"
}

# end NAME [REMARK]: adds the time since the last `begin`.
end() { add "$1" $(($(now_ms) - begin_ms)) "${2:-}"; }

# commands HEADING: prints the commands of the first block of that section of README.md, each in one
# line.
commands() {
    awk -v heading="$1" '
        $0 == heading { is_section = 1; next }
        is_section && /^```sh$/ { is_block = 1; next }
        is_block && /^```$/ { exit }
        is_block && sub(/ *\\$/, "") { printf "%s", $0; next }
        is_block { sub(/ +# .*/, ""); gsub(/ +/, " "); print }' README.md
}

# Reads the commands. A change of README.md that this script cannot follow stops it.
read_commands() {
    local line quick_start
    packages_command='' rustup_command='' backports_command=''
    while read -r line; do
        case $line in
        'sudo apt-get install '*) packages_command=$line ;;
        'curl '*' | sh') rustup_command=$line ;;
        *) die "README.md has an unknown command under Prerequisites: $line" ;;
        esac
    done < <(commands '### Prerequisites')
    # shellcheck disable=SC2016 # the quotes are those of Markdown
    backports_command=$(grep -o '`sudo apt-get install -t [^`]*`' README.md | tr -d '`' || true)
    [[ -n $packages_command && -n $rustup_command && -n $backports_command ]] ||
        die "README.md does not name the packages, rustup and the backports under Prerequisites"
    quick_start=$(commands '## Quick start')
    [[ $quick_start == $'make run\nmake test' ]] ||
        die "README.md has other commands under Quick start than this script runs: $quick_start"
}

# How this machine reaches the registries: the settings of cargo and npm, and variables. Only those
# settings, so that no cache or wrapper of this machine is used.
copy_registry_settings() {
    local key value cargo_config npmrc home="$system/home/$user"
    mkdir -p "$home/.cargo"
    env | grep -E '^((https?|no)_proxy|(HTTPS?|NO)_PROXY|npm_config_registry)=' \
        >>"$system/etc/environment" || true
    env | grep -E '^(CARGO_(HTTP|NET|REGISTR|SOURCE)[A-Z_]*|RUSTUP_(DIST_SERVER|UPDATE_ROOT))=' \
        >>"$system/etc/environment" || true
    for cargo_config in "${CARGO_HOME:-$HOME/.cargo}"/config{,.toml}; do
        [[ -e $cargo_config ]] || continue
        awk '/^\[/ { is_kept = /^\[(source|registr|net|http)/ } is_kept' "$cargo_config" \
            >>"$home/.cargo/config.toml"
    done
    npmrc="$home/.npmrc"
    for key in registry cafile proxy https-proxy noproxy strict-ssl; do
        value=$(npm config get "$key")
        [[ -z $value || $value == null ]] || printf '%s=%s\n' "$key" "$value" >>"$npmrc"
    done
}

create_system() {
    folder=$(mktemp -d "${TMPDIR:-/tmp}/matchcast-newcomer.XXXXXX")
    system="$folder/system"
    log="$folder/log"
    # The user of the system passes through it.
    chmod 755 "$folder"
    # In the background, so that an interrupt takes effect at once.
    create_debian "$system" sudo >"$log" 2>&1 &
    process=$!
    wait "$process" || fail debootstrap
    process=
    # apt asks before it installs. Recommended packages would hide one that README.md forgets.
    printf 'APT::Get::Assume-Yes "true";\nAPT::Install-Recommends "false";\n' \
        >"$system/etc/apt/apt.conf.d/91newcomer"
    inside root "useradd --create-home --shell /bin/bash $user"
    printf '%s ALL=(ALL) NOPASSWD: ALL\nDefaults env_keep += "DEBIAN_FRONTEND"\n' "$user" \
        >"$system/etc/sudoers.d/$user"
    printf 'DEBIAN_FRONTEND=noninteractive\n' >>"$system/etc/environment"
    copy_registry_settings
    git bundle create --quiet "$system/home/$user/matchcast.bundle" HEAD
    inside root "chown -R $user: /home/$user && apt-get update"
}

# By rustup, or from backports if its servers cannot be reached.
install_rust() {
    # rustup asks how to install, and is answered with the default.
    local unattended="${rustup_command/%| sh/| sh -s -- -y}" sources="$system/etc/apt/sources.list"
    begin
    if try_inside "$user" "timeout $rustup_probe_s ${rustup_command%|*} >/dev/null" &&
        try_inside "$user" "timeout $rustup_limit_s bash -c \"$unattended\"" &&
        try_inside "$user" 'cargo --version'; then
        way=rustup
    else
        say "rustup's servers cannot be reached: taking Rust from $debian_suite-backports"
        begin
        sed "s/ $debian_suite / $debian_suite-backports /" "$sources" \
            >"${sources%.list}.list.d/backports.list"
        inside "$user" "sudo apt-get update && $backports_command"
        way="$debian_suite-backports"
    fi
    end rust "$way"
    inside "$user" 'rustc --version >version'
    rust=$(cut -d ' ' -f 2 "$system/home/$user/version")
}

# The server started by `make run` replaces its script, so it is the last of a chain of children.
server_pid() {
    local pid=$process child
    while child=$(pgrep --parent "$pid" --newest); do pid=$child; done
    printf '%s' "$pid"
}

# The CPU time of the ended children of a process, in milliseconds: here of the build.
children_cpu_ms() {
    local fields
    # The name in brackets may contain spaces. The fields after it begin with the third.
    read -ra fields <<<"$(sed 's/.*) //' "/proc/$1/stat")"
    printf '%s' $(((fields[13] + fields[14]) * 1000 / $(getconf CLK_TCK)))
}

# wait_for LIMIT_S CONDITION…
wait_for() {
    local end_s=$((SECONDS + $1))
    shift
    until "$@"; do
        kill -0 "$process" 2>/dev/null || fail 'make run'
        ((SECONDS < end_s)) || fail "make run, waiting for: $*"
        sleep 0.1
    done
}

is_compiling() { grep -qE '^ *(Updating|Downloading|Compiling) ' "$log"; }
is_built() { grep -q '^ *Finished `' "$log"; }
answers() { curl -sf --noproxy '*' --max-time 1 --output /dev/null "$url/health"; }

# `make run` on a free port, because another server may use the one of README.md.
build_and_start() {
    local port started_ms compiling_ms built_ms cpu_ms
    port=$(free_port)
    url="http://127.0.0.1:$port"
    : >"$log"
    started_ms=$(now_ms)
    start_inside "$user" "cd matchcast && PORT=$port make run"
    wait_for "$build_limit_s" is_compiling
    compiling_ms=$(now_ms)
    wait_for "$build_limit_s" is_built
    built_ms=$(now_ms)
    add dashboard $((compiling_ms - started_ms))
    wait_for "$answer_limit_s" answers
    cpu_ms=$(children_cpu_ms "$(server_pid)")
    add binary $((built_ms - compiling_ms)) "with the dashboard$(minutes "$cpu_ms") of CPU"
    add 'server answers' $(($(now_ms) - built_ms))
}

# Follows README.md in two windows of a browser.
trade() {
    local output name ms
    output=$(MATCHCAST_CHROMIUM=${MATCHCAST_CHROMIUM:-$(command -v chromium)} \
        NO_COLOR=1 node --test-force-exit tests/browser/newcomer.js "$url") || {
        printf '%s\n' "$output" >&2
        fail 'the trade in two windows'
    }
    for name in 'first page' 'first trade'; do
        ms=$(sed -n "s/^$name: \([0-9]*\) ms\$/\1/p" <<<"$output")
        add "$name" "${ms:?is missing in the output of the browser}"
    done
}

read_commands
need debootstrap debootstrap
need unshare util-linux
need pkill procps
need curl curl
scripts/browser.sh prepare
say "creating a Debian system …"
create_system

begin
inside "$user" "$packages_command"
end prerequisites
install_rust
begin
inside "$user" 'git clone --quiet matchcast.bundle matchcast'
end clone
build_and_start
trade
stop_inside

printf '\nDebian 13, %s cores, Rust %s from %s, commit %s\n' "$(nproc)" "$rust" "$way" \
    "$(git rev-parse --short HEAD)"
printf '%s\n' "${lines[@]}"
printf '  %-16s%s\n' sum "$(minutes "$sum_ms")"
