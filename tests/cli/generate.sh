#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# "dsnarf generate": one record to standard output, many to files, and what is said otherwise.
# shellcheck disable=SC2317  # functions are called through try
# shellcheck disable=SC2016  # commands for another shell stand in single quotes
. "$TOP_SRCDIR/tests/cli/lib.sh"

# The example without the JSON of one member: "change SED-SCRIPT".
change() {
    sed "$1" "$examples/bounce.json"
}
generate() {
    "$dsnarf" generate --reporting-mta 'dns; mta1.example.com' "$@"
}
# A JSON file on one line.
compact() {
    tr -d '\n' <"$1"
    echo
}

# One record.
try "a record" 0 generate --record "$examples/bounce.json"
has out '^Reporting-MTA: dns; mta1.example.com' '^Final-Recipient: rfc822; jane@customer.example' \
    '^To: <\{0,1\}news+4711@shop.example'
lacks out '^Content-Type: \(message/rfc822\|text/rfc822-headers\)'
same err ''
change 's/^  "recipient": .*/  "recipient": [],/' >nobody.json
try "nobody to report about" 1 generate --record nobody.json
has err '^dsnarf: nobody.json: recipient: there is none$'
echo 'hostname = "relay"' >local.toml
try "a host name that is not in DNS" 0 "$dsnarf" generate -c local.toml \
    --record "$examples/bounce.json"
has out '^Reporting-MTA: x-local-hostname; relay'
echo 'hostname = "relay.example.com"' >local.toml
try "a configured host name" 0 "$dsnarf" generate -c local.toml --record "$examples/bounce.json"
has out '^Reporting-MTA: dns; relay.example.com' '^From: .*<mailer-daemon@relay.example.com>'
generate --record "$examples/bounce.json" --original "$examples/original.eml" >notice.eml
try "with an original, its header" 0 "$dsnarf" parse notice.eml
has out '"kind":"delivery-status"' '"message_id":"<20261120091458.4711@shop.example>"' \
    '"subject":"Your order has been shipped"' '"defects":\[\]'
try "from standard input by default" 0 generate --stable <"$examples/bounce.json"
cp .out first
try "from standard input by name" 0 generate --stable --record - <"$examples/bounce.json"
cmp first .out || fail "the notice is another"
compact "$examples/bounce.json" >one.jsonl
try "a line of JSON" 0 generate --stable --record one.jsonl
cmp first .out || fail "the notice is another"
try "the original from standard input" 0 generate --record "$examples/bounce.json" --original - \
    <"$examples/original.eml"
has out '^Subject: Your order has been shipped'
printf '{"log_record": %s, "message": "Subject: inside\\r\\n\\r\\nbody\\r\\n"}' \
    "$(cat "$examples/bounce.json")" >element.json
try "a record with its message" 0 generate --record element.json --original "$examples/original.eml"
has out '^Subject: inside'
lacks out '^Subject: Your order'

# Options.
with_original() {
    generate --record "$examples/bounce.json" --original "$examples/original.eml" "$@"
}
try "include all" 0 with_original --include-original=full
has out '^Content-Type: message/rfc822' '^your order 4711'
try "include the header" 0 with_original --include-original headers
has out '^Content-Type: text/rfc822-headers'
lacks out '^your order 4711'
try "include nothing" 0 with_original --include-original=no
lacks out 'rfc822-headers\|message/rfc822'
try "include what?" 2 with_original --include-original=some
has err '^dsnarf: generate: --include-original takes full, headers or no$'
try "the local host reports" 0 "$dsnarf" generate --record "$examples/bounce.json"
has out "^Reporting-MTA: \(dns\|x-local-hostname\); "
for mta in '' mta1.example.com 'dns;' '; x' "$(printf 'dns; a\nBcc: b')" "$(printf 'dns; \303\244')"; do
    try "reporting MTA '$mta'" 2 "$dsnarf" generate --record "$examples/bounce.json" --reporting-mta "$mta"
    has err "^dsnarf: generate: --reporting-mta takes 'TYPE; NAME'"
    same out ''
