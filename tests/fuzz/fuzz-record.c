/* SPDX-License-Identifier: BSD-2-Clause */
/* What is read as a record is written in a form that reads and writes the same again. */
#include "config.h"

#include "filter/core/record.h"

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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    DsnSpan text = {(const char *)data, size};
    g_autoptr(GError) error = NULL;
    g_auto(DsnElement) element = {0};

    if (dsn_element_parse(text, MAX_SIZE, &element, &error))
        check_record(element.record);
    else
        check_error(error);
    return 0;
}
