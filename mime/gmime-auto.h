/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gmime-auto.h - the automatic clean-ups that GMime 3.2 does not define
 *
 * Purpose:   let GMime objects be g_autoptr() locals.
 * RFC:       none.
 * Ownership: each clean-up releases one reference or the one owner.
 * Errors:    none.
 * Threads:   none of its own.
 */
#ifndef DSN_MIME_GMIME_AUTO_H
#define DSN_MIME_GMIME_AUTO_H

#include <gmime/gmime.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(GMimeParserOptions, g_mime_parser_options_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GMimeFormatOptions, g_mime_format_options_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GMimeParamList, g_object_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GMimeContentType, g_object_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(InternetAddressList, g_object_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(InternetAddress, g_object_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GMimeStream, g_object_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GMimeParser, g_object_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GMimeMessage, g_object_unref)

#endif
