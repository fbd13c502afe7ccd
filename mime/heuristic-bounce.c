/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text of such a bounce has the same parts everywhere: an opening phrase, a list of recipients
 * each with the words of the failure, and a line behind which the original stands. A profile says
 * how these look; one loop over the lines reads them all.
 */
#include "config.h"

#include "mime/heuristic-bounce.h"

#include "mime/delivery-status.h"
#include "mime/header.h"
#include "mime/lines.h"
#include "mime/part-text.h"
#include "mime/returned-content.h"
#include "mime/smtp-reply.h"
#include "mime/text.h"

/* The opening phrase stands among so many lines that are not blank. */
#define OPENING_LINES 12
#define FROM_MAX_BYTES 500
/* The list of recipients ends before this, or is none of a bounce. */
#define LIST_MAX_BYTES (256 * 1024)

/* The shapes of a line that names a recipient, and what else a profile needs. */
enum {
    ANGLE = 1 << 0,      /* "<address>:", and perhaps the failure on the same line */
    COLON = 1 << 1,      /* "address: failure" */
    DATED = 1 << 2,      /* "address on date" */
    INDENTED = 1 << 3,   /* nothing but the address, behind white space */
    LISTED = 1 << 4,     /* nothing but the address, wherever it stands */
    PARAGRAPHS = 1 << 5, /* the failure goes on behind blank lines */
    TRANSCRIPT = 1 << 6, /* replies of the session follow the list */
    LABELLED = 1 << 7,   /* "label address", with one of the labels below */
    REASON = 1 << 8,     /* the failure stands before the list */
    CONFIRMED = 1 << 9   /* what X-Failed-Recipients does not name is no recipient */
};

typedef struct Profile {
    const char *name;        /* as it stands in the defect */
    const char *phrases[15]; /* how a line at the beginning of the text starts, any of them */
    unsigned flags;
} Profile;

/* In the order in which they are tried. */
static const Profile profiles[] = {
    {"heuristic:qmail",
     {"Hi. This is the qmail", "Hi. This is the deliver program", "Hi. This is the MTA", NULL},
     ANGLE},
    {"heuristic:yahoo",
     {"Sorry, we were unable to deliver your message to the following address",
      "Unable to deliver message to the following address", "Message from yahoo", NULL},
     ANGLE},
    {"heuristic:exim",
     {"This message was created automatically by mail delivery software",
      "This message was created automatically by the mail system",
      "A message that you sent could not be delivered",
      "A message that you sent has not yet been delivered"},
     INDENTED | LISTED | COLON},
    {"heuristic:gmail",
     {"Delivery to the following recipient failed permanently",
      "Delivery to the following recipients failed permanently",
      "Delivery to the following recipient has been delayed",
      "Delivery to the following recipients has been delayed"},
     INDENTED | PARAGRAPHS},
    {"heuristic:exchange",
     {"did not reach the following recipient(s)", "Delivery has failed to these recipients",
      "Delivery to the following recipients failed",
      "Your message did not reach some or all of the intended recipients"},
     DATED | LISTED},
    {"heuristic:postfix",
     {"This is the mail system at host", "This is the Postfix program at host",
      "This is the Postfix-", NULL},
     ANGLE},
    {"heuristic:opensmtpd", {"This is the MAILER-DAEMON, please DO NOT REPLY"}, COLON},
    {"heuristic:sendmail",
     {"----- The following addresses", "----- Transcript of session follows",
      "The original message was received at", NULL},
     LISTED | TRANSCRIPT},
    {"heuristic:james", {"Hi. This is the James mail server"}, LISTED | PARAGRAPHS},
    {"heuristic:t-online",
     {"|------------------------- Message log follows",
      "|------------------------- Failed addresses follow"},
     ANGLE | REASON},
    /* Others of many names, which are alike in that. */
    {"heuristic:labelled",
     {"Unknown user: ", "Unknown local user: ", "User mailbox exceeds allowed size: ",
      "Invalid final delivery userid: ", "Undeliverable to ", "Unable to deliver message to",
      "Your message was not delivered to ", "The attached message had PERMANENT fatal delivery",
      "MailEnable: Message Delivery", "Your mail sent on: ", "Your mail attempted to be delivered",
      "Message could not be delivered to mobile", "With reference to your message with the subject",
      "We had trouble delivering your message", "Sent <<< RCPT TO:"},
     LABELLED},
    {"heuristic:listed",
     {"This Message was undeliverable due to the following reason",
      "This message could not be delivered to the following recipient",
      "Could not be delivered because of", "The user(s) account is",
      "Each of the following recipients was rejected", "------- Failure Reasons",
      "-------server message"},
     ANGLE | LISTED | LABELLED | REASON},
};

