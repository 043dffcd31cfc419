/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* A window that edits a text document, which no other program can edit at the same time.
 * While another program edits it, a banner says where, and the window waits: it becomes
 * editable as soon as the other program closes the document. Ctrl+S saves, and so does
 * closing the window. If saving fails, the changes can be discarded.
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
  gboolean given_up;
  gboolean saving;
  gboolean closing;

  GtkLabel *title;
  GtkLabel *subtitle;
  GtkRevealer *banner;
  GtkLabel *message;
  GtkSpinner *spinner;
  GtkButton *button; /* Edit, Cancel or Discard */
  GtkTextView *view;
};

G_DEFINE_FINAL_TYPE (DocumentWindow, document_window, GTK_TYPE_APPLICATION_WINDOW)

static gboolean verbose;
static int status;

static void
say (const char *text)
{
  if (verbose)
    g_print ("%s\n", text);
}

/* @details, or NULL, is a tooltip. */
static void
show_message (DocumentWindow *self,
              const char     *text,
              const char     *details)
{
  g_autofree char *line = g_strconcat (text, details != NULL ? ": " : "", details, NULL);

  gtk_label_set_text (self->message, text);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->message), details);
  gtk_revealer_set_reveal_child (self->banner, TRUE);
  say (line);
}

static gboolean
is_held (DocumentWindow *self)
{
  return self->lock != NULL && lf_lock_file_is_held (self->lock);
}

static void
set_editable (DocumentWindow *self,
              gboolean        editable)
{
  gtk_widget_set_visible (GTK_WIDGET (self->subtitle), !editable);
  gtk_text_view_set_editable (self->view, editable);
  gtk_text_view_set_cursor_visible (self->view, editable);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "document.save", editable);

  if (editable)
    {
      gtk_revealer_set_reveal_child (self->banner, FALSE);
      gtk_button_set_label (self->button, "_Discard");
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
  gtk_widget_set_visible (GTK_WIDGET (self->spinner), waiting != NULL);
  gtk_button_set_label (self->button, waiting != NULL ? "_Cancel" : "_Edit");
}

/* The program's name in the menus of the desktop, or NULL. */
static char *
get_name_of_program (const char *executable)
{
  GList *all = g_app_info_get_all ();
  char *name = NULL;

  for (GList *l = all; l != NULL && name == NULL; l = l->next)
    {
      const char *path = g_app_info_get_executable (l->data);
      g_autofree char *other = path != NULL ? g_path_get_basename (path) : NULL;

      if (other != NULL && g_strcmp0 (other, executable) == 0 &&
          g_app_info_should_show (l->data))
        name = g_strdup (g_app_info_get_display_name (l->data));
    }

  g_list_free_full (all, g_object_unref);
  return name;
}

/* For a user, who looks for a window and not for a process. */
static char *
describe_place (LfLockHolder *holder)
{
  const char *host = lf_lock_holder_get_host (holder);
  g_autofree char *program = NULL;

  if (host != NULL && g_strcmp0 (host, g_get_host_name ()) != 0)
    return g_strdup_printf ("Open on the computer %s", host);
  if (lf_lock_holder_get_pid (holder) == 0)
    return g_strdup ("Open elsewhere");

  program = get_name_of_program (lf_lock_holder_get_application (holder));
  return program != NULL ? g_strdup_printf ("Open in %s", program)
                         : g_strdup ("Open in another window");
}

/* @holder is NULL if nobody holds the lock. */
static void
show_holder (DocumentWindow *self,
             LfLockHolder   *holder)
{
  g_autofree char *place = NULL;
  g_autofree char *details = NULL;
  g_autofree char *text = NULL;

  if (self->closing || self->given_up || is_held (self))
    return;

  if (holder != NULL)
    {
      place = describe_place (holder);
      details = lf_lock_holder_to_string (holder);
      text = g_strconcat (place, self->waiting != NULL ? ". Waiting to edit." : "", NULL);
      show_message (self, text, details);
    }
  /* Otherwise the lock is about to be granted, here or to another waiter */
  else if (self->waiting == NULL)
    {
      show_message (self, "No longer open elsewhere", NULL);
    }
}

/* The wait reports its holder. */
static void
waiting_cb (LfLockFile     *lock,
            LfLockHolder   *holder,
            DocumentWindow *self)
{
  show_holder (self, holder);
}

static void
query_holder_cb (GObject      *object,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  g_autoptr (DocumentWindow) self = user_data;
  LfLockFile *lock = LF_LOCK_FILE (object);
  g_autoptr (LfLockHolder) holder = lf_lock_file_query_holder_finish (lock, result, NULL);

  show_holder (self, holder);
}

