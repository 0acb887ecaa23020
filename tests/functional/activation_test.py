# as: user root
"""The daemon with a socket that a service manager holds: taken when it is meant for it, kept over stops and upgrades, refused when
nobody would look there.
"""

import contextlib
import os
import shutil
import socket
import subprocess

import hydravisor

DAEMON = os.path.join(hydravisor.BIN, "hydravisord")


class Activation(hydravisor.TestCase):
    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.world.env["XDG_RUNTIME_DIR"], "hydravisor", "hydravisord.sock")
        os.makedirs(os.path.dirname(self.path), mode=0o700)

    @contextlib.contextmanager
    def held(self, path=None):
        """The socket as a service manager holds it."""
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path or self.path)
            os.chmod(path or self.path, 0o600)
            listener.listen(16)
            yield listener

    def start(self, listener, pid=None, program=DAEMON, **more):
        """The daemon, with the socket as its descriptor 3 and the variables of sd_listen_fds(3)."""
        script = 'export LISTEN_PID=${PID:-$$} LISTEN_FDS=${COUNT:-1}; exec "$0" 3<&$FD'
        env = {**self.world.env, "FD": str(listener.fileno()), **({"PID": str(pid)} if pid else {}), **more}
        process = subprocess.Popen(["bash", "-c", script, program], env=env, pass_fds=[listener.fileno()], stderr=subprocess.PIPE)
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        process.terminate()
        process.wait(20)
        process.stderr.close()

    def test_serves_who_connected_before_it_was_started(self):
        with self.held() as listener:
            early = self.world.start_cli("ls", "--json")
            hydravisor.wait_for(lambda: "hydravisord.sock" in hydravisor._read("/proc/net/unix"), 5, "the socket")
            process = self.start(listener)
            out, error = early.communicate(timeout=30)
            self.assertEqual((early.returncode, hydravisor.json.loads(out or b"{}")), (0, {"items": []}), error)
            self.assertEqual(self.world.daemon_pid(), process.pid)
            self.assert_output(self.run_in_sandbox("echo", "hello"), "hello\n")
        os.unlink(self.path)

    def test_is_the_peer_whom_clients_see(self):
        with self.held() as listener:
            process = self.start(listener)
            self.world.ok("ls")
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(self.path)
                peer = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            self.assertEqual(int.from_bytes(peer[:4], "little"), process.pid)
        self.world.stop_daemon()

    def test_leaves_the_socket_to_its_owner_when_it_ends(self):
        with self.held() as listener:
            process = self.start(listener)
            self.world.ok("daemon", "stop")
            self.assertEqual(process.wait(20), 0)
            self.assertTrue(os.path.exists(self.path))
            waiting = self.world.start_cli("ls")
            again = self.start(listener)
            out, error = waiting.communicate(timeout=30)
            self.assertEqual(waiting.returncode, 0, out + error)
            self.assertEqual(self.world.daemon_pid(), again.pid)

    def test_keeps_the_socket_when_it_becomes_another_program(self):
        programs = self.world.directory("programs")
        for name in os.listdir(hydravisor.BIN):
            if name.startswith("hydravisor"):
                shutil.copy2(os.path.join(hydravisor.BIN, name), programs)
        other = os.path.join(programs, "hydravisord")
        with self.held() as listener:
            process = self.start(listener)
            self.world.ok("ls")
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(self.path)
                body = hydravisor.json.dumps({"program": other})
                client.sendall(f"POST /v1/reexec HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                               f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
                self.assertRegex(client.recv(4096), rb"^HTTP/1.1 20[0-9]")
            hydravisor.wait_for(lambda: os.readlink(f"/proc/{process.pid}/exe") == other, 20, "the other program")
            self.assertEqual(self.world.daemon_pid(), process.pid)
            self.assertEqual(self.world.ok("ls", "--json"), '{"items":[]}\n')
            environment = hydravisor._read(f"/proc/{process.pid}/environ")
            self.assertIn(f"LISTEN_PID={process.pid}", environment)

    def test_ignores_a_socket_that_was_meant_for_another_process(self):
        elsewhere = os.path.join(self.world.top, "other.sock")
        with self.held(elsewhere) as listener:
            process = self.start(listener, pid=1)
            hydravisor.wait_for(lambda: os.path.exists(self.path), 20, "a socket of its own")
            self.assertEqual(self.world.daemon_pid(), process.pid)

    def test_refuses_a_socket_where_nobody_looks(self):
        elsewhere = os.path.join(self.world.top, "other.sock")
        with self.held(elsewhere) as listener:
            process = self.start(listener)
            self.assertEqual(process.wait(20), 125)
            self.assertIn(f"the service manager's socket is {elsewhere}, and commands look for the daemon at {self.path}".encode(),
                          process.stderr.read())
            process = self.start(listener, COUNT="2")
            self.assertEqual(process.wait(20), 125)
            self.assertIn(b"expected one socket", process.stderr.read())

    def test_works_with_systemds_own_listener(self):
        program = shutil.which("systemd-socket-activate")
        if program is None:
            hydravisor.skip_or_fail("systemd-socket-activate is not there")
        names = [f"--setenv={name}" for name in self.world.env]
        process = subprocess.Popen([program, f"--listen={self.path}", *names, DAEMON], env=self.world.env, stderr=subprocess.PIPE)
        self.addCleanup(self.end, process)
        hydravisor.wait_for(lambda: os.path.exists(self.path), 10, "its socket")
        self.assertEqual(self.world.daemon_pid(), process.pid)
        self.world.ok("ls")


if __name__ == "__main__":
    hydravisor.main()
