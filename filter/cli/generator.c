/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/cli/generator.h"

#include "filter/cli/terminal.h"
#include "filter/core/json-writer.h"
#include "filter/core/notice-kumomta.h"
#include "mime/header.h"

void
dsn_generated_init(DsnGenerated *generated)
{
    *generated = (DsnGenerated){
        .sender = g_string_new(NULL),
        .records = g_ptr_array_new(),
        .bytes = g_string_new(NULL),
    };
}

void
dsn_generated_clear(DsnGenerated *generated)
{
    (void)g_string_free(generated->sender, TRUE);
    g_ptr_array_unref(generated->records);
    (void)g_string_free(generated->bytes, TRUE);
    dsn_notice_clear(&generated->notice);
}

/* Of an original over the limit for messages a notice has the headers at most. */
static DsnNoticeOptions
find_options(const DsnGenerator *generator, const DsnTenant *tenant)
{
    DsnNoticeOptions options = tenant->notice;

    options.stable = generator->stable;
    options.return_limit = MIN(options.return_limit, options.limits->message);
    if (generator->include_original != NULL)
        options.include_original = *generator->include_original;
    if (generator->enable != NULL)
        memcpy(options.enable, generator->enable, sizeof(options.enable));
    if (dsn_span_present(generator->reporting_mta.value)) {
        options.reporting_mta = generator->reporting_mta;
        options.nodes = NULL; /* what is said there is meant for every node */
    }
    return options;
}

/* The first one that an element brings, else the one of --original. */
static DsnSpan
find_original(const DsnGenerator *generator, const DsnElement *elements, size_t n_elements)
{
    const GString *original = generator->original;

    for (size_t i = n_elements; i > 0; i--)
        if (elements[i - 1].has_original)
            original = elements[i - 1].original;
    return original == NULL ? DSN_SPAN_ABSENT : (DsnSpan){original->str, original->len};
}

static bool
is_same_message(const DsnRecord *record, const DsnRecord *other)
{
    return g_strcmp0(record->nodeid, other->nodeid) == 0 && strcmp(record->id, other->id) == 0 &&
           record->created == other->created &&
           record->created_nanoseconds == other->created_nanoseconds &&
           strcmp(record->sender, other->sender) == 0;
}

/* Collects the records that a notice is due for, and in *@ret_failure the last attempt that failed
 * among the others. */
static bool
decide(const DsnNoticeOptions *options, const DsnElement *elements, size_t n_elements,
       DsnSpan original, unsigned trust, DsnGenerated *generated, const DsnRecord **ret_failure,
       GError **error)
{
    *ret_failure = NULL;
    for (size_t i = 0; i < n_elements; i++) {
        DsnRecord *record = elements[i].record;
        g_autoptr(GString) sender = g_string_new(NULL);
        DsnDecision decision;

        if (!is_same_message(record, elements[0].record)) {
            g_set_error(error, DSN_BUILD_ERROR, DSN_BUILD_ERROR_REPORT,
                        "record %zu is about another message than the first", i + 1);
            return false;
        }
        dsn_notice_decide(options, record, original, trust | DSN_TRUST_ANY, sender, &decision);
        decision.trust &= ~(unsigned)DSN_TRUST_ANY;
        if (record->type == DSN_RECORD_TRANSIENT_FAILURE)
            *ret_failure = record;
        if (decision.reason == DSN_REASON_NONE && generated->records->len > 0 &&
            decision.action != generated->decision.action) {
            g_set_error(error, DSN_BUILD_ERROR, DSN_BUILD_ERROR_REPORT,
                        "record %zu is to say \"%s\", another one \"%s\"", i + 1,
                        dsn_action_to_string(decision.action),
                        dsn_action_to_string(generated->decision.action));
            return false;
        }
        if (i == 0 || decision.reason == DSN_REASON_NONE)
            generated->decision = decision;
        if (decision.reason == DSN_REASON_NONE) {
            g_ptr_array_add(generated->records, record);
            g_string_assign(generated->sender, sender->str);
        }
    }
    return true;
}

