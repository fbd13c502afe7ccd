/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/smtp-client.h"

#include "mime/address.h"
#include "mime/down-convert.h"
#include "mime/status-code.h"

/* So many messages in a row refused at MAIL, and it is the host: "452 insufficient storage". */
#define REFUSALS_MAX 3

typedef enum Step { STEP_RSET, STEP_MAIL, STEP_RCPT, STEP_DATA, STEP_DOT } Step;

struct DsnSmtpClient {
    const DsnSmtpTarget *target;
    DsnSmtpLink *link;
    unsigned offers;
    bool broken;
    bool open;         /* the server holds a transaction that only RSET can end */
    bool go_ahead;     /* DATA was answered with 354 */
    size_t begun;      /* messages over this connection */
    size_t finished;   /* of which have an answer */
    unsigned refusals; /* of MAIL, in a row */
    GString *command;  /* buffer */

    /* of the run: what is waited for, and whom to tell */
    DsnSmtpMessage *message;
    Step step;
    unsigned code; /* of the answer; 0: none came */
    DsnSmtpDone done;
    gpointer user;
};

DsnSmtpClient *
dsn_smtp_client_open(const DsnSmtpTarget *target, GError **error)
{
    DsnSmtpLink *link = dsn_smtp_link_open(target, error);

    if (link == NULL)
        return NULL;
    DsnSmtpClient *client = g_new0(DsnSmtpClient, 1);
    client->target = target;
    client->link = link;
    client->offers = dsn_smtp_link_offers(link);
    client->command = g_string_new(NULL);
    return client;
}

void
dsn_smtp_client_free(DsnSmtpClient *client)
{
    const char *text;

    if (client == NULL)
        return;
    /* The answer does not matter, but a server likes to give it (RFC 5321 section 4.1.1.10). */
    if (!client->broken && dsn_smtp_link_is_quiet(client->link) &&
        dsn_smtp_link_command(client->link, "QUIT\r\n", NULL))
        (void)dsn_smtp_link_answer(client->link, client->target->times.quit, &text, NULL);
    dsn_smtp_link_free(client->link);
    (void)g_string_free(client->command, TRUE);
    g_free(client);
}

const char *
dsn_smtp_client_peer(const DsnSmtpClient *client)
{
    return dsn_smtp_link_peer(client->link);
}

bool
dsn_smtp_client_is_usable(DsnSmtpClient *client)
{
    return !client->broken && client->begun < client->target->deliveries &&
           dsn_smtp_link_is_quiet(client->link);
}

void
dsn_smtp_message_clear(DsnSmtpMessage *message)
{
    g_clear_pointer(&message->reply, g_free);
    if (message->converted != NULL)
        (void)g_string_free(message->converted, TRUE);
    message->converted = NULL;
}

static bool
offers(const DsnSmtpClient *client, DsnSmtpOffer offer)
{
    return (client->offers & offer) != 0;
}

static void
decide(DsnSmtpClient *client, DsnSmtpMessage *message, DsnSmtpOutcome outcome, const char *reply)
{
    message->outcome = outcome;
    g_free(message->reply);
    message->reply = g_strdup(reply);
    if (outcome <= DSN_SMTP_UNSUITABLE)
        return;
    if (outcome != DSN_SMTP_BROKEN && outcome != DSN_SMTP_UNKNOWN)
        client->finished++;
    client->done(message, client->user);
}

/* ---- commands ---- */

/* What the host gets. */
static DsnSpan
content_of(const DsnSmtpMessage *message)
{
    return message->converted == NULL ? message->content
                                      : (DsnSpan){message->converted->str, message->converted->len};
}

static void
write_mail(DsnSmtpClient *client, const DsnSmtpMessage *message)
{
    DsnSpan content = content_of(message);
    bool as_it_is = message->converted == NULL;
    bool ended = content.len >= 2 && memcmp(content.data + content.len - 2, "\r\n", 2) == 0;

    g_string_assign(client->command, "MAIL FROM:<>");
    if (message->eight_bit && as_it_is)
        g_string_append(client->command, " BODY=8BITMIME");
    if ((message->utf8 && as_it_is) || !dsn_text_is_ascii(message->recipient))
        g_string_append(client->command, " SMTPUTF8");
    if (offers(client, DSN_SMTP_SIZE))
        g_string_append_printf(client->command, " SIZE=%zu", content.len + (ended ? 0 : 2));
    if (message->requiretls == DSN_REQUIRETLS_SENT)
        g_string_append(client->command, " REQUIRETLS");
    g_string_append(client->command, "\r\n");
}

static void
write_rcpt(DsnSmtpClient *client, const DsnSmtpMessage *message)
{
    g_string_assign(client->command, "RCPT TO:<");
    g_string_append_len(client->command, message->recipient.data, (gssize)message->recipient.len);
    g_string_append(client->command, offers(client, DSN_SMTP_DSN) ? "> NOTIFY=NEVER\r\n" : ">\r\n");
}

