/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a notice is due, and for whom: one check after the other, the first that says no gives
 * the reason. dsnarf(8), "When no notice is due", lists them in this order.
 */
#include "config.h"

#include "filter/core/notice.h"

#include "filter/core/authentication.h"
#include "filter/core/wishes.h"
#include "mime/header.h"

/* What the header of the original says. */
typedef struct HeaderFacts {
    bool own;          /* our mark */
    bool notification; /* DSN, MDN or feedback report */
    bool automatic;    /* Auto-Submitted says so */
    bool bulk;         /* from a list, or wants no automatic answers */
} HeaderFacts;

typedef struct Case {
    const DsnNoticeOptions *options;
    DsnRecord *record;
    GString *sender;
    size_t sender_start;
    HeaderFacts facts;
    DsnWishes wishes;
    DsnDecision *decision;
} Case;

/* What a record of each type is to say; a Delivery record may know better. */
static const DsnAction actions[DSN_N_RECORD_TYPES] = {
    [DSN_RECORD_DELIVERY] = DSN_ACTION_RELAYED,
    [DSN_RECORD_BOUNCE] = DSN_ACTION_FAILED,
    [DSN_RECORD_TRANSIENT_FAILURE] = DSN_ACTION_DELAYED,
    [DSN_RECORD_EXPIRATION] = DSN_ACTION_FAILED,
    [DSN_RECORD_ADMIN_BOUNCE] = DSN_ACTION_FAILED,
    [DSN_RECORD_DELAYED] = DSN_ACTION_DELAYED,
};

bool
dsn_notice_has_type(DsnRecordType type)
{
    g_assert((size_t)type < DSN_N_RECORD_TYPES);
    return actions[type] != DSN_ACTION_NONE;
}

/* ---- the header of the original ---- */

/* @value without white space, comments, and what follows the first word: parameters (rule
 * LOOP-07). */
static DsnSpan
first_word(DsnSpan value)
{
    size_t depth = 0, len = 0;

    while (value.len > 0 && (depth > 0 || dsn_is_space(value.data[0]) || value.data[0] == '(')) {
        if (value.data[0] == '\\' && value.len > 1)
            value = dsn_span_from(value, 1);
        else if (value.data[0] == '(')
            depth++;
        else if (value.data[0] == ')')
            depth--;
        value = dsn_span_from(value, 1);
    }
    while (len < value.len && !dsn_is_space(value.data[len]) && value.data[len] != ';' &&
           value.data[len] != '(' && value.data[len] != ',')
        len++;
    return (DsnSpan){value.data, len};
}

