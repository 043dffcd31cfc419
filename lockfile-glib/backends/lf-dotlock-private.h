/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <sys/stat.h>

#include "backends/lf-backend-private.h"

G_BEGIN_DECLS

/* The family of backends whose lock is the existence of something at the path, on Unix. */

/* Name of the file with the record, for locks that are directories */
#define LF_DOTLOCK_RECORD_NAME "holder"

/* Names for what is not a lock yet, or no longer; higher slots have unique names */
#define LF_DOTLOCK_N_SLOTS 8

typedef enum
{
  LF_DOTLOCK_ABSENT,
  LF_DOTLOCK_PRESENT,
  LF_DOTLOCK_RETRY, /* it has just changed */
  LF_DOTLOCK_ERROR, /* the only one that sets a GError */
} LfDotlockResult;

/* The directory of a lock, opened once. Its path may later lead to another directory, but
 * the lock is in this one. */
typedef struct
{
  int fd;
  guint64 device;
  guint64 inode;
  gboolean is_local; /* all users of locks there share this kernel */
  const char *path; /* of the lock, for messages */
  char *name;       /* of the lock in the directory */
} LfDotlockPlace;

/* What is, or was, at the path of a lock. Each part may be missing. */
typedef struct
{
  int fd;        /* of the file or directory that flock(2) can lock */
  guint64 device; /* of `fd`, with the inode; otherwise 0 */
  guint64 inode;
  int record_fd; /* of the record, if it is a file of its own */
  guint64 record_device;
  guint64 record_inode;
  gboolean has_note; /* the record of a new directory is also an attribute of it */
  char *record;  /* "" if it cannot be understood or read */
  int unknown_errno; /* why the content is unknown; 0 if it is known */
} LfDotlockNode;

#define LF_DOTLOCK_NODE_INIT { .fd = -1, .record_fd = -1 }

/* What a waiter has found out about the age of a lock. All 0 at first. */
typedef struct
{
  guint64 inode;
  gint64 modified; /* by the file system's clock */
  gint64 longest;
  gint64 seen_at; /* when this stamp was first seen; LfAlarm's clock */
  gint64 next_look;
} LfDotlockAge;

typedef struct _LfDotlockBackend LfDotlockBackend;

struct _LfDotlockBackend
{
  LfBackendVTable vtable;

  /* Whether flock(2) can lock what is at the path. If so, its holder does */
  gboolean has_inode;
  gboolean shows_fd; /* as the `fd` of the handle */
  mode_t file_type;  /* of the lock, such as S_IFREG */

  /* Opens what is at the path, without following links. Fails if it cannot be a lock of
   * this kind. */
  LfDotlockResult (*look) (const LfDotlockBackend  *self,
                           const LfDotlockPlace    *place,
                           LfDotlockNode           *node,
                           GError                 **error);

  /* Makes a lock in advance, where it is not visible. Returns 0 or an errno. It is not
   * called again until a make() has used the lock up. NULL if there is nothing to prepare. */
  int (*prepare) (const LfDotlockBackend *self,
                  const LfDotlockPlace   *place,
                  const LfRequest        *request,
                  LfDotlockNode          *node);

  /* Makes a lock in one step. Returns 0, EEXIST if the path already exists, EAGAIN if
   * another attempt makes sense, or another errno. */
  int (*make) (const LfDotlockBackend *self,
               const LfDotlockPlace   *place,
               const LfRequest        *request,
               LfDotlockNode          *node);

  /* Whether this node is still at the path: 0, ENOENT if there is nothing or something
   * else, or another errno. */
  int (*verify) (const LfDotlockBackend *self,
                 const LfDotlockPlace   *place,
                 const LfDotlockNode    *node);

  /* For a node whose content is known: 0, ENOTEMPTY if removing it would also remove other
   * programs' files, or another errno if that cannot be found out. NULL if a removal never
   * does that. */
  int (*check_unused) (const LfDotlockNode *node);

  /* Removes a verified node. Returns 0 or an errno. */
  int (*remove) (const LfDotlockBackend *self,
                 const LfDotlockPlace   *place,
                 LfDotlockNode          *node);

  /* For locks without an inode that flock(2) can lock: says whether the holder is about to
   * remove the lock, for processes that break it. FALSE if this is not possible. */
  gboolean (*announce)     (const LfDotlockPlace *place,
                            const LfDotlockNode  *node,
                            gboolean              announces);
  gboolean (*is_announced) (const LfDotlockPlace *place,
                            const LfDotlockNode  *node);
};

void            lf_dotlock_identify     (const LfBackendVTable   *vtable,
                                         LfHandle                *handle);
LfAttempt       lf_dotlock_attempt      (const LfBackendVTable   *vtable,
                                         LfHandle                *handle,
                                         GError                 **error);
LfRelease       lf_dotlock_release      (const LfBackendVTable   *vtable,
                                         LfHandle                *handle,
                                         GError                 **error);
LfVerdict       lf_dotlock_verify       (const LfBackendVTable   *vtable,
                                         LfHandle                *handle,
                                         GError                 **error);
void            lf_dotlock_close        (const LfBackendVTable   *vtable,
                                         LfHandle                *handle);
void            lf_dotlock_leave        (const LfBackendVTable   *vtable,
                                         LfHandle                *handle);
gpointer        lf_dotlock_open_handle_renewal
                                        (const LfBackendVTable   *vtable,
                                         LfHandle                *handle);
LfVerdict       lf_dotlock_renew        (gpointer                 renewal,
                                         GError                 **error);
