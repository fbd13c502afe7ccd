#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# dsnarf ingest where no daemon runs; tests/e2e/ingest.py has the rest.
. "$TOP_SRCDIR/tests/cli/lib.sh"

mkdir -m 700 spool
cat >dsnarf.toml <<EOF
hostname = "mta1.example.com"
[spool]
directory = "$work/spool"
[notice]
senders = ["*"]
trust = ["any"]
[file.out]
path = "$work/records.json"
types = ["Feedback", "OOB"]
EOF

ingest() {
    "$dsnarf" ingest -c dsnarf.toml "$@"
}

# feedback N, bounce N: a report and a record that differ by N.
feedback() {
    sed "s/fbl-88213@/fbl-$1@/" "$examples/feedback.eml"
}
now=$(date +%s)
stamp=$(date -u -d "@$now" +%FT%TZ)
bounce() {
    sed "s/^{/{\"x\":\"$1\",/; s/\"id\": *\"[0-9a-f]*\"/\"id\":\"$(printf %032x "$1")\"/
        s/\"timestamp\": *[0-9]*/\"timestamp\":$now/; s/\"created\": *[0-9]*/\"created\":$now/
        s/\"event_time\": *\"[^\"]*\"/\"event_time\":\"$stamp\"/
        s/\"created_time\": *\"[^\"]*\"/\"created_time\":\"$stamp\"/" \
        "$examples/bounce.json" | tr -d '\n'
    echo
}

# ---- wrong use ----

try "messages and records" 2 ingest --messages --records x
has err 'exclude each other$'
try "no jobs" 2 ingest --jobs 0 x
has err '^dsnarf: ingest: --jobs takes a number from 1 to 32$'
try "no configuration" 2 "$dsnarf" ingest -c nonesuch.toml x
has err 'nonesuch.toml'

# ---- messages ----

mkdir -p mails/new mails/cur mails/tmp
feedback 1 >mails/new/1
feedback 2 >mails/cur/2:2,S
cp "$examples/dsn.eml" mails/new/3
message "no report" >mails/new/4
feedback 5 >mails/tmp/5
cp -r mails mails.before

try "a dry run of a Maildir" 0 ingest --dry-run mails
same err ''
lines 4
has out '^{"file":"mails/cur/2:2,S","outcome":"recorded","records":1}$' \
    '^{"file":"mails/new/4","outcome":"nothing","reason":"not-a-report"}$'
try "nothing was kept" 1 "$dsnarf" queue status --spool spool
has err 'there is no spool here'

try "a Maildir" 0 ingest mails
same err ''
has out '^4 messages read: 3 reports recorded (3 records), 0 duplicates, 1 that makes no record (not-a-report 1)$' \
    '^no daemon runs: what is to be delivered waits until it starts$'
try "the Maildir is as it was" 0 diff -r mails mails.before
try "a Maildir again" 0 ingest mails
has out '^4 messages read: 0 reports recorded (0 records), 3 duplicates, 1 that makes no record'
try "records wait for the outlet" 0 "$dsnarf" queue status --spool spool
has out 'records to be written: 3$'

for i in 11 12 13; do feedback $i | boxed; done >box
try "an mbox" 0 ingest box
has out '^3 messages read: 3 reports recorded (3 records), 0 duplicates$'
lacks out 'was read on'
feedback 14 | boxed >>box
try "an mbox that has grown" 0 ingest box
has out '^1 message read: 1 report recorded (1 record), 0 duplicates$' '^1 file was read on '
try "an mbox from its beginning" 0 ingest --again box
has out '^4 messages read: 0 reports recorded (0 records), 4 duplicates$'
long() {
    head -c 600000 /dev/zero | tr '\0' x
    echo
}
{ feedback 41; long; } | boxed >growing
feedback 42 | boxed >>growing
head -n -20 growing >box
try "an mbox that ends within a message" 0 ingest box
cp growing box
try "an mbox larger than what is read at once, whose last message has grown" 0 ingest box
has out '^2 messages read: 1 report recorded (1 record), 1 duplicate$'
for i in 15 12; do feedback $i | boxed; done >new && mv new box
try "an mbox that is another" 0 ingest box
has out '^2 messages read: 1 report recorded (1 record), 1 duplicate$'
lacks out 'was read on'

label="standard input"
feedback 21 | ingest - >.out 2>.err || fail "status $?"
has out '^1 message read: 1 report recorded'
label="standard input without a path"
for i in 21 22; do feedback $i | boxed; done | ingest >.out 2>.err || fail "status $?"
has out '^2 messages read: 1 report recorded (1 record), 1 duplicate$'

