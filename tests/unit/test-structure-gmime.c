/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Our scanner against GMime's parser, over the third-party corpus and our own messages: the same
 * parts, types, boundaries and bodies, but for the differences that are listed here with a reason.
 */
#include "config.h"

#include "mime/gmime-auto.h"
#include "mime/structure.h"
#include "tests/support/unit.h"

enum { LF = 1, CRLF = 2 }; /* as the file is, and with every line end made CRLF */

/* "0/1/2" is the third part of the second part of the message; behind a returned message it goes on
 * with ".0". */
static const struct {
    const char *file;
    int ends;
    const char *difference, *why;
} known[] = {
    {"corpus/dsn/generic-failed-04.eml", LF | CRLF, "0/2.0/1: decoded",
     "base64 without its padding: GMime loses the last byte"},
    {"corpus/dsn/malformed-failed-01.eml", LF | CRLF, "0: boundary",
     "the body uses another boundary than the header names; we take the one in use"},
    {"corpus/dsn/malformed-failed-01.eml", LF | CRLF, "0: 3 parts, GMime 0", "the same"},
    {"corpus/dsn/office365-failed-02.eml", LF | CRLF, "0/0: boundary",
     "the line of the boundary parameter is not indented, so it is no fold; we take the boundary "
     "in use"},
    {"corpus/dsn/office365-failed-02.eml", LF | CRLF, "0/0: 2 parts, GMime 0", "the same"},
    {"corpus/dsn/office365-failed-02.eml", LF | CRLF, "0/2.0: boundary", "the same"},
    {"corpus/dsn/office365-failed-02.eml", LF | CRLF, "0/2.0: 2 parts, GMime 0", "the same"},
    {"corpus/dsn/postfix-failed-01.eml", LF | CRLF, "0/2.0: GMime sees no message",
     "the returned message is empty, for us a message without header and body"},
    {"corpus/dsn/postfix-failed-19.eml", LF, "0/2.0/0: body",
     "a bare LF before a delimiter that ends in CRLF: GMime takes a byte of the text as well"},
    {"corpus/dsn/postfix-failed-19.eml", LF, "0/2.0/0: decoded", "the same"},
    {"corpus/negative/dmarc-aggregate-01.eml", CRLF, "0/1: body",
     "no line end behind the closing delimiter: GMime leaves the CR before it to the body"},
    {"corpus/negative/dmarc-aggregate-01.eml", CRLF, "0/1: decoded", "the same"},
    {"data/mime/comments.eml", LF | CRLF, "0: boundary",
     "GMime does not skip the comment behind a value"},
    {"data/mime/comments.eml", LF | CRLF, "0: 1 parts, GMime 0", "the same"},
    {"data/mime/glued.eml", LF | CRLF, "0: type",
     "no empty line before the first boundary: GMime makes a text of it"},
    {"data/mime/glued.eml", LF | CRLF, "0: boundary", "the same"},
    {"data/mime/glued.eml", LF | CRLF, "0: body", "the same"},
    {"data/mime/glued.eml", LF | CRLF, "0: decoded", "the same"},
    {"data/mime/wrong-boundary.eml", LF | CRLF, "0: boundary",
     "the body uses another boundary than the header names; we take the one in use"},
    {"data/mime/wrong-boundary.eml", LF | CRLF, "0: 2 parts, GMime 0", "the same"},
    {"data/reports/dsn-truncated.eml", LF | CRLF, "0/2.0: GMime sees no message",
     "cut in the header of the returned message, for us a message without body"},
    {"data/reports/dsn-wrong-boundary.eml", LF | CRLF, "0: boundary",
     "the body uses another boundary than the header names; we take the one in use"},
    {"data/reports/dsn-wrong-boundary.eml", LF | CRLF, "0: 3 parts, GMime 0", "the same"},
    {"data/reports/dsn-odd-separators.eml", LF | CRLF, "0/2.0: body",
     "a blank line before the header; for GMime the header is empty"},
    {"data/reports/dsn-odd-separators.eml", LF | CRLF, "0/2.0: decoded", "the same"},
    {"data/world/empty.eml", LF | CRLF, "0: GMime sees no message", "nothing at all"},
    {"data/world/fr-crcrlf.eml", LF | CRLF, "0: type", "lines end in CR CR LF"},
    {"data/world/fr-crcrlf.eml", LF | CRLF, "0: boundary", "the same"},
    {"data/world/fr-crcrlf.eml", LF | CRLF, "0.0: GMime sees no message", "the same"},
    {"data/world/fr-duplicate-content-type.eml", LF | CRLF, "0: type",
     "Content-Type is there twice; we take the first, GMime the last"},
    {"data/world/fr-duplicate-content-type.eml", LF | CRLF, "0: boundary", "the same"},
    {"data/world/header-no-content-type-blank.eml", LF | CRLF, "0: boundary",
     "its parameter stands on a line that is not folded; we take the boundary in use"},
    {"data/world/header-no-content-type-blank.eml", LF | CRLF, "0: 3 parts, GMime 0", "the same"},
};

