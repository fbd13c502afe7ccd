/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/pipeline/capture.h"

#include "filter/core/json-writer.h"
#include "mime/address.h"
#include "mime/header.h"

/* Bytes of what is kept beside the content: with more recipients, the last ones are unknown. */
#define PEOPLE_MAX ((size_t)256 * 1024)

/* What a parameter may have (RFC 3461 section 5.4, rule ESMTP-38); names of others as we like. */
#define ENVID_MAX 100
#define NOTIFY_MAX 28
#define ORCPT_MAX 500
#define RET_MAX 8
#define BODY_MAX 20
#define NAME_MAX_BYTES 255

/* What a capture takes up beside its texts, with room for them to grow. */
#define OVERHEAD ((size_t)3072)

static void
give_back(DsnCapture *capture)
{
    (void)__atomic_sub_fetch(&capture->room->held, capture->held, __ATOMIC_RELAXED);
    capture->held = 0;
}

/* Its memory, too. */
static void
empty(GString **text)
{
    (void)g_string_free(*text, TRUE);
    *text = g_string_new(NULL);
}

static void
lose(DsnCapture *capture)
{
    capture->lost = true;
    empty(&capture->people);
    empty(&capture->body);
    give_back(capture);
}

/* False, and all is lost, when there is no room for @bytes more. */
static bool
take_room(DsnCapture *capture, size_t bytes)
{
    if (capture->lost)
        return false;
    capture->held += bytes;
    if (__atomic_add_fetch(&capture->room->held, bytes, __ATOMIC_RELAXED) <=
        __atomic_load_n(&capture->room->most, __ATOMIC_RELAXED))
        return true;
    lose(capture);
    return false;
}

DsnCapture *
dsn_capture_new(DsnCaptureRoom *room, const DsnCaptureOptions *options, DsnSpan sender)
{
    g_autoptr(GString) address = g_string_new(NULL);

    if (!dsn_address_normalise(sender, address) || address->len == 0 ||
        !dsn_address_is_mailbox((DsnSpan){address->str, address->len}))
        return NULL;
    DsnCapture *capture = g_new0(DsnCapture, 1);
    capture->room = g_atomic_rc_box_acquire(room);
    capture->max = options->max_message;
    capture->bodies = options->mail == DSN_CAPTURED_MESSAGE;
    capture->sender = g_string_free(g_steal_pointer(&address), FALSE);
    capture->wishes = g_string_new("{");
    capture->people = g_string_new("{");
    capture->body = g_string_new(NULL);
    (void)take_room(capture, OVERHEAD + strlen(capture->sender)); /* or it is lost */
    return capture;
}

void
dsn_capture_free(DsnCapture *capture)
{
    if (capture == NULL)
        return;
    give_back(capture);
    g_atomic_rc_box_release(capture->room);
    g_free(capture->sender);
    g_free(capture->recipient);
    (void)g_string_free(capture->wishes, TRUE);
    (void)g_string_free(capture->people, TRUE);
    (void)g_string_free(capture->body, TRUE);
    if (capture->content != NULL)
        (void)g_string_free(capture->content, TRUE);
    if (capture->about != NULL)
        (void)g_string_free(capture->about, TRUE);
    g_free(capture);
}

/* ---- the envelope ---- */

typedef struct Parameter {
    const char *name, *key;
    size_t max; /* bytes of its value; 0: it has none */
} Parameter;

/* Adds the members that @parameters have in @known. */
static void
put_parameters(GString *json, char *const *parameters, const Parameter *known, size_t n_known)
{
    for (; *parameters != NULL; parameters++) {
        const char *equal = strchr(*parameters, '=');
        DsnSpan value = dsn_span(equal == NULL ? NULL : equal + 1);
        DsnSpan name = {*parameters,
                        equal == NULL ? strlen(*parameters) : (size_t)(equal - *parameters)};

        for (size_t i = 0; i < n_known; i++) {
            if (!dsn_span_is(name, known[i].name) || value.len > known[i].max ||
                dsn_span_present(value) != (known[i].max > 0))
                continue;
            dsn_json_key(json, known[i].key);
            if (known[i].max == 0)
                dsn_json_bool(json, true);
            else
                (void)dsn_json_string(json, value); /* what is not UTF-8 is no parameter */
        }
    }
}

void
dsn_capture_mail(DsnCapture *capture, char *const *parameters)
{
    static const Parameter known[] = {
        {"ENVID", "envid", ENVID_MAX}, {"RET", "ret", RET_MAX},         {"BODY", "body", BODY_MAX},
        {"SMTPUTF8", "smtputf8", 0},   {"REQUIRETLS", "requiretls", 0},
    };
    size_t before = capture->wishes->len;

    put_parameters(capture->wishes, parameters, known, G_N_ELEMENTS(known));
    (void)take_room(capture, capture->wishes->len - before); /* or it is lost */
}

char *
dsn_capture_recipient(DsnSpan path)
{
    g_autoptr(GString) address = g_string_new(NULL);

    if (!dsn_address_normalise(path, address) || address->len == 0)
        g_string_assign(address, "");
    if (address->len == 0)
        g_string_append_len(address, path.data, (gssize)path.len);
    return g_string_free(g_string_ascii_down(g_steal_pointer(&address)), FALSE);
}

