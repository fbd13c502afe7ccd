#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The program as such: commands, help, and what is said about a wrong use.
# shellcheck disable=SC2016  # commands for another shell stand in single quotes
. "$TOP_SRCDIR/tests/cli/lib.sh"

try "no command" 2 "$dsnarf"
same out ''
has err '^Usage: dsnarf COMMAND' '^  parse  '
try "help" 0 "$dsnarf" help
has out '^Usage: dsnarf COMMAND' '^  config  ' '^  generate  ' '^  parse  '
same err ''
cp .out help
try "--help" 0 "$dsnarf" --help
same out "$(cat help)"
try "-h" 0 "$dsnarf" -h
same out "$(cat help)"
try "help help" 0 "$dsnarf" help help
same out "$(cat help)"
try "help --help" 0 "$dsnarf" help --help
same out "$(cat help)"
try "--version" 0 "$dsnarf" --version
has out '^dsnarf [0-9][0-9.]*$'
lines 1

for command in config generate ingest parse queue serve; do
    try "help $command" 0 "$dsnarf" help "$command"
    has out "dsnarf $command" '^  -h, --help'
    same err ''
    cp .out help
    try "$command --help" 0 "$dsnarf" "$command" --help
    same out "$(cat help)"
    try "$command with an unknown option" 2 "$dsnarf" "$command" --nonesuch
    same out ''
    has err "^dsnarf: $command: .*--nonesuch" "dsnarf help $command"
    try "$command with an option of a later version" 2 "$dsnarf" "$command" --tenant x
done

try "a misspelt command" 2 "$dsnarf" prase
same err 'dsnarf: there is no command "prase"; did you mean "parse"?'
try "help for a misspelt command" 2 "$dsnarf" help genrate
same err 'dsnarf: there is no command "genrate"; did you mean "generate"?'
try "no such command" 2 "$dsnarf" xyzzy
same err 'dsnarf: there is no command "xyzzy"; "dsnarf help" lists them'
try "a command that would forge a line" 2 "$dsnarf" "$(printf 'a\nb\033c\377')"
same err 'dsnarf: there is no command "a\x0ab\x1bc\xff"; "dsnarf help" lists them'

try "nowhere to write help to" 1 sh -c '"$0" --help >/dev/full' "$dsnarf"
has err '^dsnarf: standard output: No space left on device$'
try "nowhere to write the help of a command to" 1 sh -c '"$0" parse --help >/dev/full' "$dsnarf"
has err '^dsnarf: standard output: No space left on device$'
finish
