#!/usr/bin/env python3
"""Tests the bindings from another language, against a real server.

Builds the library, the sources of the language and the server; starts the server on a free port with a data folder of its
own; runs the cases of the language and the example of its package; stops the server and removes what it made, also on
failure.

    python3 mono-bindings/tests/run.py python|ruby|kotlin|swift [ARGUMENTS OF THE TEST PROGRAM]
"""

import pathlib
import signal
import subprocess
import sys
import tempfile

import harness
import languages


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in languages.RUN:
        sys.exit(__doc__)
    # As Ctrl-C: what is in a `with` is cleaned up. The default would leave the server behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    language, arguments = sys.argv[1], sys.argv[2:]
    made = harness.cargo(*harness.BUILD)
    with tempfile.TemporaryDirectory(prefix="mono-bindings-") as name:
        folder = pathlib.Path(name)
        harness.generate(harness.executable(made, "uniffi-bindgen"), harness.library(made), language, folder)
        with harness.Server(harness.executable(made, "mono"), folder) as server:
            try:
                languages.RUN[language](server, folder, arguments)
            except subprocess.CalledProcessError as failure:
                print("--- log of the server ---", server.log(), str(failure), sep="\n", file=sys.stderr)
                sys.exit(1)


if __name__ == "__main__":
    main()
