/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/smtp-reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_code(DsnStatusCode code)
{
    char buffer[DSN_STATUS_CODE_MAX];
    DsnStatusCode again;
    const char *text = dsn_status_code_to_string(code, buffer);

    g_assert_true(code.class_ == 2 || code.class_ == 4 || code.class_ == 5);
    g_assert_cmpuint(dsn_status_code_parse(dsn_span(text), &again), ==, strlen(text));
    g_assert_cmpmem(&again, sizeof(again), &code, sizeof(code));
    g_assert_nonnull(dsn_status_code_meaning(code));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    DsnSpan diagnostic = {(const char *)data, size};
    g_autoptr(GString) text = g_string_new(NULL);
    DsnSmtpReply reply = dsn_smtp_reply_parse(diagnostic, text);
    DsnStatusCode code;

    g_assert_true(reply.code == 0 || (reply.code >= 200 && reply.code <= 599));
    g_assert_cmpuint(text->len, <=, size);
    g_assert_true(memchr(text->str, '\r', text->len) == NULL);
    if (reply.enhanced.class_ != 0)
        check_code(reply.enhanced);
    if (dsn_status_code_parse(diagnostic, &code) > 0)
        check_code(code);
    return 0;
}
