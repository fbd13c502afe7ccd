# SPDX-License-Identifier: BSD-2-Clause
# Makes C of the shipped texts: each file becomes one string under its name.
function base(path) {
    sub(/.*\//, "", path)
    return path
}
BEGIN {
    print "/* Made by embed.awk, do not edit. */"
    print "#include \"config.h\"\n"
    print "#include \"templates/shipped.h\"\n"
    print "const DsnShippedText dsn_shipped_texts[] = {"
}
FNR == 1 {
    if (NR > 1)
        print "    },"
    printf "    {\n        \"%s\",\n", base(FILENAME)
}
{
    gsub(/\\/, "\\\\\\\\")
    gsub(/"/, "\\\"")
    printf "        \"%s\\n\"\n", $0
}
END {
    print "    },"
    print "    {0},"
    print "};"
}
