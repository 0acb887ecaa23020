"""A private Hydravisor for one test: own configuration, state and daemon in a temporary directory, driven through the real CLI.

    class Run(hydravisor.TestCase):
        def test_exits_with_the_commands_status(self):
            self.assertEqual(self.run_in_sandbox("sh", "-c", "exit 3").returncode, 3)

At the end of each test everything is removed and anything left (process, mount, cgroup, directory) fails it.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest

BUILD = os.environ["HYDRAVISOR_BUILD_DIR"]
SOURCE = os.environ["HYDRAVISOR_SOURCE_DIR"]
BIN = os.path.join(BUILD, "bin")
CLI = os.path.join(BIN, "hydravisor")

sys.path.insert(0, os.path.join(SOURCE, "tests", "fixtures"))


def _exit_on_signal(number, _frame):
    # ctest ends a test that takes too long: leave by the normal way, so that everything is cleaned up.
    sys.exit(128 + number)


signal.signal(signal.SIGTERM, _exit_on_signal)


def skip_or_fail(reason):
    """Skips the calling test; under CI nothing is skipped."""
    if os.environ.get("CI") == "true":
        raise AssertionError(f"CI must run this, but {reason}")
    raise unittest.SkipTest(reason)


def wait_for(condition, seconds=10.0, what="the condition"):
    """The first true value of condition(), asked again and again."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {seconds} s")
        time.sleep(0.02)


def cache_dir():
    if os.environ.get("XDG_CACHE_HOME"):
        return os.path.join(os.environ["XDG_CACHE_HOME"], "hydravisor")
    home = os.environ.get("HOME", "")
    return os.path.join(home, ".cache/hydravisor") if os.path.isdir(home) and home else f"/tmp/hydravisor-cache-{os.getuid()}"


def _remove_tree(path):
    """rm -rf that also enters directories which their owner may not list, as overlay's work directories are."""
    def retry(function, name, _error):
        # Never what the tree itself lies in: that is everybody's.
        for target in ([os.path.dirname(name)] if name != path else []) + [name]:
            with contextlib.suppress(OSError):
                os.chmod(target, stat.S_IRWXU)
        with contextlib.suppress(OSError):
            shutil.rmtree(name, ignore_errors=True) if os.path.isdir(name) and not os.path.islink(name) else os.unlink(name)
    shutil.rmtree(path, onerror=retry)


def _read(path):
    try:
        with open(path, "rb") as file:
            return file.read().decode(errors="replace")
    except OSError:
        return ""


