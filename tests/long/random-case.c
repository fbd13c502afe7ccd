/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "tests/long/random-case.h"

#define NOW 1795176000 /* 2026-11-20 12:00:00 UTC */

/* ---- chance ---- */

/* splitmix64: as good as is needed, and the same everywhere. */
static guint64
next(guint64 *state)
{
    guint64 z = *state += G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static size_t
below(guint64 *state, size_t limit)
{
    return (size_t)(next(state) % limit);
}

static bool
percent(guint64 *state, unsigned chance)
{
    return below(state, 100) < chance;
}

#define PICK(state, array) ((array)[below(state, G_N_ELEMENTS(array))])

/* ---- texts ---- */

static const char *const pieces[] = {
    "no",
    "such user",
    "mailbox full",
    " ",
    "  ",
    "\t",
    "\r\n",
    "\n",
    "\r",
    "\n\n",
    "\r\nX-Injected: yes\r\n",
    "\r\n\r\n--",
    "--=_",
    "(",
    ")",
    "((",
    "\\",
    "\\(",
    "\"",
    "<script>alert(1)</script>",
    "https://example.com/?a=b&c=d",
    "&amp;",
    "{{ sender }}",
    "{% if %}",
    "KumoMTA internal: ",
    "\\ ",
    "a\\ b\\ c\\",
    "Remote-MTA: dns; x",
    "=_91ff",
    "\xc3\x28",
    "\xff\xfe",
    "=?utf-8?Q?=C3=BC?=",
    "=?iso-8859-1?B?/A==?=",
    "=?utf-8?q?broken",
    "=20",
    "=",
    "550-5.1.1 ",
    "5.7.1",
    "550 ",
    "<jane@customer.example>",
    "[192.0.2.1]",
    "smtp;",
    "rfc822;",
    ";",
    ",",
    ":",
    "%s%n",
    ".",
    "\r\n.\r\n",
    "From ",
    "\x01\x02\x1b[31m",
    "\x7f",
    "\xc2\x85",
    "\xc2\xa0",
    "\xc3\xbc\xc3\xb6\xc3\x9f",
    "caf\xc3\xa9",
    "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
    "\xf0\x9f\x98\x80",
    "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d",
    "\xe2\x80\xae"
    "evil",
    "\xe2\x80\xa8",
    "a\xcc\x81",
    "\xef\xbf\xbd",
    "\xf4\x8f\xbf\xbf",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    "aaaaaa",
};

/* Without NUL; what is no UTF-8 does not get into JSON. */
static void
append_wild(guint64 *state, size_t most, GString *text)
{
    size_t count = below(state, most + 1);

    for (size_t i = 0; i < count; i++) {
        g_string_append(text, PICK(state, pieces));
        if (percent(state, 50))
            g_string_append_c(text, ' ');
        if (percent(state, 2)) /* what no line can hold */
            for (size_t n = below(state, 3000); n > 0; n--)
                g_string_append_c(text, 'x');
    }
}

static char *
wild(guint64 *state, size_t most)
{
    GString *text = g_string_new(NULL);

    append_wild(state, most, text);
    return g_string_free(text, FALSE);
}

static json_t *
wild_json(guint64 *state, size_t most)
{
    g_autofree char *text = wild(state, most);
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    return json_string(valid);
}

/* ---- addresses ---- */

static const char *const locals[] = {
    "jane",
    "Jane.Doe",
    "news+4711",
    "a",
    "bounce+jane=customer.example",
    "SRS0=abc=de=shop.example=news",
    "o'neil",
    "x_y-z",
    "!#$%&'*/=?^`{|}~",
    "\"a b\"",
    "\"jane(x)\"",
    "\"semi;colon\"",
    "\"at@sign\"",
    "0123456789012345678901234567890123456789012345678901234567890123",
};

static const char *const utf8_locals[] = {
    "jos\xc3\xa9",
    "\xe6\x97\xa5\xe6\x9c\xac",
    "\xf0\x9f\x98\x80",
};

static const char *const domains[] = {
    "customer.example", "Shop.Example",       "mx-1.a.b.c.d.example",  "x--y.example",
    "[192.0.2.1]",      "[IPv6:2001:db8::1]", "xn--bcher-kva.example",
};

static const char *const utf8_domains[] = {
    "b\xc3\xbc"
    "cher.example",
    "\xe4\xbe\x8b\xe3\x81\x88.example",
};

static const char *const wild_addresses[] = {
    "jane",
    "",
    "jane@",
    "@x.example",
    "a b@c.example",
    "jane@x.example\r\nX-Injected: yes",
    "\xe2\x80\xae@x.example",
    "<jane@x.example>",
    "jane@x.example (comment)",
    "\"@x.example",
    "jane@-",
};

static char *
address(guint64 *state, bool ascii, bool *writable)
{
    if (percent(state, 1)) {
        *writable = false;
        return g_strdup(PICK(state, wild_addresses));
    }

    bool utf8 = !ascii && percent(state, 12);
    const char *local = utf8 && percent(state, 70) ? PICK(state, utf8_locals) : PICK(state, locals);
    const char *domain =
        utf8 && percent(state, 50) ? PICK(state, utf8_domains) : PICK(state, domains);
    return percent(state, 30)
               ? g_strdup_printf("r%u.%s@%s", (unsigned)below(state, 100000),
                                 local[0] == '"' || strlen(local) > 50 ? "x" : local, domain)
               : g_strdup_printf("%s@%s", local, domain);
}

/* ---- originals ---- */

static const char *const header_lines[] = {
    "From: Shop <news@shop.example>",
    "To: jane@customer.example",
    "Subject: Your order",
    "Subject: =?utf-8?B?w7xiZXI=?= order",
    "Subject: \xc3\xbc"
    "ber alles",
    "Subject: \xfc"
    "ber",
    "Subject:",
    "Date: Fri, 20 Nov 2026 09:14:58 +0000",
    "Message-ID: <4711@shop.example>",
    "Message-ID: <a b@shop.example>",
    "Message-ID: <4711@shop.example> <4712@shop.example>",
    "Message-ID:\r\n <folded@shop.example>",
    "References: <1@shop.example>\r\n\t<2@shop.example>",
    "In-Reply-To: <2@shop.example>",
    "Received: from a (b [192.0.2.1])\r\n\tby c; Fri, 20 Nov 2026 09:14:58 +0000",
    "DKIM-Signature: v=1; d=shop.example; s=a; h=from; bh=YQ==; b=YQ==",
    "Content-Language: de",
    "Accept-Language: ja, en;q=0.5",
    "X-Long: "
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "X-Kanji: \xe6\x97\xa5\xe6\x9c\xac",
    "X-Control: \x01\x1b",
    "Return-Path: <>",
    "no field at all",
    " continued",
    "Bcc: secret@shop.example",
    "List-Unsubscribe: <https://shop.example/u>",
    "X-Dsnarf-Notice: forged",
    "X-KumoRef: eyJfQF8iOiJcXF8vIiwicmVjaXBpZW50IjoiYW5uQHBhcnRuZXIuZXhhbXBsZSJ9",
};

static const char *const types[] = {
    "text/plain",
    "text/plain; charset=utf-8",
    "text/html; charset=iso-8859-1",
    "application/octet-stream",
    "message/rfc822",
    "application/x-broken; name=\"\xc3\xbc.txt\"",
    "text",
    "",
};

static const char *const encodings[] = {
    NULL, NULL, "7bit", "8bit", "binary", "quoted-printable", "base64", "x-unknown", "7bit",
};

static const char *const body_pieces[] = {
    "Dear Jane",
    "\r\n",
    "\r\n",
    "\n",
    "\r",
    "--",
    "--=_",
    ".",
    "\xc3\xbc",
    "\xfc",
    "=3D",
    "=\r\n",
    "SGVsbG8gd29ybGQ=",
    "\r\n\r\n",
    "From here\r\n",
    "\t \r\n",
    "--inner\r\n",
    "\r\n--inner0--\r\n",
};

static void
append_body(guint64 *state, GString *original)
{
    size_t count = below(state, 12);

    for (size_t i = 0; i < count; i++) {
        g_string_append(original, PICK(state, body_pieces));
        if (percent(state, 3))
            for (size_t n = below(state, 2500); n > 0; n--)
                g_string_append_c(original, 'y');
        if (percent(state, 1))
            g_string_append_c(original, '\0');
    }
}

static void
append_type(guint64 *state, GString *original)
{
    const char *encoding = PICK(state, encodings);

    if (percent(state, 85))
        g_string_append_printf(original, "Content-Type: %s\r\n", PICK(state, types));
    if (encoding != NULL)
        g_string_append_printf(original, "Content-Transfer-Encoding: %s\r\n", encoding);
}

/* A part with its header, in @depth multiparts. */
static void
append_part(guint64 *state, unsigned depth, GString *original)
{
    static const char *const subtypes[] = {"mixed", "alternative", "related", "signed", "digest"};

    if (depth > 3 || !percent(state, 40)) {
        append_type(state, original);
        g_string_append(original, "\r\n");
        append_body(state, original);
        return;
    }
    if (percent(state, 20))
        g_string_append_printf(original, "Content-Transfer-Encoding: %s\r\n",
                               percent(state, 80) ? "8bit" : "base64");
    g_string_append_printf(original, "Content-Type: multipart/%s; boundary=\"inner%u\"\r\n\r\n",
                           PICK(state, subtypes), depth);
    if (percent(state, 20))
        append_body(state, original); /* a preamble */
    for (size_t n = below(state, 4); n > 0; n--) {
        g_string_append_printf(original, "\r\n--inner%u\r\n", depth);
        append_part(state, depth + 1, original);
    }
    if (percent(state, 90))
        g_string_append_printf(original, "\r\n--inner%u--\r\n", depth);
    if (percent(state, 10))
        append_body(state, original); /* an epilogue */
}

/* Mostly CRLF; otherwise LF, or CR, or no end at all. */
static void
change_line_ends(guint64 *state, GString *original)
{
    if (percent(state, 15))
        (void)g_string_replace(original, "\r\n", "\n", 0);
    else if (percent(state, 2))
        (void)g_string_replace(original, "\r\n", "\r", 0);
    if (percent(state, 3) && original->len > 0)
        g_string_truncate(original, below(state, original->len));
}

static void
make_original(guint64 *state, GString *original)
{
    if (percent(state, 4)) { /* nothing that looks like mail */
        append_body(state, original);
        return;
    }
    if (percent(state, 80))
        g_string_append(original, "From: Shop <news@shop.example>\r\nSubject: Offers\r\n");
    for (size_t n = below(state, 12); n > 0; n--)
        g_string_append_printf(original, "%s\r\n", PICK(state, header_lines));
    if (percent(state, 1)) /* a header that is large */
        for (size_t n = below(state, 3000); n > 0; n--)
            g_string_append_printf(original, "%s\r\n", PICK(state, header_lines));
    if (percent(state, 60))
        g_string_append(original, "MIME-Version: 1.0\r\n");
    append_part(state, 0, original);
    if (percent(state, 1))
        for (size_t n = below(state, 3000); n > 0; n--)
            append_body(state, original);
    change_line_ends(state, original);
}

/* ---- records ---- */

/* What the peer said, in one line or, as the records have it, in several. */
static json_t *
make_reply(guint64 *state, unsigned code)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (percent(state, 80))
        return wild_json(state, percent(state, 80) ? 6 : 40);
    for (size_t n = 2 + below(state, 5); n > 0; n--) {
        g_autofree char *line = wild(state, 4);
        g_autofree char *valid = g_utf8_make_valid(line, -1);

        if (percent(state, 50))
            g_string_append_printf(text, "%u%c", code, n > 1 ? '-' : ' ');
        if (percent(state, 50))
            g_string_append_printf(text, "%u.1.1 ", code / 100);
        g_string_append_printf(text, "%s%s", valid, n > 1 ? "\n" : "");
    }
    return json_string(text->str);
}

