/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "lf-test-backend.h"

G_BEGIN_DECLS

/* A case of the contract. Its data is the TestBackend to try it with. */
typedef struct
{
  const char *name;
  void (*function) (Fixture *fixture, gconstpointer data);
} ContractCase;

/* Each list ends with an empty case. */
extern const ContractCase contract_object_cases[];
extern const ContractCase contract_path_cases[];
extern const ContractCase contract_process_cases[];
extern const ContractCase contract_wait_cases[];

G_END_DECLS
