# as: user root
# timeout: 600
"""Ctrl-C and a closed terminal at any moment of `run`: the documented status, and nothing is left but changes that are worth keeping."""

import os
import random
import signal
import subprocess

import hydravisor
from terminal import Terminal

HUNG_UP = 128 + signal.SIGHUP
INTERRUPTED = 128 + signal.SIGINT


class Interrupted(hydravisor.TestCase):
    def moments(self, count, longest=0.03):
        """Delays that are the same in every run of the test."""
        generator = random.Random(20251125)
        return [generator.uniform(0, longest) for _ in range(count)]

    def interrupt(self, delay, *command, options=()):
        """Starts a run in a process group of its own and presses Ctrl-C after `delay`. Returns what a shell would call its status."""
        running = self.world.start_cli("run", *options, "--", *command, start_new_session=True)
        try:
            running.wait(delay)
        except subprocess.TimeoutExpired:
            pass
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGINT)
        _, error = running.communicate(timeout=60)
        self.world.note()
        # Before the handler stands, the signal's own effect: shells show both alike.
        return 128 - running.returncode if running.returncode < 0 else running.returncode, error

    def assert_nothing_is_left(self):
        hydravisor.wait_for(lambda: self.world.json("ls")["items"] == [], 20, "the removal of every sandbox")
        hydravisor.wait_for(lambda: self.world.sandboxes() == [], 20, "the removal of every directory")

    def test_ends_with_130_or_the_commands_status_and_leaves_nothing(self):
        self.world.ok("daemon", "status")
        for number, delay in enumerate(self.moments(60)):
            with self.subTest(delay=delay, number=number):
                if number % 2:
                    status, error = self.interrupt(delay, "sleep", "600")
                    self.assertEqual(status, INTERRUPTED, error)
                else:
                    status, error = self.interrupt(delay, "sh", "-c", "exit 3")
                    self.assertIn(status, (INTERRUPTED, 3), error)
        self.assert_nothing_is_left()
        self.assertEqual(self.world.cli("audit", "verify").returncode, 0)

    def test_while_the_daemon_starts_leaves_one_that_works(self):
        for delay in self.moments(8, 0.06):
            status, error = self.interrupt(delay, "sleep", "600")
            self.assertEqual(status, INTERRUPTED, error)
            self.assertEqual(self.run_in_sandbox("true").returncode, 0)
            self.world.stop_daemon()
        self.assert_nothing_is_left()

    def test_keeps_a_sandbox_with_changes(self):
        running = self.world.start_cli("run", "--name", "kept", "--", "sh", "-c", "echo new > file; echo written; exec sleep 600",
                                       start_new_session=True)
        self.assertEqual(running.stdout.readline(), b"written\n")
        os.killpg(running.pid, signal.SIGINT)
        _, error = running.communicate(timeout=60)
        self.assertEqual(running.returncode, INTERRUPTED, error)
        self.assertIn(b"hydravisor apply kept", error)
        self.assertEqual([item["path"] for item in self.world.json("diff", "kept")["files"]], ["file"])

    def test_by_a_terminal_that_was_closed_leaves_nothing(self):
        self.world.ok("daemon", "status")
        for delay in self.moments(20, 0.06):
            terminal = Terminal([hydravisor.CLI, "run", "--", "sleep", "600"], self.world.env, self.world.project)
            terminal._read(delay)
            terminal.close()
            self.world.note()
            status = terminal.status if terminal.status >= 0 else 128 - terminal.status
            self.assertEqual(status, HUNG_UP, f"after {delay} s")
        self.assert_nothing_is_left()


if __name__ == "__main__":
    hydravisor.main()
