"""The one listener of the log that a program has."""

from mono_bindings import LogLevel, LogListener, set_log_listener


class Log(LogListener):
    """Keeps the records of all clients."""

    def __init__(self):
        self.records = []

    def on_record(self, record):
        self.records.append(record)
        raise RuntimeError("nobody minds")


LOG = Log()
set_log_listener(LOG, LogLevel.DEBUG)
