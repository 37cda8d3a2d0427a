"""A program that ends while calls are under way ends as it would without them."""

import subprocess
import sys
import unittest

PROGRAM = """
import asyncio, os, sys, threading
from mono_bindings import ListAccounts, LogLevel, LogListener, MonoError, PermissionEngine, shutdown
from mono_bindings import set_log_listener
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
asyncio.run(calls())
child = os.fork()
if child:
    assert os.waitpid(child, 0)[1] == 0
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


class ExitCases(unittest.TestCase):
    def test_it_ends_in_peace(self):
        for name, end in ENDS.items():
            for _ in range(3):
                with self.subTest(name):
                    command = [sys.executable, "-c", PROGRAM + end]
                    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
                    code = 3 if name == "with a code" else 0
                    self.assertEqual((ended.returncode, ended.stderr), (code, ""))