void
dsn_capture_rcpt(DsnCapture *capture, DsnSpan path, char *const *parameters)
{
    static const Parameter known[] = {
        {"NOTIFY", "notify", NOTIFY_MAX},
        {"ORCPT", "orcpt", ORCPT_MAX},
    };
    g_autofree char *recipient = dsn_capture_recipient(path);
    GString *people = capture->people;
    size_t before = people->len;

    if (capture->recipient == NULL)
        capture->recipient = g_strdup(recipient);
    else
        capture->n_others++;
    if (capture->lost || before >= PEOPLE_MAX)
        return;
    dsn_json_next(people);
    (void)dsn_json_string(people, dsn_span(recipient)); /* else nobody asks for it */
    g_string_append(people, ":{");
    put_parameters(people, parameters, known, G_N_ELEMENTS(known));
    g_string_append_c(people, '}');
    (void)take_room(capture, people->len - before); /* or it is lost */
}

/* ---- the message ---- */

void
dsn_capture_body(DsnCapture *capture, DsnSpan bytes)
{
    if (!capture->bodies || capture->cut || capture->lost)
        return;
    if (bytes.len > capture->max - capture->body->len) {
        capture->cut = true;
        empty(&capture->body);
    } else if (take_room(capture, bytes.len)) {
        g_string_append_len(capture->body, bytes.data, (gssize)bytes.len);
    }
}

/* ---- the end ---- */

static void
put_text(GString *json, const char *key, const char *value, size_t max)
{
    if (value == NULL || *value == '\0' || strlen(value) > max)
        return;
    dsn_json_key(json, key);
    (void)dsn_json_string(json, dsn_span(value)); /* what is not UTF-8 is replaced */
}

/* Without angle brackets, as it is found in records. */
static DsnSpan
bare_id(DsnSpan id)
{
    id = dsn_span_trim(id);
    if (id.len > 2 && id.data[0] == '<' && id.data[id.len - 1] == '>')
        id = (DsnSpan){id.data + 1, id.len - 2};
    return id;
}

static int64_t
make_key(char kind, const DsnSpan *parts, size_t n_parts)
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    guint8 digest[32];
    gsize len = sizeof(digest);
    int64_t key;

    g_checksum_update(checksum, (const guchar *)&kind, 1);
    for (size_t i = 0; i < n_parts; i++) {
        guint32 size = (guint32)parts[i].len;

        g_checksum_update(checksum, (const guchar *)&size, sizeof(size));
        if (size > 0)
            g_checksum_update(checksum, (const guchar *)parts[i].data, (gssize)size);
    }
    g_checksum_get_digest(checksum, digest, &len);
    memcpy(&key, digest, sizeof(key));
    return key;
}

int64_t
dsn_capture_queue_key(DsnSpan sender, DsnSpan queue_id)
{
    return make_key('q', (const DsnSpan[]){sender, queue_id}, 2);
}

int64_t
dsn_capture_message_key(DsnSpan sender, DsnSpan message_id, DsnSpan recipient)
{
    const DsnSpan parts[] = {sender, bare_id(message_id), recipient};

    return make_key(dsn_span_present(recipient) ? '1' : 'm', parts, 3);
}

static void
set_keys(DsnCapture *capture, DsnSpan header, const DsnSubmission *submission)
{
    DsnSpan sender = dsn_span(capture->sender);
    DsnSpan message_id = dsn_header_find(header, "Message-ID");

    if (submission->queue_id != NULL)
        capture->queue_key = dsn_capture_queue_key(sender, dsn_span(submission->queue_id));
    if (dsn_span_present(message_id))
        capture->message_key = dsn_capture_message_key(
            sender, message_id,
            capture->n_others > 0 ? DSN_SPAN_ABSENT : dsn_span(capture->recipient));
}

/* As much of the message as may be kept: all, or its header, or nothing. */
static void
set_content(DsnCapture *capture, DsnSpan header, bool header_cut)
{
    if (header_cut || header.len == 0 || header.len > capture->max ||
        !take_room(capture, header.len))
        return;
    capture->whole =
        capture->bodies && !capture->cut && capture->body->len <= capture->max - header.len;
    capture->content = g_string_sized_new(header.len + capture->body->len);
    g_string_append_len(capture->content, header.data, (gssize)header.len);
    if (capture->whole)
        g_string_append_len(capture->content, capture->body->str, (gssize)capture->body->len);
    empty(&capture->body); /* while it waits for the writer */
}

static GString *
make_about(const DsnCapture *capture, const DsnSubmission *submission)
{
    GString *about = g_string_new_len(capture->wishes->str, (gssize)capture->wishes->len);

    put_text(about, "sender", capture->sender, G_MAXSIZE);
    put_text(about, "queue_id", submission->queue_id, NAME_MAX_BYTES);
    put_text(about, "login", submission->login, NAME_MAX_BYTES);
    put_text(about, "login_type", submission->login_type, NAME_MAX_BYTES);
    put_text(about, "client", submission->client, NAME_MAX_BYTES);
    put_text(about, "client_name", submission->client_name, NAME_MAX_BYTES);
    dsn_json_key(about, "recipients");
    g_string_append_len(about, capture->people->str, (gssize)capture->people->len);
    g_string_append(about, "}}");
    return about;
}

bool
dsn_capture_finish(DsnCapture *capture, DsnSpan header, bool header_cut,
                   const DsnSubmission *submission, int64_t now)
{
    if (capture->lost || capture->recipient == NULL)
        return false;
    set_content(capture, header, header_cut);
    if (capture->lost)
        return false;
    capture->time = now;
    set_keys(capture, header, submission);
    capture->about = make_about(capture, submission);
    return true;
}
