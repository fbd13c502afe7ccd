/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/milter-session.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>

#include "filter/intake/milter-connections.h"

/* Between the return of a callback and the moment when libmilter has written its answer. */
#define ANSWER_TIME (100 * G_TIME_SPAN_MILLISECOND)

/* libmilter's callbacks carry no pointer of ours. It is never freed: connections outlive a stop. */
static DsnMilterShared *shared;

DsnMilterShared *
dsn_milter_shared(void)
{
    return shared;
}

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

/* The daemon stops, and Postfix is to do what it does when there is none. That is no answer that a
 * callback could give, so it gives none: the connection is cut, and the thread ends with the
 * process. */
static G_NORETURN void
give_no_answer(void)
{
    for (;;)
        (void)pause(); /* what it returns says nothing */
}

static DsnMilterSession *
session_of(SMFICTX *context)
{
    DsnMilterSession *session = smfi_getpriv(context);

    if (session == NULL) {
        session = g_new0(DsnMilterSession, 1);
        session->shared = shared;
        g_atomic_int_inc(&shared->connections);
        dsn_milter_message_init(&session->message, &shared->held);
        (void)smfi_setpriv(context, session); /* fails only without a context */
    }
    return session;
}

const char *
dsn_milter_macro(SMFICTX *context, const char *name)
{
    return smfi_getsymval(context, (char *)name);
}

/* The answer of @verdict, which ends the message. */
sfsistat
dsn_milter_answer(SMFICTX *context, DsnMilterSession *session, const DsnMilterVerdict *verdict)
{
    dsn_metrics_add(dsn_pipeline_metrics(session->shared->pipeline), verdict->counter, 1);
    if (verdict->code != NULL)
        (void)smfi_setreply(context, (char *)verdict->code, (char *)verdict->status,
                            (char *)verdict->text); /* else the MTA has words of its own */
    dsn_milter_message_clear(&session->message);
    return verdict->answer;
}

/* SMFIS_CONTINUE if the report is to be read on. */
static sfsistat
screen_report(SMFICTX *context, DsnMilterSession *session)
{
    const DsnMilterMessage *message = &session->message;

    if (message->crowded)
        return dsn_milter_turn_away(context, session, DSN_MILTER_CROWDED);
    if (message->no_room || (message->bytes == NULL && !dsn_milter_message_has_room(message)))
        return dsn_milter_turn_away(context, session, DSN_MILTER_NO_ROOM);
    return SMFIS_CONTINUE;
}

/* All recipients are known: SMFIS_CONTINUE if the message is to be read on. */
static sfsistat
screen(SMFICTX *context, DsnMilterSession *session)
{
    switch (dsn_milter_message_purpose(&session->message)) {
    case DSN_MILTER_PASSING:
        break;
    case DSN_MILTER_REPORTED:
        return screen_report(context, session);
    case DSN_MILTER_NOTICE:
        return SMFIS_CONTINUE;
    case DSN_MILTER_LEAVING: /* once a field was read it has been asked for */
        if (session->message.bytes != NULL || dsn_milter_is_read(session))
            return SMFIS_CONTINUE;
        break;
    }
    return dsn_milter_answer(context, session,
                             dsn_milter_verdict(DSN_MILTER_NOT_OURS, &session->message));
}

/* For DATA, and for the end of header of an MTA that does not send DATA. */
static sfsistat
screen_if_open(SMFICTX *context)
{
    DsnMilterSession *session = session_of(context);
    sfsistat result = SMFIS_TEMPFAIL;

    if (!enter())
        give_no_answer();
    if (session->message.policy != NULL)
        result = screen(context, session);
    leave();
    return result;
}

/* ---- callbacks, in the order in which they come ---- */

