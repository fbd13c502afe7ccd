#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""packaging/postfix: the lines of each role, and the script that brings them in and takes them away."""
import fcntl
import os
import re
import subprocess

import lib

PLACE = os.path.join(lib.SOURCE, "packaging", "postfix")
SCRIPT = os.path.join(PLACE, "dsnarf-postfix")
ROLES = ("inbound", "branding", "outbound", "reinject")
MAIN = "compatibility_level = 3.6\n# a comment that stays\nmyhostname = mta1.example.com\n"
MASTER = ("smtp inet n - y - - smtpd\n"
          "submission inet n - y - - smtpd\n  -o smtpd_tls_security_level=encrypt\n"
          "cleanup unix n - y - 0 cleanup\n")


def directory(folder, name, main=MAIN, master=MASTER):
    """A folder for postconf -c."""
    place = os.path.join(folder, name)
    os.mkdir(place, 0o755)
    for file, content in (("main.cf", main + f"queue_directory = {place}\ndata_directory = {place}\n"),
                          ("master.cf", master)):
        with open(os.path.join(place, file), "w", encoding="utf-8") as out:
            out.write(content)
    return place


def read(place):
    found = {}
    for file in ("main.cf", "master.cf"):
        with open(os.path.join(place, file), encoding="utf-8") as content:
            found[file] = content.read()
    return found


def postconf(place, *arguments):
    done = subprocess.run(["/usr/sbin/postconf", "-c", place, *arguments], check=True,
                          capture_output=True, text=True)
    return done.stdout


def in_force(place):
    """What Postfix makes of it, without what is only where it lies."""
    main = [line for line in postconf(place, "-n").splitlines() if place not in line]
    return main, postconf(place, "-M").split("\n"), sorted(postconf(place, "-P").splitlines())


def run(*arguments, wanted=0):
    done = subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, check=False,
                          timeout=lib.PATIENCE)
    lib.expect(done.returncode, wanted, f"status of {arguments}: {done.stdout}{done.stderr}")
    return done.stdout if wanted == 0 else done.stderr


def lines_of(role, file):
    path = os.path.join(PLACE, f"{role}.{file}")
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as content:
        return content.read()


def needs_postfix():
    if not os.path.exists("/usr/sbin/postconf"):
        raise lib.Skip("the package postfix is not installed")


def shows_and_changes_nothing(folder):
    needs_postfix()
    place = directory(folder, "a")
    before = read(place)
    shown = run("show", "-c", place, *ROLES)
    lib.expect(read(place), before, "the files")
    lib.expect(sorted(os.listdir(place)), ["main.cf", "master.cf"], "files")
    for command in (line for line in shown.splitlines() if not line.startswith("#")):
        if not re.match(rf"postconf -c '{place}' -[ePM] '[^']+'$", command):
            raise lib.Failure(command)
    # the commands that it shows do what it would have done
    by_hand = directory(folder, "b")
    for command in shown.splitlines():
        subprocess.run(["/bin/sh", "-c", command.replace(place, by_hand, 1)],
                       check=True, env={"PATH": "/usr/sbin:/usr/bin:/bin"})
    run("apply", *ROLES, "-c", place)
    lib.expect(in_force(by_hand), in_force(place), "by hand and by the script")
    lib.expect(run("show", "-c", place, *ROLES), "# nothing is to be changed\n", "shown afterwards")


def each_role_has_its_lines(folder):
    """The files beside the script say the same as the script."""
    needs_postfix()
    for role in ROLES:
        master = MASTER
        if role == "outbound":  # it has the service, as an administrator would write it
            master = MASTER.replace("submission inet n - y - - smtpd\n  -o smtpd_tls_security_level=encrypt\n",
                                    "")
        by_hand = directory(folder, role + "-hand", MAIN + lines_of(role, "main.cf"),
                            master + lines_of(role, "master.cf"))
        place = directory(folder, role, MAIN, MASTER.replace("  -o smtpd_tls_security_level=encrypt\n", "")
                          if role == "outbound" else MASTER)
        run("apply", "-c", place, role)
        main, services, parameters = in_force(place)
        wanted_main, wanted_services, wanted_parameters = in_force(by_hand)
        lib.expect((main, parameters), (wanted_main, wanted_parameters), role)
        lib.expect({" ".join(line.split()) for line in services if line.strip()[:1] not in ("-", "")},
                   {" ".join(line.split()) for line in wanted_services if line.strip()[:1] not in ("-", "")},
                   role + ", services")
        states = dict(line.split(": ") for line in run("check", "-c", place).splitlines()
                      if line.split(":")[0] in ROLES)
        lib.expect(states, {name: "in force" if name == role else "not in force" for name in ROLES})


