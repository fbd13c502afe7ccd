/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whatever the header of a message that leaves: what is added is bounded and begins no other field,
 * each trace in it is good, what is removed is there, and a second pass adds nothing more.
 */
#include "config.h"

#include "filter/core/trace-read.h"
#include "filter/pipeline/outgoing.h"
#include "mime/header.h"

#include <glib/gstdio.h>
#include <gmime/gmime.h>

#define NOW G_GINT64_CONSTANT(1795166100)
#define VALUE_MAX ((size_t)20000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static DsnPolicy *
make_policy(void)
{
    static const char text[] =
        "[trace]\nsign = \"a\"\ncampaign = [\"X-Campaign\", \"Feedback-ID\", \"List-Id\"]\n"
        "headers = [\"Subject\", \"X-Campaign\"]\ncfbl_address = \"fbl@relay.example\"\n"
        "feedback_id = \"{campaign}:{tenant}:{trace}:s\"\n"
        "[trace.key.a]\nsecret = \"a secret that nobody knows\"\n"
        "[tenant.shop]\nmatch.sender_domain = [\"shop.example\"]\n";
    g_autofree char *file = NULL;
    int descriptor = g_file_open_tmp("dsnarf-fuzz-XXXXXX", &file, NULL);

    g_assert(descriptor >= 0);
    (void)g_close(descriptor, NULL);
    g_assert(g_file_set_contents(file, text, -1, NULL));
    DsnPolicy *policy = dsn_policy_load(file, NULL);
    (void)g_remove(file);
    g_assert(policy != NULL);
    return policy;
}

static void
check_trace(const DsnPolicy *policy, const char *value, const DsnOutgoing *mail)
{
    g_autoptr(GString) buffer = g_string_new(NULL);
    DsnTraceSeal seal;
    json_auto_t *trace = dsn_trace_read(dsn_evidence_resolve_options(policy->evidence).keys,
                                        dsn_span(value), NOW, buffer, &seal);

    g_assert(trace != NULL && seal.state == DSN_TRACE_VERIFIED);
    g_assert(dsn_span_equal(dsn_trace_member(trace, "tenant"), DSN_SPAN_LITERAL("shop")));
    g_assert(dsn_span_equal(dsn_trace_member(trace, "recipient"), dsn_span(mail->recipient)));
}

static void
check_field(const DsnPolicy *policy, const DsnStampField *field, const DsnOutgoing *mail)
{
    size_t len = strlen(field->value);

    g_assert(len > 0 && len < VALUE_MAX);
    for (const char *c = field->value; *c != '\0'; c++) {
        g_assert(g_ascii_isprint(*c) || strchr("\r\n\t", *c) != NULL);
        g_assert(*c != '\r' || c[1] == '\n');
        g_assert(*c != '\n' || (c > field->value && c[-1] == '\r' && c[1] == '\t'));
    }
    if (strcmp(field->name, "CFBL-Address") == 0) {
        g_assert(strcmp(field->value, "fbl@relay.example; report=arf") == 0);
    } else if (strcmp(field->name, "Feedback-ID") == 0) {
        g_auto(GStrv) parts = g_strsplit(field->value, ":", -1);

        g_assert(g_strv_length(parts) == 4);
        check_trace(policy, parts[2], mail);
    } else {
        check_trace(policy, field->value, mail);
    }
}

/* Appends @header without what @stamp removes. */
static void
apply(const DsnStamp *stamp, DsnSpan header, GString *result)
{
    DsnHeaderField field;
    size_t removed = 0;
    unsigned counts[G_N_ELEMENTS(stamp->removals)] = {0};

    for (size_t i = 0; i < stamp->n_fields; i++)
        g_string_append_printf(result, "%s: %s\r\n", stamp->fields[i].name, stamp->fields[i].value);
    while (dsn_header_next(&header, &field)) {
        bool goes = false;

        for (size_t i = 0; i < stamp->n_removals && dsn_span_present(field.name); i++) {
            if (dsn_span_is(field.name, stamp->removals[i].name))
                goes = ++counts[i] == stamp->removals[i].number || goes;
        }
        removed += goes ? 1 : 0;
        if (!goes)
            g_string_append_len(result, field.whole.data, (gssize)field.whole.len);
    }
    g_assert(removed == stamp->n_removals);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static DsnPolicy *policy;
    static gsize initialised = 0;

    if (g_once_init_enter(&initialised)) {
        g_mime_init();
        policy = make_policy();
        g_once_init_leave(&initialised, 1);
    }
    g_autoptr(GString) header = g_string_new("A: a field, as every header begins with\r\n");
    g_autoptr(GString) stamped = g_string_new(NULL);
    g_auto(DsnStamp) stamp, again;

    g_string_append_len(header, (const char *)data, (gssize)size);
    DsnOutgoing mail = {.sender = "news@shop.example",
                        .recipient = "j@x.example",
                        .header = {header->str, header->len}};

    dsn_stamp_init(&stamp, policy, &mail, NOW);
    g_assert(stamp.wanted);
    for (size_t i = 0; i < stamp.n_fields; i++)
        check_field(policy, &stamp.fields[i], &mail);
    apply(&stamp, mail.header, stamped);

    mail.header = (DsnSpan){stamped->str, stamped->len};
    dsn_stamp_init(&again, policy, &mail, NOW);
    g_assert(again.n_fields == 0);
    return 0;
}
