/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/dns-answer.h"

#include "tests/support/unit.h"

/* A message with so many answers, and a question about "mx.test" at offset 12. */
#define HEAD(answers) "\x12\x34\x81\x80\0\x01\0" answers "\0\0\0\0\x02mx\x04test\0\0\x01\0\x01"

/* Who it is about: the name of the question; then type, class and TTL. */
#define OWNER "\xc0\x0c"
#define A_IN "\0\x01\0\x01"
#define MX_IN "\0\x0f\0\x01"
#define AAAA_IN "\0\x1c\0\x01"

static const struct {
    const char *label;
    const char *bytes;
    size_t len;
    DsnDnsType type;
    const char *found; /* NULL: cannot be read */
    guint32 ttl;
} rows[] = {
#define ROW(label, bytes, type, found, ttl)               \
    {                                                     \
        label, bytes, sizeof(bytes) - 1, type, found, ttl \
    }
    ROW("no answer", HEAD("\0"), DSN_DNS_A, "", G_MAXUINT32),
    ROW("A", HEAD("\x01") OWNER A_IN "\0\0\0\x3c\0\x04\xc0\0\x02\x01", DSN_DNS_A, "192.0.2.1 ", 60),
    ROW("AAAA",
        HEAD("\x01") OWNER AAAA_IN "\0\0\0\x3c\0\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01",
        DSN_DNS_AAAA, "2001:db8::1 ", 60),
    ROW("two, the least TTL counts",
        HEAD("\x02") OWNER A_IN "\0\0\0\x3c\0\x04\xc0\0\x02\x01" OWNER A_IN
                                "\0\0\0\x05\0\x04\xc0\0\x02\x02",
        DSN_DNS_A, "192.0.2.1 192.0.2.2 ", 5),
    ROW("an alias in front, with its TTL",
        HEAD("\x02") OWNER "\0\x05\0\x01\0\0\0\x07\0\x03\x01y\0"
                           "\x01y\0" A_IN "\0\0\0\x3c\0\x04\xc0\0\x02\x01",
        DSN_DNS_A, "192.0.2.1 ", 7),
    ROW("of another class", HEAD("\x01") OWNER "\0\x01\0\x03\0\0\0\x3c\0\x04\xc0\0\x02\x01",
        DSN_DNS_A, "", G_MAXUINT32),
    ROW("an A that is too short", HEAD("\x01") OWNER A_IN "\0\0\0\x3c\0\x03\xc0\0\x02", DSN_DNS_A,
        "", 60),
    ROW("MX",
        HEAD("\x01") OWNER MX_IN "\0\0\0\x3c\0\x0a\0\x0a\x05"
                                 "first\xc0\x0f",
        DSN_DNS_MX, "10:first.test ", 60),
    ROW("null MX", HEAD("\x01") OWNER MX_IN "\0\0\0\x3c\0\x03\0\0\0", DSN_DNS_MX, "0: ", 60),
    ROW("an MX with a space",
        HEAD("\x01") OWNER MX_IN "\0\0\0\x3c\0\x07\0\x01\x03"
                                 "a b\0",
        DSN_DNS_MX, "1:bad ", 60),
    ROW("an MX with a dot in a label",
        HEAD("\x01") OWNER MX_IN "\0\0\0\x3c\0\x07\0\x01\x03"
                                 "a.b\0",
        DSN_DNS_MX, "1:bad ", 60),
    ROW("an MX with a NUL",
        HEAD("\x01") OWNER MX_IN "\0\0\0\x3c\0\x07\0\x01\x03"
                                 "a\0b\0",
        DSN_DNS_MX, "1:bad ", 60),
    ROW("an MX that points at itself", HEAD("\x01") OWNER MX_IN "\0\0\0\x3c\0\x04\0\x01\xc0\x27",
        DSN_DNS_MX, "1:bad ", 60),
    ROW("an MX that is too long",
        HEAD("\x01") OWNER MX_IN "\0\0\0\x3c\0\x06\0\x01\x01"
                                 "a\0x",
        DSN_DNS_MX, "1:bad ", 60),
    ROW("an MX without a name", HEAD("\x01") OWNER MX_IN "\0\0\0\x3c\0\x02\0\x01", DSN_DNS_MX,
        "0:bad ", 60),
    ROW("fewer answers than it says", HEAD("\x02") OWNER A_IN "\0\0\0\x3c\0\x04\xc0\0\x02\x01",
        DSN_DNS_A, NULL, 0),
    ROW("half a record", HEAD("\x01") OWNER A_IN "\0\0\0\x3c\0\x04\xc0", DSN_DNS_A, NULL, 0),
    ROW("half a head", "\x12\x34\x81\x80\0", DSN_DNS_A, NULL, 0),
    ROW("nothing", "", DSN_DNS_A, NULL, 0),
#undef ROW
};

static char *
describe(const GArray *records, DsnDnsType type)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < records->len; i++) {
        const DsnDnsRecord *record = &g_array_index(records, DsnDnsRecord, i);

        if (type == DSN_DNS_MX) {
            g_string_append_printf(text, "%u:%s ", record->preference,
                                   record->bad ? "bad" : record->name);
        } else {
            g_autofree char *address = dsn_socket_address_host(&record->address);

            g_string_append_printf(text, "%s ", address);
        }
    }
    return g_string_free(text, FALSE);
}

START_TEST(reads_answers)
{
    g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(DsnDnsRecord));
    guint32 ttl;
    bool read =
        dsn_dns_answer_read((DsnSpan){rows[_i].bytes, rows[_i].len}, rows[_i].type, records, &ttl);
    g_autofree char *found = describe(records, rows[_i].type);

    ck_assert_msg(read == (rows[_i].found != NULL), "%s", rows[_i].label);
    if (!read)
        return;
    ck_assert_msg(g_str_equal(found, rows[_i].found), "%s: %s", rows[_i].label, found);
    ck_assert_msg(ttl == rows[_i].ttl, "%s: %u", rows[_i].label, ttl);
}
END_TEST

START_TEST(keeps_so_many_and_no_more)
{
    static const char head[] = HEAD("\xff");
    static const char record[] = OWNER A_IN "\0\0\0\x3c\0\x04\xc0\0\x02\x01";
    g_autoptr(GString) message = g_string_new_len(head, sizeof(head) - 1);
    g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(DsnDnsRecord));
    guint32 ttl;

    for (int i = 0; i < 255; i++)
        g_string_append_len(message, record, sizeof(record) - 1);
    ck_assert(dsn_dns_answer_read((DsnSpan){message->str, message->len}, DSN_DNS_A, records, &ttl));
    ck_assert_uint_eq(records->len, DSN_DNS_RECORDS_MAX);
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("dns-answer");
    TCase *tcase = tcase_create("dns-answer");

    tcase_add_loop_test(tcase, reads_answers, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tcase, keeps_so_many_and_no_more);
    suite_add_tcase(suite, tcase);
    return suite;
}