def is_undone_to_the_byte(folder):
    needs_postfix()
    place = directory(folder, "a")
    before = read(place)
    for role in ROLES:
        run("apply", "-c", place, role)
    run("apply", "-c", place, *ROLES)
    lib.expect(read(place) != before, True, "changed")
    run("undo", "-c", place)
    lib.expect(read(place), before, "the files")
    lib.expect([name for name in os.listdir(place) if "dsnarf" in name], [], "files that are left")
    lib.expect("nothing to undo" in run("undo", "-c", place, wanted=1), True, "a second time")


def leaves_what_others_have_changed(folder):
    needs_postfix()
    milters = "smtpd_milters = inet:127.0.0.1:8891\nnon_smtpd_milters = inet:127.0.0.1:8891\n"
    own = "  -o { smtpd_milters = inet:127.0.0.1:8891, { unix:x, default_action=accept } }\n"
    place = directory(folder, "a", MAIN + milters, MASTER.replace("encrypt\n", "encrypt\n" + own))
    before = in_force(place)
    run("apply", "-c", place, "inbound", "branding", "outbound")
    lib.expect(postconf(place, "-h", "smtpd_milters").strip(),
               "inet:127.0.0.1:8891, { unix:dsnarf/milter.sock, default_action=tempfail }",
               "behind what verifies")
    lib.expect(postconf(place, "-h", "non_smtpd_milters").strip(),
               "{ unix:dsnarf/milter.sock, default_action=accept }, inet:127.0.0.1:8891",
               "in front of what signs")
    lib.expect(postconf(place, "-h", "dsnarf_submission_milters").strip(),
               "{ unix:dsnarf/milter.sock, default_action=accept }, inet:127.0.0.1:8891, "
               "{ unix:x, default_action=accept }", "of the service")
    postconf(place, "-e", "mynetworks=192.0.2.0/24")
    run("apply", "-c", place, "reinject")
    run("undo", "-c", place)
    main, services, parameters = in_force(place)
    lib.expect([line for line in main if not line.startswith("dsnarf_")],
               sorted(before[0] + ["mynetworks = 192.0.2.0/24"]), "main.cf")
    lib.expect(postconf(place, "-h", "dsnarf_submission_milters").strip(),
               "inet:127.0.0.1:8891, { unix:x, default_action=accept }", "the list keeps its name")
    lib.expect("submission/inet/smtpd_milters = $dsnarf_submission_milters" in parameters, True)
    lib.expect([line for line in parameters if "ORIGINATING" in line or "10026" in line], [], "of ours")
    lib.expect([line for line in services if "10026" in line], [], "the port")


def takes_out_of_a_changed_list_only_the_milter(folder):
    needs_postfix()
    place = directory(folder, "a", MAIN + "smtpd_milters = inet:127.0.0.1:8891\n")
    run("apply", "-c", place, "inbound", "branding", "outbound")
    postconf(place, "-e", "internal_mail_filter_classes = bounce, notify",
             "smtpd_milters = inet:127.0.0.1:8891,\tinet:127.0.0.1:8893,"
             "{ unix:dsnarf/milter.sock, default_action=tempfail },{ unix:x, default_action=accept }")
    postconf(place, "-P", "submission/inet/milter_macro_daemon_name=MINE")
    said = run("undo", "-c", place)
    for line in ("internal_mail_filter_classes was changed since, and is left as it is",
                 "submission/inet/milter_macro_daemon_name was changed since, and is left as it is",
                 "smtpd_milters was changed since: only the milter was taken out"):
        lib.expect(line in said.splitlines(), True, said)
    main, _, parameters = in_force(place)
    lib.expect([line for line in main if "milter" in line or "filter" in line],
               ["internal_mail_filter_classes = bounce, notify",
                "smtpd_milters = inet:127.0.0.1:8891, inet:127.0.0.1:8893, "
                "{ unix:x, default_action=accept }"], "main.cf")
    lib.expect(parameters, ["submission/inet/milter_macro_daemon_name = MINE",
                            "submission/inet/smtpd_tls_security_level = encrypt"], "master.cf")


