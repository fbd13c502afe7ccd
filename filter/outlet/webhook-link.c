/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/webhook-link.h"

#include "filter/core/clean-text.h"
#include "filter/outlet/webhook-body.h"

#include <string.h>

/* Bytes of an answer that are read: header fields and content together. */
#define ANSWER_MAX ((size_t)64 * 1024)
/* Of its content, what may be told. */
#define EXCERPT_MAX ((size_t)300)
#define CONNECT_MAX (30 * G_TIME_SPAN_SECOND)

struct DsnWebhookLink {
    CURLM *multi;
    const DsnWebhookOptions *options;
    CURL *easy;         /* NULL: there was no request since the connection was ended */
    CURLSH *share;      /* holds the connection, so that no other link can use it */
    bool connected;     /* it is open behind a request */
    size_t delivered;   /* records over it */
    int64_t idle_since; /* monotonic */

    /* the request at hand */
    bool busy;
    int64_t started; /* monotonic */
    size_t records;
    GBytes *content;
    struct curl_slist *fields;
    GString *status;  /* "200 OK" */
    GString *excerpt; /* of the content */
    size_t received;
    char fault[CURL_ERROR_SIZE];
};

void
dsn_webhook_answer_clear(DsnWebhookAnswer *answer)
{
    g_clear_pointer(&answer->text, g_free);
}

/* ---- what goes out ---- */

static void G_GNUC_PRINTF(2, 3) add_field(DsnWebhookLink *link, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    g_autofree char *field = g_strdup_vprintf(format, values);
    va_end(values);
    link->fields = curl_slist_append(link->fields, field);
}

static void
add_fields(DsnWebhookLink *link, const char *key)
{
    const DsnWebhookOptions *options = link->options;
    GHashTableIter iterator;
    gpointer name, value;
    bool typed = false;

    g_hash_table_iter_init(&iterator, options->http_headers);
    while (g_hash_table_iter_next(&iterator, &name, &value)) {
        typed = typed || g_ascii_strcasecmp(name, "Content-Type") == 0;
        /* libcurl takes a field without a value for one that is not to be sent */
        add_field(link, *(char *)value == '\0' ? "%s;" : "%s: %s", (char *)name, (char *)value);
    }
    if (!typed)
        add_field(link, "Content-Type: application/json");
    add_field(link, "Idempotency-Key: %s", key);
    if (options->compression == DSN_COMPRESSION_GZIP)
        add_field(link, "Content-Encoding: gzip");
    if (options->secret != NULL) {
        g_autofree char *signature = dsn_webhook_sign(
            options->secret, g_get_real_time() / G_TIME_SPAN_SECOND, link->content);
        add_field(link, "Dsnarf-Signature: %s", signature);
    }
    add_field(link, "Expect:"); /* libcurl would wait for 100 (Continue) */
}

/* ---- what comes in ---- */

/* True while more may come. */
static bool
count_received(DsnWebhookLink *link, size_t size)
{
    link->received += size;
    return link->received <= ANSWER_MAX;
}

/* The status line of the last answer: there may be one of a proxy or an interim one before. */
static size_t
take_header(char *data, size_t size, size_t count, void *user)
{
    DsnWebhookLink *link = user;
    size_t len = size * count;
    g_autofree char *line = g_strndup(data, len);

    if (g_str_has_prefix(line, "HTTP/")) {
        const char *status = strchr(line, ' ');

        g_string_assign(link->status, status == NULL ? "" : status);
    }
    return count_received(link, len) ? len : 0;
}

static size_t
take_content(char *data, size_t size, size_t count, void *user)
{
    DsnWebhookLink *link = user;
    size_t len = size * count;

    g_string_append_len(link->excerpt, data, (gssize)MIN(len, EXCERPT_MAX - link->excerpt->len));
    return count_received(link, len) ? len : 0;
}

/* Appends @text without what would break a line, and without blanks around it. */
static void
append_words(GString *text, const GString *words)
{
    g_autofree char *copy = g_strndup(words->str, words->len);

    for (char *c = copy; *c != '\0'; c++) {
        if (g_ascii_isspace(*c))
            *c = ' ';
    }
    dsn_append_clean(text, dsn_span(g_strstrip(copy)));
}

