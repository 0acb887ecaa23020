"""A witness of transparency logs (c2sp.org/tlog-witness) for tests: small, slow, and of other hands than the ledger's.

Ed25519 is written out after RFC 8032 and the proofs after RFC 9162, so that nothing but Python is needed.
"""

import base64
import contextlib
import hashlib
import http.server
import os
import ssl
import threading
import time

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def _add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _multiply(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result


def _recover_x(y, sign):
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - x2) % P:
        raise ValueError("no such point")
    return P - x if x & 1 != sign else x


def _pack(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _unpack(data):
    value = int.from_bytes(data, "little")
    y = value & ((1 << 255) - 1)
    x = _recover_x(y, value >> 255)
    return x, y, 1, x * y % P


_Y = 4 * pow(5, P - 2, P) % P
_X = _recover_x(_Y, 0)
BASE = (_X, _Y, 1, _X * _Y % P)


def _number(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


class SigningKey:
    def __init__(self, seed):
        digest = hashlib.sha512(seed).digest()
        self.scalar = int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | (1 << 254)
        self.prefix = digest[32:]
        self.public = _pack(_multiply(self.scalar, BASE))

    def sign(self, message):
        nonce = _number(self.prefix, message) % ORDER
        point = _pack(_multiply(nonce, BASE))
        challenge = _number(point, self.public, message) % ORDER
        return point + ((nonce + challenge * self.scalar) % ORDER).to_bytes(32, "little")


def is_signed(public, message, signature):
    challenge = _number(signature[:32], public, message) % ORDER
    left = _multiply(int.from_bytes(signature[32:], "little"), BASE)
    return _pack(left) == _pack(_add(_unpack(signature[:32]), _multiply(challenge, _unpack(public))))


def _node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def is_consistent(old, old_root, new, new_root, proof):
    """RFC 9162, section 2.1.4.2."""
    if old == 0:
        return not proof
    if old == new:
        return not proof and old_root == new_root
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    first, last = old - 1, new - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    from_old = from_new = path[0]
    for step in path[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            from_old, from_new = _node(step, from_old), _node(step, from_new)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            from_new = _node(from_new, step)
        first, last = first >> 1, last >> 1
    return last == 0 and from_old == old_root and from_new == new_root


class Witness(http.server.ThreadingHTTPServer):
    """Serves on loopback from its making to its close(). `trust` maps a log's origin to its verifier keys; `tls` is an SSL context."""

    def __init__(self, name="witness.example", tls=None):
        super().__init__(("127.0.0.1", 0), _Handler)
        if tls is not None:
            # The handshake belongs to the thread of its connection.
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.key = SigningKey(os.urandom(32))
        self.name = name
        self.trust = {}
        self.seen = {}  # origin: (size, root)
        self.answers = []  # the status of each request
        self.lose_answers = 0  # so many cosignatures never arrive
        self.thread = threading.Thread(target=self.serve_forever)
        self.thread.start()

    def close(self):
        self.shutdown()
        self.thread.join()
        self.server_close()

    def url(self):
        return f"http://127.0.0.1:{self.server_port}/some/prefix"

    def _id(self):
        return hashlib.sha256(self.name.encode() + b"\n\x04" + self.key.public).digest()[:4]

    def vkey(self):
        material = base64.b64encode(b"\x04" + self.key.public).decode()
        return f"{self.name}+{self._id().hex()}+{material}"

    def cosign(self, text):
        now = int(time.time())
        signature = self.key.sign(b"cosignature/v1\ntime %d\n" % now + text)
        return f"\u2014 {self.name} {base64.b64encode(self._id() + now.to_bytes(8, 'big') + signature).decode()}\n"

    def add_checkpoint(self, body):
        head, _, note = body.partition(b"\n\n")
        lines = head.decode().split("\n")
        if not lines[0].startswith("old "):
            return 400, ""
        old, proof = int(lines[0][4:]), [base64.b64decode(line) for line in lines[1:]]
        text, _, signatures = note.partition(b"\n\n")
        text += b"\n"
        origin, size, root = text.decode().split("\n")[:3]
        size, root = int(size), base64.b64decode(root)
        if origin not in self.trust:
            return 404, ""
        if not any(self._signed(text, signatures.decode(), key) for key in self.trust[origin]):
            return 403, ""
        if old > size:
            return 400, ""
        seen, seen_root = self.seen.get(origin, (0, b""))
        if old != seen:
            return 409, f"{seen}\n"
        if not is_consistent(seen, seen_root, size, root, proof):
            return 422, ""
        self.seen[origin] = size, root
        return 200, self.cosign(text)

    @staticmethod
    def _signed(text, signatures, vkey):
        name, key_id, material = vkey.split("+", 2)
        public = base64.b64decode(material)[1:]
        for line in signatures.splitlines():
            with contextlib.suppress(ValueError):
                _, signer, encoded = line.split(" ")
                raw = base64.b64decode(encoded)
                if signer == name and raw[:4].hex() == key_id and is_signed(public, text, raw[4:]):
                    return True
        return False


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):  # pylint: disable=invalid-name
        status, answer = 404, ""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/some/prefix/add-checkpoint":
            status, answer = self.server.add_checkpoint(body)
        self.server.answers.append(status)
        if status == 200 and self.server.lose_answers > 0:
            self.server.lose_answers -= 1
            status, answer = 503, "try later"
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer.encode())))
        self.end_headers()
        self.wfile.write(answer.encode())

    def handle(self):
        # Who does not believe the certificate goes away.
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            super().handle()

    def finish(self):
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            super().finish()

    def log_message(self, *_):
        pass
