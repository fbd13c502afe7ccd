/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whatever a client says at MAIL and RCPT: what is remembered is JSON that is read again, has the
 * right types, is bounded, and gives back the room that it took.
 */
#include "config.h"

#include "filter/pipeline/capture.h"

#include <jansson.h>

/* What RFC 3461 section 5.4 allows at most, in bytes; what is no UTF-8 may grow to three times. */
#define VALUE_MAX ((size_t)3 * 500)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_texts(const json_t *object, const char *const *names)
{
    for (; *names != NULL; names++) {
        const json_t *value = json_object_get(object, *names);

        g_assert(value == NULL || json_is_string(value));
        g_assert(json_string_length(value) <= VALUE_MAX);
    }
}

static void
check_about(const DsnCapture *capture, size_t n_recipients)
{
    static const char *const said_at_mail[] = {"envid", "ret", "body", NULL};
    static const char *const said_at_rcpt[] = {"notify", "orcpt", NULL};
    json_auto_t *about = json_loadb(capture->about->str, capture->about->len, 0, NULL);
    json_t *recipients = json_object_get(about, "recipients");
    const char *name;
    json_t *recipient;

    g_assert(json_is_object(about) && json_is_object(recipients));
    g_assert(json_object_size(recipients) <= n_recipients);
    check_texts(about, said_at_mail);
    json_object_foreach(recipients, name, recipient)
    {
        check_texts(recipient, said_at_rcpt);
    }
}

static void
talk(DsnCapture *capture, char *const *parameters, char *const *lines)
{
    const DsnSubmission submission = {.queue_id = "4Xyz"};
    size_t n_recipients = 0;

    dsn_capture_mail(capture, parameters);
    for (; *lines != NULL; lines++) {
        g_auto(GStrv) words = g_strsplit(*lines, " ", -1);

        if (words[0] == NULL)
            continue;
        dsn_capture_rcpt(capture, dsn_span(words[0]), words + 1);
        n_recipients++;
    }
    if (dsn_capture_finish(capture, DSN_SPAN_LITERAL("Message-ID: <1@x.example>\r\n"), false,
                           &submission, 0))
        check_about(capture, n_recipients);
    else
        g_assert(capture->lost || n_recipients == 0);
}

/* A line for MAIL and one for each RCPT: a path, and what blanks part from it. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const DsnCaptureOptions options = {.mail = DSN_CAPTURED_HEADERS, .max_message = 65536};
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_auto(GStrv) mail = g_strsplit(lines[0] == NULL ? "" : lines[0], " ", -1);
    DsnCaptureRoom *room = g_atomic_rc_box_new0(DsnCaptureRoom);

    room->most = (gsize)1 << 20;
    if (mail[0] != NULL) {
        g_autoptr(DsnCapture) capture = dsn_capture_new(room, &options, dsn_span(mail[0]));

        if (capture != NULL)
            talk(capture, mail + 1, lines + 1);
    }
    g_assert(room->held == 0);
    g_atomic_rc_box_release(room);
    return 0;
}
