# as: user root
# timeout: 300
"""Entries that stand in the journal and that this daemon did not write: of a version that it does not know, or while none ran."""

import hashlib
import json
import os
import signal
import struct

import hydravisor

SALT = b"s" * 16


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


class Appended(hydravisor.TestCase):
    def ledger(self):
        return os.path.join(self.world.state, "hydravisor", "ledger")

    def append(self, envelope, payload):
        """A record behind the journal's last, as docs/ledger-format.md spells it."""
        text, payload = envelope.encode(), payload.encode()
        head = struct.pack("<4I", len(text), len(payload), crc32c(text), crc32c(SALT + payload))
        journal = os.path.join(self.ledger(), "journal")
        last = max(name for name in os.listdir(journal) if name.endswith(".journal"))
        with open(os.path.join(journal, last), "ab") as file:
            file.write(head + struct.pack("<2I", crc32c(head), 0) + text + SALT + payload)

    def finished(self, *command):
        """Runs a command whose sandbox is gone afterwards, stops the daemon, and returns how many entries there are."""
        self.run_in_sandbox(*command)
        hydravisor.wait_for(lambda: self.world.json("ls")["items"] == [], 10, "the removal")
        self.world.stop_daemon()
        report = self.world.json("audit", "verify", "--offline")
        self.assertEqual(report["entries"], report["sealed"])
        return report["entries"]

    def test_an_entry_of_a_later_version_is_kept_shown_as_it_is_and_proven(self):
        place = self.finished("/bin/echo", "needle-one")
        envelope = f'{{"v":2,"index":{place},"happened":{{"what":"needle-one","when":[2027,1,1.50]}}}}'
        self.append(envelope, '{"answer":42}')
        self.append(f'{{"v":3,"index":{place + 1}}}', "\033[2Jnot JSON")
        self.run_in_sandbox("/bin/echo", "needle-two")

        record = self.world.json("audit", "show", place)
        self.assertEqual((record["version"], record["envelope"], record["payload"]), (2, envelope, {"answer": 42}))
        shown = self.world.ok("audit", "show", place)
        self.assertIn(envelope, " ".join(shown.split()))
        self.assertIn("does not know", shown)
        self.assertNotIn("\033", self.world.ok("audit", "show", place + 1))
        listed = [line for line in self.world.ok("audit", "ls").splitlines() if "version 2" in line]
        self.assertEqual(len(listed), 1)
        self.assertIn(envelope, listed[0])

        # Nothing stops at it: what came later is in every list, export and search.
        exported = [json.loads(line) for line in self.world.ok("audit", "export").splitlines()]
        self.assertEqual([line["index"] for line in exported], list(range(len(exported))))
        self.assertEqual([line["index"] for line in exported if "version" in line], [place, place + 1])
        for form in ("csv", "ocsf", "syslog", "journald"):
            target = os.path.join(self.world.top, form)
            self.world.ok("audit", "export", "--format", form, "--to", target)
            with open(target, encoding="utf-8") as file:
                self.assertIn("2027", file.read(), form)
        found = self.world.json("audit", "search", "needle*")["records"]
        self.assertTrue(any("needle-two" in json.dumps(item) for item in found))
        self.assertNotIn(place, [item["index"] for item in found])
        unknown = self.world.json("audit", "search", "--kind", "unknown")["records"]
        self.assertEqual({item["index"] for item in unknown}, {place, place + 1})

        report = self.world.json("audit", "verify")
        self.assertTrue(report["intact"], report)
        self.assertIn(f"entries {place} to {place + 1}: of a version that this program does not know", " ".join(report["notes"]))
        bundle = os.path.join(self.world.top, "all.bundle")
        self.world.ok("audit", "export", "--format", "bundle", "--to", bundle)
        self.assertIn("does not know", self.world.ok("audit", "check", bundle))
        self.world.ok("policy", "simulate", "standard", "--from", bundle)

        # The next daemon, and whoever changes it afterwards.
        self.world.stop_daemon()
        self.assertEqual(self.world.json("audit", "show", place)["envelope"], envelope)
        hydravisor.wait_for(lambda: self.world.json("ls")["items"] == [], 10, "the removal")
        self.world.stop_daemon()
        journal = os.path.join(self.ledger(), "journal", "0" * 20 + ".journal")
        with open(journal, "rb") as file:
            content = file.read()
        with open(journal, "wb") as file:
            file.write(content.replace(b"2027", b"2028"))
        result = self.world.cli("audit", "verify", "--offline")
        self.assertEqual(result.returncode, 1, result.stdout)
        with open(journal, "wb") as file:
            file.write(content)

    def test_what_was_appended_while_nothing_ran_is_named_for_ever(self):
        place = self.finished("/bin/true")
        self.assertEqual(self.world.json("audit", "verify")["notes"], [])
        self.world.stop_daemon()
        # A forger with the right of writing files, and without the key: an entry that has everything a true one has.
        last = self.world.json("audit", "show", place)
        self.world.stop_daemon()
        place = self.world.json("audit", "verify", "--offline")["entries"]
        payload = '{"pid":7,"path":"/bin/rm"}'
        digest = hashlib.sha256(SALT + payload.encode()).hexdigest()
        self.append(f'{{"v":1,"index":{place},"time":"{last["time"]}","monotonic":{last["monotonic_ns"]},"kind":"exec.started",'
                    f'"sandbox":"s0123456789abcdef","principal":"agent:s0123456789abcdef","trust":"observed","risk":"info","origin":null,'
                    f'"payload_sha256":"{digest}","payload_size":{len(payload)}}}', payload)
        self.world.ok("ls")
        forged = self.world.json("audit", "show", place)
        self.assertEqual(forged["payload"]["path"], "/bin/rm")
        found = self.world.json("audit", "search", "--kind", "ledger.recovered")["records"]
        self.assertEqual([(item["index"], item["payload"]["first"], item["payload"]["last"]) for item in found], [(place + 1, place, place)])
        for _ in range(2):
            report = self.world.json("audit", "verify")
            self.assertTrue(report["intact"], report)
            self.assertEqual(len(report["notes"]), 1, report)
            self.assertTrue(report["notes"][0].startswith(f"entry {place}: under no checkpoint when the ledger was opened"), report)
            self.assertIn(f"note: entry {place}: under no checkpoint", self.world.ok("audit", "verify"))
            self.world.stop_daemon()

    def test_a_daemon_that_was_killed_leaves_a_range_and_one_that_ended_none(self):
        self.finished("true")
        self.world.ok("ls")
        self.world.stop_daemon()
        self.assertEqual(self.world.json("audit", "verify")["notes"], [])
        self.run_in_sandbox("true")
        pid = self.world.daemon_pid()
        os.kill(pid, signal.SIGKILL)
        hydravisor.wait_for(lambda: not os.path.exists(f"/proc/{pid}"), 10, "the daemon's end")
        self.world.ok("ls")
        # Unless everything was sealed within the moment before.
        ranges = [item["payload"] for item in self.world.json("audit", "search", "--kind", "ledger.recovered")["records"]]
        notes = self.world.json("audit", "verify")["notes"]
        self.assertEqual(len(notes), len(ranges))
        for item, note in zip(ranges, notes):
            self.assertIn(str(item["last"]), note)

    def test_an_entry_of_no_version_at_all_is_refused(self):
        place = self.finished("true")
        journal = os.path.join(self.ledger(), "journal", "0" * 20 + ".journal")
        with open(journal, "rb") as file:
            content = file.read()
        for envelope in (f'{{"v":2,"index":{place + 5}}}', f'{{"v":2,"index":{place}', f'{{"v":1,"index":{place}}}'):
            with self.subTest(envelope=envelope):
                self.append(envelope, "{}")
                self.assert_refused(self.world.cli("ls"), "hydravisor audit verify")
                with open(journal, "wb") as file:
                    file.write(content)
        self.world.ok("ls")


if __name__ == "__main__":
    hydravisor.main()
