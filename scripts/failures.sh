#!/usr/bin/env bash
# Prints what failed according to the output of a test runner: the name of each failed test, and
# below it the first line of its error. If the output names no failed test, or is that of another
# program, prints its lines about errors, or else its last line.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Tests are named by lines like `test module::name ... FAILED`. The last panic below `---- name
# stdout ----` ended the test; those before it may be part of the test. A program that crashed names
# no test.
of_rust() {
    awk 'function flush(    i) {
            for (i = 1; i <= count; i++) {
                print names[i]
                if (names[i] in errors) print "  " errors[names[i]]
            }
            count = 0
            split("", errors)
        }
        /^test .* \.\.\. FAILED$/ {
            sub(/^test /, "")
            sub(/( - should panic)? \.\.\. FAILED$/, "")
            names[++count] = $0
        }
        /^---- .* stdout ----$/ { section = $2; next }
        /^failures:$/ { section = "" }
        section != "" && /^(Error|note): / && !/^note: (run with|Some details)/ {
            errors[section] = $0
        }
        # A message that ends with a colon goes on in the next line.
        is_message { errors[section] = errors[section] " " $0; is_message = /:$/ }
        section != "" && /^thread .* panicked at / {
            sub(/.* panicked at /, "")
            errors[section] = $0
            is_message = 1
        }
        /^test result: / { flush() }
        /^error: test failed, to rerun pass / {
            target = $0
            gsub(/.* pass `|`$/, "", target)
        }
        sub(/^ *process didn.t exit successfully: `.*` /, "") {
            flush()
            print "cargo test " target " " $0
        }
        END { flush() }' "$1"
}

# The spec reporter of Node lists the failed tests again after `✖ failing tests:`. Tests that did
# not run, because a hook of their suite failed, precede that suite there; here they come last.
of_node() {
    awk '/^✖ failing tests:/ { is_listed = 1; next }
        !is_listed { next }
        /^test at / { place = substr($0, 9); next }
        /^✖ / {
            sub(/^✖ /, "")
            sub(/ \([0-9.]+ms\)$/, "")
            # The name of a file that failed as a whole is its path.
            name = /^\// ? $0 : place ": " $0
            is_error = 1
            next
        }
        NF == 0 { next }
        { sub(/^ */, "") }
        is_error && /and was cancelled/ { cancelled = cancelled name "\n  " $0 "\n"; is_error = 0 }
        is_error { print name "\n  " $0; is_error = 0; is_value = 1; next }
        # The values of assert.equal() follow its first line.
        is_value && / !== / { print "  " $0 }
        { is_value = 0 }
        END { printf "%s", cancelled }' "$1"
}

# Vitest begins each report with the name; several tests with the same error share one report.
of_vitest() {
    awk '/^ FAIL  / { sub(/^ FAIL  /, ""); print; is_error = 1; next }
        is_error && NF > 0 { print "  " $0; is_error = 0 }' "$1"
}

# Compilers, linters and formatters.
of_other() {
    local lines
    # The first place after an error of rustc is that of the error.
    lines=$(sed 's/\x1b[[(][0-9;]*[A-Za-z]//g' "$1" |
        awk '/^(error|Diff in |\[warn\] )|(^| )error[: ]| ERR! | findings$/ {
                sub(/^ +/, "")
                print
                is_error = 1
                next
            }
            is_error && sub(/^ *--> /, "  ") { print; is_error = 0 }')
    [[ -n $lines ]] || lines=$(grep -v '^ *$' "$1" | tail -n 1 || true)
    printf '%s\n' "$lines"
}

[[ $# -eq 2 ]] || die "usage: scripts/failures.sh rust|node|vitest|other FILE"
case $1 in
rust | node | vitest | other) found=$("of_$1" "$2") ;;
*) die "unknown runner: $1" ;;
esac
[[ -n $found ]] || found=$(of_other "$2")
printf '%s\n' "$found"
