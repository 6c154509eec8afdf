"""The HTTP interface of ClickHouse before its engine, as far as a client of migrations needs it; for tests alone.

    bridge.py CONFIG    the lines of CONFIG: the port, the directory of the packages, the data and their settings

Statements, settings, errors and their codes are the engine's own; what is imitated is what a server adds: headers and
status, who may come in, the names of queries, sessions, and that a request has one statement.
"""

import os
import re
import signal
import socketserver
import sys
import threading
import time
import uuid
from base64 import b64decode
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl, urlsplit

PORT, PACKAGES, DATA = open(sys.argv[1]).read().splitlines()
sys.path.insert(0, PACKAGES)

import chdb  # noqa: E402

# Name to password, and to what holds for whoever comes in. From `narrow` migrations of the ledger of `narrowed` are hidden.
USERS = {"default": ("", {}), "reader": ("secret", {"readonly": "1"}),
         "narrow": ("", {"additional_table_filters": "{'narrowed.dunlin_event': 'empty(id)'}"})}

# Parameters of the URL that are no settings.
OWN = {"query", "database", "user", "password", "query_id", "session_id", "session_timeout", "session_check",
       "wait_end_of_query", "buffer_size", "compress", "decompress", "default_format", "quota_key", "stacktrace",
       "cancel_http_readonly_queries_on_client_close", "http_headers_progress_interval_ms"}

STATUS = {
    403: {192, 193, 497, 516},
    401: {194},
    400: {6, 7, 10, 19, 25, 26, 27, 36, 38, 41, 42, 43, 44, 53, 61, 62, 63, 70, 71, 72, 117, 130, 131, 441, 457},
    404: {8, 16, 46, 47, 50, 52, 56, 60, 81, 115},
    408: {159},
    413: {223},
    501: {48},
}

READS = re.compile(r"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*(SELECT|WITH|SHOW|DESC|EXISTS|EXPLAIN)\b", re.I | re.S)
LOCK = re.compile(r"(?:^|&)query_id=dunlin-lock")
NAMED = re.compile(r"\bquery_id\b")
INTERNAL = re.compile(r"\bKILL\s+QUERY\b|\bsystem\.processes\b", re.I)

guard = threading.Lock()
running = set()
sessions = {}
first = chdb.connect(DATA)  # the engine goes on for as long as one connection does


class Refused(Exception):
    """What the engine would not say itself."""


