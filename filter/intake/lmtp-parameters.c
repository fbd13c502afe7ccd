/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/intake/lmtp-parameters.h"

#include "filter/core/wishes.h"

#define SIZE_DIGITS_MAX 20 /* RFC 1870 section 4 */

static DsnSpan
skip_spaces(DsnSpan text)
{
    while (text.len > 0 && text.data[0] == ' ')
        text = dsn_span_from(text, 1);
    return text;
}

/* A quoted local part may have spaces and brackets in it. */
bool
dsn_lmtp_take_path(DsnSpan *text, DsnSpan *ret_path)
{
    DsnSpan rest = skip_spaces(*text);
    bool quoted = false;

    if (rest.len == 0 || rest.data[0] != '<')
        return false;
    for (size_t at = 1; at < rest.len; at++) {
        char c = rest.data[at];

        if (c == '"')
            quoted = !quoted;
        else if (c == '\\' && quoted)
            at++;
        else if (c == '>' && !quoted) {
            *ret_path = (DsnSpan){rest.data + 1, at - 1};
            *text = dsn_span_from(rest, at + 1);
            return text->len == 0 || text->data[0] == ' ';
        }
    }
    return false;
}

/* ---- values ---- */

static bool
is_absent(DsnSpan value)
{
    return !dsn_span_present(value);
}

static bool
is_size(DsnSpan value)
{
    if (value.len == 0 || value.len > SIZE_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < value.len; i++) {
        if (!g_ascii_isdigit(value.data[i]))
            return false;
    }
    return true;
}

static bool
is_body(DsnSpan value)
{
    return dsn_span_is(value, "7BIT") || dsn_span_is(value, "8BITMIME");
}

static bool
is_ret(DsnSpan value)
{
    DsnReturn ret;

    return dsn_ret_parse(value, &ret);
}

static bool
is_envid(DsnSpan value)
{
    g_autoptr(GString) text = g_string_new(NULL);

    return dsn_envid_parse(value, text);
}

static bool
is_notify(DsnSpan value)
{
    unsigned notify;

    return dsn_notify_parse(value, &notify);
}

static bool
is_orcpt(DsnSpan value)
{
    g_autoptr(GString) type = g_string_new(NULL);
    g_autoptr(GString) address = g_string_new(NULL);

    return dsn_orcpt_parse(value, type, address);
}

/* ---- parameters ---- */

typedef struct Parameter {
    const char *name;
    bool (*check)(DsnSpan value);
} Parameter;

static const Parameter mail_parameters[] = {
    {"SIZE", is_size}, {"BODY", is_body},   {"SMTPUTF8", is_absent},
    {"RET", is_ret},   {"ENVID", is_envid}, {NULL, NULL},
};

enum { MAIL_SIZE, MAIL_BODY, MAIL_UTF8 }; /* the first of mail_parameters */

static const Parameter rcpt_parameters[] = {
    {"NOTIFY", is_notify},
    {"ORCPT", is_orcpt},
    {NULL, NULL},
};

/* esmtp-param of RFC 5321 section 4.1.2, with RFC 6531 section 3.3. */
static bool
is_parameter(DsnSpan name, DsnSpan value)
{
    if (name.len == 0 || !g_ascii_isalnum(name.data[0]))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if (!g_ascii_isalnum(name.data[i]) && name.data[i] != '-')
            return false;
    }
    if (dsn_span_present(value) && value.len == 0)
        return false;
    return value.len == 0 || memchr(value.data, '=', value.len) == NULL;
}

/* Takes the next word off the front of *@text and splits it at the first '='. */
static bool
next_parameter(DsnSpan *text, DsnSpan *ret_name, DsnSpan *ret_value)
{
    DsnSpan rest = skip_spaces(*text);
    if (rest.len == 0)
        return false;

    const char *space = memchr(rest.data, ' ', rest.len);
    size_t len = space == NULL ? rest.len : (size_t)(space - rest.data);
    const char *equals = memchr(rest.data, '=', len);
    *ret_name = (DsnSpan){rest.data, equals == NULL ? len : (size_t)(equals - rest.data)};
    *ret_value = equals == NULL ? DSN_SPAN_ABSENT
                                : (DsnSpan){equals + 1, len - (size_t)(equals - rest.data) - 1};
    *text = dsn_span_from(rest, len);
    return true;
}

/* Puts the value of each of @known into @ret_values; *@ret_seen has a bit for each that stands
 * there. */
static const char *
read_parameters(DsnSpan text, const Parameter *known, DsnSpan *ret_values, uint32_t *ret_seen)
{
    DsnSpan name, value;

    *ret_seen = 0;
    while (next_parameter(&text, &name, &value)) {
        size_t which = 0;

        if (!is_parameter(name, value))
            return "501 5.5.4 Syntax error in parameters";
        while (known[which].name != NULL && !dsn_span_is(name, known[which].name))
            which++;
        if (known[which].name == NULL)
            return "555 5.5.4 Unknown parameter";
        if ((*ret_seen & 1u << which) != 0)
            return "501 5.5.4 Parameter given twice"; /* rules ESMTP-11 and ESMTP-12 */
        if (!known[which].check(value))
            return "501 5.5.4 Bad value of a parameter";
        *ret_seen |= 1u << which;
        ret_values[which] = value;
    }
    return NULL;
}

const char *
dsn_lmtp_read_mail(DsnSpan parameters, DsnLmtpMail *ret_mail)
{
    DsnSpan values[G_N_ELEMENTS(mail_parameters)];
    uint32_t seen;
    const char *fault = read_parameters(parameters, mail_parameters, values, &seen);

    if (fault != NULL)
        return fault;
    *ret_mail = (DsnLmtpMail){.utf8 = (seen & 1u << MAIL_UTF8) != 0};
    if ((seen & 1u << MAIL_SIZE) != 0) {
        g_autofree char *digits = dsn_span_dup(values[MAIL_SIZE]);

        ret_mail->size = g_ascii_strtoull(digits, NULL, 10); /* the largest one if it is more */
    }
    return NULL;
}

const char *
dsn_lmtp_read_rcpt(DsnSpan parameters)
{
    DsnSpan values[G_N_ELEMENTS(rcpt_parameters)];
    uint32_t seen;

    return read_parameters(parameters, rcpt_parameters, values, &seen);
}
