/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A window to edit a text document that nobody else edits. While another has it, a
 * banner says who, and the window waits: it becomes editable the moment the other
 * closes. Saves on Ctrl+S and on closing; if that fails it can also be discarded.
 *
 *   document-window-c [--verbose] FILE     --verbose prints what happens */

#include <gtk/gtk.h>
#include <lockfile-glib/lockfile-glib.h>
#include <stdlib.h>

#define DOCUMENT_TYPE_WINDOW (document_window_get_type ())
G_DECLARE_FINAL_TYPE (DocumentWindow, document_window, DOCUMENT, WINDOW, GtkApplicationWindow)

struct _DocumentWindow
{
  GtkApplicationWindow parent_instance;

  GFile *file;
  LfLockFile *lock;
  GCancellable *waiting; /* or NULL */
  guint refresh_source;
  gboolean given_up;
  gboolean saving;
  gboolean closing;

  GtkRevealer *banner;
  GtkLabel *message;
  GtkSpinner *spinner;
  GtkButton *button; /* Wait, Cancel or Discard */
  GtkTextView *view;
};

G_DEFINE_FINAL_TYPE (DocumentWindow, document_window, GTK_TYPE_APPLICATION_WINDOW)

static gboolean verbose;
static int status;

/* Saving replaces the document by a new file, so that it cannot be the lock itself.
 * The lock file is hidden, and gone when nobody edits. */
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
say (const char *text)
{
  if (verbose)
    g_print ("%s\n", text);
}

static void
show_message (DocumentWindow *self,
              const char     *text)
{
  if (gtk_revealer_get_reveal_child (self->banner) &&
      g_str_equal (text, gtk_label_get_text (self->message)))
    return;

  gtk_label_set_text (self->message, text);
  gtk_revealer_set_reveal_child (self->banner, TRUE);
  say (text);
}

static void
set_editable (DocumentWindow *self,
              gboolean        editable)
{
  g_autofree char *name = g_file_get_basename (self->file);
  g_autofree char *title = g_strconcat (name, editable ? "" : " [read-only]", NULL);

  gtk_window_set_title (GTK_WINDOW (self), title);
  gtk_text_view_set_editable (self->view, editable);
  gtk_text_view_set_cursor_visible (self->view, editable);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "document.save", editable);

  if (editable)
    {
      gtk_revealer_set_reveal_child (self->banner, FALSE);
      gtk_button_set_label (self->button, "_Discard");
      g_clear_handle_id (&self->refresh_source, g_source_remove);
      gtk_widget_grab_focus (GTK_WIDGET (self->view));
      say ("Yours to edit");
    }
}

static void
set_waiting (DocumentWindow *self,
             GCancellable   *waiting)
{
  g_set_object (&self->waiting, waiting);
  gtk_spinner_set_spinning (self->spinner, waiting != NULL);
  gtk_button_set_label (self->button, waiting != NULL ? "_Cancel" : "_Wait");
}

static void
query_holder_cb (GObject      *object,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  g_autoptr (DocumentWindow) self = user_data;
  LfLockFile *lock = LF_LOCK_FILE (object);
  g_autoptr (LfLockHolder) holder = lf_lock_file_query_holder_finish (lock, result, NULL);
  const char *application = NULL;
  g_autofree char *text = NULL;

  if (self->closing || self->given_up || lf_lock_file_is_held (lock))
    return;

  /* The lock is on its way to us, or to another one that waits */
  if (holder == NULL && self->waiting != NULL)
    return;

  if (holder != NULL)
    application = lf_lock_holder_get_application (holder);

  if (holder == NULL)
    text = g_strdup ("Not being edited any more");
  else if (lf_lock_holder_get_pid (holder) == 0)
    text = g_strdup ("Being edited elsewhere");
  else
    text = g_strdup_printf ("Being edited by %s (PID %d)",
                            application != NULL ? application : "a program",
                            lf_lock_holder_get_pid (holder));
  show_message (self, text);
}

static gboolean
refresh_cb (gpointer user_data)
{
  DocumentWindow *self = user_data;

  lf_lock_file_query_holder_async (self->lock, G_PRIORITY_DEFAULT, NULL,
                                   query_holder_cb, g_object_ref (self));
  return G_SOURCE_CONTINUE;
}

/* What cannot be locked or shown is not edited, and somebody else may have it */
static void
give_up (DocumentWindow *self,
         const char     *text)
{
  self->given_up = TRUE;
  g_clear_handle_id (&self->refresh_source, g_source_remove);
  show_message (self, text);
  gtk_widget_set_visible (GTK_WIDGET (self->button), FALSE);
  if (lf_lock_file_is_held (self->lock))
    lf_lock_file_release_async (self->lock, G_PRIORITY_DEFAULT, NULL, NULL, NULL);
}

static void start_to_wait (DocumentWindow *self);

