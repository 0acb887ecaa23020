# as: user root
"""The daemon comes by itself, once; dies without taking a sandbox with it; and finds everything again."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import time

import hydravisor


class Daemon(hydravisor.TestCase):
    def test_of_ten_commands_at_once_is_one(self):
        running = [self.world.start_cli("daemon", "status", "--json") for _ in range(10)]
        outputs = [process.communicate(timeout=30) for process in running]
        self.assertEqual([process.returncode for process in running], [0] * 10, outputs)
        self.assertEqual(len({self.world.daemon_pid(), *[hydravisor.json.loads(out)["pid"] for out, _ in outputs]}), 1)

    def test_that_was_killed_left_its_sandboxes_running(self):
        self.world.ok("create", "--name", "s", "--", "sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done")
        self.world.ok("start", "s")
        before = self.world.json("inspect", "s")
        os.kill(self.world.daemon_pid(), signal.SIGKILL)
        after = self.world.json("inspect", "s")
        self.assertEqual([after[key] for key in ("id", "pid", "supervisor_pid", "state")],
                         [before["id"], before["pid"], before["supervisor_pid"], "running"])
        self.assertEqual(self.world.ok("exec", "s", "--", "echo", "still here"), "still here\n")

    def test_that_was_killed_lost_no_event(self):
        script = "sleep 1; for i in 1 2 3 4 5 6 7 8 9; do /bin/echo while-away-$i; done; sleep 600"
        self.world.ok("create", "--name", "s", "--", "sh", "-c", script)
        self.world.ok("start", "s")
        os.kill(self.world.daemon_pid(), signal.SIGKILL)
        log = os.path.join(self.world.state, "hydravisor", "sandboxes", self.world.sandboxes()[0], "log")
        hydravisor.wait_for(lambda: "while-away-9" in hydravisor._read(log), 20, "the last line, without a daemon")
        self.assertEqual(self.world.ok("logs", "s").count("while-away"), 9)
        events = self.world.ok("audit", "ls", "--sandbox", "s", "--kind", "exec.")
        for i in range(1, 10):
            self.assertIn(f"while-away-{i}", events)
        self.world.ok("audit", "verify")

    def test_that_was_killed_during_a_run_does_not_end_the_run(self):
        running = self.world.start_cli("run", "--", "sh", "-c", "echo ready; read line; echo got $line; exit 3")
        self.assertEqual(running.stdout.readline(), b"ready\n")
        os.kill(self.world.daemon_pid(), signal.SIGKILL)
        out, err = running.communicate(b"it\n", timeout=20)
        self.assertEqual((out, running.returncode), (b"got it\n", 3), err)

    def test_that_is_only_just_starting_is_stopped_too(self):
        """Its starter is killed at some moment: before it starts one, while it does, or after."""
        stopped = set()
        for step in range(40):
            starter = self.world.start_cli("daemon", "status")
            time.sleep(step * 0.0005)
            starter.kill()
            starter.communicate()
            stopped.add(self.world.json("daemon", "stop")["stopped"])
            self.assertEqual(self.world.processes(), [])
        self.assertIn(True, stopped, "no daemon was ever started: the test proves nothing")

    def test_that_was_started_again_still_undoes_an_apply(self):
        self.world.write("file", "old\n")
        self.world.ok("run", "--name", "s", "--", "sh", "-c", "echo new > file")
        self.world.ok("apply", "s")
        self.world.ok("daemon", "stop")
        self.assertEqual([item["name"] for item in self.world.json("ls")["items"]], ["s"])
        self.world.ok("undo", "s")
        self.assertEqual(self.world.read("file"), "old\n")

    def test_takes_an_apply_back_whose_worker_died(self):
        self.world.write("file", "old\n")
        self.world.ok("run", "--name", "s", "--", "sh", "-c", "echo new > file")
        # Else the daemon below has that still to do, and its workers' steps would be counted.
        hydravisor.wait_for(lambda: self.world.json("audit", "ls", "--kind", "file", "--sandbox", "s")["items"], 20, "the record of its files")
        # The file has been exchanged, and the journal is about to say that all is done. Without rights a tracer does not see names.
        step = "rename elsewhere to elsewhere\t4" if os.geteuid() == 0 else "rename ? to ?\t5"
        killed = subprocess.run([os.path.join(hydravisor.BIN, "kill_at"), "--log", os.path.join(self.world.top, "steps"), "--name",
                                 self.world.project + "=project", "--at", "worker\t" + step, "--", hydravisor.CLI, "daemon", "stop",
                                 "--then", hydravisor.CLI, "apply", "s", "--then", hydravisor.CLI, "daemon", "stop"], env=self.world.env,
                                cwd=self.world.project, capture_output=True, timeout=60, check=False)
        self.assertIn("hydravisor-worker ended", killed.stderr.decode())
        # Only the worker died: the daemon has put it right by the time that it answered.
        self.assertEqual(self.world.read("file"), "old\n")
        kinds = [event["kind"] for event in self.world.json("audit", "ls", "--kind", "workspace", "--sandbox", "s")["items"]]
        self.assertEqual(kinds[-4:], ["workspace.applying", "workspace.failed", "workspace.recovering", "workspace.recovered"])
        self.assertEqual(os.listdir(self.world.project), ["file"])
        self.world.ok("apply", "s")
        self.assertEqual(self.world.read("file"), "new\n")

    def test_that_died_before_its_worker_began_has_nothing_done(self):
        self.world.ok("run", "--name", "s", "--", "sh", "-c", "echo new > file")
        self.world.ok("daemon", "stop")
        records = os.path.join(self.world.state, "hydravisor", "sandboxes", self.world.sandboxes()[0], "workspace")
        request = {"version": 1, "operation": "discard", "mode": "cow", "host": self.world.project, "records": records, "git_host": "",
                   "running": False, "discard": {"paths": []}}

        def discard(reader_lives):
            reader, writer = os.pipe()
            if not reader_lives:
                os.close(reader)
            worker = subprocess.run([os.path.join(hydravisor.BIN, "hydravisor-worker")], input=hydravisor.json.dumps(request).encode(),
                                    stdout=writer, stderr=subprocess.PIPE, timeout=30, check=False)
            os.close(writer)
            return worker.returncode, os.listdir(os.path.join(records, "upper"))
        self.assertEqual(discard(reader_lives=False), (1, ["file"]))
        self.assertEqual(discard(reader_lives=True), (0, []))

    def start_version(self, version):
        """A daemon of another version, which is this one with another number in it, and the processes of its directory."""
        programs = self.world.directory("programs-" + version)
        for name in os.listdir(hydravisor.BIN):
            if name != "hydravisord" and not os.path.lexists(os.path.join(programs, name)):
                os.symlink(os.path.join(hydravisor.BIN, name), os.path.join(programs, name))
        own = self.world.json("version")["version"]
        self.assertEqual(len(own), len(version))
        with open(os.path.join(hydravisor.BIN, "hydravisord"), "rb") as file:
            content = file.read()
        program = os.path.join(programs, "hydravisord")
        with open(program, "wb") as file:
            file.write(content.replace(own.encode(), version.encode()))
        os.chmod(program, 0o755)
        daemon = subprocess.Popen([program], env=self.world.env, cwd="/")
        self.addCleanup(lambda: (daemon.terminate(), daemon.wait(20)))
        path = os.path.join(self.world.env["XDG_RUNTIME_DIR"], "hydravisor", "hydravisord.sock")

        def listens():
            with socket.socket(socket.AF_UNIX) as client:
                return client.connect_ex(path) == 0
        hydravisor.wait_for(listens, 10, "the daemon's socket")
        return daemon.pid

    def test_of_an_older_version_becomes_this_one_and_its_sandboxes_go_on(self):
        pid = self.start_version("0.0.9")
        socket_path = next(os.path.join(folder, "hydravisord.sock") for folder, _, names in os.walk(self.world.top) if "hydravisord.sock" in names)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(socket_path)
            client.sendall(b"GET /v1/version HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertIn(b"0.0.9", client.recv(65536))
        self.world.ok("create", "--name", "s", "--", "sleep", "600")
        self.world.ok("start", "s")
        status = self.world.json("daemon", "status")
        self.assertEqual((status["pid"], status["version"]), (pid, self.world.json("version")["version"]))
        self.assertEqual(self.world.ok("exec", "s", "--", "echo", "here"), "here\n")

    def test_of_a_newer_version_serves_older_commands(self):
        pid = self.start_version("9.9.9")
        self.assert_output(self.run_in_sandbox("echo", "served"), "served\n")
        status = self.world.json("daemon", "status")
        self.assertEqual((status["pid"], status["version"]), (pid, "9.9.9"))

    @contextlib.contextmanager
    def supervisor_of_another_version(self):
        """Takes the place of a running sandbox's supervisor while there is no daemon, and speaks protocol 7."""
        self.world.ok("create", "--name", "s", "--", "sleep", "600")
        self.world.ok("start", "s")
        directory = os.path.join(self.world.state, "hydravisor", "sandboxes", self.world.sandboxes()[0])
        for pid in [self.world.daemon_pid(), self.world.json("inspect", "s")["supervisor_pid"]]:
            os.kill(pid, signal.SIGKILL)
        code = ("import fcntl, os, socket, struct, sys\n"
                "lock = os.open('lock', os.O_RDWR); fcntl.flock(lock, fcntl.LOCK_EX)\n"
                "os.path.lexists('control.sock') and os.unlink('control.sock')\n"
                "listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); listener.bind('control.sock'); listener.listen()\n"
                "print('ready', flush=True)\n"
                "while True:\n"
                "    daemon, _ = listener.accept()\n"
                "    print('heard', daemon.recv(65536)[:1], flush=True)\n"
                "    daemon.send(b'\\x03i' + struct.pack('<I', 7) + b'what nobody knows')\n"
                "    print('heard', daemon.recv(65536)[:1], flush=True)\n")
        standing_in = subprocess.Popen(["/usr/bin/python3", "-c", code], cwd=directory, stdout=subprocess.PIPE, env=self.world.env)
        try:
            self.assertEqual(standing_in.stdout.readline(), b"ready\n")
            yield standing_in
        finally:
            standing_in.kill()
            standing_in.wait()
            standing_in.stdout.close()

    def test_lets_a_sandbox_of_another_version_go_on_and_says_what_it_cannot_do(self):
        with open(os.path.join(hydravisor.SOURCE, "src/shimwire/protocol.h"), encoding="utf-8") as header:
            own = re.search(r"kProtocol = (\d+);", header.read())[1]
        with self.supervisor_of_another_version() as supervisor:
            self.assertEqual(self.world.json("inspect", "s")["state"], "running")
            for words in (["exec", "s", "--", "true"], ["attach", "s"], ["pause", "s"], ["kill", "s"]):
                self.assert_refused(self.world.cli(*words), f"sandbox 's' was started by another version of Hydravisor (protocol 7, and this is {own})",
                                    "hydravisor stop s")
            self.assertIn("protocol 7", self.world.ok("inspect", "s"))
            self.assertEqual(supervisor.stdout.readline(), b"heard b'\\x02'\n", "it is asked how it is, and for nothing else")
            self.world.ok("stop", "s")
            self.assertEqual(supervisor.wait(10), -signal.SIGKILL)
            self.assertEqual(supervisor.stdout.read(), b"")
        info = self.world.json("inspect", "s")
        self.assertEqual((info["state"], info["outcome"]["kind"]), ("stopped", "stopped"))
        self.world.ok("start", "s")
        self.assertEqual(self.world.ok("exec", "s", "--", "echo", "here"), "here\n")

    def test_stop_waits_until_it_has_ended(self):
        self.world.ok("run", "--", "true")
        pid = self.world.daemon_pid()
        self.world.ok("daemon", "stop")
        # Its lock goes with it; what the kernel does afterwards to take a process down shows as running for a moment.
        hydravisor.wait_for(lambda: hydravisor._read(f"/proc/{pid}/stat").partition(") ")[2][:1] in ("", "Z", "X"), seconds=1)

    def test_refuses_other_users(self):
        self.world.ok("daemon", "status")
        path = next(os.path.join(folder, name) for folder, _, names in os.walk(self.world.top) for name in names if name == "hydravisord.sock")
        self.assertEqual(os.stat(os.path.dirname(path)).st_mode & 0o077, 0)
        if os.geteuid() == 0:
            for folder in (self.world.top, os.path.dirname(os.path.dirname(path)), os.path.dirname(path), path):
                os.chmod(folder, 0o777)
            client = ("import socket,os; os.setresuid(65534,65534,65534); s=socket.socket(socket.AF_UNIX); s.connect(%r);"
                      "s.sendall(b'GET /v1/sandboxes HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'); print(s.recv(1000))" % path)
            result = subprocess.run(["/usr/bin/python3", "-c", client], capture_output=True, timeout=20, check=False)
            self.assertNotIn(b" 200 ", result.stdout)

    def test_is_not_confused_by_a_foreign_socket(self):
        directory = os.path.join(self.world.env["XDG_RUNTIME_DIR"], "hydravisor")
        os.makedirs(directory, mode=0o700)
        path = os.path.join(directory, "hydravisord.sock")
        with hydravisor.server(socket.AF_UNIX, path, b"220 a server of another kind\r\n"):
            self.assertEqual(self.world.cli("ls").returncode, 125)
            self.assertEqual(self.run_in_sandbox("true").returncode, 125)
        os.unlink(path)

    def test_is_given_up_when_it_accepts_and_stays_silent(self):
        directory = os.path.join(self.world.env["XDG_RUNTIME_DIR"], "hydravisor")
        os.makedirs(directory, mode=0o700)
        path = os.path.join(directory, "hydravisord.sock")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(16)
            waiting = [self.world.start_cli(*words) for words in (["ls"], ["wait", "web"], ["run", "--", "true"])]
            for command in waiting:
                output, error = command.communicate(timeout=60)
                self.assertEqual((command.returncode, output), (125, b""), error)
                self.assertIn(f"hydravisor: the daemon on {path} does not answer\n  hint: end process {os.getpid()}", error.decode())
        os.unlink(path)

    def test_that_works_on_something_long_is_waited_for(self):
        self.world.ok("create", "--name", "s", "--", "sleep", "8")
        self.world.ok("start", "s")
        began = time.monotonic()
        self.world.ok("wait", "s")
        self.assertGreater(time.monotonic() - began, 6)

    def test_comes_back_after_a_stale_socket(self):
        self.world.ok("daemon", "status")
        os.kill(self.world.daemon_pid(), signal.SIGKILL)
        self.assertEqual(self.world.json("ls")["items"], [])

    def test_stop_stops_it_and_only_it(self):
        self.world.ok("create", "--name", "s", "--", "sleep", "600")
        self.world.ok("start", "s")
        self.world.ok("daemon", "stop")
        self.assertEqual(self.world.json("inspect", "s")["state"], "running")


if __name__ == "__main__":
    hydravisor.main()
