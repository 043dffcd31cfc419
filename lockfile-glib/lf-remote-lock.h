/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <gio/gio.h>

#include <lockfile-glib/lf-version-macros.h>

G_BEGIN_DECLS

#define LF_TYPE_REMOTE_LOCK (lf_remote_lock_get_type ())

LF_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (LfRemoteLock, lf_remote_lock, LF, REMOTE_LOCK, GObject)

LF_AVAILABLE_IN_1_0
LfRemoteLock *lf_remote_lock_new (const char  *uri,
                                  GError     **error) LF_WARN_UNUSED_RESULT;

LF_AVAILABLE_IN_1_0
const char *lf_remote_lock_get_uri (LfRemoteLock *self);

LF_AVAILABLE_IN_1_0
guint lf_remote_lock_get_lease_duration (LfRemoteLock *self);

LF_AVAILABLE_IN_1_0
void lf_remote_lock_set_lease_duration (LfRemoteLock *self,
                                        guint         lease_duration);

LF_AVAILABLE_IN_1_0
gint64 lf_remote_lock_get_fencing_token (LfRemoteLock *self);

LF_AVAILABLE_IN_1_0
double lf_remote_lock_get_remaining (LfRemoteLock *self);

LF_AVAILABLE_IN_1_0
char *lf_remote_lock_dup_endpoints (LfRemoteLock *self);

LF_AVAILABLE_IN_1_0
void lf_remote_lock_set_endpoints (LfRemoteLock *self,
                                   const char   *endpoints);

LF_AVAILABLE_IN_1_0
char *lf_remote_lock_dup_user (LfRemoteLock *self);

LF_AVAILABLE_IN_1_0
void lf_remote_lock_set_user (LfRemoteLock *self,
                              const char   *user);

LF_AVAILABLE_IN_1_0
void lf_remote_lock_set_password (LfRemoteLock *self,
                                  const char   *password);

LF_AVAILABLE_IN_1_0
char *lf_remote_lock_dup_ca_file (LfRemoteLock *self);

LF_AVAILABLE_IN_1_0
void lf_remote_lock_set_ca_file (LfRemoteLock *self,
                                 const char   *ca_file);

LF_AVAILABLE_IN_1_0
char *lf_remote_lock_dup_certificate_file (LfRemoteLock *self);

LF_AVAILABLE_IN_1_0
void lf_remote_lock_set_certificate_file (LfRemoteLock *self,
                                          const char   *certificate_file);

LF_AVAILABLE_IN_1_0
char *lf_remote_lock_dup_key_file (LfRemoteLock *self);

LF_AVAILABLE_IN_1_0
void lf_remote_lock_set_key_file (LfRemoteLock *self,
                                  const char   *key_file);

G_END_DECLS
