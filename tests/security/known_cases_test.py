# labels: security
# as: user root
# timeout: 300
"""The conditions under which other sandboxes were left, by the numbers under which that is known: none of them is met here. What is
tested is the condition, by harmless means; where a probe tries the same thing, the probe is asked."""

import contextlib
import json
import os
import socket
import subprocess

import hydravisor

PROBE = "/run/hydravisor/probe"

# What runs for a moment is found by the numbers that come next.
CATCH = """
import os
def last(): return int(open('/proc/loadavg').read().split()[-1])
while True:
    top = last()
    for pid in range(max(2, top - 3), top + 4):
        if pid == os.getpid(): continue
        try: fd = os.open(f'/proc/{pid}/exe', os.O_PATH)
        except OSError: continue
        if os.path.basename(os.readlink(f'/proc/self/fd/{fd}')) in ('', 'hydravisor-init'):
            print('read-only' if os.statvfs(fd).f_flag & os.ST_RDONLY else 'writable', flush=True)
            raise SystemExit
        os.close(fd)
"""


def abstract_sockets(pids):
    """The names of abstract sockets that these processes hold."""
    inodes = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for fd in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    inodes.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
    with open("/proc/net/unix", encoding="utf-8", errors="replace") as table:
        rows = [line.split() for line in table][1:]
    return [row[7] for row in rows if len(row) > 7 and row[7].startswith("@") and f"socket:[{row[6]}]" in inodes]


class KnownCase(hydravisor.TestCase):
    def setUp(self):
        super().setUp()
        # Something of the host that nothing here may read, change or add to.
        self.victim = self.world.directory("victim")
        with open(os.path.join(self.victim, "secret"), "w", encoding="utf-8") as file:
            file.write("of the host\n")
        self.before = self.state_of_victim()

    def state_of_victim(self):
        with open(os.path.join(self.victim, "secret"), encoding="utf-8") as file:
            return sorted(os.listdir(self.victim)), file.read(), os.stat(self.victim).st_mtime_ns

    def assert_untouched(self):
        self.assertEqual(self.state_of_victim(), self.before)

    def assert_held(self, name, *only):
        """The probes of these names, or all, in the running sandbox."""
        result = self.world.cli("probe", name, "--json", *(word for probe in only for word in ("--only", probe)))
        self.assertIn(result.returncode, (0, 1), result.stderr.decode(errors="replace"))
        statuses = {entry["id"]: entry["status"] for entry in json.loads(result.stdout)}
        self.assertEqual({name: status for name, status in statuses.items() if status == "got_through"}, {})
        for probe in only:
            self.assertIn(statuses[probe], ("held", "held_unrecorded"), probe)

    def start(self, *command, options=(), name="web"):
        self.world.ok("run", "--detach", "--name", name, *options, "--", *(command or ("sleep", "300")))


class Programs(KnownCase):
    def test_runc_2019_5736_the_program_that_enters_cannot_be_written(self):
        # Where nested sandboxes are allowed Landlock has no rules about files: only the mount is left.
        self.start("/usr/bin/python3", "-c", CATCH, options=["--policy", "standard"])
        said = hydravisor.wait_for(lambda: self.world.cli("exec", "web", "--", "/proc/self/exe") and self.world.ok("logs", "web"), 90,
                                   "a sight of the program that starts commands")
        self.assertEqual(said, "read-only\n")

    def test_runc_2024_21626_no_descriptor_leads_to_a_directory_outside(self):
        self.start()
        for number in range(3, 24):
            result = self.world.cli("exec", "--directory", f"/proc/self/fd/{number}", "web", "--", "/bin/pwd")
            self.assertEqual((result.stdout, result.returncode == 0), (b"", False), number)
        for number in (3, 7):
            self.assertNotEqual(self.world.cli("run", "--workspace-dir", f"/proc/self/fd/{number}", "--", "true").returncode, 0)

    def test_containerd_2020_15257_nothing_listens_by_an_abstract_name(self):
        self.start()
        with socket.socket(socket.AF_UNIX) as own:
            own.bind(f"\0hydravisor-test-{os.getpid()}")
            self.assertEqual(abstract_sockets([os.getpid()]), [f"@hydravisor-test-{os.getpid()}"])
        self.assertGreater(len(self.world.processes()), 2)
        self.assertEqual(abstract_sockets(self.world.processes()), [])


class Calls(KnownCase):
    def test_kernel_2022_0185_and_flatpak_2021_41133_the_newer_mount_calls_are_refused_with_every_policy(self):
        for policy in ("restricted", "standard"):
            self.start(options=["--policy", policy], name=policy)
            self.assert_held(policy, "fsopen", "fsconfig", "fsmount", "fspick", "open-tree", "move-mount", "mount-setattr", "clone3")

    def test_kernel_2022_0492_no_control_group_starts_a_program_of_the_host(self):
        for policy in ("restricted", "standard"):
            self.start(options=["--policy", policy], name=policy)
            self.assert_held(policy, "release-agent", "release-agent-mount")

    def test_bubblewrap_2017_5226_and_flatpak_2023_28100_nothing_is_typed_into_a_terminal(self):
        for policy in ("restricted", "standard"):
            self.start(options=["--policy", policy], name=policy)
            self.assert_held(policy, "tiocsti", "tiocsti-high-bits", "tioclinux", "tiocsetd")


