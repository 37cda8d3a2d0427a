#!/usr/bin/env python3
"""Measures what a permission check costs through the bindings, with the library as it is shipped.

    python3 mono-bindings/bench/run.py python|ruby|kotlin|swift
"""

import os
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))
sys.dont_write_bytecode = True

import harness  # noqa: E402
import languages  # noqa: E402


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in languages.RUN:
        sys.exit(__doc__)
    language = sys.argv[1]
    made = harness.cargo("build", "-p", "mono-bindings", "--features", "bindgen", "--bin", "uniffi-bindgen")
    generator = harness.executable(made, "uniffi-bindgen")
    library = harness.library(harness.cargo("build", "-p", "mono-bindings", "--lib", "--profile", "bindings"))
    environment = {**os.environ, "MONO_TEST_SEED": str(harness.ROOT / "mono-core/data/starter.json")}
    with tempfile.TemporaryDirectory(prefix="mono-bindings-") as name:
        folder = pathlib.Path(name)
        harness.generate(generator, library, language, folder)
        if language == "python":
            languages.run([sys.executable, HERE / "check.py"], {**environment, "PYTHONPATH": name})
        elif language == "ruby":
            languages.run(["ruby", "-W0", "-I", folder, HERE / "check.rb"], environment)
        elif language == "swift":
            build = languages.swiftc(folder, "-O")
            languages.run(build("check", HERE / "check.swift"), environment)
        else:
            classes = folder / "classes"
            languages.kotlinc([*folder.glob("io/**/*.kt"), HERE / "Check.kt"], classes)
            languages.run(languages.java("CheckKt", classes, folder), environment)


if __name__ == "__main__":
    main()
