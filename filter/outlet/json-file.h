/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json-file.h - records as JSON lines in a file
 *
 * Purpose:   follow the spool's stream of records, and append those of some types to a file.
 * Source:    dsnarf(8), "Files of records".
 * Ownership: the outlet borrows spool and metrics until it is stopped.
 * Errors:    a path that can never be a file, at the start; all others are logged once, and tried
 *            again until they are gone.
 * Threads:   one.
 *
 * Each record is in the file once, even when the program is killed or the disk is full in between:
 * the place in the file is kept in the spool, in one commit with the place in the stream, and what
 * lies behind it is compared with the records that are due. A record can be there twice only if a
 * file was taken away (compressed, moved to another directory, copied and truncated) between that
 * and the next start, or when a disk fails to write what it had accepted.
 */
#ifndef DSN_OUTLET_JSON_FILE_H
#define DSN_OUTLET_JSON_FILE_H

#include "filter/core/configuration.h"
#include "filter/pipeline/spool.h"

typedef struct DsnJsonFile DsnJsonFile;

/* The name that the spool knows the outlet by: "file:NAME" (transfer full). */
char *dsn_json_file_outlet_name(const DsnFileOutlet *options);

/* The spool has to know the outlet (dsn_spool_set_outlets()). */
DsnJsonFile *dsn_json_file_start(DsnSpool *spool, DsnMetrics *metrics, const DsnFileOutlet *options,
                                 GError **error);

/* Finishes what is being written; what is in the stream behind it stays there. */
void dsn_json_file_stop(DsnJsonFile *file);

#endif
