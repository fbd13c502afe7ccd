/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The body of a request with a content coding. The first byte chooses the coding, the second the
 * cap of what may come out, the third how large the pieces are in which it is sent. Whatever that
 * is: the caps hold, all memory is given back, and the size of the pieces changes nothing.
 */
#include "config.h"

#include "filter/intake/http-body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT ((size_t)16 << 20)

static DsnHttpBodyResult
decode(DsnHttpBudget *budget, DsnSpan bytes, DsnHttpCoding coding, size_t piece, size_t max,
       DsnHttpBody *body)
{
    g_assert(
        dsn_http_body_start(body, budget, bytes.len, piece % 2 == 0 ? -1 : (int64_t)bytes.len));
    for (size_t at = 0; at < bytes.len; at += piece)
        g_assert(dsn_http_body_add(body, (DsnSpan){bytes.data + at, MIN(piece, bytes.len - at)}));
    dsn_http_body_end(body);
    g_assert(body->len == bytes.len);
    return dsn_http_body_decode(body, coding, max, 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(DsnHttpBudget) budget = dsn_http_budget_new();
    DsnHttpBody one = {.len = 0}, other = {.len = 0};
    DsnHttpLease all = {.budget = budget};

    if (size < 3)
        return 0;
    DsnHttpCoding coding = (DsnHttpCoding)(data[0] % 3);
    size_t max = (size_t)data[1] * data[1] * 4;
    DsnSpan bytes = {(const char *)data + 3, size - 3};

    dsn_http_budget_set(budget, 2 * LIMIT, 0);
    DsnHttpBodyResult result = decode(budget, bytes, coding, (size_t)data[2] + 1, max, &one);
    g_assert(result != DSN_HTTP_BODY_NO_MEMORY);
    g_assert(coding == DSN_HTTP_IDENTITY || one.len <= max + 1);
    g_assert(result != DSN_HTTP_BODY_GOOD || coding == DSN_HTTP_IDENTITY || one.len <= max);
    g_assert(decode(budget, bytes, coding, size, max, &other) == result);
    g_assert(result != DSN_HTTP_BODY_GOOD ||
             dsn_span_equal((DsnSpan){one.data, one.len}, (DsnSpan){other.data, other.len}));
    dsn_http_body_clear(&one);
    dsn_http_body_clear(&other);
    g_assert(dsn_http_lease_take(&all, 2 * LIMIT, 0) && all.bytes == 2 * LIMIT);
    dsn_http_lease_end(&all);
    return 0;
}
