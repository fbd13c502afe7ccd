/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/lmtp-session.h"

#include "filter/core/buffer.h"
#include "filter/intake/lmtp-parameters.h"
#include "mime/address.h"

#define FAULTS_MAX 20        /* commands that are none, in a row; then the client goes */
#define PATH_MAX_OCTETS 1000 /* of an address: far more than RFC 5321 section 4.5.3.1.3 has */
#define KEEP_ROOM ((size_t)1 << 20) /* of a message's buffer, for the next message */

/* Where in the data the next byte stands. */
typedef enum Place {
    PLACE_LINE_START, /* behind CRLF, or first of all */
    PLACE_TEXT,
    PLACE_CR,
    PLACE_DOT,   /* behind a dot at the start of a line, which was taken off */
    PLACE_DOT_CR /* that and CR, which is held back */
} Place;

typedef enum Mode {
    MODE_COMMAND,
    MODE_DATA,
    MODE_ANSWER, /* the caller's turn */
    MODE_CLOSED
} Mode;

struct DsnLmtpSession {
    const DsnLmtpOptions *options;
    Mode mode;
    Place place;
    bool in_transaction; /* MAIL was accepted */
    bool overlong;       /* the rest of the command line is skipped */
    unsigned faults;
    GString *line; /* the start of a command that has not come whole */
    GString *replies;
    DsnLmtpEnvelope envelope;
};

static void
reply(DsnLmtpSession *session, const char *text)
{
    g_string_append(session->replies, text);
    g_string_append(session->replies, "\r\n");
}

/* A reply to what no client should send. */
static void
fault(DsnLmtpSession *session, const char *text)
{
    if (++session->faults < FAULTS_MAX)
        reply(session, text);
    else
        dsn_lmtp_session_end(session, "421 4.7.0 Too many errors");
}

static void
reset(DsnLmtpSession *session)
{
    DsnLmtpEnvelope *envelope = &session->envelope;

    g_clear_pointer(&envelope->sender, g_free);
    g_ptr_array_set_size(envelope->recipients, 0);
    dsn_buffer_empty(&envelope->message, KEEP_ROOM);
    envelope->size = 0;
    envelope->utf8 = false;
    session->in_transaction = false;
}

DsnLmtpSession *
dsn_lmtp_session_new(const DsnLmtpOptions *options)
{
    DsnLmtpSession *session = g_new0(DsnLmtpSession, 1);

    session->options = options;
    session->line = g_string_new(NULL);
    session->replies = g_string_new(NULL);
    session->envelope.recipients = g_ptr_array_new_with_free_func(g_free);
    session->envelope.message = g_string_new(NULL);
    g_string_append_printf(session->replies, "220 %s LMTP dsnarf\r\n", options->hostname);
    return session;
}

void
dsn_lmtp_session_free(DsnLmtpSession *session)
{
    if (session == NULL)
        return;
    (void)g_string_free(session->line, TRUE);
    (void)g_string_free(session->replies, TRUE);
    (void)g_string_free(session->envelope.message, TRUE);
    g_ptr_array_unref(session->envelope.recipients);
    g_free(session->envelope.sender);
    g_free(session->envelope.client);
    g_free(session);
}

/* ---- commands ---- */

static void
do_lhlo(DsnLmtpSession *session, DsnSpan argument)
{
    DsnSpan name = dsn_span_trim(argument);

    if (name.len == 0 || memchr(name.data, ' ', name.len) != NULL) {
        fault(session, "501 5.5.4 Syntax: LHLO name");
        return;
    }
    reset(session);
    g_free(session->envelope.client);
    session->envelope.client = dsn_span_dup(name);
    g_string_append_printf(session->replies,
                           "250-%s\r\n"
                           "250-PIPELINING\r\n"
                           "250-ENHANCEDSTATUSCODES\r\n"
                           "250-8BITMIME\r\n"
                           "250-SMTPUTF8\r\n"
                           "250 SIZE %" G_GSIZE_FORMAT "\r\n",
                           session->options->hostname, session->options->message_max);
}

/* RFC 2033 section 4.1. */
static void
do_helo(DsnLmtpSession *session, DsnSpan argument)
{
    (void)argument;
    fault(session, "500 5.5.1 This is LMTP: use LHLO");
}

/* "FROM:<path> parameters": the word in any case; spaces before the path, which should not be
 * there, do no harm. */
static bool
take_argument(DsnSpan *argument, const char *word, DsnSpan *ret_path)
{
    if (!dsn_span_starts(*argument, word))
        return false;
    *argument = dsn_span_from(*argument, strlen(word));
    return dsn_lmtp_take_path(argument, ret_path) && ret_path->len <= PATH_MAX_OCTETS;
}

/* As everything else has it, or as it is written if it is no address by the book: somebody delivers
 * to it all the same. */
static char *
read_address(DsnSpan path)
{
    g_autoptr(GString) address = g_string_new(NULL);
    DsnSpan bracketed = {path.data - 1, path.len + 2};

    if (!dsn_address_normalise(bracketed, address))
        g_string_append_len(address, path.data, (gssize)path.len);
    return g_string_free(g_steal_pointer(&address), FALSE);
}

