# as: user root
"""The wall clock is set forward and back by years while sandboxes run: none ends sooner or later for it, and the ledger stays whole.

Daemon and supervisor are the real ones, linked with a wall clock that a file moves (tests/fixtures/moved_clock.cc).
"""

import os
import struct
import time

import hydravisor

MOVED = os.path.join(hydravisor.BUILD, "libexec/moved_clock")
YEARS = 10 * 365 * 86400


class Clock(hydravisor.TestCase):
    def setUp(self):
        super().setUp()
        programs = self.use_programs(MOVED)
        self.clock = os.path.join(programs, "clock")
        self.set_clock(0)

    def set_clock(self, seconds):
        # In place: programs have the file mapped.
        with open(self.clock, "r+b" if os.path.exists(self.clock) else "wb") as file:
            file.write(struct.pack("=q", seconds))

    def start(self, name, *options):
        self.world.ok("create", "--name", name, *options, "--", "sleep", "600")
        began = time.monotonic()
        self.world.ok("start", name)
        return began

    def year_of_last_event(self):
        return int(self.world.json("audit", "ls")["items"][-1]["time"][:4])

    def assert_ends_in_time(self, name, began, seconds):
        self.assertEqual(self.world.cli("wait", name).returncode, 143)
        took = time.monotonic() - began
        self.assertGreaterEqual(took, seconds)
        self.assertLess(took, seconds + 20)
        self.assertEqual(self.world.json("inspect", name)["outcome"]["kind"], "out_of_time")

    def test_set_forward_ends_nothing(self):
        began = self.start("short", "--wall", "5s")
        self.start("long", "--wall", "1h", "--idle", "1h")
        this_year = self.year_of_last_event()
        self.set_clock(YEARS)
        self.world.ok("exec", "long", "--", "true")
        self.assertGreaterEqual(self.year_of_last_event(), this_year + 9, "daemon and supervisor believe the new time")
        self.assert_ends_in_time("short", began, 5)
        self.assertEqual(self.world.json("inspect", "long")["state"], "running")

    def test_set_back_prolongs_nothing(self):
        began = self.start("short", "--wall", "5s")
        this_year = self.year_of_last_event()
        self.set_clock(-YEARS)
        self.world.ok("exec", "short", "--", "true")
        self.assertLessEqual(self.year_of_last_event(), this_year - 9)
        self.assert_ends_in_time("short", began, 5)

    def test_idle_time_is_the_machines_running_time_too(self):
        for seconds in (YEARS, -YEARS):
            self.set_clock(0)
            began = self.start(f"idle{seconds}", "--idle", "3s")
            self.set_clock(seconds)
            self.assertEqual(self.world.cli("wait", f"idle{seconds}").returncode, 143)
            self.assertGreaterEqual(time.monotonic() - began, 3)
            self.assertEqual(self.world.json("inspect", f"idle{seconds}")["outcome"]["kind"], "idle")

    def test_set_at_will_leaves_the_ledger_whole_and_changes_found(self):
        for seconds in (YEARS, -YEARS, 0):
            self.set_clock(seconds)
            result = self.run_in_sandbox("sh", "-c", "echo x > $0", f"file{seconds}", options=["--name", f"s{seconds}".replace("-", "m")])
            self.assertEqual(result.returncode, 0, result.stderr)
            self.world.ok("ls")
            self.world.stop_daemon()
        self.world.ok("audit", "verify")
        for seconds in (YEARS, -YEARS, 0):
            name = f"s{seconds}".replace("-", "m")
            self.world.ok("apply", name)
            self.assertEqual(self.world.read(f"file{seconds}"), "x\n")
            self.world.ok("rm", name)


if __name__ == "__main__":
    hydravisor.main()
