#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# "dsnarf template": the words of every language as they are sent, faults, and what is brought over.
# With DSNARF_GOLDEN=1 the golden texts are written anew.
# shellcheck disable=SC2317  # functions are called through try
# shellcheck disable=SC2016  # parameters of others stand in single quotes
. "$TOP_SRCDIR/tests/cli/lib.sh"

golden=$TOP_SRCDIR/tests/golden/templates
codes="5.0.0 5.2.1 5.2.2 5.3.2 5.4.1 5.5.1 5.6.1 5.3.4 5.7.1"
cat >main.toml <<'END'
hostname = "mta.example.com"
[notice]
postmaster = "postmaster@example.com"
END
template() {
    "$dsnarf" template "$@" -c main.toml
}

# Every topic, and a failure of every class, in the language $1.
all_of() {
    template preview --topic all --language "$1" || return
    for code in $codes; do
        printf '\n==> %s <==\n' "$code"
        template preview --language "$1" --status "$code" || return
    done
}
compare() {
    try "$1" 0 "$@"
    if [ -n "${DSNARF_GOLDEN-}" ]; then
        cp .out "$golden/$golden_name"
    fi
    diff "$golden/$golden_name" .out >.diff || {
        fail "differs from $golden_name"
        sed 's/^/    /' .diff
    }
}
for language in en de es fr it ja nl pl pt pt-BR zh-Hans; do
    golden_name=$language.txt
    compare all_of "$language"
    golden_name=$language.html
    compare template preview --topic all --language "$language" --format html
done

# Preview.
try "every language" 0 template preview --topic late
has out '^==> late.en <==$' '^==> late.zh-Hans <==$' '^Subject: Delivered after a delay: Minutes'
try "a message" 0 template preview --language fr --format message
has out '^Content-Language: fr' '^Final-Recipient: rfc822; user@example.net' \
    '^Subject: =?utf-8?\|^Subject: Non remis'
cat >several.toml <<'END'
hostname = "mta.example.com"
[notice]
languages = ["ja", "pl"]
all_languages = true
END
try "a message in several languages" 0 "$dsnarf" template preview -c several.toml --format message
has out '^Content-Language: ja' '^Content-Language: pl' '^Content-Type: multipart/alternative;'
lacks out '^==>'
lacks out '^Content-Language: en'
try "one of the several" 0 "$dsnarf" template preview -c several.toml --format message --language pl
has out '^Content-Language: pl'
lacks out '^Content-Language: ja'
try "the texts of the several" 0 "$dsnarf" template preview -c several.toml
has out '^==> failed.de <==$' '^==> failed.ja <==$'
try "a record" 0 template preview --language en --record "$examples/bounce.json" \
    --original "$examples/original.eml"
has out '^  jane@customer.example$' '    > Your order has been shipped$' \
    '^    Reason: There is no mailbox with this address.$'
try "every class of failure" 0 template preview --language en --topic all --status all
has out '^==> failed.other.en <==$' '^==> expired.full.en <==$' '^==> delayed.policy.en <==$' \
    '^==> late.en <==$'
[ "$(grep -c '^==> ' .out)" -eq 34 ] || fail "not every topic and class once"
try "a region" 0 template preview --language de-CH
has out '^Subject: Nicht zugestellt: '
try "a language that nobody has" 0 template preview --language sv
has out '^Subject: Not delivered: '
try "a record that is none" 1 template preview --record main.toml
has err '^dsnarf: main.toml: '
try "no record" 1 template preview --record nosuch.json
has err '^dsnarf: nosuch.json: No such file'
try "no tenant" 2 template preview --tenant nobody
has err '^dsnarf: template: there is no tenant "nobody"$'
try "no topic" 2 template preview --topic fialed
has err '^dsnarf: template: --topic takes failed, expired, '
try "no status" 2 template preview --status 5.1
has err '^dsnarf: template: --status takes a code such as 5\.7\.1, or all$'
try "no format" 2 template preview --format pdf
has err '^dsnarf: template: --format takes text, html or message$'
try "no tag" 2 template preview --language 12
has err '^dsnarf: template: --language takes a tag such as de or pt-BR$'
try "no verb" 2 "$dsnarf" template
has err '^dsnarf: template: say check, preview or import$'
try "another verb" 2 template chekc
has err '^dsnarf: template: expected check, preview or import, not "chekc"$'
try "too many words" 2 template check one two
has err '^dsnarf: template: unexpected argument "two"$'
try "no configuration" 2 "$dsnarf" template check -c nosuch.toml
has err '^dsnarf: nosuch.toml: '

