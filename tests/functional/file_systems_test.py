# as: root
# labels: functional
"""File systems over which no copy-on-write view can be laid: refused before anything has happened, with what to do instead."""

import os
import subprocess

import hydravisor
from small_disk import Mounted, SmallDisk


class FileSystems(hydravisor.TestCase):
    def test_that_cannot_lie_below_a_copy(self):
        mount = self.world.directory("remote")
        server = subprocess.Popen(["/usr/bin/python3", os.path.join(hydravisor.SOURCE, "tests/fixtures/null_fuse.py"), mount],
                                  stdout=subprocess.PIPE)
        self.addCleanup(server.wait, 10)
        self.assertEqual(server.stdout.readline(), b"mounted\n")
        self.addCleanup(subprocess.run, ["umount", "--lazy", mount], check=True)
        self.addCleanup(server.stdout.close)
        self.assert_refused(self.run_in_sandbox("true", cwd=mount), f"workspace {mount}: it is on FUSE", "copy-on-write",
                            "start with --workspace live, or work in a copy on a local disk")

    def test_that_cannot_keep_the_changes(self):
        disk = SmallDisk("32m")
        self.addCleanup(disk.close)
        layers = [os.path.join(disk.path, name) for name in ("lower", "upper", "work")]
        for layer in layers:
            os.mkdir(layer)
        container = Mounted("-t", "overlay", "-o", "lowerdir={},upperdir={},workdir={}".format(*layers), "overlay")
        self.addCleanup(container.close)
        state = os.path.join(container.path, "state")
        os.mkdir(state)
        world = hydravisor.World()
        self.addCleanup(lambda: self.assertEqual(world.close(), []))
        world.state = world.env["XDG_STATE_HOME"] = state
        self.assert_refused(world.cli("run", "--", "true"), f"changes would be kept in {state}", "which is on overlay",
                            "set XDG_STATE_HOME to a directory on a local disk, or start with --workspace live")
        # As root the owners of what a sandbox sees are mapped, and an overlay cannot do that.
        self.assert_refused(world.cli("run", "--workspace", "live", "--", "true"), f"map the owners of: {state}",
                            "name a directory on a local disk, for the state by XDG_STATE_HOME")


if __name__ == "__main__":
    hydravisor.main()
