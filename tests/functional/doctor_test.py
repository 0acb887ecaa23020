# as: root
"""`hydravisor doctor` on machines that lack something: what is missing, what it costs, and the fix, which is then done word for word where it can be
done without another kernel, a restart or the internet; and the check turns good.
"""

import errno
import json
import os
import subprocess

import fake_internet
import hydravisor
import jsonschema
import lacking
from small_disk import Mounted

NETLINK_NETFILTER = 12


class Doctor(hydravisor.TestCase):
    def checks(self, code=0):
        result = self.world.cli("doctor", "--json")
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        report = json.loads(result.stdout)
        self.assertEqual(report["usable"], code == 0)
        return {check["id"]: check for check in report["checks"]}

    def lacks(self, name, *words, code=0, status="degraded"):
        """The check is not good, and says so; its fix."""
        check = self.checks(code)[name]
        self.assertEqual(check["status"], status, check)
        for word in words:
            self.assertIn(word, check["detail"])
        self.assertTrue(check.get("fix"), check)
        shown = self.world.cli("doctor").stdout.decode()
        self.assertIn(f"fix: {check['fix']}\n", shown)
        return check["fix"]

    def assert_good(self, *names):
        checks = self.checks()
        for name in names:
            self.assertEqual(checks[name]["status"], "ok", checks[name])
            self.assertFalse(checks[name].get("fix"))


class OnAnyMachine(Doctor):
    def test_answers_as_its_schema_says_with_nothing_to_mend_where_nothing_is_wrong(self):
        with open(os.path.join(hydravisor.SOURCE, "docs/api/openapi.json"), encoding="utf-8") as file:
            api = json.load(file)
        report = self.world.json("doctor")
        jsonschema.Draft202012Validator({"$ref": "#/components/schemas/DoctorReport", "components": api["components"]}).validate(report)
        for check in report["checks"]:
            self.assertTrue(check["status"] == "ok" or check.get("fix"), check)

    def test_leaves_nothing_behind(self):
        self.world.ok("doctor")
        self.assertEqual(os.listdir(os.path.join(self.world.state, "hydravisor/sandboxes")), [])


class InAPlace(Doctor):
    user = None

    def setUp(self):
        super().setUp()
        self.place = lacking.Place(self.world, self.user)
        self.afterwards = []

    def _close(self):
        # A run that has ended is removed a moment later, by the daemon of this place; nobody else may.
        hydravisor.wait_for(lambda: not self.world.json("ls")["items"], 10, "the end of every sandbox")
        self.world.stop_daemon()
        self.place.close()
        super()._close()
        for task in self.afterwards:
            task()


class WithoutAPartOfTheKernel(InAPlace):
    def test_packet_rules_are_missed_and_a_start_with_a_way_out_is_refused(self):
        self.place.refuse(errno.EPROTONOSUPPORT, "socket", 2, NETLINK_NETFILTER)
        fix = self.lacks("packet-rules", "no nftables", "--network none")
        self.assertIn("modprobe -a nf_tables", fix)
        self.assert_refused(self.run_in_sandbox("true", options=["--allow", "example.org"]), "no nftables", "modprobe -a nf_tables", "--network none")
        self.assert_output(self.run_in_sandbox("echo", "inside", options=["--network", "none"]), "inside\n")

    def test_landlock_that_is_switched_off_is_named_with_the_boot_parameter(self):
        self.place.refuse(errno.EOPNOTSUPP, "landlock_create_ruleset")
        fix = self.lacks("landlock", "switched off", "one layer less", status="missing")
        self.assertIn("lsm=landlock,", fix)
        self.assert_output(self.run_in_sandbox("echo", "inside"), "inside\n")

    def test_landlock_that_is_not_there_is_named(self):
        self.place.refuse(errno.ENOSYS, "landlock_create_ruleset")
        self.assertIn("CONFIG_SECURITY_LANDLOCK", self.lacks("landlock", "has no Landlock", status="missing"))

    def test_memory_that_may_not_be_read_is_named_with_what_it_costs(self):
        self.place.refuse(errno.EPERM, "process_vm_readv")
        self.lacks("memory-of-processes", "without its arguments")
        self.assert_output(self.run_in_sandbox("echo", "inside"), "inside\n")

    def test_an_old_kernel_is_no_place_for_sandboxes(self):
        result = subprocess.run(["setarch", "--uname-2.6", hydravisor.CLI, "doctor"], env=self.world.env, cwd=self.world.project,
                                capture_output=True, timeout=60, check=False)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertRegex(result.stdout.decode(), r"missing +kernel: Linux 2\.6\.")
        self.assertIn("fix: install Linux 5.19 or later", result.stdout.decode())


