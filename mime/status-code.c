/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "mime/status-code.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct Meaning {
    uint16_t subject;
    uint16_t detail;
    bool success; /* says something sensible with class 2 too */
    const char *text;
} Meaning;

#define SUCCESS "there was no problem"

/* The IANA registry "SMTP Enhanced Status Codes" (RFC 5248) as of 2026, in our own words, in
 * the order of subject and detail. */
static const Meaning meanings[] = {
    {0, 0, false, "no details are known"},
    {1, 0, false, "there is a problem with an address"},
    {1, 1, false, "the mailbox does not exist"},
    {1, 2, false, "the domain of the address does not exist or takes no mail"},
    {1, 3, false, "the recipient address is not written correctly"},
    {1, 4, false, "the recipient address fits more than one mailbox"},
    {1, 5, true, "the recipient address is valid"},
    {1, 6, false, "the mailbox has moved and left no new address"},
    {1, 7, false, "the sender address is not written correctly"},
    {1, 8, false, "the domain of the sender address does not exist or takes no mail"},
    {1, 9, true, "the message was passed to a mail system that does not confirm delivery"},
    {1, 10, false, "the recipient domain states that it takes no mail"},
    {2, 0, false, "there is a problem with the mailbox"},
    {2, 1, false, "the mailbox is disabled and takes no mail"},
    {2, 2, false, "the mailbox is full"},
    {2, 3, false, "the message is larger than the mailbox allows"},
    {2, 4, false, "the mailing list could not be expanded"},
    {3, 0, false, "there is a problem with the receiving mail system"},
    {3, 1, false, "the receiving mail system has no space left"},
    {3, 2, false, "the receiving mail system takes no mail at the moment"},
    {3, 3, false, "the receiving mail system lacks a feature that the message needs"},
    {3, 4, false, "the message is larger than the receiving mail system allows"},
    {3, 5, false, "the receiving mail system is not set up correctly"},
    {3, 6, true, "the priority of the message was changed"},
    {4, 0, false, "there is a problem with the network or the route"},
    {4, 1, false, "the receiving host does not answer"},
    {4, 2, false, "the connection to the receiving host broke or was too poor"},
    {4, 3, false, "a directory service such as DNS gave no answer"},
    {4, 4, false, "no route to the recipient domain was found"},
    {4, 5, false, "the mail system is overloaded"},
    {4, 6, false, "the message went round in a loop"},
    {4, 7, false, "the message could not be delivered within the allowed time"},
    {4, 8, false, "the receiving host asks for delivery over IPv4"},
    {5, 0, false, "the mail systems did not understand each other"},
    {5, 1, false, "a command was out of order or is not supported"},
    {5, 2, false, "a command was not written correctly"},
    {5, 3, false, "the message has too many recipients at once"},
    {5, 4, false, "a command had arguments that are not valid"},
    {5, 5, false, "the mail systems speak different versions of the protocol"},
    {5, 6, false, "a line of the authentication exchange was too long"},
    {6, 0, false, "there is a problem with the content of the message"},
    {6, 1, false, "the receiving mail system does not take this kind of content"},
    {6, 2, false, "the content would have to be converted, which is not allowed"},
    {6, 3, false, "the content would have to be converted, which is not possible"},
    {6, 4, true, "the content was converted and lost some of its detail"},
    {6, 5, false, "converting the content failed"},
    {6, 6, false, "the content of the message could not be fetched"},
    {6, 7, false, "the receiving mail system does not take international addresses"},
    {6, 8, false, "the answer would need international text, which is not allowed"},
    {6, 9, false, "the message has international headers and cannot be passed on"},
    {6, 10, false, "the answer would need international text, which is not allowed"},
    {7, 0, false, "a security or policy rule does not allow the message"},
    {7, 1, false, "the sender is not allowed to send this message there"},
    {7, 2, false, "the sender is not allowed to write to this mailing list"},
    {7, 3, false, "the message would have to be converted from one security format to another"},
    {7, 4, false, "the mail system lacks a security feature that the message needs"},
    {7, 5, false, "encrypting, decrypting or checking a signature failed"},
    {7, 6, false, "the encryption method of the message is not supported"},
    {7, 7, false, "the message was damaged or changed on its way"},
    {7, 8, false, "the user name or the password is wrong"},
    {7, 9, false, "the way of logging in is too weak for this account"},
    {7, 10, false, "encryption is needed"},
    {7, 11, false, "encryption is needed for this way of logging in"},
    {7, 12, false, "the password has to be set anew before this way of logging in works"},
    {7, 13, false, "the user account is disabled"},
    {7, 14, false, "the mail systems have no agreement to trust each other"},
    {7, 15, false, "the priority of the message is too low"},
    {7, 16, false, "the message is too large for its priority"},
    {7, 17, false, "the mailbox belongs to somebody else now"},
    {7, 18, false, "the recipient domain belongs to somebody else now"},
    {7, 19, false, "whether the mailbox still has the same owner could not be checked"},
    {7, 20, false, "the message has no DKIM signature that passes"},
    {7, 21, false, "the message has no DKIM signature that is accepted"},
    {7, 22, false, "the message has no DKIM signature of its author's domain"},
    {7, 23, false, "the sender domain does not allow the sending host (SPF)"},
    {7, 24, false, "the SPF rule of the sender domain could not be checked"},
    {7, 25, false, "the sending host has no valid name in reverse DNS"},
    {7, 26, false, "the message failed more than one authentication check"},
    {7, 27, false, "the sender domain states that it takes no mail"},
    {7, 28, false, "too many messages came in a short time"},
    {7, 29, false, "the chain of authentication results (ARC) does not verify"},
    {7, 30, false, "the message must travel encrypted all the way, which is not supported"},
};

