/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/http-body.h"
#include "tests/support/unit.h"

#include <gio/gio.h>

static const struct {
    const char *text;
    int coding; /* -1: not supported */
} codings[] = {
    {NULL, DSN_HTTP_IDENTITY},
    {"identity", DSN_HTTP_IDENTITY},
    {"gzip", DSN_HTTP_GZIP},
    {"GZip", DSN_HTTP_GZIP},
    {"x-gzip", DSN_HTTP_GZIP},
    {" zstd ", DSN_HTTP_ZSTD},
    {"", -1},
    {"deflate", -1},
    {"gzip, zstd", -1},
    {"gzipp", -1},
    {"gzi", -1},
};

START_TEST(reads_the_coding)
{
    DsnHttpCoding coding = DSN_HTTP_IDENTITY;
    bool good = dsn_http_coding_parse(codings[_i].text, &coding);

    ck_assert_msg(good == (codings[_i].coding >= 0), "%s", codings[_i].text);
    if (good)
        ck_assert_msg((int)coding == codings[_i].coding, "%s", codings[_i].text);
}
END_TEST

/* True if all memory was given back: somebody can have all of it. */
static bool
is_all_there(DsnHttpBudget *budget, size_t limit)
{
    DsnHttpLease lease = {.budget = budget};
    bool first = dsn_http_lease_take(&lease, limit, 0);
    bool counted = lease.bytes == limit;

    dsn_http_lease_end(&lease);
    return first && counted;
}

/* ---- collecting ---- */

static const struct {
    const char *label;
    int64_t length;
    size_t max, piece, sent;
    bool fits;
} uploads[] = {
    {"announced", 1000, 1000, 7, 1000, true},
    {"nothing", 0, 1000, 1, 0, true},
    {"announced, in one piece", 100000, 100000, 100000, 100000, true},
    {"chunks", -1, 200000, 4096, 200000, true},
    {"chunks, few", -1, 200000, 1, 10, true},
    {"chunks, one byte too many", -1, 200000, 4096, 200001, false},
    {"chunks, far too many", -1, 10, 4096, 500000, false},
    {"less than announced", 1000, 1000, 10, 500, true},
};

START_TEST(collects)
{
    const size_t limit = 1000000;
    g_autoptr(DsnHttpBudget) budget = dsn_http_budget_new();
    g_autofree char *bytes = g_malloc(uploads[_i].sent + 1);
    DsnHttpBody body = {.len = 0};
    bool fits = true;

    dsn_http_budget_set(budget, limit, 0);
    for (size_t i = 0; i < uploads[_i].sent; i++)
        bytes[i] = (char)(i * 7 % 256);
    ck_assert(dsn_http_body_start(&body, budget, uploads[_i].max, uploads[_i].length));
    for (size_t at = 0; fits && at < uploads[_i].sent; at += uploads[_i].piece)
        fits = dsn_http_body_add(
            &body, (DsnSpan){bytes + at, MIN(uploads[_i].piece, uploads[_i].sent - at)});
    ck_assert_msg(fits == uploads[_i].fits, "%s", uploads[_i].label);
    if (fits) {
        dsn_http_body_end(&body);
        dsn_assert_bytes(body.data, body.len, bytes, uploads[_i].sent);
        ck_assert_uint_le(body.lease.bytes, body.size + 1);
    }
    dsn_http_body_clear(&body);
    ck_assert_msg(is_all_there(budget, limit), "%s", uploads[_i].label);
}
END_TEST

