/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <lockfile-glib/lf-enum-types.h>
#include <lockfile-glib/lf-enums.h>
#include <lockfile-glib/lf-errors.h>
#include <lockfile-glib/lf-lock.h>
#include <lockfile-glib/lf-lock-file.h>
#include <lockfile-glib/lf-lock-guard.h>
#include <lockfile-glib/lf-lock-holder.h>
#include <lockfile-glib/lf-remote-lock.h>
#include <lockfile-glib/lf-semaphore.h>
#include <lockfile-glib/lf-version-functions.h>
#include <lockfile-glib/lf-version-macros.h>
#include <lockfile-glib/lf-version.h>
