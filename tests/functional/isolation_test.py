# as: user root
"""What the host has and the sandbox must not see: variables, files, sockets, processes, descriptors."""

import os
import socket

import hydravisor


class Environment(hydravisor.TestCase):
    def test_holds_nothing_that_was_not_named(self):
        result = self.run_in_sandbox("env", env={"SECRET_TOKEN": "hunter2", "AWS_SECRET_ACCESS_KEY": "x", "EDITOR_THEME": "dark"})
        self.assertEqual(result.returncode, 0, result.stderr)
        for name in (b"SECRET_TOKEN", b"AWS_SECRET", b"EDITOR_THEME", b"hunter2", b"XDG_RUNTIME_DIR", b"SSH_AUTH_SOCK"):
            self.assertNotIn(name, result.stdout)

    def test_holds_what_was_named(self):
        options = ["--env", "SECRET_TOKEN", "--env", "GIVEN=a=b"]
        result = self.run_in_sandbox("sh", "-c", "echo $SECRET_TOKEN $GIVEN", options=options, env={"SECRET_TOKEN": "hunter2"})
        self.assert_output(result, "hunter2 a=b\n")

    def test_has_a_home_and_a_path(self):
        result = self.run_in_sandbox("sh", "-c", 'cd && touch here && test -n "$PATH" && echo "$HOME"')
        self.assert_output(result, self.world.home + "\n")

    def test_of_the_daemon_is_not_that_of_a_request(self):
        self.run_in_sandbox("true", env={"LANG": "C"})
        result = self.run_in_sandbox("sh", "-c", "echo $LANG; umask", env={"LANG": "C.UTF-8"})
        self.assertEqual(result.stdout.splitlines()[0], b"C.UTF-8")


class Files(hydravisor.TestCase):
    def test_of_the_hosts_home_are_not_there(self):
        with open(os.path.join(self.world.home, "diary"), "w", encoding="utf-8") as file:
            file.write("private\n")
        result = self.run_in_sandbox("sh", "-c", f"cat {self.world.home}/diary; ls -a {self.world.home}")
        self.assertNotIn(b"private", result.stdout)
        self.assertNotIn(b"diary", result.stdout)

    def test_beside_the_workspace_are_not_there(self):
        secret = os.path.join(self.world.directory("elsewhere"), "secret")
        with open(secret, "w", encoding="utf-8") as file:
            file.write("private\n")
        self.assertNotEqual(self.run_in_sandbox("cat", secret).returncode, 0)

    def test_of_the_hosts_run_and_tmp_are_not_there(self):
        mark = f"mark-{os.getpid()}"
        with open(f"/tmp/{mark}", "w", encoding="utf-8"):
            pass
        self.addCleanup(os.unlink, f"/tmp/{mark}")
        result = self.run_in_sandbox("sh", "-c", f"ls -a /tmp /run; test ! -e /tmp/{mark} && test ! -e /run/systemd && echo clean")
        self.assertTrue(result.stdout.endswith(b"clean\n"), result.stdout)

    def test_of_the_system_cannot_be_written(self):
        for path in ("/usr/bin/true", "/etc/passwd", "/proc/sys/kernel/hostname", "/sys/kernel/profiling"):
            result = self.run_in_sandbox("sh", "-c", f"echo x >> {path}")
            self.assertNotEqual(result.returncode, 0, path)

    def test_of_dev_are_the_harmless_ones(self):
        result = self.run_in_sandbox("ls", "/dev")
        names = set(result.stdout.decode().split())
        self.assertLessEqual({"null", "zero", "full", "random", "urandom", "tty", "ptmx", "shm"}, names)
        for name in ("sda", "vda", "mem", "kmsg", "loop0", "fuse", "kvm", "net"):
            self.assertNotIn(name, names)
        self.assert_output(self.run_in_sandbox("sh", "-c", "echo gone > /dev/null; head -c 3 /dev/zero | wc -c"), "3\n")


class Others(hydravisor.TestCase):
    def test_processes_of_the_host_are_not_there(self):
        result = self.run_in_sandbox("sh", "-c", "ls /proc | grep -c '^[0-9]'")
        self.assertLess(int(result.stdout), 8)
        self.assertNotEqual(self.run_in_sandbox("test", "-e", f"/proc/{os.getpid()}/ns").returncode, 0)

    def test_signals_do_not_reach_the_host(self):
        result = self.run_in_sandbox("sh", "-c", f"kill -0 {os.getpid()}")
        self.assertNotEqual(result.returncode, 0)

    def test_sockets_of_the_host_are_not_there(self):
        path = os.path.join(self.world.top, "agent.sock")
        name = f"\0hydravisor-test-{os.getpid()}"
        for address in (path, name):
            listener = socket.socket(socket.AF_UNIX)
            self.addCleanup(listener.close)
            listener.bind(address)
            listener.listen()
            program = f"import socket; socket.socket(socket.AF_UNIX).connect({address!r})"
            result = self.run_in_sandbox("/usr/bin/python3", "-c", program, env={"SSH_AUTH_SOCK": path})
            self.assertNotEqual(result.returncode, 0, address)
            self.assertIn(b"Error", result.stderr)

    def test_descriptors_do_not_leak_in(self):
        result = self.run_in_sandbox("sh", "-c", "ls -l /proc/self/fd | grep -v -e '/proc/' -e total | awk '{print $9}' | sort | tr '\\n' ' '")
        self.assertEqual(result.stdout.decode().split(), ["0", "1", "2"])

    def test_privileges_are_none(self):
        result = self.run_in_sandbox("grep", "-E", "^(CapEff|CapPrm|CapBnd|NoNewPrivs|Seccomp):", "/proc/self/status")
        fields = dict(line.split(":\t") for line in result.stdout.decode().splitlines())
        self.assertEqual({fields[name].strip("0\t ") for name in ("CapEff", "CapPrm", "CapBnd")}, {""}, fields)
        self.assertEqual((fields["NoNewPrivs"], fields["Seccomp"]), ("1", "2"))

    def test_new_namespaces_are_refused(self):
        self.assertNotEqual(self.run_in_sandbox("unshare", "-U", "true").returncode, 0)


if __name__ == "__main__":
    hydravisor.main()
