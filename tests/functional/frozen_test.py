# as: user root
"""What cannot be recorded does not happen: a sandbox whose record cannot be kept is frozen, says why, and goes on when it can.

Daemon and supervisor are the real ones, linked with writes that a file fails (tests/fixtures/failing_disk.cc).
"""

import errno
import os
import struct
import time

import hydravisor

FAILING = os.path.join(hydravisor.BUILD, "libexec/failing_disk")


class Frozen(hydravisor.TestCase):
    def setUp(self):
        super().setUp()
        programs = self.use_programs(FAILING)
        self.disk = os.path.join(programs, "disk")
        self.fail_disk()
        self.world.ok("create", "--name", "s", "--workspace", "none", "--write", self.world.directory("out"), "--", "sh", "-c",
                      f"i=0; while :; do i=$((i+1)); /bin/touch {self.world.top}/out/$i; sleep 0.05; done")
        self.world.ok("start", "s")
        self.id = self.world.json("inspect", "s")["id"]
        hydravisor.wait_for(lambda: self.done() > 3, 20, "the sandbox's work")

    def _close(self):
        self.fail_disk()
        super()._close()

    def fail_disk(self, journal=0, spool=0):
        # In place: programs have the file mapped.
        with open(self.disk, "r+b" if os.path.exists(self.disk) else "wb") as file:
            file.write(struct.pack("=qq", journal, spool))

    def done(self):
        return len(os.listdir(os.path.join(self.world.top, "out")))

    def inspect(self):
        return self.world.json("inspect", "s")

    def stands_still(self):
        before = self.done()
        time.sleep(0.7)
        return before == self.done()

    def kinds(self):
        return [event["kind"] for event in self.world.json("audit", "ls", "--sandbox", self.id)["items"]]

    def assert_all_recorded(self):
        """Every file that is there was made by a program that the ledger knows."""
        seen = set(os.listdir(os.path.join(self.world.top, "out")))
        def recorded():
            events = self.world.json("audit", "ls", "--sandbox", self.id, "--kind", "exec.started", "--limit", "10000")["items"]
            return {os.path.basename(event["payload"]["arguments"][-1]) for event in events}
        hydravisor.wait_for(lambda: not seen - recorded(), 20, "the record of everything that happened")

    def assert_freezes_and_thaws(self, text, **failing):
        self.fail_disk(**failing)
        hydravisor.wait_for(lambda: self.inspect().get("frozen"), 20, "its being frozen")
        self.assertIn(text, self.inspect()["frozen"])
        hydravisor.wait_for(self.stands_still, 20, "its standing still")
        self.assertIn("(frozen)", self.world.ok("ls"))
        self.assertIn(text, self.world.ok("inspect", "s"))
        before = self.done()
        self.fail_disk()
        hydravisor.wait_for(lambda: self.done() > before + 3, 20, "its going on")
        hydravisor.wait_for(lambda: "frozen" not in self.inspect(), 20, "its not being frozen any more")
        self.assertEqual(self.inspect()["state"], "running")
        kinds = self.kinds()
        self.assertEqual(kinds.count("sandbox.frozen"), 1)
        self.assertEqual(kinds.count("sandbox.thawed"), 1)
        self.assertLess(kinds.index("sandbox.frozen"), kinds.index("sandbox.thawed"))
        self.assert_all_recorded()
        self.world.ok("audit", "verify")

    def test_for_a_journal_on_a_full_disk(self):
        self.assert_freezes_and_thaws("No space left on device", journal=errno.ENOSPC)

    def test_for_a_journal_that_cannot_be_written(self):
        self.assert_freezes_and_thaws("Input/output error", journal=errno.EIO)

    def test_for_a_spool_on_a_full_disk(self):
        self.assert_freezes_and_thaws("No space left on device", spool=errno.ENOSPC)

    def test_for_a_spool_that_cannot_be_written(self):
        self.assert_freezes_and_thaws("Input/output error", spool=errno.EIO)

    def test_cannot_be_resumed_by_hand_and_outlives_the_daemon(self):
        self.fail_disk(journal=errno.ENOSPC)
        hydravisor.wait_for(lambda: self.inspect().get("frozen"), 20, "its being frozen")
        if self.inspect()["state"] == "paused":
            self.assert_refused(self.world.cli("resume", "s"), "is frozen", "No space left on device")
            self.assert_refused(self.world.cli("exec", "s", "--", "true"), "is frozen", "No space left on device", "it goes on by itself")
        os.kill(self.world.daemon_pid(), 9)
        # The next daemon cannot record its own start: it is not served until the disk is well.
        hydravisor.wait_for(self.stands_still, 20, "its standing still")
        before = self.done()
        self.fail_disk()
        self.world.ok("ls")
        hydravisor.wait_for(lambda: self.done() > before + 3, 20, "its going on")
        self.assertNotIn("frozen", self.inspect())
        self.assert_all_recorded()
        self.world.ok("audit", "verify")

    def forge(self, bytes_):
        with open(os.path.join(self.world.state, "hydravisor", "sandboxes", self.id, "spool"), "ab") as file:
            file.write(bytes_)

    def assert_damaged(self):
        hydravisor.wait_for(lambda: self.inspect().get("frozen") or self.inspect()["state"] == "stopped", 20, "its being frozen")
        hydravisor.wait_for(self.stands_still, 20, "its standing still")
        events = self.world.json("audit", "ls", "--sandbox", self.id, "--kind", "sandbox.frozen")["items"]
        self.assertEqual(len(events), 1)
        self.assertTrue(events[0]["payload"]["damaged"])
        self.assertEqual(events[0]["risk"], "high")
        if self.inspect()["state"] == "paused":
            self.assert_refused(self.world.cli("resume", "s"), "is frozen", "hydravisor stop s")
        self.world.ok("rm", "--force", "s")
        self.assertEqual(self.kinds().count("sandbox.frozen"), 1)
        self.world.ok("audit", "verify")

    def test_for_bytes_in_its_spool_that_are_no_record(self):
        self.forge(b"\xff" * 300)
        self.assert_damaged()

    def test_for_a_forged_record_with_a_number_far_ahead(self):
        payload = b'{"kind":"sandbox.limit_reached","payload":{}}'
        self.forge(struct.pack("<I4sQQQB", 29 + len(payload), b"Hsp1", 1 << 60, 1, 1, 5) + payload)
        self.assert_damaged()
        self.assertNotIn("sandbox.limit_reached", self.kinds())


if __name__ == "__main__":
    hydravisor.main()
