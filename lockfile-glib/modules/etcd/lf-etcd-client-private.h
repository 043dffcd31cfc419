/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#pragma once

#include <gio/gio.h>

#include "lf-engine-private.h"
#include "lf-etcd-json-private.h"

G_BEGIN_DECLS

/* Requests to the gateways of a cluster's members. If one member fails, the next request goes
 * to another one. It belongs to one thread, which iterates the main context that was the
 * thread's default when the client was made. */
typedef struct _LfEtcdClient LfEtcdClient;

typedef enum
{
  LF_ETCD_ANSWERED,
  LF_ETCD_UNREACHABLE, /* the member cannot be used; it has not done anything */
  LF_ETCD_UNANSWERED,  /* it may have been done or not; another attempt may succeed */
  LF_ETCD_REFUSED,     /* the cluster answered with an error */
} LfEtcdResult;

/* Codes of gRPC */
#define LF_ETCD_CODE_NOT_FOUND 5
#define LF_ETCD_CODE_ALREADY_EXISTS 6
#define LF_ETCD_CODE_FAILED_PRECONDITION 9

typedef struct
{
  LfEtcdResult result;
  JsonObject *answer; /* or NULL */
  GError *error;      /* unless it was answered; of the domain G_IO_ERROR */
  int code;           /* of the error, if it was refused */
} LfEtcdReply;

/* The callee owns nothing of @reply. */
typedef void (*LfEtcdDone)   (const LfEtcdReply *reply,
                              gpointer           user_data);

/* An answer of a stream. */
typedef void (*LfEtcdEvent)  (JsonObject        *answer,
                              gpointer           user_data);

typedef struct _LfEtcdRequest LfEtcdRequest;

/* The time limit is that of each request, in microseconds. NULL with an error. */
LfEtcdClient  *lf_etcd_client_new     (const LfEngineConfig *config,
                                       gint64                time_limit,
                                       GError              **error);

/* Ends all requests without calling back. */
void           lf_etcd_client_free    (LfEtcdClient         *self);

guint          lf_etcd_client_get_n_endpoints
                                      (LfEtcdClient         *self);

/* @body is JSON, and is taken. An urgent request does not wait for others. */
void           lf_etcd_client_call    (LfEtcdClient         *self,
                                       const char           *path,
                                       char                 *body,
                                       gboolean              urgent,
                                       LfEtcdDone            done,
                                       gpointer              user_data);

/* A request whose answer is a stream, which ends with @done. */
LfEtcdRequest *lf_etcd_client_open    (LfEtcdClient         *self,
                                       const char           *path,
                                       char                 *body,
                                       LfEtcdEvent           event,
                                       LfEtcdDone            done,
                                       gpointer              user_data);

/* Ends the stream without calling back. */
void           lf_etcd_client_close   (LfEtcdClient         *self,
                                       LfEtcdRequest        *request);

G_END_DECLS
