/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "lf-backend-private.h"
#include "lf-kernel-locks-private.h"

G_BEGIN_DECLS

/* What the backends share whose lock is one that the kernel keeps for an open
 * regular file. They differ in how they ask the kernel. */

typedef struct
{
  const LfBackendClass *backend;
  LfKernelLockKind kind;

  /* Locks what the handle has open, in its mode. Returns 0 or an errno, which is
   * EWOULDBLOCK if somebody else has the lock. With @wait it is a single system
   * call that sleeps until the lock is granted, and may return EINTR. */
  int (*lock) (LfHandle *handle,
               gboolean  wait);

  /* Unlocks by itself, since a forked child may have the descriptor too and would
   * keep the lock alive after a mere close(). Returns 0 or an errno. */
  int (*unlock) (LfHandle *handle);

  /* Tells whether anybody has a lock on what @handle has open, which may be for
   * reading only and is not locked itself. Returns 0 or an errno. */
  int (*test) (LfHandle *handle,
               gboolean *locked);
} LfKernelFileOperations;

LfAttempt lf_kernel_file_attempt    (const LfKernelFileOperations  *operations,
                                     LfHandle                      *handle,
                                     const LfRequest               *request,
                                     GError                       **error);
void      lf_kernel_file_drop       (const LfKernelFileOperations  *operations,
                                     LfHandle                      *handle);
LfRelease lf_kernel_file_release    (const LfKernelFileOperations  *operations,
                                     LfHandle                      *handle,
                                     const char                    *path,
                                     gboolean                       remove,
                                     GError                       **error);
gboolean  lf_kernel_file_look       (const LfKernelFileOperations  *operations,
                                     const char                    *path,
                                     LfLockHolder                 **holder,
                                     GError                       **error);
gboolean  lf_kernel_file_break_lock (const LfKernelFileOperations  *operations,
                                     const char                    *path,
                                     GError                       **error);

/* Defines a backend by what it does in the kernel: @name is the class, @value its
 * value in the enumeration, @operations a constant of the file. */
#define LF_KERNEL_FILE_DEFINE_BACKEND(name, value, waiting_class, operations) \
static LfAttempt \
name##_attempt (LfHandle         *handle, \
                const LfRequest  *request, \
                GError          **error) \
{ \
  return lf_kernel_file_attempt (&operations, handle, request, error); \
} \
\
static int \
name##_block (LfHandle *handle) \
{ \
  return operations.lock (handle, TRUE); \
} \
\
static void \
name##_drop (LfHandle *handle) \
{ \
  lf_kernel_file_drop (&operations, handle); \
} \
\
static LfRelease \
name##_release (LfHandle    *handle, \
                const char  *path, \
                gboolean     remove_file, \
                GError     **error) \
{ \
  return lf_kernel_file_release (&operations, handle, path, remove_file, error); \
} \
\
static gboolean \
name##_look (const char    *path, \
             LfLockHolder **holder, \
             GError       **error) \
{ \
  return lf_kernel_file_look (&operations, path, holder, error); \
} \
\
static gboolean \
name##_break_lock (const char  *path, \
                   GError     **error) \
{ \
  return lf_kernel_file_break_lock (&operations, path, error); \
} \
\
const LfBackendClass name = { \
  .backend = value, \
  .waiting = &waiting_class, \
  .has_shared = TRUE, \
  .attempt = name##_attempt, \
  .block = name##_block, \
  .drop = name##_drop, \
  .release = name##_release, \
  .look = name##_look, \
  .break_lock = name##_break_lock, \
};

G_END_DECLS
