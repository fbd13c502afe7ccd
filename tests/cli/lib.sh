#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034  # the tests use what is set here
# Sourced by the tests of the program: an empty directory to work in, and checks that say what was
# expected. A test ends with "finish".
set -u
dsnarf=$DSNARF_BUILD/dsnarf
examples=$TOP_SRCDIR/packaging/examples
if [ ! -x "$dsnarf" ]; then
    echo "FAILED: there is no $dsnarf"
    exit 1
fi
work=$(mktemp -d)
cd "$work" || exit 1
failures=0

# Writers into pipes that nobody read would otherwise stay for good.
clean_up() {
    # shellcheck disable=SC2046  # numbers
    kill $(jobs -p) 2>/dev/null
    chmod -R u+rwx "$work"
    rm -rf "$work"
}
trap clean_up EXIT

fail() {
    failures=$((failures + 1))
    echo "FAILED: $label: $*"
    if [ -s "$work/.err" ]; then
        sed 's/^/    stderr: /' "$work/.err"
    fi
}

# try LABEL STATUS COMMAND...: runs it with what is on standard input, keeps what it writes in .out
# and .err, and checks its exit status.
try() {
    label=$1 wanted=$2
    shift 2
    "$@" >"$work/.out" 2>"$work/.err"
    status=$?
    echo "$label: status $status"
    [ "$status" -eq "$wanted" ] || fail "status $status instead of $wanted"
}

# same STREAM TEXT: .out or .err is exactly TEXT (its last line end is added).
same() {
    if [ -n "$2" ]; then
        printf '%s\n' "$2" >"$work/.want"
    else
        : >"$work/.want"
    fi
    diff "$work/.want" "$work/.$1" >"$work/.diff" || {
        fail "$1 differs"
        sed 's/^/    /' "$work/.diff"
    }
}

# has STREAM PATTERN...: .out or .err has a line for each basic regular expression.
has() {
    stream=$1
    shift
    for pattern in "$@"; do
        grep -q -e "$pattern" "$work/.$stream" || fail "no line of $stream is like: $pattern"
    done
}

# lacks STREAM PATTERN
lacks() {
    ! grep -q -e "$2" "$work/.$1" || fail "a line of $1 is like: $2"
}

# lines N: .out has so many.
lines() {
    [ "$(wc -l <"$work/.out")" -eq "$1" ] || fail "$(wc -l <"$work/.out") lines instead of $1"
}

# files_of: the values of "file" in .out, in order, one a line.
files_of() {
    sed -n 's/^{"file":"\([^"]*\)".*/\1/p' "$work/.out"
}

# A message that is no report, with the Subject $1.
message() {
    printf 'From: a@b.example\nSubject: %s\n\ntext\n' "$1"
}

# boxed: standard input, a message, as it stands in an mbox.
boxed() {
    printf 'From a@b.example Thu Jan  1 00:00:00 1970\n'
    cat
    echo
}

finish() {
    echo "$failures failures"
    [ "$failures" -eq 0 ]
    exit
}
