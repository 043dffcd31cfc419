/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "backends/lf-record-private.h"

#include <errno.h>
#include <string.h>

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
} LfRecordLine;

#define PID_NAMESPACE "pid-namespace:"
#define START_TIME "start-time:"
#define TOKEN "lock:"
#define PROGRAM "program:"
#define TIME_NAMESPACE "time-namespace:"
#define INODE_LOCK "inode-lock:yes"
#define LEASE "lease:"

/* Longer ones are not from us */
#define MAX_LEASE (400 * G_TIME_SPAN_DAY)

#define MACHINE_ID_LENGTH 32

/* The identity of this process, as records contain it and are compared with. */
typedef struct
{
  gatomicrefcount ref_count;
  int pid;
  char *host;
  char *machine_id;
  char *boot_id;
  guint64 pid_namespace;
  guint64 time_namespace;
  char *program;
  char *head; /* of a record, up to the token */
  char *tail; /* of a record, after the token */
  gboolean complete;
  int failure; /* why something is unknown that another attempt could find out; an errno or 0 */
} Identity;

/* The identity of one process. It is kept as soon as it is complete; until then, reading it
 * is repeated. */
typedef struct
{
  GMutex mutex;
  Identity *identity;
  char *program;
} Own;

static gpointer
own_new (void)
{
  Own *self = g_new0 (Own, 1);

  g_mutex_init (&self->mutex);
  self->program = lf_identity_new_token ();

  return self;
}

/* Makes a line of a record. A program that takes all of the record as arguments must not
 * mistake a word for a process ID or for an option. */
static char *
new_line (const char *text)
{
  char *line = g_strdup (text != NULL ? text : "");
  char *word = line;

  g_strdelimit (line, "\n", '?');
  while (*word != '\0')
    {
      gsize length = strcspn (word, " \t");

      if (length > 0 && (strchr ("-+%", *word) != NULL || strspn (word, "0123456789") == length))
        *word = '?';
      word += length + strspn (word + length, " \t");
    }

  return line;
}

static Identity *
identity_new (const char *program)
{
  Identity *self = g_new0 (Identity, 1);
  g_autofree char *application_name = lf_identity_get_application (lf_process_get_id ());
  g_autofree char *application = new_line (application_name);
  guint64 start_time;

  g_atomic_ref_count_init (&self->ref_count);
  self->pid = lf_process_get_id ();
  self->host = new_line (g_get_host_name ());
  self->machine_id = lf_identity_get_machine_id (&self->failure);
  self->boot_id = lf_identity_get_boot_id (&self->failure);
  self->pid_namespace = lf_identity_get_pid_namespace (&self->failure);
  self->time_namespace = lf_identity_get_time_namespace (&self->failure);
  lf_identity_get_process_state (self->pid, &start_time, &self->failure);
  self->program = g_strdup (program);
  self->complete = self->failure == 0 && application_name != NULL;
  self->head = g_strdup_printf ("%d\n%s\n%s\n%s\n%s\n"
                                PID_NAMESPACE "%" G_GUINT64_FORMAT "\n"
                                START_TIME "%" G_GUINT64_FORMAT "\n",
                                self->pid, application, self->host,
                                self->machine_id != NULL ? self->machine_id : "",
                                self->boot_id != NULL ? self->boot_id : "",
                                self->pid_namespace, start_time);
  self->tail = g_strdup_printf (PROGRAM "%s\n" TIME_NAMESPACE "%" G_GUINT64_FORMAT "\n",
                                program, self->time_namespace);

  return self;
}

static Identity *
identity_ref (Identity *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

static void
identity_unref (Identity *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_free (self->host);
  g_free (self->machine_id);
  g_free (self->boot_id);
  g_free (self->program);
  g_free (self->head);
  g_free (self->tail);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Identity, identity_unref)

static Identity *
get_identity (void)
{
  Own *own = lf_process_get_state (LF_PROCESS_IDENTITY, own_new);
  Identity *identity;

  g_mutex_lock (&own->mutex);
  identity = own->identity != NULL ? own->identity : identity_new (own->program);
  if (identity->complete)
    own->identity = identity;
  if (own->identity != NULL)
    identity_ref (identity);
  g_mutex_unlock (&own->mutex);

  return identity;
}

static char *
new_lease_line (gint64 lease)
{
  if (lease == 0)
    return g_strdup ("");

  return g_strdup_printf (LEASE "%" G_GINT64_FORMAT ".%06d\n", lease / G_USEC_PER_SEC,
                          (int) (lease % G_USEC_PER_SEC));
}

/* The record of this process for one lock, with a lease in microseconds or 0. If nothing else
 * will prove that the process is gone, the record must contain all that proves it; otherwise
 * returns NULL with errno. */
char *
lf_record_new (gboolean inode_locked,
               gint64   lease)
{
  static gsize n_records; /* atomic */
  g_autoptr (Identity) own = get_identity ();
  g_autofree char *lease_line = new_lease_line (lease);
  gsize number = (gsize) g_atomic_pointer_add (&n_records, 1);

  if (!inode_locked && own->failure != 0)
    {
      errno = own->failure;
      return NULL;
    }

  return g_strdup_printf ("%s" TOKEN "%s-%" G_GSIZE_FORMAT "\n%s%s%s", own->head, own->program,
                          number, own->tail, inode_locked ? INODE_LOCK "\n" : "", lease_line);
}

/* The line, or "" if it is missing. A line without its end does not count, since the rest
 * may not have been written yet. */
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

/* The rest of a line after its keyword, which older records do not have. */
static const char *
skip_keyword (const char *line,
              const char *keyword)
{
  return g_str_has_prefix (line, keyword) ? line + strlen (keyword) : line;
}

static guint64
get_number (const char *text)
{
  guint64 number;

  return g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT64, &number, NULL) ? number : 0;
}

