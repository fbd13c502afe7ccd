/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/milter-session.h"

#include <arpa/inet.h>

#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>

#include "filter/intake/milter-verdict.h"
#include "filter/pipeline/outgoing.h"

/* Fields with the name of our tag that are removed from one message; each is a packet, and work for
 * the MTA. */
#define MAX_TAGS 100

/* Between the return of a callback and the moment when libmilter has written its answer. */
#define ANSWER_TIME (100 * G_TIME_SPAN_MILLISECOND)

/* One line a minute says that there is no room. */
#define NO_ROOM_INTERVAL G_TIME_SPAN_MINUTE

typedef struct Shared {
    DsnPipeline *pipeline;
    gsize held;             /* bytes of all messages that are being collected */
    gint inside;            /* callbacks that use the pipeline */
    gint ended;             /* none may any more */
    int64_t last_answer;    /* monotonic time at which an end of message returned */
    int64_t last_complaint; /* monotonic time of the line about room */
} Shared;

/* libmilter's callbacks carry no pointer of ours. It is never freed: connections outlive a stop. */
static Shared *shared;

/* One connection of the MTA. */
typedef struct Session {
    char *daemon; /* {daemon_name} of the MTA; these three are NULL when not known */
    char *peer_name;
    char *peer_addr;
    DsnMilterMessage message;
} Session;

/* True if the caller may use the pipeline until leave(). The order of the two counts, and of those
 * in dsn_milter_session_end(), makes sure that one side sees the other. */
static bool
enter(void)
{
    g_atomic_int_inc(&shared->inside);
    if (g_atomic_int_get(&shared->ended) == 0)
        return true;
    (void)g_atomic_int_dec_and_test(&shared->inside);
    return false;
}

static void
leave(void)
{
    (void)g_atomic_int_dec_and_test(&shared->inside);
}

static Session *
session_of(SMFICTX *context)
{
    Session *session = smfi_getpriv(context);

    if (session == NULL) {
        session = g_new0(Session, 1);
        dsn_milter_message_init(&session->message, &shared->held);
        (void)smfi_setpriv(context, session); /* fails only without a context */
    }
    return session;
}

static const char *
macro(SMFICTX *context, const char *name)
{
    return smfi_getsymval(context, (char *)name);
}

/* ---- the answer ---- */

static void
log_message(const Session *session, const char *queue_id, const DsnMilterVerdict *verdict,
            const DsnMessageTaken *taken, const char *failure)
{
    const DsnMilterMessage *message = &session->message;
    const DsnMilterRecipient *first = &g_array_index(message->recipients, DsnMilterRecipient, 0);
    g_autofree char *from = g_strdup_printf("<%s>", message->sender->str);
    DsnSpan to = dsn_milter_address(first->given);
    g_autofree char *bracketed = g_strdup_printf("<%.*s>", (int)to.len, to.data);
    DsnLogLine line;

    dsn_log_begin(&line, queue_id);
    dsn_log_text(&line, "from", from);
    dsn_log_text(&line, "to", bracketed);
    if (message->recipients->len > 1)
        dsn_log_number(&line, "recipients", message->recipients->len);
    if (taken != NULL)
        dsn_log_text(&line, "report", dsn_report_kind_to_string(taken->kind));
    if (taken != NULL && (taken->records > 0 || taken->reason == DSN_REASON_DUPLICATE)) {
        dsn_log_text(&line, "id", taken->id);
        dsn_log_number(&line, "records", taken->records);
    }
    if (taken != NULL && taken->trace != DSN_TRACE_UNSIGNED)
        dsn_log_text(&line, "trace", dsn_trace_state_to_string(taken->trace));
    dsn_log_text(&line, "verdict", verdict->word);
    if (taken != NULL && taken->reason != DSN_REASON_NONE)
        dsn_log_text(&line, "reason", dsn_reason_to_string(taken->reason));
    dsn_log_text(&line, "error", failure);
    dsn_log_end(&line, verdict->level);
}

/* The answer of @verdict, which ends the message. */
static sfsistat
answer(SMFICTX *context, Session *session, const DsnMilterVerdict *verdict)
{
    dsn_metrics_add(dsn_pipeline_metrics(shared->pipeline), verdict->counter, 1);
    if (verdict->code != NULL)
        (void)smfi_setreply(context, (char *)verdict->code, (char *)verdict->status,
                            (char *)verdict->text); /* else the MTA has words of its own */
    dsn_milter_message_clear(&session->message);
    return verdict->answer;
}

