/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tailer-place.h - what is known of the files of a directory that is followed
 *
 * Purpose:   say which log segments are done and how far the others were read, in a text that the
 *            spool keeps.
 * Source:    dsnarf(8), "Following log segments"; KumoMTA's tailers for their checkpoint.
 * Ownership: the place owns its files; names are copied.
 * Errors:    G_FILE_ERROR_INVAL from what is read.
 * Threads:   one thread at a time.
 *
 * The names of segments are in the order of time. So only the names of the last files that are done
 * have to be known: whatever comes before them is done too, unless it is open.
 */
#ifndef DSN_INTAKE_TAILER_PLACE_H
#define DSN_INTAKE_TAILER_PLACE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* How many files that are done are known by name: as many later ones may be done before one that
 * comes late is not read any more. */
#define DSN_TAILER_DONE_MAX 256
/* Files that were begun, or cannot be read. */
#define DSN_TAILER_OPEN_MAX 1000

typedef struct DsnTailerFile {
    char *name;
    uint64_t lines; /* that were read */
} DsnTailerFile;

typedef struct DsnTailerPlace {
    char *directory; /* for the administrator */
    int64_t since;   /* unix seconds: what happened before is left alone; 0: nothing is */
    char *low;       /* this and all before it is done, unless it is open; NULL: nothing is */
    GPtrArray *done; /* of char *, in the order of names: what is done above that */
    GPtrArray *open; /* of DsnTailerFile, in the order of names */
} DsnTailerPlace;

DsnTailerPlace *dsn_tailer_place_new(const char *directory, int64_t since);
void dsn_tailer_place_free(DsnTailerPlace *place);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnTailerPlace, dsn_tailer_place_free)

/* The text of @place (transfer full), and what such a text says (transfer full). */
char *dsn_tailer_place_to_text(const DsnTailerPlace *place);
DsnTailerPlace *dsn_tailer_place_parse(const char *text, GError **error);

/* The place that the checkpoint @text of one of KumoMTA's tailers tells of a file in @directory
 * (transfer full). However its path is written, it must be that directory. */
DsnTailerPlace *dsn_tailer_place_import(const char *text, size_t len, const char *directory,
                                        GError **error);

/* True if a file may have that name: a place can tell it from any other. */
bool dsn_tailer_place_can_name(const char *name);

bool dsn_tailer_place_is_done(const DsnTailerPlace *place, const char *name);

/* The file if it is open, or NULL (transfer none). */
DsnTailerFile *dsn_tailer_place_find(const DsnTailerPlace *place, const char *name);

/* The same, and opens it if need be. */
DsnTailerFile *dsn_tailer_place_open(DsnTailerPlace *place, const char *name);

/* The file is done, or it is gone and not to be read if it comes again. */
void dsn_tailer_place_finish(DsnTailerPlace *place, const char *name);

/* An open file has another name now. */
void dsn_tailer_place_rename(DsnTailerPlace *place, const char *name, const char *to);

/* "goes on in NAME behind line 12", for the administrator (transfer full). */
char *dsn_tailer_place_describe(const DsnTailerPlace *place);

#endif