/* One to three digits. Leading zeros are read although rule STAT-01 forbids to write them: what is
 * meant is plain, and who has to know compares with dsn_status_code_to_string(). */
static size_t
read_number(const char *text, size_t len, uint16_t *ret_number)
{
    size_t i = 0;
    uint16_t number = 0;

    for (; i < len && g_ascii_isdigit(text[i]); i++) {
        if (i == 3)
            return 0;
        number = (uint16_t)(number * 10 + (text[i] - '0'));
    }
    *ret_number = number;
    return i;
}

size_t
dsn_status_code_parse(DsnSpan text, DsnStatusCode *ret_code)
{
    const char *data = text.data;

    if (text.len < strlen("2.0.0") || data[1] != '.' ||
        (data[0] != '2' && data[0] != '4' && data[0] != '5'))
        return 0;

    DsnStatusCode code = {.class_ = (uint16_t)(data[0] - '0')};
    size_t at = 2;
    size_t digits = read_number(data + at, text.len - at, &code.subject);
    at += digits;
    if (digits == 0 || at == text.len || data[at] != '.')
        return 0;
    at++;
    digits = read_number(data + at, text.len - at, &code.detail);
    at += digits;
    if (digits == 0 || (at < text.len && (data[at] == '.' || g_ascii_isalnum(data[at]))))
        return 0;
    *ret_code = code;
    return at;
}

const char *
dsn_status_code_to_string(DsnStatusCode code, char *buffer)
{
    g_assert(code.class_ <= 9 && code.subject <= 999 && code.detail <= 999);
    (void)snprintf(buffer, DSN_STATUS_CODE_MAX, "%u.%u.%u", code.class_, code.subject, code.detail);
    return buffer;
}

static int
compare_meanings(const void *a, const void *b)
{
    const Meaning *left = a, *right = b;

    if (left->subject != right->subject)
        return left->subject < right->subject ? -1 : 1;
    return left->detail < right->detail ? -1 : left->detail > right->detail;
}

static const Meaning *
find_meaning(uint16_t subject, uint16_t detail)
{
    const Meaning key = {.subject = subject, .detail = detail};

    return bsearch(&key, meanings, G_N_ELEMENTS(meanings), sizeof(Meaning), compare_meanings);
}

const char *
dsn_status_code_meaning(DsnStatusCode code)
{
    const Meaning *meaning = find_meaning(code.subject, code.detail);

    if (meaning == NULL)
        meaning = find_meaning(code.subject, 0);
    if (meaning == NULL)
        meaning = find_meaning(0, 0);
    return code.class_ == 2 && !meaning->success ? SUCCESS : meaning->text;
}
