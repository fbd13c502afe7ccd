/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * generator.h - the notice for records that are at hand
 *
 * Purpose:   decide and make with the configuration of a record's tenant and the options of the
 *            command line, and tell about it.
 * Source:    dsnarf(1), "generate".
 * Ownership: the generator owns its policy and buffers; texts of options are borrowed.
 * Errors:    as dsn_notice_build() and dsn_notice_make_kumomta().
 * Threads:   one thread.
 */
#ifndef DSN_CLI_GENERATOR_H
#define DSN_CLI_GENERATOR_H

#include "filter/core/notice.h"
#include "filter/pipeline/policy.h"

/* What stays the same from record to record. */
typedef struct DsnGenerator {
    DsnPolicy *policy;
    const DsnTenant *tenant;           /* of --tenant; NULL: the record's */
    const char *language;              /* NULL: as the tenant and the original say */
    const DsnReturn *include_original; /* this and the next two: NULL or absent: as configured */
    const bool *enable;                /* by record type */
    DsnTyped reporting_mta;
    bool stable;
    bool kumomta;
    GString *original; /* for records that bring none; or NULL */
} DsnGenerator;

/* What came of it. */
typedef struct DsnGenerated {
    DsnNoticeResult result;
    DsnReason reason; /* of DSN_NOTICE_NOT_DUE */
    const DsnTenant *tenant;
    DsnDecision decision;
    GString *sender;    /* to whom */
    GPtrArray *records; /* of DsnRecord *: what the notice is made of, borrowed */
    bool has_original;
    DsnReturn wanted;     /* how much of it */
    const char *language; /* that was asked for, or NULL */
    GString *bytes;
    DsnNotice notice;
} DsnGenerated;

void dsn_generated_init(DsnGenerated *generated);
void dsn_generated_clear(DsnGenerated *generated);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DsnGenerated, dsn_generated_clear)

/* One notice for @elements, which are about one message (else that is an error); those for which
 * none is due are left out, and an attempt that failed explains an expiration. A sender is taken to
 * be who it says. @generated was initialised. */
void dsn_generator_make(const DsnGenerator *generator, const DsnElement *elements,
                        size_t n_elements, DsnGenerated *generated, GError **error);

/* Appends a line for each thing that is not as it was asked for. @where is "file" or "file:line".
 */
void dsn_generated_warn(const DsnGenerated *generated, const char *where, GString *complaints);

/* Appends what would be done, as a line of JSON. */
void dsn_generated_describe(const DsnGenerated *generated, const DsnRecord *record, GString *line);

#endif
