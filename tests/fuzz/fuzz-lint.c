/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz-lint.c - the lint takes any bytes: findings are capped and point into them, levels add up */
#include "config.h"

#include "mime/lint.h"

#include <gmime/gmime.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static gsize initialised;
    g_autoptr(GArray) findings = g_array_new(FALSE, FALSE, sizeof(DsnFinding));
    DsnLimits limits = DSN_LIMITS_DEFAULT;
    DsnSpan message = {(const char *)data, size};
    bool must = false;

    if (g_once_init_enter(&initialised)) {
        g_mime_init();
        g_once_init_leave(&initialised, 1);
    }
    limits.parts = 20;
    bool good = dsn_lint_notice(message, &limits, findings);

    g_assert(findings->len <= limits.defects);
    for (guint i = 0; i < findings->len; i++) {
        const DsnFinding *finding = &g_array_index(findings, DsnFinding, i);

        g_assert(g_ascii_isupper(finding->rule[0]) && strchr(finding->rule, '-') != NULL);
        g_assert(*finding->text != '\0');
        /* What is longer than a field name of the tables is a piece of the message or of a part
         * that was decoded, and no longer than it. */
        g_assert(finding->where.len <= MAX(size, 32));
        must |= finding->level == DSN_LINT_MUST;
    }
    g_assert(!must || !good);
    g_assert(good || must || findings->len == limits.defects);

    g_autoptr(GArray) again = g_array_new(FALSE, FALSE, sizeof(DsnFinding));
    g_assert(dsn_lint_notice(message, &limits, again) == good && again->len == findings->len);
    return 0;
}