def quote(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


class Session:
    def __init__(self):
        self.connection = chdb.connect(DATA)
        self.busy = False


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "bridge"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.answer({"readonly": "1"})

    def do_POST(self):
        self.answer({})

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        whole = b""
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            whole += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return whole

    def answer(self, settings):
        url = urlsplit(self.path)
        if LOCK.search(url.query):
            return self.hold(dict(parse_qsl(url.query)))
        body = self.body()
        if url.path == "/ping":
            return self.reply(200, b"Ok.\n", {})
        values = dict(parse_qsl(url.query, keep_blank_values=True))
        self.id = values.get("query_id") or str(uuid.uuid4())
        self.started = False
        try:
            settings = {**self.user(values), **settings}
            statement = values.get("query", "").encode()
            statement += (b"\n" if statement and body else b"") + body
            self.run(statement, values, settings)
        except BrokenPipeError:
            self.close_connection = True
        except Exception as error:  # whatever it is, the client is to see it
            self.fail(str(error))

    def hold(self, values):
        """An INSERT whose body does not end: its query runs until it does, or the client is gone."""
        self.id, self.started, ended = values["query_id"], False, threading.Event()
        whole = self.rfile.read(int(self.rfile.readline(), 16)).decode()
        comment = re.search(r"/\*.*?\*/", whole)[0]

        def rest():
            try:
                self.rfile.readline()
                self.body()
            except (OSError, ValueError):
                self.close_connection = True
            ended.set()

        with guard:
            refused = self.id in running
            running.add(self.id)
        if refused:
            return self.fail(f"Code: 216. DB::Exception: Query with id = {self.id} is already running."
                             " (QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING)")
        threading.Thread(target=rest, daemon=True).start()
        connection = chdb.connect(DATA)
        text = f"/*id:{self.id}*/SELECT sleepEachRow(0.01) {comment} FROM system.numbers SETTINGS max_block_size = 1"
        try:
            with connection.send_query(text, "TabSeparated") as result:
                for _ in result:
                    if ended.is_set():
                        break
        finally:
            connection.close()
            with guard:
                running.discard(self.id)
        if not self.close_connection:
            self.reply(200, b"", {})

    def user(self, values):
        name, password = values.get("user", "default"), values.get("password", "")
        scheme, _, coded = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            name, _, password = b64decode(coded).decode().partition(":")
        name = self.headers.get("X-ClickHouse-User", name)
        password = self.headers.get("X-ClickHouse-Key", password)
        if name not in USERS or USERS[name][0] != password:
            raise Refused(f"Code: 516. DB::Exception: {name}: Authentication failed: password is incorrect, or there is"
                          " no user with such name. (AUTHENTICATION_FAILED)")
        return USERS[name][1]

    def run(self, statement, values, settings):
        with guard:
            if self.id in running:
                raise Refused(f"Code: 216. DB::Exception: Query with id = {self.id} is already running."
                              " (QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING)")
            session = self.session(values)
            running.add(self.id)
        connection = session.connection if session else chdb.connect(DATA)
        try:
            self.execute(connection, statement, values, settings)
        finally:
            with guard:
                running.discard(self.id)
                if session:
                    session.busy = False
            if not session:
                connection.close()

    def session(self, values):
        name = values.get("session_id")
        if not name:
            return None
        if name not in sessions:
            if values.get("session_check") == "1":
                raise Refused("Code: 372. DB::Exception: Session not found. (SESSION_NOT_FOUND)")
            sessions[name] = Session()
        session = sessions[name]
        if session.busy:
            raise Refused("Code: 373. DB::Exception: Session is locked by a concurrent client. (SESSION_IS_LOCKED)")
        session.busy = True
        return session

    def execute(self, connection, statement, values, settings):
        for name, value in values.items():
            if name not in OWN:
                connection.query(f"SET {name} = {quote(value)}")
        if values.get("database"):
            connection.query("USE `" + values["database"].replace("\\", "\\\\").replace("`", "\\`") + "`")
        text = statement.decode("utf-8", "surrogateescape")
        # The engine takes many statements at once, a server does not; its own parser knows.
        connection.query(f"SELECT formatQuery({quote(text)})")
        for name, value in settings.items():
            connection.query(f"SET {name} = {quote(value)}")
        if INTERNAL.search(text):
            # The engine names its queries by itself: ours is found in the comment before it.
            text = NAMED.sub("extract(query, '^/\\\\*id:(.*?)\\\\*/')", text)
        text = f"/*id:{self.id}*/{text}"
        form = values.get("default_format") or self.headers.get("X-ClickHouse-Format") or "TabSeparated"
        if READS.match(text) and values.get("wait_end_of_query") != "1":
            return self.stream(connection, text, form)
        result = connection.query(text, form)
        self.reply(200, bytes(result.bytes() or b""), {"X-ClickHouse-Format": form})

    def stream(self, connection, text, form):
        with connection.send_query(text, form) as result:
            for piece in result:
                if not self.started:
                    self.begin(200, {"X-ClickHouse-Format": form, "Transfer-Encoding": "chunked"})
                self.piece(bytes(piece.bytes() or b""))
        if not self.started:
            return self.reply(200, b"", {"X-ClickHouse-Format": form})
        self.wfile.write(b"0\r\n\r\n")

    def piece(self, data):
        if data:
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()

    def fail(self, message):
        at = message.find("Code: ")
        text = (message[max(at, 0):].rstrip() + " (version 26.9.2.1)\n").encode("utf-8", "surrogateescape")
        code = int((re.match(rb"Code: (\d+)", text) or [0, b"1001"])[1])
        if self.started:  # too late for a status
            self.piece(text)
            self.wfile.write(b"0\r\n\r\n")
            return
        status = next((status for status, codes in STATUS.items() if code in codes), 500)
        # Said as well as done: a client that does not know would send its next request into a connection that ends.
        self.reply(status, text, {"X-ClickHouse-Exception-Code": str(code), "Connection": "close"})

    def begin(self, status, headers):
        self.started = True
        self.send_response(status)
        own = {"X-ClickHouse-Server-Display-Name": "bridge", "X-ClickHouse-Timezone": "UTC",
               "Content-Type": "text/tab-separated-values; charset=UTF-8"}
        if hasattr(self, "id"):
            own |= {"X-ClickHouse-Query-Id": self.id, "X-ClickHouse-Summary": '{"read_rows":"0","written_rows":"0"}'}
        for name, value in {**own, **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def reply(self, status, body, headers):
        self.begin(status, {**headers, "Content-Length": str(len(body))})
        self.wfile.write(body)


def watch():
    """Ends with its directory: the engine works elsewhere while it starts, and who looks for it then finds nothing."""
    while os.path.exists(sys.argv[1]):
        time.sleep(1)
    os._exit(0)


class Server(socketserver.ThreadingMixIn, HTTPServer):
    daemon_threads = True
    request_queue_size = 64


for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):  # the engine has its own ideas of these
    signal.signal(number, signal.SIG_DFL)
threading.Thread(target=watch, daemon=True).start()
Server(("127.0.0.1", int(PORT)), Handler).serve_forever()
