"""A mail server for tests: it takes every mail and keeps it as a file.

usage: smtp_sink.py PORT FOLDER

To `reject@…` it answers 550, to `later@…` 451 the first time each, to everybody else 250. What it takes is written to
FOLDER/RECIPIENT/NUMBER.eml, as it came.

Where there is an openssl, it speaks TLS on another port besides, with a certificate that it makes and signs itself:
FOLDER/tls/url and FOLDER/tls/certificate.pem.
"""

import asyncio
import itertools
import os
import pathlib
import shutil
import ssl
import subprocess
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


def identity(folder):
    """A certificate for this machine that nobody else has signed, with its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-days", "7", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command += ["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


async def main(port, folder):
    sink = Sink(pathlib.Path(folder))
    loop = asyncio.get_running_loop()
    protocol = lambda: SMTP(sink, enable_SMTPUTF8=True)
    if shutil.which("openssl"):
        tls = sink.folder / "tls"
        tls.mkdir()
        secure = await loop.create_server(protocol, "127.0.0.1", 0, ssl=identity(tls))
        (tls / "url").write_text(f"smtps://localhost:{secure.sockets[0].getsockname()[1]}")
    server = await loop.create_server(protocol, "127.0.0.1", port)
    await server.serve_forever()


asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
