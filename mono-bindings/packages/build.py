#!/usr/bin/env python3
"""Builds the package of a language as far as this machine can, into target/packages.

    python3 mono-bindings/packages/build.py python|ruby|kotlin|swift [--offline] [--try]

--offline leaves the client out: the permission engine and the limits alone.
--try     installs the package into a fresh environment and runs the example of its README from there; not for Swift, whose
          packages are not installed.
"""

import argparse
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))
sys.dont_write_bytecode = True

import harness  # noqa: E402
import languages  # noqa: E402

OUT = harness.ROOT / "target/packages"
PROFILE = ["--profile", "bindings"]


def version():
    """The version of the workspace."""
    return tomllib.loads((harness.ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]


def run(*command, **options):
    """Runs a program, and fails where it fails."""
    words = [str(word) for word in command]
    print("$", *words, flush=True)
    subprocess.run(words, check=True, **options)


class Maker:
    """What the packages are made of."""

    def __init__(self, options):
        self.features = ["--no-default-features"] if options.offline else []
        if options.attempt:
            made = harness.cargo(*harness.BUILD)
            self.server = harness.executable(made, "mono")
        else:
            made = harness.cargo("build", "-p", "mono-bindings", "--features", "bindgen", "--bin", "uniffi-bindgen")
        self.generator = harness.executable(made, "uniffi-bindgen")

    def sources(self, language, sources, libraries):
        """Puts the generated sources into one folder, and the library, stripped, into another."""
        made = harness.cargo("build", "-p", "mono-bindings", "--lib", *PROFILE, *self.features)
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            harness.generate(self.generator, harness.library(made), language, folder)
            library = next(file for file in folder.iterdir() if file.suffix in (".so", ".dylib", ".dll"))
            # Not before: the generator reads the symbols.
            run("strip", "-x" if platform.system() == "Darwin" else "--strip-unneeded", library)
            libraries.mkdir(parents=True, exist_ok=True)
            shutil.move(library, libraries / library.name)
            shutil.copytree(folder, sources, dirs_exist_ok=True)
        size = (libraries / library.name).stat().st_size
        print(f"{library.name}: {size / 1e6:.2f} MB, stripped", flush=True)


def stage(language):
    """The folder of the package in `target`, begun anew with what the repository has of it."""
    folder = OUT / language
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(HERE / language, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def environment(folder):
    """A folder for a fresh environment."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def python(maker, attempt):
    folder = OUT / "python"
    shutil.rmtree(folder, ignore_errors=True)
    maturin = shutil.which("maturin")
    if not maturin:
        tools = OUT / "maturin"
        run(sys.executable, "-m", "venv", tools)
        run(tools / "bin/pip", "install", "--quiet", "maturin>=1.9,<2")
        maturin = tools / "bin/maturin"
    # It builds the library, and the generator of the crate, and runs it. It strips nothing: the generator reads symbols.
    run(maturin, "build", "--out", folder, *maker.features, cwd=HERE / "python")
    wheel = next(folder.glob("*.whl"))
    print(wheel)
    if attempt:
        fresh = environment(OUT / "try-python")
        run(sys.executable, "-m", "venv", fresh)
        run(fresh / "bin/pip", "install", "--quiet", "--no-index", wheel)
        attempt(lambda source: [fresh / "bin/python", source])


def ruby(maker, attempt):
    folder = stage("ruby")
    maker.sources("ruby", folder / "lib", folder / "lib")
    (folder / "VERSION").write_text(version() + "\n")
    run("gem", "build", "mono-bindings.gemspec", cwd=folder)
    gem = next(folder.glob("*.gem"))
    print(gem)
    if attempt:
        fresh = environment(OUT / "try-ruby")
        home = ["env", f"GEM_HOME={fresh}"]
        run(*home, "gem", "install", "--local", "--no-document", gem)
        attempt(lambda source: [*home, "ruby", "-W0", source])


def kotlin(maker, attempt):
    folder = stage("kotlin")
    system = {"Darwin": "darwin", "Windows": "win32"}.get(platform.system(), "linux")
    machine = {"x86_64": "x86-64", "AMD64": "x86-64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
    resources = folder / "src/main/resources"
    maker.sources("kotlin", folder / "src/main/kotlin", resources / f"{system}-{machine}")
    if not languages.kotlin_home():
        print("SKIPPED the jar: there is no kotlinc (docs/bindings.md); the module is in", folder)
        return
    classes = folder / "build/classes"
    languages.kotlinc((folder / "src/main/kotlin").glob("**/*.kt"), classes)
    jar = folder / f"build/mono-bindings-{version()}.jar"
    with zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED) as archive:
        for root in (classes, resources):
            for file in sorted(path for path in root.rglob("*") if path.is_file()):
                archive.write(file, file.relative_to(root))
    print(jar)
    if attempt:
        fresh = environment(OUT / "try-kotlin")
        jars = [*languages.kotlin_jars(), jar]
        classpath = ":".join(map(str, [*jars, fresh]))

        def launch(source):
            languages.kotlinc([source], fresh, [jar])
            return ["java", "-cp", classpath, "ExampleKt"]

        attempt(launch)


def swift(maker, attempt):
    folder = stage("swift")
    sources = folder / "Sources"
    maker.sources("swift", sources / "Mono", folder / "lib")
    ffi = sources / "MonoFFI"
    ffi.mkdir()
    shutil.move(sources / "Mono/MonoFFI.h", ffi / "MonoFFI.h")
    shutil.move(sources / "Mono/MonoFFI.modulemap", ffi / "module.modulemap")
    if platform.system() == "Darwin":
        library = next((folder / "lib").glob("*.dylib"))
        framework = folder / "MonoFFI.xcframework"
        run("xcodebuild", "-create-xcframework", "-library", library, "-headers", ffi, "-output", framework)
    print(folder)
    if not shutil.which("swift"):
        print("SKIPPED compiling the package: there is no swift (https://www.swift.org/install)")
    else:
        run("swift", "build", cwd=folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("language", choices=["python", "ruby", "kotlin", "swift"])
    parser.add_argument("--offline", action="store_true")
    parser.add_argument("--try", action="store_true", dest="attempt")
    options = parser.parse_args()
    if options.offline and options.attempt:
        parser.error("the examples sign in: --offline cannot be tried")
    if options.language == "swift" and options.attempt:
        parser.error("a package of Swift is compiled with who uses it: there is nothing to install and try")
    maker = Maker(options)
    build = globals()[options.language]
    if not options.attempt:
        build(maker, None)
        return
    with tempfile.TemporaryDirectory(prefix="mono-bindings-") as name:
        folder = pathlib.Path(name)
        with harness.Server(maker.server, folder) as server:
            build(maker, lambda launch: languages.run_example(options.language, server, folder, launch))


if __name__ == "__main__":
    main()