/* Where no phrase is known, as that of another language: the answer of the other host tells, and
 * the field that Exim and Gmail add. */
static const Profile quoting = {"heuristic:quotation", {NULL}, ANGLE};
static const Profile naming = {"heuristic:failed-recipients", {NULL}, LISTED | COLON | CONFIRMED};

/* Such a line ends the list and what belongs to it; what follows is the original. So does any other
 * line that starts with "--", but for headings. */
static const char *const ends[] = {
    "----- Original message",   "----- Unsent message",
    "----- Message header",     "----Original message",
    "Original message headers", "Below is a copy of the original",
    "Original message follow",  "Your message follows",
    "Message headers follow",   "|------------------------- Message text follows",
};

static const char *const headings[] = {
    "----- The following addresses", "----- Transcript of session", "-------SMTP command",
    "-------server message",         "------- Failure Reasons",
};

/* Such a line says that delivery is still being tried. */
static const char *const delays[] = {
    "Delivery to the following recipient has been delayed",
    "A message that you sent has not yet been delivered",
    "The message has not yet been delivered",
    "----- The following addresses had transient non-fatal errors",
    "Warning: could not send message for past",
    "THIS IS A WARNING MESSAGE ONLY",
    "No action is required on your part",
};

/* Behind these words in a failure stands what the other host answered. */
static const char *const quotations[] = {
    "returned was:",          "said:", "returned '", "returned: ", "reason:", "failed with:",
    "responded as follows: ["};

/* Behind such words stands a recipient; some of them say why. */
static const struct {
    const char *words;
    bool failure;
} labels[] = {
    {"Unknown user: ", true},
    {"Unknown local user: ", true},
    {"User mailbox exceeds allowed size: ", true},
    {"Invalid final delivery userid: ", true},
    {"Undeliverable to ", true},
    {"Unable to deliver message to", false},
    {"Your message was not delivered to ", false},
    {"Could not be delivered to: ", false},
    {"Failed address: ", false},
    {"Recipient: ", false},
    {"Recipient address: ", false},
    {"To: ", false},
    {"RCPT TO", false},
    {"Sent <<< RCPT TO:", false},
    {"SMTP Server <", true},
    {"*** ", false},
};

typedef struct Bounce {
    DsnFieldReader *fields;
    const Profile *profile;
    DsnSpan charset;  /* of the text, absent when not known */
    GString *failure; /* words of the failure of the last recipient */
    GString *reason;  /* words before the first one */
    DsnSpan reply;    /* in the transcript, the first one that names nobody */
    guint recipient;  /* the one whose failure is read, if @open */
    bool open;
    bool delayed;
    bool in_transcript;
    bool complete; /* the list; who is not in it is no recipient */
} Bounce;

static bool
starts_with_any(DsnSpan text, const char *const *phrases, size_t count)
{
    for (size_t i = 0; i < count && phrases[i] != NULL; i++) {
        if (dsn_span_starts(text, phrases[i]))
            return true;
    }
    return false;
}

/* What stands behind @phrase in @text, absent when it is not there; case does not count. */
static DsnSpan
find_behind(DsnSpan text, const char *phrase)
{
    size_t len = strlen(phrase);

    for (size_t i = 0; i + len <= text.len; i++) {
        if (g_ascii_strncasecmp(text.data + i, phrase, len) == 0)
            return dsn_span_from(text, i + len);
    }
    return DSN_SPAN_ABSENT;
}

static bool
contains(DsnSpan text, const char *phrase)
{
    return dsn_span_present(find_behind(text, phrase));
}

