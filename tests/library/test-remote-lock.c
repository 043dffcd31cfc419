/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

/* What LfRemoteLock does without a cluster. */

#include <lockfile-glib/lockfile-glib.h>
#include <string.h>

/* All ways to write a URI lead to one canonical form. */
static void
test_uri (void)
{
  const char *uris[][2] = {
    { "etcd://host:2379/name", "etcd://host:2379/name" },
    { "ETCD://Host/name", "etcd://host:2379/name" },
    { "etcd://a,b:1,[::1]:3/name", "etcd://a:2379,b:1,[::1]:3/name" },
    { "etcd+tls://[fe80::1]/x", "etcd+tls://[fe80::1]:2379/x" },
    { "etcd:///name", "etcd:///name" },
    { "etcd+tls:///name", "etcd+tls:///name" },
    { "etcd://h/a/b", "etcd://h:2379/a/b" },
    { "etcd://h/a%2Fb", "etcd://h:2379/a/b" },
    { "etcd://h//a/", "etcd://h:2379//a/" },
    { "etcd://h/%25%20%3f%23", "etcd://h:2379/%25%20%3F%23" },
    { "etcd+unix://%2Frun%2Fetcd:1/x", "etcd+unix://%2Frun%2Fetcd%3A1/x" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (uris); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (LfRemoteLock) lock = lf_remote_lock_new (uris[i][0], &error);
      g_autofree char *name = NULL;

      g_assert_no_error (error);
      g_assert_cmpstr (lf_remote_lock_get_uri (lock), ==, uris[i][1]);
      name = lf_lock_get_display_name (LF_LOCK (lock));
      g_assert_cmpstr (name, ==, uris[i][1]);
    }
}

/* Everything else is refused, and a password is not repeated in the message. */
static void
test_wrong_uri (void)
{
  const char *uris[] = {
    "", "name", "/name", "etcd:", "etcd:/name", "etcd://", "etcd://h", "etcd://h/", "etcd://h:/x",
    "etcd://h:0/x", "etcd://h:65536/x", "etcd://h:1x/x", "etcd://,/x", "etcd://h,/x",
    "etcd://[::1/x", "etcd://[h]/x", "etcd://[1.2.3.4]/x", "etcd://a b/x", "etcd://http://h/x",
    "etcd://user:secret@h/x", "etcd://h/x?secret", "etcd://h/x#y", "etcd://h/%00", "etcd://h/%ff",
    "etcd://h/%2", "etcd+unix:///x", "etcd+unix://run/x", "etcd+http://h/x", "redis://h/x",
    "file:///x",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (uris); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (LfRemoteLock) lock = lf_remote_lock_new (uris[i], &error);

      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
      g_assert_null (lock);
      g_assert_null (strstr (error->message, "secret"));
    }
}

/* An object with a wrong URI, or none, can be made as one of any type. Its use is an error. */
static void
test_wrong_uri_of_object (void)
{
  g_autoptr (LfRemoteLock) lock = g_object_new (LF_TYPE_REMOTE_LOCK, NULL);
  g_autoptr (LfRemoteLock) wrong = g_object_new (LF_TYPE_REMOTE_LOCK, "uri", "x", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (lf_lock_try_acquire (LF_LOCK (lock), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_false (lf_lock_release (LF_LOCK (wrong), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_cmpstr (lf_remote_lock_get_uri (wrong), ==, "x");
}

/* No message about a URI with a password repeats the password, and so does no name. */
static void
test_password_in_uri (void)
{
  const char *uris[] = {
    "etcd://user:secret@h/x", "ETCD://user:secret@h/x", "etcd+tls://user:secret@h1,h2:1/x",
    "etcd+unix://user:secret@%2Frun%2Fetcd/x", "http://user:secret@h/x", "etcd://user:secret@h",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (uris); i++)
    {
      g_autoptr (LfRemoteLock) lock = g_object_new (LF_TYPE_REMOTE_LOCK, "uri", uris[i], NULL);
      g_autofree char *name = lf_lock_get_display_name (LF_LOCK (lock));

      g_assert_null (strstr (name, "secret"));
      for (guint call = 0; call < 6; call++)
        {
          g_autoptr (GError) error = NULL;

          if (call == 0)
            g_assert_false (lf_lock_try_acquire (LF_LOCK (lock), &error));
          else if (call == 1)
            g_assert_false (lf_lock_acquire (LF_LOCK (lock), NULL, &error));
          else if (call == 2)
            g_assert_false (lf_lock_release (LF_LOCK (lock), &error));
          else if (call == 3)
            g_assert_false (lf_lock_verify (LF_LOCK (lock), &error));
          else if (call == 4)
            lf_lock_is_locked (LF_LOCK (lock), NULL, &error);
          else
            g_assert_false (lf_lock_break_lock (LF_LOCK (lock), NULL, &error));

          g_assert_nonnull (error);
          g_assert_null (strstr (error->message, "secret"));
        }
    }
}

static void
count_cb (GObject    *object,
          GParamSpec *property,
          guint      *n_notified)
{
  (*n_notified)++;
}

/* Properties have defaults, change, and are notified once for each change. */
static void
test_properties (void)
{
  g_autoptr (LfRemoteLock) lock = lf_remote_lock_new ("etcd:///x", NULL);
  const char *names[] = { "endpoints", "user", "ca-file", "certificate-file", "key-file" };
  g_autoptr (GError) error = NULL;
  double timeout;
  guint n_notified = 0;

  g_object_get (lock, "timeout", &timeout, NULL);
  g_assert_cmpfloat (timeout, ==, -1);
  g_assert_cmpuint (lf_remote_lock_get_lease_duration (lock), ==, 15);
  g_assert_cmpint (lf_remote_lock_get_fencing_token (lock), ==, 0);
  g_assert_cmpfloat (lf_remote_lock_get_remaining (lock), ==, 0);
  g_assert_false (lf_lock_is_held (LF_LOCK (lock)));

  g_signal_connect (lock, "notify", G_CALLBACK (count_cb), &n_notified);
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *value = NULL;

      g_object_set (lock, names[i], "a,", names[i], "a,", NULL);
      g_object_get (lock, names[i], &value, NULL);
      g_assert_cmpstr (value, ==, "a,");
    }
  g_object_set (lock, "password", "secret", "lease-duration", 2, "timeout", 1.5, NULL);
  g_object_set (lock, "password", "secret", "lease-duration", 2, "timeout", 1.5, NULL);
  /* The password cannot be read, and so is not notified */
  g_assert_cmpuint (n_notified, ==, G_N_ELEMENTS (names) + 2);
  g_assert_cmpuint (lf_remote_lock_get_lease_duration (lock), ==, 2);

  /* They are used */
  g_assert_false (lf_lock_try_acquire (LF_LOCK (lock), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
}

/* A missing module is an error of each call that needs it, which names the file and the
 * package. */
static void
test_no_module (void)
{
  g_autoptr (LfRemoteLock) lock = NULL;

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
      g_test_trap_assert_passed ();
      return;
    }

  g_setenv ("LF_MODULES", "/nonexistent/modules", TRUE);
  lock = lf_remote_lock_new ("etcd://127.0.0.1:1/x", NULL);
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (GError) error = NULL;

      if (i == 0)
        g_assert_false (lf_lock_acquire (LF_LOCK (lock), NULL, &error));
      else
        g_assert_true (lf_lock_is_locked (LF_LOCK (lock), NULL, &error));
      g_assert_error (error, LF_BACKEND_ERROR, LF_BACKEND_ERROR_NOT_SUPPORTED);
      g_assert_nonnull (strstr (error->message, "/nonexistent/modules/liblockfile-glib-etcd."));
      g_assert_nonnull (strstr (error->message, "package lockfile-glib-etcd"));
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/remote-lock/uri", test_uri);
  g_test_add_func ("/remote-lock/wrong-uri", test_wrong_uri);
  g_test_add_func ("/remote-lock/wrong-uri-of-object", test_wrong_uri_of_object);
  g_test_add_func ("/remote-lock/password-in-uri", test_password_in_uri);
  g_test_add_func ("/remote-lock/properties", test_properties);
  g_test_add_func ("/remote-lock/no-module", test_no_module);

  return g_test_run ();
}
