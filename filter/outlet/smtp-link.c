/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/smtp-link.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "filter/outlet/reply-reader.h"

/* What is sent at once. OpenSSL wants an unfinished write repeated with the same bytes at the same
 * place, so nothing is added to a buffer that is being sent. */
#define OUT_SIZE ((size_t)64 * 1024)
#define IN_SIZE ((size_t)16 * 1024)

/* How long a wait goes on before *stopping is looked at. */
#define SLICE_MS 250

/* Seconds: libcurl's own limits, out of the way of ours. */
#define CURL_LIMIT ((long)3600)

struct DsnSmtpLink {
    const DsnSmtpTarget *target;
    CURL *curl; /* NULL for LMTP, of which libcurl knows nothing */
    curl_socket_t socket;
    char *peer;
    unsigned offers;
    DsnReplyReader reader;
    size_t in_at, in_end; /* read by nobody yet */
    size_t out_at, out_end;
    unsigned due;       /* answers that the server owes */
    guint64 put, sent;  /* bytes in all */
    guint64 dot;        /* of which up to and with the last dot */
    bool early;         /* something was read between the answer to DATA and the dot's leaving */
    const char *closed; /* how the connection ended; NULL: it has not */
    char in[IN_SIZE];
    char out[OUT_SIZE];
};

const DsnSmtpTimes DSN_SMTP_TIMES_DEFAULT = {
    .connect = 30 * G_TIME_SPAN_SECOND,
    .greeting = 5 * G_TIME_SPAN_MINUTE,
    .command = 5 * G_TIME_SPAN_MINUTE,
    .data = 2 * G_TIME_SPAN_MINUTE,
    .block = 3 * G_TIME_SPAN_MINUTE,
    .dot = 10 * G_TIME_SPAN_MINUTE,
    .quit = 5 * G_TIME_SPAN_SECOND,
};

G_DEFINE_QUARK(dsn - smtp - error - quark, dsn_smtp_error)

static bool
fail(GError **error, DsnSmtpError code, const char *what)
{
    g_set_error_literal(error, DSN_SMTP_ERROR, (gint)code, what);
    return false;
}

static bool
fail_late(GError **error, const char *what, GTimeSpan limit)
{
    g_set_error(error, DSN_SMTP_ERROR, DSN_SMTP_ERROR_FAULT, "%s within %g s", what,
                (double)limit / G_TIME_SPAN_SECOND);
    return false;
}

/* ---- up to the answer to EHLO, by libcurl ---- */

typedef struct Opening {
    DsnSmtpLink *link;
    int fd;       /* connected; -1 once it is libcurl's */
    bool in_ehlo; /* the reply at hand is one to EHLO or HELO */
    bool secure;  /* STARTTLS was granted: libcurl goes on through TLS or not at all */
    unsigned replies;
    unsigned code; /* of the last one */
    GString *text;
    int64_t since;    /* when the present wait began */
    const char *late; /* what did not come in time */
    GTimeSpan limit;
    bool bad; /* the text says why */
} Opening;

static void
note_keyword(DsnSmtpLink *link, DsnSpan line)
{
    static const struct {
        const char *keyword;
        DsnSmtpOffer offer;
    } keywords[] = {
        {"PIPELINING", DSN_SMTP_PIPELINING},
        {"8BITMIME", DSN_SMTP_8BITMIME},
        {"SMTPUTF8", DSN_SMTP_SMTPUTF8},
        {"DSN", DSN_SMTP_DSN},
        {"SIZE", DSN_SMTP_SIZE},
        {"AUTH", DSN_SMTP_AUTH},
        {"REQUIRETLS", DSN_SMTP_REQUIRETLS},
    };

    line = dsn_span_trim(dsn_span_from(line, MIN(line.len, 4)));
    const char *space = line.len == 0 ? NULL : memchr(line.data, ' ', line.len);
    if (space != NULL)
        line.len = (size_t)(space - line.data);
    for (size_t i = 0; i < G_N_ELEMENTS(keywords); i++) {
        if (dsn_span_is(line, keywords[i].keyword))
            link->offers |= keywords[i].offer;
    }
}