/* "<>", which Sendmail writes as <MAILER-DAEMON@host>. */
static bool
is_null_sender(DsnSpan return_path)
{
    return_path.len = MIN(return_path.len, FROM_MAX_BYTES);
    return dsn_span_is(dsn_field_strip_comments(return_path), "<>") ||
           contains(return_path, "<mailer-daemon");
}

/* True for what a mail system may have sent; somebody who answers or forwards it is a person, and
 * so is a postmaster who wants an answer. */
static bool
may_be_bounce(const DsnMailHeader *header)
{
    static const char *const senders[] = {"mailer-daemon", "mailerdaemon", "mail delivery",
                                          "mail system"};
    static const char *const talk[] = {"re:", "fwd:", "fw:", "aw:", "wg:"};
    DsnSpan from = {header->from.data, MIN(header->from.len, FROM_MAX_BYTES)};

    if (dsn_span_present(header->failed_recipients) ||
        (dsn_span_present(header->return_path) && is_null_sender(header->return_path)))
        return true;
    if (starts_with_any(dsn_span_trim(header->subject), talk, G_N_ELEMENTS(talk)))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(senders); i++) {
        if (contains(from, senders[i]))
            return true;
    }
    return !dsn_span_present(header->return_path) && contains(from, "postmaster");
}

/* The part that people read: the first text/plain. */
static const DsnPart *
find_text(const DsnStructure *structure)
{
    for (guint i = 0; i < structure->parts->len; i++) {
        const DsnPart *part = &g_array_index(structure->parts, DsnPart, i);

        if (dsn_content_type_is(&part->type, "text", "plain"))
            return part;
    }
    return NULL;
}

/* The profile one of whose phrases starts one of the first lines of *@text, which then begins with
 * that line; NULL when there is none. */
static const Profile *
find_profile(DsnSpan *text)
{
    DsnLines lines = DSN_LINES(*text);
    DsnSpan line;

    for (unsigned count = 0; count < OPENING_LINES && dsn_lines_next(&lines, &line);) {
        DsnSpan words = dsn_span_trim(line);

        count += words.len > 0;
        for (size_t i = 0; i < G_N_ELEMENTS(profiles); i++) {
            if (starts_with_any(words, profiles[i].phrases, G_N_ELEMENTS(profiles[i].phrases))) {
                *text = dsn_span_from(*text, (size_t)(line.data - text->data));
                return &profiles[i];
            }
        }
    }
    return NULL;
}

/* The first word of @text that is an address, without what encloses it, such as "[SMTP:...]". */
static DsnSpan
find_address(DsnSpan text)
{
    static const char open[] = "<([\"'", close[] = ">)]\"'.,;:";

    while ((text = dsn_span_trim(text)).len > 0) {
        size_t len = 0;
        while (len < text.len && !dsn_is_space(text.data[len]))
            len++;
        DsnSpan word = {text.data, len};
        text = dsn_span_from(text, len);
        while (word.len > 0 && memchr(open, word.data[0], strlen(open)) != NULL)
            word = dsn_span_from(word, 1);
        while (word.len > 0 && memchr(close, word.data[word.len - 1], strlen(close)) != NULL)
            word.len--;
        if (dsn_span_starts(word, "SMTP:"))
            word = dsn_span_from(word, strlen("SMTP:"));
        if (dsn_address_is_mailbox(word))
            return word;
    }
    return DSN_SPAN_ABSENT;
}

/* The address that @text is, apart from brackets, quotes and what Outlook writes behind it; behind
 * ">>> ", with which Active!hunter and Ecelerity mark it, whatever else stands there. Absent when
 * it is none. */
