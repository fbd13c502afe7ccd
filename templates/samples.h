/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * samples.h - what a text of a notice is tried with
 *
 * Purpose:   contexts as a notice has them, to render each text once before it is needed.
 * Source:    dsnarf-templates(7), "What a notice text sees".
 * Ownership: the caller owns what is returned.
 * Errors:    none.
 * Threads:   reentrant.
 */
#ifndef DSN_TEMPLATES_SAMPLES_H
#define DSN_TEMPLATES_SAMPLES_H

#include "templates/catalog.h"

typedef enum DsnSampleKind {
    DSN_SAMPLE_FULL,    /* everything is known */
    DSN_SAMPLE_SPARSE,  /* hardly anything is */
    DSN_SAMPLE_HOSTILE, /* everything is known, and others wrote markup and links into it */
    DSN_N_SAMPLES
} DsnSampleKind;

/* The context of a notice about @topic, with a status code of class @failure (transfer full). */
json_t *dsn_sample_context(DsnTopic topic, DsnFailureClass failure, DsnSampleKind kind);

/* The record behind it (transfer full). */
json_t *dsn_sample_record(DsnTopic topic, DsnFailureClass failure, DsnSampleKind kind);

#endif
