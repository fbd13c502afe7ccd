/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * authentication.h - what our own hosts found out about who sent a message
 *
 * Purpose:   take from a header what trusted Authentication-Results fields say, and nothing else.
 * RFC:       8601 sections 2 and 5; rules ENV-23, OOB-17, ARF-23, CFBL-05.
 * Ownership: a finding owns the texts that are not in the header.
 * Errors:    none: what cannot be read has not been said.
 * Threads:   reentrant.
 *
 * Anybody can write such a field with any name in it, and our own hosts are bound to remove those
 * that claim to be theirs (RFC 8601 section 5). For those that forget to: the first trusted field
 * from the top must stand no lower than behind as many Received fields as our hosts add, others
 * count up to the next Received field, and of each method only the topmost field that names it.
 */
#ifndef DSN_CORE_AUTHENTICATION_H
#define DSN_CORE_AUTHENTICATION_H

#include "filter/core/configuration.h"
#include "mime/span.h"

#define DSN_SIGNATURES_MAX 16

/* A result, and the domain that it is about; absent where there is none. */
typedef struct DsnAuthentic {
    DsnSpan result;
    DsnSpan domain;
} DsnAuthentic;

typedef struct DsnAuthentication {
    DsnSpan authserv_id; /* of the topmost field; absent: there is no trusted one */
    DsnAuthentic spf;    /* of the envelope sender */
    DsnAuthentic dkim[DSN_SIGNATURES_MAX]; /* one for each signature; more are left out */
    size_t n_dkim;
    DsnAuthentic dmarc;    /* of the author */
    bool authenticated;    /* the client had logged in */
    GStringChunk *strings; /* NULL: none was needed */
} DsnAuthentication;

/* Reads what @header says, which may be followed by a body. @ret_found need not be initialised. */
void dsn_authentication_read(const DsnAuthenticationOptions *options, DsnSpan header,
                             DsnAuthentication *ret_found);
void dsn_authentication_clear(DsnAuthentication *found);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DsnAuthentication, dsn_authentication_clear)

/* True if @domain is @parent or below it, in any case of letters. */
bool dsn_domain_is_within(DsnSpan domain, DsnSpan parent);

/* What is behind the last "@" of @address, or all of it. */
DsnSpan dsn_address_domain(DsnSpan address);

/* Why the original with this @header is believed to be from the envelope sender @sender (without
 * brackets): DSN_TRUST_SPF if SPF passed for its domain, DSN_TRUST_DKIM if a signature of its
 * domain or of one above did, DSN_TRUST_AUTHENTICATED if the client had logged in (rule ENV-23). */
unsigned dsn_sender_authentication(const DsnAuthenticationOptions *options, DsnSpan header,
                                   DsnSpan sender);

#endif
