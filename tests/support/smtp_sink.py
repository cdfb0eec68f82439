# SPDX-License-Identifier: MIT
"""smtp_sink.py DIRECTORY [--certificate FILE --key FILE] [--implicit] [--user NAME --password WORD]

A mail server that keeps what it gets: DIRECTORY/N.json for each mail, as Python's own parser reads it.
DIRECTORY/port appears when it listens on 127.0.0.1. The file DIRECTORY/behaviour says how it behaves."""
import argparse
import asyncio
import email
import email.policy
import json
import os
import ssl
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult


class Sink:
    def __init__(self, directory):
        self.directory = directory
        self.count = 0

    def behaviour(self):
        wish = self.directory / "behaviour"
        return wish.read_text().strip() if wish.exists() else "accept"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.behaviour() == "refuse-recipient" or address.startswith("nobody@"):
            return "550 5.1.1 no such user " + address
        if self.behaviour() == "greylist":
            return "451 4.7.1 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.behaviour() == "busy":
            return "451 4.3.0 busy"
        if self.behaviour() == "refuse-mail":
            return "554 5.7.1 not wanted"
        self.keep(envelope, session)
        if self.behaviour() == "vanish":
            server.transport.abort()
        return "250 OK"

    def keep(self, envelope, session):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        body = message.get_body(("plain",))
        attachments = [{"name": part.get_filename(), "type": part.get_content_type(),
                        "content": part.get_payload(decode=True).decode("utf-8", "replace")}
                       for part in message.iter_attachments()]
        kept = {
            "from": envelope.mail_from,
            "recipients": envelope.rcpt_tos,
            "tls": session.ssl is not None,
            "headers": {name: str(message[name]) for name in message.keys()},
            "names": [box.display_name for box in message["To"].addresses] if message["To"] else [],
            "text": body.get_content().replace("\r\n", "\n"),
            "attachments": attachments,
            "raw": envelope.content.decode("latin-1"),
            "longest_line": max(map(len, envelope.content.split(b"\r\n"))),
        }
        self.count += 1
        part = self.directory / ".part"
        part.write_text(json.dumps(kept))
        part.rename(self.directory / f"{self.count}.json")


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--implicit", action="store_true")
    parser.add_argument("--user")
    parser.add_argument("--password")
    words = parser.parse_args()
    sink = Sink(words.directory)
    context = None
    if words.certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(words.certificate, words.key)

    def is_known(server, session, envelope, mechanism, login):
        good = login.login.decode() == words.user and login.password.decode() == words.password
        return AuthResult(success=good, handled=good)

    def protocol():
        starttls = None if words.implicit else context
        return SMTP(sink, hostname="sink.example.org", tls_context=starttls,
                    require_starttls=starttls is not None,
                    authenticator=is_known if words.user else None, auth_required=bool(words.user),
                    auth_require_tls=starttls is not None)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=context if words.implicit else None)
    part = words.directory / ".port"
    part.write_text(str(server.sockets[0].getsockname()[1]))
    os.rename(part, words.directory / "port")
    await server.serve_forever()


asyncio.run(main())
