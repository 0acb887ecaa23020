# as: user root
"""No network but the sandbox's own loopback, and the one port of the host that was named."""

import os

import hydravisor

FETCH = "import socket,sys; s=socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5); s.sendall(b'ping'); s.shutdown(1); print(s.recv(100).decode(), end='')"


class Network(hydravisor.TestCase):
    def fetch(self, port, *options):
        return self.run_in_sandbox("/usr/bin/python3", "-c", FETCH, str(port), options=options)

    def test_reaches_a_host_port_that_was_named(self):
        with hydravisor.loopback_server() as (port, received):
            self.assert_output(self.fetch(port, "--host-port", str(port)), "hello from the host\n")
            hydravisor.wait_for(lambda: received == [b"ping"], 5, "the bytes on the host")
        self.assertIn(str(port), self.world.ok("audit", "ls"))
        for kind in ("host_port.connected", "host_port.closed"):
            event = self.world.json("audit", "ls", "--kind", kind)["items"][0]["payload"]
            self.assertEqual((event["port"], os.path.basename(event["program"])[:7], event["pid"] > 1), (port, "python3", True), event)

    def test_reaches_no_other(self):
        with hydravisor.loopback_server() as (port, received), hydravisor.loopback_server() as (other, _):
            result = self.fetch(port, "--host-port", str(other))
            self.assertNotEqual(result.returncode, 0)
            self.assertNotEqual(self.fetch(port).returncode, 0)
            self.assertEqual(received, [])

    def test_goes_nowhere_else(self):
        for address in ("192.0.2.1", "10.0.0.1", "169.254.169.254"):
            program = f"import socket; socket.create_connection(('{address}', 80), 3)"
            result = self.run_in_sandbox("/usr/bin/python3", "-c", program)
            self.assertNotEqual(result.returncode, 0, address)
            self.assertNotIn(b"timed out", result.stderr, "a refusal is at once")

    def test_a_development_server_answers_inside(self):
        script = ("python3 -m http.server 8000 --bind 127.0.0.1 >/dev/null 2>&1 & for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.2; "
                  "curl -s --noproxy '*' http://127.0.0.1:8000/page.txt && break; done; kill %1")
        self.world.write("page.txt", "served inside\n")
        self.assert_output(self.run_in_sandbox("bash", "-c", script, options=["--name", "n"]), "served inside\n")

    def test_a_port_of_the_host_can_be_used_by_two_sandboxes(self):
        with hydravisor.loopback_server() as (port, _):
            first = self.world.start_cli("run", "--host-port", str(port), "--", "/usr/bin/python3", "-c", FETCH, str(port))
            second = self.world.start_cli("run", "--host-port", str(port), "--", "/usr/bin/python3", "-c", FETCH, str(port))
            for process in (first, second):
                out, err = process.communicate(timeout=20)
                self.assertEqual(out, b"hello from the host\n", err)


if __name__ == "__main__":
    hydravisor.main()