static bool
say(DsnSmtpClient *client, Step step, const DsnSmtpMessage *message, GError **error)
{
    switch (step) {
    case STEP_RSET:
        if (!client->open)
            return true;
        g_string_assign(client->command, "RSET\r\n");
        break;
    case STEP_MAIL:
        write_mail(client, message);
        break;
    case STEP_RCPT:
        write_rcpt(client, message);
        break;
    case STEP_DATA:
        g_string_assign(client->command, "DATA\r\n");
        break;
    case STEP_DOT:
        g_assert_not_reached(); /* see send_content() */
    }
    return dsn_smtp_link_command(client->link, client->command->str, error);
}

/* ---- answers ---- */

static GTimeSpan
limit_of(const DsnSmtpClient *client)
{
    const DsnSmtpTimes *times = &client->target->times;

    if (client->step == STEP_DOT)
        return times->dot;
    return client->step == STEP_DATA ? times->data : times->command;
}

/* Each of these returns false if the answer speaks against the host. A message that is refused
 * already is not looked at again: what follows in its group fails too (RFC 2920 section 3.1). */

/* MAIL says of a message how large it is, and whether it needs 8BITMIME or SMTPUTF8 (RFC 1870
 * section 6.1, RFC 3463 sections 3.4 and 3.7). */
static bool
is_about_message(unsigned code, const char *text)
{
    DsnStatusCode status = {0};

    if (strlen(text) > 4)
        (void)dsn_status_code_parse(dsn_span(text + 4), &status); /* there need not be one */
    return code == 552 || (status.class_ == 5 &&
                           (status.subject == 6 || (status.subject == 3 && status.detail == 4)));
}

/* True when the host will not take the message because of its REQUIRETLS: it is sent again without.
 * A refusal of MAIL may have that reason whatever it says: it must not pass for a fault of the host
 * and stop all other notices. */
static bool
refuses_requiretls(DsnSmtpClient *client, unsigned code, const char *text)
{
    DsnSmtpMessage *message = client->message;
    DsnStatusCode status = {0};

    if (message->outcome != DSN_SMTP_UNTRIED || message->requiretls != DSN_REQUIRETLS_SENT ||
        code < 400)
        return false;
    if (strlen(text) > 4)
        (void)dsn_status_code_parse(dsn_span(text + 4), &status); /* there need not be one */
    if (!(status.subject == 7 && status.detail == 30) &&          /* RFC 8689 section 4.2.1 */
        !(client->step == STEP_MAIL && code >= 500))
        return false;
    decide(client, message, DSN_SMTP_AGAIN, text);
    return true;
}

static bool
judge_mail(DsnSmtpClient *client, unsigned code, const char *text)
{
    if (code < 300) {
        client->open = true;
        client->refusals = 0;
        return true;
    }
    if (code >= 500 && is_about_message(code, text)) {
        decide(client, client->message, DSN_SMTP_PERMFAIL, text);
        return true;
    }
    if (refuses_requiretls(client, code, text))
        return true;
    if (code < 400 || code >= 500)
        return false;
    decide(client, client->message, DSN_SMTP_TEMPFAIL, text);
    return ++client->refusals < REFUSALS_MAX;
}

static bool
judge_rcpt(DsnSmtpClient *client, unsigned code, const char *text)
{
    bool refused = client->message->outcome != DSN_SMTP_UNTRIED;

    if (code < 300)
        return !refused;
    if (code < 400)
        return false;
    if (!refused && !refuses_requiretls(client, code, text))
        decide(client, client->message, code < 500 ? DSN_SMTP_TEMPFAIL : DSN_SMTP_PERMFAIL, text);
    return true;
}

static bool
judge_data(DsnSmtpClient *client, unsigned code, const char *text)
{
    bool refused = client->message->outcome != DSN_SMTP_UNTRIED;

    client->go_ahead = code == 354;
    if (client->go_ahead && refused && client->target->lmtp) /* RFC 2033 section 4.2: it must not */
        return false;
    if (client->go_ahead || (refused && code >= 400) || refuses_requiretls(client, code, text))
        return true;
    if (code < 400 || code >= 500)
        return false;
    decide(client, client->message, DSN_SMTP_TEMPFAIL, text);
    return true;
}

static bool
judge_dot(DsnSmtpClient *client, unsigned code, const char *text)
{
    if (client->message->outcome != DSN_SMTP_UNTRIED) /* the answer to a lone dot */
        return true;
    if (code >= 300 && code < 400)
        return false;
    if (refuses_requiretls(client, code, text))
        return true;
    decide(client, client->message,
           code < 300   ? DSN_SMTP_SENT
           : code < 500 ? DSN_SMTP_TEMPFAIL
                        : DSN_SMTP_PERMFAIL,
           text);
    return true;
}

