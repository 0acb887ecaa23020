# as: user root
# timeout: 300
"""The ledger: what ran is in it, and whoever changes it is found out."""

import json
import os
import shutil

import hydravisor


class Ledger(hydravisor.TestCase):
    def files(self, suffix=""):
        top = os.path.join(self.world.state, "hydravisor", "ledger")
        return sorted(os.path.join(folder, name) for folder, _, names in os.walk(top) for name in names if name.endswith(suffix))

    def flip(self, path, offset):
        with open(path, "r+b") as file:
            file.seek(offset)
            byte = file.read(1)
            file.seek(offset)
            file.write(bytes([byte[0] ^ 1]))

    def copy_ledger(self):
        return shutil.copytree(os.path.join(self.world.state, "hydravisor", "ledger"), os.path.join(self.world.top, "whole"))

    def restore_ledger(self, copy):
        ledger = os.path.join(self.world.state, "hydravisor", "ledger")
        shutil.rmtree(ledger)
        os.rename(copy, ledger)

    def test_names_what_was_executed(self):
        self.run_in_sandbox("sh", "-c", "/bin/echo one-two; /usr/bin/env true", options=["--name", "s", "--keep"])
        events = self.world.ok("audit", "ls", "--sandbox", "s", "--kind", "exec.")
        for words in ("/bin/echo", "one-two", "/usr/bin/env"):
            self.assertIn(words, events)

    def test_tells_a_life_in_order(self):
        self.run_in_sandbox("true", options=["--name", "s", "--keep"])
        self.world.ok("wait", "s")
        self.world.ok("rm", "s")
        kinds = [json.loads(line)["kind"] for line in self.world.ok("audit", "export", "--format", "jsonl").splitlines()]
        life = [kind for kind in kinds if kind.startswith("sandbox.")]
        self.assertGreaterEqual(len(life), 3, kinds)
        self.assertLess(kinds.index(life[0]), len(kinds) - 1)

    def test_records_what_was_denied(self):
        self.run_in_sandbox("unshare", "-U", "true", options=["--name", "s", "--keep"])
        self.assertIn("unshare", self.world.ok("audit", "ls", "--sandbox", "s"))

    def test_records_what_was_applied(self):
        self.run_in_sandbox("sh", "-c", "echo x > file.txt", options=["--name", "s"])
        self.world.ok("apply", "s")
        self.assertIn("apply", self.world.ok("audit", "ls", "--sandbox", "s"))

    def test_verifies(self):
        self.run_in_sandbox("true")
        report = self.world.json("audit", "verify")
        self.assertTrue(report["intact"], report)
        self.assertGreater(report["entries"], 0)

    def test_verifies_what_came_since_the_last_time(self):
        self.run_in_sandbox("true")
        self.assertEqual(self.world.json("audit", "verify", "--since-last")["from"], 0, "the first time all of it")
        whole = self.world.json("audit", "verify")
        self.run_in_sandbox("sh", "-c", "/bin/true; /bin/true")
        since = self.world.json("audit", "verify", "--since-last")
        self.assertEqual((since["intact"], since["from"]), (True, whole["sealed"]), since)
        self.assertGreater(since["entries"], whole["entries"])
        self.assertIn(f"from {since['sealed']} on", self.world.ok("audit", "verify", "--since-last"))
        # Without the daemon too; and what is wrong below is found by looking at all of it.
        self.finished("true")
        offline = self.world.json("audit", "verify", "--offline", "--since-last")
        self.assertTrue(offline["intact"], offline)
        self.assertGreater(offline["from"], whole["sealed"])
        os.truncate(os.path.join(self.world.state, "hydravisor", "ledger", "checkpoint"), 0)
        self.assertEqual(self.world.cli("audit", "verify", "--offline", "--since-last").returncode, 1)

    def finished(self, *command):
        """Runs a command whose sandbox is gone afterwards, then stops the daemon."""
        self.run_in_sandbox(*command)
        hydravisor.wait_for(lambda: self.world.json("ls")["items"] == [], 10, "the removal")
        self.world.stop_daemon()

    def assert_noticed(self, path):
        result = self.world.cli("audit", "verify", timeout=30)
        self.assertEqual(result.returncode, 1, f"the change of {os.path.basename(path)} was not noticed: {result.stderr}")
        self.world.cli("daemon", "stop")
        hydravisor.wait_for(lambda: not self.world.processes(), 10, "the daemon's end")

    def test_does_not_verify_after_one_bit_was_changed(self):
        self.finished("sh", "-c", "/bin/true; /bin/true")
        for path in self.files():
            name = os.path.relpath(path, self.world.state)
            if os.path.getsize(path) > 0 and any(word in name for word in ("tile", "journal", "checkpoint")):
                with self.subTest(path=name):
                    whole = self.copy_ledger()
                    self.flip(path, os.path.getsize(path) // 2)
                    self.assert_noticed(path)
                    self.restore_ledger(whole)
        self.world.ok("audit", "verify")

    def test_does_not_verify_after_its_end_was_cut_off(self):
        self.finished("true")
        whole = self.copy_ledger()
        journal = [path for path in self.files() if "journal" in path and os.path.getsize(path) > 0][0]
        os.truncate(journal, os.path.getsize(journal) // 2)
        result = self.world.cli("audit", "verify", "--json", timeout=30)
        self.assertEqual(result.returncode, 1, result.stderr)
        report = json.loads(result.stdout)
        self.assertFalse(report["intact"])
        self.assertTrue(report["faults"])
        # No daemon starts with it, and the reason is not hidden behind the report.
        self.assertIn("open the ledger", json.loads(result.stderr)["error"]["message"])
        self.assert_refused(self.world.cli("ls", timeout=30), "hydravisor audit verify")
        self.restore_ledger(whole)

    def test_verifies_without_a_daemon(self):
        self.finished("true")
        report = self.world.json("audit", "verify", "--offline")
        self.assertTrue(report["intact"], report)
        self.assertEqual(report["sealed"], report["entries"])
        self.assertEqual(self.world.ok("daemon", "stop"), "not running\n")

    def test_cannot_verify_what_is_not_there(self):
        self.assert_refused(self.world.cli("audit", "verify", "--offline"), "holds no ledger")

    def test_shows_one_event_whole(self):
        self.run_in_sandbox("true")
        self.assertEqual(self.world.json("audit", "show", "0")["index"], 0)

    def test_makes_hostile_names_harmless(self):
        self.run_in_sandbox("sh", "-c", "/bin/echo \"$(printf 'a\\033]52;c;eA==\\007b')\"", options=["--name", "s", "--keep"])
        self.assertNotIn("\033", self.world.ok("audit", "ls", "--sandbox", "s"))


if __name__ == "__main__":
    hydravisor.main()