void            lf_dotlock_close_renewal
                                        (gpointer                 renewal,
                                         gboolean                 is_inherited);
gboolean        lf_dotlock_query_holder (const LfBackendVTable   *vtable,
                                         const char              *path,
                                         LfLockHolder           **holder,
                                         GError                 **error);
gboolean        lf_dotlock_break_lock   (const LfBackendVTable   *vtable,
                                         const char              *path,
                                         GError                 **error);

/* The methods that all members of the family share */
#define LF_DOTLOCK_METHODS \
  .is_dotlock = TRUE, \
  .identify = lf_dotlock_identify, \
  .attempt = lf_dotlock_attempt, \
  .drop = lf_dotlock_close, \
  .verify = lf_dotlock_verify, \
  .open_renewal = lf_dotlock_open_handle_renewal, \
  .renew = lf_dotlock_renew, \
  .close_renewal = lf_dotlock_close_renewal, \
  .leave = lf_dotlock_leave, \
  .release = lf_dotlock_release, \
  .close = lf_dotlock_close, \
  .query_holder = lf_dotlock_query_holder, \
  .break_lock = lf_dotlock_break_lock

extern const LfDotlockBackend lf_backend_hard_link;
extern const LfDotlockBackend lf_backend_directory;
extern const LfDotlockBackend lf_backend_symlink;
extern const LfDotlockBackend lf_backend_pid_file;

/* lf-dotlock-place.c: directories, and what is made and left behind in them */

int             lf_dotlock_place_open     (LfDotlockPlace        *place,
                                           const char            *path,
                                           gboolean               create_parents);
void            lf_dotlock_place_close    (LfDotlockPlace        *place);
int             lf_dotlock_place_renew    (LfDotlockPlace        *place);
int             lf_dotlock_place_verify   (const LfDotlockPlace  *place);
char           *lf_dotlock_place_get_slot (const LfDotlockPlace  *place,
                                           guint                  number);
gboolean        lf_dotlock_place_clean_slot
                                          (const LfDotlockPlace  *place,
                                           const char            *slot);
void            lf_dotlock_place_clean_up (const LfDotlockPlace  *place,
                                           const char            *lock_name);
int             lf_dotlock_place_lock     (const LfDotlockPlace  *place);
void            lf_dotlock_place_unlock   (const LfDotlockPlace  *place,
                                           int                    guard);
gboolean        lf_dotlock_place_is_locked (const LfDotlockPlace *place);

/* lf-dotlock-node.c: files with a record */

void            lf_dotlock_close_own        (int                    *fd,
                                             guint64                device,
                                             guint64                inode);
void            lf_dotlock_node_close       (LfDotlockNode         *node);
void            lf_dotlock_node_renew       (LfDotlockNode         *node);
int             lf_dotlock_open_at          (int                    directory,
                                             const char            *name,
                                             int                    flags,
                                             guint                  mode);
int             lf_dotlock_read             (int                    fd,
                                             char                 **record);
int             lf_dotlock_write            (int                    fd,
                                             const char            *record,
                                             gboolean               durable);
LfDotlockResult lf_dotlock_look_from_outside
                                            (const LfDotlockBackend *self,
                                             const LfDotlockPlace   *place,
                                             LfDotlockNode          *node,
                                             int                    saved_errno,
                                             GError                 **error);
int             lf_dotlock_verify_inode     (const LfDotlockBackend *self,
                                             const LfDotlockPlace   *place,
                                             const LfDotlockNode    *node);

/* For locks that are regular files */
LfDotlockResult lf_dotlock_look_at_file     (const LfDotlockBackend *self,
                                             const LfDotlockPlace   *place,
                                             LfDotlockNode          *node,
                                             GError                **error);
int             lf_dotlock_prepare_file     (const LfDotlockBackend *self,
                                             const LfDotlockPlace   *place,
                                             const LfRequest        *request,
                                             LfDotlockNode          *node);
int             lf_dotlock_make_file        (const LfDotlockBackend *self,
                                             const LfDotlockPlace   *place,
                                             const LfRequest        *request,
                                             LfDotlockNode          *node);
int             lf_dotlock_remove_name      (const LfDotlockBackend *self,
                                             const LfDotlockPlace   *place,
                                             LfDotlockNode          *node);

/* lf-dotlock-lease.c: time stamps */

gpointer        lf_dotlock_open_renewal     (const LfDotlockBackend *self,
                                             const LfDotlockPlace   *place,
                                             const LfDotlockNode    *node);
gint64          lf_dotlock_get_lease        (const LfDotlockNode    *node,
                                             gint64                  foreign_lease);
gboolean        lf_dotlock_is_expired       (const LfDotlockBackend *self,
                                             const LfDotlockPlace   *place,
                                             const LfDotlockNode    *node,
                                             gint64                  foreign_lease,
                                             LfDotlockAge           *age);
gboolean        lf_dotlock_is_as_old        (const LfDotlockPlace   *place,
                                             const LfDotlockNode    *node,
                                             const LfDotlockAge     *age);

/* lf-dotlock-error.c */
LfDotlockResult lf_dotlock_fail             (const LfDotlockBackend *self,
                                             const char             *path,
                                             int                     saved_errno,
                                             GError                **error);
LfDotlockResult lf_dotlock_fail_invalid     (const char             *path,
                                             const char             *format,
                                             GError                **error);
LfDotlockResult lf_dotlock_fail_kind        (const LfDotlockBackend *self,
                                             const char             *path,
                                             GError                **error);

G_END_DECLS