/* In KumoMTA's form, which knows one record and no tenant. */
static void
make_kumomta(const DsnNoticeOptions *options, const DsnRecord *record, DsnSpan original,
             DsnGenerated *generated, GError **error)
{
    generated->result = dsn_notice_make_kumomta(options, record, original, generated->bytes,
                                                &generated->reason, error);
}

static void
make(const DsnGenerator *generator, const DsnNoticeOptions *options, DsnSpan original,
     const DsnRecord *failure, DsnGenerated *generated, GError **error)
{
    generated->language = generator->language;
    const DsnNoticeRequest request = {
        .options = options,
        .records = (DsnRecord *const *)generated->records->pdata,
        .n_records = generated->records->len,
        .original = original,
        .action = generated->decision.action,
        .late = generated->decision.late,
        .threshold = generated->decision.threshold,
        .last_failure = failure,
        .language = generator->language,
        .now = g_get_real_time() / G_USEC_PER_SEC,
    };

    generated->reason = generated->decision.reason;
    generated->result = DSN_NOTICE_NOT_DUE;
    if (request.n_records == 0)
        return;
    generated->reason = DSN_REASON_NONE;
    generated->result = dsn_notice_build(&request, generated->bytes, &generated->notice, error)
                            ? DSN_NOTICE_MADE
                            : DSN_NOTICE_FAILED;
}

void
dsn_generator_make(const DsnGenerator *generator, const DsnElement *elements, size_t n_elements,
                   DsnGenerated *generated, GError **error)
{
    DsnSpan original = find_original(generator, elements, n_elements);
    unsigned trust = 0;
    const DsnTenant *found = dsn_policy_tenant(generator->policy, elements[0].record, &trust);
    const DsnRecord *failure;

    generated->tenant = generator->tenant == NULL ? found : generator->tenant;
    DsnNoticeOptions options = find_options(generator, generated->tenant);
    generated->has_original = dsn_span_present(original);
    generated->wanted = options.include_original;
    if (generator->kumomta) {
        make_kumomta(&options, elements[0].record, original, generated, error);
        return;
    }
    for (size_t i = 0; i < n_elements; i++)
        dsn_classification_apply(generator->policy->classification, elements[i].record, NULL);
    if (generator->tenant != NULL && generator->tenant != found)
        trust &= ~(unsigned)DSN_TRUST_TENANT;
    if (decide(&options, elements, n_elements, original, trust, generated, &failure, error))
        make(generator, &options, original, failure, generated, error);
    else
        generated->result = DSN_NOTICE_FAILED;
}

/* Words in "de" are fine where "de-AT" was asked for. */
static bool
is_language(const char *asked, const char *used)
{
    size_t len = strcspn(asked, "-");

    return used == NULL ||
           (strcspn(used, "-") == len && g_ascii_strncasecmp(asked, used, len) == 0);
}

void
dsn_generated_warn(const DsnGenerated *generated, const char *where, GString *complaints)
{
    const DsnNotice *notice = &generated->notice;
    unsigned broken = generated->decision.broken_wishes;

    if (broken > 0)
        dsn_append_complaint(complaints, "%s: warning: %u of the wishes of the sender %s", where,
                             broken,
                             broken == 1 ? "breaks the syntax, and is left aside"
                                         : "break the syntax, and are left aside");
    if (generated->language != NULL && !is_language(generated->language, notice->language))
        dsn_append_complaint(complaints,
                             "%s: warning: there are no words in \"%s\": those in \"%s\" "
                             "are used",
                             where, generated->language, notice->language);
    if (notice->template_fault != NULL)
        dsn_append_complaint(complaints,
                             "%s: warning: the shipped text is used instead of the template: %s",
                             where, notice->template_fault);
    if (notice->minimal)
        dsn_append_complaint(complaints,
                             "%s: warning: a minimal notice was made, the full one broke rule %s",
                             where, notice->broken == NULL ? "of its form" : notice->broken);
    if (notice->built.reduced != NULL && generated->has_original &&
        generated->decision.action == DSN_ACTION_FAILED)
        dsn_append_complaint(
            complaints, "%s: warning: %s of the original is returned instead of %s: %s", where,
            notice->built.returned == DSN_RETURN_HEADERS ? "the header" : "nothing",
            generated->wanted == DSN_RETURN_FULL ? "all" : "the header", notice->built.reduced);
}

