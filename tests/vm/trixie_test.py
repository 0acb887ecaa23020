# as: root
# labels: vm slow
# timeout: 1800
"""The archive on a later release of Debian: another C library, another systemd, another kernel, and an AppArmor that knows the rule of our
profile. The switch by which Ubuntu makes it matter is not in Debian's kernels.
"""

import subprocess
import unittest

import debian_package
import hydravisor
import virtual_machine

PROFILE = "/usr/local/share/hydravisor/apparmor/hydravisor"


class Trixie(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        reason = virtual_machine.missing()
        if reason:
            hydravisor.skip_or_fail(reason)
        package = debian_package.build()
        cls.guest = cls.enterClassContext(virtual_machine.resume("trixie"))
        cls.guest.send(package.archive)
        cls.guest.ok("cd /root && tar xzf hydravisor-*.tar.gz && hydravisor-*/install.sh")

    def ada(self, script):
        return self.guest.ok("mkdir -p ~/project; cd ~/project\n" + script, user="ada")

    def test_first_job_with_another_c_library(self):
        self.assertNotEqual(self.guest.ok("ldd --version | head -n1"), subprocess.check_output(["ldd", "--version"], text=True).splitlines()[0] + "\n")
        output = self.ada("""
            echo old >file
            hydravisor run --name first --memory 64MiB -- sh -c 'echo new >file' 2>&1
            hydravisor diff first
            hydravisor apply first
            cat file
            hydravisor audit verify
            hydravisor inspect first
            hydravisor rm first >/dev/null
        """)
        for words in ("+new", "\nnew\n", "The record is whole", "cgroups through systemd: memory, pids"):
            self.assertIn(words, output)

    def test_how_programs_ended_is_told_by_the_process_connector(self):
        output = self.ada("""
            hydravisor run --name ends --keep --workspace none -- sh -c 'sh -c "exit 42"; /bin/true' >/dev/null
            hydravisor audit ls --sandbox ends --kind process
            hydravisor rm --force ends >/dev/null
        """)
        self.assertIn("status=42", output)
        self.assertNotIn("unknown", output)

    def test_programs_need_nothing_but_the_c_library(self):
        needed = self.guest.ok("for p in /usr/local/lib/hydravisor/hydra*; do ldd $p 2>&1 | grep '=>' || true; done")
        self.assertEqual({line.split()[0] for line in needed.splitlines()} - {"libc.so.6", "libm.so.6"}, set())

    def test_apparmor_compiles_the_profile_and_puts_it_on_daemon_and_supervisor(self):
        self.guest.ok(f"apparmor_parser -r {PROFILE}")
        try:
            self.ada("hydravisor create --name one -- sleep 1000 >/dev/null; hydravisor start one >/dev/null")
            of = "cat /proc/$(hydravisor {} --json | grep -o '\"{}\":[0-9]*' | cut -d: -f2)/attr/current"
            self.assertEqual(self.ada(of.format("daemon status", "pid")), "hydravisord (unconfined)\n")
            self.assertEqual(self.ada(of.format("inspect one", "supervisor_pid")), "hydravisor-supervisor (unconfined)\n")
        finally:
            self.ada("hydravisor rm --force one >/dev/null; hydravisor daemon stop")
            self.guest.ok(f"apparmor_parser -R {PROFILE}")

    def test_uninstalled_it_leaves_nothing_of_its_own(self):
        self.ada("hydravisor daemon stop || true")
        self.guest.ok("/usr/local/lib/hydravisor/uninstall")
        try:
            self.assertEqual(self.guest.ok("find / -xdev -path /root -prune -o -path /home/ada -prune -o -path /tmp -prune -o -iname '*hydravisor*' -print"), "")
        finally:
            self.guest.ok("cd /root && hydravisor-*/install.sh")


if __name__ == "__main__":
    unittest.main(verbosity=2)
