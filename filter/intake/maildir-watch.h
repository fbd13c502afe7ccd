/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * maildir-watch.h - reports that are delivered into a Maildir
 *
 * Purpose:   take what appears in new/ into the pipeline, and remove it when it is recorded.
 * Source:    dsnarf(8), "A Maildir"; inotify(7); https://cr.yp.to/proto/maildir.html
 * Ownership: the watch borrows the pipeline until it is stopped.
 * Errors:    G_FILE_ERROR with the path at the start; later they are logged and tried again.
 * Threads:   one that watches; several work off what has gathered.
 *
 * A file leaves new/ only when its records are on disk (removed, or to cur/ as seen), or when it is
 * no report (to cur/ as it is, for the owner to read). Whatever else is wrong, it stays: a second
 * look makes no second record. Files come into new/ by rename or link, as Maildir has it; one that
 * is written there is read a tenth of a second after it appeared, complete or not, unless it is
 * empty then.
 */
#ifndef DSN_INTAKE_MAILDIR_WATCH_H
#define DSN_INTAKE_MAILDIR_WATCH_H

#include "filter/pipeline/pipeline.h"

typedef struct DsnMaildirWatch DsnMaildirWatch;

DsnMaildirWatch *dsn_maildir_watch_start(DsnPipeline *pipeline, const DsnMaildirIntake *options,
                                         GError **error);

/* Finishes the messages that are being read. */
void dsn_maildir_watch_stop(DsnMaildirWatch *watch);

#endif
