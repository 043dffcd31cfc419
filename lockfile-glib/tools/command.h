/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <sysexits.h>

#include <lockfile-glib/lockfile-glib.h>

#include "os/lf-translate-private.h"

G_BEGIN_DECLS

/* The common parts of lf-lock's commands. */

#define COMMAND_BACKEND_ENTRY(variable) \
  { "backend", 'b', G_OPTION_FLAG_NONE, G_OPTION_ARG_STRING, (variable), \
    N_("Use this backend: auto, flock, fcntl, hard-link, directory, symlink, pid-file or sqlite"), \
    N_("BACKEND") }

#define COMMAND_JSON_ENTRY(variable) \
  { "json", 'j', G_OPTION_FLAG_NONE, G_OPTION_ARG_NONE, (variable), N_("Print JSON"), NULL }

/* Each function gets the arguments from the command's name on, and returns the exit status. */
int command_run    (char **argv);
int command_status (char **argv);
int command_break  (char **argv);

gboolean command_parse (GOptionContext     *context,
                        const GOptionEntry *entries,
                        char              **argv,
                        gpointer            data);

/* With NULL, the platform's best. Returns FALSE, after a message, if there is no such backend. */
gboolean command_find_backend (const char *name,
                               LfBackend  *backend);

/* Whether an argument is the URI of a lock beyond this machine instead of a path. */
gboolean command_is_remote (const char *argument);
/* Returns FALSE, after a message, if an option makes no sense for one of the arguments. */
gboolean command_check_remote (GStrv       arguments,
                               const char *backend_name,
                               int         slots);

/* Makes the lock of an argument, a path or a URI. */
LfLock *command_new_lock (const char  *argument,
                          LfBackend    backend,
                          GError     **error);

/* Appends the members "path" and "uri" to a JSON object. @lock may be NULL. */
void command_append_json_name (GString    *json,
                               const char *argument,
                               LfLock     *lock);

/* The value of --slots without the option. The check returns FALSE, after a message, if the
 * library does not allow the number. */
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

/* Kills the calling process as soon as @parent has ended. One file per platform. */
void command_die_with_parent (int parent);

G_END_DECLS