static json_t *
make_response(guint64 *state, DsnAction action)
{
    static const unsigned failed[] = {550, 550, 551, 552, 553, 554, 571, 500, 421, 450, 400};
    static const unsigned delayed[] = {421, 450, 451, 452, 432, 400};
    unsigned code = action == DSN_ACTION_FAILED    ? PICK(state, failed)
                    : action == DSN_ACTION_DELAYED ? PICK(state, delayed)
                                                   : 250;
    json_t *enhanced = json_null();

    if (percent(state, 60))
        enhanced = json_pack("{s:i,s:i,s:i}", "class",
                             percent(state, 95) ? (int)(code / 100) : (int)below(state, 7),
                             "subject", (int)below(state, percent(state, 95) ? 8 : 1000), "detail",
                             (int)below(state, percent(state, 95) ? 31 : 1000));
    return json_pack("{s:i,s:o,s:o,s:s}", "code", (int)code, "enhanced_code", enhanced, "content",
                     make_reply(state, code), "command", "RCPT TO:<x>\r\n");
}

static json_t *
make_peer(guint64 *state)
{
    static const char *const names[] = {
        "mx.customer.example.", "MX-1.customer.example", "", "[198.51.100.25]", "a b", "mx_1.x",
        "m\xc3\xbc.example",    "198.51.100.25"};
    static const char *const addresses[] = {"198.51.100.25", "2001:db8::25", "198.51.100.25:25",
                                            "[2001:db8::25]:25", "/run/lmtp.sock"};

    if (percent(state, 15))
        return json_null();
    return json_pack("{s:s,s:s}", "name", PICK(state, names), "addr", PICK(state, addresses));
}

