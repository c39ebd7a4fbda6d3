# SPDX-License-Identifier: LGPL-2.1-or-later
"""The generator of libocispec: see main.py."""