/* The MTA does then what it does without us. */
static bool
is_one_too_many(void)
{
    if ((size_t)g_atomic_int_get(&shared->connections) <= shared->max_connections)
        return g_atomic_int_get(&shared->ended) != 0;
    if (!enter())
        return true;
    dsn_milter_count_refusal(shared);
    leave();
    if (dsn_milter_may_complain(&shared->last_refusal))
        dsn_log_event(DSN_LOG_WARNING,
                      "milter: refused a connection: milter.connections = %zu are open",
                      shared->max_connections);
    return true;
}

/* No reply is asked for but to DATA and the end of message; libmilter makes the others up for an
 * MTA that wants them. One that knows no DATA waits at the end of header, too, and is told there
 * to go on without us for mail that is not ours. */
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
        {SMFIM_DATA, "{auth_authen} {auth_type}"},
        {SMFIM_EOH, ""},
        {SMFIM_EOM, "i j"},
    };
    const unsigned long needed = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_DELRCPT;
    const unsigned long wanted = SMFIP_NOHELO | SMFIP_NOUNKNOWN | SMFIP_HDR_LEADSPC |
                                 SMFIP_NR_CONN | SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_HDR |
                                 SMFIP_NR_BODY;

    (void)unused2;
    (void)unused3;
    (void)session_of(context); /* it counts */
    if (is_one_too_many())
        return SMFIS_REJECT;
    if ((actions & needed) != needed) {
        dsn_log_event(
            DSN_LOG_ERROR,
            "milter: refused a connection: the MTA offers actions 0x%lx, 0x%lx are needed", actions,
            needed);
        return SMFIS_REJECT;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(macros) && (actions & SMFIF_SETSYMLIST) != 0; i++)
        (void)smfi_setsymlist(context, macros[i].stage, (char *)macros[i].names); /* else more */
    *ret_actions = needed | (actions & (SMFIF_SETSYMLIST | SMFIF_CHGBODY));
    *ret_steps = steps & wanted;
    DsnMilterSession *session = session_of(context);
    session->sends_data = (steps & SMFIP_NODATA) != 0;
    if (session->sends_data) /* what there is to say is said there */
        *ret_steps |= steps & SMFIP_NR_EOH;
    session->takes_body = (actions & SMFIF_CHGBODY) != 0;
    session->keeps_blank = (steps & SMFIP_HDR_LEADSPC) != 0;
    *ret_unused2 = *ret_unused3 = 0;
    return SMFIS_CONTINUE;
}

static void
forget_client(DsnMilterSession *session)
{
    g_clear_pointer(&session->daemon, g_free);
    g_clear_pointer(&session->peer_name, g_free);
    g_clear_pointer(&session->peer_addr, g_free);
}

static sfsistat
on_connect(SMFICTX *context, char *name, _SOCK_ADDR *address)
{
    DsnMilterSession *session = session_of(context);
    char text[INET6_ADDRSTRLEN] = "";

    if (address != NULL && address->sa_family == AF_INET)
        (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr,
                        text, sizeof(text)); /* has room */
    else if (address != NULL && address->sa_family == AF_INET6)
        (void)inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr,
                        text, sizeof(text)); /* has room */
    forget_client(session);
    session->daemon = g_strdup(dsn_milter_macro(context, "{daemon_name}"));
    session->peer_name = g_strdup(name);
    session->peer_addr = text[0] == '\0' ? NULL : g_strdup(text);
    return SMFIS_NOREPLY;
}

/* Postfix shows the null sender of smtpd(8) as "<>", and that of mail that does not come over the
 * network as "". */
static bool
is_internal(const DsnMilterSession *session, const DsnPolicy *policy, const char *sender)
{
    const GPtrArray *daemons = policy->configuration->milter.notices;
    bool named = daemons->len == 0;

    for (guint i = 0; i < daemons->len && !named; i++)
        named = g_strcmp0(daemons->pdata[i], session->daemon) == 0;
    return named && sender[0] == '\0' && g_strcmp0(session->peer_name, "localhost") == 0;
}

