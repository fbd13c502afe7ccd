/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * socks5.h - what is said to a SOCKS5 proxy, and what it answers
 *
 * Purpose:   write requests, and tell how much more of an answer must be read.
 * RFC:       1928, 1929; BIND in front of CONNECT names the address to connect from, as KumoMTA's
 *            proxy knows it.
 * Ownership: the caller's buffers.
 * Errors:    a text that says what is wrong with an answer.
 * Threads:   reentrant.
 */
#ifndef DSN_OUTLET_SOCKS5_H
#define DSN_OUTLET_SOCKS5_H

#include "filter/core/socket-address.h"

/* The longest answer: one with a name of 255 bytes. */
#define DSN_SOCKS5_ANSWER_MAX 262

typedef enum DsnSocks5Command { DSN_SOCKS5_CONNECT = 1, DSN_SOCKS5_BIND = 2 } DsnSocks5Command;

typedef enum DsnSocks5Step {
    DSN_SOCKS5_GREETED,   /* answer to dsn_socks5_greet() */
    DSN_SOCKS5_LOGGED_IN, /* to dsn_socks5_log_in() */
    DSN_SOCKS5_REQUESTED  /* to dsn_socks5_request() */
} DsnSocks5Step;

void dsn_socks5_greet(GString *bytes, bool with_password);

/* Of up to 255 bytes each. */
void dsn_socks5_log_in(GString *bytes, const char *username, const char *password);

/* @address is of one of the internet's two families. */
void dsn_socks5_request(GString *bytes, DsnSocks5Command command, const DsnSocketAddress *address);

/* How many more bytes must be read at least, and not one more than that: what follows the last
 * answer comes from the host. 0: the answer is complete, and if *@ret_problem is not NULL it is no
 * good one; *@ret_login is set if it asks for user name and password. */
size_t dsn_socks5_missing(DsnSocks5Step step, DsnSpan answer, const char **ret_problem,
                          bool *ret_login);

#endif
