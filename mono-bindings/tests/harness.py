"""What the tests of every language need: the library, the sources that use it, and a real server."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

import generated

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CARGO = os.environ.get("CARGO", "cargo")
PASSWORD = "Demo-Password-1!"
START_SECONDS = 300
STOP_SECONDS = 15

# As `cargo xtask test` builds it: after that there is nothing left to compile.
BUILD = ["test", "--workspace", "--exclude", "benches", "--all-features", "--no-run"]


def cargo(*arguments):
    """Runs cargo and returns what it made. Cargo knows best where that is: `CARGO_TARGET_DIR` is heeded."""
    command = [CARGO, *arguments, "--message-format=json-render-diagnostics"]
    print("$", *command, flush=True)
    lines = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()
    messages = [json.loads(line) for line in lines if line.startswith("{")]
    return [message for message in messages if message["reason"] == "compiler-artifact"]


def library(artifacts):
    """The dynamic library among what cargo made."""
    return next(
        pathlib.Path(file)
        for item in artifacts
        if item["target"]["name"] == "mono_bindings" and not item["profile"]["test"]
        for file in item["filenames"]
        if file.endswith((".so", ".dylib", ".dll"))
    )


def executable(artifacts, name):
    """A program among what cargo made."""
    made = (item for item in artifacts if item["target"]["name"] == name and not item["profile"]["test"])
    return next(item["executable"] for item in made if item["executable"])


def generate(generator, library, language, folder):
    """Puts the library, and the sources of a language that use it, into a folder."""
    copy = pathlib.Path(shutil.copy(library, folder))

    def write(language, folder):
        command = [generator, "generate", "--no-format", "--language", language, "--out-dir", folder, copy]
        subprocess.run(command, cwd=ROOT, check=True)

    with tempfile.TemporaryDirectory() as swift:
        write("swift", swift)
        write(language, folder)
        generated.complete(language, folder, (pathlib.Path(swift) / "Mono.swift").read_text())


class Server:
    """The real server with its demo, on an embedded database in a folder of its own, for as long as a `with` lasts."""

    def __init__(self, program, folder):
        self.program, self.folder, self.log_path = program, folder, folder / "server.log"

    def __enter__(self):
        # What is set for some other server must not reach this one: it may name a real database.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MONO_")}
        environment |= {"MONO_DEMO_PASSWORD": PASSWORD, "MONO_RATE_LIMITS": "off"}
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [self.program, "--data-directory", self.folder / "data", "--listen", "127.0.0.1:0"],
                cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        try:
            self.wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def wait(self):
        """Waits until the server says where it listens."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}: {self.log()}")
            if ready := re.search(r"mono is ready at (http://\S+)", self.log()):
                self.address = ready[1]
                return
            time.sleep(0.1)
        raise RuntimeError(f"the server was not ready within {START_SECONDS} seconds: {self.log()}")

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

    def environment(self):
        """What a test finds in its environment."""
        return {
            **os.environ,
            "MONO_TEST_ADDRESS": self.address,
            "MONO_TEST_PASSWORD": PASSWORD,
            "MONO_TEST_SEED": str(ROOT / "mono-core/data/starter.json"),
            "MONO_TEST_DECISIONS": str(HERE / "decisions.json"),
            "NO_PROXY": "127.0.0.1",
        }
