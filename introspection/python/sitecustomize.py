# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""Makes PyGObject take the override of this source tree.

An installed override is in PyGObject's own directory, which would come first. Python
runs this module at its start if this directory is on PYTHONPATH."""

import importlib.util
import os
import sys


class _OverrideFinder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != 'gi.overrides.Lf':
            return None
        directory = os.path.dirname(os.path.abspath(__file__))
        return importlib.util.spec_from_file_location(
            name, os.path.join(directory, 'gi', 'overrides', 'Lf.py'))


sys.meta_path.insert(0, _OverrideFinder)