static sfsistat
on_sender(SMFICTX *context, char **arguments)
{
    DsnMilterSession *session = session_of(context);

    if (enter()) {
        DsnPolicy *policy = dsn_pipeline_policy(shared->pipeline);

        dsn_milter_message_begin(&session->message, policy, arguments[0],
                                 is_internal(session, policy, arguments[0]));
        dsn_milter_capture_begin(session, arguments);
        leave();
    } else {
        dsn_milter_message_clear(&session->message);
    }
    return SMFIS_NOREPLY;
}

static sfsistat
on_recipient(SMFICTX *context, char **arguments)
{
    DsnMilterSession *session = session_of(context);

    if (session->message.policy == NULL)
        return SMFIS_NOREPLY;
    dsn_milter_message_add_recipient(&session->message, arguments[0], session->daemon);
    dsn_milter_capture_recipient(session, arguments);
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
    DsnMilterSession *session = session_of(context);

    dsn_milter_message_add(&session->message, DSN_SPAN_LITERAL("\r\n"));
    return session->sends_data ? SMFIS_NOREPLY : screen_if_open(context);
}

static sfsistat
on_body(SMFICTX *context, unsigned char *bytes, size_t length)
{
    dsn_milter_message_add(&session_of(context)->message, (DsnSpan){(const char *)bytes, length});
    return SMFIS_NOREPLY;
}

static sfsistat
end_message(SMFICTX *context, DsnMilterSession *session)
{
    sfsistat result = screen(context, session);

    if (result != SMFIS_CONTINUE)
        return result;
    switch (dsn_milter_message_purpose(&session->message)) {
    case DSN_MILTER_REPORTED:
        return dsn_milter_end_report(context, session);
    case DSN_MILTER_NOTICE:
        return dsn_milter_end_notice(context, session);
    case DSN_MILTER_LEAVING:
        return dsn_milter_end_outgoing(context, session);
    case DSN_MILTER_PASSING: /* it was answered */
        break;
    }
    g_assert_not_reached();
}

static sfsistat
on_end_of_message(SMFICTX *context)
{
    DsnMilterSession *session = session_of(context);
    sfsistat result = SMFIS_TEMPFAIL;

    if (!enter())
        give_no_answer();
    if (session->message.policy != NULL)
        result = end_message(context, session);
    __atomic_store_n(&shared->last_answer, g_get_monotonic_time(), __ATOMIC_RELAXED);
    leave();
    return result;
}

static sfsistat
on_abort(SMFICTX *context)
{
    DsnMilterSession *session = smfi_getpriv(context);

    if (session != NULL)
        dsn_milter_message_clear(&session->message);
    return SMFIS_CONTINUE;
}

static sfsistat
on_close(SMFICTX *context)
{
    DsnMilterSession *session = smfi_getpriv(context);

    g_atomic_int_inc(&shared->closed);
    if (session != NULL) {
        (void)smfi_setpriv(context, NULL); /* fails only without a context */
        dsn_milter_message_free_members(&session->message);
        forget_client(session);
        g_free(session);
        (void)g_atomic_int_dec_and_test(&shared->connections);
    }
    return SMFIS_CONTINUE;
}

/* ---- life ---- */

bool
dsn_milter_session_begin(DsnPipeline *pipeline, size_t connections, int max_descriptor)
{
    const struct smfiDesc description = {
        .xxfi_name = (char *)"dsnarf",
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_DELRCPT | SMFIF_CHGBODY,
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
    shared = g_new0(DsnMilterShared, 1);
    shared->pipeline = pipeline;
    shared->max_connections = connections;
    shared->max_descriptor = max_descriptor;
    return smfi_register(description) == MI_SUCCESS;
}

size_t
dsn_milter_session_count(void)
{
    return shared == NULL ? 0 : (size_t)g_atomic_int_get(&shared->connections);
}

void
dsn_milter_session_shut(void)
{
    g_atomic_int_set(&shared->shut, 1);
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