START_TEST(takes_no_more_than_there_is)
{
    g_autoptr(DsnHttpBudget) budget = dsn_http_budget_new();
    DsnHttpBody bodies[4] = {{.len = 0}};

    /* 2,000 shared, 1,000 set aside */
    dsn_http_budget_set(budget, 3000, 1000);
    ck_assert(dsn_http_body_start(&bodies[0], budget, 999, -1));
    ck_assert(dsn_http_body_start(&bodies[1], budget, 5000, 999));
    ck_assert(dsn_http_body_start(&bodies[2], budget, 5000, 900)); /* what is set aside */
    ck_assert(!dsn_http_body_start(&bodies[3], budget, 5000, 900));
    dsn_http_body_clear(&bodies[2]);
    ck_assert(dsn_http_body_start(&bodies[3], budget, 5000, 900));
    dsn_http_body_clear(&bodies[0]);
    ck_assert(dsn_http_body_start(&bodies[2], budget, 5000, 900));
    for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++)
        dsn_http_body_clear(&bodies[i]);
    ck_assert(is_all_there(budget, 2000));
}
END_TEST

static gpointer
give_back(gpointer user)
{
    g_usleep(50000);
    dsn_http_lease_end(user);
    return NULL;
}

START_TEST(waits_for_memory)
{
    g_autoptr(DsnHttpBudget) budget = dsn_http_budget_new();
    DsnHttpLease first = {.budget = budget}, second = {.budget = budget},
                 third = {.budget = budget};

    dsn_http_budget_set(budget, 10, 0);
    ck_assert(dsn_http_lease_take(&first, 10, 0));
    ck_assert(dsn_http_lease_take(&second, 10, 0)); /* set aside */
    int64_t begun = g_get_monotonic_time();
    ck_assert(!dsn_http_lease_take(&third, 10, begun + 20000));
    ck_assert_int_ge(g_get_monotonic_time() - begun, 20000);

    GThread *thread = g_thread_new("give", give_back, &first);
    ck_assert(dsn_http_lease_take(&third, 10, begun + 60 * G_TIME_SPAN_SECOND));
    (void)g_thread_join(thread);
    dsn_http_lease_end(&second);
    dsn_http_lease_end(&third);
}
END_TEST

/* ---- decoding ---- */

/* What gzip -9n makes of "hello\n" and of nothing, and the same as one raw block of zstd. */
#define GZIP_HELLO                                                                                 \
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\xe7\x02\x00\x20\x30\x3a\x36\x06" \
    "\x00\x00\x00"
#define GZIP_NOTHING \
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00"
#define ZSTD_HELLO "\x28\xb5\x2f\xfd\x20\x06\x31\x00\x00hello\n"
#define ZSTD_NOTHING "\x28\xb5\x2f\xfd\x20\x00\x01\x00\x00"
#define ZSTD_SKIPPABLE "\x50\x2a\x4d\x18\x03\x00\x00\x00xyz"

/* Rows of @bodies of one member or frame. */
enum { CUT_FIRST = 0, CUT_LAST = 3 };

#define ROW(label, coding, bytes, result, text)                                          \
    {                                                                                    \
        label, DSN_HTTP_##coding, bytes, sizeof(bytes) - 1, DSN_HTTP_BODY_##result, text \
    }

static const struct {
    const char *label;
    DsnHttpCoding coding;
    const char *bytes;
    size_t len;
    DsnHttpBodyResult result;
    const char *text;
} bodies[] = {
    ROW("gzip", GZIP, GZIP_HELLO, GOOD, "hello\n"),
    ROW("gzip of nothing", GZIP, GZIP_NOTHING, GOOD, ""),
    ROW("zstd", ZSTD, ZSTD_HELLO, GOOD, "hello\n"),
    ROW("zstd of nothing", ZSTD, ZSTD_NOTHING, GOOD, ""),
    ROW("identity", IDENTITY, "abc", GOOD, "abc"),
    ROW("members", GZIP, GZIP_HELLO GZIP_NOTHING GZIP_HELLO, GOOD, "hello\nhello\n"),
    ROW("window of 8 MiB", ZSTD, "\x28\xb5\x2f\xfd\x00\x68\x31\x00\x00hello\n", GOOD, "hello\n"),
    ROW("frames", ZSTD, ZSTD_HELLO ZSTD_SKIPPABLE ZSTD_NOTHING ZSTD_HELLO, GOOD, "hello\nhello\n"),
    ROW("no gzip at all", GZIP, "", BROKEN, NULL),
    ROW("no zstd at all", ZSTD, "", BROKEN, NULL),
    ROW("garbage after gzip", GZIP, GZIP_HELLO "x", BROKEN, NULL),
    ROW("garbage after zstd", ZSTD, ZSTD_HELLO "x", BROKEN, NULL),
    ROW("zstd said to be gzip", GZIP, ZSTD_HELLO, BROKEN, NULL),
    ROW("gzip said to be zstd", ZSTD, GZIP_HELLO, BROKEN, NULL),
    ROW("zlib", GZIP, "\x78\xda\xcb\x48\xcd\xc9\xc9\xe7\x02\x00\x08\x4b\x02\x1f", BROKEN, NULL),
    ROW("wrong sum", GZIP,
        "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\xe7\x02"
        "\x00\x20\x30\x3a\x37\x06\x00\x00\x00",
        BROKEN, NULL),
    ROW("window of 16 MiB", ZSTD, "\x28\xb5\x2f\xfd\x00\x70\x31\x00\x00hello\n", BROKEN, NULL),
    ROW("reserved block", ZSTD, "\x28\xb5\x2f\xfd\x20\x06\x37\x00\x00hello\n", BROKEN, NULL),
};