/* ---- the connection ---- */

static void
set_tls(CURL *easy, const DsnWebhookOptions *options)
{
    (void)curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (options->tls_ca != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, options->tls_ca);
        (void)curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    if (options->tls_certificate != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_SSLCERT, options->tls_certificate);
        (void)curl_easy_setopt(easy, CURLOPT_SSLKEY,
                               options->tls_key != NULL ? options->tls_key
                                                        : options->tls_certificate);
    }
}

/* The environment has no say in it. */
static void
set_proxy(CURL *easy, const char *proxy)
{
    const char *rest = proxy == NULL ? NULL : proxy + strlen("socks5://");
    /* "socks5h" lets the proxy look the host up */
    g_autofree char *url = rest == NULL ? g_strdup("") : g_strconcat("socks5h://", rest, NULL);

    (void)curl_easy_setopt(easy, CURLOPT_PROXY, url);
    (void)curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
}

/* What all requests of the link have. */
static void
open_easy(DsnWebhookLink *link)
{
    const DsnWebhookOptions *options = link->options;
    long timeout = (long)(options->timeout / 1000), most = (long)(CONNECT_MAX / 1000);
    long idle = (long)(options->idle_timeout / G_TIME_SPAN_SECOND) + 1;
    CURL *easy = link->easy = curl_easy_init();

    link->share = curl_share_init();
    if (easy == NULL || link->share == NULL)
        g_error("libcurl: there is no memory");
    (void)curl_share_setopt(link->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT);
    (void)curl_easy_setopt(easy, CURLOPT_SHARE, link->share);
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, link);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, link->fault);
    (void)curl_easy_setopt(easy, CURLOPT_URL, options->url);
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    (void)curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, PACKAGE_NAME "/" PACKAGE_VERSION);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, MIN(timeout, most));
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, idle); /* libcurl's own is 118 seconds */
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, link);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_content);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, link);
    (void)curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set_tls(easy, options);
    set_proxy(easy, options->proxy);
}

/* The share closes what it holds. */
static void
close_easy(DsnWebhookLink *link)
{
    g_clear_pointer(&link->easy, curl_easy_cleanup);
    if (link->share != NULL)
        (void)curl_share_cleanup(link->share);
    link->share = NULL;
    link->connected = false;
    link->delivered = 0;
}

static void
clear_request(DsnWebhookLink *link)
{
    (void)curl_multi_remove_handle(link->multi, link->easy);
    g_clear_pointer(&link->fields, curl_slist_free_all);
    g_clear_pointer(&link->content, g_bytes_unref);
    link->busy = false;
}

DsnWebhookLink *
dsn_webhook_link_new(CURLM *multi, const DsnWebhookOptions *options)
{
    DsnWebhookLink *link = g_new0(DsnWebhookLink, 1);

    link->multi = multi;
    link->options = options;
    link->status = g_string_new(NULL);
    link->excerpt = g_string_new(NULL);
    return link;
}

void
dsn_webhook_link_free(DsnWebhookLink *link)
{
    if (link->busy)
        clear_request(link);
    close_easy(link);
    (void)g_string_free(link->status, TRUE);
    (void)g_string_free(link->excerpt, TRUE);
    g_free(link);
}

bool
dsn_webhook_link_is_busy(const DsnWebhookLink *link)
{
    return link->busy;
}

bool
dsn_webhook_link_is_connected(const DsnWebhookLink *link)
{
    return link->connected;
}

void
dsn_webhook_link_tidy(DsnWebhookLink *link)
{
    if (link->easy == NULL || link->busy)
        return;
    if (!link->connected || link->delivered >= link->options->max_deliveries ||
        g_get_monotonic_time() - link->idle_since >= link->options->idle_timeout)
        close_easy(link);
}

/* ---- a request ---- */