static bool
judge(DsnSmtpClient *client, unsigned code, const char *text)
{
    switch (client->step) {
    case STEP_RSET:
        client->open = false;
        return code < 300;
    case STEP_MAIL:
        return judge_mail(client, code, text);
    case STEP_RCPT:
        return judge_rcpt(client, code, text);
    case STEP_DATA:
        return judge_data(client, code, text);
    case STEP_DOT:
        return judge_dot(client, code, text);
    }
    g_assert_not_reached();
}

static void
wait_for(DsnSmtpClient *client, Step step, DsnSmtpMessage *message)
{
    client->step = step;
    client->message = message;
    client->code = 0;
}

/* Reads the answer that is waited for. */
static bool
hear(DsnSmtpClient *client, GError **error)
{
    static const char *const names[] = {"RSET: ", "MAIL: ", "RCPT: ", "DATA: ", "final dot: "};
    const char *text;

    if (client->step == STEP_RSET && !client->open)
        return true;
    client->code = dsn_smtp_link_answer(client->link, limit_of(client), &text, error);
    if (client->code != 0 && client->code != 421 && judge(client, client->code, text))
        return true;
    if (client->code != 0)
        g_set_error_literal(error, DSN_SMTP_ERROR,
                            client->code == 421 ? DSN_SMTP_ERROR_CLOSED : DSN_SMTP_ERROR_FAULT,
                            text);
    g_prefix_error(error, "%s", names[client->step]);
    return false;
}

/* ---- messages ---- */

static bool
is_text_mailbox(DsnSpan recipient)
{
    return dsn_address_is_mailbox(recipient) &&
           memchr(recipient.data, '<', recipient.len) == NULL &&
           memchr(recipient.data, '>', recipient.len) == NULL;
}

/* Makes @message one that this host can take, as it is or in 7 bits. */
static bool
fit_content(DsnSmtpMessage *message, bool lacking)
{
    GString *converted = message->converted;

    message->converted = NULL;
    if (!lacking) { /* another host may have got it converted */
        if (converted != NULL)
            (void)g_string_free(converted, TRUE);
        return true;
    }
    if (converted == NULL) {
        converted = g_string_sized_new(message->content.len);
        if (!dsn_notice_down_convert(message->content, &DSN_LIMITS_DEFAULT, converted)) {
            (void)g_string_free(converted, TRUE);
            return false;
        }
    }
    message->converted = converted;
    return true;
}

/* Whether MAIL asks this host for REQUIRETLS. Its certificate is looked at as for any notice: where
 * one is not, the notice would go all the same, and the rest of its way is better with than
 * without.
 */
static void
fit_requiretls(const DsnSmtpClient *client, DsnSmtpMessage *message)
{
    if (message->requiretls == DSN_REQUIRETLS_NO || message->requiretls == DSN_REQUIRETLS_REFUSED)
        return;
    message->requiretls =
        offers(client, DSN_SMTP_REQUIRETLS) ? DSN_REQUIRETLS_SENT : DSN_REQUIRETLS_WANTED;
}

/* Says what cannot go to this host. */
static bool
is_fit(DsnSmtpClient *client, DsnSmtpMessage *message)
{
    bool no_utf8 = !offers(client, DSN_SMTP_SMTPUTF8);
    bool lacks_utf8 = message->utf8 && no_utf8;
    bool lacks_8bit = message->eight_bit && !offers(client, DSN_SMTP_8BITMIME);

    if (!is_text_mailbox(message->recipient)) /* SEC-01 */
        decide(client, message, DSN_SMTP_PERMFAIL, "5.1.3 not an address for RCPT");
    else if (no_utf8 && !dsn_text_is_ascii(message->recipient))
        decide(client, message, DSN_SMTP_UNSUITABLE, "5.6.7 SMTPUTF8 is not offered");
    else if (!fit_content(message, lacks_utf8 || lacks_8bit))
        decide(client, message, DSN_SMTP_UNSUITABLE,
               lacks_utf8 ? "5.6.7 SMTPUTF8 is not offered, and it cannot be converted"
                          : "5.6.3 8BITMIME is not offered, and it cannot be converted");
    return message->outcome == DSN_SMTP_UNTRIED;
}

/* The content once it was asked for; a host that asks although it refused the message gets a dot
 * (RFC 2920 section 3.1). */
static bool
send_content(DsnSmtpClient *client, DsnSmtpMessage *message, GError **error)
{
    bool refused = message->outcome != DSN_SMTP_UNTRIED;

    wait_for(client, STEP_DOT, message);
    client->open = false;
    return dsn_smtp_link_content(client->link, refused ? DSN_SPAN_ABSENT : content_of(message),
                                 error);
}

