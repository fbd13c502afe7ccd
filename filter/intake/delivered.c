/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/delivered.h"

#include "mime/address.h"
#include "mime/header.h"

/* An address that our own delivery agent wrote; NULL if it is none. */
static char *
read_address(DsnSpan value)
{
    g_autoptr(GString) address = g_string_new(NULL);

    if (!dsn_address_normalise(value, address))
        return NULL;
    return g_string_free(g_steal_pointer(&address), FALSE);
}

void
dsn_delivered_envelope(DsnSpan message, char **ret_sender, char **ret_recipient)
{
    DsnSpan return_path = DSN_SPAN_ABSENT, original_to = DSN_SPAN_ABSENT,
            delivered_to = DSN_SPAN_ABSENT, body;
    DsnSpan header = dsn_header_split(message, &body);
    DsnHeaderField field;

    while (dsn_header_next(&header, &field)) {
        DsnSpan *place = NULL;

        if (dsn_span_is(field.name, "Received"))
            break;
        if (dsn_span_is(field.name, "Return-Path"))
            place = &return_path;
        else if (dsn_span_is(field.name, "X-Original-To"))
            place = &original_to;
        else if (dsn_span_is(field.name, "Delivered-To"))
            place = &delivered_to;
        if (place != NULL && !dsn_span_present(*place))
            *place = field.value;
    }
    *ret_sender = read_address(return_path);
    *ret_recipient = read_address(dsn_span_present(original_to) ? original_to : delivered_to);
}
