/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/lmtp-session.h"

#include <stdint.h>

#define MESSAGE_MAX ((size_t)200)

static bool
takes(DsnSpan recipient, gpointer user)
{
    (void)user;
    return recipient.data[recipient.len - 1] != 'x';
}

static void
check_envelope(const DsnLmtpEnvelope *envelope)
{
    g_assert(envelope->client != NULL && envelope->sender != NULL);
    g_assert(envelope->recipients->len > 0);
    g_assert(envelope->recipients->len <= DSN_LMTP_RECIPIENTS_MAX);
    for (guint i = 0; i < envelope->recipients->len; i++)
        g_assert(*(const char *)envelope->recipients->pdata[i] != '\0');
    g_assert(envelope->message->len == envelope->size || envelope->size > MESSAGE_MAX);
    g_assert(envelope->message->len <= MESSAGE_MAX);
    /* Only a dot in a line of its own, behind CRLF, ends a message. */
    g_assert(envelope->size == 0 || envelope->size > MESSAGE_MAX ||
             g_str_has_suffix(envelope->message->str, "\r\n") ||
             memchr(envelope->message->str, '\0', envelope->message->len) != NULL);
    for (const char *c = envelope->sender; *c != '\0'; c++)
        g_assert(!g_ascii_iscntrl(*c));
}

/* All that was said and taken, in one text. */
static GString *
run(DsnSpan input, size_t size)
{
    static const DsnLmtpOptions options = {"mx.example", MESSAGE_MAX, takes, NULL};
    g_autoptr(DsnLmtpSession) session = dsn_lmtp_session_new(&options);
    const DsnLmtpEnvelope *envelope = dsn_lmtp_session_envelope(session);
    GString *said = dsn_lmtp_session_replies(session);
    GString *taken = g_string_new(NULL);
    DsnLmtpStep step = DSN_LMTP_MORE;

    while (input.len > 0 && step != DSN_LMTP_CLOSE) {
        DsnSpan piece = {input.data, MIN(input.len, size)};

        input = dsn_span_from(input, piece.len);
        while ((step = dsn_lmtp_session_step(session, &piece)) == DSN_LMTP_MESSAGE) {
            check_envelope(envelope);
            g_string_append_len(taken, envelope->message->str, (gssize)envelope->message->len);
            dsn_lmtp_session_answer(session, "250 2.0.0 Ok");
        }
        g_assert(step == DSN_LMTP_CLOSE || piece.len == 0);
    }
    g_assert(g_str_has_suffix(said->str, "\r\n") && strlen(said->str) == said->len);
    g_string_append_len(taken, said->str, (gssize)said->len);
    return taken;
}

/* However the bytes arrive, the dialogue is the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 100000)
        return 0;

    DsnSpan input = {(const char *)data + 1, size - 1};
    g_autoptr(GString) pieces = run(input, 1 + data[0] % 64);
    g_autoptr(GString) whole = run(input, SIZE_MAX);

    g_assert(g_string_equal(pieces, whole));
    return 0;
}