/* One line of a reply. Of all that libcurl reads here, only replies to EHLO and HELO have the code
 * 250. What was offered before TLS does not count after it (RFC 3207 section 4.2). */
static size_t
on_header(char *bytes, size_t size, size_t count, void *user)
{
    Opening *opening = user;
    DsnReplyReader *reader = &opening->link->reader;
    DsnSpan line = {bytes, size * count};
    bool first = reader->lines == 0;
    size_t used;

    DsnReplyState state = dsn_reply_reader_feed(reader, line, &used);
    if (first)
        opening->in_ehlo = reader->code == 250;
    if (first && opening->in_ehlo)
        opening->link->offers = 0;
    else if (opening->in_ehlo)
        note_keyword(opening->link, line);
    if (first && reader->code == 220 && opening->replies > 0) /* see present_limit() */
        opening->secure = true;
    opening->bad = state == DSN_REPLY_BAD;
    if (state == DSN_REPLY_MORE)
        return line.len;
    g_string_assign(opening->text, reader->text->str);
    opening->code = reader->code;
    opening->replies++;
    opening->since = g_get_monotonic_time();
    dsn_reply_reader_reset(reader);
    return opening->bad ? 0 : line.len;
}

/* The limit of what is being waited for. The only 220 behind the greeting is that of STARTTLS. */
static GTimeSpan
present_limit(const Opening *opening, const char **ret_what)
{
    const DsnSmtpTimes *times = &opening->link->target->times;

    if (opening->replies == 0) {
        *ret_what = "no greeting";
        return times->greeting;
    }
    if (opening->replies > 1 && opening->code == 220) {
        *ret_what = "no answer through TLS";
        return times->connect;
    }
    *ret_what = "no answer to EHLO or AUTH";
    return times->command;
}

/* libcurl calls this at least once a second. */
static int
on_progress(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    Opening *opening = user;
    const char *what;

    (void)a, (void)b, (void)c, (void)d;
    if (g_atomic_int_get(opening->link->target->stopping) != DSN_SMTP_GO)
        return 1;
    opening->limit = present_limit(opening, &what);
    if (g_get_monotonic_time() - opening->since < opening->limit)
        return 0;
    opening->late = what;
    return 1;
}

/* From here on the socket is libcurl's to close. */
static curl_socket_t
on_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    Opening *opening = user;
    int fd = opening->fd;

    (void)purpose, (void)address;
    opening->fd = -1;
    return fd;
}

static int
on_socket_made(void *user, curl_socket_t fd, curlsocktype purpose)
{
    (void)user, (void)fd, (void)purpose;
    return CURL_SOCKOPT_ALREADY_CONNECTED;
}