static DsnHttpBodyResult
decode(DsnHttpBudget *budget, DsnHttpCoding coding, DsnSpan bytes, size_t max, DsnHttpBody *body)
{
    ck_assert(dsn_http_body_start(body, budget, bytes.len, (int64_t)bytes.len));
    ck_assert(dsn_http_body_add(body, bytes));
    dsn_http_body_end(body);
    return dsn_http_body_decode(body, coding, max, 0);
}

START_TEST(undoes_codings)
{
    const size_t limit = 20 << 20;
    g_autoptr(DsnHttpBudget) budget = dsn_http_budget_new();
    DsnHttpBody body = {.len = 0};

    dsn_http_budget_set(budget, limit, 0);
    DsnHttpBodyResult result =
        decode(budget, bodies[_i].coding, (DsnSpan){bodies[_i].bytes, bodies[_i].len}, 1000, &body);
    ck_assert_msg(result == bodies[_i].result, "%s: %d", bodies[_i].label, (int)result);
    if (result == DSN_HTTP_BODY_GOOD) {
        dsn_assert_bytes(body.data, body.len, bodies[_i].text, strlen(bodies[_i].text));
        ck_assert_uint_le(body.lease.bytes, body.size);
    }
    dsn_http_body_clear(&body);
    ck_assert_msg(is_all_there(budget, limit), "%s", bodies[_i].label);
}
END_TEST

/* Wherever it is cut off, a body is broken, and never read as less. */
START_TEST(sees_that_something_is_missing)
{
    g_autoptr(DsnHttpBudget) budget = dsn_http_budget_new();

    dsn_http_budget_set(budget, 20 << 20, 0);
    for (size_t len = 0; len < bodies[_i].len; len++) {
        DsnHttpBody body = {.len = 0};

        ck_assert_msg(decode(budget, bodies[_i].coding, (DsnSpan){bodies[_i].bytes, len}, 1000,
                             &body) == DSN_HTTP_BODY_BROKEN,
                      "%s: %zu bytes", bodies[_i].label, len);
        dsn_http_body_clear(&body);
    }
}
END_TEST

/* @len times 'x' as gzip. */
static GString *
gzip_of(size_t len)
{
    g_autoptr(GZlibCompressor) gzip = g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, 9);
    g_autofree char *text = g_strnfill(len, 'x');
    GString *bytes = g_string_sized_new(len + 1000);
    gsize read, written;

    ck_assert_int_eq(g_converter_convert(G_CONVERTER(gzip), text, len, bytes->str,
                                         bytes->allocated_len, G_CONVERTER_INPUT_AT_END, &read,
                                         &written, NULL),
                     G_CONVERTER_FINISHED);
    bytes->len = written;
    return bytes;
}

/* The same as zstd: blocks of type RLE in a frame with a window of 128 KiB (RFC 8878 section
 * 3.1.1.2). */
