#!/usr/bin/env bash
# A rolling upgrade from an older version of matchcast, and the way back, under load:
#
#     scripts/upgrade.sh REVISION     the older version is built from this revision of git
#
# MATCHCAST_BIN and MATCHCAST_OLD_BIN name binaries in place of those that are built. The last line
# is `N passed, N failed`.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

[[ $# -eq 1 || -n ${MATCHCAST_OLD_BIN:-} ]] || die "usage: scripts/upgrade.sh REVISION"
need_build_tools
need_node
need git git
install_npm tests/clients

folder=$(mktemp -d "${TMPDIR:-/tmp}/matchcast-upgrade.XXXXXX")
trap 'rm -rf "$folder"' EXIT

# build SOURCE: prints the binary. The page is not needed, so there is none.
build() {
    mkdir -p "$1/frontend/dist"
    (cd "$1" && cargo build --locked --bin matchcast --target-dir "$2" >&2)
    printf '%s/debug/matchcast' "$2"
}

if [[ -z ${MATCHCAST_OLD_BIN:-} ]]; then
    git archive --prefix=old/ "$1" | tar -x -C "$folder"
    MATCHCAST_OLD_BIN=$(build "$folder/old" "$(target_dir)/upgrade")
    cp "$MATCHCAST_OLD_BIN" "$folder/matchcast-old"
    MATCHCAST_OLD_BIN="$folder/matchcast-old"
fi
if [[ -z ${MATCHCAST_BIN:-} ]]; then
    MATCHCAST_BIN=$(build "$root" "$(target_dir)/upgrade")
fi
export MATCHCAST_BIN MATCHCAST_OLD_BIN HA_FOLDER="$folder"

status=0
(cd tests/clients && NO_COLOR=1 "$root/scripts/with-postgres.sh" node --test \
    --test-reporter=spec --test-force-exit --test-timeout=600000 upgrade/rolling.test.js) |
    tee "$folder/output" || status=1
end_with_counts "$folder/output" "$status"