done
try "stable" 0 with_original --stable
cp .out first
sleep 1.1
try "is stable" 0 with_original --stable
cmp first .out || fail "the notice is another"
try "another compatibility" 2 with_original --compat=exim
has err '^dsnarf: generate: --compat takes kumomta$'
try "an argument" 2 generate "$examples/bounce.json"
has err '^dsnarf: generate: unexpected argument "'
try "two from standard input" 2 generate --original - <"$examples/bounce.json"
has err '^dsnarf: generate: standard input can be the record or the original, not both$'

# No notice is due.
try "not enabled" 3 generate --enable Expiration --record "$examples/bounce.json"
same out ''
same err 'dsnarf: no notice is due: type-not-enabled'
try "enabled" 0 generate --enable Expiration,Bounce --record "$examples/bounce.json"
try "no such type" 2 generate --enable Bounce,Reception --record "$examples/bounce.json"
has err '^dsnarf: generate: --enable takes Delivery, Bounce, .* and Delayed, not "Reception"$'
try "a null sender" 3 generate --record - <<END
$(change 's/news+4711@shop.example//')
END
same out ''
same err 'dsnarf: no notice is due: null-sender'

try "an original that is a report" 3 generate --record "$examples/bounce.json" \
    --original "$examples/feedback.eml"
same out ''
same err 'dsnarf: no notice is due: notification'
try "a protocol that KumoMTA does not report" 3 generate --compat=kumomta --record - <<END
$(change 's/"delivery_protocol": "ESMTP"/"delivery_protocol": "HTTP"/')
END
same err 'dsnarf: no notice is due: protocol'

# What cannot be done.
try "no such record" 1 generate --record missing.json
same err 'dsnarf: missing.json: No such file or directory'
try "no such original" 1 generate --record "$examples/bounce.json" --original missing.eml
same err 'dsnarf: missing.eml: No such file or directory'
same out ''
mkdir directory
try "a directory as original" 1 generate --record "$examples/bounce.json" --original directory
same err 'dsnarf: directory: is a directory'
try "not JSON" 1 generate --record "$examples/original.eml"
has err "^dsnarf: $examples/original.eml: "
same out ''
try "a bad member" 1 generate --record - <<END
$(change 's/"code": 550/"code": "x"/')
END
has err '^dsnarf: standard input: .*response.code'
same out ''
try "an empty record" 1 generate --record - </dev/null
has err '^dsnarf: standard input: '
try "a full disk" 1 sh -c '"$0" generate --record "$1" >/dev/full' "$dsnarf" "$examples/bounce.json"
same err 'dsnarf: standard output: No space left on device'
try "no such configuration" 2 generate -c missing.toml --record "$examples/bounce.json"
has err '^dsnarf: .*missing.toml'
printf '[notice]\nenable = ["Bounce"]\ninclude_original = "full"\nfrom = "\\"Mail, Robot\\" <robot@example.com>"\n' >good.toml
try "a configuration" 0 generate -c good.toml --record "$examples/bounce.json" --original "$examples/original.eml"
has out '^Content-Type: message/rfc822' '^From: "Mail, Robot" <robot@example.com>'
try "the command line overrules it" 0 generate -c good.toml --include-original=no \
    --record "$examples/bounce.json" --original "$examples/original.eml"
lacks out '^Content-Type: message/rfc822'

# Templates.
mkdir texts
printf '[notice]\ntemplates = "texts"\n' >texts.toml
printf 'Subject: Hello\n\nYour mail %s came back.\n' '{{ original.subject }}' >texts/failed.en.txt
try "a template" 0 generate -c texts.toml --record "$examples/bounce.json" --original "$examples/original.eml"
has out '^Subject: Hello' '^Your mail Your order has been shipped came back'
same err ''
printf 'Subject: Hello\n\n%s\n' '{% if recipients[0].address == "jane@customer.example" %}{{ no.such }}{% endif %}' \
    >texts/failed.en.txt
try "a template that fails for this record" 0 generate -c texts.toml --record "$examples/bounce.json"
has out '^Subject: Not delivered'
has err "^dsnarf: $examples/bounce.json: warning: the shipped text is used instead of the template: .*failed.en.txt:3"
printf 'Subject: Hello\n\n%s\n' '{{ a b }}' >texts/failed.en.txt
try "a template that is wrong" 2 generate -c texts.toml --record "$examples/bounce.json"
has err '^dsnarf: .*texts/failed.en.txt:3:'
same out ''

