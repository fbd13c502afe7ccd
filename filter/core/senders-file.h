/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * senders-file.h - a list of senders, or of patterns of addresses, one a line
 *
 * Purpose:   walk over the entries in a file.
 * Source:    dsnarf.toml(5), match.senders_file and "Patterns".
 * Ownership: plain values; what is found is borrowed from the text.
 * Errors:    none: whether an entry is any good is for who reads it.
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_SENDERS_FILE_H
#define DSN_CORE_SENDERS_FILE_H

#include "mime/span.h"

#include <stdint.h>

typedef struct DsnSendersFile {
    DsnSpan rest;
    uint64_t line; /* of what was found last, from 1 */
} DsnSendersFile;

/* @text may begin with a byte order mark. */
DsnSendersFile dsn_senders_file(DsnSpan text);

/* The next line that is not empty once spaces and a comment are taken off: what follows a "#" at
 * its start or behind a space. False at the end. */
bool dsn_senders_file_next(DsnSendersFile *file, DsnSpan *ret_sender);

#endif
