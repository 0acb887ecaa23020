"""The daemon's API without the command line: its document, and a connection to its socket."""

import http.client
import json
import os
import socket

import hydravisor

with open(os.path.join(hydravisor.SOURCE, "docs/api/openapi.json"), encoding="utf-8") as document:
    API = json.load(document)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)
