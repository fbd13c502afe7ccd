/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is built from a report is read back as that report, in 8 and in 7 bits. The reports are made
 * at random from a fixed seed. DSNARF_ROUNDS is how many, DSNARF_SEED where they begin.
 *
 * A report that can come back is one in its normal form: no white space at the ends of a value, no
 * control, no word of more than 880 octets; in the 7-bit form all but addresses is ASCII; domains
 * of type rfc822 are in lower case, as the reader folds them; parentheses have partners.
 */
#include "config.h"

#include "mime/down-convert.h"
#include "mime/lines.h"
#include "mime/report-build.h"
#include "mime/report-parse.h"
#include "mime/structure.h"
#include "tests/support/notice.h"
#include "tests/support/unit.h"

#define ROUNDS 3000 /* of each of the LOOPS tests, that may run side by side */
#define LOOPS 2

typedef struct Maker {
    GRand *random;
    DsnReport *report;
    GString *text; /* what is being made */
    bool global;
} Maker;

static bool
chance(Maker *maker, int percent)
{
    return g_rand_int_range(maker->random, 0, 100) < percent;
}

static size_t
number(Maker *maker, size_t from, size_t to)
{
    return (size_t)g_rand_int_range(maker->random, (gint32)from, (gint32)to + 1);
}

static char
pick(Maker *maker, const char *from)
{
    return from[number(maker, 0, strlen(from) - 1)];
}

static void
append(Maker *maker, const char *text)
{
    g_string_append(maker->text, text);
}

static DsnSpan
keep(Maker *maker)
{
    DsnSpan kept = dsn_report_keep(maker->report, (DsnSpan){maker->text->str, maker->text->len});

    g_string_truncate(maker->text, 0);
    return kept;
}

/* A character that is not ASCII and no control, of two to four octets. */
static void
append_foreign(Maker *maker)
{
    static const gunichar ranges[][2] = {
        {0xa1, 0x7ff}, {0x800, 0xd7ff}, {0xe000, 0xfdcf}, {0x10000, 0x10fffd}};
    size_t range = number(maker, 0, G_N_ELEMENTS(ranges) - 1);

    g_string_append_unichar(maker->text,
                            (gunichar)g_rand_int_range(maker->random, (gint32)ranges[range][0],
                                                       (gint32)ranges[range][1] + 1));
}

/* ---- texts ---- */

static void
append_word(Maker *maker, size_t max)
{
    size_t start = maker->text->len, len = number(maker, 1, max);
    bool foreign = maker->global && chance(maker, 30);

    while (maker->text->len < start + len) {
        if (foreign && chance(maker, 50) && maker->text->len + 4 <= start + len)
            append_foreign(maker);
        else
            g_string_append_c(maker->text,
                              pick(maker, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                          "0123456789!\"#$%&'*,-./:;<=>?@[]^_`{|}~"));
    }
}

/* A text of words; now and then something that seems to mean something. Runs of spaces stand
 * between short words only: a line that cannot hold what is around a run is broken there. */
static void
append_text(Maker *maker, size_t words)
{
    static const char *const odd[] = {"550",   "550-x",         "(a (b) c)", "250 ok",
                                      "a\\b",  "=?utf-8?q?x?=", "--b1",      ";",
                                      "smtp;", "X-A:",          "\\x{E9}",   "From"};
    bool wide = chance(maker, 20), lengthy = !wide && chance(maker, 5), run = false;

    for (size_t i = 0; i < words; i++) {
        if (i > 0) {
            run = wide && !run && chance(maker, 30);
            append(maker, run ? (chance(maker, 50) ? "  " : "     ") : " ");
        }
        if (!lengthy && chance(maker, 10)) /* what looks like a reply begins no line */
            append(maker, odd[number(maker, 0, G_N_ELEMENTS(odd) - 1)]);
        else
            append_word(maker, lengthy && chance(maker, 20) ? 880 : 12);
    }
}

static DsnSpan
make_text(Maker *maker, size_t words)
{
    append_text(maker, number(maker, 1, chance(maker, 5) ? words * 10 : words));
    return keep(maker);
}

/* ---- names and addresses ---- */

