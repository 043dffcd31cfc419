/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers */

#include "config.h"

#include "lf-etcd-engine-private.h"

/* The functions that GIO looks for in a module of this name. They are not declared anywhere. */
G_MODULE_EXPORT void   g_io_lockfile_glib_etcd_load   (GIOModule *module);
G_MODULE_EXPORT void   g_io_lockfile_glib_etcd_unload (GIOModule *module);
G_MODULE_EXPORT char **g_io_lockfile_glib_etcd_query  (void);

static void
engine_class_init (gpointer klass,
                   gpointer class_data)
{
  LfEngineClass *engine_class = klass;

  engine_class->abi = LF_ENGINE_ABI;
  lf_etcd_engine_set_methods (engine_class);
}

/* Stays loaded: its threads may run. */
void
g_io_lockfile_glib_etcd_load (GIOModule *module)
{
  const GTypeInfo info = {
    .class_size = sizeof (LfEngineClass),
    .class_init = engine_class_init,
    .instance_size = sizeof (GObject),
  };

  g_type_module_use (G_TYPE_MODULE (module));
  g_type_module_register_type (G_TYPE_MODULE (module), G_TYPE_OBJECT, "LfEtcdEngine", &info, 0);
  g_io_extension_point_implement (LF_ENGINE_EXTENSION_POINT, g_type_from_name ("LfEtcdEngine"),
                                  "etcd", 0);
}

void
g_io_lockfile_glib_etcd_unload (GIOModule *module)
{
}

char **
g_io_lockfile_glib_etcd_query (void)
{
  const char *points[] = { LF_ENGINE_EXTENSION_POINT, NULL };

  return g_strdupv ((char **) points);
}
