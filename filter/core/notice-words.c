/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/core/notice-words.h"

#define SPOKEN_MAX 400 /* bytes of a list of languages that are looked at */

void
dsn_notice_words_clear(DsnNoticeWords *words)
{
    for (size_t i = 0; i < words->n_wordings; i++)
        dsn_wording_clear(&words->wordings[i]);
    words->n_wordings = 0;
    g_clear_pointer(&words->fault, g_free);
}

/* A failure is an expiration when no recipient was refused. */
static DsnTopic
find_topic(const DsnNoticeRequest *request)
{
    static const DsnTopic topics[] = {
        [DSN_ACTION_NONE] = DSN_TOPIC_FAILED,     [DSN_ACTION_FAILED] = DSN_TOPIC_FAILED,
        [DSN_ACTION_DELAYED] = DSN_TOPIC_DELAYED, [DSN_ACTION_DELIVERED] = DSN_TOPIC_DELIVERED,
        [DSN_ACTION_RELAYED] = DSN_TOPIC_RELAYED, [DSN_ACTION_EXPANDED] = DSN_TOPIC_EXPANDED,
    };

    if (request->late)
        return DSN_TOPIC_LATE;
    for (size_t i = 0; i < request->n_records; i++)
        if (request->action != DSN_ACTION_FAILED ||
            request->records[i]->type != DSN_RECORD_EXPIRATION)
            return topics[request->action];
    return DSN_TOPIC_EXPIRED;
}

/* What is the same for all recipients. */
static DsnFailureClass
find_failure(const DsnNoticeFacts *facts)
{
    const GArray *recipients = facts->report->per_recipient;
    DsnFailureClass failure = DSN_FAILURE_OTHER;

    if (facts->request->action != DSN_ACTION_FAILED && facts->request->action != DSN_ACTION_DELAYED)
        return DSN_FAILURE_OTHER;
    for (guint i = 0; i < recipients->len; i++) {
        DsnStatusCode status = g_array_index(recipients, DsnPerRecipient, i).status;
        DsnFailureClass one = dsn_failure_class(status.subject, status.detail);

        if (i > 0 && one != failure)
            return DSN_FAILURE_OTHER;
        failure = one;
    }
    return failure;
}

/* What the author reads, and else writes (RFC 3282; transfer full). */
static char **
dup_spoken(const DsnNoticeFacts *facts)
{
    static const char *const names[] = {"Accept-Language", "Content-Language"};
    g_autoptr(GStrvBuilder) spoken = g_strv_builder_new();

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        DsnSpan value = dsn_notice_field(facts, names[i]);

        if (!dsn_span_present(value))
            continue;
        g_autofree char *text = g_strndup(value.data, MIN(value.len, SPOKEN_MAX));
        g_strv_builder_add(spoken, g_strdelimit(text, "\r\n\t", ' '));
    }
    return g_strv_builder_end(spoken);
}

/* The preferred language, and behind it, if all are wanted, the others of the options. */
static size_t
find_languages(const DsnNoticeFacts *facts, const char **languages)
{
    const DsnNoticeOptions *options = facts->request->options;
    g_auto(GStrv) spoken = dup_spoken(facts);
    size_t found = 1;

    languages[0] = facts->request->language != NULL
                       ? facts->request->language
                       : dsn_catalog_choose_language(options->catalog, options->languages,
                                                     (const char *const *)spoken);
    if (!options->all_languages || options->languages == NULL)
        return found;
    for (const char *const *other = options->languages;
         *other != NULL && found < DSN_NOTICE_LANGUAGES_MAX; other++)
        if (g_ascii_strcasecmp(*other, languages[0]) != 0)
            languages[found++] = *other;
    return found;
}

bool
dsn_notice_words(const DsnNoticeFacts *facts, bool shipped, DsnNoticeWords *ret_words,
                 GError **error)
{
    const DsnNoticeOptions *options = facts->request->options;
    const char *languages[DSN_NOTICE_LANGUAGES_MAX] = {"en"};
    size_t n_languages = shipped ? 1 : find_languages(facts, languages);
    DsnTopic topic = find_topic(facts->request);
    DsnFailureClass failure = find_failure(facts);
    json_t *record;
    json_auto_t *context = dsn_notice_context_new(facts, &record);
    const DsnTemplateInput input = {context, "log_record", record};

    ret_words->n_wordings = 0;
    ret_words->fault = NULL;
    for (size_t i = 0; i < n_languages; i++) {
        DsnWording *wording = &ret_words->wordings[ret_words->n_wordings++];

        dsn_wording_init(wording);
        if (!dsn_catalog_word(options->catalog, topic, failure, languages[i],
                              options->html && !shipped, shipped, &input, wording, error))
            return false;
        if (ret_words->fault == NULL)
            ret_words->fault = g_steal_pointer(&wording->fault);
        ret_words->words[i] = (DsnWords){
            .language = dsn_span(wording->language),
            .text = {wording->text->str, wording->text->len},
            .html = wording->html->len == 0 ? DSN_SPAN_ABSENT
                                            : (DsnSpan){wording->html->str, wording->html->len},
        };
    }
    return true;
}
