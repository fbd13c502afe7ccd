/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/segment-reader.h"
#include "tests/support/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define LINE_MAX_BYTES 1000000

static struct {
    char *path;
    int fd;
} file;

static void
setup(void)
{
    file.fd = g_file_open_tmp("dsnarf-segment-XXXXXX", &file.path, NULL);
    ck_assert_int_ge(file.fd, 0);
}

static void
teardown(void)
{
    ck_assert_int_eq(close(file.fd), 0);
    ck_assert_int_eq(g_unlink(file.path), 0);
    g_free(file.path);
}

static void
append(const void *data, size_t len)
{
    ck_assert_int_eq(write(file.fd, data, len), (ssize_t)len);
}

static void
start_again(void)
{
    ck_assert_int_eq(ftruncate(file.fd, 0), 0);
    ck_assert_int_eq(lseek(file.fd, 0, SEEK_SET), 0);
    ck_assert_int_eq(fchmod(file.fd, 0600), 0);
}

static void
finish(void)
{
    ck_assert_int_eq(fchmod(file.fd, 0400), 0);
}

/* Adds to @frames one of @text, without a checksum as KumoMTA writes it. */
static void
add_frame(GByteArray *frames, const char *text, size_t len)
{
    size_t room = ZSTD_compressBound(len);
    g_autofree guint8 *packed = g_malloc(room);
    size_t size = ZSTD_compress(packed, room, text, len, 3);

    ck_assert(!ZSTD_isError(size));
    g_byte_array_append(frames, packed, (guint)size);
}

/* All that @reader tells up to a wait, the end or a failure, as "line|tail>|long!|damaged*...". */
static void
tell(DsnSegmentReader *reader, GString *told)
{
    static const char *const marks[] = {"|", ">", "!", "*", "?", ".", "#"};
    g_autoptr(GError) error = NULL;
    DsnSegmentEvent event;
    DsnSpan line;

    do {
        event = dsn_segment_reader_next(reader, &line, &error);
        if (line.len <= 40)
            g_string_append_len(told, line.data, (gssize)line.len);
        else
            g_string_append_printf(told, "%zu", line.len);
        g_string_append(told, marks[event]);
    } while (event != DSN_SEGMENT_WAIT && event != DSN_SEGMENT_END && event != DSN_SEGMENT_FAILED);
}

static DsnSegmentReader *
open_file(size_t line_max)
{
    g_autoptr(GError) error = NULL;
    DsnSegmentReader *reader = dsn_segment_reader_open(file.path, line_max, &error);

    ck_assert_msg(reader != NULL, "%s", error == NULL ? "" : error->message);
    return reader;
}

static void
check_told(size_t line_max, const char *expected)
{
    g_autoptr(DsnSegmentReader) reader = open_file(line_max);
    g_autoptr(GString) told = g_string_new(NULL);

    tell(reader, told);
    ck_assert_str_eq(told->str, expected);
}

/* ---- what files hold ---- */

static const struct {
    const char *first, *second; /* frames; NULL: none */
    const char *told;
} contents[] = {
    {NULL, NULL, "."},
    {"", NULL, "."},
    {"a\nb\n", NULL, "a|b|."},
    {"a\nb", NULL, "a|b>."},
    {"\n\n", NULL, "||."},
    {"a\n", "b\n", "a|b|."},
    {"a\nb", "c\nd\n", "a|bc|d|."},
    {"", "b\r\n", "b\r|."},
};

START_TEST(lines_of_frames)
{
    g_autoptr(GByteArray) frames = g_byte_array_new();

    if (contents[_i].first != NULL)
        add_frame(frames, contents[_i].first, strlen(contents[_i].first));
    if (contents[_i].second != NULL)
        add_frame(frames, contents[_i].second, strlen(contents[_i].second));
    append(frames->data, frames->len);
    finish();
    check_told(LINE_MAX_BYTES, contents[_i].told);
}
END_TEST

