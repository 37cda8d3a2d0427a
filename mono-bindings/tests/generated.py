"""What the generated sources lack, written into them.

A Swift task that is cancelled awaits its call to the end, and `dump` shows what a description hides. In Kotlin an `Error` that
a store or listener throws, such as that of `TODO()`, is taken for success. In Ruby nothing is documented.
"""

import re

import documents


def replaced(pattern, by, source):
    """The source with the pattern replaced, wherever it stands; it has to be there."""
    changed, count = re.subn(pattern, by, source)
    if count == 0:
        raise RuntimeError(f"the generated sources have changed: there is no {pattern!r}")
    return changed


def swift(source):
    """The Swift sources, with it."""
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
    for secret in ("Login", "SecondFactorChallenge"):
        source += f"""
extension {secret}: CustomReflectable {{
    /// Nothing: it holds a secret.
    public var customMirror: Mirror {{ Mirror(self, children: []) }}
}}
"""
    return source


def kotlin(source):
    """The Kotlin sources, with it."""
    return replaced(r"catch\(e: kotlin\.Exception\)", "catch(e: Throwable)", source)


SOURCES = {"python": "*.py", "ruby": "*.rb", "kotlin": "**/*.kt", "swift": "*.swift"}


def complete(language, folder, swift_sources):
    """Completes the sources of a language in a folder, and looks whether all of them is documented."""
    said = documents.read(swift_sources)
    for file in folder.glob(SOURCES[language]):
        source = file.read_text()
        # Without the client there are no calls, stores and listeners.
        if language in ("swift", "kotlin") and "class Client" in source:
            source = {"swift": swift, "kotlin": kotlin}[language](source)
        if language == "ruby":
            source = documents.ruby(source, said)
        documents.check(language, source, said)
        file.write_text(source)