typedef struct Comparison {
    const char *file;
    int ends;
    const DsnStructure *structure;
    GHashTable *differences; /* "file: difference" to the line ends that it was found with */
} Comparison;

G_GNUC_PRINTF(2, 3)
static void
note(const Comparison *comparison, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *difference = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    char *key = g_strdup_printf("%s: %s", comparison->file, difference);
    int ends = GPOINTER_TO_INT(g_hash_table_lookup(comparison->differences, key));
    g_hash_table_insert(comparison->differences, key, GINT_TO_POINTER(ends | comparison->ends));
}

static void
compare_bytes(const Comparison *comparison, const char *path, const char *what, DsnSpan ours,
              GMimeStream *theirs)
{
    const GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(theirs));

    if (!dsn_span_equal(ours, (DsnSpan){(const char *)bytes->data, bytes->len}))
        note(comparison, "%s: %s", path, what);
}

/* The body as it lies there, and what it decodes to. */
static void
compare_leaf(const Comparison *comparison, const char *path, GMimePart *theirs, const DsnPart *ours)
{
    GMimeDataWrapper *content = g_mime_part_get_content(theirs);
    g_autoptr(GMimeStream) raw = g_mime_stream_mem_new();
    g_autoptr(GMimeStream) decoded = g_mime_stream_mem_new();
    g_autoptr(GString) text = g_string_new(NULL);

    if (content != NULL) {
        GMimeStream *stream = g_mime_data_wrapper_get_stream(content);

        ck_assert_int_ge(g_mime_stream_reset(stream), 0);
        ck_assert_int_ge(g_mime_stream_write_to_stream(stream, raw), 0);
        ck_assert_int_ge(g_mime_stream_reset(stream), 0);
        ck_assert_int_ge(g_mime_data_wrapper_write_to_stream(content, decoded), 0);
    }
    compare_bytes(comparison, path, "body", ours->body, raw);
    (void)dsn_transfer_decode(ours->body, ours->transfer, &DSN_LIMITS_DEFAULT, text);
    compare_bytes(comparison, path, "decoded", (DsnSpan){text->str, text->len}, decoded);
}

static void compare_message(const Comparison *comparison, const char *path, GMimeMessage *theirs,
                            DsnSpan ours);

static void compare_part(const Comparison *comparison, const char *path, GMimeObject *theirs,
                         guint index);

static void
compare_children(const Comparison *comparison, const char *path, GMimeMultipart *theirs,
                 guint index)
{
    const GArray *parts = comparison->structure->parts;
    int want = g_mime_multipart_get_count(theirs);
    int count = 0;

    for (guint i = index + 1; i < parts->len; i++)
        count += g_array_index(parts, DsnPart, i).parent == (int)index;
    if (count != want) {
        note(comparison, "%s: %d parts, GMime %d", path, count, want);
        return;
    }
    for (guint i = index + 1; i < parts->len; i++) {
        const DsnPart *part = &g_array_index(parts, DsnPart, i);
        g_autofree char *below = g_strdup_printf("%s/%u", path, part->order);

        if (part->parent == (int)index)
            compare_part(comparison, below, g_mime_multipart_get_part(theirs, (int)part->order), i);
    }
}

static void
compare_part(const Comparison *comparison, const char *path, GMimeObject *theirs, guint index)
{
    const DsnPart *ours = &g_array_index(comparison->structure->parts, DsnPart, index);
    GMimeContentType *type = g_mime_object_get_content_type(theirs);
    const char *boundary = g_mime_content_type_get_parameter(type, "boundary");

    if (!dsn_content_type_is(&ours->type, g_mime_content_type_get_media_type(type),
                             g_mime_content_type_get_media_subtype(type)))
        note(comparison, "%s: type", path);
    if (dsn_span_present(ours->type.boundary) != (boundary != NULL) ||
        !dsn_span_equal(ours->type.boundary, dsn_span(boundary)))
        note(comparison, "%s: boundary", path);

    if (GMIME_IS_MULTIPART(theirs)) {
        compare_children(comparison, path, GMIME_MULTIPART(theirs), index);
    } else if (GMIME_IS_PART(theirs)) {
        compare_leaf(comparison, path, GMIME_PART(theirs), ours);
    } else { /* a returned message; GMime descends, so we scan its bytes by themselves */
        g_autofree char *below = g_strdup_printf("%s.0", path);

        compare_message(comparison, below,
                        g_mime_message_part_get_message(GMIME_MESSAGE_PART(theirs)), ours->body);
    }
}

