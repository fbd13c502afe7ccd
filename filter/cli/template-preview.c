/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/cli/template.h"

#include <gmime/gmime.h>
#include <stdio.h>
#include <string.h>

#include "filter/cli/options.h"
#include "filter/cli/terminal.h"
#include "filter/core/read-file.h"
#include "filter/pipeline/policy.h"
#include "templates/samples.h"

#define COMMAND "template"
#define HOUR 3600

static const char SAMPLE_ORIGINAL[] = "From: Sample Sender <sender@example.com>\r\n"
                                      "To: user@example.net\r\n"
                                      "Subject: Minutes of the meeting\r\n"
                                      "Date: Tue, 1 Jul 2003 08:52:30 +0000\r\n"
                                      "Message-ID: <1@example.com>\r\n"
                                      "\r\n"
                                      "These are the minutes.\r\n";

typedef enum Format { FORMAT_TEXT, FORMAT_HTML, FORMAT_MESSAGE } Format;

typedef struct Preview {
    const DsnTemplateArguments *arguments;
    DsnPolicy *policy;
    DsnCatalog *own; /* of a directory on the command line, or NULL */
    DsnNoticeOptions options;
    Format format;
    DsnStatusCode status; /* class_ 0: the sample's */
    bool every_class;     /* of failure, instead */
    DsnRecord *record;    /* of a file, or NULL */
    GString *original;
    unsigned shown, faults;
    bool several;  /* a line stands before each */
    bool together; /* one notice has all languages */
} Preview;

static void
preview_clear(Preview *preview)
{
    dsn_record_free(preview->record);
    dsn_catalog_free(preview->own);
    dsn_policy_unref(preview->policy);
    if (preview->original != NULL)
        (void)g_string_free(preview->original, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Preview, preview_clear)

/* What a topic is reported as. */
static DsnAction
action_of(DsnTopic topic)
{
    static const DsnAction actions[DSN_N_TOPICS] = {
        [DSN_TOPIC_FAILED] = DSN_ACTION_FAILED,   [DSN_TOPIC_EXPIRED] = DSN_ACTION_FAILED,
        [DSN_TOPIC_DELAYED] = DSN_ACTION_DELAYED, [DSN_TOPIC_DELIVERED] = DSN_ACTION_DELIVERED,
        [DSN_TOPIC_RELAYED] = DSN_ACTION_RELAYED, [DSN_TOPIC_EXPANDED] = DSN_ACTION_EXPANDED,
        [DSN_TOPIC_LATE] = DSN_ACTION_DELIVERED,
    };

    return actions[topic];
}

/* What a record is about where nobody says it. */
static DsnTopic
topic_of(const DsnRecord *record)
{
    if (record->type == DSN_RECORD_EXPIRATION)
        return DSN_TOPIC_EXPIRED;
    if (record->type == DSN_RECORD_TRANSIENT_FAILURE || record->type == DSN_RECORD_DELAYED)
        return DSN_TOPIC_DELAYED;
    return record->type == DSN_RECORD_DELIVERY ? DSN_TOPIC_RELAYED : DSN_TOPIC_FAILED;
}

/* Prints the first part of @type in @part, depth first; false when there is none. */
static bool
print_part(GMimeObject *part, const char *subtype)
{
    if (GMIME_IS_MULTIPART(part)) {
        GMimeMultipart *multipart = GMIME_MULTIPART(part);

        for (int i = 0; i < g_mime_multipart_get_count(multipart); i++) {
            if (print_part(g_mime_multipart_get_part(multipart, i), subtype))
                return true;
        }
        return false;
    }
    if (!GMIME_IS_TEXT_PART(part) ||
        !g_mime_content_type_is_type(g_mime_object_get_content_type(part), "text", subtype))
        return false;
    g_autofree char *text = g_mime_text_part_get_text(GMIME_TEXT_PART(part));
    g_auto(GStrv) pieces = g_strsplit(text, "\r\n", -1);
    g_autofree char *plain = g_strjoinv("\n", pieces);
    (void)fputs(plain, stdout); /* main() looks at the state of standard output */
    return true;
}

/* Prints what was asked for of the finished @notice. */
static void
print_notice(const Preview *preview, const GString *notice)
{
    if (preview->format == FORMAT_MESSAGE) {
        (void)fwrite(notice->str, 1, notice->len, stdout);
        return;
    }
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(notice->str, notice->len);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);

    if (preview->format == FORMAT_TEXT)
        (void)printf("Subject: %s\n\n", g_mime_message_get_subject(message));
    if (!print_part(g_mime_message_get_mime_part(message),
                    preview->format == FORMAT_TEXT ? "plain" : "html"))
        dsn_complain("these words have no HTML");
    g_object_unref(message);
    g_object_unref(parser);
    g_object_unref(stream);
}

