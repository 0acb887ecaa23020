"""The client of bench/network.py: connects as it is told on standard input, a line each, and answers each line with a list of numbers.

usage: network_client.py HOST CA [PROXY]      PROXY is host:port, or "variables" for what http_proxy says

    reach PORT COUNT           milliseconds of each new connection: connect, one byte there, one byte back
    fetch PORT TLS SIZE        MB/s of one download of so many bytes
    hold PORT COUNT            opens so many connections and keeps them; the number that were answered
    await PORT NUMBER          tries the host "later-NUMBER" of the same domain until it answers; when that was, by the monotonic clock
    ask COUNT                  milliseconds of each question to the name server at 127.0.0.1, over UDP
"""

import base64
import json
import os
import resource
import socket
import ssl
import struct
import sys
import time
import urllib.parse

HOST, CA = sys.argv[1:3]


def find_proxy():
    """((host, port), the header that logs in), or None."""
    if len(sys.argv) < 4:
        return None
    if sys.argv[3] != "variables":
        host, port = sys.argv[3].split(":")
        return (host, int(port)), b""
    url = urllib.parse.urlsplit(os.environ.get("http_proxy") or os.environ["HTTP_PROXY"])
    login = b""
    if url.username is not None:
        secret = f"{urllib.parse.unquote(url.username)}:{urllib.parse.unquote(url.password or '')}".encode()
        login = b"Proxy-Authorization: Basic " + base64.b64encode(secret) + b"\r\n"
    return (url.hostname, url.port), login


PROXY = find_proxy()
# Resolved once: what is measured is the connection.
ADDRESS = PROXY[0] if PROXY else (socket.gethostbyname(HOST), None)


def connect(port):
    made = socket.socket()
    made.settimeout(60)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not PROXY:
        made.connect((ADDRESS[0], port))
        return made
    made.connect(ADDRESS)
    where = f"{HOST}:{port}".encode()
    made.sendall(b"CONNECT " + where + b" HTTP/1.1\r\nHost: " + where + b"\r\n" + PROXY[1] + b"\r\n")
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        # The server does not speak first, so nothing comes behind the head.
        part = made.recv(4096)
        if not part:
            raise OSError(f"the proxy hung up: {head!r}")
        head += part
    if head.split(b" ", 2)[1] != b"200":
        raise OSError(f"the proxy answered {head!r}")
    return made


def reach(port, count):
    times = []
    for _ in range(count):
        begin = time.perf_counter_ns()
        with connect(port) as made:
            made.sendall(b"x\n")
            if made.recv(1) != b"y":
                raise OSError("no answer")
            times.append((time.perf_counter_ns() - begin) / 1e6)
    return times


def fetch(port, tls, size):
    with connect(port) as made:
        if tls:
            made = ssl.create_default_context(cafile=CA).wrap_socket(made, server_hostname=HOST)
        buffer = bytearray(1 << 20)
        made.sendall(b"%d\n" % size)
        begin, got = time.perf_counter_ns(), 0
        while got < size:
            count = made.recv_into(buffer)
            if count == 0:
                raise OSError(f"the download ended after {got} of {size} bytes")
            got += count
        return [size / 1e6 / ((time.perf_counter_ns() - begin) / 1e9)]


KEPT = []


def hold(port, count):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    answered = 0
    for _ in range(count):
        made = connect(port)
        made.sendall(b"x\n")
        answered += made.recv(1) == b"y"
        KEPT.append(made)
    return [answered]


def await_answer(port, number):
    name = f"later-{number}.{HOST}"
    while True:
        try:
            with socket.create_connection((name, port), 10) as made:
                made.sendall(b"x\n")
                if made.recv(1) == b"y":
                    return [time.monotonic_ns() / 1e6]
        except OSError:
            time.sleep(0.0005)


def ask(count):
    query = struct.pack(">HHHHHH", 0x1234, 0x100, 1, 0, 0, 0)
    query += b"".join(bytes([len(label)]) + label.encode() for label in HOST.split(".")) + struct.pack(">BHH", 0, 1, 1)
    times = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(10)
        asking.connect(("127.0.0.1", 53))
        for _ in range(count):
            begin = time.perf_counter_ns()
            asking.send(query)
            answer = asking.recv(512)
            times.append((time.perf_counter_ns() - begin) / 1e6)
            if answer[:2] != query[:2]:
                raise OSError("another answer")
    return times


print("[]", flush=True)
for line in sys.stdin:
    word, *numbers = line.split()
    print(json.dumps({"reach": reach, "fetch": fetch, "hold": hold, "await": await_answer, "ask": ask}[word](*map(int, numbers))), flush=True)
