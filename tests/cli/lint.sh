#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What "dsnarf lint" says of messages, and how it ends.
# shellcheck disable=SC2016  # commands for another shell stand in single quotes
. "$TOP_SRCDIR/tests/cli/lib.sh"

printf 'Date: Tue, 1 Jul 2003 10:52:37 +0000\nFrom: a@b.example\nMessage-ID: <1@b.example>\n\nhi\n' \
    >mail.eml
"$dsnarf" generate --stable --reporting-mta 'dns; mta1.example.com' \
    --record "$examples/bounce.json" --original "$examples/original.eml" \
    >good.eml || fail "generate"
sed 's/^Action: failed/Action: bounced/' good.eml >action.eml
grep -v '^Version:' "$examples/feedback.eml" >version.eml
sed '/^In-Reply-To:/d' good.eml >answer.eml

# Good ones.
try "a notice" 0 "$dsnarf" lint good.eml
same out ''
same err ''

# Broken ones.
try "a MUST" 1 "$dsnarf" lint action.eml
line=$(grep -n '^Action:' action.eml | cut -d: -f1)
same out "action.eml: RCPT-06 MUST: the action is none of the five, line $line: Action: bounced"
try "something missing" 1 "$dsnarf" lint version.eml
has out '^version.eml: ARF-08 MUST: a required field is missing: Version$'
try "a SHOULD alone" 0 "$dsnarf" lint answer.eml
has out '^answer.eml: MIME-30 SHOULD: a field does not name the original: In-Reply-To$'
try "several, in order" 1 "$dsnarf" lint answer.eml action.eml good.eml
[ "$(cut -d: -f1 .out | uniq | tr '\n' ' ')" = 'answer.eml action.eml ' ] || fail "$(cat .out)"
try "the same with one job" 1 "$dsnarf" lint --jobs 1 answer.eml action.eml good.eml
lines 2
try "standard input" 1 "$dsnarf" lint <action.eml
has out '^-: RCPT-06 MUST: '
{
    echo 'From a Tue Jul  1 10:52:37 2003'
    cat mail.eml
    echo
    echo 'From b Tue Jul  1 10:52:37 2003'
    cat action.eml
} >box
try "an mbox" 1 "$dsnarf" lint box
has out '^box#1: no report$' '^box#2: RCPT-06 MUST: '
printf 'Date: x\033[31m\nFrom: a@b.example\nMessage-ID: <1@b.example>\n\nhi\n' >terminal.eml
try "nothing drives the terminal" 1 "$dsnarf" lint --all terminal.eml
has out '^terminal.eml: MIME-19 MUST: the value is no date, line 1: Date: x \[31m$'

# What is no report.
try "mail" 0 "$dsnarf" lint mail.eml
same out 'mail.eml: no report'
try "mail by the rules for all" 0 "$dsnarf" lint --all mail.eml
same out ''

# For programs.
try "JSON" 1 "$dsnarf" lint --json good.eml mail.eml action.eml version.eml
cat >want <<END
{"file":"good.eml","kind":"delivery-status","findings":[]}
{"file":"mail.eml","kind":"none","findings":null}
{"file":"action.eml","kind":"delivery-status","findings":[{"rule":"RCPT-06","level":"MUST","text":"the action is none of the five","line":$line,"where":"Action: bounced"}]}
END
head -n 3 .out | diff want - || fail "the first three lines differ"
has out '"rule":"ARF-08","level":"MUST","text":"a required field is missing","line":null,"where":"Version"'

# How often.
try "a summary" 1 "$dsnarf" lint --summary action.eml action.eml answer.eml mail.eml
has err '^       2 RCPT-06 MUST$' '^       1 MIME-30 SHOULD$' \
    '^dsnarf: 4 messages, 2 with a MUST broken, 1 with a SHOULD alone, 1 no reports$'

# Faults.
try "a file that is not there" 1 "$dsnarf" lint missing.eml good.eml
same err 'dsnarf: missing.eml: No such file or directory'
for jobs in 0 x; do
    try "--jobs $jobs" 2 "$dsnarf" lint --jobs "$jobs" mail.eml
    has err '^dsnarf: lint: '
done
try "a configuration that is not there" 2 "$dsnarf" lint -c missing.toml mail.eml
has err 'missing.toml'
printf '[limits]\nmessage = "2KiB"\n' >small.toml
try "a message over the limit" 1 "$dsnarf" lint -c small.toml good.eml
has out ': OOB-20 MUST: a limit was met'
try "a full disk" 1 sh -c '"$0" lint action.eml >/dev/full' "$dsnarf"
same err 'dsnarf: standard output: No space left on device'
finish