/* Ours, but not to be read. */
static sfsistat
turn_away(SMFICTX *context, Session *session, DsnMilterOutcome outcome)
{
    const DsnMilterVerdict *verdict = dsn_milter_verdict(outcome, &session->message);
    int64_t now = g_get_monotonic_time();
    int64_t before = __atomic_load_n(&shared->last_complaint, __ATOMIC_RELAXED);

    if (outcome != DSN_MILTER_NO_ROOM ||
        ((before == 0 || now - before >= NO_ROOM_INTERVAL) &&
         __atomic_compare_exchange_n(&shared->last_complaint, &before, now, false, __ATOMIC_RELAXED,
                                     __ATOMIC_RELAXED)))
        log_message(session, macro(context, "i"), verdict, NULL, verdict->text);
    return answer(context, session, verdict);
}

/* All recipients are known: SMFIS_CONTINUE if the message is to be read on. */
static sfsistat
screen(SMFICTX *context, Session *session)
{
    const DsnMilterMessage *message = &session->message;

    if (dsn_milter_message_leaves(message))
        return SMFIS_CONTINUE;
    if (!dsn_milter_message_is_ours(message))
        return answer(context, session, dsn_milter_verdict(DSN_MILTER_NOT_OURS, message));
    if (message->crowded)
        return turn_away(context, session, DSN_MILTER_CROWDED);
    if (message->no_room || (message->bytes == NULL && !dsn_milter_message_has_room(message)))
        return turn_away(context, session, DSN_MILTER_NO_ROOM);
    return SMFIS_CONTINUE;
}

/* For DATA, and for the end of header of an MTA that does not send DATA. */
static sfsistat
screen_if_open(SMFICTX *context)
{
    Session *session = session_of(context);
    sfsistat result = SMFIS_TEMPFAIL;

    if (!enter())
        return result;
    if (session->message.policy != NULL)
        result = screen(context, session);
    leave();
    return result;
}

/* ---- end of message ---- */

static bool
remove_recipients(SMFICTX *context, const DsnMilterMessage *message)
{
    for (guint i = 0; i < message->recipients->len; i++) {
        const DsnMilterRecipient *recipient =
            &g_array_index(message->recipients, DsnMilterRecipient, i);

        if (recipient->role->consumed == DSN_CONSUMED_DISCARD &&
            smfi_delrcpt(context, recipient->given) != MI_SUCCESS)
            return false;
    }
    return true;
}

/* From the last field with our name to the first: so the numbers are right whether the MTA counts
 * those that were removed or not. */
static bool
tag_message(SMFICTX *context, const DsnMilterMessage *message, const DsnMessageTaken *taken)
{
    g_autofree char *value =
        g_strdup_printf(" %s; id=%s", dsn_report_kind_to_string(taken->kind), taken->id);

    for (size_t i = MIN(message->tags, MAX_TAGS); i > 0; i--) {
        if (smfi_chgheader(context, (char *)DSN_MILTER_TAG, (int)i, NULL) != MI_SUCCESS)
            return false;
    }
    return smfi_addheader(context, (char *)DSN_MILTER_TAG, value) == MI_SUCCESS;
}

static void
report_progress(gpointer context)
{
    (void)smfi_progress(context); /* if the MTA is gone, there is nobody to tell */
}

static DsnMilterOutcome
take(SMFICTX *context, const Session *session, const char *queue_id, DsnMessageTaken *ret_taken,
     GError **error)
{
    static const DsnMilterOutcome outcomes[] = {
        [DSN_MESSAGE_RECORDED] = DSN_MILTER_RECORDED,
        [DSN_MESSAGE_UNTOUCHED] = DSN_MILTER_UNTOUCHED,
        [DSN_MESSAGE_FAILED] = DSN_MILTER_FAILED,
    };
    const DsnMilterMessage *message = &session->message;
    const DsnMilterRecipient *first = &g_array_index(message->recipients, DsnMilterRecipient, 0);
    DsnSpan address = dsn_milter_address(first->given);
    g_autofree char *recipient = dsn_span_dup(address);
    const DsnSession how = {
        .queue_id = queue_id,
        .sender = message->sender->str,
        .recipient = recipient,
        .peer_name = session->peer_name,
        .peer_addr = session->peer_addr,
        .protocol = "ESMTP",
    };
    DsnSpan bytes = {message->bytes->str, message->bytes->len};

    return outcomes[dsn_pipeline_take_message(shared->pipeline, message->policy, bytes, &how,
                                              report_progress, context, ret_taken, error)];
}

