"""A mail server for tests: python3 mailhost.py PORT SPOOL.

It keeps what it accepts in a maildir, and is as moody as mail servers are, by
the name before the @: nobody... is refused for ever (550), full... once (452),
stuck... is accepted the first time, but the answer never comes.
"""
import asyncio
import pathlib
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox


class Host(Mailbox):
    def __init__(self, spool):
        super().__init__(spool / "mail")
        self.spool = spool

    def first_time(self, address):
        seen = self.spool / address
        is_new = not seen.exists()
        seen.touch()
        return is_new

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody"):
            return "550 5.1.1 There is no such mailbox"
        if address.startswith("full") and self.first_time(address):
            return "452 4.2.2 The mailbox is full"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Welcome"

    async def handle_DATA(self, server, session, envelope):
        answer = await super().handle_DATA(server, session, envelope)
        address = envelope.rcpt_tos[0]
        if address.startswith("stuck") and self.first_time(address):
            await asyncio.sleep(3600)
        return answer


if __name__ == "__main__":
    Controller(Host(pathlib.Path(sys.argv[2])), "127.0.0.1", int(sys.argv[1])).start()
    asyncio.new_event_loop().run_forever()