static DsnSpan
take_address(DsnSpan text)
{
    text = dsn_span_trim(text);
    if (dsn_span_starts(text, ">>> "))
        return find_address(dsn_span_from(text, strlen(">>> ")));
    const char *link = text.len == 0 ? NULL : memmem(text.data, text.len, "<mailto:", 8);
    if (link != NULL)
        text = dsn_span_trim((DsnSpan){text.data, (size_t)(link - text.data)});
    if (text.len > 1 && text.data[text.len - 1] == ':')
        text.len--;
    if (text.len >= 2 && ((text.data[0] == '<' && text.data[text.len - 1] == '>') ||
                          (text.data[0] == text.data[text.len - 1] &&
                           (text.data[0] == '\'' || text.data[0] == '"'))))
        text = (DsnSpan){text.data + 1, text.len - 2};
    return dsn_address_is_mailbox(text) ? text : DSN_SPAN_ABSENT;
}

/* The address before @mark in @text, absent when there is none; *@ret_rest is what follows. */
static DsnSpan
take_address_before(DsnSpan text, const char *mark, DsnSpan *ret_rest)
{
    const char *at = memmem(text.data, text.len, mark, strlen(mark));

    if (at == NULL)
        return DSN_SPAN_ABSENT;
    *ret_rest = dsn_span_from(text, (size_t)(at - text.data) + strlen(mark));
    return take_address((DsnSpan){text.data, (size_t)(at - text.data)});
}

/* "<address>: failure", with "(expanded from <address>)" of Postfix between, and "<address> ...
 * failure" of T-Online. */
static DsnSpan
take_angle_address(DsnSpan text, DsnSpan *ret_failure)
{
    const char *close = text.data[0] == '<' ? memchr(text.data, '>', text.len) : NULL;

    if (close == NULL)
        return DSN_SPAN_ABSENT;
    DsnSpan rest = dsn_span_from(text, (size_t)(close + 1 - text.data));
    if (dsn_span_starts(rest, " (expanded from <")) {
        const char *end = memmem(rest.data, rest.len, ">)", 2);
        if (end != NULL)
            rest = dsn_span_from(rest, (size_t)(end + 2 - rest.data));
    }
    size_t mark = dsn_span_starts(rest, ":") ? 1 : dsn_span_starts(rest, " ... ") ? 5 : 0;
    if (mark == 0)
        return DSN_SPAN_ABSENT;
    *ret_failure = dsn_span_from(rest, mark);
    return take_address((DsnSpan){text.data, (size_t)(close + 1 - text.data)});
}

static DsnSpan
take_labelled_address(DsnSpan text, DsnSpan *ret_failure)
{
    for (size_t i = 0; i < G_N_ELEMENTS(labels); i++) {
        if (!dsn_span_starts(text, labels[i].words))
            continue;
        if (labels[i].failure)
            *ret_failure = text;
        return find_address(dsn_span_from(text, strlen(labels[i].words)));
    }
    return DSN_SPAN_ABSENT;
}

/* The recipient that @line names, absent when it names none; *@ret_failure is what it says more. An
 * indented line goes on with what a line in angle brackets began. */
static DsnSpan
read_recipient(const Bounce *bounce, DsnSpan line, DsnSpan *ret_failure)
{
    unsigned flags = bounce->profile->flags;
    DsnSpan text = dsn_span_trim(line);
    DsnSpan ignored;
    DsnSpan address = DSN_SPAN_ABSENT;

    *ret_failure = DSN_SPAN_LITERAL("");
    if (text.len == 0)
        return DSN_SPAN_ABSENT;
    if ((flags & ANGLE) != 0 && !(bounce->open && dsn_is_space(line.data[0])))
        address = take_angle_address(text, ret_failure);
    else if ((flags & COLON) != 0)
        address = take_address_before(text, ": ", ret_failure);
    else if ((flags & DATED) != 0)
        address = take_address_before(text, " on ", &ignored);
    if (!dsn_span_present(address) && (flags & LABELLED) != 0)
        address = take_labelled_address(text, ret_failure);
    if (!dsn_span_present(address) &&
        ((flags & LISTED) != 0 || ((flags & INDENTED) != 0 && dsn_is_space(line.data[0]))))
        address = take_address(text);
    return address;
}

/* Adds the codes of the reply in @text to @codes, if it has none; true if it has any then. */
static bool
read_codes(DsnSpan text, DsnSmtpReply *codes)
{
    g_autoptr(GString) ignored = g_string_new(NULL);

    if (codes->code == 0 && codes->enhanced.class_ == 0)
        *codes = dsn_smtp_reply_parse(text, ignored);
    return codes->code != 0 || codes->enhanced.class_ != 0;
}

