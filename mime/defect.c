/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/defect.h"

const char *
dsn_defect_kind_to_string(DsnDefectKind kind)
{
    static const char *const names[] = {
        [DSN_DEFECT_BAD_ADDRESS] = "bad-address",
        [DSN_DEFECT_BAD_CONTENT_TYPE] = "bad-content-type",
        [DSN_DEFECT_BAD_DATE] = "bad-date",
        [DSN_DEFECT_BAD_ENCODING] = "bad-encoding",
        [DSN_DEFECT_BAD_FIELD] = "bad-field",
        [DSN_DEFECT_BAD_VALUE] = "bad-value",
        [DSN_DEFECT_BOUNDARY_MISMATCH] = "boundary-mismatch",
        [DSN_DEFECT_DUPLICATE_FIELD] = "duplicate-field",
        [DSN_DEFECT_EMPTY_GROUP] = "empty-group",
        [DSN_DEFECT_INFERRED_TYPE] = "inferred-type",
        [DSN_DEFECT_INVALID_UTF8] = "invalid-utf8",
        [DSN_DEFECT_LIMIT] = "limit",
        [DSN_DEFECT_LINE_ENDS] = "line-ends",
        [DSN_DEFECT_MISPLACED_PART] = "misplaced-part",
        [DSN_DEFECT_MISSING_BOUNDARY] = "missing-boundary",
        [DSN_DEFECT_MISSING_FIELD] = "missing-field",
        [DSN_DEFECT_MISSING_PART] = "missing-part",
        [DSN_DEFECT_QUIRK] = "quirk",
        [DSN_DEFECT_UNEXPECTED_ENCODING] = "unexpected-encoding",
    };

    g_assert((size_t)kind < G_N_ELEMENTS(names) && names[kind] != NULL);
    return names[kind];
}
