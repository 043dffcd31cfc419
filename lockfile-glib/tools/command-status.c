/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "command.h"

#include <errno.h>
#include <sys/stat.h>

#include "holding.h"
#include "json.h"

/* The state of one lock. */
typedef struct
{
  const char *name; /* the path or the URI, as given by the user */
  LfLock *lock;     /* NULL if it cannot be made */
  GPtrArray *holdings; /* NULL if there is an error */
  gboolean exists;
  LfLockScope scope;
  GError *error;
} Finding;

enum
{
  STATUS_FREE = 0,
  STATUS_HELD = 1,
};

static void
finding_clear (Finding *self)
{
  g_clear_object (&self->lock);
  g_clear_pointer (&self->holdings, g_ptr_array_unref);
  g_clear_error (&self->error);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Finding, finding_clear)

static int
finding_get_exit_status (const Finding *self)
{
  if (self->error != NULL)
    return command_get_exit_status (self->error);

  return self->holdings->len > 0 ? STATUS_HELD : STATUS_FREE;
}

/* Adds the scope, unless it is the one that a user expects on a local disk. */
static void
finding_print_state (const Finding *self,
                     const char    *state)
{
  switch (self->scope)
    {
    case LF_LOCK_SCOPE_ALL_HOSTS:
      command_print (_("%s (excludes all hosts)"), state);
      break;

    case LF_LOCK_SCOPE_UNKNOWN:
      command_print (_("%s (whether it excludes other hosts is unknown)"), state);
      break;

    case LF_LOCK_SCOPE_PROCESS:
    case LF_LOCK_SCOPE_HOST:
    default:
      command_print ("%s", state);
    }
}

static void
finding_print (const Finding *self)
{
  g_autofree char *display_name = g_filename_display_name (self->name);

  if (self->error != NULL)
    {
      command_complain ("%s", self->error->message);
      return;
    }

  if (self->holdings->len == 0)
    {
      g_autofree char *state = g_strdup_printf (self->exists ? _("%s: free")
                                                             : _("%s: free, since the file does "
                                                                 "not exist"),
                                                display_name);

      finding_print_state (self, state);
    }

  for (guint i = 0; i < self->holdings->len; i++)
    {
      g_autofree char *holding = holding_describe (g_ptr_array_index (self->holdings, i));
      g_autofree char *state = g_strdup_printf (_("%s: held by %s"), display_name, holding);

      finding_print_state (self, state);
    }
}

static const char *
finding_get_exists (const Finding *self)
{
  if (!LF_IS_LOCK_FILE (self->lock))
    return "null";

  return self->exists ? "true" : "false";
}

static const char *
finding_get_locked (const Finding *self)
{
  if (self->error != NULL)
    return "null";

  return self->holdings->len > 0 ? "true" : "false";
}

/* NULL if it is unknown. */
static const char *
finding_get_scope (const Finding *self)
{
  g_autoptr (GEnumClass) scopes = g_type_class_ref (LF_TYPE_LOCK_SCOPE);

  if (self->scope == LF_LOCK_SCOPE_UNKNOWN)
    return NULL;

  return g_enum_get_value (scopes, (int) self->scope)->value_nick;
}

static const char *
finding_get_backend (const Finding *self)
{
  g_autoptr (GEnumClass) backends = g_type_class_ref (LF_TYPE_BACKEND);

  if (!LF_IS_LOCK_FILE (self->lock))
    return NULL;

  return g_enum_get_value (backends, (int) lf_lock_file_get_backend (LF_LOCK_FILE (self->lock)))
    ->value_nick;
}

static void
finding_append_json (const Finding *self,
                     GString       *json)
{
  g_string_append_c (json, '{');
  command_append_json_name (json, self->name, self->lock);
  g_string_append (json, ", \"backend\": ");
  json_append_string (json, finding_get_backend (self));
  g_string_append (json, ", \"scope\": ");
  json_append_string (json, finding_get_scope (self));
  g_string_append_printf (json, ", \"exists\": %s, \"locked\": %s, \"holders\": [",
                          finding_get_exists (self), finding_get_locked (self));
  for (guint i = 0; self->holdings != NULL && i < self->holdings->len; i++)
    {
      g_string_append (json, i > 0 ? ", " : "");
      holding_append_json (g_ptr_array_index (self->holdings, i), json);
    }
  g_string_append_c (json, ']');
  g_string_append (json, ", \"error\": ");
  json_append_string (json, self->error != NULL ? self->error->message : NULL);
  g_string_append_c (json, '}');
}

