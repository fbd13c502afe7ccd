/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * milter-nothing.c - a milter that does nothing, to compare ours with
 *
 * Usage: milter-nothing SOCKET. Negotiates what dsnarf does and lets every message pass at DATA,
 * where dsnarf lets those of others pass. Ends with SIGTERM.
 */
#include "config.h"

#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>
#include <stdio.h>
#include <stdlib.h>

static sfsistat
on_negotiate(SMFICTX *context, unsigned long actions, unsigned long steps, unsigned long unused2,
             unsigned long unused3, unsigned long *ret_actions, unsigned long *ret_steps,
             unsigned long *ret_unused2, unsigned long *ret_unused3)
{
    (void)unused2;
    (void)unused3;
    for (int stage = SMFIM_FIRST; stage <= SMFIM_LAST; stage++)
        (void)smfi_setsymlist(context, stage,
                              (char *)(stage == SMFIM_CONNECT ? "{daemon_name}"
                                       : stage == SMFIM_EOM   ? "i"
                                                              : ""));
    *ret_actions = actions & (SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_DELRCPT | SMFIF_SETSYMLIST);
    *ret_steps = steps & (SMFIP_NOHELO | SMFIP_NOUNKNOWN | SMFIP_HDR_LEADSPC | SMFIP_NR_CONN |
                          SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_HDR | SMFIP_NR_BODY);
    *ret_unused2 = *ret_unused3 = 0;
    return SMFIS_CONTINUE;
}

static sfsistat
on_connect(SMFICTX *context, char *name, _SOCK_ADDR *address)
{
    (void)context;
    (void)name;
    (void)address;
    return SMFIS_NOREPLY;
}

static sfsistat
on_address(SMFICTX *context, char **arguments)
{
    (void)context;
    (void)arguments;
    return SMFIS_NOREPLY;
}

static sfsistat
on_data(SMFICTX *context)
{
    (void)context;
    return SMFIS_ACCEPT;
}

static sfsistat
on_header(SMFICTX *context, char *name, char *value)
{
    (void)context;
    (void)name;
    (void)value;
    return SMFIS_NOREPLY;
}

static sfsistat
on_body(SMFICTX *context, unsigned char *bytes, size_t length)
{
    (void)context;
    (void)bytes;
    (void)length;
    return SMFIS_NOREPLY;
}

static sfsistat
on_other(SMFICTX *context)
{
    (void)context;
    return SMFIS_CONTINUE;
}

int
main(int argc, char **argv)
{
    const struct smfiDesc description = {
        .xxfi_name = (char *)"nothing",
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_DELRCPT,
        .xxfi_negotiate = on_negotiate,
        .xxfi_connect = on_connect,
        .xxfi_envfrom = on_address,
        .xxfi_envrcpt = on_address,
        .xxfi_data = on_data,
        .xxfi_header = on_header,
        .xxfi_eoh = on_other,
        .xxfi_body = on_body,
        .xxfi_eom = on_other,
        .xxfi_abort = on_other,
        .xxfi_close = on_other,
    };

    if (argc != 2 || smfi_register(description) != MI_SUCCESS ||
        smfi_setconn(argv[1]) != MI_SUCCESS || smfi_main() != MI_SUCCESS) {
        fprintf(stderr, "milter-nothing: cannot listen\n");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
