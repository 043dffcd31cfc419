/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "lf-version-functions.h"

/**
 * lf_get_major_version:
 *
 * Gets the major version of the library that the program runs with, which may differ
 * from the [const@MAJOR_VERSION] of its headers.
 *
 * Returns: the major version
 *
 * Since: 1.0
 */
guint
lf_get_major_version (void)
{
  return LF_MAJOR_VERSION;
}

/**
 * lf_get_minor_version:
 *
 * Gets the minor version of the library that the program runs with.
 *
 * Returns: the minor version
 *
 * Since: 1.0
 */
guint
lf_get_minor_version (void)
{
  return LF_MINOR_VERSION;
}

/**
 * lf_get_micro_version:
 *
 * Gets the micro version of the library that the program runs with.
 *
 * Returns: the micro version
 *
 * Since: 1.0
 */
guint
lf_get_micro_version (void)
{
  return LF_MICRO_VERSION;
}

/**
 * lf_check_version:
 * @required_major: the major version that the program needs
 * @required_minor: the minor version
 * @required_micro: the micro version
 *
 * Checks whether the library that the program runs with is compatible with a version:
 * whether it has the same major version and is at least as new.
 *
 * Returns: (nullable): %NULL if it is compatible, otherwise a sentence that says why
 *   not; it belongs to the library, and is not translated
 *
 * Since: 1.0
 */
const char *
lf_check_version (guint required_major,
                  guint required_minor,
                  guint required_micro)
{
  if (required_major > LF_MAJOR_VERSION)
    return "The version of lockfile-glib is too old (major version differs).";
  if (required_major < LF_MAJOR_VERSION)
    return "The version of lockfile-glib is too new (major version differs).";
  if (G_ENCODE_VERSION (required_minor, required_micro) >
      G_ENCODE_VERSION (LF_MINOR_VERSION, LF_MICRO_VERSION))
    return "The version of lockfile-glib is too old.";

  return NULL;
}