/* The status of several paths: an error counts more than a held lock, and that more than a
 * free one. */
static int
combine (int status,
         int other)
{
  return MAX (status, other);
}

/* A path that cannot be looked at does not count as missing. */
static gboolean
exists (LfLockFile *lock_file)
{
  struct stat file;

  return lstat (lf_lock_file_get_path (lock_file), &file) == 0 || errno != ENOENT;
}

static void
finding_look (Finding   *self,
              LfBackend  backend)
{
  self->lock = command_new_lock (self->name, backend, &self->error);
  self->exists = TRUE;
  self->scope = LF_LOCK_SCOPE_ALL_HOSTS;

  if (LF_IS_LOCK_FILE (self->lock))
    {
      LfLockFile *lock_file = LF_LOCK_FILE (self->lock);

      self->exists = exists (lock_file);
      self->scope = lf_lock_file_query_scope (lock_file, NULL, NULL);
    }

  if (self->lock != NULL)
    self->holdings = holdings_query (self->lock, &self->error);
}

static int
tell (GStrv     names,
      LfBackend backend,
      gboolean  as_json)
{
  g_autoptr (GString) json = g_string_new ("[");
  int status = STATUS_FREE;

  for (gsize i = 0; names[i] != NULL; i++)
    {
      g_auto (Finding) finding = { .name = names[i] };

      finding_look (&finding, backend);
      status = combine (status, finding_get_exit_status (&finding));

      if (as_json)
        {
          g_string_append (json, i == 0 ? "\n  " : ",\n  ");
          finding_append_json (&finding, json);
        }
      else
        finding_print (&finding);
    }

  if (as_json)
    g_print ("%s\n]\n", json->str);

  return status;
}

/* The paths of all slots. */
static GStrv
get_slot_paths (GStrv paths,
                int   slots)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (gsize i = 0; paths[i] != NULL; i++)
    {
      for (int slot = 1; slot <= slots; slot++)
        {
          g_autofree char *path = command_get_slot_path (paths[i], (guint) slot);

          g_strv_builder_add (builder, path);
        }
    }

  return g_strv_builder_end (builder);
}

int
command_status (char **argv)
{
  g_autofree char *backend_name = NULL;
  g_auto (GStrv) slot_paths = NULL;
  gboolean as_json = FALSE;
  LfBackend backend;
  int slots = COMMAND_NO_SLOTS;
  g_auto (GStrv) paths = NULL;
  const GOptionEntry entries[] = {
    COMMAND_BACKEND_ENTRY (&backend_name),
    COMMAND_JSON_ENTRY (&as_json),
    { "slots", 0, G_OPTION_FLAG_NONE, G_OPTION_ARG_INT, &slots,
      N_("Show this many slots of each path"), N_("NUMBER") },
    { G_OPTION_REMAINING, 0, G_OPTION_FLAG_NONE, G_OPTION_ARG_FILENAME_ARRAY, &paths, NULL, NULL },
    G_OPTION_ENTRY_NULL,
  };
  GOptionContext *context = g_option_context_new (N_("PATH..."));

  g_option_context_set_summary (context, N_("Tells whether locks are held, and by whom."));
  g_option_context_set_description (
    context, N_("Prints a line for each holder: its process ID and command line, the user, whether\n"
                "the lock is exclusive or shared, and since when it is held or the process runs.\n"
                "The locks do not change. The exit status is 0 if all of the locks are free,\n"
                "and 1 if one is held."));
  if (!command_parse (context, entries, argv, NULL))
    return EX_USAGE;

  if (paths == NULL)
    {
      command_complain_of_usage (_("A path is missing"));
      return EX_USAGE;
    }

  if (!command_check_slots (slots) || !command_check_remote (paths, backend_name, slots) ||
      !command_find_backend (backend_name, &backend))
    return EX_USAGE;

  if (slots != COMMAND_NO_SLOTS)
    slot_paths = get_slot_paths (paths, slots);

  return tell (slot_paths != NULL ? slot_paths : paths, backend, as_json);
}
