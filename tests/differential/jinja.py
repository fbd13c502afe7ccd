#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compares our templates with Jinja2: jinja.py JINJA-LINES TABLES [COUNT [SEED]].

The rows of the tables that say "jinja2" must give the same text in both. Then COUNT random templates
made of pieces that mean the same in both languages.
"""
import json
import pathlib
import random
import subprocess
import sys

import jinja2

# Expressions by what they are; only operations on which both languages agree.
NUMBERS = ["1", "2", "7", "size", "seven", "response.code", "list|length", "list[0]", "list|sum",
           "people[1].n", "list|max", "text|length", "'42'|int", "num_attempts"]
STRINGS = ["'a'", "'Straße'", "id", "text", "meta.subject", "words[1]", "'x,y'", "long[4:9]",
           "text[::-1]", "text|upper", "long|replace('o','0')", "words|join('-')", "' a '|trim",
           "'ab'*2", "text|first", "text|lower", "text ~ 'x'", "headers['X-Task-Id']", "unknown",
           "unknown|default('d')", "empty|default('e', true)", "id|last", "'%s!'|format(id)"]
TRUTHS = ["seven > 3", "'a' in pair", "id is string", "unknown is defined", "nothing is none",
          "seven is odd", "yes", "no", "not no", "text == 'Hello World'", "1 < seven < 9",
          "2 in list", "'lo' in text", "seven is divisibleby(7)", "words is sequence", "empty"]
LISTS = ["list", "words", "[1, 2, 3]", "list|sort", "list|reverse|list", "range(4)|list",
         "list|select('odd')|list", "people|map(attribute='n')|list", "list[1:]", "list + [4]",
         "text|list", "list|batch(2)|first", "list|unique|list", "[]"]


def number(rng, depth):
    if depth == 0 or rng.random() < 0.4:
        return rng.choice(NUMBERS)
    return f"({number(rng, depth - 1)} {rng.choice('+-*')} {number(rng, depth - 1)})"


def string(rng, depth):
    if depth == 0 or rng.random() < 0.5:
        return rng.choice(STRINGS)
    return f"({string(rng, depth - 1)} if {truth(rng, depth - 1)} else {string(rng, depth - 1)})"


def truth(rng, depth):
    if depth == 0 or rng.random() < 0.5:
        return f"({rng.choice(TRUTHS)})"
    return f"({truth(rng, depth - 1)} {rng.choice(['and', 'or', 'and not'])} {truth(rng, depth - 1)})"


def body(rng, depth):
    made = ""
    for _ in range(rng.randint(1, 3)):
        kind = rng.randint(0, 7 if depth > 0 else 3)
        trim = rng.choice(["", "", "-"])
        if kind == 0:
            made += rng.choice(["text ", "\n", " { } % ", "ä\n\n", "{# comment #}"])
        elif kind == 1:
            made += f"{{{{{trim} {number(rng, depth)} }}}}"
        elif kind == 2:
            made += f"{{{{ {string(rng, depth)} {trim}}}}}"
        elif kind == 3:
            made += f"{{{{ ({rng.choice(LISTS)})|join(',') }}}}"
        elif kind == 4:
            made += (f"{{%{trim} if {truth(rng, depth)} %}}{body(rng, depth - 1)}{{% else {trim}%}}"
                     f"{body(rng, depth - 1)}{{% endif %}}")
        elif kind == 5:
            made += (f"{{% for v in {rng.choice(LISTS)} {trim}%}}{{{{ loop.index }}}}{{{{ v }}}}"
                     f"{body(rng, depth - 1)}{{% else %}}none{{% endfor %}}")
        elif kind == 6:
            made += f"{{% set s = {string(rng, depth)} {trim}%}}{{{{ s }}}}"
        else:
            made += f"{{% filter upper %}}{body(rng, depth - 1)}{{% endfilter %}}"
    return made


def theirs(row, context):
    environment = jinja2.Environment(autoescape=row.get("autoescape", False),
                                     extensions=["jinja2.ext.loopcontrols", "jinja2.ext.do"])
    environment.globals["log_record"] = context
    return environment.from_string(row["template"]).render(**context)


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
    rng = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 1)
    context = json.loads((folder / "context.json").read_text(encoding="utf-8"))
    rows = []
    for table in sorted(folder.glob("*.jsonl")):
        for line in table.read_text(encoding="utf-8").split("\n"):
            row = json.loads(line) if line else {}
            if row.get("jinja2"):
                rows.append({key: row[key] for key in ("template", "autoescape", "kumo")
                             if key in row})
    listed = len(rows)
    rows += [{"template": body(rng, 3)} for _ in range(count)]
    lines = "".join(json.dumps({**row, "context": context}) + "\n" for row in rows)
    answers = subprocess.run([program], input=lines, capture_output=True, text=True, check=True)
    failed = 0
    for row, line in zip(rows, answers.stdout.split("\n"), strict=False):
        answer, expected = json.loads(line), theirs(row, context)
        if answer.get("output") != expected:
            failed += 1
            print(f"template: {row['template']!r}\n  Jinja2: {expected!r}\n  ours:   {answer}")
    print(f"{len(rows) - failed} passed, {failed} failed: {listed} rows of the tables, "
          f"{count} random templates")
    return 1 if failed or listed < 100 else 0


sys.exit(main())
