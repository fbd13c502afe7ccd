/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * configuration.h - what the administrator decided
 *
 * Purpose:   defaults, files and checks of every option, from one table.
 * Source:    dsnarf.toml(5).
 * Ownership: the configuration owns all that it holds; accessors lend.
 * Errors:    DSN_CONFIGURATION_ERROR: one text with a line for each thing that is wrong,
 *            "file:line: key: what is wrong, did you mean ...".
 * Threads:   constant after load.
 */
#ifndef DSN_CORE_CONFIGURATION_H
#define DSN_CORE_CONFIGURATION_H

#include "mime/limits.h"
#include "mime/report-build.h"
#include "templates/template.h"

#include <jansson.h>

typedef struct DsnConfiguration {
    char *hostname;    /* the local host's name when not given */
    char *nodeid;      /* the nil UUID when not given */
    GHashTable *nodes; /* [nodes]: nodeid -> host name */
    struct {
        GPtrArray *enable; /* of char *: record types */
        DsnReturn include_original;
        size_t return_limit;
        char *from;      /* see dsn_configuration_split(); NULL: mailer-daemon@ the host */
        char *templates; /* directory, NULL: the shipped texts */
    } notice;
    DsnLimits limits; /* [limits] */
    struct {
        size_t record; /* bytes of one record with its original */
    } intake;
    DsnTemplateLimits template_limits;
} DsnConfiguration;

#define DSN_CONFIGURATION_ERROR dsn_configuration_error_quark()
GQuark dsn_configuration_error_quark(void);

/* Reads @file and what it includes; NULL gives the defaults. Returns a new configuration (transfer
 * full), or NULL and @error. */
DsnConfiguration *dsn_configuration_load(const char *file, GError **error);
void dsn_configuration_free(DsnConfiguration *configuration);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnConfiguration, dsn_configuration_free)

/* Splits "Name <address>", "\"Name\" <address>" or "address"; *@ret_display is absent for the last.
 * False if the address is no mailbox or the name cannot stand in a header. */
bool dsn_configuration_split(const char *from, DsnSpan *ret_display, DsnSpan *ret_address);

/* Appends the effective values as TOML that loads to the same configuration again: secrets masked,
 * each default marked as such. */
void dsn_configuration_show(const DsnConfiguration *configuration, GString *ret_text);

#endif
