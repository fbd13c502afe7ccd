/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "filter/outlet/webhook-answer.h"

DsnWebhookVerdict
dsn_webhook_judge(long status)
{
    if (status >= 200 && status <= 299)
        return DSN_WEBHOOK_DONE;
    if (status >= 500 && status <= 599)
        return DSN_WEBHOOK_AGAIN;
    switch (status) {
    case 408: /* Request Timeout */
    case 409: /* Conflict: a request with the same key is being worked on */
    case 425: /* Too Early */
    case 429: /* Too Many Requests */
        return DSN_WEBHOOK_AGAIN;
    case 401: /* Unauthorized */
    case 402: /* Payment Required */
    case 403: /* Forbidden */
    case 404: /* Not Found */
    case 405: /* Method Not Allowed */
    case 406: /* Not Acceptable */
    case 407: /* Proxy Authentication Required */
    case 410: /* Gone */
    case 411: /* Length Required */
    case 415: /* Unsupported Media Type, or Content-Encoding */
    case 421: /* Misdirected Request */
    case 426: /* Upgrade Required */
    case 431: /* Request Header Fields Too Large */
    case 451: /* Unavailable For Legal Reasons */
        return DSN_WEBHOOK_LASTING;
    default: /* no HTTP, or a redirect: whom the records go to is for the administrator to say */
        return status >= 400 && status <= 499 ? DSN_WEBHOOK_REFUSED : DSN_WEBHOOK_LASTING;
    }
}