/* Takes @message as far as its final dot. With PIPELINING its commands leave together, behind the
 * content of the message before, *@dotted, whose answer is read here too. */
static bool
transact(DsnSmtpClient *client, DsnSmtpMessage *message, DsnSmtpMessage **dotted, GError **error)
{
    bool piped = offers(client, DSN_SMTP_PIPELINING);

    if (*dotted == NULL)
        wait_for(client, STEP_MAIL, message);
    for (Step step = STEP_RSET; piped && step <= STEP_DATA; step++) {
        if (!say(client, step, message, error))
            return false;
    }
    if (*dotted != NULL && !hear(client, error))
        return false;
    *dotted = NULL;
    client->go_ahead = false;
    for (Step step = STEP_RSET; step <= STEP_DATA; step++) {
        wait_for(client, step, message);
        if (!piped && message->outcome != DSN_SMTP_UNTRIED)
            return true;
        if ((!piped && !say(client, step, message, error)) || !hear(client, error))
            return false;
    }
    if (!client->go_ahead)
        return true;
    *dotted = message;
    return send_content(client, message, error);
}

/* What became of the message that was waited for. MAIL says nothing about it that a host which is
 * silent or gone could have disliked. */
static DsnSmtpOutcome
broken_outcome(const DsnSmtpClient *client, bool closed)
{
    if (client->step == STEP_DOT && client->code < 400 && dsn_smtp_link_dot_left(client->link))
        return DSN_SMTP_UNKNOWN;
    if (client->step >= STEP_RCPT || (client->step == STEP_MAIL && client->code != 0 && !closed))
        return DSN_SMTP_BROKEN;
    return DSN_SMTP_UNTRIED;
}

/* A server may end a connection between two messages, as long as it takes some: that is no fault.
 */
static DsnSmtpRun
break_off(DsnSmtpClient *client, const GError *error)
{
    DsnSmtpMessage *message = client->message;
    bool closed = g_error_matches(error, DSN_SMTP_ERROR, DSN_SMTP_ERROR_CLOSED);

    client->broken = true;
    if (message->outcome == DSN_SMTP_UNTRIED) {
        DsnSmtpOutcome outcome = broken_outcome(client, closed);
        g_autofree char *reply = g_strconcat(
            error->message, outcome == DSN_SMTP_UNKNOWN ? " -- the host may have the message" : "",
            NULL);

        if (outcome != DSN_SMTP_UNTRIED)
            decide(client, message, outcome, reply);
    }
    return closed && client->finished > 0 && message->outcome < DSN_SMTP_BROKEN
               ? DSN_SMTP_RUN_ENDED
               : DSN_SMTP_RUN_FAULT;
}

/* Goes through all messages once, and through what is left of the answers. */
static bool
send_untried(DsnSmtpClient *client, DsnSmtpMessage *messages, size_t count, bool *ret_full,
             GError **error)
{
    DsnSmtpMessage *dotted = NULL;

    *ret_full = false;
    for (size_t i = 0; i < count; i++) {
        if (messages[i].outcome != DSN_SMTP_UNTRIED || !is_fit(client, &messages[i]))
            continue;
        *ret_full = client->begun == client->target->deliveries;
        if (*ret_full || g_atomic_int_get(client->target->stopping) != DSN_SMTP_GO)
            break;
        client->begun++;
        fit_requiretls(client, &messages[i]);
        if (!transact(client, &messages[i], &dotted, error))
            return false;
    }
    return dotted == NULL || hear(client, error);
}

/* True if there are messages to be sent without REQUIRETLS, which are UNTRIED now (rule ENV-19). */
static bool
renounce(DsnSmtpMessage *messages, size_t count)
{
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        if (messages[i].outcome != DSN_SMTP_AGAIN)
            continue;
        any = true;
        messages[i].outcome = DSN_SMTP_UNTRIED;
        messages[i].requiretls = DSN_REQUIRETLS_REFUSED;
        g_clear_pointer(&messages[i].reply, g_free);
    }
    return any;
}

DsnSmtpRun
dsn_smtp_client_send(DsnSmtpClient *client, DsnSmtpMessage *messages, size_t count,
                     DsnSmtpDone done, gpointer user, GError **error)
{
    g_autoptr(GError) own_error = NULL;
    bool good, full;

    client->done = done;
    client->user = user;
    do
        good = send_untried(client, messages, count, &full, &own_error);
    while (good && renounce(messages, count));
    if (good)
        return full ? DSN_SMTP_RUN_ENDED : DSN_SMTP_RUN_DONE;

    DsnSmtpRun run = break_off(client, own_error);
    (void)renounce(messages, count); /* for another connection */
    if (run == DSN_SMTP_RUN_FAULT)
        g_propagate_error(error, g_steal_pointer(&own_error));
    return run;
}
