/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http-request.h - one request on its way
 *
 * Purpose:   what the server, the work and what waits know of a request.
 * RFC:       9110.
 * Ownership: the server's, which frees it when the answer was sent or the connection was lost.
 * Errors:    none.
 * Threads:   one at a time: the server's until the connection is suspended, then that of whoever
 *            has the request, until the connection is resumed.
 */
#ifndef DSN_INTAKE_HTTP_REQUEST_H
#define DSN_INTAKE_HTTP_REQUEST_H

#include "filter/intake/http-body.h"
#include "filter/intake/http-connections.h"
#include "filter/pipeline/pipeline.h"

typedef enum DsnHttpStage {
    DSN_HTTP_HELD,     /* until there is memory for its body and the spool is ready */
    DSN_HTTP_ADMITTED, /* it need not be held any more */
    DSN_HTTP_RECEIVE,  /* the body comes in */
    DSN_HTTP_COMPLETE, /* all of it has come and is worked on */
    DSN_HTTP_ANSWERED, /* the answer is there; what still comes of the body is not looked at */
    DSN_HTTP_GIVEN_UP  /* to be closed without an answer */
} DsnHttpStage;

/* What is answered. Texts but @text are constants. */
typedef struct DsnHttpAnswer {
    unsigned status;
    GString *text; /* NULL: none */
    const char *type;
    const char *field, *value; /* one more header field; NULL: none */
} DsnHttpAnswer;

typedef struct DsnHttpRequest DsnHttpRequest;

/* Does what a request is for and sets its answer. False with @error when the spool fails. */
typedef bool (*DsnHttpWorkFunction)(DsnPipeline *pipeline, DsnHttpRequest *request, GError **error);

struct DsnHttpRequest {
    gpointer server; /* the server's name for the connection */
    DsnHttpConnection *connection;
    DsnHttpStage stage;
    DsnPolicy *policy;       /* in force when it came */
    const DsnPoster *poster; /* of the policy */
    DsnHttpWorkFunction work;
    bool needs_spool;
    DsnHttpCoding coding;
    int64_t length;  /* Content-Length; -1: the body comes in chunks */
    bool last;       /* nothing more is read from the connection */
    guint64 swallow; /* bytes of a refused body that are read before the connection is closed */
    DsnHttpBody body;
    guint64 turn;  /* see http-turns.h */
    int64_t until; /* how long it may be held */
    int64_t again; /* not before: after the spool failed */
    DsnHttpAnswer answer;
};

#endif