static void
append_domain(Maker *maker, bool foreign)
{
    size_t labels = number(maker, 1, chance(maker, 5) ? 12 : 4);

    if (chance(maker, 5)) {
        append(maker, chance(maker, 50) ? "[192.0.2.1]" : "[IPv6:2001:db8::1]");
        return;
    }
    for (size_t i = 0; i < labels; i++) {
        if (i > 0)
            append(maker, ".");
        g_string_append_c(maker->text, pick(maker, "abcdefghijklmnopqrstuvwxyz0123456789"));
        for (size_t j = number(maker, 0, 8); j > 0; j--) {
            if (foreign && chance(maker, 30))
                append_foreign(maker);
            else
                g_string_append_c(maker->text,
                                  pick(maker, "abcdefghijklmnopqrstuvwxyz0123456789-_"));
        }
    }
}

static void
append_quoted(Maker *maker, bool foreign)
{
    static const char *const pieces[] = {"a", "Z", " ", "\\\"", "\\\\", "@", "<",       ">",
                                         "(", ")", ";", ",",    ":",    ".", "\\x{e9}", "\\x{41}"};

    append(maker, "\"");
    for (size_t i = number(maker, 1, 12); i > 0; i--) {
        append(maker, i % 2 == 0 ? "b" : pieces[number(maker, 0, G_N_ELEMENTS(pieces) - 1)]);
        if (foreign && chance(maker, 20))
            append_foreign(maker);
    }
    append(maker, "\"");
}

/* '+' has a small letter behind it: "+2B" would be read as xtext that somebody forgot to decode. */
static void
append_local(Maker *maker, bool foreign)
{
    size_t atoms = number(maker, 1, 3);

    if (chance(maker, 10)) {
        append_quoted(maker, foreign);
        return;
    }
    for (size_t i = 0; i < atoms; i++) {
        if (i > 0)
            append(maker, ".");
        for (size_t j = number(maker, 1, chance(maker, 5) ? 20 : 8); j > 0; j--) {
            if (foreign && chance(maker, 40))
                append_foreign(maker);
            else if (chance(maker, 5))
                append(maker, "+x");
            else
                g_string_append_c(maker->text, pick(maker, "abcXYZ0123456789!#$%&'*-/=?^_`{|}~"));
        }
    }
}

static DsnSpan
make_mailbox(Maker *maker, bool foreign)
{
    append_local(maker, foreign);
    append(maker, "@");
    append_domain(maker, foreign);
    return keep(maker);
}

/* rfc822, or utf-8 with and without characters that are not ASCII (rules I18N-02, I18N-04). */
static DsnTyped
make_recipient(Maker *maker)
{
    bool utf8 = chance(maker, 40);

    return (DsnTyped){utf8 ? DSN_SPAN_LITERAL("utf-8") : DSN_SPAN_LITERAL("rfc822"),
                      make_mailbox(maker, utf8 && chance(maker, 80))};
}

/* ORCPT may name an address of any mail system (rules ESMTP-07, ESMTP-08, RCPT-02). */
static DsnTyped
make_original_recipient(Maker *maker)
{
    static const char *const types[] = {"x400", "X400", "x-fax", "unknown", "x!#$%&'*+-/=?^_`{|}~"};
    bool global = maker->global;

    if (chance(maker, 60))
        return make_recipient(maker);

    DsnTyped typed = {dsn_span(types[number(maker, 0, G_N_ELEMENTS(types) - 1)]), DSN_SPAN_ABSENT};
    maker->global = false;
    append(maker, "/C=US/A=");
    append_text(maker, number(maker, 1, 8));
    if (maker->text->len > 800)
        g_string_truncate(maker->text, 8);
    typed.value = keep(maker);
    maker->global = global;
    return typed;
}

static DsnTyped
make_host(Maker *maker, bool with_address)
{
    if (chance(maker, 80)) {
        append_domain(maker, false);
        if (with_address)
            append(maker, " ([192.0.2.7])"); /* rule DSN-12 */
        return (DsnTyped){DSN_SPAN_LITERAL("dns"), keep(maker)};
    }
    append(maker, "the host ");
    return (DsnTyped){DSN_SPAN_LITERAL("x-local-hostname"), make_text(maker, 4)};
}

static int64_t
make_date(Maker *maker)
{
    static const int64_t first = G_GINT64_CONSTANT(-2208988800); /* 1900 */

    if (chance(maker, 90))
        return g_rand_int_range(maker->random, 0, G_MAXINT32);
    return first + (int64_t)(g_rand_double(maker->random) * (double)(DSN_TIME_MAX - first));
}

/* ---- the report ---- */