/* The codes of the reply in @failure: behind words that quote it, else those of all of it, else
 * those of the first line that has any. */
static DsnSmtpReply
find_reply(DsnSpan failure)
{
    DsnSmtpReply codes = {0};
    DsnLines lines = DSN_LINES(failure);
    DsnSpan line;

    for (size_t i = 0; i < G_N_ELEMENTS(quotations); i++) {
        DsnSpan quotation = find_behind(failure, quotations[i]);

        if (dsn_span_present(quotation) && read_codes(quotation, &codes))
            return codes;
    }
    if (read_codes(failure, &codes))
        return codes;
    while (dsn_lines_next(&lines, &line) && !read_codes(line, &codes)) {
        /* the next one */
    }
    return codes;
}

/* The diagnostic code, and the status that it holds. */
static void
set_failure(Bounce *bounce, DsnPerRecipient *recipient, DsnSpan failure)
{
    g_autoptr(GString) words = g_string_new(NULL);
    DsnSmtpReply codes = find_reply(failure);

    dsn_text_append_charset(failure, bounce->charset, words);
    recipient->diagnostic_code = (DsnTyped){
        .type = codes.code != 0 ? DSN_SPAN_LITERAL("smtp") : DSN_SPAN_ABSENT,
        .value = dsn_report_keep(bounce->fields->report, (DsnSpan){words->str, words->len}),
    };
    recipient->status = codes.enhanced;
}

static DsnPerRecipient *
recipient_at(const Bounce *bounce, guint index)
{
    return &g_array_index(bounce->fields->report->per_recipient, DsnPerRecipient, index);
}

/* The words of the last recipient are complete. */
static void
finish_recipient(Bounce *bounce)
{
    if (bounce->open && bounce->failure->len > 0)
        set_failure(bounce, recipient_at(bounce, bounce->recipient),
                    (DsnSpan){bounce->failure->str, bounce->failure->len});
    g_string_truncate(bounce->failure, 0);
    bounce->open = false;
}

/* Makes @address the recipient that the lines are about; a list may name one twice. False when
 * there may not be more. */
static bool
start_recipient(Bounce *bounce, DsnSpan address)
{
    DsnReport *report = bounce->fields->report;
    guint index = 0;

    finish_recipient(bounce);
    while (index < report->per_recipient->len &&
           !dsn_span_equal(recipient_at(bounce, index)->final_recipient.value, address))
        index++;
    if (index == report->per_recipient->len) {
        if (bounce->complete)
            return true;
        if (index >= bounce->fields->limits->groups) {
            dsn_field_note_limit(bounce->fields, DSN_SPAN_ABSENT, "groups");
            return false;
        }
        dsn_report_add_recipient(report)->final_recipient =
            (DsnTyped){DSN_SPAN_LITERAL("rfc822"), address};
    }
    bounce->recipient = index;
    bounce->open = true;
    return true;
}

static void
append_words(const Bounce *bounce, DsnSpan words, GString *failure)
{
    size_t room = bounce->fields->limits->field - MIN(failure->len, bounce->fields->limits->field);

    if (words.len == 0 || words.len >= room)
        return;
    if (failure->len > 0)
        g_string_append_c(failure, '\n');
    g_string_append_len(failure, words.data, (gssize)words.len);
}

static void
add_failure(Bounce *bounce, DsnSpan words)
{
    if (!bounce->open)
        return;

    words = dsn_span_trim(words);
    if (dsn_span_starts(words, "(reason: ") && words.data[words.len - 1] == ')') {
        words = dsn_span_from(words, strlen("(reason: "));
        words.len--;
    }
    append_words(bounce, words, bounce->failure);
}