/* Parameters of RFC 3461, some of them broken. */
static json_t *
make_meta(guint64 *state)
{
    static const char *const envids[] = {"order-4711", "a+20b", "QQ+2B+3D", "bad envid",
                                         "+zz",        "x+28y", "+29"};
    static const char *const orcpts[] = {"rfc822;Jane+2Bx@customer.example",
                                         "utf-8;jos\\x{E9}@customer.example",
                                         "utf-8;jos\xc3\xa9@customer.example",
                                         "utf-8;broken\\x{zz}@x.example",
                                         "x400;/C=DE/S=Jane",
                                         "rfc822;a+28b@x.example",
                                         "nonsense"};
    json_t *meta = json_object();

    if (percent(state, 30))
        (void)json_object_set_new(meta, "envid", json_string(PICK(state, envids)));
    if (percent(state, 30))
        (void)json_object_set_new(meta, "orcpt", json_string(PICK(state, orcpts)));
    if (percent(state, 30))
        (void)json_object_set_new(meta, "ret", json_string(percent(state, 50) ? "FULL" : "hdrs"));
    if (percent(state, 5))
        (void)json_object_set_new(meta, "requiretls", json_true());
    if (percent(state, 30))
        (void)json_object_set_new(meta, "notify", json_string("SUCCESS,FAILURE,DELAY"));
    if (percent(state, 20))
        (void)json_object_set_new(meta, "subject", wild_json(state, 5));
    return meta;
}

