/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* Edits a text document, which no other program can edit at the same time. If another
 * program edits it, the document is read-only until that program closes it. Press Enter
 * to wait for that. Lines that you type are added to the document; Ctrl-D saves and
 * closes it, Ctrl-C closes it without saving.
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
  GFile *file;
  LfLockFile *lock;
  GCancellable *waiting; /* or NULL */
  GString *text;
  int status;
} Document;

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

  /* Without a file, the document is a new one */
  if (!g_file_load_contents (self->file, NULL, &text, &length, NULL, &error) &&
      !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
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
  /* Another program may have changed it */
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
  /* Replaces the file, and keeps its permissions and owner */
  if (!g_file_replace_contents (self->file, self->text->str, self->text->len, NULL, FALSE,
                                G_FILE_CREATE_NONE, NULL, NULL, error))
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
  g_autoptr (GFile) argument = NULL;
  g_autoptr (GFile) file = NULL;
  g_autoptr (LfLockFile) lock = NULL;
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  Document self = { .loop = loop, .input = input, .text = text };

  setlocale (LC_ALL, "");
  if (argc == 2)
    argument = g_file_new_for_path (argv[1]);
  if (argument == NULL || !g_file_has_parent (argument, NULL))
    {
      g_printerr ("Usage: %s FILE\n", argv[0]);
      return 2;
    }

  lock = lf_lock_file_new_for_document (argument, &error);
  if (lock == NULL)
    {
      g_printerr ("%s\n", error->message);
      return EXIT_FAILURE;
    }

  /* The real document, so that symbolic links to it stay */
  file = lf_lock_file_get_document (lock);
  self.file = file;
  self.lock = lock;
  open_document (&self);
  close_document (&self);

  return self.status;
}
