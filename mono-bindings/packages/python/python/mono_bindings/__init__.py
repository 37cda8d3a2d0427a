"""Permissions, limits and the client of mono: https://github.com/mono-rs/mono/blob/main/docs/bindings.md."""

from . import _handles, mono_bindings
from .mono_bindings import *

_handles.forbid_copies(vars(mono_bindings))
