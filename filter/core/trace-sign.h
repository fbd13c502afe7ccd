/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace-sign.h - traces that nobody else can make
 *
 * Purpose:   sign the trace that goes into a sent message, and know it again when it comes back.
 * Source:    dsnarf-records(5), "Signed traces"; RFC 2104 (HMAC); rules SEC-03, CFBL-08, ARF-23.
 * Ownership: keys borrow their options.
 * Errors:    said at each function.
 * Threads:   keys are constant; all functions are reentrant.
 *
 * A signed trace is KumoMTA's with one member more,
 *     "dsnarf":{"k":"<name of the key>","s":"<signature>","t":<unix seconds>}
 * where the signature is base64url, without padding, of HMAC-SHA256 over the canonical form of all
 * the rest: the whole object without "s", with KumoMTA's marker in it, as compact JSON with the
 * keys of each object in the order of their bytes, numbers without fraction, and nothing escaped in
 * strings but '"', '\' and control characters (\b \f \n \r \t, else \u00xx in lower case). That is
 * how KumoMTA itself writes it.
 */
#ifndef DSN_CORE_TRACE_SIGN_H
#define DSN_CORE_TRACE_SIGN_H

#include "filter/core/configuration.h"
#include "mime/span.h"

#include <jansson.h>

/* KumoMTA's marker: a member that every trace has. */
#define DSN_TRACE_MARKER_KEY "_@_"
#define DSN_TRACE_MARKER "\\_/"

/* The field that KumoMTA puts it into, unless told otherwise. */
#define DSN_TRACE_FIELD "X-KumoRef"

typedef enum DsnTraceState {
    DSN_TRACE_UNSIGNED, /* anybody could have written it; also where no keys are known */
    DSN_TRACE_VERIFIED, /* one of our keys signed it */
    DSN_TRACE_BAD,      /* signed, but not by a key that is known, or changed since */
    DSN_TRACE_EXPIRED   /* signed by one of our keys, but too long ago */
} DsnTraceState;

/* "unsigned", "verified", "bad", "expired" (transfer none). */
const char *dsn_trace_state_to_string(DsnTraceState state);

/* What its signature says about a trace. */
typedef struct DsnTraceSeal {
    DsnTraceState state;
    DsnSpan key;        /* its name as the trace has it; absent where nothing is signed */
    int64_t time;       /* when it was signed, as it says; with a key only */
    bool ours;          /* it names a key that is known */
    const char *reason; /* of BAD: "malformed", "unknown-key", "signature", "future" */
} DsnTraceSeal;

typedef struct DsnTraceKeys DsnTraceKeys;

/* NULL if @secret will do, else what is expected (for the option table). */
const char *dsn_trace_secret_check(const char *secret);

DsnTraceKeys *dsn_trace_keys_new(const DsnTraceOptions *options);
void dsn_trace_keys_free(DsnTraceKeys *keys);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DsnTraceKeys, dsn_trace_keys_free)

/* Appends the JSON of a trace with @members (an object: recipient, tenant and more), signed with
 * the key that signs, or unsigned when there is none; dsn_trace_encode() makes a header of it.
 * False, and the buffer as it was, when the members have what cannot be signed: numbers with a
 * fraction, or too many levels, or one is called as our own are. */
bool dsn_trace_sign(const DsnTraceKeys *keys, const json_t *members, int64_t now,
                    GString *ret_json);

/* Checks @trace, the whole object with or without the marker, which every trace has. */
void dsn_trace_verify(const DsnTraceKeys *keys, const json_t *trace, int64_t now,
                      DsnTraceSeal *ret_seal);

#endif
