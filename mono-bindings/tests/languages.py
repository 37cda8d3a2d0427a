"""How the cases of each language are run, and the examples of the packages."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import harness

# Where Debian and Ubuntu put it; the variable is for everybody else.
JNA = os.environ.get("MONO_JNA", "/usr/share/java/jna.jar")


PACKAGES = harness.HERE.parent / "packages"


def run(command, environment, cwd=None):
    """Runs a program, and fails where it fails."""
    subprocess.run([str(word) for word in command], env=environment, cwd=cwd, check=True)


def kotlin_home():
    """The folder of the Kotlin compiler: `KOTLIN_HOME`, or where `kotlinc` of the search path lies."""
    if home := os.environ.get("KOTLIN_HOME"):
        return pathlib.Path(home)
    program = shutil.which("kotlinc")
    return pathlib.Path(program).resolve().parents[1] if program else None


def kotlin_jars():
    """What a Kotlin program with coroutines and these bindings needs."""
    library = kotlin_home() / "lib"
    return [library / "kotlin-stdlib.jar", library / "kotlinx-coroutines-core-jvm.jar", JNA]


def kotlinc(sources, out, jars=()):
    """Compiles Kotlin. `-nowarn`: most of it is generated."""
    classpath = ":".join(map(str, [*kotlin_jars(), *jars]))
    run([kotlin_home() / "bin/kotlinc", "-nowarn", "-cp", classpath, "-d", out, *sources], os.environ)


def java(main, classes, libraries):
    """What runs a compiled class; the libraries are found in the folder."""
    classpath = ":".join(map(str, [*kotlin_jars(), classes]))
    return ["java", "-cp", classpath, f"-Djna.library.path={libraries}", main]


def example(language, address):
    """The example in the README of a package, with the address of this server, and what the README says it prints."""
    text = (PACKAGES / language / "README.md").read_text()
    code = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)[1]
    printed = re.search(r"```text\n(.*?)```", text, re.DOTALL)[1]
    assert "http://127.0.0.1:8080" in code
    return code.replace("http://127.0.0.1:8080", address), printed


def run_example(language, server, folder, launch):
    """Writes the example into a folder beside a seed file, runs it, and compares what it prints."""
    code, expected = example(language, server.address)
    suffix = {"python": "py", "ruby": "rb", "kotlin": "kt", "swift": "swift"}[language]
    source = folder / f"Example.{suffix}"
    source.write_text(code)
    shutil.copy(server.environment()["MONO_TEST_SEED"], folder / "seed.json")
    command = launch(source)
    command = [str(word) for word in command]
    print("$", *command, flush=True)
    answer = subprocess.run(command, cwd=folder, env=server.environment(), stdout=subprocess.PIPE, text=True, check=True)
    assert answer.stdout == expected, f"the README of {language} says\n{expected}\nand it printed\n{answer.stdout}"
    print(f"the example of the {language} package prints what its README says", flush=True)


def python(server, folder, arguments):
    # As the wheel has it.
    package = shutil.copytree(PACKAGES / "python/python/mono_bindings", folder / "mono_bindings")
    for file in [folder / "mono_bindings.py", *folder.glob("*mono_bindings.*")]:
        if file.is_file():
            shutil.move(file, package / file.name)
    environment = {**server.environment(), "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    program = [sys.executable, "-m", "unittest", *(arguments or ["discover"]), "-v"]
    run(program, environment, harness.HERE / "python")
    run_example("python", server, folder, lambda source: [sys.executable, source])


def ruby(server, folder, arguments):
    cases = harness.HERE / "ruby"
    # `-W0`: Ruby does not like the indentation of what is generated.
    program = ["ruby", "-W0", "-I", folder, "-I", PACKAGES / "ruby/lib", "-I", cases]
    requires = [word for case in sorted(cases.glob("*_test.rb")) for word in ("-r", case)]
    run([*program, *requires, "-e", "", "--", *arguments], server.environment())
    run_example("ruby", server, folder, lambda source: [*program, source])


def kotlin(server, folder, arguments):
    example_source = folder / "Example.kt"
    example_source.write_text(example("kotlin", server.address)[0])
    sources = [*folder.glob("io/**/*.kt"), *sorted((harness.HERE / "kotlin").glob("*.kt")), example_source]
    classes = folder / "classes"
    kotlinc(sources, classes)
    run(java("cases.CasesKt", classes, folder), server.environment())
    run_example("kotlin", server, folder, lambda _: java("ExampleKt", classes, folder))


def swiftc(folder, *options):
    """Compiles the module of Swift, and gives a function that compiles a program with it."""
    compiler = ["swiftc", *options, "-Xcc", f"-fmodule-map-file={folder}/MonoFFI.modulemap", "-I", folder, "-L", folder]
    library = "libMono.dylib" if sys.platform == "darwin" else "libMono.so"
    module = ["-module-name", "Mono", "-emit-module", "-emit-module-path", folder / "Mono.swiftmodule"]
    sources = ["-emit-library", "-o", folder / library, folder / "Mono.swift", "-lmono_bindings"]
    run([*compiler, *module, *sources], os.environ)

    def program(name, *sources):
        found = ["-Xlinker", "-rpath", "-Xlinker", folder]
        run([*compiler, *sources, "-lMono", "-lmono_bindings", *found, "-o", folder / name], os.environ)
        return [folder / name]

    return program


def swift(server, folder, _arguments):
    run([sys.executable, harness.HERE / "swift/check.py", folder], os.environ)
    if not shutil.which("swiftc"):
        print("SKIPPED the cases in Swift: there is no swiftc (docs/bindings.md)")
        return
    program = swiftc(folder)
    run(program("cases", *sorted((harness.HERE / "swift").glob("*.swift"))), server.environment())
    run_example("swift", server, folder, lambda source: program("example", source))


RUN = {"python": python, "ruby": ruby, "kotlin": kotlin, "swift": swift}