static void
load_cb (GObject      *object,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr (DocumentWindow) self = user_data;
  GtkTextBuffer *buffer = gtk_text_view_get_buffer (self->view);
  g_autofree char *text = NULL;
  gsize length = 0;
  g_autoptr (GError) error = NULL;

  if (self->closing)
    return;

  /* What is not there is a new one */
  if (!g_file_load_contents_finish (G_FILE (object), result, &text, &length, NULL, &error) &&
      !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    {
      give_up (self, error->message);
      return;
    }
  if (text != NULL && !g_utf8_validate_len (text, length, NULL))
    {
      give_up (self, "This is not a text in UTF-8");
      return;
    }

  gtk_text_buffer_set_text (buffer, text != NULL ? text : "", (int) length);
  gtk_text_buffer_set_modified (buffer, FALSE);

  if (lf_lock_file_is_held (self->lock))
    set_editable (self, TRUE);
  else if (!self->given_up)
    start_to_wait (self);
}

static void
acquire_cb (GObject      *object,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (DocumentWindow) self = user_data;
  g_autoptr (GError) error = NULL;
  gboolean acquired = lf_lock_file_acquire_finish (LF_LOCK_FILE (object), result, &error);

  if (self->closing)
    return;

  set_waiting (self, NULL);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      say ("Cancelled");
      return;
    }
  if (!acquired && !g_error_matches (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED))
    give_up (self, error->message);

  /* Also after a wait: it has changed while another edited it */
  g_file_load_contents_async (self->file, NULL, load_cb, g_object_ref (self));
}

/* Both try and wait in the background: the window goes on */
static void
acquire (DocumentWindow *self,
         double          timeout)
{
  lf_lock_file_acquire_with_timeout_async (self->lock, timeout, G_PRIORITY_DEFAULT, self->waiting,
                                           acquire_cb, g_object_ref (self));
}

static void
start_to_wait (DocumentWindow *self)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  set_waiting (self, cancellable);
  acquire (self, -1);

  /* Who has it can change while we wait, or are read-only */
  refresh_cb (self);
  if (self->refresh_source == 0)
    self->refresh_source = g_timeout_add_seconds (1, refresh_cb, self);
}

static void
release_cb (GObject      *object,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (DocumentWindow) self = user_data;
  g_autoptr (GError) error = NULL;

  if (!lf_lock_file_release_finish (LF_LOCK_FILE (object), result, &error))
    g_printerr ("%s\n", error->message);
  gtk_window_destroy (GTK_WINDOW (self));
}

static void
release_and_close (DocumentWindow *self)
{
  lf_lock_file_release_async (self->lock, G_PRIORITY_DEFAULT, NULL,
                              release_cb, g_object_ref (self));
}

static void close_document (DocumentWindow *self);

static void
save_cb (GObject      *object,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr (DocumentWindow) self = user_data;
  g_autoptr (GError) error = NULL;

  self->saving = FALSE;
  if (g_file_replace_contents_finish (G_FILE (object), result, NULL, &error))
    {
      say ("Saved");
      gtk_revealer_set_reveal_child (self->banner, FALSE);
      if (self->closing)
        close_document (self);
    }
  else
    {
      gtk_text_buffer_set_modified (gtk_text_view_get_buffer (self->view), TRUE);
      self->closing = FALSE;
      show_message (self, error->message);
    }
}

static void
save (DocumentWindow *self)
{
  GtkTextBuffer *buffer = gtk_text_view_get_buffer (self->view);
  g_autofree char *text = NULL;
  g_autoptr (GBytes) bytes = NULL;

  g_object_get (buffer, "text", &text, NULL);
  bytes = g_bytes_new (text, strlen (text));
  self->saving = TRUE;
  gtk_text_buffer_set_modified (buffer, FALSE);
  g_file_replace_contents_bytes_async (self->file, bytes, NULL, FALSE, G_FILE_CREATE_NONE, NULL,
                                       save_cb, g_object_ref (self));
}

static void
save_action (GtkWidget  *widget,
             const char *name,
             GVariant   *parameter)
{
  DocumentWindow *self = DOCUMENT_WINDOW (widget);

  if (!self->saving)
    save (self);
}

static void
close_document (DocumentWindow *self)
{
  if (gtk_text_buffer_get_modified (gtk_text_view_get_buffer (self->view)))
    save (self);
  else
    release_and_close (self);
}

static void
button_clicked_cb (GtkButton *button,
                   gpointer   user_data)
{
  DocumentWindow *self = user_data;

  if (self->waiting != NULL)
    {
      g_cancellable_cancel (self->waiting);
    }
  else if (lf_lock_file_is_held (self->lock))
    {
      gtk_text_buffer_set_modified (gtk_text_view_get_buffer (self->view), FALSE);
      gtk_window_close (GTK_WINDOW (self));
    }
  else
    {
      start_to_wait (self);
    }
}

static gboolean
document_window_close_request (GtkWindow *window)
{
  DocumentWindow *self = DOCUMENT_WINDOW (window);

  /* Already on its way */
  if (self->closing)
    return GDK_EVENT_STOP;

  self->closing = TRUE;
  if (self->waiting != NULL)
    g_cancellable_cancel (self->waiting);
  if (!lf_lock_file_is_held (self->lock))
    return GDK_EVENT_PROPAGATE;

  /* Not while it still writes */
  if (!self->saving)
    close_document (self);
  return GDK_EVENT_STOP;
}

