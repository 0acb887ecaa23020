"""Debian in a virtual machine: systemd, its own kernel, nothing of this machine's. Made once and kept in the cache, with its memory as it
was when it had booted; each test gets a copy of that moment, which takes a second and needs no network.

    with virtual_machine.resume("bookworm") as guest:
        guest.send("package.deb", "/root/")
        guest.ok("dpkg -i /root/package.deb")
        guest.ok("id -un", user="ada")
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import hydravisor

MAKE_DISK = os.path.join(hydravisor.SOURCE, "tests/vm/make_disk")
QEMU = "qemu-system-x86_64"
PATIENCE = 600
# What a boot starts late is done then, and ada's own manager is there.
SETTLE = """
    systemctl is-system-running --wait
    systemctl is-active user@$(id -u ada)
    runuser -u ada -- env XDG_RUNTIME_DIR=/run/user/$(id -u ada) systemctl --user is-system-running --wait
    sync
    echo 3 >/proc/sys/vm/drop_caches
"""


def hardware(accel):
    """What the kept memory was of; only files, ports and sockets are told to QEMU besides."""
    return ["-machine", "q35", "-accel", "tcg,thread=multi" if accel == "tcg" else accel, "-cpu", "max" if accel == "tcg" else "host",
            "-m", "1024", "-smp", "2", "-nodefaults", "-display", "none", "-no-reboot",
            "-append", "root=/dev/vda rw console=ttyS0 quiet systemd.show_status=0",
            "-device", "virtio-rng-pci", "-device", "virtio-net-pci,netdev=net"]


def missing():
    """Why there can be none here, or None."""
    for program in (QEMU, "qemu-img", "mmdebstrap", "mkfs.ext4", "ssh"):
        if shutil.which(program) is None:
            return f"{program} is not installed; tools/install-deps --test does that"
    return None


def accelerator():
    """Hardware's help where it can really be had: a device that is there may still not work, so a machine is tried."""
    if os.access("/dev/kvm", os.R_OK | os.W_OK):
        # Asks for a processor of the kind used below; without one QEMU ends with a status at once.
        tried = subprocess.run([QEMU, "-accel", "kvm", "-cpu", "host,enforce", "-machine", "q35", "-nodefaults", "-display", "none", "-S",
                                "-monitor", "stdio"], input=b"quit\n", capture_output=True, timeout=30, check=False)
        if tried.returncode == 0:
            return "kvm"
    return "tcg"


class Guest:
    """A running machine. It is reached by ssh through a port of this machine's loopback, and itself reaches nothing."""

    def __init__(self, directory, drive, accel, incoming=None):
        self.key = os.path.join(directory, "key")
        self.work = tempfile.mkdtemp(prefix="hvm-")
        self.console = os.path.join(self.work, "console")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        monitor = os.path.join(self.work, "qmp")
        # With whoever started it, however that ended.
        command = ["setpriv", "--pdeathsig", "KILL", QEMU, *hardware(accel),
                   "-kernel", os.path.join(directory, "vmlinuz"), "-initrd", os.path.join(directory, "initrd"),
                   "-drive", f"if=virtio,format=qcow2,cache=unsafe,file={drive}",
                   "-netdev", f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{self.port}-:22",
                   "-serial", f"file:{self.console}", "-qmp", f"unix:{monitor},server=on,wait=off"]
        if incoming:
            command += ["-incoming", f"exec:cat {incoming}"]
        self.errors = open(os.path.join(self.work, "errors"), "w+b")  # closed by close()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.errors, stderr=self.errors)
        try:
            self.monitor = hydravisor.wait_for(lambda: self.connected(monitor), 60, "QEMU's monitor")
            self.lines = self.monitor.makefile("rw", encoding="utf-8")
            self.lines.readline()
            self.command("qmp_capabilities")
            if incoming:
                hydravisor.wait_for(lambda: self.command("query-status")["status"] != "inmigrate", PATIENCE, "the machine's memory")
                self.command("cont")
            hydravisor.wait_for(self.answers, PATIENCE, "sshd in the virtual machine")
        except BaseException as error:
            error.args = (f"{error}\n{self.diagnosis()}",)
            self.close()
            raise

    def connected(self, path):
        """A connection to the monitor, or None while it does not listen yet."""
        if self.process.poll() is not None:
            raise AssertionError("QEMU has ended")
        monitor = socket.socket(socket.AF_UNIX)
        try:
            monitor.connect(path)
        except OSError:
            monitor.close()
            return None
        monitor.settimeout(PATIENCE)
        return monitor

    def command(self, name, **arguments):
        """Asks QEMU; events in between are skipped."""
        self.lines.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self.lines.flush()
        while True:
            answer = json.loads(self.lines.readline())
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise AssertionError(f"{name}: {answer['error']['desc']}")

    def diagnosis(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")[-2000:] + hydravisor._read(self.console)[-4000:]

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError("QEMU has ended")
        # A slow machine may take the connection and not answer yet.
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.run("true", timeout=60).returncode == 0
        return False

    def _ssh(self, program, *arguments):
        return [program, "-q", "-F", "none", "-i", self.key, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                "-o", "ConnectTimeout=10", "-o", "BatchMode=yes", *arguments]

    def run(self, script, user="root", timeout=120, input=b""):
        """The finished shell script, run after a login of `user`."""
        return subprocess.run([*self._ssh("ssh", "-p", str(self.port)), f"{user}@127.0.0.1", script], input=input, capture_output=True,
                              timeout=timeout, check=False)

    def ok(self, script, **options):
        """Its output; it must succeed."""
        result = self.run("set -e\n" + script, **options)
        if result.returncode != 0:
            raise AssertionError(f"in the virtual machine: exit {result.returncode} of\n{script}\n{result.stdout.decode(errors='replace')[-4000:]}"
                                 f"{result.stderr.decode(errors='replace')[-4000:]}")
        return result.stdout.decode(errors="replace")

    def send(self, *paths, to="/root/"):
        subprocess.run([*self._ssh("scp", "-P", str(self.port)), "-r", *paths, f"root@127.0.0.1:{to}"], check=True, capture_output=True, timeout=120)

    def close(self):
        for name in ("lines", "monitor"):
            with contextlib.suppress(AttributeError, OSError):
                getattr(self, name).close()
        self.process.kill()
        self.process.wait()
        self.errors.close()
        shutil.rmtree(self.work)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _overlay(drive, backing):
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", backing, "-F", "raw" if backing.endswith("/disk") else "qcow2", drive],
                   check=True, capture_output=True)


