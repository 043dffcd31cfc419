/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <sysexits.h>

#include <lockfile-glib/lockfile-glib.h>

#include "os/lf-translate-private.h"

G_BEGIN_DECLS

/* What the commands of lf-lock have in common. */

#define COMMAND_BACKEND_ENTRY(variable) \
  { "backend", 'b', G_OPTION_FLAG_NONE, G_OPTION_ARG_STRING, (variable), \
    N_("Lock this way: auto, flock, fcntl, hard-link, directory, symlink, pid-file or sqlite"), \
    N_("BACKEND") }

/* Each gets the arguments from its own name on, and returns the exit status. */
int command_run    (char **argv);
int command_status (char **argv);
int command_break  (char **argv);

gboolean command_parse (GOptionContext     *context,
                        const GOptionEntry *entries,
                        char              **argv,
                        gpointer            data);

LfLockFile *command_new_lock_file (const char *path,
                                   const char *backend_name);

/* The value of an option for a number of slots that was not given. FALSE if it was, and the
 * library does not allow it, which has been said then. */
#define COMMAND_NO_SLOTS G_MININT
gboolean command_check_slots (int slots);
char *command_get_slot_path (const char *path,
                             guint       slot);

char *command_make_printable (const char *text);

void command_print (const char *format,
                    ...) G_GNUC_PRINTF (1, 2);
void command_print_version (void);
void command_complain (const char *format,
                       ...) G_GNUC_PRINTF (1, 2);
void command_complain_of_usage (const char *format,
                                ...) G_GNUC_PRINTF (1, 2);

int command_get_exit_status (const GError *error);

/* A part for each platform: ends the calling process, without another chance, as
 * soon as @parent has ended. */
void command_die_with_parent (int parent);

G_END_DECLS
