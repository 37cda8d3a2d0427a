"""A program that ends while calls are under way ends as it would without them."""

import subprocess
import sys
import unittest

PROGRAM = """
import asyncio, os, sys, threading
from mono_bindings import ListAccounts, LogLevel, LogListener, MonoError, PermissionEngine, ProgressListener
from mono_bindings import set_log_listener, shutdown
from support import PASSWORD, client, seed

class Log(LogListener):
    def on_record(self, record):
        str(record) * 100

set_log_listener(Log(), LogLevel.TRACE)
busy = threading.Event()

async def calls():
    mono = client()
    await mono.login("lena@lagoon.example", PASSWORD)
    async def again_and_again():
        while True:
            await mono.list_accounts(ListAccounts(limit=1))
            busy.set()
    under_way = [asyncio.ensure_future(again_and_again()) for _ in range(20)]
    while not busy.is_set():
        await asyncio.sleep(0)
    return under_way
"""

ENDS = {
    "at its end": """
asyncio.run(calls())
""",
    "with a code": """
asyncio.run(calls())
sys.exit(3)
""",
    "with calls in a thread that is not waited for": """
async def gathered():
    await asyncio.gather(*await calls(), return_exceptions=True)

threading.Thread(target=lambda: asyncio.run(gathered()), daemon=True).start()
busy.wait()
""",
    "in a child, after it has forked": """
async def refused():
    try:
        await client().ping()
    except MonoError.Unavailable as error:
        assert error.code == "forked", error
    else:
        sys.exit("a child has made a call")

asyncio.run(calls())
child = os.fork()
if child:
    assert os.waitpid(child, 0)[1] == 0
else:
    asyncio.run(refused())
""",
    "after shutting down within a listener": """
class Stop(ProgressListener):
    def on_progress(self, done, total):
        shutdown()

async def main():
    mono = client()
    await mono.login("lena@lagoon.example", PASSWORD)
    try:
        await mono.all_accounts(progress=Stop())
    except MonoError.Unavailable as error:
        assert error.code == "shut_down", error

asyncio.run(main())
""",
    "after shutting down by itself": """
async def main():
    under_way = await calls()
    shutdown()
    shutdown()
    for outcome in await asyncio.gather(*under_way, return_exceptions=True):
        assert isinstance(outcome, MonoError.Unavailable) and outcome.code == "shut_down", repr(outcome)
    try:
        await client().ping()
    except MonoError.Unavailable as error:
        assert error.code == "shut_down", error
    else:
        sys.exit("a call went on")
    PermissionEngine.from_seed(seed()).compile('{"assignments": []}')

asyncio.run(main())
""",
}


SUBINTERPRETER = """
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

other = interpreters.create()
refused = "import sys; sys.path = {!r}\\ntry: import mono_bindings\\nexcept ImportError: pass\\nelse: raise SystemError"
interpreters.run_string(other, refused.format(sys.path))
interpreters.destroy(other)
from support import client
client().is_signed_in()
"""


class ExitCases(unittest.TestCase):
    def test_another_interpreter_of_the_process_is_refused(self):
        ended = subprocess.run([sys.executable, "-W", "ignore", "-c", SUBINTERPRETER], capture_output=True, text=True)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))

    def test_it_ends_in_peace(self):
        for name, end in ENDS.items():
            for _ in range(3):
                with self.subTest(name):
                    command = [sys.executable, "-c", PROGRAM + end]
                    ended = subprocess.run(command, capture_output=True, text=True, timeout=600)
                    code = 3 if name == "with a code" else 0
                    self.assertEqual((ended.returncode, ended.stderr), (code, ""))
