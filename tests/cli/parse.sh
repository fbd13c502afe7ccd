#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What "dsnarf parse" reads, in which order, and how it ends.
# shellcheck disable=SC2016  # commands for another shell stand in single quotes
# shellcheck disable=SC2094  # "message x >x" reads nothing
. "$TOP_SRCDIR/tests/cli/lib.sh"

message one >one.eml
message two >two.eml
{
    message first | boxed
    message second | boxed
    boxed <"$examples/feedback.eml"
} >box

# Sources.
try "a file" 0 "$dsnarf" parse one.eml
lines 1
has out '^{"file":"one.eml","kind":"none",.*}$'
same err ''
try "files in the order given" 0 "$dsnarf" parse two.eml one.eml two.eml
same out "$(for name in two one two; do "$dsnarf" parse "$name.eml"; done)"
try "standard input by default" 0 "$dsnarf" parse <"$examples/feedback.eml"
has out '^{"file":"-","kind":"feedback-report",'
try "standard input by name, among others" 0 "$dsnarf" parse one.eml - two.eml <"$examples/dsn.eml"
lines 3
has out '^{"file":"-","kind":"delivery-status",'
try "an mbox" 0 "$dsnarf" parse box
[ "$(files_of | tr '\n' ' ')" = 'box#1 box#2 box#3 ' ] || fail "$(files_of)"
has out '"box#1","kind":"none"' '"box#3","kind":"feedback-report"'
try "an mbox on standard input" 0 "$dsnarf" parse <box
[ "$(files_of | tr '\n' ' ')" = '-#1 -#2 -#3 ' ] || fail "$(files_of)"
try "an mbox through a pipe" 0 sh -c 'cat box | "$0" parse' "$dsnarf"
[ "$(files_of | tr '\n' ' ')" = '-#1 -#2 -#3 ' ] || fail "$(files_of)"
mkfifo pipe
cat box >pipe &
try "a named pipe" 0 "$dsnarf" parse pipe
[ "$(files_of | tr '\n' ' ')" = 'pipe#1 pipe#2 pipe#3 ' ] || fail "$(files_of)"
try "an empty message" 0 "$dsnarf" parse </dev/null
has out '^{"file":"-","kind":"none"'
lines 1

# Names.
try "a name like an option" 1 "$dsnarf" parse -- --jobs
same err 'dsnarf: --jobs: No such file or directory'
cp one.eml ./--jobs
try "the same when it is there" 0 "$dsnarf" parse -- --jobs one.eml
[ "$(files_of | tr '\n' ' ')" = '--jobs one.eml ' ] || fail "$(files_of)"
mkdir odd
odd=$(printf 'a\nb\033"\\\377\303\244')
cp one.eml "odd/$odd"
try "an odd name" 0 "$dsnarf" parse odd
lines 1
python3 -c 'import json, sys
assert json.loads(sys.stdin.buffer.read().decode("utf-8"))["file"] == "odd/a\nb\x1b\"\\\ufffd\u00e4"' \
    <.out || fail "not the name, or not JSON"
chmod 0 "odd/$odd"

# Directories.
mkdir -p tree/b tree/a/deep tree/.hidden
for name in tree/b/1 tree/a/2 tree/a/deep/3 tree/.hidden/4 tree/.5 tree/6; do
    message "in $name" >"$name"
done
ln -s .. tree/a/loop
cp box tree/7
try "a directory" 0 "$dsnarf" parse tree
[ "$(files_of | tr '\n' ' ')" = 'tree/6 tree/7#1 tree/7#2 tree/7#3 tree/a/2 tree/a/deep/3 tree/b/1 ' ] ||
    fail "$(files_of)"
mkdir -p Maildir/cur Maildir/new Maildir/tmp Maildir/.Sent/cur Maildir/.Sent/new Maildir/.Sent/tmp
for name in cur/2:2,S new/1 tmp/3 '.Sent/cur/4:2,'; do
    message "$name" >"Maildir/$name"
done
try "a Maildir" 0 "$dsnarf" parse Maildir/
[ "$(files_of | tr '\n' ' ')" = 'Maildir/.Sent/cur/4:2, Maildir/cur/2:2,S Maildir/new/1 ' ] ||
    fail "$(files_of)"
mkdir empty
try "an empty directory" 0 "$dsnarf" parse empty
same out ''

