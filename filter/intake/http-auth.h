/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http-auth.h - who posts
 *
 * Purpose:   find the poster whose token a request carries, without telling how near a guess was.
 * RFC:       9110 section 11, 6750 (Bearer), 7617 (Basic).
 * Ownership: keys borrow the posters.
 * Errors:    none: somebody is found, or nobody.
 * Threads:   constant after they were made.
 */
#ifndef DSN_INTAKE_HTTP_AUTH_H
#define DSN_INTAKE_HTTP_AUTH_H

#include "filter/pipeline/policy.h"

typedef struct DsnHttpKeys DsnHttpKeys;

/* @posters (of DsnPoster) must stay as long as the keys. */
DsnHttpKeys *dsn_http_keys_new(const GPtrArray *posters);
void dsn_http_keys_free(DsnHttpKeys *keys);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnHttpKeys, dsn_http_keys_free)

/* The poster whose token is in @value (absent: there was no such field) of the header field @name:
 * in "Authorization" after "Bearer", as user or password of "Basic", or alone; in others alone.
 * Without one it is the poster who needs no token, if @local. NULL: nobody. */
const DsnPoster *dsn_http_keys_find(const DsnHttpKeys *keys, const char *name, DsnSpan value,
                                    bool local);

#endif