/* A line of the session: "550 5.1.1 <address>... words", or an answer that names nobody. */
static void
read_transcript(Bounce *bounce, DsnSpan line)
{
    DsnSpan text = dsn_span_trim(line);
    DsnSpan rest;

    if (dsn_span_starts(text, "<<< "))
        text = dsn_span_from(text, strlen("<<< "));
    if (text.len < 4 || (text.data[0] != '4' && text.data[0] != '5') ||
        !g_ascii_isdigit(text.data[1]) || !g_ascii_isdigit(text.data[2]))
        return;
    if (!dsn_span_present(bounce->reply))
        bounce->reply = text;

    const char *dots = memmem(text.data, text.len, "...", 3);
    if (dots == NULL)
        return;
    rest = (DsnSpan){text.data, (size_t)(dots - text.data)};
    const char *space = g_strrstr_len(rest.data, (gssize)rest.len, " ");
    DsnSpan address = space == NULL
                          ? DSN_SPAN_ABSENT
                          : take_address((DsnSpan){space, rest.len - (size_t)(space - rest.data)});
    if (!dsn_span_present(address) || !start_recipient(bounce, address))
        return;
    if (!dsn_span_present(recipient_at(bounce, bounce->recipient)->diagnostic_code.value))
        add_failure(bounce, text);
    finish_recipient(bounce);
}

/* A line of Sendmail's list that is no recipient: indented words about the one before, or another
 * kind of recipient, such as a file, with the address that it comes from in the next line. */
static bool
read_list(Bounce *bounce, DsnSpan line)
{
    static const char expanded[] = "(expanded from:";
    DsnSpan text = dsn_span_trim(line);

    if (!dsn_is_space(line.data[0])) {
        finish_recipient(bounce);
    } else if (!dsn_span_starts(text, expanded)) {
        add_failure(bounce, text);
    } else if (!bounce->open && text.data[text.len - 1] == ')') {
        text = dsn_span_from(text, strlen(expanded));
        text.len--;
        DsnSpan address = take_address(text);
        return !dsn_span_present(address) || start_recipient(bounce, address);
    }
    return true;
}

static bool
is_ruler(DsnSpan text)
{
    size_t len = 0;

    while (len < text.len && text.data[len] == '-')
        len++;
    return len >= 10 && len == text.len;
}

/* True for the first line of the original where nothing stands before it. */
static bool
is_trace(DsnSpan line)
{
    return dsn_span_starts(line, "Received: ") || dsn_span_starts(line, "Return-Path: ");
}

static bool
is_end(DsnSpan line)
{
    DsnSpan text = dsn_span_trim(line);

    return (dsn_span_starts(line, "--") &&
            !starts_with_any(text, headings, G_N_ELEMENTS(headings))) ||
           is_trace(line) || starts_with_any(text, ends, G_N_ELEMENTS(ends));
}

/* False when the list ends with @line. */
static bool
read_line(Bounce *bounce, DsnSpan line)
{
    DsnSpan text = dsn_span_trim(line);
    DsnSpan failure;

    bounce->delayed |= starts_with_any(text, delays, G_N_ELEMENTS(delays));
    if ((bounce->profile->flags & TRANSCRIPT) != 0 &&
        starts_with_any(text, headings, G_N_ELEMENTS(headings))) {
        finish_recipient(bounce);
        bounce->in_transcript = dsn_span_starts(text, headings[1]);
        return true;
    }
    if ((bounce->profile->flags & REASON) != 0 &&
        (starts_with_any(text, bounce->profile->phrases, G_N_ELEMENTS(bounce->profile->phrases)) ||
         starts_with_any(text, headings, G_N_ELEMENTS(headings))))
        return true;
    if ((bounce->profile->flags & LABELLED) != 0 && is_ruler(text)) {
        finish_recipient(bounce);
        return true;
    }
    if (is_end(line))
        return false;
    if (bounce->in_transcript) {
        read_transcript(bounce, line);
        return true;
    }

    DsnSpan address = read_recipient(bounce, line, &failure);
    if (dsn_span_present(address)) {
        if (!start_recipient(bounce, address))
            return false;
        add_failure(bounce, failure);
    } else if (text.len > 0 && (bounce->profile->flags & TRANSCRIPT) != 0) {
        return read_list(bounce, line);
    } else if (text.len > 0 && bounce->open) {
        add_failure(bounce, text);
    } else if (text.len > 0 && (bounce->profile->flags & REASON) != 0 &&
               bounce->fields->report->per_recipient->len == 0) {
        append_words(bounce, text, bounce->reason);
    } else if (text.len == 0 && (bounce->profile->flags & PARAGRAPHS) == 0) {
        finish_recipient(bounce);
    }
    return true;
}

