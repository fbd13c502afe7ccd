#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# dsnarf why on a spool without a daemon: each thing that it can tell, by each name.
. "$TOP_SRCDIR/tests/cli/lib.sh"

usage() {
    label=$1
    shift
    try "$label" 2 "$dsnarf" why "$@"
    same out ''
}

usage "no id"
has err '^dsnarf: why: expected one id of a record or report, or a Message-ID$'
usage "two ids" a b
has err 'expected one id'
usage "an empty id" ''
has err 'expected one id'
usage "an id in Latin 1" "$(printf 'm\374ller')"
has err 'no text in UTF-8$'
try "no spool" 1 "$dsnarf" why x --spool nowhere
has err 'nowhere: No such file or directory$'

"$DSNARF_BUILD/tests/spool/driver" story "$work/spool" 0 || fail "the driver"
time='[0-9-]\{10\} [0-9:]\{8\}'
made="^$time  Bounce for a@x.example, b@x.example from from@acme.example, tenant acme, posted by mta1;"
made="$made action failed; a notice was made, Message-ID n.1@mta.example\$"

for id in sent n.1@mta.example '<n.1@mta.example>'; do
    try "sent, by $id" 0 "$dsnarf" why "$id" --spool spool
    has out "$made" "^$time  the notice was taken by relay default, after 1 attempt: 250 2.0.0 taken\$" \
        '^now                  entry 1 is not in the queue any more$'
    [ "$(wc -l <.out)" -eq 3 ] || fail "$(wc -l <.out) lines instead of 3"
done
try "waiting" 0 "$dsnarf" why later --spool spool
has out "^$time  relay default did not take the notice, after 1 attempt; again at $time: 450 4.2.0 later\$" \
    "^now                  entry 2 waits in the queue for relay default to to@example.com, after 1 attempt, next $time: 450 4.2.0 later\$"
try "dead" 0 "$dsnarf" why dead --spool spool
has out "^$time  relay default did not take the notice, which is a dead letter now, after 1 attempt: 550 5.1.1 no\$" \
    '^now                  entry 3 is a dead letter for relay default to to@example.com, after 1 attempt: 550 5.1.1 no$'
try "retried" 0 "$dsnarf" queue retry 3 --spool spool
try "dropped" 0 "$dsnarf" queue drop 3 --spool spool
try "what an administrator did" 0 "$dsnarf" why n.3@mta.example --spool spool
has out "^$time  an administrator had it tried again\$" \
    "^$time  an administrator dropped it\$" '^now .* entry 3 is not in the queue any more$'
try "refused, with a hostile recipient" 0 "$dsnarf" why refused --spool spool
has out '; no notice: the original has the null sender, and so nobody to tell (null-sender)$' \
    '^.* Bounce for a.*x.example and 3 more from <>; action failed'
grep -q "$(printf '\033')" .out && fail "an escape reached the terminal"

try "records at outlets" 0 "$dsnarf" why report --spool spool
has out "^$time  OOB; records made: 2\$" \
    "^$time  outlet file:all has the record, in /log\$" \
    "^$time  outlet webhook:crm has the record: 200 OK\$" \
    "^$time  outlet webhook:crm could not hand on the record, which is a dead letter now: 422 what is that?\$" \
    '^now                  entry 4 is a dead letter for outlet webhook:crm: 422 what is that?$' \
    '^now                  the record waits for outlet webhook:slow$'
[ "$(grep -c 'in /log$' .out)" -eq 2 ] || fail "not both records are in the file"
[ "$(wc -l <.out)" -eq 8 ] || fail "$(wc -l <.out) lines instead of 8"
try "records at outlets, as JSON" 0 "$dsnarf" why report --json --spool spool
has out '"subject":"report","event":"OOB","records":2,"position":2,"last_position":3}$' \
    '"subject":"report","outlet":"webhook:crm","event":"sent","reply":"200 OK"}$' \
    '^{"subject":"report","state":"waiting","outlet":"webhook:slow"}$'
try "a record in the list" 0 "$dsnarf" queue list --spool spool
has out '^ *4  dead .*  OOB report  (outlet webhook:crm)$' '^          422 what is that?$'
try "a record shown" 0 "$dsnarf" queue show 4 --spool spool
has out '^kind: record$' '^outlet: webhook:crm$' '^{}$'
try "a record retried" 0 "$dsnarf" queue retry 4 --spool spool
try "where it is then" 0 "$dsnarf" why report --spool spool
has out "^$time  an administrator had it tried again\$" \
    '^now                  entry 4 waits in the queue for outlet webhook:crm, next .*: 422 what is that?$'

try "JSON lines" 0 "$dsnarf" why n.1@mta.example --json --spool spool
has out '^{"time":"[0-9T:.-]*Z","subject":"n.1@mta.example","see":"sent","entry":1}$' \
    '^{"time":"[0-9T:.-]*Z","subject":"sent","event":"Bounce","sender":"from@acme.example",.*"entry":1}$' \
    '^{"time":"[0-9T:.-]*Z","subject":"sent","event":"sent","entry":1,"relay":"default","attempts":1,"reply":"250 2.0.0 taken"}$' \
    '^{"entry":1,"state":"gone"}$'
[ "$(wc -l <.out)" -eq 4 ] || fail "$(wc -l <.out) lines instead of 4"

try "unknown" 1 "$dsnarf" why nobody --spool spool
same out ''
same err 'dsnarf: why: nothing is known about nobody; what happens is remembered for history.keep'
try "tenant and relay in the list" 0 "$dsnarf" queue list --spool spool
has out '  to@example.com  (tenant acme)$'

try "erased" 0 "$dsnarf" queue drop --sender From@acme.example --spool spool
has out '^0 entries dropped$' '^erased: 0 records, [1-9][0-9]* lines of history, 0 attempts, 0 captures$'
try "what is left" 0 "$dsnarf" why sent --spool spool
has out "^$time  what was remembered here was erased\$" '250 2.0.0 taken$'
grep -q acme .out && fail "it is still named"
try "no address" 1 "$dsnarf" queue drop --sender acme --spool spool
same err 'dsnarf: queue: a sender is an address'
finish