# ---- records ----

for i in 1 2 3; do bounce $i; done >bounces
try "a dry run of records" 0 ingest -n bounces
has out '^{"file":"bounces","line":3,"outcome":"notice"}$'
lines 3
try "lines" 0 ingest bounces
same err ''
has out '^3 records read: 3 with a notice, 0 without, 0 duplicates, 0 that nothing here wants$'
bounce 4 >>bounces
try "lines that came later" 0 ingest bounces
has out '^1 record read: 1 with a notice' '^1 file was read on '
try "lines from their beginning" 0 ingest --again bounces
has out '^4 records read: 0 with a notice, 0 without, 4 duplicates'
try "notices wait" 0 "$dsnarf" queue status --spool spool
has out '^waiting notices: 4$'

{ echo '['; bounce 4; echo ,; bounce 5; echo ']'; } >list
try "a list" 0 ingest list
has out '^2 records read: 1 with a notice, 0 without, 1 duplicate'
label="records from standard input"
bounce 6 | ingest - >.out 2>.err || fail "status $?"
has out '^1 record read: 1 with a notice'
if command -v zstd >/dev/null; then
    { bounce 6; bounce 7; } | zstd -q >segment
    try "a log segment" 0 ingest segment
    has out '^2 records read: 1 with a notice, 0 without, 1 duplicate'
    try "a log segment again" 0 ingest segment
    has out '^1 file was read on '
    { bounce 8; bounce 9; } | zstd -q >whole
    head -c $(($(wc -c <whole) - 9)) whole >short
    try "a segment that is cut off" 1 ingest short
    has err '^dsnarf: short, line .*: .*it is being written, or was cut off$'
    { cat dsnarf.toml && printf '[limits]\nrecord = "64KiB"\n'; } >small.toml
    { bounce 7; long; bounce 8; long; } | zstd -q >segment
    try "long lines of a log segment" 1 "$dsnarf" ingest -c small.toml segment
    same err 'dsnarf: segment, line 2: is longer than limits.record allows
dsnarf: segment, line 4: is longer than limits.record allows'
    has out '^2 records read: 1 with a notice, 0 without, 1 duplicate'
    try "long lines of a log segment again" 0 "$dsnarf" ingest -c small.toml segment
    has out '^1 file was read on '
    label="compressed standard input"
    ingest - <whole >.out 2>.err || fail "status $?"
    has out '^2 records read: '
    label="a compressed pipe"
    # shellcheck disable=SC2002  # it must be a pipe
    cat whole | ingest - >.out 2>.err && fail "was taken"
    has err 'standard input: is compressed'
fi
try "messages by force" 0 ingest --messages bounces
has out '^1 message read: .*(not-a-report 1)$'

# ---- what cannot be taken ----

{ bounce 31; echo 'garbage'; echo; echo '{"type":'; bounce 32; } >bad
try "bad lines" 1 ingest --aside aside bad
has err '^dsnarf: bad, line 2: ' '^dsnarf: bad, line 4: '
has out '^4 records read: 2 with a notice, .*, 2 rejected (dead letters)$' \
    '^2 cases of what could not be taken$'
cp aside .out
lines 2
has out '^{"trouble":"bad, line 2: ' '^{"trouble":"bad, line 4: '
try "dead letters" 0 "$dsnarf" queue list --dead --spool spool
has out 'bad, line 4: '
try "bad lines again" 0 ingest bad
try "they are dead letters once" 0 "$dsnarf" queue list --dead --spool spool
has out '^-- 2 entries$'

: >mails/new/6
try "an empty message" 1 ingest mails
has err '^dsnarf: mails/new/6: is empty$'
try "no such file" 1 ingest nonesuch bounces
has err '^dsnarf: nonesuch: No such file or directory$'
has out '^1 file was read on '
if [ "$(id -u)" -ne 0 ]; then
    chmod 0 bad
    try "a file that may not be read" 1 ingest bad
    has err '^dsnarf: bad: Permission denied$'
fi
mkdir many
i=0
while [ $i -lt 30 ]; do : >many/$i && i=$((i + 1)); done
try "much that cannot be taken" 1 ingest many
has err 'more such cases are not told one by one; --aside FILE keeps them$'
has out '^30 cases of what could not be taken$'
[ "$(wc -l <.err)" -eq 21 ] || fail "$(wc -l <.err) lines"

finish
