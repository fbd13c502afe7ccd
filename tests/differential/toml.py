#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compares our TOML reader with Python's tomllib: toml.py TOML-JSON [COUNT [SEED]].

Both must take or refuse each document, and what both take must be the same tree. Only what our tree
cannot hold (dates and times, infinity, not-a-number, integers beyond 64 bits) may be refused by
ours alone. The documents are the table below, where | is a line feed and ~ three single quotes, and
COUNT random ones made of its pieces.
"""
import datetime
import json
import math
import random
import subprocess
import sys
import tomllib

ACCEPTED = r'''
a = 1
a.b.c = "x"|a.b.d = 2
a . b = 1
"" = 1
'' = 1
"a.b" = 1|a.b = 2
'a"b' = 1
1.2 = 3
-_- = true
true = false
inf = 1
a = ""|b = ''
a = "\b\t\n\f\r\"\\\u00e9\U0001F600"
a = "\u0000\u001f\u007f"
"\u0000" = 1|"\u0000b" = 2
a = 'C:\x\n'
a = """|x|y"""
a = """x\|   y   \|||  z"""
a = """\  |   """
a = """a""b"c"""""
a = """"""""
a = """"""
a = ~|x\y'z''~
a = ~~
a = "äöü €"|"ß" = 1
a = 0|b = +0|c = -0|d = 1_000|e = +99
a = 0xDEAD_beef|b = 0o755|c = 0b1101_0
a = 9223372036854775807|b = -9223372036854775808|c = 0x7fffffffffffffff
a = 1.0|b = -1.5e10|c = 6.02E-23|d = 1e06|e = +0.0|f = -0.0|g = 1_0.0_1e1_0
a = 1e00
a = []|b = [ ]|c = [1]|d = [1,]|e = [|1 , # one||2|# end|]
a = [1, "x", [true, {b = 1}], 1.5]
a = {}|b = { }|c = {d=1}|e = { f = 1, g.h = 2, "i j" = [1,|2] }
a = {b.c = 1, b.d = 2}
a = { b = """|x|""" }
[a]
[a]||[b]|c = 1
[ a . "b" . 'c' ]|d = 1
[a] # comment|# more
[a.b.c]|[a.b]|x = 1|[a]|y = 2
[a.b]|[a]|c.d = 1
[a.b]|[a]|b2 = 1
[[a]]|b = 1|[[a]]|b = 2
[[a]]|[a.b]|c = 1|[[a]]|[a.b]|c = 2
[[a.b]]|[[a.b.c]]|d = 1|[[a.b.c]]|d = 2|[[a.b]]
[a]|[[a.b]]|[a.c]
[fruit]|apple.color = 1|apple.taste.sweet = true|[fruit.apple.texture]|smooth = 1
[a]|b.c = 1|b.d = 2
[a.b.c]|[a]|b.x = 1
a = 1 # comment|# ä
a = 1979-05-27
a = 1979-05-27T07:32:00Z|b = 1979-05-27 07:32:00.5-08:00|c = 07:32:00
a = inf|b = -inf|c = nan
a = 9223372036854775808
a = 0xffffffffffffffff
a = [1979-05-27, {b = 07:32:00}]
'''
REFUSED = r'''
a
a =
= 1
a = 1 b = 2
a = 1 2
a 1
a.b
a. = 1
.a = 1
a..b = 1
a = 1|a = 2
a = 1|a.b = 2
a.b = 1|a = 2
a.b = 1|a.b.c = 2
a.b.c = 1|a.b = 2
a = "x
a = 'x
a = "x|y"
a = """x
a = """x""""""
a = ~x
a = "\x"
a = "\e"
a = "\u12"
a = "\uD800"
a = "\U00110000"
a = "\U0000d8zz"
a = "x\|y"
a = """x\ y"""
"""a""" = 1
a b = 1
ä = 1
a = True
a = truex
a = trues = 1
a = 'x' 'y'
a = 01|
a = 0_1
a = 1_
a = _1
a = 1__0
a = +0x1
a = 0X1
a = 0x
a = 0b2
a = 0o8
a = 0x_1
a = 1.
a = .5
a = 1.e5
a = 1.5.5
a = 1e
a = 1e1.5
a = 01.5
a = +-1
a = + 1
a = -
a = 1.0_
a = infinite
a = [1
a = [1 2]
a = [,]
a = [1,,2]
a = ]
a = {b = 1
a = {b = 1,}
a = {,}
a = {b = 1|}
a = {|b = 1}
a = {b = 1, b = 2}
a = {b = 1, b.c = 2}
a = {b.c = 1, b = 2}
a = {b = {c = 1}, b.d = 2}
a = {b = 1 c = 2}
a = {b = 1}|a.c = 2
a = {b = 1}|[a]
a = {b = 1}|[a.c]
a = {b = {}}|[a.b.c]
a = []|[[a]]
a = [{}]|[[a]]
a = [{}]|[a.b]
a = [{}]|[a]
[a]|[a]
[a]|b = 1|[a.b]
[a]|b = 1|[a.b.c]
[a]|b = 1|[[a.b]]
[a]|b = {}|[a.b]
[a]|[[a]]
[[a]]|[a]
[[a]]|b = 1|[[a.b]]
[[a.b]]|[a]|b.c = 1
[a.b]|[a]|b.c = 1
[a.b.c.d]|z = 9|[a]|b.c.d.k.t = 1
[fruit]|apple.color = 1|[fruit.apple]
[fruit]|apple.taste.sweet = 1|[fruit.apple.taste]
[a]|b.c = 1|[[a.b]]
a.b = 1|[a]
a.b = 1|[[a]]
[
[]
[a
[a]]
[[a]
[[a] ]
[ [a]]
[[]]
[a.]
[.a]
[a] b = 1
[a]|b = 1|[[a.b]]
[a b]
["a]
[a]# x|[a]
'''
KEYS = ["a", "b", "c", '"a"', "'b'", '"a.b"', "a.b", "b.a", "a.b.c", "a . c", "c.a.b", '""', "1"]
VALUES = ["1", "+0", "0x1F", "1.5", "-2e3", "true", "false", '"x"', "'y'", '"""m\n"""', "'''l'''",
          "[]", "[1, 2]", "[[1], [{a = 1}]]", "[{}]", "{}", "{a = 1}", "{a.b = 1, a.c = {b = 2}}",
          "{a = {}, b = [{c = 1}]}", '"\\u00e9"', "07:32:00", "1979-05-27", "inf", "1_0", "0b1",
          '"""a\\\n  b"""', "9223372036854775807", "-9223372036854775809"]
NOISE = ["#", "\n", "\r\n", "\r", " ", "\t", '"', "'", '"""', "'''", "\\", "[", "]", "[[", "]]", "{",
         "}", ",", "=", ".", "_", "-", "+", "0", "1", "e", "x", ":", "a", "\x00", "\x7f", "\x0b",
         "\ufeff", "ä", "\\u00e9", "\\U0001F600", "\\ud800", "true", "nan", "T", "Z"]