/* ---- as JSON ---- */

static void
add_text(GString *line, const char *key, const char *text)
{
    dsn_json_key(line, key);
    (void)dsn_json_string(line, dsn_span(text)); /* what was replaced shows */
}

static void
add_recipients(GString *line, const DsnGenerated *generated)
{
    dsn_json_key(line, "recipients");
    g_string_append_c(line, '[');
    for (guint r = 0; r < generated->records->len; r++) {
        const DsnRecord *record = generated->records->pdata[r];

        for (size_t i = 0; i < record->n_recipients; i++) {
            dsn_json_next(line);
            (void)dsn_json_string(line, dsn_span(record->recipients[i])); /* as above */
        }
    }
    g_string_append_c(line, ']');
}

/* The words for the bits that hold, and whether they suffice. */
static void
add_trust(GString *line, const DsnGenerated *generated)
{
    unsigned held = generated->decision.trust, wanted = generated->tenant->notice.trust;

    dsn_json_key(line, "trust");
    g_string_append_c(line, '[');
    for (unsigned bit = 0; DSN_TRUST_WORDS[bit] != NULL; bit++) {
        if ((held & 1U << bit) != 0) {
            dsn_json_next(line);
            (void)dsn_json_string(line, dsn_span(DSN_TRUST_WORDS[bit])); /* as above */
        }
    }
    g_string_append_c(line, ']');
    dsn_json_key(line, "trusted");
    dsn_json_bool(line, (wanted & DSN_TRUST_ANY) != 0 || (wanted & held) != 0);
}

static void
add_notice(GString *line, const DsnGenerated *generated)
{
    static const char *const returns[] = {
        [DSN_RETURN_NOTHING] = "no", [DSN_RETURN_HEADERS] = "headers", [DSN_RETURN_FULL] = "full"};
    DsnSpan bytes = {generated->bytes->str, generated->bytes->len};

    add_text(line, "sender", generated->sender->str);
    add_recipients(line, generated);
    add_text(line, "language", generated->notice.language);
    add_text(line, "returned", returns[generated->notice.built.returned]);
    dsn_json_key(line, "message_id");
    (void)dsn_json_string(line, dsn_span_trim(dsn_header_find(bytes, "Message-ID"))); /* as above */
    dsn_json_key(line, "bytes");
    dsn_json_int(line, (int64_t)bytes.len);
}

void
dsn_generated_describe(const DsnGenerated *generated, const DsnRecord *record, GString *line)
{
    const DsnDecision *decision = &generated->decision;
    bool due = generated->result == DSN_NOTICE_MADE;

    g_string_append_c(line, '{');
    add_text(line, "id", record->id);
    add_text(line, "type", record->type_name);
    dsn_json_key(line, "due");
    dsn_json_bool(line, due);
    add_text(line, "reason", due ? NULL : dsn_reason_to_string(generated->reason));
    add_text(line, "action", dsn_action_to_string(decision->action));
    dsn_json_key(line, "threshold");
    if (due && decision->action == DSN_ACTION_DELAYED)
        dsn_json_int(line, decision->threshold);
    else
        dsn_json_null(line);
    dsn_json_key(line, "late");
    dsn_json_bool(line, decision->late);
    add_text(line, "tenant", generated->tenant->name);
    add_trust(line, generated);
    if (due)
        add_notice(line, generated);
    g_string_append(line, "}\n");
}
