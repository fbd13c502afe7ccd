/* SPDX-License-Identifier: BSD-2-Clause */
/* Neither line ends nor what hosts put on top change what a message is known by. */
#include "config.h"

#include "filter/core/message-identity.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* @message with @line_end for every LF and the CRs before it. */
static GString *
convert(DsnSpan message, const char *line_end)
{
    GString *text = g_string_new(NULL);

    for (size_t i = 0; i < message.len; i++) {
        if (message.data[i] != '\n') {
            g_string_append_c(text, message.data[i]);
            continue;
        }
        while (text->len > 0 && text->str[text->len - 1] == '\r')
            g_string_truncate(text, text->len - 1);
        g_string_append(text, line_end);
    }
    return text;
}

static void
check_same(const char *expected, DsnSpan message, DsnSpan queue_id)
{
    g_autofree char *identity = dsn_message_identity(message, queue_id);

    g_assert_cmpstr(identity, ==, expected);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char hops[] =
        "Return-Path: <>\r\nX-Original-To: a@b.example\r\n"
        "Delivered-To: a@b.example\r\nReceived: from c.example (c.example)\r\n"
        "\tby b.example (Postfix) with ESMTP id 4bX1Z20abc;\r\n\tFri\r\n"
        "Authentication-Results: b.example; spf=pass\r\n";
    DsnSpan message = {(const char *)data, size}, queue_id = DSN_SPAN_LITERAL("4bX1Z20abc");
    g_autofree char *identity = dsn_message_identity(message, queue_id);
    g_autoptr(GString) unix_ = convert(message, "\n"), net = convert(message, "\r\n");
    g_autoptr(GString) delivered = g_string_new(hops);

    g_assert(strlen(identity) == DSN_IDENTITY_DIGITS);
    check_same(identity, message, queue_id);

    /* Only a line that ends can be converted: CRs that are left alone at the end of a line could
     * have become a line end by it. */
    check_same(identity, (DsnSpan){unix_->str, unix_->len}, queue_id);
    check_same(identity, (DsnSpan){net->str, net->len}, queue_id);

    /* A line that continues another, or is that of a mailbox file, has its meaning at the top only.
     */
    if (size == 0 || data[0] == ' ' || data[0] == '\t' || dsn_span_starts(message, "From "))
        return 0;
    g_string_append_len(delivered, message.data, (gssize)message.len);
    check_same(identity, (DsnSpan){delivered->str, delivered->len}, queue_id);
    check_same(identity, (DsnSpan){delivered->str, delivered->len}, DSN_SPAN_ABSENT);
    return 0;
}
