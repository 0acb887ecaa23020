# as: user root
"""A policy's hours: a start outside is refused with the next time, and what runs is warned and ended when they are over.

Daemon and supervisor are the real ones, linked with a wall clock that a file moves (tests/fixtures/moved_clock.cc).
"""

import datetime
import os
import struct
import time

import hydravisor

MOVED = os.path.join(hydravisor.BUILD, "libexec/moved_clock")
UTC = datetime.timezone.utc


class Hours(hydravisor.TestCase):
    def setUp(self):
        super().setUp()
        programs = self.use_programs(MOVED)
        self.clock = os.path.join(programs, "clock")
        # A Wednesday morning, far from any change of clocks.
        self.set_clock(2026, 11, 25, 9, 0)

    def set_clock(self, *when):
        seconds = int(datetime.datetime(*when, tzinfo=UTC).timestamp() - time.time())
        # In place: programs have the file mapped.
        with open(self.clock, "r+b" if os.path.exists(self.clock) else "wb") as file:
            file.write(struct.pack("=q", seconds))

    def policy(self, text):
        path = os.path.join(self.world.directory("config/hydravisor/policies"), "office.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write('version = 1\nextends = ["restricted"]\n[time]\nzone = "UTC"\n' + text)

    def office(self):
        self.policy('hours = ["mon-fri 08:00-18:00"]\n')

    def run_office(self, script, *options, **more):
        return self.run_in_sandbox("sh", "-c", script, options=["--policy", "office", *options], **more)

    def test_a_start_outside_is_refused_with_the_next_one(self):
        self.office()
        self.assert_output(self.run_office("echo in"), "in\n")
        self.set_clock(2026, 11, 27, 18, 0, 5)
        self.assert_refused(self.run_office("echo in"), "office", "office.toml:5", "Fri 2026-11-27 18:00", "may start again Mon 2026-11-30 08:00")
        asked = self.world.cli("policy", "check", "office", "start", "now")
        self.assertEqual(asked.returncode, 1)
        self.assertIn(b"Mon 2026-11-30 08:00", asked.stdout)
        self.assertEqual(self.world.cli("policy", "check", "office", "start", "2026-11-30T08:00").returncode, 0)

    def test_after_its_last_day_nothing_starts(self):
        self.policy('not_after = "2026-11-25"\n')
        self.assert_output(self.run_office("echo in"), "in\n")
        self.set_clock(2026, 11, 26, 0, 1)
        self.assert_refused(self.run_office("echo in"), "may not start any more", "office.toml:5")

    def test_an_unknown_zone_stops_the_start(self):
        self.policy('hours = ["00:00-24:00"]\n')
        path = os.path.join(self.world.directory("config/hydravisor/policies"), "office.toml")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace('"UTC"', '"Nowhere/Land"'))
        self.assert_refused(self.run_office("echo in"), "no time zone 'Nowhere/Land'")

    def test_the_end_of_the_hours_warns_and_ends_a_run_also_after_an_extension(self):
        self.office()
        self.set_clock(2026, 11, 25, 17, 59, 50)
        begun = time.monotonic()
        result = self.run_office("sleep 60", "--name", "late", "--keep", "--wall", "1h")
        self.assertLess(time.monotonic() - begun, 40)
        self.assertEqual(result.returncode, 143, result)
        self.assertIn(b"the time that policy 'office' allows", result.stderr)
        self.assertIn(b"is ended in", result.stderr)
        self.assertNotIn(b"hydravisor extend", result.stderr)
        outcome = self.world.json("inspect", "late")["outcome"]
        self.assertEqual(outcome["kind"], "out_of_time", outcome)
        reached = self.world.json("audit", "ls", "--sandbox", "late", "--kind", "sandbox.limit_reached")["items"]
        self.assertEqual([each["payload"]["limit"] for each in reached], ["window"])
        self.assert_refused(self.world.cli("start", "late"), "may start again Thu 2026-11-26 08:00")

    def test_a_clock_that_is_set_forward_ends_it_and_one_that_is_set_back_gives_nothing(self):
        self.office()
        for name in ("forward", "frozen"):
            self.world.ok("create", "--name", name, "--policy", "office", "--", "sleep", "300")
            self.world.ok("start", name)
        self.world.ok("pause", "frozen")
        self.set_clock(2026, 11, 25, 6, 0)
        # Outside by the new clock, but its end was an instant: it goes on.
        self.assertEqual(self.world.json("inspect", "forward")["state"], "running")
        self.set_clock(2026, 11, 25, 18, 30)
        for name in ("forward", "frozen"):
            hydravisor.wait_for(lambda: self.world.json("inspect", name)["state"] == "stopped", 60, "the end of its hours")
            outcome = self.world.json("inspect", name)["outcome"]
            self.assertEqual(outcome["kind"], "killed_by_policy", outcome)
            self.assertIn("the time that policy 'office' allows", outcome["detail"])


if __name__ == "__main__":
    hydravisor.main()
