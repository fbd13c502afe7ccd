/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * option-checks.h - what the text of an option must be
 *
 * Purpose:   one check for each kind of text that no module of its own has one for.
 * Source:    dsnarf.toml(5).
 * Ownership: constant texts.
 * Errors:    a check returns NULL if @text will do, else what is expected.
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_OPTION_CHECKS_H
#define DSN_CORE_OPTION_CHECKS_H

/* A node that nobody has named. */
#define DSN_NIL_UUID "00000000-0000-0000-0000-000000000000"

const char *dsn_option_check_host_name(const char *text);
const char *dsn_option_check_from(const char *text);
const char *dsn_option_check_mailbox(const char *text);
const char *dsn_option_check_ascii_mailbox(const char *text);
const char *dsn_option_check_delay(const char *text);
const char *dsn_option_check_language(const char *text);
const char *dsn_option_check_uuid(const char *text);
const char *dsn_option_check_milter_socket(const char *text);
const char *dsn_option_check_ehlo(const char *text);
const char *dsn_option_check_resolver(const char *text);
const char *dsn_option_check_proxy(const char *text);
const char *dsn_option_check_socks5_text(const char *text);
const char *dsn_option_check_token(const char *text);
const char *dsn_option_check_field_name(const char *text);
const char *dsn_option_check_trace_field(const char *text);
const char *dsn_option_check_authserv_id(const char *text);
const char *dsn_option_check_reporter(const char *text);
const char *dsn_option_check_field_value(const char *text);
const char *dsn_option_check_url(const char *text);
const char *dsn_option_check_proxy_url(const char *text);
const char *dsn_option_check_rate(const char *text);

/* What the option is when it was not given. */
const char *dsn_option_local_host(void);

#endif