# All actions, by the type of the record and what the sender asked for.
later() {
    change 's/"timestamp": 1795166103,/"timestamp": 1795184103,/;s/"2026-11-20T09:15:03.250Z"/"2026-11-20T14:15:03Z"/
        '"$1"
}
cat >actions.toml <<'END'
[notice]
enable = ["Bounce", "Expiration", "TransientFailure", "Delivery", "AdminBounce"]
delay_after = ["1 hour", "4 hours"]
lifetime = "5 days"
[meta]
notify = "notify"
envid = "envid"
END
with_actions() {
    "$dsnarf" generate -c actions.toml --stable "$@"
}
later 's/"Bounce"/"TransientFailure"/;s/"code": 550/"code": 451/;s/"class": 5/"class": 4/' >delayed.json
try "delayed" 0 with_actions --record delayed.json
has out '^Action: delayed' '^Status: 4\.' '^Will-Retry-Until: Wed, 25 Nov 2026 09:15:00 +0000'
change 's/"Bounce"/"TransientFailure"/' >soon.json
try "delayed, but not for long" 3 with_actions --record soon.json
same err 'dsnarf: no notice is due: not-yet'
try "delayed, but not enabled" 3 with_actions --enable Bounce --record delayed.json
same err 'dsnarf: no notice is due: type-not-enabled'
change 's/"Bounce"/"Delivery"/;s/"code": 550/"code": 250/;s/"class": 5/"class": 2/
    s/"meta": {.*/"meta": {"notify": "SUCCESS", "envid": "Q+2B1"},/' >relayed.json
try "relayed" 0 with_actions --record relayed.json
has out '^Action: relayed' '^Status: 2\.1\.1' '^Original-Envelope-Id: Q+1'
sed 's/SUCCESS/FAILURE/' relayed.json >unasked.json
try "relayed, which nobody asked for" 3 with_actions --record unasked.json
same err 'dsnarf: no notice is due: not-asked'
sed 's/SUCCESS/SOMETIMES/' relayed.json >broken.json
try "a wish that is none" 3 with_actions --record broken.json
has err '^dsnarf: broken.json: warning: 1 of the wishes of the sender breaks the syntax, and is left aside$' 'not-asked$'
change 's/"Bounce"/"AdminBounce"/' >admin.json
try "bounced by an administrator" 0 with_actions --record admin.json
has out '^Action: failed'

# Several records of one message.
{
    compact delayed.json
    later 's/"Bounce"/"Expiration"/;s/"code": 550/"code": 551/;s/"delivery_protocol": "ESMTP"/"delivery_protocol": null/' |
        tr -d '\n'
    echo
} >expired.jsonl
try "an attempt explains an expiration" 0 with_actions --enable Expiration --coalesce --record expired.jsonl
has out '^Action: failed' '^Status: 4\.1\.1' '^Diagnostic-Code: smtp; 451 4\.1\.1' '^Remote-MTA: dns; '
{
    compact "$examples/bounce.json"
    echo
    change 's/jane@customer.example/joe@customer.example/;s/"code": 550/"code": 554/' | tr -d '\n'
    echo
} >two.jsonl
try "two records, one notice" 0 with_actions --coalesce --record two.jsonl
has out '^Final-Recipient: rfc822; jane@' '^Final-Recipient: rfc822; joe@' '^Diagnostic-Code: smtp; 554'
[ "$(grep -c '^Reporting-MTA' .out)" -eq 1 ] || fail "more than one notice"
{
    compact "$examples/bounce.json"
    change 's/1d98076abbbc11ed940250ebf67f93bd/other/' | tr -d '\n'
    echo
} >mixed.jsonl
try "two messages" 1 with_actions --coalesce --record mixed.jsonl
has err '^dsnarf: mixed.jsonl: record 2 is about another message than the first$'
{
    compact "$examples/bounce.json"
    compact relayed.json
} >mixed.jsonl
try "two actions" 1 with_actions --coalesce --record mixed.jsonl
has err '^dsnarf: mixed.jsonl: record 2 is to say "relayed", another one "failed"$'
{
    compact "$examples/bounce.json"
    echo '{'
} >mixed.jsonl
try "coalesce a bad line" 1 with_actions --coalesce --record mixed.jsonl
has err '^dsnarf: mixed.jsonl:2: '
same out ''
try "coalesce nothing" 1 with_actions --coalesce --record - </dev/null
same err 'dsnarf: standard input: there is no record'
try "coalesce into a directory" 2 with_actions --coalesce --output-dir out --record two.jsonl
has err '^dsnarf: generate: --coalesce makes one notice, and --output-dir many$'

# What would be done.
try "dry run" 0 with_actions --dry-run --record "$examples/bounce.json" --original "$examples/original.eml"
lines 1
has out '^{"id":"1d98076abbbc11ed940250ebf67f93bd","type":"Bounce","due":true,"reason":null,"action":"failed",' \
    '"tenant":null,' '"sender":"news+4711@shop.example","recipients":\["jane@customer.example"\],' \
    '"language":"en","returned":"headers",'
same err ''
try "dry run, not due" 0 with_actions --dry-run --record soon.json
has out '"due":false,"reason":"not-yet","action":"delayed",'
try "dry run of several" 0 with_actions --dry-run --record two.jsonl
lines 2
same err 'dsnarf: 2 records: 2 notices'
try "dry run of bad ones" 1 with_actions --dry-run --record mixed.jsonl
lines 1
has err '^dsnarf: mixed.jsonl:2: ' '^dsnarf: 2 records: 1 notice, 1 failed$'
try "dry run of several as one" 0 with_actions --dry-run --coalesce --record two.jsonl
lines 1
has out '"recipients":\["jane@customer.example","joe@customer.example"\]'
try "dry run writes no files" 0 with_actions --dry-run --output-dir dry --record two.jsonl
lines 2
[ ! -e dry ] || fail "a directory was made"
try "dry run to a full disk" 1 sh -c '"$0" generate --dry-run --record "$1" >/dev/full' "$dsnarf" two.jsonl
has err '^dsnarf: standard output: No space left on device$'

# Tenants and languages.
cat >tenants.toml <<'END'
[notice]
from = "robot@example.com"
[tenant.shop]
match.queue = ["shop"]
hostname = "bounces.shop.example"
from = "Shop <help@shop.example>"
[tenant.other]
from = "other@other.example"
include_original = "full"
match.sender_domain = ["other.example"]
END
change 's/"queue": ".*"/"queue": "news:shop@customer.example"/' >shop.json
try "the record's tenant" 0 "$dsnarf" generate -c tenants.toml --record shop.json
has out '^From: Shop <help@shop.example>' '^Reporting-MTA: dns; bounces.shop.example'
try "the record's tenant, dry run" 0 "$dsnarf" generate -c tenants.toml --dry-run --record shop.json
has out '"tenant":"shop","trust":\["tenant"\],"trusted":true,'
try "another tenant" 0 "$dsnarf" generate -c tenants.toml --tenant other --record shop.json \
    --original "$examples/original.eml"
has out '^From: other@other.example' '^Content-Type: message/rfc822'
try "a tenant overruled" 0 "$dsnarf" generate -c tenants.toml --tenant other --record shop.json \
    --original "$examples/original.eml" --include-original=no --reporting-mta 'dns; x.example.com'
has out '^From: other@other.example' '^Reporting-MTA: dns; x.example.com'
lacks out '^Content-Type: message/rfc822'
try "no such tenant" 2 "$dsnarf" generate -c tenants.toml --tenant acme --record shop.json
has err '^dsnarf: generate: --tenant: the configuration has no \[tenant.acme\]$'
try "no such language" 2 generate --language 'no good' --record shop.json
has err '^dsnarf: generate: --language takes a tag such as de or pt-BR$'
try "a language without words" 0 generate --language tlh --record shop.json
has err '^dsnarf: shop.json: warning: there are no words in "tlh": those in "en" are used$'
try "a region without words of its own" 0 generate --language de-AT --record shop.json
has out '^Content-Language: de'
same err ''
for option in --tenant=other --language=en --coalesce --dry-run; do
    try "compatible and $option" 2 "$dsnarf" generate -c tenants.toml --compat=kumomta "$option" --record shop.json
    has err "^dsnarf: generate: --compat=kumomta goes without ${option%%=*}$"
done

# Large originals.
{
    cat "$examples/original.eml"
    head -c 52000000 /dev/zero | tr '\0' x | fold -w 76
} >large.eml
try "50 MB" 0 generate --include-original=full --record "$examples/bounce.json" --original large.eml
has out '^Content-Type: text/rfc822-headers'
has err 'large\|bounce.json: warning: '
[ "$(wc -c <.out)" -lt 10000 ] || fail "$(wc -c <.out) bytes"
try "50 MB through a pipe" 0 sh -c 'cat large.eml | "$0" generate --record "$1" --original -' \
    "$dsnarf" "$examples/bounce.json"
try "50 MB, compatible" 1 generate --compat=kumomta --include-original=full \
    --record "$examples/bounce.json" --original large.eml
same err 'dsnarf: large.eml: larger than 26214400 bytes (limits.message)'
same out ''

# KumoMTA's form.
try "compatible" 0 with_original --compat=kumomta --stable --include-original=full
has out 'Subject: Returned mail' 'boundary="report-boundary"' 'Final-Recipient: rfc822;jane@'
printf 'Subject: \344\r\n\r\n' >eight.eml
try "compatible, an 8-bit original" 1 generate --compat=kumomta --record "$examples/bounce.json" \
    --original eight.eml
same out ''
has err "^dsnarf: $examples/bounce.json: "

# Many records.
{
    compact "$examples/bounce.json"
    echo '{"type": "Bounce", "id": 1'
    echo
    change 's/news+4711@shop.example//' | tr -d '\n'
    echo
    change 's/"code": 550/"code": "x"/' | tr -d '\n'
    echo
    change 's/1d98076abbbc11ed940250ebf67f93bd/..\/..\/etc\/\\n passwd\/'"$(printf '\303\244')"'/' | tr -d '\n'
    echo
    compact element.json
} >many.jsonl
try "many records without a directory" 2 generate --record many.jsonl
has err '^dsnarf: generate: many.jsonl holds several records, which takes --output-dir, --dry-run or --coalesce$'
same out ''
try "many records" 1 generate --record many.jsonl --output-dir out
same out ''
has err '^dsnarf: many.jsonl:2: ' '^dsnarf: many.jsonl:5: .*response.code' \
    '^dsnarf: 6 records: 3 notices, 1 not due (null-sender 1), 2 failed$'
[ "$(wc -l <.err)" -eq 3 ] || fail "$(wc -l <.err) lines of diagnostics"
find out -type f | sort >.out
same out 'out/000001-1d98076abbbc11ed940250ebf67f93bd.eml
out/000006-______etc___passwd___.eml
out/000007-1d98076abbbc11ed940250ebf67f93bd.eml'
grep -q '^Subject: inside' out/000007-*.eml || fail "the message of the element is not in the notice"
cp out/000001-*.eml kept
try "many records again" 1 generate --record many.jsonl --output-dir out
has err '^dsnarf: out/000001-1d98076abbbc11ed940250ebf67f93bd.eml: File exists$' \
    '^dsnarf: 6 records: 0 notices, 1 not due (null-sender 1), 5 failed$'
cmp kept out/000001-*.eml || fail "a notice was replaced"
find out -type f >.out
lines 3
try "good ones only, from a pipe" 0 sh -c 'sed -n 1p many.jsonl | "$0" generate --output-dir out2' "$dsnarf"
same err 'dsnarf: 1 record: 1 notice'
try "no records" 0 sh -c '"$0" generate --output-dir out2 </dev/null' "$dsnarf"
same err 'dsnarf: 0 records: 0 notices'
gzip -c many.jsonl >many.gz
try "compressed records" 1 generate --record many.gz --output-dir out2
same err 'dsnarf: many.gz: is compressed; "gzip -dc FILE" gives what can be read here
dsnarf: 0 records: 0 notices'
try "a compressed record" 1 generate --record many.gz
same err 'dsnarf: many.gz: is compressed; "gzip -dc FILE" gives what can be read here'
try "a compressed original" 1 generate --record "$examples/bounce.json" --original many.gz
same err 'dsnarf: many.gz: is compressed; "gzip -dc FILE" gives what can be read here'
same out ''
touch file
try "a file instead of a directory" 1 generate --record many.jsonl --output-dir file
has err '^dsnarf: file/000001-.*: Not a directory$' '^dsnarf: 1 record: 0 notices, 1 failed$'
try "a directory that cannot be made" 1 generate --record many.jsonl --output-dir no/such
same err 'dsnarf: no/such: No such file or directory'
finish
