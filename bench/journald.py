#!/usr/bin/python3
"""The ledger's peer: systemd-journald with Forward Secure Sealing, run privately in mounts of its own, given the same records.

usage: bench/journald.py [records]          as root; nothing of the machine's own journal is touched
"""

import glob
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

SETTINGS = """[Journal]
Storage=persistent
Seal=yes
RateLimitIntervalSec=0
RateLimitBurst=0
ForwardToSyslog=no
ReadKMsg=no
Audit=no
"""
JOURNALD = "/usr/lib/systemd/systemd-journald"


def ground(top):
    """Mounts over what it would use, so that it and journalctl see only this."""
    def mount(*words):
        subprocess.run(["mount", *words], check=True)

    mount("--make-rprivate", "/")
    mount("-t", "tmpfs", "none", "/run")
    os.makedirs(os.path.join(top, "log"))
    with open(os.path.join(top, "id"), "w", encoding="ascii") as file:
        file.write("0123456789abcdef0123456789abcdef\n")
    mount("--bind", os.path.join(top, "id"), "/etc/machine-id")
    mount("--bind", os.path.join(top, "log"), "/var/log")
    for directory in ("/run/systemd/journal", "/run/systemd/journald.conf.d", "/var/log/journal/0123456789abcdef0123456789abcdef"):
        os.makedirs(directory)
    with open("/run/systemd/journald.conf.d/bench.conf", "w", encoding="ascii") as file:
        file.write(SETTINGS)
    # It writes to memory until somebody says that the disk is there.
    open("/run/systemd/journal/flushed", "w", encoding="ascii").close()
    subprocess.run(["journalctl", "--setup-keys", "--interval=15min"], check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=300)


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def record(number):
    fields = {"MESSAGE": "exec.started", "SANDBOX": "s0123456789abcdef", "PRINCIPAL": "agent:s0123456789abcdef", "TRUST": "claimed",
              "RISK": "info", "PROCESS": number % 30000, "PARENT": 4242, "PROGRAM": "/usr/bin/true", "ARGUMENTS": "true -q",
              "DIRECTORY": "/home/u/projects/shop"}
    return "".join(f"{name}={value}\n" for name, value in fields.items()).encode()


def measure(records):
    daemon = subprocess.Popen([JOURNALD], stderr=subprocess.DEVNULL)
    try:
        path = "/run/systemd/journal/socket"
        for _ in range(100):
            if os.path.exists(path):
                break
            time.sleep(0.1)
        sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sender.connect(path)
        before, began = processor_seconds(daemon.pid), time.monotonic()
        for number in range(records):
            sender.send(record(number))
        seen = None
        while seen != processor_seconds(daemon.pid):
            seen, took = processor_seconds(daemon.pid), time.monotonic() - began
            time.sleep(0.2)
        journal = glob.glob("/var/log/journal/*/system.journal")[0]
        header = subprocess.run(["journalctl", "--header", "--file", journal], check=True, capture_output=True, text=True).stdout
        kept = int(re.search(r"Entry objects: (\d+)", header)[1])
        sealed = "SEALED" in header
    finally:
        daemon.terminate()
        daemon.wait(timeout=30)
    print(f"\n{records} records given to systemd-journald, {'sealed' if sealed else 'NOT SEALED'}: {kept} kept, {kept / took:.0f} a second by the"
          f" clock, {(seen - before) / kept * 1e6:.2f} microseconds of its CPU and {os.path.getsize(journal) / kept:.0f} bytes each")


def main():
    if len(sys.argv) > 2 and sys.argv[1] == "--inside":
        ground(sys.argv[2])
        measure(int(sys.argv[3]))
        return
    if os.getuid() != 0 or not os.path.exists(JOURNALD):
        sys.exit("bench/journald.py needs root and systemd-journald")
    with tempfile.TemporaryDirectory(prefix="hv-bench-journald-") as top:
        subprocess.run(["unshare", "-m", sys.executable, os.path.abspath(__file__), "--inside", top,
                        sys.argv[1] if len(sys.argv) > 1 else "100000"], check=True)


if __name__ == "__main__":
    main()
