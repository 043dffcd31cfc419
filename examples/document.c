/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Edits a text document that nobody else edits. If another has it, it is read-only
 * until that one closes it, and Enter decides whether to wait for that. Lines that
 * are typed are added to the document; Ctrl-D saves and closes it, Ctrl-C does not
 * save.
 *
 *   document-c FILE */

#include <gio/gunixinputstream.h>
#include <glib-unix.h>
#include <locale.h>
#include <lockfile-glib/lockfile-glib.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct
{
  GMainLoop *loop;
  GDataInputStream *input;
  const char *path;
  LfLockFile *lock;
  GCancellable *waiting; /* or NULL */
  GString *text;
  int status;
} Document;

/* Saving replaces the document by a new file, so that it cannot be the lock itself */
static LfLockFile *
lock_beside (GFile *file)
{
  g_autoptr (GFile) directory = g_file_get_parent (file);
  g_autofree char *name = g_file_get_basename (file);
  g_autofree char *lock_name = g_strdup_printf (".%s.lock", name);
  g_autoptr (GFile) lock_file = g_file_get_child (directory, lock_name);
  LfLockFile *lock = lf_lock_file_new_for_file (lock_file);

  lf_lock_file_set_remove_on_release (lock, TRUE);
  return lock;
}

static void
fail (Document   *self,
      const char *message)
{
  g_printerr ("%s\n", message);
  self->status = EXIT_FAILURE;
  g_main_loop_quit (self->loop);
}

static gboolean
load (Document *self)
{
  g_autofree char *text = NULL;
  gsize length = 0;
  g_autoptr (GError) error = NULL;

  /* What is not there is a new one */
  if (!g_file_get_contents (self->path, &text, &length, &error) &&
      !g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
    {
      fail (self, error->message);
      return FALSE;
    }
  if (text != NULL && !g_utf8_validate_len (text, length, NULL))
    {
      fail (self, "This is not a text in UTF-8");
      return FALSE;
    }

  g_string_assign (self->text, text != NULL ? text : "");
  g_print ("%s", self->text->str);
  return TRUE;
}

static char *
describe_holder (Document *self)
{
  g_autoptr (LfLockHolder) holder = lf_lock_file_query_holder (self->lock, NULL, NULL);

  return holder != NULL ? lf_lock_holder_to_string (holder) : g_strdup ("somebody");
}

static void
show_read_only (Document *self)
{
  g_autofree char *whom = describe_holder (self);

  g_print ("Read-only, edited by %s; Enter waits\n", whom);
}

static void
start_to_edit (Document *self)
{
  /* It has changed while another edited it */
  if (load (self))
    g_print ("Yours to edit\n");
}

static void
acquire_cb (GObject      *object,
            GAsyncResult *result,
            gpointer      user_data)
{
  Document *self = user_data;
  g_autoptr (GError) error = NULL;

  g_clear_object (&self->waiting);

  if (lf_lock_file_acquire_finish (self->lock, result, &error))
    start_to_edit (self);
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    show_read_only (self);
  else
    fail (self, error->message);
}

static void
start_to_wait (Document *self)
{
  g_autofree char *whom = describe_holder (self);

  g_print ("Waiting for %s; Enter cancels\n", whom);
  self->waiting = g_cancellable_new ();
  lf_lock_file_acquire_async (self->lock, G_PRIORITY_DEFAULT, self->waiting, acquire_cb, self);
}

static gboolean
save (Document  *self,
      GError   **error)
{
  if (!g_file_set_contents (self->path, self->text->str, self->text->len, error))
    return FALSE;

  g_print ("Saved\n");
  return TRUE;
}

static void
read_line_cb (GObject      *object,
              GAsyncResult *result,
              gpointer      user_data)
{
  Document *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autofree char *line = NULL;

  line = g_data_input_stream_read_line_finish_utf8 (self->input, result, NULL, &error);

  if (line == NULL)
    {
      if (error != NULL || (lf_lock_file_is_held (self->lock) && !save (self, &error)))
        fail (self, error->message);
      g_main_loop_quit (self->loop);
      return;
    }

  if (lf_lock_file_is_held (self->lock))
    g_string_append_printf (self->text, "%s\n", line);
  else if (self->waiting != NULL)
    g_cancellable_cancel (self->waiting);
  else
    start_to_wait (self);

  g_data_input_stream_read_line_async (self->input, G_PRIORITY_DEFAULT, NULL, read_line_cb, self);
}

static void
close_document (Document *self)
{
  g_autoptr (GError) error = NULL;

  if (lf_lock_file_is_held (self->lock) && !lf_lock_file_release (self->lock, &error))
    fail (self, error->message);
}

static gboolean
interrupted_cb (gpointer user_data)
{
  Document *self = user_data;

  self->status = 130;
  g_main_loop_quit (self->loop);
  return G_SOURCE_CONTINUE;
}

static void
open_document (Document *self)
{
  g_autoptr (GError) error = NULL;

  if (lf_lock_file_try_acquire (self->lock, &error))
    {
      start_to_edit (self);
    }
  else if (g_error_matches (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED))
    {
      if (load (self))
        show_read_only (self);
    }
  else
    {
      fail (self, error->message);
    }

  if (self->status != 0)
    return;

  g_data_input_stream_read_line_async (self->input, G_PRIORITY_DEFAULT, NULL, read_line_cb, self);
  g_unix_signal_add (SIGINT, interrupted_cb, self);
  g_main_loop_run (self->loop);
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GInputStream) terminal = g_unix_input_stream_new (STDIN_FILENO, FALSE);
  g_autoptr (GDataInputStream) input = g_data_input_stream_new (terminal);
  g_autoptr (GFile) file = NULL;
  g_autoptr (LfLockFile) lock = NULL;
  g_autoptr (GString) text = g_string_new (NULL);
  Document self = { .loop = loop, .input = input, .text = text };

  setlocale (LC_ALL, "");
  if (argc == 2)
    file = g_file_new_for_path (argv[1]);
  if (file == NULL || !g_file_has_parent (file, NULL))
    {
      g_printerr ("Usage: %s FILE\n", argv[0]);
      return 2;
    }

  self.path = argv[1];
  self.lock = lock = lock_beside (file);
  open_document (&self);
  close_document (&self);

  return self.status;
}