/* Skippable frames (RFC 8878 section 3.1.2) hold nothing for us. */
START_TEST(skippable_frames)
{
    static const guint8 skipped[] = "\x50\x2a\x4d\x18\x05\0\0\0hello";
    g_autoptr(GByteArray) frames = g_byte_array_new();

    g_byte_array_append(frames, skipped, sizeof(skipped) - 1);
    add_frame(frames, "a\n", 2);
    append(frames->data, frames->len);
    finish();
    check_told(LINE_MAX_BYTES, "a|.");
}
END_TEST

/* Byte by byte, with a look after each: as often as there is nothing new it waits. */
START_TEST(a_file_that_grows)
{
    g_autoptr(GByteArray) frames = g_byte_array_new();
    g_autoptr(GString) told = g_string_new(NULL);
    g_autoptr(DsnSegmentReader) reader = open_file(LINE_MAX_BYTES);

    add_frame(frames, "first\nsecond\n", 13);
    add_frame(frames, "third\nfourth", 12);
    for (guint i = 0; i < frames->len; i++) {
        for (unsigned times = 0; times < 20; times++)
            tell(reader, told);
        append(frames->data + i, 1);
    }
    tell(reader, told);
    finish();
    tell(reader, told);
    tell(reader, told);
    g_autoptr(GString) compact = g_string_new(told->str);
    (void)g_string_replace(compact, "?", "", 0);
    ck_assert_str_eq(compact->str, "first|second|third|fourth>..");
    ck_assert_uint_eq(dsn_segment_reader_lines(reader), 3);
    ck_assert_uint_eq(dsn_segment_reader_offset(reader), frames->len);
}
END_TEST

/* What the writer has flushed is there at once, whatever kind of block it has made of it. */
START_TEST(what_was_flushed)
{
    g_autoptr(DsnSegmentReader) reader = open_file(LINE_MAX_BYTES);
    g_autofree char *same = g_strnfill(5000, 'x');
    ZSTD_CCtx *stream = ZSTD_createCCtx();
    char packed[20000];

    for (int i = 0; i < 30; i++) {
        g_autofree char *text = g_strdup_printf("%d%s", i, i % 3 == 0 ? same : "");
        g_autofree char *expected =
            i % 3 == 0 ? g_strdup_printf("%zu|?", strlen(text)) : g_strdup_printf("%s|?", text);
        g_autofree char *line = g_strconcat(text, "\n", NULL);
        g_autoptr(GString) told = g_string_new(NULL);
        ZSTD_inBuffer in = {line, strlen(line), 0};
        ZSTD_outBuffer out = {packed, sizeof(packed), 0};

        ck_assert_uint_eq(
            ZSTD_compressStream2(stream, &out, &in, i % 10 == 9 ? ZSTD_e_end : ZSTD_e_flush), 0);
        append(packed, out.pos);
        tell(reader, told);
        ck_assert_str_eq(told->str, expected);
        ck_assert_uint_eq(dsn_segment_reader_lines(reader), (uint64_t)i + 1);
    }
    (void)ZSTD_freeCCtx(stream);
}
END_TEST

/* ---- long lines ---- */

static const size_t lengths[] = {40,      130000, 131071, 131072,  131073,
                                 262144,  500000, 999999, 1000000, LINE_MAX_BYTES + 1,
                                 10000000};

START_TEST(long_lines)
{
    size_t len = lengths[_i];
    g_autoptr(GByteArray) frames = g_byte_array_new();
    g_autofree char *text = g_strnfill(len + 2, 'x');
    uint64_t seed = 88172645463325252;

    for (size_t i = 0; i < len; i++) { /* so that it does not become one small block */
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        text[i] = (char)('0' + (seed & 63));
    }
    text[len] = text[len + 1] = '\n';
    add_frame(frames, text, len + 2);
    append(frames->data, frames->len);
    finish();
    g_autofree char *expected = len == 40              ? g_strdup_printf("%.40s||.", text)
                                : len > LINE_MAX_BYTES ? g_strdup("!|.")
                                                       : g_strdup_printf("%zu||.", len);
    check_told(LINE_MAX_BYTES, expected);
}
END_TEST

/* ---- damage ---- */