def keeps_the_signer_of_a_service(folder):
    """Whichever of the roles comes first."""
    needs_postfix()
    place = directory(folder, "a", MAIN + "smtpd_milters = inet:127.0.0.1:8891, { unix:x }\n")
    run("apply", "-c", place, "inbound")
    run("apply", "-c", place, "outbound")
    lib.expect(postconf(place, "-h", "dsnarf_submission_milters").strip(),
               "{ unix:dsnarf/milter.sock, default_action=accept }, inet:127.0.0.1:8891, { unix:x }",
               "of the service")


def tells_milters_with_similar_addresses_apart(folder):
    needs_postfix()
    place = directory(folder, "a", MAIN + "smtpd_milters = inet:127.0.0.1:8025, { unix:dsnarf/milter.sock2 }\n")
    before = read(place)
    run("apply", "-c", place, "-s", "inet:127.0.0.1:802", "inbound")
    added = ("inet:127.0.0.1:8025, { unix:dsnarf/milter.sock2 }, "
             "{ inet:127.0.0.1:802, default_action=tempfail }")
    lib.expect(postconf(place, "-h", "smtpd_milters").strip(), added, "with it")
    lib.expect(run("show", "-c", place, "-s", "inet:127.0.0.1:802", "inbound"),
               "# nothing is to be changed\n", "it is there now")
    run("undo", "-c", place)
    lib.expect(read(place), before, "undone")


ACCEPTS, DEFERS = (f"{{ unix:dsnarf/milter.sock, default_action={action} }}" for action in ("accept", "tempfail"))


def value(place, name):
    """With all that it refers to written out."""
    return postconf(place, "-x", "-h", name).strip()


def puts_each_list_its_own_action(folder):
    """Also where one list refers to the other."""
    needs_postfix()
    cases = (
        # main.cf, roles, smtpd_milters, non_smtpd_milters
        ("smtpd_milters = inet:1\nnon_smtpd_milters = $smtpd_milters\n", ("branding", "inbound"),
         f"inet:1, {DEFERS}", f"{ACCEPTS}, inet:1"),
        ("smtpd_milters = inet:1\nnon_smtpd_milters = ${smtpd_milters}, inet:2\n", ("inbound",),
         f"inet:1, {DEFERS}", "inet:1, inet:2"),
        (f"smtpd_milters = inet:1, {DEFERS}\nnon_smtpd_milters = $smtpd_milters\n", ("branding",),
         f"inet:1, {DEFERS}", f"{ACCEPTS}, inet:1"),
        ("mine = $non_smtpd_milters\nsmtpd_milters = $mine\n", ("inbound", "branding"), DEFERS, ACCEPTS))
    for number, (main, roles, smtpd, non_smtpd) in enumerate(cases):
        place = directory(folder, str(number), MAIN + main)
        before = read(place)
        run("apply", "-c", place, *roles)
        lib.expect(value(place, "smtpd_milters"), smtpd, main)
        lib.expect(value(place, "non_smtpd_milters"), non_smtpd, main)
        lib.expect(run("show", "-c", place, *roles), "# nothing is to be changed\n", main)
        run("undo", "-c", place)
        lib.expect(read(place), before, "undone")


def brings_back_references(folder):
    """When somebody else has changed something, too."""
    needs_postfix()
    place = directory(folder, "a", MAIN + "smtpd_milters = inet:1\nnon_smtpd_milters = $smtpd_milters\n")
    before = in_force(place)
    run("apply", "-c", place, "inbound")
    postconf(place, "-e", "mynetworks=192.0.2.0/24")
    run("undo", "-c", place)
    lib.expect(in_force(place)[0], sorted(before[0] + ["mynetworks = 192.0.2.0/24"]), "main.cf")


def finds_its_milter_behind_a_name(folder):
    needs_postfix()
    place = directory(folder, "a", MAIN + f"mine = inet:1, {DEFERS}\nsmtpd_milters = $mine\n")
    lib.expect(run("show", "-c", place, "inbound"), "# nothing is to be changed\n", "it is there")
    run("apply", "-c", place, "outbound")
    lib.expect(value(place, "dsnarf_submission_milters"), f"{ACCEPTS}, inet:1", "of the service")