/* RFC 5321 section 3.6.3: all that reports about a message (rules ENV-07, MDN-04, LOOP-15). */
static bool
is_report_type(DsnSpan type)
{
    static const char *const types[] = {
        "multipart/report",
        "message/delivery-status",
        "message/global-delivery-status",
        "message/disposition-notification",
        "message/global-disposition-notification",
        "message/feedback-report",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
        if (dsn_span_is(type, types[i]))
            return true;
    return false;
}

/* Rule LOOP-10. */
static bool
is_bulk(DsnSpan name, DsnSpan word)
{
    if (dsn_span_is(name, "Precedence"))
        return dsn_span_is(word, "bulk") || dsn_span_is(word, "list") || dsn_span_is(word, "junk");
    if (dsn_span_is(name, "X-Auto-Response-Suppress"))
        return word.len > 0 && !dsn_span_is(word, "none");
    return dsn_span_starts(name, "List-");
}

static void
look_at_field(HeaderFacts *facts, DsnSpan name, DsnSpan value)
{
    if (name.len == 0 || strchr("acplx", g_ascii_tolower(name.data[0])) == NULL)
        return; /* the first letters of all names below */

    DsnSpan word = first_word(value);
    if (dsn_span_is(name, DSN_NOTICE_MARK))
        facts->own = true;
    else if (dsn_span_is(name, "Content-Type"))
        facts->notification |= is_report_type(word);
    else if (dsn_span_is(name, "Auto-Submitted"))
        facts->automatic |= word.len > 0 && !dsn_span_is(word, "no");
    else
        facts->bulk |= is_bulk(name, word);
}

/* The original's own header, and what the record has of it. */
static HeaderFacts
look_at_header(const DsnRecord *record, DsnSpan original)
{
    json_t *headers = json_object_get(record->json, "headers"), *value;
    HeaderFacts facts = {.own = false};
    DsnHeaderField field;
    const char *name;
    DsnSpan body;

    for (DsnSpan header = dsn_header_split(original, &body); dsn_header_next(&header, &field);)
        look_at_field(&facts, field.name, field.value);
    json_object_foreach(headers, name, value)
    {
        const json_t *text = json_is_array(value) ? json_array_get(value, 0) : value;

        look_at_field(&facts, dsn_span(name),
                      (DsnSpan){json_string_value(text), json_string_length(text)});
    }
    return facts;
}

/* ---- what the record says ---- */

/* The meta key of DsnMetaKeys as a text; NULL when it is none, or empty. */
static const char *
meta_text(const DsnRecord *record, const char *key)
{
    const json_t *meta = json_object_get(record->json, "meta");
    const char *text = key == NULL ? NULL : json_string_value(json_object_get(meta, key));

    return text == NULL || *text == '\0' ? NULL : text;
}

/* A record about the transport of a log record, or about a notice of ours (rules LOOP-13, LOOP-14).
 */
static DsnReason
check_own_traffic(Case *the_case)
{
    const DsnRecord *record = the_case->record;
    bool own = g_strcmp0(record->reception_protocol, "LogRecord") == 0 || the_case->facts.own ||
               json_object_get(json_object_get(record->json, "meta"), "log_record") != NULL;

    return own ? DSN_REASON_OWN_TRAFFIC : DSN_REASON_NONE;
}

/* Rules ENV-05, ENV-11, LOOP-02, LOOP-03. The record has no angle brackets, and a source route only
 * counts in them. */
static DsnReason
check_sender(Case *the_case)
{
    const char *sender = the_case->record->sender;
    g_autofree char *path = sender[0] == '@' ? g_strdup_printf("<%s>", sender) : NULL;

    if (!dsn_address_normalise(dsn_span(path == NULL ? sender : path), the_case->sender))
        return DSN_REASON_BAD_SENDER;
    if (the_case->sender->len == the_case->sender_start)
        return DSN_REASON_NULL_SENDER;
    /* for example Postmaster without a domain */
    return dsn_address_is_mailbox(dsn_span_from(
               (DsnSpan){the_case->sender->str, the_case->sender->len}, the_case->sender_start))
               ? DSN_REASON_NONE
               : DSN_REASON_BAD_SENDER;
}

static DsnReason
check_notification(Case *the_case)
{
    return the_case->facts.notification ? DSN_REASON_NOTIFICATION : DSN_REASON_NONE;
}

/* Rule LOOP-09. */
static DsnReason
check_ignored(Case *the_case)
{
    DsnSpan sender = dsn_span_from((DsnSpan){the_case->sender->str, the_case->sender->len},
                                   the_case->sender_start);

    return the_case->options->ignore != NULL &&
                   dsn_patterns_match(the_case->options->ignore, sender)
               ? DSN_REASON_SENDER_IGNORED
               : DSN_REASON_NONE;
}

/* What a Delivery record reports. RFC 3461 section 5.2: "delivered" is said of a mailbox only; a
 * message that another host has taken is "relayed", the weaker word. The relay can know better and
 * say so in meta; "passed" is what it says when the next host has taken the wishes over (rules
 * ESMTP-20, ESMTP-26, ESMTP-32, ESMTP-34). */
static DsnReason
find_success(const DsnNoticeOptions *options, const DsnRecord *record, DsnAction *action)
{
    static const char *const mailboxes[] = {"LMTP", "Lua", "Maildir"};
    static const char *const nowhere[] = {"DeferredSmtpInjection", "HttpInjectionGenerator",
                                          "LogRecord", "Xfer"};
    const char *said = options->meta == NULL ? NULL : meta_text(record, options->meta->action);
    DsnSpan protocol = dsn_span(record->delivery_protocol);

    for (size_t i = 0; i < G_N_ELEMENTS(mailboxes); i++)
        if (dsn_span_is(protocol, mailboxes[i]))
            *action = DSN_ACTION_DELIVERED;
    for (size_t i = 0; i < G_N_ELEMENTS(nowhere); i++)
        if (dsn_span_is(protocol, nowhere[i]))
            return DSN_REASON_PROTOCOL;
    if (g_strcmp0(said, "passed") == 0)
        return DSN_REASON_NOT_ASKED;
    for (DsnAction other = DSN_ACTION_DELIVERED; other <= DSN_ACTION_EXPANDED; other++)
        if (g_strcmp0(said, dsn_action_to_string(other)) == 0)
            *action = other;
    return DSN_REASON_NONE;
}

/* The greatest threshold that is past. */
static DsnReason
find_threshold(const DsnNoticeOptions *options, const DsnRecord *record, int64_t *ret_threshold)
{
    int64_t delay;
    size_t past = 0;

    if (__builtin_sub_overflow(record->event_time, record->created, &delay))
        return DSN_REASON_NOT_YET; /* no such times */
    while (past < options->n_delay_after && delay >= options->delay_after[past])
        past++;
    if (past == 0)
        return DSN_REASON_NOT_YET;
    *ret_threshold = options->delay_after[past - 1];
    return DSN_REASON_NONE;
}

static DsnReason
find_action(Case *the_case)
{
    const DsnRecord *record = the_case->record;
    DsnDecision *decision = the_case->decision;

    decision->action = actions[record->type];
    if (record->type == DSN_RECORD_DELIVERY)
        return find_success(the_case->options, record, &decision->action);
    if (decision->action == DSN_ACTION_DELAYED)
        return find_threshold(the_case->options, record, &decision->threshold);
    /* no peer has refused it: the relay itself did */
    if (record->type == DSN_RECORD_BOUNCE && record->delivery_protocol == NULL &&
        record->peer_name == NULL && !the_case->options->internal)
        return DSN_REASON_INTERNAL;
    return DSN_REASON_NONE;
}

/* ---- what the sender wants ---- */

/* True if a recipient with the wishes @notify is to be told about @action (RFC 3461 sections 5.2.2
 * to 5.2.6; rules ESMTP-20 to ESMTP-31, RCPT-07). */
static bool
is_wanted(const DsnNoticeOptions *options, DsnAction action, unsigned notify)
{
    if (action == DSN_ACTION_FAILED)
        return notify == 0 || (notify & DSN_NOTIFY_FAILURE) != 0;
    if (action == DSN_ACTION_DELAYED)
        return notify == 0 ? options->delay_by_default : (notify & DSN_NOTIFY_DELAY) != 0;
    return (notify & DSN_NOTIFY_SUCCESS) != 0;
}

/* Marks in @keep who is to be told about @action; how many those are. */
static size_t
mark_wanted(const Case *the_case, DsnAction action, bool *keep)
{
    const GArray *wishes = the_case->wishes.recipients;
    size_t kept = 0;

    for (guint i = 0; i < wishes->len; i++) {
        keep[i] = is_wanted(the_case->options, action,
                            g_array_index(wishes, DsnRecipientWishes, i).notify);
        kept += keep[i];
    }
    return kept;
}

/* A notice of delay can have been made, and is taken back now. */
static bool
can_be_late(const Case *the_case)
{
    int64_t threshold;

    return the_case->options->delivered_late && the_case->record->type == DSN_RECORD_DELIVERY &&
           find_threshold(the_case->options, the_case->record, &threshold) == DSN_REASON_NONE;
}

static bool
all_never(const GArray *wishes)
{
    for (guint i = 0; i < wishes->len; i++)
        if (g_array_index(wishes, DsnRecipientWishes, i).notify != DSN_NOTIFY_NEVER)
            return false;
    return true;
}

/* Rules ESMTP-22, ESMTP-24, ESMTP-28, ESMTP-30, and ESMTP-36: recipients for whom nothing is due
 * are not listed. */
static DsnReason
check_wishes(Case *the_case)
{
    DsnRecord *record = the_case->record;
    g_autofree bool *keep = g_new(bool, MAX(record->n_recipients, 1));
    size_t kept = mark_wanted(the_case, the_case->decision->action, keep);

    if (kept == 0 && record->n_recipients > 0 && can_be_late(the_case)) {
        kept = mark_wanted(the_case, DSN_ACTION_DELAYED, keep);
        the_case->decision->late = kept > 0;
    }
    if (kept == 0 && record->n_recipients > 0)
        return all_never(the_case->wishes.recipients) ? DSN_REASON_NOTIFY_NEVER
                                                      : DSN_REASON_NOT_ASKED;
    if (kept < record->n_recipients)
        dsn_record_keep_recipients(record, keep);
    return DSN_REASON_NONE;
}

/* ---- who the sender is ---- */

/* What the record itself says, and what our own hosts have written into the original (rule ENV-23).
 * An injection over HTTP is never anonymous. */
static unsigned
find_trust(const DsnNoticeOptions *options, const DsnRecord *record, DsnSpan original)
{
    bool authenticated =
        g_strcmp0(record->reception_protocol, "HTTP") == 0 ||
        (options->meta != NULL && meta_text(record, options->meta->authenticated) != NULL);
    unsigned trust = authenticated ? DSN_TRUST_AUTHENTICATED : 0;

    if (options->authentication != NULL)
        trust |=
            dsn_sender_authentication(options->authentication, original, dsn_span(record->sender));
    return trust;
}

/* Rules LOOP-07, LOOP-08, LOOP-10: what nobody asked for is not sent to programs and lists; a
 * failure is kept from them only by the administrator's will. */
static DsnReason
check_automatic(Case *the_case)
{
    const HeaderFacts *facts = &the_case->facts;
    const DsnDecision *decision = the_case->decision;
    bool stop = false;

    if (decision->action == DSN_ACTION_DELAYED || decision->late ||
        the_case->options->automatic == DSN_AUTOMATIC_IGNORE)
        stop = facts->automatic || facts->bulk;
    else if (the_case->options->automatic == DSN_AUTOMATIC_TRUSTED)
        stop = facts->automatic && decision->trust == 0;
    return stop ? DSN_REASON_AUTOMATIC : DSN_REASON_NONE;
}

static DsnReason
check_trust(Case *the_case)
{
    unsigned wanted = the_case->options->trust, held = the_case->decision->trust;
    bool trusted = ((wanted | held) & DSN_TRUST_ANY) != 0 || (wanted & held) != 0;

    return trusted ? DSN_REASON_NONE : DSN_REASON_SENDER_NOT_TRUSTED;
}

typedef DsnReason (*Check)(Case *);

/* The first of @checks that says no. */
static DsnReason
run_checks(Case *the_case, const Check *checks, size_t n_checks)
{
    DsnReason reason = DSN_REASON_NONE;

    for (size_t i = 0; i < n_checks && reason == DSN_REASON_NONE; i++)
        reason = checks[i](the_case);
    if (reason != DSN_REASON_NONE)
        g_string_truncate(the_case->sender, the_case->sender_start);
    return reason;
}

/* What needs neither wishes nor trust. */
static const Check first_checks[] = {
    check_own_traffic, check_sender, check_notification, check_ignored, find_action,
};

static bool
is_enabled(const DsnNoticeOptions *options, const DsnRecord *record)
{
    return dsn_notice_has_type(record->type) && options->enable[record->type];
}

bool
dsn_notice_may_be_due(const DsnNoticeOptions *options, const DsnRecord *record, DsnSpan original,
                      GString *ret_sender)
{
    DsnDecision decision = {0};
    Case the_case = {
        .options = options,
        .record = (DsnRecord *)record, /* these checks change nothing in it */
        .sender = ret_sender,
        .sender_start = ret_sender->len,
        .decision = &decision,
    };

    if (!is_enabled(options, record))
        return false;
    the_case.facts = look_at_header(record, original);
    return run_checks(&the_case, first_checks, G_N_ELEMENTS(first_checks)) == DSN_REASON_NONE;
}

void
dsn_notice_decide(const DsnNoticeOptions *options, DsnRecord *record, DsnSpan original,
                  unsigned trust, GString *ret_sender, DsnDecision *ret_decision)
{
    static const Check last_checks[] = {check_wishes, check_automatic, check_trust};
    Case the_case = {
        .options = options,
        .record = record,
        .sender = ret_sender,
        .sender_start = ret_sender->len,
        .decision = ret_decision,
    };

    *ret_decision = (DsnDecision){.trust = trust};
    if (!is_enabled(options, record)) {
        ret_decision->reason = DSN_REASON_TYPE_NOT_ENABLED; /* most records: no closer look */
        return;
    }
    ret_decision->trust |= find_trust(options, record, original);
    the_case.facts = look_at_header(record, original);
    dsn_wishes_read(record, options->meta, &the_case.wishes);
    ret_decision->broken_wishes = the_case.wishes.broken;
    ret_decision->reason = run_checks(&the_case, first_checks, G_N_ELEMENTS(first_checks));
    if (ret_decision->reason == DSN_REASON_NONE)
        ret_decision->reason = run_checks(&the_case, last_checks, G_N_ELEMENTS(last_checks));
    dsn_wishes_clear(&the_case.wishes);
}
