"""Objects of the library are handles: a copy would free what the original still uses."""


def forbid_copies(namespace):
    """Makes `copy` and `pickle` refuse the classes among these names that stand for an object of the library."""
    def refuse(self, *_):
        raise TypeError(f"a {type(self).__name__} is neither copied nor pickled: pass it on as it is")

    for value in namespace.values():
        if isinstance(value, type) and "_uniffi_clone_handle" in vars(value):
            value.__copy__ = value.__deepcopy__ = value.__reduce_ex__ = refuse
