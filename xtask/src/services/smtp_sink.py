"""A mail server for tests: it takes every mail and keeps it as a file.

usage: smtp_sink.py PORT FOLDER

To `reject@…` it answers 550, to `later@…` 451 the first time each, to everybody else 250. What it takes is written to
FOLDER/RECIPIENT/NUMBER.eml, as it came.
"""

import asyncio
import itertools
import os
import pathlib
import sys

from aiosmtpd.smtp import SMTP


class Sink:
    def __init__(self, folder):
        self.folder = folder
        self.numbers = itertools.count(1)
        self.seen = set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.partition("@")[0]
        if name == "reject":
            return "550 5.1.1 nobody has this address"
        if name == "later" and address not in self.seen:
            self.seen.add(address)
            return "451 4.7.1 come again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        for address in envelope.rcpt_tos:
            folder = self.folder / address.replace("/", "_")
            folder.mkdir(parents=True, exist_ok=True)
            number = next(self.numbers)
            part = folder / f"{number}.part"
            part.write_bytes(envelope.original_content)
            os.rename(part, folder / f"{number}.eml")
        return "250 OK"


async def main(port, folder):
    sink = Sink(pathlib.Path(folder))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(sink, enable_SMTPUTF8=True), "127.0.0.1", port)
    await server.serve_forever()


asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
