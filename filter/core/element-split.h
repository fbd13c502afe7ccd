/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * element-split.h - the elements of what is handed in
 *
 * Purpose:   find the records in a body, so that a broken one costs only itself.
 * Source:    dsnarf-records(5); RFC 8259; KumoMTA's log hooks, which post one object, lines of
 *            objects, or an array of them.
 * Ownership: elements are ranges of the body.
 * Errors:    none: what is broken is an element too, which its parser will refuse.
 * Threads:   reentrant.
 *
 * Elements are separated by white space, commas and the brackets of a list, all of which may be
 * missing or too many. An object ends where its brackets do. If they do not, it ends where the next
 * line begins with an object; without such a line it is the rest. Every other byte of the body is
 * in exactly one element. All of it takes time linear in the length of the body.
 */
#ifndef DSN_CORE_ELEMENT_SPLIT_H
#define DSN_CORE_ELEMENT_SPLIT_H

#include "mime/span.h"

typedef struct DsnElements {
    DsnSpan body;
    size_t at;       /* up to here it was read */
    size_t confined; /* up to here, an object at the beginning of a line is an element of its own */
    bool in_list;
} DsnElements;

#define DSN_ELEMENTS(text) ((DsnElements){.body = (text)})

/* Takes the next element. False at the end. */
bool dsn_elements_next(DsnElements *elements, DsnSpan *ret_element);

#endif
