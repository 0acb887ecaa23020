"""A terminal that a test types into: a program on a pty, and what it has shown so far."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time


class Terminal:
    def __init__(self, arguments, env, cwd, rows=24, columns=80):
        self.shown = b""
        self.status = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            # Here, so that the program never sees another size.
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            except OSError:  # hung up already
                os._exit(129)
            os.chdir(cwd)
            os.execve(arguments[0], arguments, env)

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.fd, text if isinstance(text, bytes) else text.encode())

    def settings(self):
        return termios.tcgetattr(self.fd)

    def _read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return None
        try:
            return os.read(self.fd, 65536)
        except OSError:  # the other side has closed
            return b""

    def expect(self, pattern, seconds=30):
        """Reads until the pattern is shown after what was matched before; returns the match."""
        deadline = time.monotonic() + seconds
        while True:
            match = re.search(pattern if isinstance(pattern, bytes) else pattern.encode(), self.shown)
            if match:
                self.shown = self.shown[match.end():]
                return match
            data = self._read(max(0, deadline - time.monotonic()))
            if not data:
                raise AssertionError(f"{pattern!r} did not appear {'in time' if data is None else 'before the end'}; shown: {self.shown!r}")
            self.shown += data

    def end(self, seconds=30):
        """Waits until the program has ended; returns its exit status."""
        deadline = time.monotonic() + seconds
        while self.status is None and time.monotonic() < deadline:
            data = self._read(0.05)
            if data:
                self.shown += data
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        if self.status is None:
            raise AssertionError(f"the program did not end; shown: {self.shown!r}")
        # What it wrote last.
        while data := self._read(0):
            self.shown += data
        return self.status

    def close(self):
        """Hangs up, as a closed window does."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None
        if self.status is None:
            for number in (signal.SIGHUP, signal.SIGKILL):
                for _ in range(100):
                    pid, status = os.waitpid(self.pid, os.WNOHANG)
                    if pid:
                        self.status = os.waitstatus_to_exitcode(status)
                        return
                    time.sleep(0.02)
                os.kill(self.pid, number)