/* A record about @topic with the status that was asked for, or of @failure. */
static DsnRecord *
make_record(const Preview *preview, DsnTopic topic, DsnFailureClass failure, GError **error)
{
    json_auto_t *json = dsn_sample_record(topic, failure, DSN_SAMPLE_FULL);
    json_t *response = json_object_get(json, "response");

    if (preview->status.class_ != 0) {
        json_object_set_new(response, "enhanced_code",
                            json_pack("{s:i, s:i, s:i}", "class", preview->status.class_, "subject",
                                      preview->status.subject, "detail", preview->status.detail));
        json_object_set_new(response, "code", json_integer(preview->status.class_ * 100 + 50));
    }
    return dsn_record_from_json(json, error);
}

/* One notice; @label is what stands above it. */
static bool
show(Preview *preview, DsnTopic topic, DsnFailureClass failure, const char *label,
     const char *language)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DsnRecord) sample =
        preview->record != NULL ? NULL : make_record(preview, topic, failure, &error);
    DsnRecord *record = preview->record != NULL ? preview->record : sample;
    g_auto(DsnNotice) notice = {.minimal = false};
    g_autoptr(GString) bytes = g_string_new(NULL);

    if (record == NULL) {
        dsn_complain("%s", error->message);
        return false;
    }
    const DsnNoticeRequest request = {
        .options = &preview->options,
        .records = &record,
        .n_records = 1,
        .original = {preview->original->str, preview->original->len},
        .action = action_of(topic),
        .late = topic == DSN_TOPIC_LATE,
        .threshold = topic == DSN_TOPIC_DELAYED ? 4 * HOUR : 0,
        .language = language,
        .now = record->event_time,
    };
    if (!dsn_notice_build(&request, bytes, &notice, &error)) {
        dsn_complain("%s: %s", label, error->message);
        return false;
    }
    if (preview->several)
        (void)printf("%s==> %s <==\n", preview->shown > 0 ? "\n" : "", label);
    preview->shown++;
    print_notice(preview, bytes);
    if (notice.template_fault != NULL)
        dsn_complain("%s: the shipped text is used instead of the template: %s", label,
                     notice.template_fault);
    return notice.template_fault == NULL;
}

/* What a file with such words is named, but for its end. */
static char *
label_of(DsnTopic topic, const char *failure, const char *language)
{
    return g_strconcat(dsn_topic_to_string(topic), failure == NULL ? "" : ".",
                       failure == NULL ? "" : failure, language == NULL ? NULL : ".", language,
                       NULL);
}

/* The notices about @topic: one, or one for each class of failure. */
static bool
show_topic(Preview *preview, DsnTopic topic, const char *language)
{
    bool open =
        topic == DSN_TOPIC_FAILED || topic == DSN_TOPIC_EXPIRED || topic == DSN_TOPIC_DELAYED;
    bool good = true;

    if (!preview->every_class || !open) {
        g_autofree char *label = label_of(topic, NULL, language);
        DsnFailureClass failure =
            preview->status.class_ != 0
                ? dsn_failure_class(preview->status.subject, preview->status.detail)
            : topic == DSN_TOPIC_FAILED ? DSN_FAILURE_ADDRESS
                                        : DSN_FAILURE_NETWORK;

        return show(preview, topic, failure, label, language);
    }
    for (int failure = 0; failure < DSN_N_FAILURES; failure++) {
        g_autofree char *label =
            label_of(topic, dsn_failure_to_string((DsnFailureClass)failure), language);

        good = show(preview, topic, (DsnFailureClass)failure, label, language) && good;
    }
    return good;
}

static int
show_all(Preview *preview)
{
    const DsnTemplateArguments *arguments = preview->arguments;
    const char *const *languages = dsn_catalog_languages(preview->options.catalog);
    bool once = arguments->language != NULL || preview->together;
    DsnTopic first = preview->record != NULL ? topic_of(preview->record) : DSN_TOPIC_FAILED;
    DsnTopic last = first;
    bool good = preview->faults == 0;

    if (g_strcmp0(arguments->topic, "all") == 0) {
        first = DSN_TOPIC_FAILED;
        last = DSN_TOPIC_LATE;
    } else if (arguments->topic != NULL) {
        if (!dsn_topic_from_string(arguments->topic, &first))
            return dsn_usage_error(COMMAND, "--topic takes failed, expired, delayed, delivered, "
                                            "relayed, expanded, late or all");
        last = first;
    }
    preview->several = first != last || !once || preview->every_class;
    for (size_t i = 0; i == 0 || (!once && languages[i] != NULL); i++) {
        for (DsnTopic topic = first; topic <= last; topic++)
            good = show_topic(preview, topic, once ? arguments->language : languages[i]) && good;
    }
    return good ? DSN_EXIT_DONE : DSN_EXIT_FAILED;
}