static GString *
zstd_of(size_t len)
{
    GString *bytes = g_string_new(NULL);

    g_string_append_len(bytes, "\x28\xb5\x2f\xfd\x00\x38", 6);
    do {
        guint32 run = (guint32)MIN(len, 128 * 1024);
        guint32 head = (guint32)(run == len) | 1U << 1 | run << 3;

        len -= run;
        for (int shift = 0; shift < 24; shift += 8)
            g_string_append_c(bytes, (char)(head >> shift & 0xff));
        g_string_append_c(bytes, 'x');
    } while (len > 0);
    return bytes;
}

/* The first size of the buffer, twice that, and what is around them. */
static const size_t sizes[] = {1, 65535, 65536, 65537, 131071, 131072, 131073, 1000000};

START_TEST(stops_at_the_cap)
{
    g_autoptr(DsnHttpBudget) budget = dsn_http_budget_new();
    size_t size = sizes[_i];

    dsn_http_budget_set(budget, 20 << 20, 0);
    for (DsnHttpCoding coding = DSN_HTTP_GZIP; coding <= DSN_HTTP_ZSTD; coding++) {
        g_autoptr(GString) bytes = coding == DSN_HTTP_GZIP ? gzip_of(size) : zstd_of(size);

        for (size_t max = size - 1; max <= size + 1; max++) {
            DsnHttpBody body = {.len = 0};
            DsnHttpBodyResult result =
                decode(budget, coding, (DsnSpan){bytes->str, bytes->len}, max, &body);

            ck_assert_uint_le(body.size, max + 1);
            if (max < size) {
                ck_assert_int_eq(result, DSN_HTTP_BODY_TOO_LARGE);
            } else {
                ck_assert_int_eq(result, DSN_HTTP_BODY_GOOD);
                ck_assert_uint_eq(body.len, size);
                ck_assert_int_eq(body.data[0], 'x');
                ck_assert_int_eq(body.data[size - 1], 'x');
            }
            dsn_http_body_clear(&body);
        }
    }
}
END_TEST

/* What is set aside goes to the first body, and the second finds nothing. */
START_TEST(decodes_within_the_budget)
{
    const size_t size = 5000000;
    g_autoptr(DsnHttpBudget) budget = dsn_http_budget_new();
    g_autoptr(GString) bytes = gzip_of(size);
    DsnSpan span = {bytes->str, bytes->len};
    DsnHttpBody first = {.len = 0}, second = {.len = 0};

    dsn_http_budget_set(budget, 100000, 0);
    ck_assert_int_eq(decode(budget, DSN_HTTP_GZIP, span, size, &first), DSN_HTTP_BODY_GOOD);
    ck_assert_int_eq(decode(budget, DSN_HTTP_GZIP, span, size, &second), DSN_HTTP_BODY_NO_MEMORY);
    dsn_http_body_clear(&second);
    dsn_http_body_clear(&first);
    ck_assert_int_eq(decode(budget, DSN_HTTP_GZIP, span, size, &second), DSN_HTTP_BODY_GOOD);
    dsn_http_body_clear(&second);
    ck_assert(is_all_there(budget, 100000));
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("http-body");
    TCase *tcase = tcase_create("http-body");

    tcase_add_loop_test(tcase, reads_the_coding, 0, G_N_ELEMENTS(codings));
    tcase_add_loop_test(tcase, collects, 0, G_N_ELEMENTS(uploads));
    tcase_add_test(tcase, takes_no_more_than_there_is);
    tcase_add_test(tcase, waits_for_memory);
    tcase_add_loop_test(tcase, undoes_codings, 0, G_N_ELEMENTS(bodies));
    tcase_add_loop_test(tcase, sees_that_something_is_missing, CUT_FIRST, CUT_LAST + 1);
    tcase_add_loop_test(tcase, stops_at_the_cap, 0, G_N_ELEMENTS(sizes));
    tcase_add_test(tcase, decodes_within_the_budget);
    suite_add_tcase(suite, tcase);
    return suite;
}
