"""Permissions, limits and the client of mono: https://github.com/mono-rs/mono/blob/main/docs/bindings.md."""

from . import _generated

_generated.forbid_subinterpreters()

from . import mono_bindings
from .mono_bindings import *

_generated.forbid_copies(mono_bindings)
_generated.catch_everything(mono_bindings)
_generated.forget_closed_loops(mono_bindings)
_generated.end_at_exit(mono_bindings)