class WithTheRootOfAnother(Doctor):
    def test_user_namespace_says_that_its_ids_are_too_few(self):
        for arguments, code in ((["doctor"], 1), (["run", "--", "true"], 125)):
            result = subprocess.run(["unshare", "--user", "--map-root-user", hydravisor.CLI, *arguments], env=self.world.env, cwd=self.world.project,
                                    capture_output=True, timeout=60, check=False)
            self.assertEqual(result.returncode, code, result.stderr)
        report = subprocess.run(["unshare", "--user", "--map-root-user", hydravisor.CLI, "doctor", "--json"], env=self.world.env,
                                cwd=self.world.project, capture_output=True, timeout=60, check=False)
        check = {check["id"]: check for check in json.loads(report.stdout)["checks"]}["ids"]
        self.assertEqual(check["status"], "missing")
        self.assertIn("the root of a container", check["detail"])
        self.assertIn("run Hydravisor as an ordinary user", check["fix"])


class OnAFileSystem(Doctor):
    def state_on(self, *mount):
        disk = Mounted(*mount)
        self.addCleanup(disk.close)
        world = hydravisor.World()
        self.addCleanup(lambda: self.assertEqual(world.close(), []))
        world.state = world.env["XDG_STATE_HOME"] = os.path.join(disk.path, "state")
        os.mkdir(world.state)
        return world

    def test_where_an_overlay_mounts_and_then_fails_the_state_should_not_be(self):
        self.world = self.state_on("-t", "ramfs", "hydravisor-test")
        fix = self.lacks("copy-on-write", "--workspace cow fails")
        self.assertIn("set XDG_STATE_HOME", fix)
        self.world.stop_daemon()
        self.world.state = self.world.env["XDG_STATE_HOME"] = self.world.directory("state-elsewhere")
        self.assert_good("copy-on-write")

    def test_that_no_copy_can_be_laid_over_the_workspace_is_named(self):
        self.assert_good("workspace")
        mount = self.world.directory("remote")
        server = subprocess.Popen(["/usr/bin/python3", os.path.join(hydravisor.SOURCE, "tests/fixtures/null_fuse.py"), mount], stdout=subprocess.PIPE)
        self.addCleanup(server.wait, 10)
        self.assertEqual(server.stdout.readline(), b"mounted\n")
        self.addCleanup(subprocess.run, ["umount", "--lazy", mount], check=True)
        self.addCleanup(server.stdout.close)
        result = self.world.cli("doctor", "--json", cwd=mount)
        check = {check["id"]: check for check in json.loads(result.stdout)["checks"]}["workspace"]
        self.assertIn("it is on FUSE; --workspace cow fails", check["detail"])
        self.assertIn("--workspace live", check["fix"])

    def test_that_is_stacked_too_high_already_is_found_by_trying(self):
        # An overlay over two overlays: no name of a file system tells how high it is stacked.
        inner = self.world.project
        for level in range(2):
            layers = [self.world.directory(f"{name}{level}") for name in ("upper", "work")]
            mount = Mounted("-t", "overlay", "-o", "lowerdir={},upperdir={},workdir={}".format(inner, *layers), "overlay")
            self.addCleanup(mount.close)
            inner = mount.path
        result = self.world.cli("doctor", "--json", cwd=inner)
        check = {check["id"]: check for check in json.loads(result.stdout)["checks"]}["workspace"]
        self.assertEqual(check["status"], "degraded")
        self.assertIn("mount an overlay", check["detail"])