static sfsistat
end_message(SMFICTX *context, Session *session)
{
    const char *queue_id = macro(context, "i");
    DsnMilterMessage *message = &session->message;
    DsnMessageTaken taken = {0};
    g_autoptr(GError) error = NULL;

    dsn_milter_message_add(message, DSN_SPAN_LITERAL("")); /* so that there are bytes, if none */
    DsnMilterOutcome outcome = take(context, session, queue_id, &taken, &error);
    const DsnMilterVerdict *verdict = dsn_milter_verdict(outcome, message);
    const char *failure = error == NULL ? NULL : error->message;
    if ((verdict->remove && !remove_recipients(context, message)) ||
        (verdict->tag && !tag_message(context, message, &taken))) {
        verdict = dsn_milter_verdict(DSN_MILTER_FAILED, message);
        failure = "the MTA took no changes; recorded all the same";
    }
    log_message(session, queue_id, verdict, &taken, failure);
    return answer(context, session, verdict);
}

/* In front of all other fields: a trace of somebody else's that is in the message stands behind it.
 * Without one the mail can still be sent, so that no failure stops it. */
static sfsistat
send_off(SMFICTX *context, Session *session)
{
    const DsnMilterMessage *message = &session->message;
    const char *queue_id = macro(context, "i");
    const DsnOutgoing mail = {
        .sender = message->sender->str,
        .recipient = message->only,
        .client = session->peer_addr,
        .id = queue_id,
    };
    g_autoptr(GString) value = g_string_new(" ");
    DsnMilterOutcome outcome = DSN_MILTER_TRACED;

    dsn_outgoing_trace(message->policy, &mail, g_get_real_time() / G_USEC_PER_SEC, value);
    (void)g_string_replace(value, "\r\n", "\n", 0); /* as libmilter wants it */
    if (smfi_insheader(context, 0, (char *)DSN_TRACE_FIELD, value->str) != MI_SUCCESS) {
        dsn_log_event(DSN_LOG_WARNING, "milter: %s leaves without a trace: the MTA took no field",
                      queue_id == NULL ? "a message" : queue_id);
        outcome = DSN_MILTER_NOT_OURS;
    }
    return answer(context, session, dsn_milter_verdict(outcome, message));
}

/* ---- callbacks, in the order in which they come ---- */

/* No reply is asked for but to DATA, the end of header and the end of message; libmilter makes the
 * others up for an MTA that wants them. So an end of header costs a round trip for our mail, and
 * tells the MTAs that know no DATA to go on without us for all other mail. */
static sfsistat
on_negotiate(SMFICTX *context, unsigned long actions, unsigned long steps, unsigned long unused2,
             unsigned long unused3, unsigned long *ret_actions, unsigned long *ret_steps,
             unsigned long *ret_unused2, unsigned long *ret_unused3)
{
    static const struct {
        int stage;
        const char *names;
    } macros[] = {
        {SMFIM_CONNECT, "{daemon_name}"},
        {SMFIM_HELO, ""},
        {SMFIM_ENVFROM, ""},
        {SMFIM_ENVRCPT, ""},
        {SMFIM_DATA, ""},
        {SMFIM_EOH, ""},
        {SMFIM_EOM, "i"},
    };
    const unsigned long needed = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_DELRCPT;
    const unsigned long wanted = SMFIP_NOHELO | SMFIP_NOUNKNOWN | SMFIP_HDR_LEADSPC |
                                 SMFIP_NR_CONN | SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_HDR |
                                 SMFIP_NR_BODY;

    (void)unused2;
    (void)unused3;
    if ((actions & needed) != needed) {
        dsn_log_event(
            DSN_LOG_ERROR,
            "milter: refused a connection: the MTA offers actions 0x%lx, 0x%lx are needed", actions,
            needed);
        return SMFIS_REJECT;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(macros) && (actions & SMFIF_SETSYMLIST) != 0; i++)
        (void)smfi_setsymlist(context, macros[i].stage, (char *)macros[i].names); /* else more */
    *ret_actions = needed | (actions & SMFIF_SETSYMLIST);
    *ret_steps = steps & wanted;
    *ret_unused2 = *ret_unused3 = 0;
    return SMFIS_CONTINUE;
}

static void
forget_client(Session *session)
{
    g_clear_pointer(&session->daemon, g_free);
    g_clear_pointer(&session->peer_name, g_free);
    g_clear_pointer(&session->peer_addr, g_free);
}

