# as: root
# labels: functional
"""A full disk in `run` and in `apply`: a clear error, nothing half-done, and all goes on once there is room."""

import os

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

    def test_refuses_a_run_and_leaves_nothing(self):
        self.assertEqual(self.run_in_sandbox("true").returncode, 0)
        # Its files are removed behind its back, and would make room.
        hydravisor.wait_for(lambda: self.world.sandboxes() == [], 20, "the removal of its files")
        with self.disk.full():
            for _ in range(3):
                self.assert_refused(self.run_in_sandbox("true"), "No space left on device")
            self.assert_refused(self.world.cli("create", "--name", "s", "--", "true"), "No space left on device")
            hydravisor.wait_for(lambda: self.world.json("ls")["items"] == [], 20, "the removal")
        self.assert_works()

    def test_refuses_where_no_daemon_has_been_yet(self):
        with self.disk.full():
            self.assert_refused(self.run_in_sandbox("true"), "No space left on device")
        self.assert_works()

    def test_met_inside_is_the_commands_own_failure(self):
        result = self.run_in_sandbox("sh", "-c", "head -c 100000000 /dev/zero > big; echo status $?", options=["--name", "s"])
        self.assertIn(b"No space left on device", result.stderr)
        self.world.ok("rm", "--force", "s")
        self.assert_works()


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