def _boot_and_save(directory, accel):
    """Boots the new disk, lets it settle, and keeps memory and disk as they then are."""
    drive = os.path.join(directory, "settled")
    _overlay(drive, os.path.join(directory, "disk"))
    with Guest(directory, drive, accel) as guest:
        guest.ok(SETTLE, timeout=PATIENCE)
        guest.command("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
        guest.command("stop")
        guest.command("migrate", uri=f"exec:cat >{os.path.join(directory, 'memory')}")

        def done():
            status = guest.command("query-migrate")
            if status.get("status") == "failed":
                raise AssertionError(f"keeping the machine's memory failed: {status}")
            return status.get("status") == "completed"
        hydravisor.wait_for(done, PATIENCE, "the machine's memory on the disk")


def prepare(suite):
    """The directory of a machine that has booted, made if it is not in the cache."""
    accel = accelerator()
    with open(MAKE_DISK, "rb") as file:
        made_of = hashlib.sha256(file.read())
    made_of.update(subprocess.run([QEMU, "--version"], check=True, capture_output=True).stdout)
    made_of.update(json.dumps([SETTLE, hardware(accel)]).encode())
    cache = os.path.join(hydravisor.cache_dir(), "vm")
    os.makedirs(cache, exist_ok=True)
    directory = os.path.join(cache, f"{suite}-{made_of.hexdigest()[:16]}")
    with open(os.path.join(cache, f"{suite}.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(directory):
            for name in os.listdir(cache):
                if name.startswith(f"{suite}-"):
                    shutil.rmtree(os.path.join(cache, name))
            # One that was being made goes with the others.
            part = os.path.join(cache, f"{suite}-part")
            os.makedirs(part)
            subprocess.run([MAKE_DISK, suite, part], check=True)
            _boot_and_save(part, accel)
            os.rename(part, directory)
            # The name of the disk below stands in the one above it.
            subprocess.run(["qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "raw", "-b", os.path.join(directory, "disk"),
                            os.path.join(directory, "settled")], check=True, capture_output=True)
    return directory, accel


@contextlib.contextmanager
def resume(suite):
    """A machine as it was after its boot; what happens to it is forgotten."""
    directory, accel = prepare(suite)
    work = tempfile.mkdtemp(prefix="hvd-")
    try:
        drive = os.path.join(work, "drive")
        _overlay(drive, os.path.join(directory, "settled"))
        with Guest(directory, drive, accel, os.path.join(directory, "memory")) as guest:
            # It believes that it is still the moment at which its memory was kept.
            guest.ok(f"date -s @{int(time.time())}")
            yield guest
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    # tools/fetch-test-packages: what needs a network is done before the tests.
    if missing() is None:
        for wanted in sys.argv[1:]:
            prepare(wanted)
