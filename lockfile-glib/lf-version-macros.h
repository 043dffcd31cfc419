/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib.h>

#include <lockfile-glib/lf-version.h>

#ifndef _LF_EXTERN
#define _LF_EXTERN extern
#endif

/* For functions whose result says whether there is a lock. Vala throws an error on failure
 * and ignores the result, so its binding defines LF_IN_VALA. */
#ifdef LF_IN_VALA
#define LF_WARN_UNUSED_RESULT
#else
#define LF_WARN_UNUSED_RESULT G_GNUC_WARN_UNUSED_RESULT
#endif

/**
 * LF_VERSION_1_0:
 *
 * The version 1.0, for [const@VERSION_MIN_REQUIRED] and [const@VERSION_MAX_ALLOWED].
 *
 * Since: 1.0
 */
#define LF_VERSION_1_0 (G_ENCODE_VERSION (1, 0))

/* The stable series of these headers */
#define LF_VERSION_CUR_STABLE (G_ENCODE_VERSION (LF_MAJOR_VERSION, LF_MINOR_VERSION))

/**
 * LF_VERSION_MIN_REQUIRED:
 *
 * The oldest version that a program must work with, such as %LF_VERSION_1_0.
 *
 * Define it before you include the headers. Using something that was deprecated in this
 * version or earlier gives a warning. By default it is the version of the headers.
 *
 * Since: 1.0
 */
#ifndef LF_VERSION_MIN_REQUIRED
#define LF_VERSION_MIN_REQUIRED (LF_VERSION_CUR_STABLE)
#endif

/**
 * LF_VERSION_MAX_ALLOWED:
 *
 * The newest version whose additions a program may use, such as %LF_VERSION_1_0.
 *
 * Define it before you include the headers. Using something that was added after this
 * version gives a warning. By default it is the version of the headers.
 *
 * Since: 1.0
 */
#ifndef LF_VERSION_MAX_ALLOWED
#define LF_VERSION_MAX_ALLOWED (LF_VERSION_CUR_STABLE)
#endif

#if LF_VERSION_MAX_ALLOWED < LF_VERSION_MIN_REQUIRED
#error "LF_VERSION_MAX_ALLOWED must not be less than LF_VERSION_MIN_REQUIRED"
#endif
#if LF_VERSION_MIN_REQUIRED < LF_VERSION_1_0
#error "LF_VERSION_MIN_REQUIRED must be at least LF_VERSION_1_0"
#endif

/**
 * LF_AVAILABLE_IN_1_0: (skip)
 *
 * Marks a symbol that has been exported since version 1.0.
 */
#if LF_VERSION_MAX_ALLOWED < LF_VERSION_1_0
#define LF_AVAILABLE_IN_1_0 G_UNAVAILABLE (1, 0) _LF_EXTERN
#else
#define LF_AVAILABLE_IN_1_0 _LF_EXTERN
#endif
