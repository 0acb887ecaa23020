# as: user root
"""The spare supervisor, which lays the groundwork of the next run beforehand: what the host changed since is seen all the same."""

import contextlib
import os
import shutil
import subprocess
import time

import hydravisor


class Spare(hydravisor.TestCase):
    def setUp(self):
        super().setUp()
        self.tools = os.path.join(self.world.home, ".local", "bin")
        self.install("first")
        self.path = {"PATH": f"{self.tools}:{self.world.env['PATH']}"}

    def install(self, word):
        os.makedirs(self.tools, exist_ok=True)
        tool = os.path.join(self.tools, "tool")
        with open(tool, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\necho {word}\n")
        os.chmod(tool, 0o755)

    def run_tool(self):
        return self.run_in_sandbox("tool", env=self.path).stdout.decode().strip()

    def inits(self):
        """The pids of every init below the daemon, those of spares included."""
        supervisors = self.children_of(self.world.daemon_pid())
        return sorted(child for pid in supervisors for child in self.children_of(pid) if b"hydravisor-init" in self.command_of(child))

    @staticmethod
    def command_of(pid):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
        return b""

    @staticmethod
    def children_of(pid):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]
        return []

    def spare(self):
        """Waits for the spare one: its init is there although no sandbox is."""
        hydravisor.wait_for(lambda: not self.world.sandboxes(), 10, "the removal of the last sandbox")
        return hydravisor.wait_for(self.inits, 10, "a spare supervisor")

    def pid_inside(self):
        """The host's pid of the init that a run got."""
        self.world.ok("create", "--name", "one", "--", "sleep", "100")
        self.world.ok("start", "one")
        pid = self.world.json("inspect", "one")["pid"]
        self.world.ok("rm", "--force", "one")
        return pid

    def test_takes_the_next_run_that_is_like_the_last(self):
        self.world.ok("run", "--", "sleep", "0")
        spare = self.spare()
        self.assertIn(self.pid_inside(), spare)

    def test_is_dropped_when_the_next_run_is_of_another_kind(self):
        self.world.ok("run", "--", "sleep", "0")
        spare = self.spare()
        self.world.ok("create", "--policy", "standard", "--name", "other", "--", "sleep", "100")
        self.world.ok("start", "other")
        self.assertNotIn(self.world.json("inspect", "other")["pid"], spare)
        for pid in spare:
            hydravisor.wait_for(lambda pid=pid: not self.command_of(pid), 10, "the end of the spare one")
        self.world.ok("rm", "--force", "other")

    def test_does_not_show_a_directory_that_another_one_replaced(self):
        self.assertEqual(self.run_tool(), "first")
        self.spare()
        os.rename(self.tools, self.tools + ".old")
        self.install("second")
        self.assertEqual(self.run_tool(), "second")

    def test_does_not_show_a_directory_that_was_removed_and_made_again(self):
        """A new one often has the number of the one that has just gone."""
        self.assertEqual(self.run_tool(), "first")
        for number in range(5):
            self.spare()
            shutil.rmtree(self.tools)
            self.install(f"again-{number}")
            self.assertEqual(self.run_tool(), f"again-{number}")

    def test_shows_a_program_that_was_installed_meanwhile(self):
        self.assertEqual(self.run_tool(), "first")
        self.spare()
        self.install("second")
        self.assertEqual(self.run_tool(), "second")

    def test_shows_what_the_host_mounted_meanwhile(self):
        if os.geteuid() != 0:
            return  # only root can mount
        self.assertEqual(self.run_tool(), "first")
        self.spare()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", self.tools], check=True)
        try:
            self.install("mounted")
            self.assertEqual(self.run_tool(), "mounted")
            self.spare()
            # Another file system at the same place, most likely with the same numbers.
            subprocess.run(["umount", self.tools], check=True)
            subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", self.tools], check=True)
            self.install("mounted again")
            self.assertEqual(self.run_tool(), "mounted again")
            self.spare()
        finally:
            subprocess.run(["umount", self.tools], check=True)
        self.assertEqual(self.run_tool(), "first")

    def test_is_not_disturbed_by_mounts_elsewhere(self):
        if os.geteuid() != 0:
            return  # only root can mount
        self.world.ok("run", "--", "sleep", "0")
        spare = self.spare()
        place = self.world.directory("elsewhere")
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], check=True)
        try:
            self.assertIn(self.pid_inside(), spare)
        finally:
            subprocess.run(["umount", place], check=True)

    def test_that_was_killed_is_done_without(self):
        self.world.ok("run", "--", "sleep", "0")
        self.spare()
        for pid in self.children_of(self.world.daemon_pid()):
            os.kill(pid, 9)
        self.assert_output(self.run_in_sandbox("echo", "works"), "works\n")

    def test_goes_with_the_daemon(self):
        self.world.ok("run", "--", "sleep", "0")
        spare = self.spare()
        os.kill(self.world.daemon_pid(), 9)
        for pid in spare:
            hydravisor.wait_for(lambda pid=pid: not self.command_of(pid), 10, "the end of the spare one")

    def test_does_not_see_more_of_the_host_than_others(self):
        for _ in range(2):
            result = self.run_in_sandbox("sh", "-c", "ls /sys /boot /home 2>/dev/null | wc -l; cat /proc/self/mountinfo")
            self.spare()
            lines = result.stdout.decode().splitlines()
            self.assertEqual(lines[0], "0")
            points = [line.split()[4] for line in lines[1:]]
            self.assertEqual(len(points), len(set(points)), "a mount lies over another")
            time.sleep(0.05)


if __name__ == "__main__":
    hydravisor.main()
