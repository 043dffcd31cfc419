/* SPDX-License-Identifier: LGPL-2.1-or-later
 * SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers
 *
 * Around a block that saves a document through a symbolic link. */

#include <glib/gstdio.h>
#include <lockfile-glib/lockfile-glib.h>
#include <string.h>
#include <unistd.h>

static gboolean
save (LfLockFile    *lock,
      const char    *text,
      gsize          length,
      GCancellable  *cancellable,
      GError       **error)
{
  @BLOCK@
}

int
main (void)
{
  const char *text = "The new text\n";
  g_autoptr (GFile) link = g_file_new_for_path ("link");
  g_autoptr (LfLockFile) lock = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *saved = NULL;
  GStatBuf document_stat;

  g_assert_true (g_file_set_contents ("document", "The old text\n", -1, NULL));
  g_assert_no_errno (g_chmod ("document", 0640));
  g_assert_no_errno (symlink ("document", "link"));

  lock = lf_lock_file_new_for_document (link, &error);
  g_assert_no_error (error);
  g_assert_true (lf_lock_file_try_acquire (lock, &error));
  g_assert_true (save (lock, text, strlen (text), NULL, &error));
  g_assert_no_error (error);

  g_assert_true (g_file_test ("link", G_FILE_TEST_IS_SYMLINK));
  g_assert_true (g_file_get_contents ("document", &saved, NULL, NULL));
  g_assert_cmpstr (saved, ==, text);
  g_assert_no_errno (g_stat ("document", &document_stat));
  g_assert_cmpint (document_stat.st_mode & 07777, ==, 0640);
  g_assert_true (lf_lock_file_release (lock, &error));

  return 0;
}
