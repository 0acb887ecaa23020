# as: root
# labels: functional
"""A full disk in `run` and in `apply`: a clear error, nothing half-done, and all goes on once there is room."""

import os
import shutil
import signal
import tempfile
import time

import hydravisor
from small_disk import SmallDisk


class State(hydravisor.TestCase):
    """The state lies on the full disk."""

    def setUp(self):
        self.disk = SmallDisk("24m")
        self.addCleanup(self.disk.close)
        self.parent = self.disk.path
        super().setUp()

    def assert_works(self):
        hydravisor.wait_for(lambda: self.world.json("ls")["items"] == [], 20, "the removal of every sandbox")
        self.assert_output(self.run_in_sandbox("echo", "works"), "works\n")
        self.world.ok("audit", "verify")

    def assert_refused_when_full(self, fill, command):
        """What is taken away meanwhile, or a reserve that is given away, makes room, in which a run may well fit."""
        for _ in range(5):
            fill()
            result = command()
            if result.returncode != 0:
                break
            self.world.cli("rm", "--force", "s")
        self.assert_refused(result, "No space left on device")

    def test_refuses_a_run_and_leaves_nothing(self):
        self.assertEqual(self.run_in_sandbox("true").returncode, 0)
        # Its files are removed behind its back, and would make room.
        hydravisor.wait_for(lambda: self.world.sandboxes() == [], 20, "the removal of its files")
        with self.disk.full() as fill:
            for _ in range(3):
                self.assert_refused_when_full(fill, lambda: self.run_in_sandbox("true"))
            self.assert_refused_when_full(fill, lambda: self.world.cli("create", "--name", "s", "--", "true"))
            hydravisor.wait_for(lambda: self.world.json("ls")["items"] == [], 20, "the removal")
        self.assert_works()

    def test_refuses_where_no_daemon_has_been_yet(self):
        with self.disk.full() as fill:
            self.assert_refused_when_full(fill, lambda: self.run_in_sandbox("true"))
        self.assert_works()

    def test_met_inside_is_the_commands_own_failure(self):
        result = self.run_in_sandbox("sh", "-c", "head -c 100000000 /dev/zero > big; echo status $?", options=["--name", "s"])
        self.assertIn(b"No space left on device", result.stderr)
        self.world.ok("rm", "--force", "s")
        self.assert_works()