void
dsn_webhook_link_begin(DsnWebhookLink *link, GBytes *content, const char *key, size_t records)
{
    gsize size;
    const char *data = g_bytes_get_data(content, &size);

    if (link->easy == NULL)
        open_easy(link);
    link->busy = true;
    link->started = g_get_monotonic_time();
    link->records = records;
    link->content = g_bytes_ref(content);
    link->received = 0;
    g_string_truncate(link->status, 0);
    g_string_truncate(link->excerpt, 0);
    *link->fault = '\0';
    add_fields(link, key);
    (void)curl_easy_setopt(link->easy, CURLOPT_HTTPHEADER, link->fields);
    (void)curl_easy_setopt(link->easy, CURLOPT_POST, 1L);
    (void)curl_easy_setopt(link->easy, CURLOPT_POSTFIELDS, data);
    (void)curl_easy_setopt(link->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
    (void)curl_multi_add_handle(link->multi, link->easy);
}

DsnWebhookLink *
dsn_webhook_link_of(CURL *easy)
{
    char *link = NULL;

    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &link);
    return (DsnWebhookLink *)(void *)link;
}

/* What is wrong with names and certificates stays so until somebody changes it. */
static DsnWebhookVerdict
judge_fault(CURLcode code)
{
    static const CURLcode lasting[] = {
        CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CACERT_BADFILE,
        CURLE_SSL_ISSUER_ERROR,         CURLE_SSL_CIPHER,      CURLE_URL_MALFORMAT};

    for (size_t i = 0; i < G_N_ELEMENTS(lasting); i++) {
        if (code == lasting[i])
            return DSN_WEBHOOK_LASTING;
    }
    return DSN_WEBHOOK_AGAIN;
}

/* An answer that we have cut off is one. */
static void
read_answer(DsnWebhookLink *link, CURLcode code, DsnWebhookAnswer *answer)
{
    bool cut = code == CURLE_WRITE_ERROR && link->received > ANSWER_MAX;
    g_autoptr(GString) text = g_string_new(NULL);
    long status = 0, sent = 0;

    (void)curl_easy_getinfo(link->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(link->easy, CURLINFO_REQUEST_SIZE, &sent);
    if ((code != CURLE_OK && !cut) || status == 0) {
        answer->unsure = sent > 0;
        answer->verdict = judge_fault(code);
        g_string_append(text, *link->fault != '\0' ? link->fault : curl_easy_strerror(code));
        if (status != 0)
            g_string_append_printf(text, ", in an answer of %ld", status);
    } else {
        answer->verdict = dsn_webhook_judge(status);
        append_words(text, link->status);
        if (link->excerpt->len > 0) {
            g_string_append(text, ": ");
            append_words(text, link->excerpt);
        }
    }
    /* cleaned, so ASCII where it is cut in the middle of a character */
    if (text->len > DSN_WEBHOOK_TEXT_MAX)
        g_string_truncate(text, DSN_WEBHOOK_TEXT_MAX);
    answer->text = g_utf8_make_valid(text->str, (gssize)text->len);
}

void
dsn_webhook_link_end(DsnWebhookLink *link, CURLcode code, DsnWebhookAnswer *ret_answer)
{
    curl_socket_t socket = CURL_SOCKET_BAD;
    curl_off_t wait = 0;
    long connects = 0;

    *ret_answer = (DsnWebhookAnswer){0};
    read_answer(link, code, ret_answer);
    (void)curl_easy_getinfo(link->easy, CURLINFO_RETRY_AFTER, &wait);
    (void)curl_easy_getinfo(link->easy, CURLINFO_NUM_CONNECTS, &connects);
    (void)curl_easy_getinfo(link->easy, CURLINFO_ACTIVESOCKET, &socket);
    ret_answer->wait = CLAMP(wait, 0, G_MAXINT32) * G_TIME_SPAN_SECOND;
    ret_answer->took = g_get_monotonic_time() - link->started;
    if (connects > 0)
        link->delivered = 0;
    link->delivered += link->records;
    link->connected = socket != CURL_SOCKET_BAD;
    link->idle_since = g_get_monotonic_time();
    clear_request(link);
    dsn_webhook_link_tidy(link);
}