static void
document_window_dispose (GObject *object)
{
  DocumentWindow *self = DOCUMENT_WINDOW (object);

  g_clear_handle_id (&self->refresh_source, g_source_remove);
  g_clear_object (&self->file);
  g_clear_object (&self->lock);
  g_clear_object (&self->waiting);

  G_OBJECT_CLASS (document_window_parent_class)->dispose (object);
}

static void
document_window_class_init (DocumentWindowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = document_window_dispose;
  GTK_WINDOW_CLASS (klass)->close_request = document_window_close_request;

  gtk_widget_class_install_action (widget_class, "document.save", NULL, save_action);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_s, GDK_CONTROL_MASK,
                                       "document.save", NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_w, GDK_CONTROL_MASK,
                                       "window.close", NULL);
}

static void
document_window_init (DocumentWindow *self)
{
  GtkWidget *header = gtk_header_bar_new ();
  GtkWidget *save_button = gtk_button_new_with_mnemonic ("_Save");
  GtkWidget *banner_box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12);
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget *scrolled = gtk_scrolled_window_new ();

  gtk_actionable_set_action_name (GTK_ACTIONABLE (save_button), "document.save");
  gtk_header_bar_pack_start (GTK_HEADER_BAR (header), save_button);

  self->message = GTK_LABEL (gtk_label_new (NULL));
  gtk_label_set_wrap (self->message, TRUE);
  gtk_label_set_xalign (self->message, 0);
  gtk_widget_set_hexpand (GTK_WIDGET (self->message), TRUE);
  self->spinner = GTK_SPINNER (gtk_spinner_new ());
  self->button = GTK_BUTTON (gtk_button_new_with_mnemonic ("_Wait"));
  g_signal_connect (self->button, "clicked", G_CALLBACK (button_clicked_cb), self);

  gtk_widget_set_margin_start (banner_box, 12);
  gtk_widget_set_margin_end (banner_box, 6);
  gtk_widget_set_margin_top (banner_box, 6);
  gtk_widget_set_margin_bottom (banner_box, 6);
  gtk_box_append (GTK_BOX (banner_box), GTK_WIDGET (self->spinner));
  gtk_box_append (GTK_BOX (banner_box), GTK_WIDGET (self->message));
  gtk_box_append (GTK_BOX (banner_box), GTK_WIDGET (self->button));
  self->banner = GTK_REVEALER (gtk_revealer_new ());
  gtk_revealer_set_child (self->banner, banner_box);

  self->view = GTK_TEXT_VIEW (gtk_text_view_new ());
  gtk_text_view_set_wrap_mode (self->view, GTK_WRAP_WORD_CHAR);
  gtk_text_view_set_left_margin (self->view, 12);
  gtk_text_view_set_top_margin (self->view, 12);
  gtk_widget_set_vexpand (scrolled, TRUE);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scrolled), GTK_WIDGET (self->view));

  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->banner));
  gtk_box_append (GTK_BOX (box), scrolled);
  gtk_window_set_titlebar (GTK_WINDOW (self), header);
  gtk_window_set_child (GTK_WINDOW (self), box);
  gtk_window_set_default_size (GTK_WINDOW (self), 480, 280);
}

static void
open_window (GtkApplication *application,
             GFile          *file)
{
  DocumentWindow *self = g_object_new (DOCUMENT_TYPE_WINDOW, "application", application, NULL);

  self->file = g_object_ref (file);
  self->lock = lock_beside (self->file);
  set_editable (self, FALSE);
  acquire (self, 0);
  gtk_window_present (GTK_WINDOW (self));
}

static void
activate_cb (GtkApplication *application,
             gpointer        user_data)
{
  g_printerr ("Which file? See --help.\n");
  status = 2;
}

static void
open_cb (GtkApplication  *application,
         GFile          **files,
         int              n_files,
         const char      *hint,
         gpointer         user_data)
{
  for (int i = 0; i < n_files; i++)
    {
      if (g_file_has_parent (files[i], NULL))
        open_window (application, files[i]);
      else
        activate_cb (application, NULL);
    }
}

int
main (int    argc,
      char **argv)
{
  const GOptionEntry options[] = {
    { "verbose", 'v', 0, G_OPTION_ARG_NONE, &verbose, "Print what happens", NULL },
    { NULL },
  };
  g_autoptr (GtkApplication) application = NULL;
  int failed;

  application = gtk_application_new (NULL, G_APPLICATION_NON_UNIQUE | G_APPLICATION_HANDLES_OPEN);
  g_application_add_main_option_entries (G_APPLICATION (application), options);
  g_application_set_option_context_parameter_string (G_APPLICATION (application), "FILE");
  g_signal_connect (application, "open", G_CALLBACK (open_cb), NULL);
  g_signal_connect (application, "activate", G_CALLBACK (activate_cb), NULL);

  failed = g_application_run (G_APPLICATION (application), argc, argv);
  return failed != 0 ? failed : status;
}
