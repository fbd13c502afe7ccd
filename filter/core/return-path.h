/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * return-path.h - what an envelope sender says of the message that it was sent with
 *
 * Purpose:   take apart addresses that were made to be known again when they come back.
 * Source:    VERP, SRS, BATV (draft-levine-smtp-batv), dsnarf.toml(5) [trace]; rule OOB-13.
 * Ownership: what is decoded lies in the address or in the caller's string chunk.
 * Errors:    false for an address that nothing can be read from.
 * Threads:   patterns are constant; all functions are reentrant.
 *
 * Anybody can write such an address: hashes and tags are taken out, but not checked.
 *
 * A pattern is an address with placeholders: {recipient} (an address whose "@" was written as "="),
 * {tenant}, {campaign}, {envelope_id}, {token}, and {any} for what does not matter. Each stands for
 * one or more characters up to the first place where the text behind it follows, or up to the end
 * where the pattern ends with that text, and never for an "@".
 */
#ifndef DSN_CORE_RETURN_PATH_H
#define DSN_CORE_RETURN_PATH_H

#include "mime/span.h"

typedef struct DsnReturnPaths DsnReturnPaths;

/* What was found; absent where an address does not say it. */
typedef struct DsnReturnPath {
    const char *form; /* "pattern", "verp", "srs0", "srs1", "batv", "token" */
    DsnSpan recipient;
    DsnSpan sender; /* of SRS and BATV: the address inside, which may say more */
    DsnSpan tenant;
    DsnSpan campaign;
    DsnSpan envelope_id;
    DsnSpan token; /* of BATV: the tag */
    DsnSpan hash;  /* of SRS */
} DsnReturnPath;

/* NULL if @pattern will do, else what is expected (for the option table). */
const char *dsn_return_path_check(const char *pattern);

/* @patterns (of char *) were checked before. */
DsnReturnPaths *dsn_return_paths_new(const GPtrArray *patterns);
void dsn_return_paths_free(DsnReturnPaths *paths);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnReturnPaths, dsn_return_paths_free)

/* Reads @address (without brackets) by the first pattern that fits, or else by the forms that are
 * commonly known. @paths may be NULL; *@strings is made when it is needed and NULL. */
bool dsn_return_path_read(const DsnReturnPaths *paths, DsnSpan address, GStringChunk **strings,
                          DsnReturnPath *ret_path);

#endif