class Record(hydravisor.TestCase):
    """The state lies on a disk that fills up while sandboxes run: what cannot be recorded does not happen, and what was, stays."""

    def setUp(self):
        self.disk = SmallDisk("48m")
        self.addCleanup(self.disk.close)
        self.parent = self.disk.path
        super().setUp()
        self.world.ok("create", "--name", "s", "--workspace", "none", "--", "sleep", "600")
        self.world.ok("start", "s")
        self.id = self.world.json("inspect", "s")["id"]
        self.world.ok("exec", "s", "--", "/bin/true")

    def events(self):
        return [(event["index"], event["kind"], event["time"]) for event in self.world.json("audit", "ls")["items"]]

    def test_that_the_ledger_cannot_take_is_refused_and_loses_nothing(self):
        before = self.events()
        with self.disk.full() as fill:
            refused = []
            # The last page of the journal has room for some. When the end of a program inside is recorded, a little later than it ends,
            # the supervisor may give its reserve away for it, and that makes room as well, once.
            for _ in range(3):
                fill()
                results = [self.world.cli("rename", self.id, "s" * 60) for _ in range(60)]
                refused = refused or [result for result in results if result.returncode == 125]
            self.assertTrue(refused, "a full disk took everything")
            for result in refused:
                self.assertIn("No space left on device", result.stderr.decode())
            self.assertEqual(self.events()[:len(before)], before)
        self.world.ok("audit", "verify")
        # It stood still if its own record had no room either.
        hydravisor.wait_for(lambda: self.world.json("inspect", self.id)["state"] == "running", 20, "its going on")
        self.assertEqual(self.world.ok("exec", self.id, "--", "echo", "works"), "works\n")
        self.assertEqual(self.events()[:len(before)], before)

    def test_is_exported_whole_or_not_at_all(self):
        target = os.path.join(self.disk.path, "export")
        for form in ("jsonl", "csv", "bundle"):
            self.world.ok("audit", "export", "--format", form, "--to", target)
            os.unlink(target)
            with self.disk.full():
                before = sorted(os.listdir(self.disk.path))
                self.assert_refused(self.world.cli("audit", "export", "--format", form, "--to", target), "No space left on device")
                self.assertEqual(sorted(os.listdir(self.disk.path)), before, form)

    def test_that_the_spool_cannot_take_waits_until_there_is_room(self):
        count = 300
        outside = tempfile.mkdtemp(prefix="hvd-")
        self.addCleanup(shutil.rmtree, outside)
        script = f"while [ ! -e {outside}/go ]; do sleep 0.05; done; for i in $(seq {count}); do /bin/touch {outside}/$i; done; exec sleep 600"
        self.world.ok("create", "--name", "busy", "--workspace", "none", "--write", outside, "--", "sh", "-c", script)
        self.world.ok("start", "busy")

        def done():
            return len(os.listdir(outside)) - 1

        def stands_still():
            before = done()
            time.sleep(1)
            return before == done()
        with self.disk.full():
            with open(os.path.join(outside, "go"), "wb"):
                pass
            hydravisor.wait_for(stands_still, 60, "the sandbox's standing still")
            self.assertLess(done(), count, "programs ran of which there is no record")
        hydravisor.wait_for(lambda: done() == count, 60, "its going on")
        events = self.world.json("audit", "ls", "--sandbox", "busy", "--kind", "exec.started")["items"]
        recorded = {event["payload"]["arguments"][1] for event in events if len(event["payload"]["arguments"]) == 2}
        self.assertEqual({f"{outside}/{i}" for i in range(1, count + 1)} - recorded, set())
        self.world.ok("audit", "verify")

    def test_kills_no_daemon_and_a_new_one_starts_on_it(self):
        before = self.events()
        pid = self.world.daemon_pid()
        with self.disk.full():
            for _ in range(3):
                self.world.cli("create", "--name", "t", "--", "true")
            self.assertEqual(self.world.daemon_pid(), pid)
            os.kill(pid, signal.SIGKILL)
            # Its own first event has no room: it says so, or serves with what room there is.
            result = self.world.cli("ls")
            if result.returncode != 0:
                self.assertIn(b"No space left on device", result.stderr)
        self.assertEqual(self.events()[:len(before)], before)
        self.assertEqual(self.world.ok("exec", "s", "--", "echo", "here"), "here\n")
        self.world.ok("audit", "verify")


class Workspace(hydravisor.TestCase):
    """The project lies on the full disk."""

    def setUp(self):
        self.disk = SmallDisk("16m")
        self.addCleanup(self.disk.close)
        super().setUp()
        self.project = os.path.join(self.disk.path, "project")
        os.mkdir(self.project)
        self.names = [f"file{i}" for i in range(8)]
        self.write("old\n")

    def write(self, text):
        for name in self.names:
            with open(os.path.join(self.project, name), "w", encoding="utf-8") as file:
                file.write(text)

    def contents(self):
        found = {}
        for name in sorted(os.listdir(self.project)):
            with open(os.path.join(self.project, name), encoding="utf-8") as file:
                found[name] = file.read(4)
        return found

    def test_takes_nothing_of_an_apply_or_all(self):
        script = 'for f in file*; do head -c 1000000 /dev/zero | tr "\\0" n > $f; done; echo more > extra'
        result = self.run_in_sandbox("sh", "-c", script, options=["--name", "s"], cwd=self.project)
        self.assertEqual(result.returncode, 0, result.stderr)
        before = self.contents()
        # Room for some of the files, not for all.
        with open(os.path.join(self.disk.path, "other"), "wb") as file:
            file.write(b"x" * 11_000_000)
        for _ in range(2):
            self.assert_refused(self.world.cli("apply", "s"), "No space left on device")
            self.assertEqual(self.contents(), before)
        os.unlink(os.path.join(self.disk.path, "other"))
        self.world.ok("apply", "s")
        self.assertEqual(self.contents(), {"extra": "more", **{name: "nnnn" for name in self.names}})
        self.world.ok("undo", "s")
        self.assertEqual(self.contents(), before)


if __name__ == "__main__":
    hydravisor.main()