/* A reply of one or more lines (rules RCPT-17, RCPT-18), or the words of something else. */
static DsnTyped
make_diagnostic(Maker *maker, unsigned class_)
{
    size_t lines = chance(maker, 70) ? 1 : number(maker, 2, 8);
    unsigned code = class_ * 100 + (unsigned)number(maker, 0, 59);

    if (chance(maker, 20))
        return (DsnTyped){DSN_SPAN_LITERAL("x-dsnarf"), make_text(maker, 20)};
    for (size_t i = 0; i < lines; i++) {
        g_string_append_printf(maker->text, "%s%u%c", i > 0 ? "\n" : "", code,
                               i + 1 < lines ? '-' : ' ');
        if (chance(maker, 60))
            g_string_append_printf(maker->text, "%u.%zu.%zu ", class_, number(maker, 0, 9),
                                   number(maker, 0, 30));
        append_text(maker, number(maker, 1, 25));
    }
    return (DsnTyped){DSN_SPAN_LITERAL("smtp"), keep(maker)};
}

static void
add_extensions(Maker *maker, GArray *extensions)
{
    for (size_t i = chance(maker, 30) ? number(maker, 1, 4) : 0; i > 0; i--) {
        DsnField field;

        append(maker, "X-Dsnarf-");
        for (size_t j = number(maker, 1, 20); j > 0; j--)
            g_string_append_c(maker->text, pick(maker, "abcXYZ019-_"));
        field.name = keep(maker);
        field.value = make_text(maker, 20);
        g_array_append_val(extensions, field);
    }
}

/* Rule I18N-11. */
static void
add_localized(Maker *maker, GArray *extensions)
{
    static const char *const tags[] = {"de", "pt-BR", "zh-Hans-CN", "ja"};

    for (size_t i = 0; i < G_N_ELEMENTS(tags); i++) {
        DsnField field = {DSN_SPAN_LITERAL("Localized-Diagnostic"), DSN_SPAN_ABSENT};

        if (!chance(maker, 30))
            continue;
        g_string_append_printf(maker->text, "%s; ", tags[i]);
        field.value = make_text(maker, 20);
        g_array_append_val(extensions, field);
    }
}

static void
add_recipient(Maker *maker)
{
    static const unsigned classes[] = {
        [DSN_ACTION_FAILED] = 5,  [DSN_ACTION_DELAYED] = 4,  [DSN_ACTION_DELIVERED] = 2,
        [DSN_ACTION_RELAYED] = 2, [DSN_ACTION_EXPANDED] = 2,
    };
    DsnPerRecipient *recipient = dsn_report_add_recipient(maker->report);

    if (chance(maker, 50))
        recipient->original_recipient = make_original_recipient(maker);
    recipient->final_recipient = make_recipient(maker);
    recipient->action = (DsnAction)number(maker, DSN_ACTION_FAILED, DSN_ACTION_EXPANDED);

    unsigned class_ = classes[recipient->action];
    if (class_ == 5 && chance(maker, 20))
        class_ = 4; /* rule RCPT-12 */
    recipient->status =
        (DsnStatusCode){(uint16_t)class_, (uint16_t)number(maker, 6, 999), /* RCPT-11 */
                        (uint16_t)number(maker, 0, 999)};
    if (chance(maker, 10)) {
        append(maker, "(");
        append_word(maker, 5);
        append(maker, " (x) y)");
        recipient->status_comment = keep(maker);
    }
    if (chance(maker, 80)) {
        recipient->diagnostic_code = make_diagnostic(maker, class_);
        if (dsn_span_is(recipient->diagnostic_code.type, "smtp") && chance(maker, 80))
            recipient->remote_mta = make_host(maker, false); /* rule RCPT-16 */
        if (maker->global)
            add_localized(maker, recipient->extensions);
    }
    if (chance(maker, 60))
        recipient->last_attempt_date = make_date(maker);
    if (chance(maker, 50))
        recipient->final_log_id = make_text(maker, 3);
    if (recipient->action == DSN_ACTION_DELAYED && chance(maker, 80))
        recipient->will_retry_until = make_date(maker);
    add_extensions(maker, recipient->extensions);
}

static void
make_report(Maker *maker)
{
    DsnPerMessage *message = &maker->report->per_message;

    dsn_report_clear(maker->report);
    maker->report->kind = DSN_REPORT_DELIVERY_STATUS;
    maker->report->global = maker->global = chance(maker, 35);
    if (chance(maker, 50))
        message->original_envelope_id = make_text(maker, 8);
    append_domain(maker, false);
    message->reporting_mta = (DsnTyped){DSN_SPAN_LITERAL("dns"), keep(maker)};
    if (chance(maker, 50))
        message->received_from_mta = make_host(maker, true);
    if (chance(maker, 80))
        message->arrival_date = make_date(maker);
    add_extensions(maker, message->extensions);
    for (size_t i = chance(maker, 80) ? number(maker, 1, 3) : number(maker, 4, 30); i > 0; i--)
        add_recipient(maker);
}

