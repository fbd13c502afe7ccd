/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shipped.h - the texts that come with the program
 *
 * Purpose:   what templates/text/ held when the program was built.
 * Source:    made by embed.awk.
 * Ownership: constant.
 * Errors:    none.
 * Threads:   constant.
 */
#ifndef DSN_TEMPLATES_SHIPPED_H
#define DSN_TEMPLATES_SHIPPED_H

typedef struct DsnShippedText {
    const char *name; /* of the file; NULL ends the table */
    const char *text;
} DsnShippedText;

extern const DsnShippedText dsn_shipped_texts[];

#endif
