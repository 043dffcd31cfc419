# SPDX-License-Identifier: LGPL-2.1-or-later

"""For the tree only: with this directory on PYTHONPATH, PyGObject takes the override
that is here, even if there is an installed one in its own directory, which would
come first. Python runs it at its start."""

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