# Check.
try "the shipped texts" 0 template check
same out 'ok: 2310 texts in 11 languages'
mkdir texts acme
try "an empty directory" 0 template check texts
same out 'ok: 2310 texts in 11 languages'
printf 'Subject: own\n\nown\n' >texts/failed.de.txt
printf 'Subject: own\n\nown\n' >texts/failed.policy.de.txt
try "which file is for what" 0 template check -v texts
has out '^failed.de: texts/failed.de.txt$' '^failed.policy.de: texts/failed.policy.de.txt$' \
    '^late.de: layout.txt, de.words$' '^failed.en: layout.txt, en.words$'
lacks out '^failed.full.de:'
printf 'Subject:\n\nown\n' >texts/late.en.txt
printf 'Subject: x\n\n{{ a.b }}\n' >texts/delayed.en.txt
printf 'help: {}\n' >texts/nl.words
try "what is wrong" 1 template check texts
same out ''
has err '^dsnarf: texts/late.en.txt:1:1: the subject is empty$' \
    '^dsnarf: texts/delayed.en.txt:3:6: attribute "b" of an undefined value$' \
    '^dsnarf: texts/nl.words:1:1: "help" has 1 places {} to fill in, it needs 0$'
[ "$(wc -l <.err)" -eq 3 ] || fail "not each fault once"
try "it is told in a preview, too" 1 template preview --language en --topic delayed texts
has out '^Subject: Delayed: Minutes'
has err '^dsnarf: texts/delayed.en.txt:3:6: '
rm texts/late.en.txt texts/delayed.en.txt texts/nl.words

# What is no file of text.
mkdir faults faults/failed.en.txt
ln -s nowhere faults/late.en.txt
mkfifo faults/relayed.en.txt
printf 'Subject: x\n\na\0b' >faults/delayed.en.txt
head -c 1048577 /dev/zero >faults/expired.en.txt
printf 'Subject: x\n\n\377\n' >faults/expanded.en.txt
: >faults/failed.de.txt~
try "what is no text" 1 template check faults
same out ''
has err '^dsnarf: faults/failed.en.txt:1:1: this is no plain file$' \
    '^dsnarf: faults/late.en.txt: No such file or directory$' \
    '^dsnarf: faults/relayed.en.txt:1:1: this is no plain file$' \
    '^dsnarf: faults/delayed.en.txt:1:1: this is no text, it has a zero byte$' \
    '^dsnarf: faults/expired.en.txt:1:1: this file is too large$' \
    '^dsnarf: faults/expanded.en.txt:3:1: this is not UTF-8 text$' \
    '^dsnarf: faults/failed.de.txt~: no notice has this text; names are TOPIC.LANGUAGE.txt, '
[ "$(wc -l <.err)" -eq 7 ] || fail "not each fault once"
try "no directory" 1 template check nosuch
same err 'dsnarf: nosuch: No such file or directory'
try "a file for a directory" 1 template check main.toml
same err 'dsnarf: main.toml: Not a directory'

# Tenants.
cat >>main.toml <<'END'
templates = "texts"
[tenant.acme]
match.sender_domain = ["acme.example"]
templates = "acme"
languages = ["de"]
[tenant.twin]
match.sender_domain = ["twin.example"]
templates = "acme"
[tenant.plain]
match.sender_domain = ["plain.example"]
END
echo 'help: Rufen Sie uns an.' >acme/de.words
echo 'failed.en' >acme/failed.en.html
try "a tenant's fault" 1 template check
same err 'dsnarf: tenant acme: failed.en.html: there is no .txt beside it that can be used'
rm acme/failed.en.html
try "tenants, and those who share texts once" 0 template check --verbose
has out '^failed.de: .*/texts/failed.de.txt$' '^acme: failed.de: .*/texts/failed.de.txt$' \
    '^acme: late.de: layout.txt, .*/acme/de.words$'
lacks out '^twin:'
lacks out '^plain:'
try "a tenant's words" 0 template preview --tenant acme --language de --topic expired
has out '^  - Wenn Sie Hilfe brauchen, senden Sie '

# Import.
cat >bounce.cf <<'END'
# Of Postfix.

