#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What "dsnarf parse" shows on a terminal, and that it shows nothing elsewhere.
# shellcheck disable=SC2016  # commands for another shell stand in single quotes
# shellcheck disable=SC2094  # "message x >x" reads nothing
. "$TOP_SRCDIR/tests/cli/lib.sh"
if ! script -qec true /dev/null </dev/null >/dev/null 2>&1; then
    echo "skipped: script(1) is not installed, or there are no pseudo-terminals here"
    exit 77
fi
unset NO_COLOR
TERM=xterm
export TERM dsnarf examples

# on_terminal LABEL COMMAND: what its terminal shows is .err, with line ends as in a file.
on_terminal() {
    label=$1
    script -qec "stty cols 80; $2" /dev/null </dev/null 2>&1 | tr -d '\r' >.err
    echo "$label"
}
escape=$(printf '\033')
{
    message one | boxed
    boxed <"$examples/dsn.eml"
    boxed <"$examples/feedback.eml"
    message four | boxed
} >box

on_terminal "summary" '"$dsnarf" parse box >out'
same err 'dsnarf: 4 messages: 1 feedback report, 1 delivery status notification, 2 other'
[ "$(wc -l <out)" -eq 4 ] || fail "$(wc -l <out) lines"
on_terminal "summary of one" '"$dsnarf" parse "$examples/feedback.eml" >out'
same err 'dsnarf: 1 message: 1 feedback report'
on_terminal "summary of many" 'for i in $(seq 600); do echo box; done | xargs "$dsnarf" parse >out'
same err 'dsnarf: 2,400 messages: 600 feedback reports, 600 delivery status notifications, 1,200 other'
on_terminal "summary of nothing" 'mkdir empty; "$dsnarf" parse empty >out'
same err 'dsnarf: 0 messages'

# The bar waits for a second after the start, which may take a while itself, and is wiped before
# anything else is written.
slow='{ cat box; sleep 3; for i in $(seq 300); do cat box; done; sleep 0.3; echo; } | "$dsnarf" parse - missing >out'
on_terminal "a bar" "$slow"
has err "\[.*messages, .*/s" "$escape\[K" "$escape\[32m" 'dsnarf: missing: No such file'
on_terminal "a bar without colours" "NO_COLOR=1; export NO_COLOR; $slow"
has err "\[.*messages, .*/s" "$escape\[K"
lacks err "$escape\[32m"
on_terminal "a terminal that cannot" "TERM=dumb; $slow"
lacks err "$escape"
lacks err 'messages, .*/s'
has err '^dsnarf: 1,204 messages'
on_terminal "no bar between the data" '{ cat box; sleep 3; for i in $(seq 300); do cat box; done; sleep 0.3; } | "$dsnarf" parse -'
lacks err 'messages, .*/s'
has err '^{"file":"-#1"'

# Nothing of that where it would be in the way.
mkfifo pipe
{ cat box; sleep 3; seq 300 | xargs -I '{}' cat box; } >pipe &
try "not on a terminal" 0 "$dsnarf" parse pipe
same err ''

label="no PATH and a terminal as input"
script -qec '"$dsnarf" parse' /dev/null </dev/null 2>&1 | tr -d '\r' >.err
has err '^dsnarf: parse: no PATH is given, and standard input is a terminal'
finish
