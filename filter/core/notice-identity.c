/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/notice-identity.h"

void
dsn_notice_append_at(GString *text, const char *local, DsnSpan host)
{
    g_string_append(text, local);
    g_string_append_c(text, '@');
    g_string_append_len(text, host.data, (gssize)host.len);
}

DsnSpan
dsn_notice_author(const DsnNoticeOptions *options, DsnSpan host, GString *ret_address)
{
    bool given = dsn_span_present(options->from);

    if (given)
        g_string_append_len(ret_address, options->from.data, (gssize)options->from.len);
    else
        dsn_notice_append_at(ret_address, "mailer-daemon", host);
    return given || dsn_span_present(options->from_display)
               ? options->from_display
               : DSN_SPAN_LITERAL("Mail Delivery System");
}

bool
dsn_notice_sender(const DsnRecord *record, GString *ret_sender, GError **error)
{
    g_autofree char *path =
        record->sender[0] == '@' ? g_strdup_printf("<%s>", record->sender) : NULL;

    if (dsn_address_normalise(dsn_span(path == NULL ? record->sender : path), ret_sender) &&
        ret_sender->len > 0)
        return true;
    g_set_error_literal(error, DSN_BUILD_ERROR, DSN_BUILD_ERROR_ADDRESS,
                        "sender: it is no mailbox");
    return false;
}