failure_template = <<EOF
Charset: iso-8859-1
From: MAILER-DAEMON (Mail Delivery System)
Subject: Undelivered {{ Mail
Postmaster-Subject: Postmaster Copy

This is $myhostname of ${mydomain}, for $$5 {% raw %}.

END
printf 'Gr\374\337e\nEOF\n' >>bounce.cf
cat >>bounce.cf <<'END'
delay_template = <<XX
Subject: Delayed

More than $delay_warning_time_hours hours, up to $(maximal_queue_lifetime_days) days.
XX
success_template = <<EOF
Subject: Delivered

Good news.
EOF
verify_template = <<EOF
Subject: x

x
EOF
END
mkdir new
try "bounce.cf" 0 "$dsnarf" template import bounce.cf --output-dir new --language de
same out '7 texts in new; "dsnarf template check new" tries them'
same err 'dsnarf: bounce.cf:5: who the notices are from is said by notice.from: MAILER-DAEMON (Mail Delivery System)
dsnarf: bounce.cf:16: $maximal_queue_lifetime_days became 5, Postfix'"'"'s default; notice.lifetime says what holds
dsnarf: bounce.cf:23: verify_template has no use here'
try "what became of it" 0 template check new
try "a failure" 0 template preview --language de new
same out 'Subject: Undelivered {{ Mail

This is mta.example.com of example.com, for $5 {% raw %}.

Grüße

<user@example.net>: 550 5.1.1 this is how the other mail system has put it'
try "a delay" 0 template preview --language de --topic delayed new
has out '^More than 4 hours, up to 5 days\.$'
try "what is there stays" 1 "$dsnarf" template import bounce.cf --output-dir new --language de
has err '^dsnarf: new/failed.de.txt: '
mkdir odd
printf 'failure_template = <<EOF\nX-Other: a\n\n$relayhost {\nEOF\nwhat is this\n' >odd.cf
try "what cannot be brought over" 1 "$dsnarf" template import odd.cf --output-dir odd
same err 'dsnarf: odd.cf:2: this header has no meaning
dsnarf: odd.cf:4: $relayhost is not known here and stands as it was
dsnarf: odd.cf:6: this is no "name_template = <<EOF"'
has out '^2 texts in odd;'
try "it can be used all the same" 0 template check odd
printf 'failure_template = <<EOF\nSubject: a\n\nb\n' >open.cf
try "an open end" 1 "$dsnarf" template import open.cf --output-dir odd
has err 'the text of failure_template has no end "EOF"$' 'no text of a notice was written$'
try "no file" 1 "$dsnarf" template import nosuch.cf --output-dir odd
same err 'dsnarf: nosuch.cf: No such file or directory'
try "a directory for a file" 1 "$dsnarf" template import odd --output-dir odd
same err 'dsnarf: odd: Is a directory'
try "a huge file" 1 "$dsnarf" template import /dev/zero --output-dir odd
same err 'dsnarf: /dev/zero: larger than 1048576 bytes'
try "nowhere to write to" 1 "$dsnarf" template import bounce.cf --output-dir nosuch
same err 'dsnarf: nosuch: No such file or directory'

# The text of KumoMTA, as the manual shows it, against what KumoMTA writes.
mkdir kumo
sed -n '/^Subject: Returned mail/,/^\.Ed/{/^\.Ed/d;p;}' \
    "$TOP_SRCDIR/packaging/man/dsnarf-templates.7" >kumo/layout.txt
kumo=$TOP_SRCDIR/tests/golden/kumomta
for name in bounce expiration; do
    try "KumoMTA's text of the $name" 0 template preview kumo --language en \
        --record "$kumo/$name.json" --original "$kumo/original.eml"
    # A parser of its own: the text may be in quoted-printable.
    python3 - "$kumo/$name-headers.eml" >.theirs <<'END'
import email, sys
with open(sys.argv[1], "rb") as file:
    report = email.message_from_binary_file(file)
print("Subject:", report["Subject"], end="\n\n")
print(report.get_payload(0).get_payload(decode=True).decode().replace("\r\n", "\n").rstrip())
END
    diff .theirs .out >.diff || {
        fail "KumoMTA says it otherwise"
        sed 's/^/    /' .diff
    }
done

# What Postfix says by itself.
mkdir postfix ours
echo 'compatibility_level = 3.6' >postfix/main.cf
: >postfix/master.cf
if PATH=$PATH:/usr/sbin postconf -c postfix -t >default.cf 2>/dev/null; then
    try "Postfix's own texts" 0 "$dsnarf" template import default.cf --output-dir ours
    has err '^dsnarf: default.cf:[0-9]*: verify_template has no use here$'
    try "Postfix's own texts can be used" 0 template check ours
    same out 'ok: 2310 texts in 11 languages'
    try "Postfix's own failure" 0 template preview --language en ours
    has out '^Subject: Undelivered Mail Returned to Sender$' \
        '^This is the mail system at host mta\.example\.com\.$' '^<user@example.net>: 550 5.1.1 '
    try "Postfix's own delay" 0 template preview --language en --topic delayed ours
    has out '^Subject: Delayed Mail (still being retried)$' 'for more than 4 hour(s)\.$' \
        '^It will be retried until it is 5 day(s) old\.$'
else
    echo "no postconf: Postfix's own texts are not tried"
fi
try "no directory" 2 "$dsnarf" template import bounce.cf
has err '^dsnarf: template: import takes a file, and --output-dir DIR$'
finish