static void
compare_message(const Comparison *comparison, const char *path, GMimeMessage *theirs, DsnSpan ours)
{
    g_autoptr(DsnStructure) structure = dsn_structure_new();
    Comparison inner = *comparison;

    if (theirs == NULL || g_mime_message_get_mime_part(theirs) == NULL) {
        note(comparison, "%s: GMime sees no message", path);
        return;
    }
    inner.structure = structure;
    dsn_structure_scan(structure, ours, &DSN_LIMITS_DEFAULT);
    ck_assert_msg(structure->limit == NULL, "%s: limit %s", comparison->file, structure->limit);
    compare_part(&inner, path, g_mime_message_get_mime_part(theirs), 0);
}

static void
compare_text(const Comparison *comparison, DsnSpan text)
{
    g_autoptr(GMimeStream) stream = g_mime_stream_mem_new_with_buffer(text.data, text.len);
    g_autoptr(GMimeParser) parser = g_mime_parser_new_with_stream(stream);
    g_autoptr(GMimeMessage) message = g_mime_parser_construct_message(parser, NULL);

    compare_message(comparison, "0", message, text);
}

static void
compare_file(GHashTable *differences, const char *path, const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) crlf = g_string_new(NULL);
    g_autofree char *text = NULL;
    gsize len = 0;

    if (!g_file_get_contents(path, &text, &len, &error))
        ck_abort_msg("%s", error->message);
    compare_text(&(Comparison){name, LF, NULL, differences}, (DsnSpan){text, len});

    for (gsize i = 0; i < len; i++) {
        if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'))
            g_string_append_c(crlf, '\r');
        g_string_append_c(crlf, text[i]);
    }
    compare_text(&(Comparison){name, CRLF, NULL, differences}, (DsnSpan){crlf->str, crlf->len});
}

/* Returns the number of messages. */
static guint
compare_directory(GHashTable *differences, const char *directory, const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) entries = g_dir_open(directory, 0, &error);
    guint count = 0;

    if (entries == NULL)
        ck_abort_msg("%s", error->message);
    for (const char *entry; (entry = g_dir_read_name(entries)) != NULL;) {
        g_autofree char *path = g_build_filename(directory, entry, NULL);
        g_autofree char *path_name = g_build_filename(name, entry, NULL);

        if (g_file_test(path, G_FILE_TEST_IS_DIR)) {
            count += compare_directory(differences, path, path_name);
        } else if (g_str_has_suffix(entry, ".eml")) {
            compare_file(differences, path, path_name);
            count++;
        }
    }
    return count;
}

/* What is found and what is listed for the files under @name must be the same. */
static void
compare_tree(const char *directory, const char *name)
{
    g_autoptr(GHashTable) differences =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GString) faults = g_string_new(NULL);

    ck_assert_uint_gt(compare_directory(differences, directory, name), 0);
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
        g_autofree char *key = g_strdup_printf("%s: %s", known[i].file, known[i].difference);
        int ends = GPOINTER_TO_INT(g_hash_table_lookup(differences, key));

        if (!g_str_has_prefix(known[i].file, name))
            continue;
        if (ends != known[i].ends)
            g_string_append_printf(faults, "%s, line ends %d, listed for %d (%s)\n", key, ends,
                                   known[i].ends, known[i].why);
        g_hash_table_remove(differences, key);
    }

    GHashTableIter iter;
    gpointer key;
    gpointer ends;
    g_hash_table_iter_init(&iter, differences);
    while (g_hash_table_iter_next(&iter, &key, &ends))
        g_string_append_printf(faults, "%s, line ends %d, not listed\n", (const char *)key,
                               GPOINTER_TO_INT(ends));
    ck_assert_msg(faults->len == 0, "\n%s", faults->str);
}

START_TEST(agrees_on_the_corpus)
{
    const char *corpus = dsn_test_corpus();

    if (corpus != NULL)
        compare_tree(corpus, "corpus");
}
END_TEST

START_TEST(agrees_on_our_own)
{
    g_autofree char *data = g_build_filename(g_getenv("DSNARF_DATA"), "data", NULL);

    compare_tree(data, "data");
}
END_TEST

Suite *
dsn_test_suite(void)
{
    Suite *suite = suite_create("structure-gmime");
    TCase *tcase = tcase_create("messages");

    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, agrees_on_the_corpus);
    tcase_add_test(tcase, agrees_on_our_own);
    suite_add_tcase(suite, tcase);
    return suite;
}
