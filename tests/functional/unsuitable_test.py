# as: user
"""Places and machines where no sandbox can be: refused before anything has happened, with what to do instead."""

import os
import subprocess

import hydravisor


class Places(hydravisor.TestCase):
    def assert_no_workspace(self, directory, *words, options=()):
        self.assert_refused(self.run_in_sandbox("true", options=options, cwd=directory), *words)

    def tearDown(self):
        hydravisor.wait_for(lambda: self.world.json("ls")["items"] == [], 10, "the removal of every sandbox")

    def test_that_are_too_much_or_nobodys_project(self):
        elsewhere = "change to your project's directory, or start with --workspace none"
        for directory, why in [("/", "the root of the file system"), (self.world.home, "your home cannot be a workspace"),
                               (self.world.top, "your home lies in it"), ("/usr", "a system directory"), ("/proc/self", "a system directory"),
                               ("/sys/kernel", "a system directory"), ("/tmp", "your home lies in it"), ("/var", "a system directory")]:
            with self.subTest(directory=directory):
                self.assert_no_workspace(directory, why, elsewhere)
        self.assert_output(self.run_in_sandbox("echo", "fine", options=["--workspace", "none"], cwd="/"), "fine\n")

    def test_that_do_not_exist_or_are_no_directories(self):
        path = self.world.write("file", "")
        for directory, why in [(path, "not a directory"), (self.world.project + "/none", "No such file or directory")]:
            self.assert_no_workspace(self.world.project, directory, why, options=["--workspace-dir", directory])

    def test_that_may_not_be_read(self):
        closed = self.world.directory("closed")
        os.chmod(closed, 0o300)
        self.assert_no_workspace(closed, f"workspace {closed}: you may not read it", f"ls -ld {closed}")
        self.assert_no_workspace(self.world.project, "/root", options=["--workspace-dir", "/root"])

    def test_that_may_not_be_written_when_they_are_to_be(self):
        self.assert_refused(self.run_in_sandbox("true", options=["--workspace", "live", "--workspace-dir", "/usr/share/doc"]),
                            "you may not write it", "--workspace ro or --workspace cow")


class Namespaces(hydravisor.TestCase):
    # What a hardened machine does with a sysctl, for the commands of this test alone.
    FORBIDDEN = ["unshare", "--user", "--map-current-user", "--keep-caps", "sh", "-c",
                 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$0" "$@"']

    def test_that_are_forbidden_come_with_the_exact_fix(self):
        for arguments, code in [(["run", "--", "true"], 125), (["doctor"], 1)]:
            result = subprocess.run([*self.FORBIDDEN, hydravisor.CLI, *arguments], env=self.world.env, cwd=self.world.project,
                                    capture_output=True, timeout=60, check=False)
            text = (result.stdout + result.stderr).decode()
            self.assertEqual(result.returncode, code, text)
            self.assertIn("the limit user.max_user_namespaces is 0", text)
            self.assertIn("as root: sysctl -w user.max_user_namespaces=", text)
        hydravisor.wait_for(lambda: self.world.json("ls")["items"] == [], 10, "the removal")

    def test_of_each_kind_can_be_made_once_the_printed_fix_was_run(self):
        for kind in ("user", "net", "ipc"):
            with self.subTest(kind=kind):
                script = f'''echo 0 > /proc/sys/user/max_{kind}_namespaces
                    "$0" doctor > ../before; echo $?
                    grep -o 'the limit user.max_{kind}_namespaces is 0' ../before
                    fix=$(sed -n 's/.*fix: as root: //p' ../before | sed 's/; to keep it: .*//')
                    PATH=$PATH:/usr/sbin:/sbin; eval "$fix" > /dev/null
                    "$0" doctor > ../after; echo $?; "$0" run -- echo inside; "$0" daemon stop > /dev/null'''
                result = subprocess.run([*self.FORBIDDEN[:-1], script, hydravisor.CLI], env=self.world.env, cwd=self.world.project,
                                        capture_output=True, timeout=60, check=False)
                self.assertEqual(result.stdout.decode(), f"1\nthe limit user.max_{kind}_namespaces is 0\n0\ninside\n", result.stderr)


if __name__ == "__main__":
    hydravisor.main()