/* RFC 6531 section 3.5. */
static const char *
check_utf8(DsnSpan path, bool utf8)
{
    if (dsn_text_is_ascii(path))
        return NULL;
    if (!g_utf8_validate_len(path.data, path.len, NULL))
        return "501 5.1.3 The address is not UTF-8";
    return utf8 ? NULL : "553 5.6.7 The address needs SMTPUTF8";
}

static void
do_mail(DsnLmtpSession *session, DsnSpan argument)
{
    DsnLmtpMail mail;
    DsnSpan path;

    if (session->envelope.client == NULL) {
        fault(session, "503 5.5.1 Say LHLO first");
        return;
    }
    if (session->in_transaction) {
        fault(session, "503 5.5.1 Nested MAIL command");
        return;
    }
    if (!take_argument(&argument, "FROM:", &path)) {
        fault(session, "501 5.5.4 Syntax: MAIL FROM:<address>");
        return;
    }

    const char *wrong = dsn_lmtp_read_mail(argument, &mail);
    if (wrong == NULL)
        wrong = check_utf8(path, mail.utf8);
    if (wrong == NULL && mail.size > session->options->message_max)
        wrong = "552 5.3.4 Message too large";
    if (wrong != NULL) {
        reply(session, wrong);
        return;
    }
    session->envelope.sender = read_address(path);
    session->envelope.utf8 = mail.utf8;
    session->in_transaction = true;
    reply(session, "250 2.1.0 Ok");
}

static void
do_rcpt(DsnLmtpSession *session, DsnSpan argument)
{
    GPtrArray *recipients = session->envelope.recipients;
    DsnSpan path;

    if (!session->in_transaction) {
        fault(session, "503 5.5.1 Need MAIL first");
        return;
    }
    if (!take_argument(&argument, "TO:", &path) || dsn_span_trim(path).len == 0) {
        fault(session, "501 5.5.4 Syntax: RCPT TO:<address>");
        return;
    }

    const char *wrong = dsn_lmtp_read_rcpt(argument);
    if (wrong == NULL)
        wrong = check_utf8(path, session->envelope.utf8);
    if (wrong == NULL && recipients->len >= DSN_LMTP_RECIPIENTS_MAX)
        wrong = "452 4.5.3 Too many recipients";
    if (wrong != NULL) {
        reply(session, wrong);
        return;
    }

    g_autofree char *address = read_address(path);
    if (!session->options->takes(dsn_span(address), session->options->user)) {
        reply(session, "550 5.1.1 No reports are taken for this address");
        return;
    }
    g_ptr_array_add(recipients, g_steal_pointer(&address));
    reply(session, "250 2.1.5 Ok");
}

static void
do_data(DsnLmtpSession *session, DsnSpan argument)
{
    if (argument.len > 0) {
        fault(session, "501 5.5.4 Syntax: DATA");
        return;
    }
    if (session->envelope.recipients->len == 0) { /* RFC 2033 section 4.2 */
        fault(session, "503 5.5.1 No valid recipients");
        return;
    }
    session->mode = MODE_DATA;
    session->place = PLACE_LINE_START;
    reply(session, "354 End data with <CR><LF>.<CR><LF>");
}

static void
do_rset(DsnLmtpSession *session, DsnSpan argument)
{
    (void)argument;
    reset(session);
    reply(session, "250 2.0.0 Ok");
}

static void
do_noop(DsnLmtpSession *session, DsnSpan argument)
{
    (void)argument;
    reply(session, "250 2.0.0 Ok");
}

static void
do_vrfy(DsnLmtpSession *session, DsnSpan argument)
{
    (void)argument;
    reply(session, "252 2.0.0 Send some mail and see");
}

static void
do_quit(DsnLmtpSession *session, DsnSpan argument)
{
    (void)argument;
    dsn_lmtp_session_end(session, "221 2.0.0 Bye");
}

static const struct {
    const char *verb;
    void (*run)(DsnLmtpSession *session, DsnSpan argument);
} commands[] = {
    {"LHLO", do_lhlo}, {"MAIL", do_mail}, {"RCPT", do_rcpt}, {"DATA", do_data}, {"RSET", do_rset},
    {"NOOP", do_noop}, {"VRFY", do_vrfy}, {"QUIT", do_quit}, {"HELO", do_helo}, {"EHLO", do_helo},
};

/* Without its line end and spaces there. False if there is a control character in it. */
static bool
clean_line(DsnSpan *line)
{
    if (line->len > 0 && line->data[line->len - 1] == '\r')
        line->len--;
    while (line->len > 0 && line->data[line->len - 1] == ' ')
        line->len--;
    for (size_t i = 0; i < line->len; i++) {
        if (g_ascii_iscntrl(line->data[i]))
            return false;
    }
    return true;
}

