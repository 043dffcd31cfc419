#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The lockfile-glib maintainers

"""The library exports exactly what the GIR describes, and stays loaded."""

import subprocess
import sys
import xml.etree.ElementTree

library, gir = sys.argv[1:]

listing = subprocess.run(['nm', '--dynamic', '--defined-only', '--format=posix', library],
                         check=True, capture_output=True, text=True).stdout
exported = {line.split()[0] for line in listing.splitlines()}

C_IDENTIFIER = '{http://www.gtk.org/introspection/c/1.0}identifier'
GET_TYPE = '{http://www.gtk.org/introspection/glib/1.0}get-type'
# Members of enumerations and macros have identifiers too, but are not symbols
functions = ('}function', '}method', '}constructor')
elements = [*xml.etree.ElementTree.parse(gir).iter()]
described = {element.get(C_IDENTIFIER) for element in elements
             if element.tag.endswith(functions)}
described |= {element.get(GET_TYPE) for element in elements}
described -= {None, 'intern'}

for symbol in sorted(exported - described):
    print(f'exported, but not in the GIR: {symbol}')
for symbol in sorted(described - exported):
    print(f'in the GIR, but not exported: {symbol}')
print(f'{len(exported & described)} symbols are both exported and described')

dynamic = subprocess.run(['readelf', '--dynamic', library],
                         check=True, capture_output=True, text=True).stdout
if 'NODELETE' not in dynamic:
    print('it can be unloaded under its threads')
sys.exit(exported != described or not exported or 'NODELETE' not in dynamic)