class AsAnOrdinaryUser(InAPlace):
    def setUp(self):
        self.user = fake_internet.ordinary_user()
        super().setUp()

    def mapped_inside(self):
        return len(self.world.ok("run", "--", "cat", "/proc/self/uid_map").splitlines())

    def test_a_range_of_ids_is_given_by_the_printed_command(self):
        etc = self.world.directory("etc")
        self.place.as_root(f"cp -a /etc/. {etc}; sed -i /^{self.user.pw_name}:/d {etc}/subuid {etc}/subgid; mount --bind {etc} /etc")
        fix = self.lacks("ids", "only the user's own id is mapped", f"{self.user.pw_name} has no line in /etc/sub")
        self.assertEqual(self.mapped_inside(), 1)
        self.place.follow(fix)
        self.assert_good("ids")
        self.assertGreater(self.mapped_inside(), 1)

    def test_map_programs_that_are_missing_come_with_the_package(self):
        self.place.as_root("mount --bind /dev/null /usr/bin/newuidmap")
        fix = self.lacks("ids", "newuidmap and newgidmap are missing")
        self.assertEqual(fix, "as root: apt-get install uidmap; then: hydravisor daemon stop")
        # What the package would bring is there again; the test has no archive to ask.
        self.place.follow("as root: umount /usr/bin/newuidmap; then: hydravisor daemon stop")
        self.assert_good("ids")

    def test_map_programs_without_their_right_get_it_back(self):
        copies = self.world.directory("copies")
        for name in ("newuidmap", "newgidmap"):
            self.place.as_root(f"cp /usr/bin/{name} {copies}; chmod 755 {copies}/{name}; mount --bind {copies}/{name} /usr/bin/{name}")
        fix = self.lacks("ids", "only the user's own id is mapped", "newuidmap")
        self.assertIn("chmod u+s", fix)
        self.place.follow(fix)
        self.assert_good("ids")
        self.assertGreater(self.mapped_inside(), 1)

    def test_a_cgroup_that_nobody_gave_is_given_by_the_printed_command(self):
        top = "/sys/fs/cgroup/pids"
        if not os.path.ismount(top):
            hydravisor.skip_or_fail("there is no cgroup hierarchy of version 1 for processes")
        empty = f"{top}/hvt-{os.getpid()}"
        os.mkdir(empty)
        # With its groups: they are empty once the daemon has ended.
        self.afterwards.append(lambda: [os.rmdir(folder) for folder, _, _ in os.walk(empty, topdown=False)])
        # A hierarchy of which only an empty part is seen, as in a container.
        self.place.as_root(f"mount --bind {empty} {top}")
        fix = self.lacks("cgroup-pids", "no cgroup of controller pids is writable")
        self.place.follow(fix)
        self.assert_good("cgroup-pids")

    def test_a_hierarchy_that_is_not_mounted_is_mounted_by_the_printed_command(self):
        if not os.path.ismount("/sys/fs/cgroup/pids"):
            hydravisor.skip_or_fail("there is no cgroup hierarchy of version 1 for processes")
        self.place.as_root("umount -l /sys/fs/cgroup/pids")
        fix = self.lacks("cgroup-pids", "no cgroup hierarchy with the controller pids is mounted")
        self.place.follow(fix)
        self.assert_good("cgroup-pids")

    def test_a_limit_without_a_cgroup_is_refused_by_name_and_can_be_left_out(self):
        self.place.as_root("umount -l /sys/fs/cgroup/pids")
        self.assert_refused(self.run_in_sandbox("true", options=["--pids", "20"]), "pids limit cannot be enforced", "--accept-unenforced")
        self.assert_output(self.run_in_sandbox("echo", "inside"), "inside\n")


if __name__ == "__main__":
    hydravisor.main()
