/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "holding.h"

#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "json.h"
#include "kernel-holders.h"
#include "process.h"

/* A command line may be too long to read. */
#define MAX_CHARACTERS 200

void
holding_free (Holding *self)
{
  g_clear_object (&self->holder);
  g_free (self->application);
  g_free (self->host);
  g_strfreev (self->command_line);
  g_free (self->user);
  g_clear_pointer (&self->since, g_date_time_unref);
  g_clear_pointer (&self->started, g_date_time_unref);
  g_free (self);
}

/* A record may come from another host or PID namespace, where its PID means another
 * process. */
static gboolean
is_process_here (const Holding *self)
{
  g_autofree char *application = process_get_application (self->pid);

  return self->pid != 0 && application != NULL &&
         (self->host == NULL || g_str_equal (self->host, g_get_host_name ())) &&
         (self->application == NULL || g_str_has_prefix (self->application, application));
}

/* When a lock that is a file was made. */
static GDateTime *
get_file_time (const char *path)
{
  struct stat file;

  return lstat (path, &file) == 0 ? g_date_time_new_from_unix_utc (file.st_mtime) : NULL;
}

static gboolean
is_file_the_lock (LfLockFile *lock_file)
{
  switch (lf_lock_file_get_backend (lock_file))
    {
    case LF_BACKEND_HARD_LINK:
    case LF_BACKEND_DIRECTORY:
    case LF_BACKEND_SYMLINK:
    case LF_BACKEND_PID_FILE:
      return TRUE;

    case LF_BACKEND_AUTO:
    case LF_BACKEND_FLOCK:
    case LF_BACKEND_FCNTL:
    case LF_BACKEND_LOCK_FILE_EX:
    case LF_BACKEND_SQLITE:
    default:
      return FALSE;
    }
}

/* Uses the start of lf-lock's command, which it starts as soon as it has the lock. */
static void
holding_look_at_child (Holding *self)
{
  int child = g_strcmp0 (self->application, "lf-lock") == 0 ? process_get_child (self->pid) : 0;
  GStrv command_line = child != 0 ? process_get_command_line (child) : NULL;

  if (command_line == NULL)
    return;

  g_strfreev (self->command_line);
  self->command_line = command_line;
  if (self->since == NULL)
    self->since = process_get_start (child);
}

/* @lock_file is NULL for a remote lock, which is exclusive. */
static void
holding_look_closer (Holding    *self,
                     LfLockFile *lock_file)
{
  if (lock_file == NULL || is_file_the_lock (lock_file))
    {
      if (lock_file != NULL)
        self->since = get_file_time (lf_lock_file_get_path (lock_file));
      self->is_mode_known = TRUE;
      self->mode = LF_LOCK_MODE_EXCLUSIVE;
    }

  if (!is_process_here (self))
    return;

  self->command_line = process_get_command_line (self->pid);
  self->user = process_get_user (self->pid);
  self->started = process_get_start (self->pid);
  holding_look_at_child (self);
}

static Holding *
holding_new (LfLockHolder *holder)
{
  Holding *self = g_new0 (Holding, 1);

  self->holder = g_object_ref (holder);
  self->pid = lf_lock_holder_get_pid (holder);
  self->application = g_strdup (lf_lock_holder_get_application (holder));
  self->host = g_strdup (lf_lock_holder_get_host (holder));

  return self;
}

static Holding *
holding_new_for_process (int pid)
{
  Holding *self = g_new0 (Holding, 1);

  self->pid = pid;
  self->application = process_get_application (pid);
  self->host = g_strdup (g_get_host_name ());

  return self;
}

/* The library knows whether the lock is held at all, and names one holder. */
static void
add_kernel_holders (GPtrArray  *holdings,
                    LfLockFile *lock_file)
{
  Holding *first = g_ptr_array_index (holdings, 0);
  g_autoptr (GArray) holders = kernel_holders_find (lf_lock_file_get_path (lock_file),
                                                    lf_lock_file_get_backend (lock_file));

  for (guint i = 0; i < holders->len; i++)
    {
      const KernelHolder *holder = &g_array_index (holders, KernelHolder, i);
      Holding *holding = first;

      if (holder->pid != first->pid)
        {
          holding = holding_new_for_process (holder->pid);
          g_ptr_array_add (holdings, holding);
        }

      holding->is_mode_known = TRUE;
      holding->mode = holder->mode;
    }

  /* One of the others is the holder that the library could not name */
  if (first->pid == 0 && holdings->len > 1)
    g_ptr_array_remove_index (holdings, 0);
}

/* The holders of all slots. A slot that cannot be looked at counts as free. */
static GPtrArray *
query_slots (LfSemaphore *semaphore)
{
  GPtrArray *holdings = g_ptr_array_new_with_free_func ((GDestroyNotify) holding_free);

  for (guint slot = 1; slot <= lf_semaphore_get_slots (semaphore); slot++)
    {
      g_autofree char *path = command_get_slot_path (lf_semaphore_get_path (semaphore), slot);
      g_autoptr (LfLockFile) lock_file = lf_lock_file_new (path);
      GPtrArray *slot_holdings = holdings_query (LF_LOCK (lock_file), NULL);

      if (slot_holdings != NULL)
        g_ptr_array_extend_and_steal (holdings, slot_holdings);
    }

  return holdings;
}