/* What the relay was told to log of the original. */
static json_t *
make_headers(guint64 *state)
{
    static const char *const names[] = {"Subject", "Message-ID", "Date", "accept-language",
                                        "Content-Language"};
    json_t *headers = json_object();

    for (size_t n = percent(state, 30) ? below(state, 6) : 0; n > 0; n--) {
        const char *name = PICK(state, names);
        json_t *value = percent(state, 30) ? json_string(percent(state, 50) ? "ja, de" : "<1@x.y>")
                                           : wild_json(state, 5);

        (void)json_object_set_new(headers, name,
                                  percent(state, 50) ? value : json_pack("[o]", value));
    }
    return headers;
}

static json_t *
make_recipients(guint64 *state, bool *writable)
{
    size_t count = percent(state, 70) ? 1 : 1 + below(state, percent(state, 90) ? 8 : 300);
    json_t *recipients = json_array();

    for (size_t i = 0; i < count; i++) {
        g_autofree char *one = address(state, false, writable);

        (void)json_array_append_new(recipients, json_string(one));
    }
    if (count > 1 || percent(state, 30))
        return recipients;
    json_t *only = json_incref(json_array_get(recipients, 0));
    json_decref(recipients);
    return only;
}

static int64_t
moment(guint64 *state)
{
    if (percent(state, 2)) /* far away */
        return (int64_t)(next(state) % 300000000000) - 50000000000;
    return NOW - (int64_t)below(state, 8 * 86400);
}

