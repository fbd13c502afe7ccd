/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rule-syntax.h - where PCRE2 would not read an expression as Rust does
 *
 * Purpose:   find what both accept and mean differently, before PCRE2 compiles a classifier rule.
 * Source:    the syntax of Rust's regex crate, pcre2pattern(3).
 * Ownership: borrows the rule; reasons are constant.
 * Errors:    what only one of the two accepts is PCRE2's to refuse.
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_RULE_SYNTAX_H
#define DSN_CORE_RULE_SYNTAX_H

/* The first place in @rule that PCRE2 would misread, and why; NULL if there is none. */
const char *dsn_rule_misread(const char *rule, const char **ret_why);

#endif