GPtrArray *
holdings_query (LfLock  *lock,
                GError **error)
{
  g_autoptr (GPtrArray) holdings = NULL;
  g_autoptr (GError) local_error = NULL;
  g_autoptr (LfLockHolder) holder = NULL;
  LfLockFile *lock_file = LF_IS_LOCK_FILE (lock) ? LF_LOCK_FILE (lock) : NULL;

  if (LF_IS_SEMAPHORE (lock))
    return query_slots (LF_SEMAPHORE (lock));

  holder = lf_lock_query_holder (lock, NULL, &local_error);
  if (local_error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return NULL;
    }

  holdings = g_ptr_array_new_with_free_func ((GDestroyNotify) holding_free);
  if (holder != NULL)
    {
      g_ptr_array_add (holdings, holding_new (holder));
      if (lock_file != NULL && !is_file_the_lock (lock_file))
        add_kernel_holders (holdings, lock_file);
    }

  for (guint i = 0; i < holdings->len; i++)
    holding_look_closer (g_ptr_array_index (holdings, i), lock_file);

  return g_steal_pointer (&holdings);
}

/* As a user would type it, if it needs no quoting. */
static char *
join_command_line (GStrv command_line)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *valid = NULL;
  const char *end;

  for (gsize i = 0; command_line[i] != NULL; i++)
    {
      g_autofree char *quoted = g_shell_quote (command_line[i]);
      gboolean is_plain = command_line[i][0] != '\0' &&
                          strpbrk (command_line[i], " \t\n\"'\\$`*?;&|<>()#") == NULL;

      g_string_append_printf (text, "%s%s", i > 0 ? " " : "", is_plain ? command_line[i] : quoted);
    }

  valid = g_utf8_make_valid (text->str, -1);
  if (g_utf8_strlen (valid, -1) <= MAX_CHARACTERS)
    return g_steal_pointer (&valid);

  end = g_utf8_offset_to_pointer (valid, MAX_CHARACTERS);

  return g_strdup_printf ("%.*s...", (int) (end - valid), valid);
}

static char *
format_time (GDateTime *time)
{
  g_autoptr (GDateTime) local = g_date_time_to_local (time);

  return g_date_time_format (local, "%Y-%m-%d %H:%M:%S");
}

/* Names the process by its command line, which says more than the name of its program. */
static char *
describe_process (const Holding *self)
{
  g_autofree char *command = NULL;

  if (self->command_line == NULL && self->holder != NULL)
    return lf_lock_holder_to_string (self->holder);

  if (self->command_line != NULL)
    command = join_command_line (self->command_line);
  else
    command = g_strdup (self->application);

  return command != NULL ? g_strdup_printf (_("PID %d (%s)"), self->pid, command)
                         : g_strdup_printf (_("PID %d"), self->pid);
}

char *
holding_describe (const Holding *self)
{
  g_autofree char *process = describe_process (self);
  g_autoptr (GString) text = g_string_new (process);

  if (self->user != NULL)
    g_string_append_printf (text, _(", user %s"), self->user);
  if (self->is_mode_known)
    g_string_append (text, self->mode == LF_LOCK_MODE_SHARED ? _(", shared") : _(", exclusive"));
  if (self->since != NULL)
    {
      g_autofree char *since = format_time (self->since);

      g_string_append_printf (text, _(", since %s"), since);
    }
  else if (self->started != NULL)
    {
      g_autofree char *started = format_time (self->started);

      g_string_append_printf (text, _(", running since %s"), started);
    }

  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
append_member (GString    *json,
               const char *name,
               const char *value)
{
  g_string_append_printf (json, ", \"%s\": ", name);
  json_append_string (json, value);
}

static void
append_time (GString    *json,
             const char *name,
             GDateTime  *time)
{
  g_autofree char *text = time != NULL ? g_date_time_format (time, "%Y-%m-%dT%H:%M:%SZ") : NULL;

  append_member (json, name, text);
}

static const char *
holding_get_mode (const Holding *self)
{
  if (!self->is_mode_known)
    return NULL;

  return self->mode == LF_LOCK_MODE_SHARED ? "shared" : "exclusive";
}

static void
append_command_line (GString *json,
                     GStrv    command_line)
{
  g_string_append (json, ", \"command\": ");
  if (command_line == NULL)
    {
      g_string_append (json, "null");
      return;
    }

  for (gsize i = 0; command_line[i] != NULL; i++)
    {
      g_string_append (json, i == 0 ? "[" : ", ");
      json_append_string (json, command_line[i]);
    }
  g_string_append_c (json, ']');
}

void
holding_append_json (const Holding *self,
                     GString       *json)
{
  g_string_append (json, "{\"pid\": ");
  if (self->pid != 0)
    g_string_append_printf (json, "%d", self->pid);
  else
    g_string_append (json, "null");

  append_member (json, "application", self->application);
  append_member (json, "host", self->host);
  append_command_line (json, self->command_line);
  append_member (json, "user", self->user);
  append_member (json, "mode", holding_get_mode (self));
  append_time (json, "since", self->since);
  append_time (json, "started", self->started);
  g_string_append_c (json, '}');
}