class Links(KnownCase):
    def test_runc_2021_30465_and_flatpak_2024_42472_a_link_in_the_home_is_not_followed_when_something_is_mounted_there(self):
        tools = os.path.join(self.world.home, ".local", "bin")
        os.makedirs(tools)
        with open(os.path.join(tools, "mytool"), "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\necho tool\n")
        os.chmod(os.path.join(tools, "mytool"), 0o755)
        path = {"PATH": f"{tools}:/usr/bin:/bin"}
        self.assert_output(self.run_in_sandbox("mytool", env=path), "tool\n")
        # Again and again, because the next start may be prepared meanwhile and make the directory anew.
        swap = f"for i in $(seq 99); do mv -T ~/.local ~/.$i; ln -sT {self.victim} ~/.local && break; done; readlink ~/.local"
        self.assert_output(self.run_in_sandbox("sh", "-c", swap, env=path), f"{self.victim}\n")
        for _ in range(3):
            again = self.run_in_sandbox("sh", "-c", f"cat {self.victim}/secret; ls {self.victim}", env=path)
            self.assertNotIn(b"of the host", again.stdout)
            self.assertNotIn(b"secret", again.stdout)
            self.assert_untouched()

    def test_runc_2025_31133_52565_52881_and_containerd_2022_23648_a_root_file_system_leads_nowhere_by_its_links(self):
        switch = "/proc/sys/kernel/core_pattern"
        links = {"dev/null": switch, "dev/console": switch, "dev/ptmx": switch, "dev": self.victim, "proc": self.victim, "sys": self.victim,
                 "tmp": self.victim, "run": self.victim, "etc": self.victim, "etc/hosts": f"{self.victim}/secret",
                 "etc/resolv.conf": f"{self.victim}/secret", "home": self.victim}
        refused = []
        for number, (place, target) in enumerate(links.items()):
            with self.subTest(link=place):
                rootfs = self.world.directory(f"rootfs-{number}")
                os.makedirs(os.path.join(rootfs, "usr"))
                os.makedirs(os.path.dirname(os.path.join(rootfs, place)), exist_ok=True)
                os.symlink(target, os.path.join(rootfs, place))
                name = f"root-{number}"
                self.world.ok("create", "--rootfs", rootfs, "--workspace", "none", "--name", name)
                if self.world.cli("start", name).returncode == 0:
                    self.assert_held(name)
                else:
                    refused.append(place)
                self.world.ok("rm", "--force", name)
                self.assert_untouched()
        # Most are no reason to refuse, so that the rest was really tried.
        self.assertLess(len(refused), len(links) // 2, refused)


class Texts(KnownCase):
    def test_flatpak_2023_28101_no_name_speaks_to_the_terminal(self):
        hostile = "a\x1b]52;c;ZXZpbA==\x07\x1b[2Jb"
        result = self.run_in_sandbox("sh", "-c", 'touch "$1"; true', hostile, hostile, options=["--name", "web"])
        for text in (result.stderr, *(self.world.cli(*words).stdout for words in (
                ["diff", "web"], ["ls"], ["inspect", "web"], ["audit", "ls"], ["apply", "--dry-run", "web"]))):
            self.assertNotIn(b"\x1b", text)
            self.assertNotIn(b"\x07", text)
        self.assertIn(b"52;c", result.stderr)


class Overlay(KnownCase):
    def test_attributes_and_nodes_set_by_hand_do_not_become_the_overlays_own(self):
        os.makedirs(os.path.join(self.world.project, "below"))
        self.world.write("below/kept", "kept\n")
        program = f"""
import os, stat
def attempt(call, *arguments):
    try: call(*arguments)
    except OSError: pass
open('redirected', 'w').write('mine\\n')
for space in ('user', 'trusted'):
    attempt(os.setxattr, 'redirected', space + '.overlay.redirect', b'{self.victim}/secret')
    attempt(os.setxattr, 'redirected', space + '.overlay.metacopy', b'')
    attempt(os.setxattr, 'below', space + '.overlay.opaque', b'y')
attempt(os.mknod, 'below/kept-too', stat.S_IFCHR, 0)
"""
        self.assertEqual(self.run_in_sandbox("/usr/bin/python3", "-c", program, options=["--name", "web"]).returncode, 0)
        self.world.ok("apply", "web")
        self.assertEqual(self.world.read("redirected"), "mine\n")
        self.assertEqual(self.world.read("below/kept"), "kept\n")
        self.assertEqual(sorted(os.listdir(self.world.project)), ["below", "redirected"])
        self.assert_untouched()


if __name__ == "__main__":
    hydravisor.main()