static const char *
type_for(guint64 *state, DsnAction action)
{
    static const char *const failed[] = {"Bounce", "Bounce", "Expiration", "AdminBounce"};
    static const char *const delayed[] = {"TransientFailure", "Delayed"};

    return action == DSN_ACTION_FAILED    ? PICK(state, failed)
           : action == DSN_ACTION_DELAYED ? PICK(state, delayed)
                                          : "Delivery";
}

static DsnRecord *
make_record(guint64 *state, DsnAction action, const char *type, const char *sender, json_t *meta,
            bool *writable)
{
    static const char *const protocols[] = {"ESMTP", "ESMTP", "ESMTP", "LMTP", "HTTP", "Maildir"};
    static const char *const classes[] = {"InvalidRecipient", "Uncategorized", "SpamBlock",
                                          "\xc3\xbc"};
    static const char *const ids[] = {"1d98076abbbc11ed940250ebf67f93bd", "", "a b", "x(y",
                                      "\r\nX: y"};
    g_autoptr(GError) error = NULL;
    int64_t created = moment(state), event = created + (int64_t)below(state, 5 * 86400);
    json_auto_t *json = json_pack(
        "{s:s,s:s,s:s,s:o,s:s,s:s,s:i,s:o,s:o,s:I,s:I,s:i,s:s,s:n,s:n,s:n,s:O,s:o,s:s,s:s,s:s}",
        "type", type, "id", percent(state, 95) ? ids[0] : PICK(state, ids), "sender", sender,
        "recipient", make_recipients(state, writable), "queue", "news:shop@customer.example",
        "site", "pool1->mx.customer.example", "size", (int)below(state, 100000), "response",
        make_response(state, action), "peer_address", make_peer(state), "timestamp",
        (json_int_t)event, "created", (json_int_t)created, "num_attempts", (int)below(state, 50),
        "bounce_classification", PICK(state, classes), "egress_pool", "egress_source",
        "feedback_report", "meta", meta, "headers", make_headers(state), "delivery_protocol",
        PICK(state, protocols), "reception_protocol", "ESMTP", "nodeid",
        "557f3ad4-2c8c-11ee-976e-782d7e12e173");

    g_assert(json != NULL);
    DsnRecord *record = dsn_record_from_json(json, &error);
    if (record == NULL)
        g_error("the record is none: %s", error->message);
    return record;
}

/* ---- tenants ---- */

static DsnSpan
keep(DsnRandomCase *random, char *text)
{
    g_ptr_array_add(random->texts, text);
    return dsn_span(text);
}

