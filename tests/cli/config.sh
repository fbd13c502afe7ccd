#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# dsnarf config: what is said about a configuration, and what is shown of it.
# shellcheck disable=SC2016  # variables of others stand in single quotes
. "$TOP_SRCDIR/tests/cli/lib.sh"

try "no word" 2 "$dsnarf" config
has err '^dsnarf: config: say check or show$'
try "another word" 2 "$dsnarf" config chekc
has err '^dsnarf: config: expected check or show, not "chekc"$'
try "too many words" 2 "$dsnarf" config check show
has err '^dsnarf: config: unexpected argument "show"$'

try "the sample is in order" 0 "$dsnarf" config check -c "$examples/dsnarf.toml"
same out "$examples/dsnarf.toml: ok"
same err ''
try "a missing file" 2 "$dsnarf" config check -c none.toml
same out ''
same err 'dsnarf: none.toml: No such file or directory'
try "a missing file, to show" 2 "$dsnarf" config show -c none.toml
same out ''
try "a directory" 2 "$dsnarf" config check -c .
same err 'dsnarf: .: Is a directory'
: >closed.toml
chmod 0 closed.toml
if [ ! -r closed.toml ]; then
    try "an unreadable file" 2 "$dsnarf" config check --config=closed.toml
    same err 'dsnarf: closed.toml: Permission denied'
fi
try "an empty file" 0 "$dsnarf" config check -c /dev/null
try "standard input" 0 sh -c 'echo "limits.depth = 3" | "$1" config show -c /dev/stdin' - "$dsnarf"
has out '^depth = 3$'

cat >wrong.toml <<END
hostnam = "x"
[notice]
include_original = "header"
from = "$(printf 'a\033b')"
END
try "an escape in the file" 2 "$dsnarf" config check -c wrong.toml
same err 'dsnarf: wrong.toml:4:10: control character U+001B, write "\u001B"'
sed -i 4d wrong.toml
try "everything that is wrong" 2 "$dsnarf" config check -c wrong.toml
same out ''
same err 'dsnarf: wrong.toml:1: hostnam: unknown option, did you mean `hostname`?
dsnarf: wrong.toml:3: notice.include_original: expected one of "no", "headers", "full", got "header", did you mean "headers"?'

printf '[http]\nlisten = "127.0.0.1:8025"\n[notice]\nsenders = ["*"]\n' >open.toml
try "options that do not fit together" 2 "$dsnarf" config check -c open.toml
same err 'dsnarf: open.toml:2: http.token: is missing: give one, or clients with tokens of their own, or say "none"'
try "they are shown all the same" 0 "$dsnarf" config show -c open.toml

echo 'hostname = "${DSN_TEST_HOST}"' >variable.toml
try "a variable that is not set" 2 env -u DSN_TEST_HOST "$dsnarf" config check -c variable.toml
same err 'dsnarf: variable.toml:1: hostname: the environment variable DSN_TEST_HOST is not set'
try "a variable" 0 env DSN_TEST_HOST=mta1.example.com "$dsnarf" config show -c variable.toml
has out '^hostname = "mta1.example.com"$'

mkdir conf.d texts
echo 'include = "conf.d/*.toml"' >main.toml
echo 'limits.depth = 4' >conf.d/a.toml
printf '\n[limits]\ndepth = 5\n' >conf.d/b.toml
try "given in two files" 2 "$dsnarf" config check -c main.toml
same err 'dsnarf: conf.d/b.toml:3: limits.depth: was already given at conf.d/a.toml:1'
rm conf.d/b.toml
cat >>main.toml <<'END'
hostname = "mta1.example.com"
[nodes]
"4b8a0f7a" = "mta2.example.com"
[notice]
templates = "texts"
END
try "files and folders" 0 "$dsnarf" config show -c main.toml
has out '^depth = 4$' '^parts = 500 # default$' '^4b8a0f7a = "mta2.example.com"$' \
    '^hostname = "mta1.example.com"$' "^templates = \"$work/texts\"\$"
cp .out shown.toml
try "what is shown loads" 0 "$dsnarf" config show -c shown.toml
same out "$(cat shown.toml)"
try "no texts of our own" 0 "$dsnarf" config check -c main.toml
same out 'main.toml: ok'
printf 'Subject: {{ x\n\ntext\n' >texts/failed.en.txt
try "a text that does not compile" 2 "$dsnarf" config check -c main.toml
same out ''
has err 'failed\.en\.txt:1:'
rm -r texts
try "texts that are not there" 2 "$dsnarf" config check -c main.toml
has err "$work/texts"

try "nowhere to write to" 1 sh -c '"$1" config show -c /dev/null >/dev/full' - "$dsnarf"
has err '^dsnarf: standard output: No space left on device$'
finish