/* ---- what stands around it ---- */

/* Lines of text for people, in any script. */
static DsnSpan
make_prose(Maker *maker)
{
    bool global = maker->global;

    maker->global = chance(maker, 60);
    for (size_t i = number(maker, 0, 12); i > 0; i--) {
        append_text(maker, number(maker, 1, 20));
        append(maker, chance(maker, 90) ? "\n" : "\r\n\n");
    }
    maker->global = global;
    return keep(maker);
}

static size_t
make_words(Maker *maker, DsnWords words[4])
{
    static const char *const tags[] = {"en", "de", "ja", "zh-Hans"};
    size_t count = number(maker, 1, chance(maker, 30) ? 4 : 1);

    for (size_t i = 0; i < count; i++) {
        words[i] = (DsnWords){.language = dsn_span(tags[i]), .text = make_prose(maker)};
        if (chance(maker, 30))
            words[i].html = make_prose(maker);
    }
    return count;
}

/* Octets of any kind, in lines. */
static void
append_octets(Maker *maker)
{
    int kind = g_rand_int_range(maker->random, 0, 5);

    for (size_t i = number(maker, 0, 8); i > 0; i--) {
        for (size_t j = number(maker, 0, kind == 4 ? 1500 : 100); j > 0; j--)
            g_string_append_c(maker->text, kind == 0   ? (char)number(maker, 0, 255)
                                           : kind == 1 ? pick(maker, "a\xe9 -=.\t")
                                                       : (char)number(maker, ' ', '~'));
        append(maker, kind == 2 ? "\n" : "\r\n");
    }
}

static DsnSpan
make_original(Maker *maker)
{
    static const char *const headers[] = {
        "From: a@b.example\r\n",       "Subject: caf\xc3\xa9\r\n",
        "Subject: caf\xe9\r\n",        "Message-ID: <1@b.example>\r\nReferences: <0@b.example>\r\n",
        "Message-ID: <no id\r\n",      "Date: Tue, 1 Jul 2003 08:52:37 +0000\r\n",
        "MIME-Version: 1.0\r\n",       "To: x@y.example,\n z@y.example\n",
        "Content-Type: image/png\r\n", "Content-Transfer-Encoding: 8bit\r\n",
    };
    static const char *const parts[] = {
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
        "Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n",
        "Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\n",
        "Content-Type: message/global\r\n\r\nSubject: inner \xc3\xa9\r\n\r\n",
        "Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n\r\n",
        "\r\n",
    };
    bool multipart = chance(maker, 30);

    for (size_t i = 0; i < G_N_ELEMENTS(headers); i++)
        if (chance(maker, i == 2 ? 5 : 40) && !(multipart && i > 7))
            append(maker, headers[i]);
    if (multipart)
        append(maker, "Content-Type: multipart/mixed; boundary=\"b1\"\r\n");
    append(maker, "\r\n");
    for (size_t i = multipart ? number(maker, 1, 4) : 0; i > 0; i--) {
        append(maker, "--b1\r\n");
        append(maker, parts[number(maker, 0, G_N_ELEMENTS(parts) - 1)]);
        append_octets(maker);
        append(maker, "\r\n");
    }
    if (multipart)
        append(maker, "--b1--\r\n");
    else
        append_octets(maker);
    return keep(maker);
}

static bool
is_any_failed(const DsnReport *report)
{
    for (guint i = 0; i < report->per_recipient->len; i++)
        if (g_array_index(report->per_recipient, DsnPerRecipient, i).action == DSN_ACTION_FAILED)
            return true;
    return false;
}

/* The third part holds what was planned, octet for octet but for line ends. */
static void
check_returned(DsnSpan notice, const DsnReturnedPlan *plan, const char *label)
{
    static const DsnReturnedKind kinds[] = {
        [DSN_RETURN_NOTHING] = DSN_RETURNED_NOTHING,
        [DSN_RETURN_HEADERS] = DSN_RETURNED_HEADERS,
        [DSN_RETURN_FULL] = DSN_RETURNED_MESSAGE,
    };
    g_autoptr(DsnReportParser) parser = dsn_report_parser_new(&DSN_LIMITS_DEFAULT);
    g_autoptr(DsnReport) read = dsn_report_new();
    g_autoptr(GString) repaired = g_string_new(NULL);

    dsn_report_parse(parser, notice, read);
    ck_assert_msg(read->returned.kind == kinds[plan->returned], "%s: kind", label);
    dsn_lines_append_repaired(plan->content, repaired);
    if (plan->returned != DSN_RETURN_NOTHING && !plan->convert)
        dsn_test_compare(__FILE__, __LINE__, read->returned.bytes.data, read->returned.bytes.len,
                         repaired->str, repaired->len, label);
}

