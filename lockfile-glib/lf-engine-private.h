/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/* What a loadable module implements: the locks of one kind of cluster. The library and its
 * modules are built together, so this changes without notice, with the number of the ABI.
 *
 * A module implements the extension point with a type whose class is an LfEngineClass. It
 * knows nothing about the library, main contexts of the program, tasks or forks: a forked
 * child never uses what its parent has made. */

#define LF_ENGINE_EXTENSION_POINT "lockfile-glib-1.0-engine"
#define LF_ENGINE_ABI 1

/* All locks of a process in one cluster, as one user. */
typedef struct _LfEngineSession LfEngineSession;

/* One claim on one lock, from the first attempt to the release. */
typedef struct _LfEngineClaim LfEngineClaim;

typedef struct
{
  char **endpoints; /* "http://HOST:PORT", "https://HOST:PORT" or "unix:PATH" */
  char *user;             /* or NULL, as all that follow */
  char *password;
  char *ca_file;          /* absolute, as all paths */
  char *certificate_file;
  char *key_file;
  guint lease_duration; /* seconds */
} LfEngineConfig;

typedef enum
{
  LF_ENGINE_GRANTED,
  LF_ENGINE_BUSY,
  LF_ENGINE_ERROR, /* the only one that sets a GError */
} LfEngineAttempt;

typedef enum
{
  LF_ENGINE_HELD,
  LF_ENGINE_LOST,
  LF_ENGINE_UNKNOWN, /* the cluster does not answer; the only one that sets a GError */
} LfEngineVerdict;

typedef enum
{
  LF_ENGINE_RELEASED,
  LF_ENGINE_NOT_OURS,   /* it was lost before */
  LF_ENGINE_RELEASING,  /* the cluster does not answer: the module repeats the release until the
                         * lease has ended. The only one that sets a GError */
} LfEngineRelease;

typedef struct
{
  GObjectClass parent_class;

  guint abi;

  /* Does nothing yet. A session is never freed. */
  LfEngineSession * (*session_new) (const LfEngineConfig *config);

  /* @value is kept with the claim, for query(). */
  LfEngineClaim   * (*claim_new)   (LfEngineSession      *session,
                                    const char           *name,
                                    const char           *value);
  /* Releases what may be held, without waiting for it. */
  void              (*claim_free)  (LfEngineClaim        *claim);

  /* Takes a place in the order of the claims of this process, and starts the first attempt,
   * without waiting. Optional. */
  void              (*begin)       (LfEngineClaim        *claim,
                                    gboolean              try_once);

  /* The first attempt asks the cluster, and waits until it answers or interrupt() is called in
   * another thread. If it finds the lock busy, the claim is queued, unless it is to try only
   * once. Later attempts find out whether the claim is granted, without waiting. */
  LfEngineAttempt   (*attempt)     (LfEngineClaim        *claim,
                                    gboolean              try_once,
                                    GError              **error);
  void              (*interrupt)   (LfEngineClaim        *claim);

  /* A descriptor that is readable when another attempt makes sense; -1 with errno. */
  int               (*get_fd)      (LfEngineClaim        *claim);

  /* The value of the holder that made the last attempt fail, or NULL. */
  char            * (*get_obstacle) (LfEngineClaim       *claim);

  /* Of a granted claim. The time is in microseconds of a clock that runs while the machine is
   * suspended, to when @func of set_lost_func() is called at the latest; at 0 the lock is lost. */
  gint64            (*get_token)     (LfEngineClaim      *claim);
  gint64            (*get_remaining) (LfEngineClaim      *claim);

  /* @func is called once, in any thread, if the granted lock is lost. */
  void              (*set_lost_func) (LfEngineClaim      *claim,
                                      GSourceOnceFunc     func,
                                      gpointer            data,
                                      GDestroyNotify      destroy);

  /* Asks the cluster. */
  LfEngineVerdict   (*verify)      (LfEngineClaim        *claim,
                                    GError              **error);
  LfEngineRelease   (*release)     (LfEngineClaim        *claim,
                                    GError              **error);

  /* Sets @value to that of the holder, or to NULL if there is none. */
  gboolean          (*query)       (LfEngineSession      *session,
                                    const char           *name,
                                    char                **value,
                                    GError              **error);
  /* Removes the claim of the holder. */
  gboolean          (*break_lock)  (LfEngineSession      *session,
                                    const char           *name,
                                    GError              **error);
} LfEngineClass;

G_END_DECLS