static sfsistat
on_connect(SMFICTX *context, char *name, _SOCK_ADDR *address)
{
    Session *session = session_of(context);
    char text[INET6_ADDRSTRLEN] = "";

    if (address != NULL && address->sa_family == AF_INET)
        (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr,
                        text, sizeof(text)); /* has room */
    else if (address != NULL && address->sa_family == AF_INET6)
        (void)inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr,
                        text, sizeof(text)); /* has room */
    forget_client(session);
    session->daemon = g_strdup(macro(context, "{daemon_name}"));
    session->peer_name = g_strdup(name);
    session->peer_addr = text[0] == '\0' ? NULL : g_strdup(text);
    return SMFIS_NOREPLY;
}

static sfsistat
on_sender(SMFICTX *context, char **arguments)
{
    DsnMilterMessage *message = &session_of(context)->message;

    if (enter()) {
        dsn_milter_message_begin(message, dsn_pipeline_policy(shared->pipeline), arguments[0]);
        leave();
    } else {
        dsn_milter_message_clear(message);
    }
    return SMFIS_NOREPLY;
}

static sfsistat
on_recipient(SMFICTX *context, char **arguments)
{
    Session *session = session_of(context);

    if (session->message.policy != NULL)
        dsn_milter_message_add_recipient(&session->message, arguments[0], session->daemon);
    return SMFIS_NOREPLY;
}

static sfsistat
on_data(SMFICTX *context)
{
    return screen_if_open(context);
}

static sfsistat
on_header(SMFICTX *context, char *name, char *value)
{
    dsn_milter_message_add_field(&session_of(context)->message, name, value);
    return SMFIS_NOREPLY;
}

static sfsistat
on_end_of_header(SMFICTX *context)
{
    dsn_milter_message_add(&session_of(context)->message, DSN_SPAN_LITERAL("\r\n"));
    return screen_if_open(context);
}

static sfsistat
on_body(SMFICTX *context, unsigned char *bytes, size_t length)
{
    dsn_milter_message_add(&session_of(context)->message, (DsnSpan){(const char *)bytes, length});
    return SMFIS_NOREPLY;
}

static sfsistat
on_end_of_message(SMFICTX *context)
{
    Session *session = session_of(context);
    sfsistat result = SMFIS_TEMPFAIL;

    if (!enter())
        return result;
    if (session->message.policy != NULL) {
        result = screen(context, session);
        if (result == SMFIS_CONTINUE)
            result = dsn_milter_message_is_ours(&session->message) ? end_message(context, session)
                                                                   : send_off(context, session);
    }
    __atomic_store_n(&shared->last_answer, g_get_monotonic_time(), __ATOMIC_RELAXED);
    leave();
    return result;
}

static sfsistat
on_abort(SMFICTX *context)
{
    Session *session = smfi_getpriv(context);

    if (session != NULL)
        dsn_milter_message_clear(&session->message);
    return SMFIS_CONTINUE;
}

static sfsistat
on_close(SMFICTX *context)
{
    Session *session = smfi_getpriv(context);

    if (session != NULL) {
        (void)smfi_setpriv(context, NULL); /* fails only without a context */
        dsn_milter_message_free_members(&session->message);
        forget_client(session);
        g_free(session);
    }
    return SMFIS_CONTINUE;
}

/* ---- life ---- */

bool
dsn_milter_session_begin(DsnPipeline *pipeline)
{
    const struct smfiDesc description = {
        .xxfi_name = (char *)"dsnarf",
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_DELRCPT,
        .xxfi_negotiate = on_negotiate,
        .xxfi_connect = on_connect,
        .xxfi_envfrom = on_sender,
        .xxfi_envrcpt = on_recipient,
        .xxfi_data = on_data,
        .xxfi_header = on_header,
        .xxfi_eoh = on_end_of_header,
        .xxfi_body = on_body,
        .xxfi_eom = on_end_of_message,
        .xxfi_abort = on_abort,
        .xxfi_close = on_close,
    };

    g_assert(shared == NULL);
    shared = g_new0(Shared, 1);
    shared->pipeline = pipeline;
    return smfi_register(description) == MI_SUCCESS;
}

bool
dsn_milter_session_end(GTimeSpan wait)
{
    int64_t until = g_get_monotonic_time() + wait;

    g_atomic_int_set(&shared->ended, 1);
    while (g_atomic_int_get(&shared->inside) > 0) {
        if (g_get_monotonic_time() >= until)
            return false;
        g_usleep(10 * G_TIME_SPAN_MILLISECOND);
    }

    int64_t since =
        g_get_monotonic_time() - __atomic_load_n(&shared->last_answer, __ATOMIC_RELAXED);
    if (since < ANSWER_TIME)
        g_usleep((gulong)(ANSWER_TIME - since));
    return true;
}
