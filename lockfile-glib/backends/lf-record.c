/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "backends/lf-record-private.h"

#include "os/lf-identity-private.h"
#include "os/lf-process-private.h"

typedef enum
{
  LINE_PID,
  LINE_APPLICATION,
  LINE_HOST,
  LINE_MACHINE_ID,
  LINE_BOOT_ID,
  LINE_PID_NAMESPACE,
  LINE_START_TIME,
  LINE_TOKEN,
  N_LINES,
} LfRecordLine;

/* What a record says of its process, and what others are compared with. */
typedef struct
{
  char *machine_id;
  char *boot_id;
  guint64 pid_namespace;
  char *lines; /* those of a record up to the token */
} Identity;

static gpointer
identity_new (void)
{
  Identity *self = g_new0 (Identity, 1);
  int pid = lf_process_get_id ();
  g_autofree char *application = lf_identity_get_application (pid);
  guint64 start_time;

  self->machine_id = lf_identity_get_machine_id ();
  self->boot_id = lf_identity_get_boot_id ();
  self->pid_namespace = lf_identity_get_pid_namespace ();

  lf_identity_get_process_state (pid, &start_time);
  if (application != NULL)
    g_strdelimit (application, "\n", '?');

  self->lines = g_strdup_printf ("%d\n%s\n%s\n%s\n%s\n%" G_GUINT64_FORMAT "\n%" G_GUINT64_FORMAT "\n",
                                 pid, application != NULL ? application : "", g_get_host_name (),
                                 self->machine_id != NULL ? self->machine_id : "",
                                 self->boot_id != NULL ? self->boot_id : "",
                                 self->pid_namespace, start_time);

  return self;
}

/* Read once in a process, for it stays the same as long as that lives. */
static const Identity *
get_identity (void)
{
  return lf_process_get_state (LF_PROCESS_IDENTITY, identity_new);
}

/* The record of this process for one lock. */
char *
lf_record_new (void)
{
  g_autofree char *token = lf_identity_new_token ();

  return g_strconcat (get_identity ()->lines, token, "\n", NULL);
}

/* The line, or "" where there is none. Only a line with its end counts: the rest
 * may be about to be written. */
static const char *
get_line (char         **lines,
          LfRecordLine   line)
{
  for (guint i = 0; i <= (guint) line; i++)
    {
      if (lines[i] == NULL || lines[i + 1] == NULL)
        return "";
    }

  return lines[line];
}

static guint64
get_number (char         **lines,
            LfRecordLine   line)
{
  guint64 number;

  if (!g_ascii_string_to_unsigned (get_line (lines, line), 10, 0, G_MAXUINT64, &number, NULL))
    return 0;

  return number;
}

/* 0 if it is none. Some write it without the end of the line. */
static int
get_pid (char **lines)
{
  g_autofree char *text = lines[0] != NULL ? g_strstrip (g_strdup (lines[0])) : NULL;
  guint64 pid;

  if (text == NULL || !g_ascii_string_to_unsigned (text, 10, 1, G_MAXINT, &pid, NULL))
    return 0;

  return (int) pid;
}

/* Whether a whole record of ours was written; if not, its writer is still at it or
 * has ended in the middle. */
gboolean
lf_record_is_whole (const char *record)
{
  g_auto (GStrv) lines = g_strsplit (record, "\n", -1);

  return get_line (lines, LINE_TOKEN)[0] != '\0';
}

/* Whether it is proved that the holder is gone. The same boot is the same machine.
 * A process ID says something only in its own namespace: in sandboxes everybody
 * is number 2. */
gboolean
lf_record_is_dead (const char *record)
{
  g_auto (GStrv) lines = g_strsplit (record, "\n", -1);
  const Identity *own = get_identity ();
  guint64 name_space = get_number (lines, LINE_PID_NAMESPACE);
  guint64 recorded_start = get_number (lines, LINE_START_TIME);
  guint64 start_time;
  int pid = get_pid (lines);

  if (pid == 0 || own->boot_id == NULL || get_line (lines, LINE_BOOT_ID)[0] == '\0')
    return FALSE;

  if (g_strcmp0 (get_line (lines, LINE_BOOT_ID), own->boot_id) != 0)
    return own->machine_id != NULL &&
           g_str_equal (get_line (lines, LINE_MACHINE_ID), own->machine_id);

  if (name_space == 0 || name_space != own->pid_namespace)
    return FALSE;

  switch (lf_identity_get_process_state (pid, &start_time))
    {
    case LF_PROCESS_GONE:
      return TRUE;

    case LF_PROCESS_RUNNING:
      return recorded_start != 0 && recorded_start != start_time;

    case LF_PROCESS_UNKNOWN:
    default:
      return FALSE;
    }
}

/* A record that is not understood has a holder nevertheless. */
LfLockHolder *
lf_record_get_holder (const char *record)
{
  g_auto (GStrv) lines = g_strsplit (record, "\n", -1);
  const char *application = get_line (lines, LINE_APPLICATION);
  const char *host = get_line (lines, LINE_HOST);
  int pid = get_pid (lines);

  if (pid == 0)
    return lf_lock_holder_new (0, NULL, NULL);

  return lf_lock_holder_new (pid, *host != '\0' ? host : NULL,
                             *application != '\0' ? application : NULL);
}