class World:
    """One private installation. `top` holds home/, project/ (the workspace) and the state."""

    def __init__(self, parent=None):
        # Short, since paths of unix sockets end at 108 bytes.
        self.top = os.path.realpath(tempfile.mkdtemp(prefix="hvt-", dir=parent))
        os.chmod(self.top, 0o755)
        self.home = self.directory("home")
        self.project = self.directory("project")
        self.state = self.directory("state")
        self.env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "TERM": "xterm-256color", "HOME": self.home,
                    "USER": "tester", "XDG_CONFIG_HOME": self.directory("config"), "XDG_STATE_HOME": self.state,
                    "XDG_CACHE_HOME": self.directory("cache"), "XDG_RUNTIME_DIR": self.directory("run")}
        os.chmod(self.env["XDG_RUNTIME_DIR"], 0o700)
        self.ids = set()
        self.pids = set()
        self.preexec = None  # run by every command before it begins: other namespaces, another user

    def directory(self, name):
        path = os.path.join(self.top, name)
        os.makedirs(path, exist_ok=True)
        return path

    def write(self, name, content, mode=0o644):
        """A file in the project."""
        path = os.path.join(self.project, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        os.chmod(path, mode)
        return path

    def read(self, name):
        """The host's content of a file in the project, or None."""
        try:
            with open(os.path.join(self.project, name), "rb") as file:
                return file.read().decode()
        except FileNotFoundError:
            return None

    def cli(self, *arguments, input=b"", cwd=None, env=None, timeout=60):
        """The finished CLI command; bytes in and out."""
        result = subprocess.run([CLI, *map(str, arguments)], input=input, capture_output=True, cwd=cwd or self.project,
                                env={**self.env, **(env or {})}, timeout=timeout, check=False, preexec_fn=self.preexec)
        self.note()
        return result

    def start_cli(self, *arguments, env=None, **options):
        """A running CLI command with pipes."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": self.project,
                 "preexec_fn": self.preexec}
        return subprocess.Popen([CLI, *map(str, arguments)], env={**self.env, **(env or {})}, **{**pipes, **options})

    def ok(self, *arguments, **options):
        """The standard output of a command that must succeed."""
        result = self.cli(*arguments, **options)
        if result.returncode != 0:
            raise AssertionError(f"hydravisor {' '.join(map(str, arguments))} exited with {result.returncode}:\n"
                                 f"{result.stdout.decode(errors='replace')}{result.stderr.decode(errors='replace')}")
        return result.stdout.decode(errors="replace")

    def json(self, *arguments, **options):
        return json.loads(self.ok(*arguments, "--json", **options))

    def sandboxes(self):
        """The directories of the sandboxes that exist, by id."""
        with contextlib.suppress(OSError):
            return sorted(os.listdir(os.path.join(self.state, "hydravisor", "sandboxes")))
        return []

    def note(self):
        """Remembers the sandboxes seen, so that leaks() can look for what is left of them."""
        self.ids.update(self.sandboxes())

    def daemon_pid(self):
        return self.json("daemon", "status")["pid"]

    def gateways(self, name):
        """The (keeper, worker) pairs of a running sandbox: the keeper is the supervisor's child, the worker the keeper's."""
        supervisor = self.json("inspect", name)["supervisor_pid"]
        parents = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            if "hydravisor-gateway" in _read(f"/proc/{pid}/cmdline"):
                state, parent = (_read(f"/proc/{pid}/stat") or ") Z 0").rsplit(")", 1)[1].split()[:2]
                if state != "Z":
                    parents[int(pid)] = int(parent)
        return [(keeper, pid) for pid, keeper in parents.items() if parents.get(keeper) == supervisor]

    def stop_daemon(self):
        """Stops it and waits until its process has gone; every sandbox that is still ending is waited for before."""
        wait_for(lambda: all(item["state"] != "stopping" for item in self.json("ls")["items"]), 10, "the end of every sandbox")
        pid = self.daemon_pid()
        self.ok("daemon", "stop")
        wait_for(lambda: not _read(f"/proc/{pid}/cmdline"), 10, "the daemon's end")

    def close(self):
        """Removes every sandbox, stops the daemon and returns what is left behind."""
        self.note()
        for sandbox in self.sandboxes():
            subprocess.run([CLI, "rm", "--force", sandbox], env=self.env, capture_output=True, timeout=60, check=False, preexec_fn=self.preexec)
        # What is ending by itself at this moment goes a little later.
        deadline = time.monotonic() + 5
        while self.sandboxes() and time.monotonic() < deadline:
            time.sleep(0.05)
        left = [f"directory of a sandbox: {sandbox}" for sandbox in self.sandboxes()]
        subprocess.run([CLI, "daemon", "stop"], env=self.env, capture_output=True, timeout=60, check=False, preexec_fn=self.preexec)
        deadline = time.monotonic() + 10
        while self.leaks() and time.monotonic() < deadline:
            time.sleep(0.2)
        left += self.leaks()
        for pid in self.processes():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        _remove_tree(self.top)
        return left

    def processes(self):
        """Processes, other than this one and its parents, that belong to this installation."""
        marks = [self.top, *self.ids]
        own = {os.getpid(), os.getppid()}
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            if int(pid) in own or "\nState:\tZ" in _read(f"/proc/{pid}/status"):
                continue
            texts = [_read(f"/proc/{pid}/{name}") for name in ("cmdline", "environ", "cgroup", "mountinfo")]
            if any(mark in text for mark in marks for text in texts):
                found.append(int(pid))
        return found

    def leaks(self):
        """What this installation has left in the system, as sentences."""
        left = [f"process {pid}: {_read(f'/proc/{pid}/cmdline').replace(chr(0), ' ')[:200]}" for pid in self.processes()]
        left += [f"mount: {line}" for line in _read("/proc/self/mountinfo").splitlines() if self.top in line]
        for folder, names, _ in os.walk("/sys/fs/cgroup"):
            left += [f"cgroup {folder}/{name}" for name in names if any(sandbox in name for sandbox in self.ids)]
        return left


class TestCase(unittest.TestCase):
    """A fresh World for each test, checked for leaks at its end."""

    maxDiff = 4000
    parent = None  # where the World lies; the directory for temporary files when not said

    def setUp(self):
        self.world = World(self.parent)
        self.addCleanup(self._close)

    def _close(self):
        global CLI
        try:
            left = self.world.close()
        finally:
            CLI = os.path.join(BIN, "hydravisor")
        self.assertEqual(left, [], "left behind")

    def use_programs(self, others):
        """From now on the test's programs are copies, those of the directory `others` in the place of their namesakes; returns where."""
        global CLI
        programs = self.world.directory("programs")
        for name in os.listdir(BIN):
            if name.startswith("hydravisor"):
                shutil.copy2(os.path.join(others if os.path.exists(os.path.join(others, name)) else BIN, name), programs)
        CLI = os.path.join(programs, "hydravisor")
        return programs

    def run_in_sandbox(self, *command, options=(), **more):
        """`hydravisor run -- COMMAND`, without a workspace unless the options say otherwise."""
        return self.world.cli("run", *options, "--", *command, **more)

    def assert_refused(self, result, *words, code=125):
        """The command failed with this code, and an error that holds all the words. 2 is a command line that makes no sense."""
        text = result.stderr.decode(errors="replace")
        self.assertEqual(result.returncode, code, text)
        self.assertEqual(result.stdout, b"")
        for word in words:
            self.assertIn(word, text)

    def assert_output(self, result, text, code=0):
        self.assertEqual((result.stdout.decode(errors="replace"), result.returncode), (text, code),
                         result.stderr.decode(errors="replace"))


@contextlib.contextmanager
def server(family, address, answer):
    """A server that answers each connection with `answer`. Yields (its address, the list of what each connection sent)."""
    listener = socket.socket(family)
    listener.bind(address)
    listener.listen()
    received = []

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                with contextlib.suppress(OSError):
                    connection.sendall(answer)
                    connection.shutdown(socket.SHUT_WR)
                    data = b""
                    while chunk := connection.recv(65536):
                        data += chunk
                    received.append(data)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname(), received
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


@contextlib.contextmanager
def loopback_server(answer=b"hello from the host\n"):
    """One on the host's loopback. Yields (port, list of received bytes)."""
    with server(socket.AF_INET, ("127.0.0.1", 0), answer) as (address, received):
        yield address[1], received


def main():
    if not os.path.exists(CLI):
        print(f"{CLI} is not built", file=sys.stderr)
        sys.exit(1)
    unittest.main(verbosity=2)
