"""A small internet of its own, in network namespaces that the test makes as root: a name server, web servers over IPv4 and IPv6 with
certificates of its own authority, and servers that misbehave. Nothing in it touches a real network.

    internet = FakeInternet()
    internet.name("www.good.example", v4=["5.6.0.1"], v6=["2a0b:6::1"])
    internet.web(["www.good.example"], port=443)
    subprocess.run(..., preexec_fn=internet.enter)     # a process of the "host", which has a way into this internet
    internet.close()

Two namespaces: the host's, from which Hydravisor is run, and the internet's, in which every address of 5.6.0.0/16 and 2a0b:6::/48 is
local. Its servers are threads of the test: a socket stays in the namespace in which it was made.
"""

import contextlib
import ctypes
import http.server
import os
import pwd
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

import hydravisor
import run_as
import scripted_model

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNS = 0x20000
_CLONE_NEWNET = 0x40000000
_MS_REC_PRIVATE = 0x4000 | 0x40000
_MS_BIND = 0x1000
_IPV6_FREEBIND = 78

NAME_SERVER = "5.6.255.53"
A, PTR, AAAA, OPT = 1, 12, 28, 41


def _check(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def _ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class Name:
    """What the name server says of one name. `v4` and `v6` are lists of answers, each a list of addresses: the first question gets the
    first answer, the next one the next, and the last is repeated."""

    def __init__(self, v4, v6, delay=0.0, ttl=1):
        self.answers = {A: v4, AAAA: v6}
        self.delay = delay
        self.ttl = ttl
        self.asked = {A: 0, AAAA: 0}

    def next(self, kind):
        answers = self.answers[kind]
        number = min(self.asked[kind], len(answers) - 1)
        self.asked[kind] += 1
        return answers[number] if answers else []


def ordinary_user():
    """The tests' user without rights; skips the calling test where there is none."""
    try:
        return pwd.getpwnam(run_as.TEST_USER)
    except KeyError:
        return hydravisor.skip_or_fail(f"there is no user {run_as.TEST_USER}; tools/prepare-test-machine adds it")


def move_in(world, internet, user=None):
    """Has the world's commands run as processes of the internet's host, and its daemon with them; as `user`, to whom the world is given then."""
    world.preexec = internet.enter
    if not user:
        return
    for folder, _, names in os.walk(world.top):
        for path in [folder, *(os.path.join(folder, name) for name in names)]:
            os.chown(path, user.pw_uid, user.pw_gid)

    def enter():
        internet.enter()
        run_as.become(user)
        os.chdir(world.project)
    world.preexec = enter


def _as_answers(addresses):
    return addresses if addresses and isinstance(addresses[0], list) else [addresses or []]


class FakeInternet:
    def __init__(self):
        mark = f"hvfi{os.getpid() % 100000}"
        self.host_net, self.world_net = f"{mark}h", f"{mark}w"
        self.names = {}
        self.questions = []
        self.requests = []      # (name or None, method, path) of every request that a web server got
        self.greetings = []     # the TLS server names asked for
        self._sockets = []
        self._servers = []
        self._programs = []
        self._closed = False
        self.top = tempfile.mkdtemp(prefix="hvfi-")
        os.chmod(self.top, 0o755)
        try:
            self._make_namespaces()
            self._make_authority()
            self._serve_names()
        except BaseException:
            self.close()
            raise

    # The wires.

    def _make_namespaces(self):
        for name in (self.host_net, self.world_net):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", self.host_net, "link", "add", "out", "type", "veth", "peer", "name", "in", "netns", self.world_net)
        for name, link, v4, v6 in ((self.host_net, "out", "5.5.0.2/24", "2a0b:5::2/64"), (self.world_net, "in", "5.5.0.1/24", "2a0b:5::1/64")):
            _ip("-n", name, "link", "set", link, "up")
            _ip("-n", name, "addr", "add", v4, "dev", link)
            _ip("-n", name, "addr", "add", v6, "dev", link, "nodad")
        _ip("-n", self.host_net, "route", "add", "default", "via", "5.5.0.1")
        _ip("-n", self.host_net, "-6", "route", "add", "default", "via", "2a0b:5::1")
        _ip("-n", self.world_net, "route", "add", "local", "5.6.0.0/16", "dev", "lo")
        _ip("-n", self.world_net, "-6", "route", "add", "local", "2a0b:6::/48", "dev", "lo")
        # What a host's neighbours have, too.
        for address in ("10.0.0.1", "169.254.169.254"):
            _ip("-n", self.world_net, "route", "add", "local", address, "dev", "lo")
        _ip("-n", self.world_net, "-6", "route", "add", "local", "fd00:5::1", "dev", "lo")
        _ip("-n", self.world_net, "addr", "add", "fe80::5:1/64", "dev", "in", "nodad")
        _ip("netns", "exec", self.host_net, "sh", "-c", "echo 0 2147483647 >/proc/sys/net/ipv4/ping_group_range")
        with open(os.path.join(self.top, "resolv.conf"), "w", encoding="utf-8") as file:
            file.write(f"nameserver {NAME_SERVER}\noptions timeout:2 attempts:2\n")
        with open(os.path.join(self.top, "hosts"), "w", encoding="utf-8") as file:
            file.write("127.0.0.1 localhost\n")

    def enter(self):
        """For preexec_fn: the process becomes one of the host, with this internet's name server."""
        with open(f"/run/netns/{self.host_net}", "rb") as net:
            _check(_LIBC.setns(net.fileno(), _CLONE_NEWNET), "setns")
        _check(_LIBC.unshare(_CLONE_NEWNS), "unshare")
        _check(_LIBC.mount(b"none", b"/", None, _MS_REC_PRIVATE, None), "mount")
        for name in ("resolv.conf", "hosts"):
            source, target = os.path.join(self.top, name), os.path.realpath(f"/etc/{name}")
            _check(_LIBC.mount(source.encode(), target.encode(), None, _MS_BIND, None), f"mount {target}")

    def inhabit(self, at_host=False):
        """For preexec_fn: the process becomes one of this internet, a server that is a program; or one of the host."""
        with open(f"/run/netns/{self.host_net if at_host else self.world_net}", "rb") as net:
            _check(_LIBC.setns(net.fileno(), _CLONE_NEWNET), "setns")

    def _within(self, function, at_host=False):
        """What the function returns in the internet, or None. setns(2) moves one thread; this one ends right after."""
        returned = []

        def run():
            with contextlib.suppress(OSError):
                self.inhabit(at_host)
                returned.append(function())
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        return returned[0] if returned else None

    def socket(self, address, port, kind=socket.SOCK_STREAM, at_host=False):
        """A bound socket in the internet, or of the host; a stream one listens."""
        def make():
            bound = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if bound.family == socket.AF_INET6:
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                # An address that is local only by its route has to be taken without asking.
                bound.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
            scope = socket.if_nametoindex("in") if address.startswith("fe80:") else 0
            bound.bind((address, port, 0, scope) if bound.family == socket.AF_INET6 else (address, port))
            if kind == socket.SOCK_STREAM:
                bound.listen(128)
            return bound
        made = self._within(make, at_host)
        if not made:
            raise OSError(f"no socket at {address}:{port} of the fake internet")
        self._sockets.append(made)
        return made

    # Names.

    def name(self, name, v4=None, v6=None, delay=0.0, ttl=1):
        self.names[name] = Name(_as_answers(v4), _as_answers(v6), delay, ttl)

    def _serve_names(self):
        datagrams = self.socket(NAME_SERVER, 53, socket.SOCK_DGRAM)
        streams = self.socket(NAME_SERVER, 53)

        def serve_datagrams():
            with contextlib.suppress(OSError):
                while True:
                    query, client = datagrams.recvfrom(4096)
                    self._spawn(lambda q=query, c=client: datagrams.sendto(self._answer(q, 512), c))

        def serve_stream(connection):
            with connection, contextlib.suppress(OSError, struct.error):
                size, = struct.unpack(">H", connection.recv(2))
                answer = self._answer(connection.recv(size), 65535)
                connection.sendall(struct.pack(">H", len(answer)) + answer)
        self._spawn(serve_datagrams)
        self._accept(streams, serve_stream)

    def _answer(self, query, limit):
        identity, = struct.unpack(">H", query[:2])
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += query[at] + 1
        kind, = struct.unpack(">H", query[at + 1:at + 3])
        question = query[12:at + 5]
        name = ".".join(labels)
        self.questions.append((name, kind))
        known = self.names.get(name)
        records = []
        if known:
            time.sleep(known.delay)
            if kind in known.answers:
                records = [socket.inet_pton(socket.AF_INET if kind == A else socket.AF_INET6, text) for text in known.next(kind)]
        body = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, known.ttl, len(data)) + data for data in records)
        code = 0 if known else 3
        if 12 + len(question) + len(body) > limit:
            return struct.pack(">HHHHHH", identity, 0x8380 | code, 1, 0, 0, 0) + question
        return struct.pack(">HHHHHH", identity, 0x8180 | code, 1, len(records), 0, 0) + question + body

    # Certificates.

    def _make_authority(self):
        self.ca = os.path.join(self.top, "ca.pem")
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                      "/CN=fake authority", "-keyout", "ca.key", "-out", "ca.pem")
        os.chmod(self.ca, 0o644)

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.top, check=True, capture_output=True)

    def certificate_files(self, names):
        """(certificate, key) for these names."""
        stem = os.path.join(self.top, names[0])
        with open(stem + ".ext", "w", encoding="utf-8") as file:
            file.write("subjectAltName=" + ",".join(f"DNS:{name}" for name in names) + "\n")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={names[0]}", "-keyout",
                      stem + ".key", "-out", stem + ".csr")
        self._openssl("x509", "-req", "-in", stem + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "2", "-extfile", stem + ".ext", "-out",
                      stem + ".pem")
        return stem + ".pem", stem + ".key"

    def certificate(self, names):
        """A TLS context with a certificate for these names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.certificate_files(names))
        context.sni_callback = lambda _socket, name, _context: self.greetings.append(name)
        return context

    # Servers.

    @contextlib.contextmanager
    def model(self, name, *commands, log=None):
        """A scripted model behind TLS."""
        listener = self.certificate([name]).wrap_socket(self.socket("5.6.3.1", 443), server_side=True, do_handshake_on_connect=False)
        with scripted_model.running(*commands, log=log, listener=listener):
            yield

    def web(self, names, port=443, addresses=None, tls=None, handler=None):
        """A web server at every address of the names: https on 443, http elsewhere unless told otherwise."""
        internet = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                internet.requests.append((self.headers.get("Host"), self.command, self.path))
                sent = self.body()
                if handler:
                    return handler(self, sent)
                body = f"{self.command} {self.headers.get('Host')} {self.path} {len(sent)}\n".encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                return None

            do_POST = do_PUT = do_GET

            def body(self):
                if self.headers.get("Transfer-Encoding") != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = []
                while size := int(self.rfile.readline(), 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        context = self.certificate(names) if (port == 443 if tls is None else tls) else None
        if addresses is None:
            addresses = [address for name in names for answers in self.names[name].answers.values() for answer in answers for address in answer]
        for address in dict.fromkeys(addresses):
            listener = self.socket(address, port)
            server = Server((address, port), Handler, bind_and_activate=False)
            server.socket.close()
            server.socket = context.wrap_socket(listener, server_side=True, do_handshake_on_connect=False) if context else listener
            self._servers.append(server)
            self._spawn(server.serve_forever)

    def serve(self, address, port, handle, at_host=False):
        """A server that gives each connection to `handle` in a thread of its own."""
        self._accept(self.socket(address, port, at_host=at_host), handle)

    def canary(self, address, ports=(80, 443), datagrams=(), at_host=False):
        """Answers what comes with "canary ADDRESS:" and what came; on port 80 as a web server."""
        mark = f"canary {address}:".encode()

        def serve(connection):
            with connection:
                body = mark + connection.recv(65536)
                head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) if connection.getsockname()[1] == 80 else b""
                connection.sendall(head + body)

        def echo(bound):
            while True:
                data, client = bound.recvfrom(4096)
                if not client:
                    return
                bound.sendto(mark + data, client)
        for port in ports:
            self._accept(self.socket(address, port, at_host=at_host), serve)
        for port in datagrams:
            self._spawn(lambda bound=self.socket(address, port, socket.SOCK_DGRAM): echo(bound))

    def program(self, command, address, port, user=None, seconds=30, **options):
        """A running program of this internet, as `user` or as root, that listens at address and port; close() ends it by SIGTERM."""
        def begin():
            self.inhabit()
            if user:
                os.setgroups([])
                os.setresgid(*[user.pw_gid] * 3)
                os.setresuid(*[user.pw_uid] * 3)
        log = os.path.join(self.top, f"{len(self._programs)}.log")
        with open(log, "wb") as output:
            process = subprocess.Popen(command, preexec_fn=begin, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **options)
        self._programs.append(process)
        deadline = time.monotonic() + seconds
        while not self._within(lambda: socket.create_connection((address, port), 1).close() or True):
            if process.poll() is not None or time.monotonic() > deadline:
                with open(log, encoding="utf-8", errors="replace") as file:
                    raise OSError(f"{command[0]} does not listen at {address}:{port}:\n{file.read()}")
            time.sleep(0.05)
        return process

    def _accept(self, listener, handle):
        def run():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    self._spawn(lambda c=connection: handle(c))
        self._spawn(run)

    def _spawn(self, function):
        def run():
            # A client that goes away in the middle is nothing to speak of, nor is the end of the test.
            with contextlib.suppress(OSError, ValueError, struct.error):
                function()
        threading.Thread(target=run, daemon=True).start()

    def close(self):
        if self._closed:
            return
        self._closed = True
        for program in self._programs:
            program.terminate()
        for program in self._programs:
            try:
                program.wait(10)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()
        for server in self._servers:
            server.shutdown()
        for made in self._sockets:
            with contextlib.suppress(OSError):
                made.shutdown(socket.SHUT_RDWR)
            made.close()
        for name in (self.host_net, self.world_net):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        subprocess.run(["rm", "-rf", self.top], check=False)
