"""The servers of bench/network.py, as small as Python's can be, each a process of its own.

usage: network_server.py ADDRESS CERTIFICATE KEY

    ANSWER_PORT   a byte for what comes, on any number of connections at once
    PLAIN_PORT    reads how many bytes are wanted, and sends them
    443           the same over TLS
    53, UDP       every datagram back
"""

import os
import resource
import select
import signal
import socket
import ssl
import sys

ANSWER_PORT, PLAIN_PORT = 5001, 5002
CHUNK = memoryview(bytes(1 << 20))


def listen(port):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((sys.argv[1], port))
    listener.listen(1024)
    return listener


def answer(listener):
    epoll, clients = select.epoll(), {}
    epoll.register(listener, select.EPOLLIN)
    while True:
        for number, _ in epoll.poll():
            if number == listener.fileno():
                client, _ = listener.accept()
                clients[client.fileno()] = client
                epoll.register(client, select.EPOLLIN)
                continue
            try:
                if clients[number].recv(64):
                    clients[number].send(b"y")
                    continue
            except OSError:
                pass
            epoll.unregister(number)
            clients.pop(number).close()


def supply(listener, context):
    while True:
        client, _ = listener.accept()
        try:
            with client:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if context:
                    client = context.wrap_socket(client, server_side=True)
                with client:
                    left = int(client.recv(64))
                    while left > 0:
                        part = CHUNK[:left]
                        client.sendall(part)
                        left -= len(part)
                    # Who closes first may cut off what a proxy still holds.
                    client.recv(1)
        except (OSError, ValueError) as error:
            # One that only looks whether somebody listens.
            print(error, file=sys.stderr, flush=True)


def echo(bound):
    while True:
        data, client = bound.recvfrom(512)
        bound.sendto(data, client)


def main():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*sys.argv[2:4])
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.bind((sys.argv[1], 53))
    jobs = [(supply, listen(443), context), (answer, listen(ANSWER_PORT)), (echo, bound), (supply, listen(PLAIN_PORT), None)]
    children = []
    for job, *arguments in jobs:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            job(*arguments)
        children.append(pid)

    def end(*_):
        for child in children:
            os.kill(child, signal.SIGKILL)
        sys.exit(0)
    signal.signal(signal.SIGTERM, end)
    signal.pause()


if __name__ == "__main__":
    main()