/* The words: the tenant's, nobody's, or those of a directory. */
static int
choose_words(Preview *preview)
{
    const DsnTemplateArguments *arguments = preview->arguments;
    const DsnTenant *tenant = dsn_policy_tenant_named(preview->policy, arguments->tenant);

    if (tenant == NULL)
        return dsn_usage_error(COMMAND, "there is no tenant \"%s\"", arguments->tenant);
    preview->options = tenant->notice;
    preview->options.stable = true;
    preview->together = preview->options.all_languages && preview->options.languages != NULL &&
                        preview->format == FORMAT_MESSAGE && arguments->language == NULL;
    preview->options.all_languages = preview->together;
    preview->options.html = preview->options.html || preview->format == FORMAT_HTML;
    if (arguments->directory != NULL) {
        g_autoptr(GString) faults = g_string_new(NULL);

        preview->own =
            dsn_catalog_new_over(preview->options.catalog, arguments->directory,
                                 &preview->policy->configuration->template_limits, faults);
        preview->options.catalog = preview->own;
        preview->faults = (unsigned)faults->len;
        dsn_complain_lines(g_strchomp(faults->str));
    }
    return DSN_EXIT_DONE;
}

static GString *
read_whole(const char *path, size_t max)
{
    g_autoptr(GError) error = NULL;
    gsize length;
    g_autofree char *text = dsn_read_file(path, max, &length, &error);

    if (text == NULL) {
        dsn_complain("%s: %s", path, error->message);
        return NULL;
    }
    return g_string_new_len(text, (gssize)length);
}

/* The record and the original that are talked about. */
static int
read_subject(Preview *preview)
{
    const DsnConfiguration *configuration = preview->policy->configuration;
    const DsnTemplateArguments *arguments = preview->arguments;

    preview->original = arguments->original == NULL
                            ? g_string_new(SAMPLE_ORIGINAL)
                            : read_whole(arguments->original, configuration->limits.message);
    if (preview->original == NULL)
        return DSN_EXIT_FAILED;
    if (arguments->record == NULL)
        return DSN_EXIT_DONE;

    g_autoptr(GString) text = read_whole(arguments->record, configuration->intake.record);
    g_autoptr(GError) error = NULL;
    g_auto(DsnElement) element = {.record = NULL};
    if (text == NULL)
        return DSN_EXIT_FAILED;
    if (!dsn_element_parse((DsnSpan){text->str, text->len}, configuration->intake.record, &element,
                           &error)) {
        dsn_complain("%s: %s", arguments->record, error->message);
        return DSN_EXIT_FAILED;
    }
    preview->record = g_steal_pointer(&element.record);
    if (element.has_original && arguments->original == NULL) {
        (void)g_string_free(preview->original, TRUE);
        preview->original = g_steal_pointer(&element.original);
    }
    return DSN_EXIT_DONE;
}

static int
read_options(Preview *preview)
{
    static const char *const formats[] = {
        [FORMAT_TEXT] = "text", [FORMAT_HTML] = "html", [FORMAT_MESSAGE] = "message"};
    const DsnTemplateArguments *arguments = preview->arguments;

    if (arguments->format != NULL) {
        int format = FORMAT_TEXT;

        while (format <= FORMAT_MESSAGE && strcmp(formats[format], arguments->format) != 0)
            format++;
        if (format > FORMAT_MESSAGE)
            return dsn_usage_error(COMMAND, "--format takes text, html or message");
        preview->format = (Format)format;
    }
    preview->every_class = g_strcmp0(arguments->status, "all") == 0;
    if (arguments->status != NULL && !preview->every_class &&
        dsn_status_code_parse(dsn_span(arguments->status), &preview->status) !=
            strlen(arguments->status))
        return dsn_usage_error(COMMAND, "--status takes a code such as 5.7.1, or all");
    return DSN_EXIT_DONE;
}

int
dsn_template_preview(const DsnTemplateArguments *arguments)
{
    g_auto(Preview) preview = {.arguments = arguments};
    g_autoptr(GError) error = NULL;
    int result = read_options(&preview);

    if (result != DSN_EXIT_DONE)
        return result;
    preview.policy = dsn_policy_load(arguments->config, &error);
    if (preview.policy == NULL) {
        dsn_complain_lines(error->message);
        return DSN_EXIT_USAGE;
    }
    for (guint i = 0; i < preview.policy->warnings->len; i++)
        dsn_complain("warning: %s", (const char *)preview.policy->warnings->pdata[i]);
    result = choose_words(&preview);
    if (result == DSN_EXIT_DONE)
        result = read_subject(&preview);
    return result == DSN_EXIT_DONE ? show_all(&preview) : result;
}
