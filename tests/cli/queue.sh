#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# dsnarf queue and serve: what is said about a wrong use, and where there is nothing to work with.
# tests/e2e/serve.py has the rest.
. "$TOP_SRCDIR/tests/cli/lib.sh"

usage() {
    label=$1
    shift
    try "$label" 2 "$dsnarf" queue "$@"
    same out ''
}

usage "no verb"
has err '^dsnarf: queue: say list, show, retry, drop, purge or status$'
usage "another verb" lst
has err 'expected list, show, retry, drop, purge or status, not "lst"$'
usage "list takes no entries" list 1
has err 'unexpected argument "1"$'
usage "list takes no --all" list --all
has err 'list does not take --all$'
usage "show without an entry" show
has err 'show takes one entry$'
usage "show with two" show 1 2
has err 'show takes one entry$'
usage "show without a number" show x
has err 'an entry is a number as "list" shows it, not "x"$'
usage "show takes no --json" show 1 --json
has err 'show does not take --json$'
for entry in 0 -1 1x 99999999999999999999 ''; do
    usage "retry of \"$entry\"" retry -- "$entry"
done
usage "retry of nothing" retry
has err 'retry takes entries, or --all$'
usage "retry of all and one" retry --all 1
has err 'retry takes entries, or --all$'
usage "retry of dead ones without --all" retry 1 --dead
has err 'retry takes entries, or what is meant with --all$'
usage "drop of nothing" drop
has err 'drop takes entries, --recipient, or --sender$'
usage "drop of everything dead" drop --dead
has err 'drop takes entries, --recipient, or --sender$'
usage "drop of entries and a recipient" drop 1 --recipient a@example.com
has err 'drop takes entries, --recipient, or --sender$'
usage "drop of a sender and a recipient" drop --sender a@example.com --recipient a@example.com
has err 'drop takes entries, --recipient, or --sender$'
usage "drop of a sender that is dead" drop --sender a@example.com --dead
has err 'with --sender drop removes everything$'
usage "a sender in Latin 1" drop --sender "$(printf 'm\374ller@example.com')"
has err 'no text in UTF-8$'
usage "list takes no --sender" list --sender a@example.com
has err 'list does not take --sender$'
usage "purge of an entry" purge 1
has err 'unexpected argument "1"; "drop" takes entries$'
usage "purge of an odd time" purge --older-than week
has err '^dsnarf: queue: --older-than: expected a duration such as'
usage "a recipient in Latin 1" list --recipient "$(printf 'm\374ller@example.com')"
has err 'no text in UTF-8$'
# shellcheck disable=SC2046  # numbers
usage "too many" retry $(seq 100000 120000)
has err 'too many entries at once$'

try "no configuration" 2 "$dsnarf" queue list -c none.toml
has err '^dsnarf: none.toml: No such file or directory$' \
    '^dsnarf: queue: --spool DIRECTORY does without the configuration$'
same out ''
echo 'spool.directory = "spool"' >x.toml
try "no spool" 1 "$dsnarf" queue list -c x.toml
same err "dsnarf: queue: $work/spool: No such file or directory"
same out ''
mkdir -m 700 spool
for verb in list status purge "retry --all" "drop 1" "show 1"; do
    # shellcheck disable=SC2086  # words
    try "an empty directory: $verb" 1 "$dsnarf" queue $verb --spool spool
    same err "dsnarf: queue: $work/spool: there is no spool here"
    same out ''
done
[ -z "$(ls spool)" ] || fail "something was made in the spool"

try "serve without its configuration" 2 "$dsnarf" serve -c none.toml
same err 'dsnarf: none.toml: No such file or directory'
printf '[http]\nlisten = "127.0.0.1:8025"\n[notice]\nsenders = ["*"]\n' >open.toml
try "serve with a wrong one" 2 "$dsnarf" serve -c open.toml
has err '^dsnarf: open.toml:2: http.token: is missing'
try "serve with an argument" 2 "$dsnarf" serve x
same out ''
finish
