/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "lf-lock-holder-private.h"

#include <string.h>

#include "os/lf-identity-private.h"
#include "os/lf-translate-private.h"

/**
 * LfLockHolder:
 *
 * The holder of a lock, as found by [method@LockFile.query_holder].
 *
 * This is a snapshot: the holder may have released the lock or ended since. Use it to
 * tell users whom they are waiting for, never to decide whether a lock is free. Only
 * acquiring the lock decides that.
 *
 * A holder is immutable, so any thread may read it.
 *
 * Since: 1.0
 */
struct _LfLockHolder
{
  GObject parent_instance;

  int pid;
  char *host;
  char *application;
};

G_DEFINE_FINAL_TYPE (LfLockHolder, lf_lock_holder, G_TYPE_OBJECT)

typedef enum
{
  PROP_PID = 1,
  PROP_HOST,
  PROP_APPLICATION,
} LfLockHolderProperty;

static GParamSpec *props[PROP_APPLICATION + 1];

static void
lf_lock_holder_get_property (GObject    *object,
                             guint       prop_id,
                             GValue     *value,
                             GParamSpec *pspec)
{
  LfLockHolder *self = LF_LOCK_HOLDER (object);

  switch ((LfLockHolderProperty) prop_id)
    {
    case PROP_PID:
      g_value_set_int (value, self->pid);
      break;

    case PROP_HOST:
      g_value_set_string (value, self->host);
      break;

    case PROP_APPLICATION:
      g_value_set_string (value, self->application);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
lf_lock_holder_finalize (GObject *object)
{
  LfLockHolder *self = LF_LOCK_HOLDER (object);

  g_free (self->host);
  g_free (self->application);

  G_OBJECT_CLASS (lf_lock_holder_parent_class)->finalize (object);
}

static void
lf_lock_holder_class_init (LfLockHolderClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = lf_lock_holder_get_property;
  object_class->finalize = lf_lock_holder_finalize;

  /**
   * LfLockHolder:pid: (getter get_pid)
   *
   * Process ID of the holder, 0 if the holder cannot be seen from here.
   *
   * Since: 1.0
   */
  props[PROP_PID] =
    g_param_spec_int ("pid", NULL, NULL, 0, G_MAXINT, 0,
                      G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  /**
   * LfLockHolder:host: (getter get_host)
   *
   * Name of the host where the holder runs, %NULL if unknown.
   *
   * It may be another host than this one if the lock is a file, which contains the
   * name.
   *
   * Since: 1.0
   */
  props[PROP_HOST] =
    g_param_spec_string ("host", NULL, NULL, NULL,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  /**
   * LfLockHolder:application: (getter get_application)
   *
   * Base name of the holder's executable, %NULL if unknown.
   *
   * Since: 1.0
   */
  props[PROP_APPLICATION] =
    g_param_spec_string ("application", NULL, NULL, NULL,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  g_object_class_install_properties (object_class, G_N_ELEMENTS (props), props);
}

static void
lf_lock_holder_init (LfLockHolder *self)
{
}

/* Names come from file names and from other programs' records, and programs display them.
 * So they become UTF-8, without control characters, which a terminal would obey. */
static char *
make_printable (const char *text)
{
  char *valid = g_utf8_make_valid (text, -1);

  for (char *c = valid; *c != '\0'; c = g_utf8_next_char (c))
    {
      gunichar character = g_utf8_get_char (c);

      /* A longer character is replaced by several question marks */
      if (g_unichar_iscntrl (character) || g_unichar_type (character) == G_UNICODE_FORMAT)
        memset (c, '?', (gsize) (g_utf8_next_char (c) - c));
    }

  return valid;
}

LfLockHolder *
lf_lock_holder_new (int         pid,
                    const char *host,
                    const char *application)
{
  LfLockHolder *self = g_object_new (LF_TYPE_LOCK_HOLDER, NULL);

  self->pid = pid;
  self->host = host != NULL ? make_printable (host) : NULL;
  self->application = application != NULL ? make_printable (application) : NULL;

  return self;
}

LfLockHolder *
lf_lock_holder_new_for_process (int pid)
{
  g_autofree char *application = pid != 0 ? lf_identity_get_application (pid) : NULL;

  return lf_lock_holder_new (pid, g_get_host_name (), application);
}

/**
 * lf_lock_holder_get_pid: (get-property pid)
 * @self: a lock holder
 *
 * Gets the process ID of the holder.
 *
 * It is 0 if the holder cannot be seen: a process in another PID namespace (such as a
 * container or sandbox), on another host, or on a system that does not name holders. A
 * process ID is meaningful only on the holder's host.
 *
 * Returns: the process ID, or 0
 *
 * Since: 1.0
 */
int
lf_lock_holder_get_pid (LfLockHolder *self)
{
  g_return_val_if_fail (LF_IS_LOCK_HOLDER (self), 0);

  return self->pid;
}

/**
 * lf_lock_holder_get_host: (get-property host)
 * @self: a lock holder
 *
 * Gets the name of the host where the holder runs.
 *
 * Returns: (nullable): the host's name, or %NULL if unknown
 *
 * Since: 1.0
 */
const char *
lf_lock_holder_get_host (LfLockHolder *self)
{
  g_return_val_if_fail (LF_IS_LOCK_HOLDER (self), NULL);

  return self->host;
}

/**
 * lf_lock_holder_get_application: (get-property application)
 * @self: a lock holder
 *
 * Gets the base name of the holder's executable.
 *
 * For a script, this is its interpreter, for example `python3.11`. Bytes that are not
 * UTF-8 are replaced.
 *
 * Returns: (nullable): the name, or %NULL if unknown
 *
 * Since: 1.0
 */
const char *
lf_lock_holder_get_application (LfLockHolder *self)
{
  g_return_val_if_fail (LF_IS_LOCK_HOLDER (self), NULL);

  return self->application;
}

/**
 * lf_lock_holder_to_string:
 * @self: a lock holder
 *
 * Describes the holder for users, as the library's own messages do: for example `PID
 * 4242 (gnome-text-editor)`.
 *
 * The text is translated, so do not parse it.
 *
 * Returns: (transfer full): the description
 *
 * Since: 1.0
 */
char *
lf_lock_holder_to_string (LfLockHolder *self)
{
  g_autofree char *text = NULL;

  g_return_val_if_fail (LF_IS_LOCK_HOLDER (self), NULL);

  if (self->pid == 0 && self->application == NULL)
    text = g_strdup (_("an unknown process"));
  else if (self->pid == 0)
    text = g_strdup (self->application);
  else if (self->application == NULL)
    text = g_strdup_printf (_("PID %d"), self->pid);
  else
    text = g_strdup_printf (_("PID %d (%s)"), self->pid, self->application);

  if (self->host == NULL || g_strcmp0 (self->host, g_get_host_name ()) == 0)
    return g_steal_pointer (&text);

  return g_strdup_printf (_("%s on %s"), text, self->host);
}
