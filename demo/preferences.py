#!/usr/bin/env python3
"""The smallest real preference page: a link, some boxes, a button.

It knows two functions of persona's, preferences() and apply_preferences(), and
its role may execute these and nothing else:

    CREATE ROLE web LOGIN;
    GRANT EXECUTE ON FUNCTION persona.preferences(text),
        persona.apply_preferences(text, jsonb) TO web;
    PGUSER=web PGDATABASE=shop demo/preferences.py 8080

A link is /preferences/TOKEN, with the token from preference_token(). GET shows
what stands and changes nothing, for mail scanners follow links; POST saves.
The same address takes the one-click POST of RFC 8058, so that it may stand in
a message's List-Unsubscribe. The database is found by the usual PGHOST and
so on. Before it goes public put it behind your web server, with TLS.
"""
import html
import json
import sys
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2
import psycopg2.errors

MOST = 65536  # bytes of a form

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Your preferences</title>
<h1>Your preferences</h1>
%s
"""

FORM = """%s
<form method="post">
%s
<p><button>Save</button>
</form>
<form method="post">
<input type="hidden" name="everything" value="off">
<p><button>Stop everything</button>
</form>
"""

HEADINGS = {"purpose": "What we may write about",
            "category": "What we may use for it"}


def ask(sql, *arguments, readonly=False):
    """The rows of one statement, which is a transaction of its own."""
    connection = psycopg2.connect("")
    try:
        connection.set_session(readonly=readonly)
        with connection, connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            return cursor.fetchall()
    finally:
        connection.close()


def boxes(token):
    return ask("SELECT kind, name, label, description, allowed"
               " FROM persona.preferences(%s)", token, readonly=True)


def save(token, wishes):
    ask("SELECT persona.apply_preferences(%s, %s)", token, json.dumps(wishes))


def wished(token, form):
    """What a form says: a browser sends the ticked boxes only."""
    if form.get("List-Unsubscribe") == ["One-Click"] or "everything" in form:
        return {"everything": False}
    wishes = {}
    for kind, name, *_ in boxes(token):
        wishes.setdefault(kind, {})[name] = name in form.get(kind, [])
    return wishes


def box(kind, name, label, description, allowed):
    return ('<p><label><input type="checkbox" name="%s" value="%s"%s> %s</label>%s'
            % (html.escape(kind), html.escape(name),
               " checked" if allowed else "", html.escape(label),
               "<br>" + html.escape(description) if description else ""))


def form(token, note=""):
    lines = []
    for kind, heading in HEADINGS.items():
        rows = [row for row in boxes(token) if row[0] == kind]
        if rows:
            lines += ["<h2>%s</h2>" % heading] + [box(*row) for row in rows]
    return FORM % (note, "\n".join(lines))


class Handler(BaseHTTPRequestHandler):
    def token(self):
        """The token of the address; anything else is no valid one either."""
        path = urllib.parse.urlsplit(self.path).path
        return path[len("/preferences/"):] if path.startswith("/preferences/") else ""

    def answer(self, status, body):
        page = (PAGE % body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        # The address is the key: it is neither kept nor told to anybody.
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Robots-Tag", "noindex")
        self.send_header("Content-Security-Policy",
                         "default-src 'none'; form-action 'self'; frame-ancestors 'none'")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page)

    def respond(self, work):
        try:
            self.answer(200, work(self.token()))
        except psycopg2.errors.InvalidAuthorizationSpecification:
            self.answer(404, "<p>This link is not valid. Ask for a new one.")
        except psycopg2.Error as error:
            sys.stderr.write("preferences: SQLSTATE %s\n" % error.pgcode)
            self.answer(503, "<p>This does not work just now. Please try again later.")

    def do_GET(self):
        self.respond(form)

    do_HEAD = do_GET

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > MOST:
            self.close_connection = True
            self.answer(413, "<p>That is no form of ours.")
            return
        said = urllib.parse.parse_qs(self.rfile.read(int(length)).decode("ascii", "replace"))

        def work(token):
            save(token, wished(token, said))
            return form(token, '<p id="saved"><b>Saved.</b>')
        self.respond(work)

    def log_message(self, *_):
        """Nothing: a log of addresses would be a log of keys."""


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8080
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    print("http://127.0.0.1:%d/preferences/TOKEN" % server.server_port, flush=True)
    server.serve_forever()
