"""Runs the cases as `python -m unittest` does, and ends without taking the interpreter down.

Some cases give calls up midway. A thread of the library that lets go of something of Python's while the interpreter is taken
down is ended by Python 3.11 in the midst of it, and the process with it (docs/bindings.md).
"""

import os
import sys
import unittest

PROGRAM = unittest.main(module=None, exit=False)
sys.stdout.flush()
sys.stderr.flush()
os._exit(not PROGRAM.result.wasSuccessful())