/* Recipients that the text does not name, as of a pipe or a file. */
static void
add_failed_recipients(Bounce *bounce, const DsnMailHeader *header)
{
    DsnSpan rest = header->failed_recipients;

    while (rest.len > 0) {
        const char *comma = memchr(rest.data, ',', rest.len);
        size_t len = comma == NULL ? rest.len : (size_t)(comma - rest.data);
        DsnSpan address = take_address((DsnSpan){rest.data, len});

        if (dsn_span_present(address) && !start_recipient(bounce, address))
            return;
        finish_recipient(bounce);
        rest = dsn_span_from(rest, comma == NULL ? len : len + 1);
    }
}

/* What holds for all recipients. The words that no recipient has for itself are read once: there
 * may be many recipients. */
static void
finish_recipients(Bounce *bounce)
{
    const GArray *recipients = bounce->fields->report->per_recipient;
    DsnPerRecipient common = {.diagnostic_code = {DSN_SPAN_ABSENT, DSN_SPAN_ABSENT}};

    if (dsn_span_present(bounce->reply))
        append_words(bounce, bounce->reply, bounce->reason);
    if (bounce->reason->len > 0)
        set_failure(bounce, &common, (DsnSpan){bounce->reason->str, bounce->reason->len});
    for (guint i = 0; i < recipients->len; i++) {
        DsnPerRecipient *recipient = recipient_at(bounce, i);

        if (!dsn_span_present(recipient->diagnostic_code.value)) {
            recipient->diagnostic_code = common.diagnostic_code;
            recipient->status = common.status;
        }
        recipient->action = bounce->delayed ? DSN_ACTION_DELAYED : DSN_ACTION_FAILED;
        recipient->action_text = dsn_span(dsn_action_to_string(recipient->action));
    }
}

/* The original, in @text behind the list or in a part of its own. */
static void
read_original(DsnFieldReader *fields, DsnSpan text, const DsnStructure *structure)
{
    DsnLines lines = DSN_LINES(text);
    DsnSpan line;

    while (dsn_lines_next(&lines, &line) &&
           (dsn_span_trim(line).len == 0 || dsn_span_starts(line, "--")))
        text = lines.rest;
    if (text.len > 0 && dsn_returned_content_is_in(text)) {
        dsn_returned_content_read(fields, DSN_RETURNED_MESSAGE, text);
        return;
    }
    for (guint i = structure->parts->len; i-- > 0;) {
        const DsnPart *part = &g_array_index(structure->parts, DsnPart, i);
        bool message = dsn_content_type_is(&part->type, "message", "rfc822");

        if (message || dsn_content_type_is(&part->type, "text", "rfc822-headers")) {
            dsn_returned_content_read(fields, message ? DSN_RETURNED_MESSAGE : DSN_RETURNED_HEADERS,
                                      dsn_part_bytes(fields, part, true));
            return;
        }
    }
}

static void
note_profile(DsnFieldReader *fields, const char *name)
{
    dsn_report_add_defect(fields->report, fields->limits, DSN_DEFECT_QUIRK, DSN_SPAN_ABSENT,
                          DSN_SPAN_ABSENT, name);
}

/* Reads the list at the start of @text; returns what follows it. */
static DsnSpan
read_list_of_recipients(Bounce *bounce, DsnSpan text)
{
    DsnLines lines = DSN_LINES(((DsnSpan){text.data, MIN(text.len, LIST_MAX_BYTES)}));
    const char *rest = text.data;
    DsnSpan line;

    for (bool more = true; more && dsn_lines_next(&lines, &line);) {
        more = read_line(bounce, line);
        rest = more || !is_trace(line) ? line.data + line.len : line.data;
    }
    finish_recipient(bounce);
    return dsn_span_from(text, (size_t)(rest - text.data));
}

