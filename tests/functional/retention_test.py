# labels: functional slow
# as: root
# timeout: 600
"""audit.keep_payloads and audit.keep in config.toml: the daemon does by itself, and in its own time, what they say.

The daemon is the real one, linked with a wall clock that a file moves (tests/fixtures/moved_clock.cc); it looks once a minute.
"""

import json
import os
import struct
import subprocess

import hydravisor

MOVED = os.path.join(hydravisor.BUILD, "libexec/moved_clock")
MAKE_LEDGER = os.path.join(hydravisor.BUILD, "bin/make_ledger")
HOUR = 3600


class Retention(hydravisor.TestCase):
    def setUp(self):
        super().setUp()
        if not os.path.exists(MAKE_LEDGER):
            hydravisor.skip_or_fail(f"{MAKE_LEDGER} is not built")
        self.clock = os.path.join(self.use_programs(MOVED), "clock")
        self.set_clock(0)

    def set_clock(self, seconds):
        # In place: programs have the file mapped.
        with open(self.clock, "r+b" if os.path.exists(self.clock) else "wb") as file:
            file.write(struct.pack("=q", seconds))

    def own_events(self, kind):
        return self.world.json("audit", "search", "--kind", kind)["records"]

    def journal(self):
        return sorted(os.listdir(os.path.join(self.world.state, "hydravisor", "ledger", "journal")))

    def test_payloads_and_then_records_go_when_they_are_old_enough(self):
        # More than one segment, so that there is a whole one to remove.
        ledger = os.path.join(self.world.state, "hydravisor", "ledger")
        os.makedirs(os.path.dirname(ledger), mode=0o700)
        subprocess.run([MAKE_LEDGER, "--loop", ledger, "170000", "64"], check=True, stdout=subprocess.DEVNULL)
        before = [name for name in self.journal() if name.endswith(".journal")]
        self.assertEqual(len(before), 2, before)
        second = int(before[1].split(".")[0])
        self.world.ok("config", "set", "audit.keep_payloads", "1h")
        self.run_in_sandbox("/bin/echo", "young")
        young = self.world.json("audit", "search", "young", "--kind", "exec.started")["records"][0]["index"]
        self.assertFalse(self.world.json("audit", "show", "0")["redacted"])

        # Nothing is old yet; then everything up to here is.
        self.set_clock(2 * HOUR)
        self.run_in_sandbox("/bin/echo", "younger")
        younger = self.world.json("audit", "search", "younger", "--kind", "exec.started")["records"][0]["index"]
        hydravisor.wait_for(lambda: self.world.json("audit", "show", young)["redacted"], 200, "the payloads' end")
        self.assertTrue(self.world.json("audit", "show", "0")["redacted"])
        self.assertTrue(self.world.json("audit", "show", second)["redacted"])
        self.assertFalse(self.world.json("audit", "show", younger)["redacted"])
        said = self.own_events("ledger.payload_deleted")
        self.assertTrue(said)
        for event in said:
            self.assertEqual((event["principal"], event["payload"]["reason"]), ("system", "older than 1h (audit.keep_payloads in config.toml)"))
        self.assertLess(max(event["payload"]["last"] for event in said), younger)
        self.assertTrue(self.world.json("audit", "search", "younger")["records"])
        self.assertEqual(self.own_events("ledger.pruned"), [])
        self.assertTrue(self.world.json("audit", "verify")["intact"])

        # An edit of the file holds without a restart.
        self.set_clock(10 * HOUR)
        self.world.ok("config", "set", "audit.keep", "5h")
        hydravisor.wait_for(lambda: self.own_events("ledger.pruned"), 200, "the end of the first segment")
        said = self.own_events("ledger.pruned")[0]
        self.assertEqual(said["payload"], {"first": 0, "last": second - 1, "reason": "older than 5h (audit.keep in config.toml)"})
        hydravisor.wait_for(lambda: not [name for name in self.journal() if name.startswith("0" * 20)], 10, "the files' end")
        self.assert_refused(self.world.cli("audit", "show", "0"), "pruned")
        self.assertEqual(self.world.json("audit", "show", second)["index"], second)
        report = self.world.json("audit", "verify")
        self.assertTrue(report["intact"], report)
        self.assertIn(f"entries up to {second - 1} were pruned by system", " ".join(report["notes"]))
        self.run_in_sandbox("/bin/echo", "youngest")
        self.assertTrue(self.world.json("audit", "search", "youngest")["records"])
        self.world.stop_daemon()
        self.assertTrue(json.loads(self.world.ok("audit", "verify", "--offline", "--json"))["intact"])

    def test_the_variables_of_a_command_are_refused_rather_than_ignored(self):
        for key in ("keep", "keep_payloads", "keep_bytes"):
            result = self.world.cli("config", "show", "--effective", env={f"HYDRAVISOR_AUDIT_{key.upper()}": "90d"})
            self.assert_refused(result, "only config.toml", f"audit.{key}")
        self.assert_refused(self.world.cli("run", "--", "true", env={"HYDRAVISOR_AUDIT_KEEP": "90d"}), "only config.toml")


if __name__ == "__main__":
    hydravisor.main()
