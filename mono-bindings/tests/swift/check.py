#!/usr/bin/env python3
"""Checks the Swift sources: all that the crate exports is declared, and every function of the library that they call is in the
header.

    python3 check.py FOLDER
"""

import pathlib
import re
import sys

CRATE = pathlib.Path(__file__).resolve().parents[2]


def exported():
    """The names that `lib.rs` exports, as Swift writes them."""
    names = [
        name.strip()
        for group in re.findall(r"pub use \w+::(?:\{([^}]*)\}|(\w+))", (CRATE / "src/lib.rs").read_text())
        for name in "".join(group).split(",")
        if name.strip()
    ]
    camel = lambda name: re.sub(r"_(\w)", lambda match: match[1].upper(), name)
    return [camel(name) if name[0].islower() else name for name in names]


def main():
    folder = pathlib.Path(sys.argv[1])
    swift, header = (folder / "Mono.swift").read_text(), (folder / "MonoFFI.h").read_text()
    names = exported()
    assert len(names) > 20, names
    for name in names:
        kind = "func" if name[0].islower() else "(?:indirect |final )*(?:class|struct|enum|protocol)"
        found = re.search(rf"^(?:public|open)\s+{kind}\s+{name}\b", swift, re.MULTILINE)
        assert found, f"{name} is not declared in Mono.swift"
    called = set(re.findall(r"\b(uniffi_mono_bindings_fn_\w+|ffi_mono_bindings_\w+)", swift))
    assert len(called) > 40, called
    missing = [name for name in called if not re.search(rf"\b{name}\b", header)]
    assert not missing, f"not in MonoFFI.h: {missing}"
    print(f"Swift: {len(names)} names are declared, {len(called)} functions are in the header")


if __name__ == "__main__":
    main()
