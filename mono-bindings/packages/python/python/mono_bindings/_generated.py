"""What the generated module lacks."""

import atexit
import contextlib
import ctypes


def forbid_subinterpreters():
    """The library calls back into the interpreter that imported it first, and would go on where that has ended."""
    api = getattr(ctypes, "pythonapi", None)
    if api is None:
        return  # not CPython
    for which in (api.PyInterpreterState_Get, api.PyInterpreterState_Main):
        which.restype = ctypes.c_void_p
    if api.PyInterpreterState_Get() != api.PyInterpreterState_Main():
        raise ImportError("mono_bindings works in the main interpreter of a process alone")


def forbid_copies(module):
    """Makes `copy` and `pickle` refuse the objects of the library: a copy would free what the original still uses."""
    def refuse(self, *_):
        raise TypeError(f"a {type(self).__name__} is neither copied nor pickled: pass it on as it is")

    for value in vars(module).values():
        if isinstance(value, type) and "_uniffi_clone_handle" in vars(value):
            value.__copy__ = value.__deepcopy__ = value.__reduce_ex__ = refuse


def catch_everything(module):
    """Makes whatever a store or listener raises a failure of it. `SystemExit`, say, would else be taken for success."""
    def wrap(call):
        def wrapped(call_status, function, *others):
            def guarded():
                try:
                    return function()
                except Exception:
                    raise
                except BaseException as raised:
                    raise RuntimeError(type(raised).__name__) from raised

            return call(call_status, guarded, *others)

        return wrapped

    for name in ("_uniffi_trait_interface_call", "_uniffi_trait_interface_call_with_error"):
        setattr(module, name, wrap(getattr(module, name)))


def forget_closed_loops(module):
    """Whose event loop has closed awaits no call any more: telling so would print an error that is none."""
    if not hasattr(module, "_uniffi_continuation_callback"):
        return

    @module._UNIFFI_RUST_FUTURE_CONTINUATION_CALLBACK
    def callback(handle, poll_code):
        loop, future = module._UniffiContinuationHandleMap.remove(handle)
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(module._uniffi_set_future_result, future, poll_code)

    module._uniffi_continuation_callback = callback


def end_at_exit(module):
    """Ends the threads of the library before the interpreter is taken down: it would end them in the midst of a callback,
    and the process with them. Without the client there are none."""
    if hasattr(module, "shutdown"):
        atexit.register(module.shutdown)