static void
run_command(DsnLmtpSession *session, DsnSpan line)
{
    if (session->overlong || !clean_line(&line)) {
        fault(session, session->overlong ? "500 5.5.2 Line too long"
                                         : "500 5.5.2 Control character in the command");
        session->overlong = false;
        return;
    }

    const char *space = line.len > 0 ? memchr(line.data, ' ', line.len) : NULL;
    DsnSpan verb = {line.data, space == NULL ? line.len : (size_t)(space - line.data)};
    DsnSpan argument = dsn_span_from(line, verb.len + (space == NULL ? 0 : 1));
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (dsn_span_is(verb, commands[i].verb)) {
            commands[i].run(session, argument);
            return;
        }
    }
    fault(session, "500 5.5.1 Unknown command");
}

/* Takes a command line, or as much of one as there is. */
static void
step_command(DsnLmtpSession *session, DsnSpan *input)
{
    const char *feed = memchr(input->data, '\n', input->len);
    DsnSpan piece = {input->data, feed == NULL ? input->len : (size_t)(feed - input->data)};

    *input = dsn_span_from(*input, piece.len + (feed == NULL ? 0 : 1));
    if (session->line->len + piece.len + 1 > DSN_LMTP_LINE_MAX) {
        session->overlong = true;
        g_string_truncate(session->line, 0);
    }
    if (feed == NULL) {
        if (!session->overlong)
            g_string_append_len(session->line, piece.data, (gssize)piece.len);
        return;
    }
    if (session->line->len == 0) {
        run_command(session, piece);
        return;
    }
    g_string_append_len(session->line, piece.data, (gssize)piece.len);
    run_command(session, (DsnSpan){session->line->str, session->line->len});
    g_string_truncate(session->line, 0);
}

/* ---- data ---- */

static void
append_data(DsnLmtpSession *session, const char *bytes, size_t len)
{
    DsnLmtpEnvelope *envelope = &session->envelope;
    size_t max = session->options->message_max;

    /* Once it was cut nothing more is added, even when the limit was raised meanwhile. */
    if (envelope->message->len == envelope->size && envelope->size < max)
        g_string_append_len(envelope->message, bytes, (gssize)MIN(len, max - envelope->size));
    envelope->size += len;
}

/* Takes text up to and with the next CR. */
static void
take_text(DsnLmtpSession *session, DsnSpan *input)
{
    const char *cr = memchr(input->data, '\r', input->len);
    size_t len = cr == NULL ? input->len : (size_t)(cr - input->data) + 1;

    append_data(session, input->data, len);
    *input = dsn_span_from(*input, len);
    session->place = cr == NULL ? PLACE_TEXT : PLACE_CR;
}

/* Takes a byte if it is @c. */
static bool
take_byte(DsnSpan *input, char c)
{
    if (input->data[0] != c)
        return false;
    *input = dsn_span_from(*input, 1);
    return true;
}

/* Takes data; the end of it changes the mode (RFC 5321 section 4.5.2). */
static void
step_data(DsnLmtpSession *session, DsnSpan *input)
{
    switch (session->place) {
    case PLACE_LINE_START:
        session->place = take_byte(input, '.') ? PLACE_DOT : PLACE_TEXT;
        break;
    case PLACE_TEXT:
        take_text(session, input);
        break;
    case PLACE_CR:
        session->place = PLACE_TEXT;
        if (take_byte(input, '\n')) {
            append_data(session, "\n", 1);
            session->place = PLACE_LINE_START;
        }
        break;
    case PLACE_DOT:
        session->place = take_byte(input, '\r') ? PLACE_DOT_CR : PLACE_TEXT;
        break;
    case PLACE_DOT_CR:
        if (take_byte(input, '\n')) {
            session->mode = MODE_ANSWER;
            break;
        }
        append_data(session, "\r", 1);
        session->place = PLACE_TEXT;
        break;
    }
}

/* ---- the session ---- */

DsnLmtpStep
dsn_lmtp_session_step(DsnLmtpSession *session, DsnSpan *input)
{
    g_assert(session->mode != MODE_ANSWER);
    while (session->mode != MODE_CLOSED && input->len > 0) {
        if (session->mode == MODE_COMMAND)
            step_command(session, input);
        else
            step_data(session, input);
        if (session->mode == MODE_ANSWER)
            return DSN_LMTP_MESSAGE;
    }
    return session->mode == MODE_CLOSED ? DSN_LMTP_CLOSE : DSN_LMTP_MORE;
}

const DsnLmtpEnvelope *
dsn_lmtp_session_envelope(const DsnLmtpSession *session)
{
    return &session->envelope;
}

void
dsn_lmtp_session_answer(DsnLmtpSession *session, const char *text)
{
    g_assert(session->mode == MODE_ANSWER);
    for (guint i = 0; i < session->envelope.recipients->len; i++)
        reply(session, text);
    reset(session);
    session->faults = 0;
    session->mode = MODE_COMMAND;
}

void
dsn_lmtp_session_end(DsnLmtpSession *session, const char *text)
{
    reply(session, text);
    session->mode = MODE_CLOSED;
}

bool
dsn_lmtp_session_in_data(const DsnLmtpSession *session)
{
    return session->mode == MODE_DATA;
}

GString *
dsn_lmtp_session_replies(DsnLmtpSession *session)
{
    return session->replies;
}