/* Lines of two frames; the second begins at *@ret_second. */
static GByteArray *
make_two(guint *ret_second)
{
    GByteArray *frames = g_byte_array_new();
    g_autoptr(GString) text = g_string_new(NULL);

    for (unsigned i = 0; i < 60; i++)
        g_string_append_printf(text, "one %u %u\n", i, i * 7919 % 1000);
    add_frame(frames, text->str, text->len);
    *ret_second = frames->len;
    g_string_truncate(text, 0);
    for (unsigned i = 0; i < 60; i++)
        g_string_append_printf(text, "two %u %u\n", i, i * 7919 % 1000);
    add_frame(frames, text->str, text->len);
    return frames;
}

/* Wherever it is cut off: what was whole before comes, that it is cut is told once, and it ends. */
START_TEST(cut_off_anywhere)
{
    guint second;
    g_autoptr(GByteArray) frames = make_two(&second);

    for (guint len = 0; len < frames->len; len++) {
        g_autoptr(GString) told = g_string_new(NULL);
        g_autoptr(DsnSegmentReader) reader = NULL;

        start_again();
        append(frames->data, len);
        finish();
        reader = open_file(LINE_MAX_BYTES);
        tell(reader, told);
        bool whole = len == 0 || len == second;
        ck_assert_msg(g_str_has_suffix(told->str, "*.") != whole, "%u: %s", len, told->str);
        ck_assert_msg(len < second || g_str_has_prefix(told->str, "one 0 0|"), "%u", len);
        ck_assert_msg(len < second || strstr(told->str, "one 59 221|") != NULL, "%u", len);
    }
}
END_TEST

/* Whatever bit is wrong in the first frame, the second is read. */
START_TEST(a_bit_wrong_anywhere)
{
    guint second;
    g_autoptr(GByteArray) frames = make_two(&second);

    for (guint bit = 0; bit < second * 8; bit++) {
        g_autoptr(GString) told = g_string_new(NULL);
        g_autoptr(DsnSegmentReader) reader = NULL;

        start_again();
        frames->data[bit / 8] ^= (guint8)(1 << bit % 8);
        append(frames->data, frames->len);
        frames->data[bit / 8] ^= (guint8)(1 << bit % 8);
        finish();
        reader = open_file(LINE_MAX_BYTES);
        tell(reader, told);
        ck_assert_msg(strstr(told->str, "two 1 919|two 2 838|") != NULL &&
                          g_str_has_suffix(told->str, "two 59 221|."),
                      "bit %u: %s", bit, told->str);
    }
}
END_TEST

START_TEST(what_is_no_segment)
{
    static const char text[] = "{\"type\":\"Bounce\"}\n{\"type\":\"Bounce\"}\n";

    append(text, strlen(text));
    finish();
    check_told(LINE_MAX_BYTES, "*.");
}
END_TEST

START_TEST(what_cannot_be_opened)
{
    g_autoptr(GError) error = NULL;

    ck_assert_ptr_null(dsn_segment_reader_open("/", LINE_MAX_BYTES, &error));
    ck_assert_str_eq(error->message, "cannot be opened: Invalid argument");
    g_clear_error(&error);
    ck_assert_ptr_null(dsn_segment_reader_open("/nonexistent/x", LINE_MAX_BYTES, &error));
    ck_assert_str_eq(error->message, "cannot be opened: No such file or directory");
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("segment-reader");
    TCase *tcase = tcase_create("segments");

    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, lines_of_frames, 0, G_N_ELEMENTS(contents));
    tcase_add_test(tcase, skippable_frames);
    tcase_add_test(tcase, a_file_that_grows);
    tcase_add_test(tcase, what_was_flushed);
    tcase_add_loop_test(tcase, long_lines, 0, G_N_ELEMENTS(lengths));
    tcase_add_test(tcase, cut_off_anywhere);
    tcase_add_test(tcase, a_bit_wrong_anywhere);
    tcase_add_test(tcase, what_is_no_segment);
    tcase_add_test(tcase, what_cannot_be_opened);
    suite_add_tcase(suite, tcase);
    return suite;
}
