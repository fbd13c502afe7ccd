/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * notice-words.h - the first part of a notice, for people
 *
 * Purpose:   choose topic, class of failure and languages, and have the words rendered.
 * RFC:       3282, 4647 section 3.4; rules MIME-04, MIME-32.
 * Ownership: the words are the caller's.
 * Errors:    only when the shipped English words fail.
 * Threads:   reentrant.
 */
#ifndef DSN_CORE_NOTICE_WORDS_H
#define DSN_CORE_NOTICE_WORDS_H

#include "filter/core/notice-context.h"

/* Languages of one notice; more of an administrator's list are left out. */
#define DSN_NOTICE_LANGUAGES_MAX 16

typedef struct DsnNoticeWords {
    DsnWording wordings[DSN_NOTICE_LANGUAGES_MAX]; /* the preferred one first */
    size_t n_wordings;
    DsnWords words[DSN_NOTICE_LANGUAGES_MAX]; /* the same, as a part is made of them */
    char *fault; /* of the first of an administrator's texts that failed: why; else NULL */
} DsnNoticeWords;

/* Renders all wordings. With @shipped, only English, and administrators' texts are left aside.
 * @ret_words need not be initialised; it is to be cleared in any case. */
bool dsn_notice_words(const DsnNoticeFacts *facts, bool shipped, DsnNoticeWords *ret_words,
                      GError **error);
void dsn_notice_words_clear(DsnNoticeWords *words);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DsnNoticeWords, dsn_notice_words_clear)

#endif