/* The rest of a line with that keyword after the token, or NULL. */
static const char *
find_keyword (char       **lines,
              const char  *keyword)
{
  for (guint i = 0; lines[i] != NULL && lines[i + 1] != NULL; i++)
    {
      if (i > LINE_TOKEN && g_str_has_prefix (lines[i], keyword))
        return lines[i] + strlen (keyword);
    }

  return NULL;
}

/* 0 if there is none. Some programs write no end of line. */
static int
get_pid (char **lines)
{
  g_autofree char *text = lines[0] != NULL ? g_strstrip (g_strdup (lines[0])) : NULL;
  guint64 pid;

  if (text == NULL || !g_ascii_string_to_unsigned (text, 10, 1, G_MAXINT, &pid, NULL))
    return 0;

  return (int) pid;
}

/* Whether it is a record, of any program, that names a holder. */
gboolean
lf_record_is_ours (const char *record)
{
  g_auto (GStrv) lines = g_strsplit (record, "\n", 2);

  return get_pid (lines) != 0;
}

/* Whether one of our records is complete. If not, its writer is still writing, or has ended
 * too early. */
gboolean
lf_record_is_whole (const char *record)
{
  g_auto (GStrv) lines = g_strsplit (record, "\n", -1);

  return get_line (lines, LINE_TOKEN)[0] != '\0';
}

/* systemd writes other texts while it does not know the ID, and so do images that are to be
 * copied. */
static gboolean
is_machine_id (const char *text)
{
  return strlen (text) == MACHINE_ID_LENGTH &&
         strspn (text, "0123456789abcdefABCDEF") == MACHINE_ID_LENGTH &&
         strspn (text, "0") < MACHINE_ID_LENGTH;
}

/* A cloned machine has the ID of its original, but seldom its name. */
static gboolean
is_same_machine (const Identity  *own,
                 char           **lines)
{
  return g_str_equal (get_line (lines, LINE_MACHINE_ID),
                      own->machine_id != NULL ? own->machine_id : "") &&
         g_str_equal (get_line (lines, LINE_HOST), own->host);
}

/* Whether the running process with this PID is the one of the record. */
static gboolean
is_same_process (const Identity  *own,
                 char           **lines,
                 int              pid,
                 guint64          start_time)
{
  guint64 recorded_start = get_number (skip_keyword (get_line (lines, LINE_START_TIME), START_TIME));
  const char *time_namespace = find_keyword (lines, TIME_NAMESPACE);
  const char *program = find_keyword (lines, PROGRAM);

  /* Start times in another time namespace are shifted */
  if (recorded_start == 0 ||
      (time_namespace != NULL && get_number (time_namespace) != own->time_namespace))
    return TRUE;

  if (recorded_start != start_time)
    return FALSE;

  /* A process that has executed a program, even the same one, holds nothing that it held
   * before */
  return pid != own->pid || program == NULL || g_str_equal (program, own->program);
}

/* A process ID is meaningful only in its own namespace: in sandboxes, everybody is number
 * 2. */
static LfRecordVerdict
judge_process (const Identity   *own,
               char            **lines,
               int               pid,
               LfRecordVerdict   silent)
{
  guint64 name_space = get_number (skip_keyword (get_line (lines, LINE_PID_NAMESPACE),
                                                 PID_NAMESPACE));
  guint64 start_time;
  int failure;

  if (name_space == 0 || name_space != own->pid_namespace || !is_same_machine (own, lines))
    return silent;

  switch (lf_identity_get_process_state (pid, &start_time, &failure))
    {
    case LF_PROCESS_GONE:
      return LF_RECORD_DEAD;

    case LF_PROCESS_RUNNING:
      return is_same_process (own, lines, pid, start_time) ? LF_RECORD_HELD : LF_RECORD_DEAD;

    case LF_PROCESS_UNKNOWN:
    default:
      return LF_RECORD_HELD;
    }
}

/* Whether the holder is proved gone. */
LfRecordVerdict
lf_record_judge (const char *record)
{
  g_auto (GStrv) lines = g_strsplit (record, "\n", -1);
  g_autoptr (Identity) own = NULL;
  const char *boot_id = get_line (lines, LINE_BOOT_ID);
  int pid = get_pid (lines);
  LfRecordVerdict silent = find_keyword (lines, INODE_LOCK) != NULL ? LF_RECORD_SILENT
                                                                    : LF_RECORD_HELD;
  LfRecordVerdict verdict;

  if (pid == 0)
    return LF_RECORD_HELD;

  own = get_identity ();
  if (*boot_id != '\0' && own->boot_id != NULL && !g_str_equal (boot_id, own->boot_id))
    return own->machine_id != NULL && is_machine_id (own->machine_id) &&
           is_same_machine (own, lines) ? LF_RECORD_DEAD : silent;

  verdict = judge_process (own, lines, pid, silent);

  /* The record or this process does not know its boot */
  if (verdict == LF_RECORD_DEAD && (*boot_id == '\0' || own->boot_id == NULL))
    return silent;

  return verdict;
}

/* The lease in microseconds, or 0 if there is none. */
gint64
lf_record_get_lease (const char *record)
{
  g_auto (GStrv) lines = g_strsplit (record, "\n", -1);
  const char *text = get_line (lines, LINE_TOKEN)[0] != '\0' ? find_keyword (lines, LEASE) : NULL;
  double lease = text != NULL ? g_ascii_strtod (text, NULL) * G_USEC_PER_SEC : 0;

  return lease > 0 && lease < MAX_LEASE ? (gint64) lease : 0;
}

/* A record that cannot be understood still has a holder. */
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
