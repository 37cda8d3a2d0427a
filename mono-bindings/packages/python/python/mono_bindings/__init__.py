"""Permissions, limits and the client of mono: https://github.com/mono-rs/mono/blob/main/docs/bindings.md."""

from .mono_bindings import *
