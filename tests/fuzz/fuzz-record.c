/* SPDX-License-Identifier: BSD-2-Clause */
/* What is read as a record is written in a form that reads and writes the same again. */
#include "config.h"

#include "filter/core/record-plain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_SIZE (256 * 1024)

static void
check_error(const GError *error)
{
    g_assert(error != NULL && error->domain == DSN_RECORD_ERROR);
    g_assert(g_utf8_validate(error->message, -1, NULL));
}

static void
check_record(const DsnRecord *record)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) first = g_string_new(NULL);
    g_autoptr(GString) second = g_string_new(NULL);

    g_assert(record->id != NULL && record->sender != NULL && record->type_name != NULL);
    g_assert(record->content.data != NULL);
    for (size_t i = 0; i < record->n_recipients; i++)
        g_assert(record->recipients[i] != NULL);

    dsn_record_write(record, first);
    g_assert(memchr(first->str, '\n', first->len) == first->str + first->len - 1);
    g_autoptr(DsnRecord) again =
        dsn_record_parse((DsnSpan){first->str, first->len}, first->len, &error);
    g_assert_no_error(error);
    dsn_record_write(again, second);
    g_assert(g_string_equal(first, second));
    g_assert(record->type == again->type && record->code == again->code);
    g_assert(record->event_time == again->event_time &&
             record->event_nanoseconds == again->event_nanoseconds);
    g_assert(record->n_recipients == again->n_recipients);
}

/* What needs no tree is what the tree would give. */
static void
check_plain(const DsnPlainRecord *plain, const DsnElement *element)
{
    const DsnRecord *one = &plain->record, *other = element->record;
    g_autoptr(GString) line = g_string_new(NULL);

    g_assert(other != NULL && !element->has_original);
    dsn_record_write(other, line);
    g_assert(line->len == plain->text.len + 1 &&
             memcmp(line->str, plain->text.data, plain->text.len) == 0);
    g_assert(one->type == other->type && one->num_attempts == other->num_attempts);
    g_assert(one->event_time == other->event_time && one->created == other->created &&
             one->event_nanoseconds == other->event_nanoseconds &&
             one->created_nanoseconds == other->created_nanoseconds);
    g_assert_cmpstr(one->type_name, ==, other->type_name);
    g_assert_cmpstr(one->id, ==, other->id);
    g_assert_cmpstr(one->sender, ==, other->sender);
    g_assert_cmpstr(one->nodeid, ==, other->nodeid);
    g_assert(one->n_recipients == other->n_recipients);
    for (size_t i = 0; i < one->n_recipients; i++)
        g_assert_cmpstr(one->recipients[i], ==, other->recipients[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    DsnSpan text = {(const char *)data, size};
    g_autoptr(GError) error = NULL;
    g_auto(DsnElement) element = {0};
    DsnPlainRecord plain;

    dsn_plain_record_init(&plain);
    bool is_plain = dsn_plain_record_read(text, MAX_SIZE, &plain);
    if (is_plain && dsn_element_parse(text, MAX_SIZE, &element, NULL))
        check_plain(&plain, &element);
    g_assert(!is_plain || element.record != NULL);
    dsn_element_clear(&element);
    dsn_plain_record_clear(&plain);
    if (dsn_element_parse(text, MAX_SIZE, &element, &error))
        check_record(element.record);
    else
        check_error(error);
    return 0;
}
