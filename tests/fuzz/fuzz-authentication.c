/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A header with Authentication-Results. Nothing is believed of it unless the name of our host, the
 * method, and the sender's domain stand in it.
 */
#include "config.h"

#include "filter/core/authentication.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
holds(DsnSpan text, const char *word)
{
    for (size_t i = 0; i + strlen(word) <= text.len; i++) {
        if (dsn_span_starts(dsn_span_from(text, i), word))
            return true;
    }
    return false;
}

static void
check(const DsnAuthentic *authentic)
{
    g_assert(!dsn_span_present(authentic->domain) || dsn_span_present(authentic->result));
    g_assert(!dsn_span_present(authentic->result) || authentic->result.len > 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static gpointer ids[] = {(gpointer) "mx.ours.example"};
    GPtrArray list = {ids, 1};
    DsnAuthenticationOptions options = {.authserv_ids = &list, .received = 1};
    DsnSpan header = {(const char *)data, size};
    g_auto(DsnAuthentication) found;

    dsn_authentication_read(&options, header, &found);
    g_assert(found.n_dkim <= DSN_SIGNATURES_MAX);
    check(&found.spf);
    check(&found.dmarc);
    for (size_t i = 0; i < found.n_dkim; i++)
        check(&found.dkim[i]);

    unsigned trust =
        dsn_sender_authentication(&options, header, DSN_SPAN_LITERAL("a@shop.example"));
    g_assert((trust & ~(unsigned)(DSN_TRUST_SPF | DSN_TRUST_DKIM | DSN_TRUST_AUTHENTICATED)) == 0);
    g_assert(trust == 0 || (holds(header, "Authentication-Results") && holds(header, "pass")));
    g_assert((trust & DSN_TRUST_SPF) == 0 || holds(header, "spf"));
    g_assert((trust & DSN_TRUST_DKIM) == 0 || holds(header, "dkim"));
    g_assert((trust & DSN_TRUST_AUTHENTICATED) == 0 || holds(header, "auth"));
    return 0;
}
