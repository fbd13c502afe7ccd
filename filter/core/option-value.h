/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * option-value.h - one option of the configuration: what it is, from TOML, and back
 *
 * Purpose:   describe an option in a row of a table; read, write and free the value of one.
 * Source:    dsnarf.toml(5).
 * Ownership: a value lies in a slot of the caller's structure and is freed by _clear.
 * Errors:    false and a complaint "expected ..., got ..."; the slot is as it was.
 * Threads:   reentrant, but for the environment, which is read.
 */
#ifndef DSN_CORE_OPTION_VALUE_H
#define DSN_CORE_OPTION_VALUE_H

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* What it is in the file, and what in the structure. */
typedef enum DsnOptionType {
    DSN_OPTION_STRING,   /* char *, NULL for "" */
    DSN_OPTION_PATH,     /* char *, absolute: a relative one starts where the file lies */
    DSN_OPTION_BOOL,     /* bool */
    DSN_OPTION_NUMBER,   /* size_t */
    DSN_OPTION_SIZE,     /* size_t, bytes: 65536, "64KiB", "50kB" */
    DSN_OPTION_MODE,     /* size_t, rights of a file: "660" */
    DSN_OPTION_DURATION, /* GTimeSpan: 90, 1.5, "5 minutes", "1h 30m" */
    DSN_OPTION_WORD,     /* an enum: the index of one of the words */
    DSN_OPTION_LIST,     /* GPtrArray * of char *, each one of the words if there are any; see
                            compose */
    DSN_OPTION_MAP,      /* GHashTable *, char * to char * */
    DSN_OPTION_SECTIONS, /* GPtrArray * of structures that begin with char *, their name */
    DSN_OPTION_INCLUDE   /* nothing: the files that it names are read too */
} DsnOptionType;

/* The longest duration: a hundred years. */
#define DSN_OPTION_DURATION_MAX (INT64_C(100) * 31557600 * G_TIME_SPAN_SECOND)

typedef struct DsnOption {
    const char *path; /* "notice.from"; in "webhook.*.url" the '*' is the name of a section */
    DsnOptionType type;
    bool secret;       /* never shown; a string, or an entry of a map, can also be given as a file,
                          "x_file" */
    bool share;        /* of NUMBER and SIZE: "10%" is 10 | DSN_OPTION_SHARE */
    bool restart;      /* the daemon keeps the value that it started with */
    const char *paths; /* of LIST: what begins with this goes on with a path, seen from where the
                          file lies; NULL: none does */
    const char *fallback;     /* the default as it would stand in the file; NULL: no entries */
    size_t offset;            /* of the slot; below a '*', in the structure of the section */
    int64_t min, max;         /* of NUMBER, SIZE and DURATION */
    const char *const *words; /* of WORD and LIST, ended by NULL */
    const char *(*check)(const char *text); /* NULL if @text will do, else what is expected */
    const char *(*computed)(void);          /* what an empty string stands for */
    char *(*compose)(const json_t *table,
                     GString *complaint); /* of LIST: the text that a table of
                                             strings among the entries stands
                                             for (transfer full), or NULL and
                                             a complaint; NULL: there is none */
    size_t size;                          /* of the structure of one section */
    const char *inherits; /* of SECTIONS, outside of others: what is not given there and has an
                             option of the same name in this section is as it is there; "x.y" of
                             them is as "x.y" of the whole, if there is such */
    const char *help;
} DsnOption;

/* Set in a number that is a percentage. */
#define DSN_OPTION_SHARE ((size_t)1 << 63)

/* Puts @value into @slot. Strings are expanded, paths are seen from @directory. @complaint, empty
 * before, says on false what is wrong. MAP and SECTIONS are never right here; the pattern of an
 * INCLUDE goes into a char *. */
bool dsn_option_read(const DsnOption *option, const json_t *value, const char *directory,
                     void *slot, GString *complaint);

/* Puts one more entry into the map in @slot; @in_file says that @value names the file that holds
 * it, as for dsn_option_read_file(). */
bool dsn_option_read_entry(const DsnOption *option, const char *key, const json_t *value,
                           bool in_file, const char *directory, void *slot, GString *complaint);

/* Puts the content of the file that @value names into @slot: the value of a secret, without the
 * line feed at its end. */
bool dsn_option_read_file(const DsnOption *option, const json_t *value, const char *directory,
                          void *slot, GString *complaint);

/* Appends the value in @slot as TOML; a secret as DSN_OPTION_MASK. Not for MAP, SECTIONS and
 * INCLUDE. */
void dsn_option_write(const DsnOption *option, const void *slot, GString *toml);

/* Appends @text as dsn_option_read() would read it again. */
void dsn_option_write_text(const DsnOption *option, const char *text, GString *toml);

/* Puts the value in @from into @to; lists are shared. Not for MAP, SECTIONS and INCLUDE. */
void dsn_option_copy(const DsnOption *option, const void *from, void *to);

/* Stands for a secret that is not shown; no secret may be this. */
#define DSN_OPTION_MASK "********"

/* Frees the value. SECTIONS must be without elements by then. */
void dsn_option_clear(const DsnOption *option, void *slot);

/* Reads "1000/s" and the like as KumoMTA does: how many, up to 1000000000, in which time. */
bool dsn_rate_parse(const char *text, guint64 *ret_count, GTimeSpan *ret_span);

/* Reads "5 minutes" and the like, from 0 to DSN_OPTION_DURATION_MAX. */
bool dsn_duration_parse(const char *text, GTimeSpan *ret_span);

#endif