class Reader:
    """Our reader, one process for all documents."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def read(self, text):
        self.process.stdin.write(b"%d\n%s" % (len(text), text))
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer.endswith(b"\n"):
            raise SystemExit(f"no answer to {text!r}")
        return answer[:1] == b"=", answer[2:-1].decode()


def peer(text):
    """The tree of tomllib, or None."""
    try:
        return tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return None
    except ValueError:
        return None  # a day that does not exist


def beyond(tree):
    """True if the tree holds what ours cannot."""
    if isinstance(tree, dict):
        return any(beyond(value) for value in tree.values())
    if isinstance(tree, list):
        return any(beyond(value) for value in tree)
    if isinstance(tree, (datetime.date, datetime.time)):
        return True
    if isinstance(tree, float):
        return not math.isfinite(tree)
    return isinstance(tree, int) and not -2**63 <= tree < 2**63


def same(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    return a == b


def compare(reader, text):
    """None, or in what the two readers differ."""
    taken, answer = reader.read(text)
    tree = peer(text)
    if not taken:
        if tree is not None and not beyond(tree):
            return f"refused here ({answer}), taken by tomllib as {tree!r}"
    elif tree is None:
        return f"taken here as {answer}, refused by tomllib"
    elif beyond(tree):
        return f"taken here as {answer}, cannot hold {tree!r}"
    elif not same(json.loads(answer), tree):
        return f"here {answer}, in tomllib {tree!r}"
    return None


def statement(rng):
    kind = rng.random()
    if kind < 0.25:
        return f"[{rng.choice(KEYS)}]"
    if kind < 0.4:
        return f"[[{rng.choice(KEYS)}]]"
    return f"{rng.choice(KEYS)} = {rng.choice(VALUES)}"


def mutate(rng, text):
    for _ in range(rng.randint(1, 3)):
        at = rng.randint(0, len(text))
        text = text[:at] + rng.choice(NOISE) + text[at + rng.choice((0, 0, 1, 2)):]
    return text


def unpack(line):
    return line.replace("|", "\n").replace("~", "'''")


def documents(count, seed):
    table = [unpack(line) for line in (ACCEPTED + REFUSED).split("\n") if line]
    yield from table
    rng = random.Random(seed)
    for _ in range(count):
        text = "\n".join(statement(rng) for _ in range(rng.randint(1, 6)))
        if rng.random() < 0.5:
            text = mutate(rng, rng.choice((text, rng.choice(table))))
        yield text


def check_table(reader):
    """Each line of the table is taken or refused as its half says, by both readers."""
    for name, lines, taken in (("accepted", ACCEPTED, True), ("refused", REFUSED, False)):
        for line in lines.split("\n"):
            text = unpack(line).encode()
            tree = peer(text)
            if line and (tree is not None) != taken:
                yield f"{line}: stands under {name}, tomllib says otherwise"
            if line and reader.read(text)[0] != (taken and not beyond(tree)):
                yield f"{line}: stands under {name}, our reader says otherwise"


def main():
    reader = Reader(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 10000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    faults = list(check_table(reader))
    compared = taken = 0
    for text in documents(count, seed):
        raw = text.encode()
        fault = compare(reader, raw)
        if fault:
            faults.append(f"{raw!r}: {fault}")
        compared += 1
        taken += reader.read(raw)[0]
    print("\n".join(faults[:20]))
    print(f"{compared} documents, {taken} of them taken, {len(faults)} differences")
    return 1 if faults or taken < compared // 10 else 0


sys.exit(main())