# What cannot be read costs itself only.
try "what is missing" 1 "$dsnarf" parse one.eml missing two.eml
[ "$(files_of | tr '\n' ' ')" = 'one.eml two.eml ' ] || fail "$(files_of)"
same err 'dsnarf: missing: No such file or directory'
try "a device" 1 "$dsnarf" parse /dev/zero
same err 'dsnarf: /dev/zero: is neither a file, a directory nor a pipe'
try "a name that would forge a line" 1 "$dsnarf" parse "$(printf 'x\ndsnarf: y\033[2J')"
same err 'dsnarf: x\x0adsnarf: y\x1b[2J: No such file or directory'
gzip -c one.eml >one.eml.gz
try "a compressed file" 1 "$dsnarf" parse one.eml.gz one.eml
lines 1
same err 'dsnarf: one.eml.gz: is compressed; "gzip -dc FILE" gives what can be read here'
try "compressed standard input" 1 "$dsnarf" parse <one.eml.gz
same err 'dsnarf: standard input: is compressed; "gzip -dc FILE" gives what can be read here'
try "a directory on standard input" 1 "$dsnarf" parse - </
same err 'dsnarf: standard input: Is a directory'

# As somebody whom permissions bind.
mkdir -p closed/dir
message secret >closed/file
message open >closed/open
chmod 0 closed/file closed/dir
chmod 755 . closed
cp "$dsnarf" program
chmod 755 program
if [ "$(id -u)" -eq 0 ]; then
    # A program built for coverage writes files of its own when it ends.
    mkdir -m 1777 coverage
    try "unreadable ones" 1 env GCOV_PREFIX="$work/coverage" \
        setpriv --reuid 65534 --regid 65534 --clear-groups ./program parse closed
else
    try "unreadable ones" 1 ./program parse closed
fi
[ "$(files_of)" = closed/open ] || fail "$(files_of)"
same err 'dsnarf: closed/dir: Permission denied
dsnarf: closed/file: Permission denied'

# Records.
try "records" 0 "$dsnarf" parse --records one.eml "$examples/dsn.eml" "$examples/feedback.eml"
lines 2
has out '^{"type":"OOB",' '^{"type":"Feedback",'
try "records twice are the same" 0 "$dsnarf" parse --records "$examples/dsn.eml" "$examples/feedback.eml"
cp .out first
"$dsnarf" parse --records "$examples/dsn.eml" "$examples/feedback.eml" >second
cmp first second || fail "they differ"
cp "$examples/feedback.eml" dated.eml
touch -d '2037-01-01 UTC' dated.eml
try "made at the Date of the message" 0 "$dsnarf" parse --records dated.eml
has out '"created":1795183331[,}]'
touch -d '2003-07-01 08:52:37.5 UTC' dated.eml
try "but not after the time of the file" 0 "$dsnarf" parse --records dated.eml
has out '"created":1057049557,"created_time":"2003-07-01T08:52:37.500'
try "of which a pipe has none" 0 sh -c 'cat dated.eml | "$0" parse --records' "$dsnarf"
lacks out '"created":1057049557[,}]'

# Jobs.
{
    message odd | boxed
    boxed <"$examples/dsn.eml"
} >pair
for name in 1 2 3 4 5 6 7 8 9 10; do
    cat pair pair pair pair pair pair pair pair pair pair pair pair pair pair pair pair pair pair pair pair
done >many
try "one job" 1 "$dsnarf" parse --jobs 1 many one.eml Maildir missing.eml many
cp .out one_job
for jobs in 2 3 8 64; do
    try "$jobs jobs" 1 "$dsnarf" parse --jobs "$jobs" many one.eml Maildir missing.eml many
    cmp one_job .out || fail "the output is another"
    same err 'dsnarf: missing.eml: No such file or directory'
done
[ "$(wc -l <one_job)" -eq 804 ] || fail "$(wc -l <one_job) lines"

# Wrong use.
for jobs in 0 -1 1025 x 99999999999999999999; do
    try "--jobs $jobs" 2 "$dsnarf" parse --jobs "$jobs" one.eml
    has err '^dsnarf: parse: '
    same out ''
done
try "a configuration that is not there" 2 "$dsnarf" parse -c missing.toml one.eml
has err '^dsnarf: .*missing.toml'
same out ''
printf '[limits]\nmesage = 1\n' >wrong.toml
try "a configuration that is wrong" 2 "$dsnarf" parse -c wrong.toml one.eml
has err '^dsnarf: .*wrong.toml:2: .*message'
printf '[limits]\nmessage = "1KiB"\n' >small.toml
try "a message over the limit" 0 "$dsnarf" parse -c small.toml "$examples/feedback.eml"
has out '"kind":"limit"'
printf 'nodeid = "557f3ad4-2c8c-11ee-976e-782d7e12e173"\n' >node.toml
try "a configured nodeid" 0 "$dsnarf" parse --records -c node.toml "$examples/feedback.eml"
has out '"nodeid":"557f3ad4-2c8c-11ee-976e-782d7e12e173"'

