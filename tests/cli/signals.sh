#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# How "dsnarf parse" ends when its reader goes away or somebody interrupts it.
. "$TOP_SRCDIR/tests/cli/lib.sh"

for name in 1 2 3 4 5 6 7 8 9 10; do
    message "$name" | boxed
done >ten
for name in 1 2 3 4 5 6 7 8 9 10; do
    cat ten ten ten ten ten ten ten ten ten ten ten ten ten ten ten ten ten ten ten ten
done >box
mkfifo endless
feed() {
    while cat box; do :; done >endless 2>/dev/null &
    feeder=$!
}

# A reader that has seen enough.
for jobs in 1 4; do
    { env --default-signal=PIPE "$dsnarf" parse --jobs "$jobs" box box box box 2>.err; echo $? >status; } | head -n 1 >.out
    label="the reader goes, $jobs jobs"
    [ "$(cat status)" -eq 141 ] || fail "status $(cat status)"
    same err ''
    lines 1
    { env --ignore-signal=PIPE "$dsnarf" parse --jobs "$jobs" box box box box 2>.err; echo $? >status; } | head -n 1 >.out
    label="the same with SIGPIPE ignored, $jobs jobs"
    [ "$(cat status)" -eq 1 ] || fail "status $(cat status)"
    same err ''
    lines 1
done

# wait_for COMMAND...: until it is true, or for a minute.
wait_for() {
    waited=0
    until "$@" || [ "$waited" -ge 1200 ]; do
        sleep 0.05
        waited=$((waited + 1))
    done
}

# wait_end: the exit status of $program in $status; what does not end is killed.
wait_end() {
    wait_for test ! -e "/proc/$program/exe" # a zombie has none
    kill -s KILL "$program" 2>/dev/null
    wait "$program"
    status=$?
}

# interrupt SIGNAL JOBS: while it parses without end.
interrupt() {
    label="SIG$1, $2 jobs"
    rm -f .out
    feed
    env --default-signal="$1" "$dsnarf" parse --jobs "$2" endless >.out 2>.err &
    program=$!
    wait_for test -s .out
    kill -s "$1" "$program"
    wait_end
    kill "$feeder" 2>/dev/null
    wait "$feeder" 2>/dev/null
    echo "$label: status $status, $(wc -l <.out) lines"
    [ "$status" -eq "$3" ] || fail "status $status"
    python3 -c 'import json, sys
for line in sys.stdin:
    assert line.endswith("\n")
    json.loads(line)' <.out || fail "a line is not whole"
    same err ''
}
interrupt INT 1 130
interrupt INT 4 130
interrupt TERM 2 143
interrupt HUP 1 129

# Signals that the parent ignores stay ignored, as nohup(1) wants it.
label="SIGHUP ignored"
mkfifo slow
{ message one; wait_for test -e go_on; message two; } >slow &
env --ignore-signal=HUP "$dsnarf" parse slow >.out 2>.err &
program=$!
wait_for grep -qsx dsnarf "/proc/$program/comm" # it is no shell or env(1) any more
kill -s HUP "$program"
: >go_on
wait_end
[ "$status" -eq 0 ] || fail "status $status"
lines 1

# A reader that takes nothing does not make it deaf.
label="SIGINT while nobody reads"
mkfifo stuck
tail -f /dev/null <stuck &
sleeper=$!
env --default-signal=INT "$dsnarf" parse box box box box >stuck 2>.err &
program=$!
wait_for grep -qsx dsnarf "/proc/$program/comm"
sleep 0.5 # until the pipe is full; where that takes longer, it is interrupted in between
started=$(date +%s)
kill -s INT "$program"
wait_end
took=$(($(date +%s) - started))
kill "$sleeper"
[ "$status" -eq 130 ] || fail "status $status"
echo "$label: status $status, $took s"
[ "$took" -lt 30 ] || fail "took $took s"
finish
