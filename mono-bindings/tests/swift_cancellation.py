"""Lets a Swift task give its call up.

What UniFFI generates for Swift awaits a call to its end, whatever becomes of the task. The library can cancel a call, and
what is generated for Kotlin and Python uses that; here it is written into the Swift sources too.
"""

import re


def replaced(pattern, by, source):
    """The source with the pattern replaced, wherever it stands; it has to be there."""
    changed, count = re.subn(pattern, by, source)
    if count == 0:
        raise RuntimeError(f"the generated Swift sources have changed: there is no {pattern!r}")
    return changed


def add(file):
    """Adds it to the generated sources in a file."""
    source = file.read_text()
    if "uniffiRustCallAsync" not in source:
        return  # the library without the client makes no calls
    source = replaced(
        r"freeFunc: ffi_mono_bindings_rust_future_free_(\w+),",
        r"freeFunc: ffi_mono_bindings_rust_future_free_\1,\n"
        r"            cancelFunc: { ffi_mono_bindings_rust_future_cancel_\1($0) },",
        source,
    )
    source = replaced(
        r"freeFunc: \(UInt64\) -> \(\),",
        "freeFunc: (UInt64) -> (),\n    cancelFunc: @escaping @Sendable (UInt64) -> (),",
        source,
    )
    source = replaced(
        r"    var pollResult: Int8;\n",
        "    await withTaskCancellationHandler {\n    var pollResult: Int8\n",
        source,
    )
    source = replaced(
        r"    \} while pollResult != UNIFFI_RUST_FUTURE_POLL_READY\n",
        "    } while pollResult != UNIFFI_RUST_FUTURE_POLL_READY\n"
        "    } onCancel: {\n        cancelFunc(rustFuture)\n    }\n    try Task.checkCancellation()\n",
        source,
    )
    file.write_text(source)