static void
query_holder (DocumentWindow *self)
{
  lf_lock_file_query_holder_async (self->lock, G_PRIORITY_DEFAULT, NULL,
                                   query_holder_cb, g_object_ref (self));
}

/* The holder can change while several programs wait, and the document can become free. This
 * updates the banner when the user looks at it; nothing happens in the background. */
static void
is_active_cb (DocumentWindow *self)
{
  if (gtk_window_is_active (GTK_WINDOW (self)) && !self->closing && !self->given_up &&
      !is_held (self) && gtk_revealer_get_reveal_child (self->banner))
    query_holder (self);
}

/* A document that cannot be locked or shown is not edited. The lock is released for others */
static void
give_up (DocumentWindow *self,
         const char     *text)
{
  self->given_up = TRUE;
  show_message (self, text, NULL);
  gtk_widget_set_visible (GTK_WIDGET (self->button), FALSE);
  if (is_held (self))
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

  /* Without a file, the document is a new one */
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

  if (is_held (self))
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
      query_holder (self);
      return;
    }
  if (!acquired && !g_error_matches (error, LF_LOCK_ERROR, LF_LOCK_ERROR_ALREADY_LOCKED))
    give_up (self, error->message);

  /* Loads it again after a wait: another program may have changed it */
  g_file_load_contents_async (self->file, NULL, load_cb, g_object_ref (self));
}

/* Both attempts run in the background, so the window stays responsive */
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
      show_message (self, error->message, NULL);
    }
}

/* Replaces the file, and keeps its permissions and owner. */
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
  else if (is_held (self))
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

  /* The window is already closing */
  if (self->closing)
    return GDK_EVENT_STOP;

  self->closing = TRUE;
  if (self->waiting != NULL)
    g_cancellable_cancel (self->waiting);
  if (!is_held (self))
    return GDK_EVENT_PROPAGATE;

  /* Not before it has finished writing */
  if (!self->saving)
    close_document (self);
  return GDK_EVENT_STOP;
}

static void
document_window_dispose (GObject *object)
{
  DocumentWindow *self = DOCUMENT_WINDOW (object);

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

/* The title and, while the document is read-only, a subtitle, as in GNOME's guidelines. */
static GtkWidget *
make_titles (DocumentWindow *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);

  self->title = GTK_LABEL (gtk_label_new (NULL));
  gtk_label_set_ellipsize (self->title, PANGO_ELLIPSIZE_END);
  gtk_widget_add_css_class (GTK_WIDGET (self->title), "title");
  self->subtitle = GTK_LABEL (gtk_label_new ("Read-Only"));
  gtk_widget_add_css_class (GTK_WIDGET (self->subtitle), "subtitle");

  gtk_widget_set_valign (box, GTK_ALIGN_CENTER);
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->title));
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->subtitle));
  return box;
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
  gtk_header_bar_set_title_widget (GTK_HEADER_BAR (header), make_titles (self));

  self->message = GTK_LABEL (gtk_label_new (NULL));
  gtk_label_set_wrap (self->message, TRUE);
  gtk_label_set_xalign (self->message, 0);
  gtk_widget_set_hexpand (GTK_WIDGET (self->message), TRUE);
  self->spinner = GTK_SPINNER (gtk_spinner_new ());
  gtk_widget_set_visible (GTK_WIDGET (self->spinner), FALSE);
  self->button = GTK_BUTTON (gtk_button_new_with_mnemonic ("_Edit"));
  gtk_widget_set_valign (GTK_WIDGET (self->button), GTK_ALIGN_CENTER);
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
  g_signal_connect (self, "notify::is-active", G_CALLBACK (is_active_cb), NULL);
}

static void
open_window (GtkApplication *application,
             GFile          *file)
{
  DocumentWindow *self = g_object_new (DOCUMENT_TYPE_WINDOW, "application", application, NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *basename = NULL;
  g_autofree char *name = NULL;

  self->lock = lf_lock_file_new_for_document (file, &error);
  if (self->lock != NULL)
    {
      lf_lock_file_set_notice_delay (self->lock, 0);
      g_signal_connect_object (self->lock, "waiting", G_CALLBACK (waiting_cb), self, 0);
    }

  /* The real document, so that symbolic links to it stay */
  self->file = self->lock != NULL ? lf_lock_file_get_document (self->lock) : g_object_ref (file);

  basename = g_file_get_basename (self->file);
  name = g_filename_display_name (basename);
  gtk_window_set_title (GTK_WINDOW (self), name);
  gtk_label_set_text (self->title, name);
  set_editable (self, FALSE);
  if (self->lock != NULL)
    acquire (self, 0);
  else
    give_up (self, error->message);
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