# Traces that somebody else has signed, as dsnarf-records(5) says (rules SEC-03, CFBL-08).
sign() {
    python3 - "$@" <<'END'
import base64, hashlib, hmac, json, sys, textwrap, time

name, secret, age = sys.argv[1:]
trace = {"_@_": "\\_/", "recipient": "j\u00f6rg@customer.example", "tenant": "shop",
         "dsnarf": {"k": name, "t": int(time.time()) - int(age)}}
text = json.dumps(trace, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
digest = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
trace["dsnarf"]["s"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
value = base64.b64encode(json.dumps(trace).encode()).decode()
print("X-KumoRef: " + "\n\t".join(textwrap.wrap(value, 75)))
END
}
report() {
    printf 'From: fbl@isp.example\nMIME-Version: 1.0\n'
    printf 'Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n'
    printf -- '--b\nContent-Type: message/feedback-report\n\n'
    printf 'Feedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\n\n'
    printf -- '--b\nContent-Type: message/rfc822\n\n%s\nSubject: x\n\n--b--\n' "$1"
}
printf '[trace.key.new]\nsecret = "0123456789abcdef"\n' >keys.toml
report "$(sign new 0123456789abcdef 0)" >signed.eml
try "a signed trace" 0 "$dsnarf" parse -c keys.toml signed.eml
has out '"state":"verified","source":"header:X-KumoRef","key":"new"'
has out '"recipient":{"value":"jörg@customer.example","source":"header:X-KumoRef","state":"verified"}'
try "its record" 0 "$dsnarf" parse --records -c keys.toml signed.eml
has out '"verified":true,"verified_by":\["trace:new"\],"suppress":"jörg@customer.example"'
try "the same without keys" 0 "$dsnarf" parse --records signed.eml
has out '"verified":false,"verified_by":\[\],"suppress":null' '"state":"unsigned"'
report "$(sign new 0123456789abcdeF 0)" >forged.eml
try "a forged trace" 0 "$dsnarf" parse --records -c keys.toml forged.eml
has out '"verified":false' '"state":"bad",.*"reason":"signature"'
report "$(sign old 0123456789abcdef 0)" >unknown.eml
try "a key that is gone" 0 "$dsnarf" parse --records -c keys.toml unknown.eml
has out '"verified":false' '"state":"bad",.*"reason":"unknown-key"'
report "$(sign new 0123456789abcdef 7776060)" >expired.eml
try "a trace of 90 days and a minute" 0 "$dsnarf" parse --records -c keys.toml expired.eml
has out '"verified":false' '"state":"expired"'

# Classes.
printf '[rules]\nFull = ["^552 5\\\\.2\\\\.2 "]\nFirst = ["^5"]\n' >rules.toml
printf '{"rules": {"Quota": ["over its quota"], "Complaint": ["^250 $"]}}' >rules.json
try "without rules" 0 "$dsnarf" parse --records "$examples/dsn.eml"
has out '"bounce_classification":"Uncategorized"'
try "rules" 0 "$dsnarf" parse --records --classify rules.toml "$examples/dsn.eml"
has out '"bounce_classification":"Full"'
try "in the order of the files" 0 "$dsnarf" parse --records --classify rules.json \
    --classify rules.toml "$examples/dsn.eml" "$examples/feedback.eml"
has out '"type":"OOB".*"bounce_classification":"Quota"' \
    '"type":"Feedback".*"bounce_classification":"Complaint"'
printf 'classification.files = ["rules.toml"]\n' >classes.toml
mkdir elsewhere
try "rules of a configuration, from anywhere" 0 sh -c \
    'cd elsewhere && "$0" parse --records -c ../classes.toml "$1"' "$dsnarf" "$examples/dsn.eml"
has out '"bounce_classification":"Full"'
try "others instead" 0 "$dsnarf" parse --records -c classes.toml --classify rules.json \
    "$examples/dsn.eml"
has out '"bounce_classification":"Quota"'
printf '[rules]\nA = ["x"]\nB = ["(x"]\n' >bad.toml
try "bad rules" 2 "$dsnarf" parse --records --classify bad.toml one.eml
same err 'dsnarf: bad.toml:3: rules.B[0]: at offset 2: missing closing parenthesis'
try "classes of no record" 2 "$dsnarf" parse --classify rules.toml one.eml
has err '--classify is only for --records'

# Where the output goes.
try "a full disk" 1 sh -c '"$0" parse box >/dev/full' "$dsnarf"
same err 'dsnarf: standard output: No space left on device'
try "closed standard output" 1 sh -c '"$0" parse box >&-' "$dsnarf"
same err 'dsnarf: standard output: Bad file descriptor'
finish
