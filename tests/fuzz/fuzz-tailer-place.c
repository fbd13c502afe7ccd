/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/tailed-file.h"
#include "filter/intake/tailer-place.h"

#include <stdint.h>
#include <string.h>

/* A place that was read is written as a text that reads as the same place. */
static void
check_place(DsnTailerPlace *place)
{
    g_autofree char *text = dsn_tailer_place_to_text(place);
    g_autofree char *words = dsn_tailer_place_describe(place);
    g_autoptr(DsnTailerPlace) again = dsn_tailer_place_parse(text, NULL);

    g_assert(again != NULL && *words != '\0');
    g_autofree char *same = dsn_tailer_place_to_text(again);
    g_assert(strcmp(same, text) == 0);
    g_assert(place->done->len <= DSN_TAILER_DONE_MAX);
    g_assert(place->open->len <= 2 * DSN_TAILER_OPEN_MAX);
    for (guint i = 0; i < place->done->len; i++)
        g_assert(dsn_tailer_place_is_done(place, place->done->pdata[i]) ||
                 dsn_tailer_place_find(place, place->done->pdata[i]) != NULL);
    while (place->open->len > 0)
        dsn_tailer_place_finish(place, ((DsnTailerFile *)place->open->pdata[0])->name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 65536)
        return 0;

    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(DsnTailerPlace) place = dsn_tailer_place_parse(text, NULL);
    g_autoptr(DsnTailerPlace) imported =
        dsn_tailer_place_import((const char *)data, size, "/nonexistent", NULL);
    DsnSpan line = {(const char *)data, size};
    DsnSpan record = dsn_tailed_record(line, true);

    if (place != NULL)
        check_place(place);
    if (imported != NULL)
        check_place(imported);
    g_assert(!dsn_span_present(record) || (record.len > 0 && record.data[0] == '{'));
    return 0;
}
