#!/usr/bin/env python3
"""Tests the bindings from Python, against a real server.

Builds the library, the Python module and the server; starts the server on a free port with a data folder of its own;
runs the cases of `cases.py`; stops the server and removes what it made, also on failure.

    python3 mono-bindings/tests/python/run.py [unittest arguments]
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
CARGO = os.environ.get("CARGO", "cargo")
PASSWORD = "Demo-Password-1!"
START_SECONDS = 60
STOP_SECONDS = 15


def build(*arguments):
    """Builds with cargo and returns the artifacts. Cargo knows best where they are: `CARGO_TARGET_DIR` is heeded."""
    command = [CARGO, "build", "--message-format=json-render-diagnostics", *arguments]
    print("$", *command, flush=True)
    lines = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()
    messages = [json.loads(line) for line in lines if line.startswith("{")]
    return [message for message in messages if message["reason"] == "compiler-artifact"]


def executable(name, *arguments):
    """Builds a program and returns its path."""
    artifacts = build("--bin", name, *arguments)
    return next(item["executable"] for item in artifacts if item["target"]["name"] == name and item["executable"])


def build_module(folder):
    """Puts the library and the Python module that uses it into a folder."""
    library = next(
        pathlib.Path(file)
        for item in build("-p", "mono-bindings", "--lib")
        if item["target"]["name"] == "mono_bindings"
        for file in item["filenames"]
        if file.endswith((".so", ".dylib", ".dll"))
    )
    # Copied before the generator is built: that builds the library anew, with the generator in it.
    library = shutil.copy(library, folder)
    generator = executable("uniffi-bindgen", "-p", "mono-bindings", "--features", "bindgen")
    command = [generator, "generate", "--library", library, "--language", "python", "--out-dir", folder]
    subprocess.run(command, cwd=ROOT, check=True)


def free_port():
    """A port where nobody listens now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """The real server, with an embedded database in a folder of its own."""

    def __init__(self, folder):
        program = executable("mono", "-p", "reference-server")
        listen = f"127.0.0.1:{free_port()}"
        self.address = f"http://{listen}"
        self.log_path = folder / "server.log"
        # What is set for some other server must not reach this one: it may name a real database.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MONO_")}
        environment["MONO_DEMO_PASSWORD"] = PASSWORD
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [program, "--data-directory", folder / "data", "--listen", listen],
                cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )

    def wait(self):
        """Waits until the server answers."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}")
            try:
                with opener.open(self.address + "/ping", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError(f"the server did not answer within {START_SECONDS} seconds")

    def stop(self):
        """Stops the server; hard, if it does not listen."""
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def log(self):
        """What the server had to say."""
        return self.log_path.read_text(errors="replace")


def run_cases():
    """Runs the cases; says whether all of them passed and there were any."""
    import cases

    program = unittest.main(module=cases, argv=sys.argv, verbosity=2, exit=False)
    return program.result.wasSuccessful() and program.result.testsRun > 0


def main():
    # As Ctrl-C: the `finally` below runs, and unittest lets it pass. The default would leave the server behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="mono-bindings-") as name:
        folder = pathlib.Path(name)
        build_module(folder)
        sys.path[:0] = [name, str(HERE)]
        sys.dont_write_bytecode = True
        server = Server(folder)
        passed = False
        try:
            server.wait()
            os.environ["MONO_TEST_ADDRESS"] = server.address
            os.environ["MONO_TEST_PASSWORD"] = PASSWORD
            os.environ["NO_PROXY"] = "127.0.0.1"
            passed = run_cases()
        finally:
            server.stop()
            if not passed:
                print("--- log of the server ---", server.log(), sep="\n", file=sys.stderr)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
