# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

# What pyright must reject, one per line

import gi

gi.require_version('Lf', '1.0')
from gi.repository import Lf

lock = Lf.LockFile('x', mode='sharde')
lock.timeout = '1'
lock.held = True
number: int = lock.path
lock.acquire(timout=1)