/* Reads by a profile; false when there is no recipient. */
static bool
read_by_profile(DsnFieldReader *fields, const Profile *profile, DsnSpan text,
                const DsnMailHeader *header, const DsnPart *part, const DsnStructure *structure)
{
    g_autoptr(GString) failure = g_string_new(NULL);
    g_autoptr(GString) reason = g_string_new(NULL);
    Bounce bounce = {.fields = fields,
                     .profile = profile,
                     .charset = part->type.charset,
                     .failure = failure,
                     .reason = reason};

    if ((profile->flags & CONFIRMED) != 0) {
        add_failed_recipients(&bounce, header);
        bounce.complete = true;
    }
    text = read_list_of_recipients(&bounce, text);
    if (!bounce.complete)
        add_failed_recipients(&bounce, header);
    if (fields->report->per_recipient->len == 0)
        return false;
    finish_recipients(&bounce);
    note_profile(fields, profile->name);
    read_original(fields, text, structure);
    return true;
}

/* True if a line names a recipient and says that another host refused it for good. */
static bool
is_quotation(DsnSpan text)
{
    DsnLines lines = DSN_LINES(((DsnSpan){text.data, MIN(text.len, LIST_MAX_BYTES)}));
    DsnSpan line, failure;

    while (dsn_lines_next(&lines, &line)) {
        if (line.len == 0 || line.data[0] != '<' ||
            !dsn_span_present(take_angle_address(line, &failure)))
            continue;
        const char *said = memmem(failure.data, failure.len, " said: 5", 8);
        if (said != NULL)
            return true;
    }
    return false;
}

/* How to read a text that no phrase opens; NULL for one that is no bounce. */
static const Profile *
find_profile_without_phrase(const DsnMailHeader *header, DsnSpan text)
{
    if (dsn_span_present(header->failed_recipients))
        return &naming;
    return text.len > 0 && is_quotation(text) ? &quoting : NULL;
}

/* The first line of @text that is a field with which a delivery status begins; absent when there is
 * none, or no recipient and what became of it behind it. What a delimiter follows is another part.
 */
static DsnSpan
find_status_fields(DsnSpan text)
{
    static const char *const names[] = {
        "Reporting-MTA:", "Original-Recipient:", "Final-Recipient:"};
    DsnLines lines = DSN_LINES(text);
    DsnSpan line;
    const char *start = NULL;

    while (dsn_lines_next(&lines, &line)) {
        if (start == NULL && starts_with_any(line, names, G_N_ELEMENTS(names)))
            start = line.data;
        if (start != NULL && dsn_span_starts(line, "--")) {
            text.len = (size_t)(line.data - text.data);
            break;
        }
    }
    if (start == NULL)
        return DSN_SPAN_ABSENT;
    text = dsn_span_from(text, (size_t)(start - text.data));
    return dsn_span_present(dsn_header_find(text, "Final-Recipient")) &&
                   dsn_span_present(dsn_header_find(text, "Action"))
               ? text
               : DSN_SPAN_ABSENT;
}

bool
dsn_heuristic_bounce_read(DsnFieldReader *fields, const DsnMailHeader *header,
                          const DsnStructure *structure)
{
    const DsnPart *part = may_be_bounce(header) ? find_text(structure) : NULL;

    if (part == NULL)
        return false;
    DsnSpan text = dsn_part_text(fields, part, true);
    DsnSpan list = text;
    const Profile *profile = find_profile(&list);
    if (profile != NULL && read_by_profile(fields, profile, list, header, part, structure))
        return true;
    DsnSpan status = profile == NULL ? find_status_fields(text) : DSN_SPAN_ABSENT;
    if (!dsn_span_present(status)) {
        profile = profile == NULL ? find_profile_without_phrase(header, text) : NULL;
        return profile != NULL && read_by_profile(fields, profile, text, header, part, structure);
    }
    dsn_field_read_groups(fields, status, false);
    dsn_delivery_status_read(fields);
    note_profile(fields, "heuristic:status-fields");
    read_original(fields, DSN_SPAN_ABSENT, structure);
    return true;
}