static void
check_down_converted(DsnSpan notice, const DsnBuilt *built, const DsnReport *report,
                     const char *label)
{
    g_autoptr(GString) converted = g_string_new(NULL);
    bool done = dsn_notice_down_convert(notice, &DSN_LIMITS_DEFAULT, converted);
    DsnSpan result = {converted->str, converted->len};

    ck_assert_msg(done == !built->utf8, "%s: converted", label); /* rule I18N-15 */
    if (!done)
        return;
    ck_assert_msg(dsn_text_is_ascii(result), "%s: not ASCII", label); /* rule MIME-12 */
    if (!built->eight_bit)
        dsn_test_compare(__FILE__, __LINE__, result.data, result.len, notice.data, notice.len,
                         label);
    dsn_test_check_notice(result, report, label);
}

static void
make_round(Maker *maker, const char *label)
{
    g_autoptr(GString) notice = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    DsnReturnedPlan plan;
    DsnWords words[4];
    DsnBuilt built;
    bool foreign = chance(maker, 15);

    make_report(maker);

    DsnFrame frame = {.from = DSN_SPAN_LITERAL("mailer-daemon@mta1.example.com"),
                      .to = make_mailbox(maker, foreign),
                      .date = make_date(maker),
                      .words = words,
                      .n_words = make_words(maker, words),
                      .returned = &plan};
    if (frame.to.len > 60 && memchr(frame.to.data, ' ', frame.to.len) != NULL)
        frame.to = DSN_SPAN_LITERAL("news@shop.example"); /* no line could hold it */

    bool utf8 = !dsn_text_is_ascii(frame.to);
    maker->global = true;
    frame.from_display = make_text(maker, 3);
    frame.subject = make_text(maker, 10);
    if (chance(maker, 50))
        frame.boundary = DSN_SPAN_LITERAL("b1");
    g_string_append_printf(maker->text, "<%u@%.*s>", g_rand_int(maker->random),
                           (int)maker->report->per_message.reporting_mta.value.len,
                           maker->report->per_message.reporting_mta.value.data);
    frame.message_id = keep(maker);
    dsn_returned_plan(
        &(DsnReturnRequest){.original = chance(maker, 80) ? make_original(maker) : DSN_SPAN_ABSENT,
                            .wanted = (DsnReturn)number(maker, 0, 2),
                            .limit = chance(maker, 10) ? 200 : 100000,
                            .failed = is_any_failed(maker->report),
                            .utf8_path = utf8},
        &plan);
    ck_assert_msg(dsn_report_build(maker->report, &frame, notice, &built, &error), "%s: %s", label,
                  error == NULL ? "" : error->message);

    DsnSpan bytes = {notice->str, notice->len};
    ck_assert_msg(built.utf8 == utf8, "%s: SMTPUTF8", label);
    ck_assert_msg(built.eight_bit || dsn_text_is_ascii(bytes), "%s: 8BITMIME", label);
    dsn_test_check_notice(bytes, maker->report, label);
    check_returned(bytes, &plan, label);
    check_down_converted(bytes, &built, maker->report, label);
}

static guint64
setting(const char *name, guint64 usual)
{
    const char *value = g_getenv(name);

    return value == NULL ? usual : g_ascii_strtoull(value, NULL, 10);
}

START_TEST(reports_come_back)
{
    guint64 rounds = setting("DSNARF_ROUNDS", ROUNDS), seed = setting("DSNARF_SEED", 1);
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(DsnReport) report = dsn_report_new();

    for (guint64 i = (guint64)_i; i < rounds; i += LOOPS) {
        g_autoptr(GRand) random = g_rand_new_with_seed((guint32)(seed + i));
        g_autofree char *label = g_strdup_printf("DSNARF_SEED=%" G_GUINT64_FORMAT, seed + i);
        Maker maker = {.random = random, .report = report, .text = text};

        make_round(&maker, label);
    }
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("round-trip");
    TCase *tcase = tcase_create("random reports");

    tcase_add_loop_test(tcase, reports_come_back, 0, LOOPS);
    suite_add_tcase(suite, tcase);
    return suite;
}