def takes_its_list_away(folder):
    """Unless a service refers to it."""
    needs_postfix()
    place = directory(folder, "a", MAIN + "smtpd_milters = inet:1\n", MASTER + "smtps inet n - y - - smtpd\n")
    before = read(place)["main.cf"]
    services = "submission/inet smtps/inet"
    run("apply", "-c", place, "-o", services, "outbound")
    postconf(place, "-P", "submission/inet/smtpd_milters=inet:2",
             "smtps/inet/smtpd_milters=$dsnarf_smtps_milters,inet:3")
    said = run("undo", "-c", place)
    lib.expect("dsnarf_smtps_milters is in use: only the milter was taken out" in said.splitlines(), True, said)
    lib.expect(read(place)["main.cf"], before + "dsnarf_smtps_milters = inet:1\n", "main.cf")
    lib.expect([line for line in in_force(place)[2] if "smtpd_milters" in line],
               ["smtps/inet/smtpd_milters = $dsnarf_smtps_milters,inet:3",
                "submission/inet/smtpd_milters = inet:2"], "master.cf")


def changes_nothing_that_it_cannot_read(folder):
    needs_postfix()
    place = directory(folder, "a", MAIN + "smtpd_milters = inet:1\n")
    run("apply", "-c", place, "inbound")
    for file, complaint in (("main.cf", "missing '='"), ("master.cf", "bad field count")):
        good = read(place)[file]
        with open(os.path.join(place, file), "a", encoding="utf-8") as out:
            out.write("foo bar\n")
        before = read(place)
        for arguments in (("show", "branding"), ("apply", "branding"), ("undo",)):
            said = run(*arguments, "-c", place, wanted=1)
            lib.expect(complaint in said, True, said)
            lib.expect(read(place), before, f"{file}, {arguments}")
        with open(os.path.join(place, file), "w", encoding="utf-8") as out:
            out.write(good)
    run("undo", "-c", place)
    lib.expect(postconf(place, "-h", "smtpd_milters").strip(), "inet:1", "what was there")


def tells_who_may(folder):
    needs_postfix()
    if os.getuid() != 0:
        raise lib.Skip("to be another user takes root")
    place = directory(folder, "a")
    os.chmod(folder, 0o755)
    with open(SCRIPT, encoding="utf-8") as script:  # which may lie where nobody else can read it
        for command, status, word in (("show", 0, "postconf"), ("apply", 1, "apply needs root"),
                                      ("check", 1, "check needs root"), ("undo", 1, "undo needs root")):
            script.seek(0)
            roles = ["inbound"] if command in ("show", "apply") else []
            done = subprocess.run(["/bin/sh", "-s", command, "-c", place, *roles], stdin=script,
                                  user=65534, group=65534, extra_groups=(), capture_output=True,
                                  text=True, check=False, timeout=lib.PATIENCE)
            lib.expect((done.returncode, word in done.stdout + done.stderr), (status, True), f"{done}")


def works_alone(folder):
    needs_postfix()
    place = directory(folder, "a")
    before = read(place)
    run("apply", "-c", place, "branding")
    after = read(place)
    held = os.open(place, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    for arguments in (("apply", "-c", place, "inbound"), ("undo", "-c", place)):
        lib.expect("another one is at work" in run(*arguments, wanted=1), True, f"{arguments}")
    lib.expect(read(place), after, "changed by neither")
    os.close(held)
    run("undo", "-c", place)
    lib.expect(read(place), before, "undone")


def says_what_is_wrong(folder):
    needs_postfix()
    place = directory(folder, "a", master="smtp inet n - y - - smtpd\n")
    before = read(place)
    for arguments, status, word in (
            ((), 2, "no command"), (("remove",), 2, '"remove"'), (("show", "-c", place), 2, "no role"),
            (("apply", "-c", place, "inbound", "inbond"), 2, '"inbond"'),
            (("show", "-x"), 2, "options"), (("show", "inbound", "-x"), 2, "options"),
            (("undo", "-c", place, "inbound"), 2, "all roles"),
            (("apply", "-c", place, "outbound"), 1, "name yours with -o"),
            (("show", "-c", folder, "inbound"), 1, "no main.cf")):
        said = run(*arguments, wanted=status)
        lib.expect(said.splitlines()[-1].startswith("dsnarf-postfix: ") and word in said, True, said)
    lib.expect(read(place), before, "nothing was changed")


if __name__ == "__main__":
    lib.run(shows_and_changes_nothing, each_role_has_its_lines, is_undone_to_the_byte,
            leaves_what_others_have_changed, takes_out_of_a_changed_list_only_the_milter,
            keeps_the_signer_of_a_service, tells_milters_with_similar_addresses_apart,
            puts_each_list_its_own_action, brings_back_references, finds_its_milter_behind_a_name,
            takes_its_list_away, changes_nothing_that_it_cannot_read, tells_who_may, works_alone,
            says_what_is_wrong)