static void
make_options(DsnRandomCase *random, guint64 *state, const DsnCatalog *catalog)
{
    static const DsnMetaKeys keys = {
        .notify = (char *)"notify",
        .ret = (char *)"ret",
        .envid = (char *)"envid",
        .orcpt = (char *)"orcpt",
        .requiretls = (char *)"requiretls",
    };
    static const char *const tags[] = {"en", "de", "fr", "es",      "pt",    "it",
                                       "nl", "pl", "ja", "zh-Hans", "de-AT", "xx"};
    static const char *const hosts[] = {"mta1.example.com", "bounces.acme.example",
                                        "a-very-long-name-of-a-host.in-a-long-domain.example"};
    bool utf8;
    size_t count = below(state, G_N_ELEMENTS(random->languages));

    for (size_t i = 0; i < count; i++)
        random->languages[i] = PICK(state, tags);
    random->options = (DsnNoticeOptions){
        .confidential = percent(state, 15),
        .all_languages = percent(state, 20),
        .html = percent(state, 40),
        .lifetime = percent(state, 80) ? 5 * 86400 : 0,
        .stable = percent(state, 10),
        .include_original = (DsnReturn)below(state, 3),
        .return_limit = percent(state, 80) ? 100000 : below(state, 2000),
        .reporting_mta = {DSN_SPAN_LITERAL("dns"), dsn_span(PICK(state, hosts))},
        .languages = count > 0 ? random->languages : NULL,
        .meta = &keys,
        .catalog = catalog,
        .limits = &DSN_LIMITS_DEFAULT,
    };
    if (percent(state, 50))
        random->options.tenant = keep(random, wild(state, 3));
    if (percent(state, 50)) {
        random->options.from = keep(
            random, g_strdup_printf("%s@%s", percent(state, 50) ? "postmaster" : "mailer-daemon",
                                    PICK(state, hosts)));
        random->options.from_display = keep(random, wild(state, 5));
    }
    if (percent(state, 50))
        random->options.postmaster = keep(random, address(state, true, &utf8));
}

/* ---- all together ---- */

/* Bare or in angle brackets, maybe with a source route (rule ENV-11). */
static char *
make_sender(guint64 *state, bool *writable)
{
    char *plain = address(state, false, writable);

    if (!*writable || !percent(state, 10))
        return plain;

    char *sender = g_strdup_printf(percent(state, 50) ? "<%s%s>" : "%s%s",
                                   percent(state, 50) ? "@relay.example,@b.example:" : "", plain);
    g_free(plain);
    return sender;
}

DsnRandomCase *
dsn_random_case_new(const DsnCatalog *catalog, guint64 number)
{
    DsnRandomCase *random = g_new0(DsnRandomCase, 1);
    guint64 chance = number, *state = &chance;
    DsnAction action =
        percent(state, 60) ? DSN_ACTION_FAILED : (DsnAction)(1 + below(state, DSN_ACTION_EXPANDED));

    random->writable = true;
    random->texts = g_ptr_array_new_with_free_func(g_free);
    random->original = g_string_new(NULL);
    make_options(random, state, catalog);
    if (percent(state, 90))
        make_original(state, random->original);

    g_autofree char *sender = make_sender(state, &random->writable);
    json_auto_t *meta = make_meta(state);
    size_t count = percent(state, 80) ? 1 : 1 + below(state, DSN_RANDOM_RECORDS_MAX);
    const char *type = type_for(state, action);
    for (size_t i = 0; i < count; i++)
        random->records[i] = make_record(state, action, type, sender, meta, &random->writable);
    if (percent(state, 50)) {
        bool any;

        random->last_failure =
            make_record(state, DSN_ACTION_DELAYED, "TransientFailure", sender, meta, &any);
    }
    random->request = (DsnNoticeRequest){
        .options = &random->options,
        .records = random->records,
        .n_records = count,
        .original = percent(state, 95) && random->original->len > 0
                        ? (DsnSpan){random->original->str, random->original->len}
                        : DSN_SPAN_ABSENT,
        .action = action,
        .late = action == DSN_ACTION_DELIVERED && percent(state, 50),
        .threshold = action == DSN_ACTION_DELAYED ? 3600 * (int64_t)(1 + below(state, 24)) : 0,
        .last_failure = random->last_failure,
        .language = percent(state, 10) ? "de" : NULL,
        .now = NOW,
    };
    return random;
}

void
dsn_random_case_free(DsnRandomCase *random)
{
    for (size_t i = 0; i < G_N_ELEMENTS(random->records); i++)
        g_clear_pointer(&random->records[i], dsn_record_free);
    g_clear_pointer(&random->last_failure, dsn_record_free);
    (void)g_string_free(random->original, TRUE);
    g_ptr_array_unref(random->texts);
    g_free(random);
}