static bool
set_options(Opening *opening, struct curl_slist *nowhere, char *reason)
{
    const DsnSmtpTarget *target = opening->link->target;
    CURL *curl = opening->link->curl;
    g_autofree char *ehlo = g_uri_escape_string(target->ehlo, NULL, FALSE);
    bool brackets = strchr(target->name, ':') != NULL;
    g_autofree char *url =
        g_strdup_printf(brackets ? "smtp://[%s]/%s" : "smtp://%s/%s", target->name, ehlo);
    bool sure = target->tls == DSN_TLS_REQUIRED || target->tls == DSN_TLS_REQUIRED_INSECURE ||
                target->user != NULL;
    bool verify = target->tls == DSN_TLS_REQUIRED || target->tls == DSN_TLS_OPPORTUNISTIC;
    CURLcode code = CURLE_OK;

#define SET(option, value) (code = code == CURLE_OK ? curl_easy_setopt(curl, option, value) : code)
    SET(CURLOPT_ERRORBUFFER, reason);
    SET(CURLOPT_URL, url);
    SET(CURLOPT_PROTOCOLS_STR, "smtp");
    SET(CURLOPT_PROXY, ""); /* not what the environment names */
    SET(CURLOPT_CONNECT_ONLY, 1L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECT_TO, nowhere);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_socket);
    SET(CURLOPT_OPENSOCKETDATA, opening);
    SET(CURLOPT_SOCKOPTFUNCTION, on_socket_made);
    SET(CURLOPT_CONNECTTIMEOUT, CURL_LIMIT);
    SET(CURLOPT_SERVER_RESPONSE_TIMEOUT, CURL_LIMIT);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, opening);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, opening);
    SET(CURLOPT_USE_SSL, target->tls == DSN_TLS_DISABLED ? (long)CURLUSESSL_NONE
                         : sure                          ? (long)CURLUSESSL_ALL
                                                         : (long)CURLUSESSL_TRY);
    SET(CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
    SET(CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
    if (target->tls_ca != NULL)
        SET(CURLOPT_CAINFO, target->tls_ca);
    if (target->user != NULL) {
        SET(CURLOPT_USERNAME, target->user);
        SET(CURLOPT_PASSWORD, target->password == NULL ? "" : target->password);
    }
#undef SET
    return code == CURLE_OK;
}

static bool
fail_opening(const Opening *opening, CURLcode code, const char *reason, GError **error)
{
    if (opening->late != NULL)
        return fail_late(error, opening->late, opening->limit);
    if (g_atomic_int_get(opening->link->target->stopping) != DSN_SMTP_GO)
        return fail(error, DSN_SMTP_ERROR_STOPPED, "stopping");
    if (opening->bad || opening->code >= 400)
        return fail(error, DSN_SMTP_ERROR_FAULT, opening->text->str);
    return fail(error, DSN_SMTP_ERROR_FAULT, *reason == '\0' ? curl_easy_strerror(code) : reason);
}

/* libcurl has a socket that is connected: it need not look up the name, which stays what the
 * certificate must be for. */
static CURLcode
perform(Opening *opening, char *reason)
{
    DsnSmtpLink *link = opening->link;
    struct curl_slist *nowhere = curl_slist_append(NULL, "::127.0.0.1:1");
    CURLcode code = nowhere == NULL || !set_options(opening, nowhere, reason)
                        ? CURLE_FAILED_INIT
                        : curl_easy_perform(link->curl);

    /* what these point to ends here */
    (void)curl_easy_setopt(link->curl, CURLOPT_CONNECT_TO, NULL);
    (void)curl_easy_setopt(link->curl, CURLOPT_ERRORBUFFER, NULL);
    (void)curl_easy_setopt(link->curl, CURLOPT_NOPROGRESS, 1L);
    (void)curl_easy_setopt(link->curl, CURLOPT_HEADERFUNCTION, NULL);
    (void)curl_easy_setopt(link->curl, CURLOPT_HEADERDATA, NULL);
    curl_slist_free_all(nowhere);
    return code;
}

char *
dsn_smtp_peer_name(const char *name, const DsnSocketAddress *address)
{
    g_autofree char *host = dsn_socket_address_host(address);

    if (address->any.sa_family == AF_UNIX)
        return g_strconcat("unix:", host, NULL);
    return g_strdup_printf("%s[%s]:%u", name, host, dsn_socket_address_port(address));
}

void
dsn_smtp_link_free(DsnSmtpLink *link)
{
    if (link == NULL)
        return;
    if (link->curl != NULL)
        curl_easy_cleanup(link->curl);
    else if (link->socket != CURL_SOCKET_BAD)
        (void)close(link->socket);
    dsn_reply_reader_clear(&link->reader);
    g_free(link->peer);
    g_free(link);
}

unsigned
dsn_smtp_link_offers(const DsnSmtpLink *link)
{
    return link->offers;
}

const char *
dsn_smtp_link_peer(const DsnSmtpLink *link)
{
    return link->peer;
}

/* ---- bytes ---- */

/* CURLE_AGAIN if there is nothing to be read yet, CURLE_OK and no bytes at the end. */
static CURLcode
read_some(DsnSmtpLink *link, char *bytes, size_t room, size_t *ret_count)
{
    if (link->curl != NULL)
        return curl_easy_recv(link->curl, bytes, room, ret_count);

    ssize_t count = recv(link->socket, bytes, room, 0);
    *ret_count = (size_t)MAX(count, 0);
    if (count >= 0)
        return CURLE_OK;
    return errno == EAGAIN || errno == EINTR ? CURLE_AGAIN : CURLE_RECV_ERROR;
}

static CURLcode
write_some(DsnSmtpLink *link, const char *bytes, size_t len, size_t *ret_count)
{
    if (link->curl != NULL)
        return curl_easy_send(link->curl, bytes, len, ret_count);

    ssize_t count = send(link->socket, bytes, len, MSG_NOSIGNAL);
    *ret_count = (size_t)MAX(count, 0);
    if (count >= 0)
        return CURLE_OK;
    return errno == EAGAIN || errno == EINTR ? CURLE_AGAIN : CURLE_SEND_ERROR;
}

/* Reads what is there, as far as there is room. True if anything came. */
static bool
receive(DsnSmtpLink *link)
{
    size_t count = 0;

    if (link->in_at == link->in_end)
        link->in_at = link->in_end = 0;
    if (link->closed != NULL || link->in_end == IN_SIZE)
        return false;
    CURLcode code = read_some(link, link->in + link->in_end, IN_SIZE - link->in_end, &count);
    if (code == CURLE_AGAIN)
        return false;
    if (code != CURLE_OK || count == 0) {
        link->closed = code == CURLE_OK ? "lost connection" : "lost connection (reset)";
        return false;
    }
    link->in_end += count;
    if (link->sent < link->dot)
        link->early = true;
    return true;
}

/* Waits for @events until @until. What TLS has read already does not show: receive() comes first.
 */
static bool
wait_for(DsnSmtpLink *link, short events, int64_t until, const char *what, GTimeSpan limit,
         GError **error)
{
    for (;;) {
        struct pollfd fd = {.fd = link->socket, .events = events};
        int64_t left = until - g_get_monotonic_time();

        if (g_atomic_int_get(link->target->stopping) == DSN_SMTP_CUT)
            return fail(error, DSN_SMTP_ERROR_STOPPED, "stopping");
        if (left <= 0)
            return fail_late(error, what, limit);
        if (poll(&fd, 1, (int)MIN(left / 1000 + 1, SLICE_MS)) > 0)
            return true;
    }
}

/* Sends all that is buffered, and reads meanwhile, lest both sides wait for each other (RFC 2920
 * section 3.1). When the server is gone the rest is dropped: what it said before is still to be
 * read. */
static bool
flush(DsnSmtpLink *link, GError **error)
{
    GTimeSpan limit = link->target->times.block;
    int64_t until = g_get_monotonic_time() + limit;

    while (link->out_at < link->out_end && link->closed == NULL) {
        size_t count = 0;
        CURLcode code =
            write_some(link, link->out + link->out_at, link->out_end - link->out_at, &count);

        if (code == CURLE_OK) {
            link->out_at += count;
            link->sent += count;
            continue;
        }
        if (code != CURLE_AGAIN) {
            while (receive(link))
                continue;
            link->closed = "lost connection while sending";
            break;
        }
        (void)receive(link); /* seen by what follows */
        short events = link->in_end < IN_SIZE ? POLLIN | POLLOUT : POLLOUT;
        if (!wait_for(link, events, until, "nothing was taken", limit, error))
            return false;
    }
    link->out_at = link->out_end = 0;
    return true;
}

static bool
put(DsnSmtpLink *link, DsnSpan bytes, GError **error)
{
    while (bytes.len > 0) {
        size_t count = MIN(bytes.len, OUT_SIZE - link->out_end);

        memcpy(link->out + link->out_end, bytes.data, count);
        link->out_end += count;
        link->put += count;
        bytes = dsn_span_from(bytes, count);
        if (link->out_end == OUT_SIZE && !flush(link, error))
            return false;
    }
    return true;
}

bool
dsn_smtp_link_is_quiet(DsnSmtpLink *link)
{
    return link->in_at == link->in_end && !receive(link) && link->closed == NULL;
}

bool
dsn_smtp_link_command(DsnSmtpLink *link, const char *command, GError **error)
{
    if (link->due == 0 && link->in_at < link->in_end)
        return fail(error, DSN_SMTP_ERROR_FAULT, "an answer to nothing");
    link->due++;
    return put(link, dsn_span(command), error);
}

/* The dot of "\n." is doubled also behind a bare LF, which some servers take for the end of a line.
 */
static bool
put_stuffed(DsnSmtpLink *link, DsnSpan content, GError **error)
{
    const char *hit;

    if (dsn_span_starts(content, ".") && !put(link, DSN_SPAN_LITERAL("."), error))
        return false;
    while (content.len > 0 && (hit = memmem(content.data, content.len, "\n.", 2)) != NULL) {
        size_t to = (size_t)(hit - content.data) + 1;

        if (!put(link, (DsnSpan){content.data, to}, error) ||
            !put(link, DSN_SPAN_LITERAL("."), error))
            return false;
        content = dsn_span_from(content, to);
    }
    return put(link, content, error);
}

bool
dsn_smtp_link_content(DsnSmtpLink *link, DsnSpan content, GError **error)
{
    bool ended = !dsn_span_present(content) ||
                 (content.len >= 2 && memcmp(content.data + content.len - 2, "\r\n", 2) == 0);

    g_assert(link->due == 0);
    link->early = link->in_at < link->in_end;
    link->dot = G_MAXUINT64; /* not known before it is written */
    if (!put_stuffed(link, content, error) ||
        !put(link, ended ? DSN_SPAN_LITERAL(".\r\n") : DSN_SPAN_LITERAL("\r\n.\r\n"), error))
        return false;
    link->dot = link->put;
    link->due++;
    return true;
}

bool
dsn_smtp_link_dot_left(const DsnSmtpLink *link)
{
    return link->sent >= link->dot;
}

/* ---- replies ---- */

static unsigned
take_answer(DsnSmtpLink *link, const char **ret_text, GError **error)
{
    unsigned code = link->reader.code;
    bool early = link->early;

    link->due--;
    link->early = false;
    if (early && code < 300) {
        (void)fail(error, DSN_SMTP_ERROR_FAULT, "an answer before the end of the content");
        return 0;
    }
    *ret_text = link->reader.text->str;
    return code;
}

unsigned
dsn_smtp_link_answer(DsnSmtpLink *link, GTimeSpan limit, const char **ret_text, GError **error)
{
    if (!flush(link, error))
        return 0;

    int64_t until = g_get_monotonic_time() + limit;
    DsnReplyState state = DSN_REPLY_MORE;
    dsn_reply_reader_reset(&link->reader);
    for (;;) {
        DsnSpan bytes = {link->in + link->in_at, link->in_end - link->in_at};
        size_t used;

        state = dsn_reply_reader_feed(&link->reader, bytes, &used);
        link->in_at += used;
        if (state == DSN_REPLY_DONE)
            return take_answer(link, ret_text, error);
        if (state == DSN_REPLY_BAD) {
            (void)fail(error, DSN_SMTP_ERROR_FAULT, link->reader.text->str);
            return 0;
        }
        if (receive(link))
            continue;
        if (link->closed != NULL) {
            (void)fail(error, DSN_SMTP_ERROR_CLOSED, link->closed);
            return 0;
        }
        if (!wait_for(link, POLLIN, until, "no answer", limit, error))
            return 0;
    }
}

/* ---- opening ---- */

/* Reads one reply, as libcurl does for SMTP. */
static bool
hear_opening(DsnSmtpLink *link, Opening *opening, GTimeSpan limit, const char *what, GError **error)
{
    int64_t until = g_get_monotonic_time() + limit;
    unsigned before = opening->replies;
    g_autoptr(GString) line = g_string_new(NULL);

    while (opening->replies == before) {
        const char *start = link->in + link->in_at;
        size_t len = link->in_end - link->in_at;
        const char *end = memchr(start, '\n', len);

        if (len == 0 && !receive(link)) {
            if (link->closed != NULL)
                return fail(error, DSN_SMTP_ERROR_CLOSED, link->closed);
            if (!wait_for(link, POLLIN, until, what, limit, error))
                return false;
            continue;
        }
        len = end == NULL ? len : (size_t)(end - start) + 1;
        g_string_append_len(line, start, (gssize)len);
        link->in_at += len;
        if (end != NULL || line->len > IN_SIZE) {
            (void)on_header(line->str, 1, line->len, opening);
            g_string_truncate(line, 0);
        }
    }
    return (!opening->bad && opening->code < 300) ||
           fail(error, DSN_SMTP_ERROR_FAULT, opening->text->str);
}

/* RFC 2033 section 4.1. */
static bool
greet_lmtp(DsnSmtpLink *link, Opening *opening, GError **error)
{
    const DsnSmtpTimes *times = &link->target->times;
    g_autofree char *command = g_strdup_printf("LHLO %s\r\n", link->target->ehlo);

    if (!hear_opening(link, opening, times->greeting, "no greeting", error) ||
        !dsn_smtp_link_command(link, command, error) || !flush(link, error) ||
        !hear_opening(link, opening, times->command, "no answer to LHLO", error))
        return false;
    link->due = 0;
    link->offers &= ~(unsigned)(DSN_SMTP_AUTH | DSN_SMTP_REQUIRETLS);
    dsn_reply_reader_reset(&link->reader);
    return true;
}

static bool
open_by_curl(DsnSmtpLink *link, Opening *opening, GError **error)
{
    char reason[CURL_ERROR_SIZE] = "";

    link->curl = curl_easy_init();
    CURLcode code = link->curl == NULL ? CURLE_FAILED_INIT : perform(opening, reason);
    if (opening->fd >= 0) /* it was not wanted */
        (void)close(opening->fd);
    if (code != CURLE_OK)
        return fail_opening(opening, code, reason, error);
    code = curl_easy_getinfo(link->curl, CURLINFO_ACTIVESOCKET, &link->socket);
    if (code != CURLE_OK || link->socket == CURL_SOCKET_BAD)
        return fail(error, DSN_SMTP_ERROR_FAULT, "the connection was closed at once");
    /* libcurl goes on without; the host would refuse every recipient then */
    if (link->target->user != NULL && (link->offers & DSN_SMTP_AUTH) == 0)
        return fail(error, DSN_SMTP_ERROR_FAULT, "AUTH is not offered");
    if (!opening->secure) /* RFC 8689 section 2: it does not count */
        link->offers &= ~(unsigned)DSN_SMTP_REQUIRETLS;
    return true;
}

DsnSmtpLink *
dsn_smtp_link_open(const DsnSmtpTarget *target, GError **error)
{
    g_autoptr(DsnSmtpLink) link = g_new0(DsnSmtpLink, 1);
    g_autoptr(GString) text = g_string_new(NULL);
    Opening opening = {.link = link, .text = text};

    link->target = target;
    link->socket = CURL_SOCKET_BAD;
    link->peer = dsn_smtp_peer_name(target->name, &target->address);
    dsn_reply_reader_init(&link->reader);
    opening.fd =
        dsn_dial(&target->address, target->route, target->times.connect, target->stopping, error);
    opening.since = g_get_monotonic_time();
    if (opening.fd < 0)
        return NULL;
    if (target->lmtp)
        link->socket = opening.fd;
    bool good =
        target->lmtp ? greet_lmtp(link, &opening, error) : open_by_curl(link, &opening, error);
    return good ? g_steal_pointer(&link) : NULL;
}
