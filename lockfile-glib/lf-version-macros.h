/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

#ifndef _LF_EXTERN
#define _LF_EXTERN extern
#endif

/**
 * LF_AVAILABLE_IN_1_0: (skip)
 *
 * Marks a symbol that is exported since version 1.0.
 */
#define LF_AVAILABLE_IN_1_0 _LF_EXTERN
