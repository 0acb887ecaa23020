# as: root
# timeout: 600
"""The way out: by name, by policy, recorded, in a fake internet that knows no proxy variable."""

import hashlib
import os
import signal
import subprocess
import time

import fake_internet
import hydravisor

CURL = ["curl", "-sS", "--max-time", "20", "--cacert", "ca.pem", "--noproxy", "*"]


class Egress(hydravisor.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.internet = internet = fake_internet.FakeInternet()
        cls.addClassCleanup(internet.close)
        internet.name("www.good.example", v4=["5.6.0.1"], v6=["2a0b:6::1"])
        internet.name("api.good.example", v4=["5.6.0.1"])
        internet.name("six.good.example", v6=["2a0b:6::6"])
        internet.name("one.cdn.example", v4=["5.6.0.9"])
        internet.name("two.cdn.example", v4=["5.6.0.9"])
        internet.name("slow.good.example", v4=["5.6.0.1"], delay=0.3)
        # The first address does not answer: nobody holds it, and nothing says so.
        internet.name("half.good.example", v4=["5.6.0.1"], v6=["2a0b:7::dead"])
        internet.name("lying.example", v4=["10.0.0.1"], v6=["fd00::1", "::ffff:127.0.0.1"])
        internet.name("metadata.example", v4=["169.254.169.254"])
        internet.name("rebinding.example", v4=[["5.6.0.1"], ["127.0.0.1"]], ttl=0)
        internet.name("git.good.example", v4=["5.6.0.22"])
        internet.web(["www.good.example", "api.good.example", "slow.good.example", "half.good.example"])
        internet.web(["six.good.example"])
        internet.web(["one.cdn.example", "two.cdn.example"])
        internet.web(["www.good.example"], port=80)
        internet.web(["www.good.example"], port=8080)
        internet.web(["www.good.example"], port=8888, handler=cls.trickle)
        internet.serve("5.6.0.22", 22, cls.banner)
        internet.serve("5.6.0.22", 7000, cls.give_and_take)
        # Where a name that rebinds leads: the loopback of the host that the gateway dials from.
        internet.serve("127.0.0.1", 80, cls.remember, at_host=True)

    @staticmethod
    def trickle(request, _):
        """Events one after the other; the client can tell whether they came apart."""
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.end_headers()
        for _ in range(3):
            request.wfile.write(b"data: x\n\n")
            request.wfile.flush()
            time.sleep(0.3)
        request.close_connection = True

    much = hashlib.shake_128(b"much").digest(1 << 20) * 24 + b"odd"

    @classmethod
    def give_and_take(cls, connection):
        with connection:
            connection.recv(100)
            connection.sendall(cls.much)
            digest, left = hashlib.sha256(), len(cls.much)
            while left:
                part = connection.recv(1 << 20)
                digest.update(part)
                left -= len(part)
            connection.sendall(digest.digest())
            connection.recv(1)

    reached_loopback = []

    @classmethod
    def remember(cls, connection):
        with connection:
            cls.reached_loopback.append(connection.recv(1000))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nloopback")

    @staticmethod
    def banner(connection):
        with connection:
            connection.sendall(b"SSH-2.0-fake\r\n")
            connection.sendall(b"you said " + connection.recv(100))

    def setUp(self):
        super().setUp()
        with open(self.internet.ca, encoding="utf-8") as file:
            self.world.write("ca.pem", file.read())
        # The first command starts the daemon, and with it everything.
        fake_internet.move_in(self.world, self.internet)

    def inside(self, *command, allow=(), options=(), **more):
        allowed = [word for host in allow for word in ("--allow", host)]
        return self.run_in_sandbox(*command, options=[*allowed, *options], **more)

    def events(self, kind):
        items = self.world.json("audit", "ls", "--kind", kind, "--limit", "200")["items"]
        return [item["payload"] for item in reversed(items)]

    def test_net_lets_a_running_sandbox_reach_more(self):
        self.world.ok("create", "--name", "live", "--allow", "www.good.example", "--", "sleep", "1000")
        self.world.ok("start", "live")
        ask = ("exec", "live", "--", *CURL, "https://api.good.example/")
        self.assertNotEqual(self.world.cli(*ask).returncode, 0)
        self.assertIn("allow    api.good.example", self.world.ok("net", "live", "--allow", "api.good.example"))
        self.assert_output(self.world.cli(*ask), "GET api.good.example / 0\n")

        shown = self.world.json("net", "live")
        self.assertEqual([(rule["verdict"], rule["rule"], rule["origin"]) for rule in shown["network"]["rules"]],
                         [("allow", "www.good.example", "--allow"), ("allow", "api.good.example", "--allow")])
        kinds = [event["kind"] for event in shown["events"]]
        for kind in ("network.dns", "network.changed", "network.connection", "network.closed"):
            self.assertIn(kind, kinds)
        self.assertLess(kinds.index("network.changed"), kinds.index("network.connection"))
        stats = self.world.json("stats", "live")["items"][0]
        self.assertEqual((stats["connections"], stats["network_bytes_in"] > 100), (1, True), stats)

        # It counts for the next start, and for a daemon that comes later.
        self.world.ok("stop", "live")
        self.world.stop_daemon()
        self.world.ok("start", "live")
        self.assert_output(self.world.cli(*ask), "GET api.good.example / 0\n")
        self.assertEqual(self.world.json("stats", "live")["items"][0]["connections"], 2)

    def policy(self, name, text):
        path = os.path.join(self.world.directory("config/hydravisor/policies"), name + ".toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write('version = 1\nextends = ["restricted"]\n' + text)

    def test_a_rule_of_behavior_takes_every_name_away(self):
        self.policy("few", """[network]
allow = ["www.good.example", "api.good.example", "git.good.example:7000"]
[[behavior.rules]]
name = "few"
when = {kind = "network.connection", host = "api.good.example"}
more_than = 1
in = "30s"
response = "isolate"
""")
        program = ("import os, socket, time\ns = socket.create_connection(('git.good.example', 7000)); s.sendall(b'x'); print(s.recv(1), flush=True)\n"
                   "open('open', 'w').close()\nwhile not os.path.exists('go'): time.sleep(0.05)\n"
                   "try:\n  while s.recv(1 << 16): pass\n  end = 'whole'\nexcept OSError: end = 'cut'\n"
                   "open('end.new', 'w').write(end); os.rename('end.new', 'end'); time.sleep(1000)")
        self.world.ok("create", "--name", "far", "--policy", "few", "--workspace", "live", "--", "python3", "-c", program)
        self.world.ok("start", "far")
        ask = ("exec", "far", "--", *CURL, "https://www.good.example/")
        third = ("exec", "far", "--", *CURL, "https://api.good.example/")
        # The control: until it fires all is well, for what the rule looks at too.
        hydravisor.wait_for(lambda: os.path.exists(os.path.join(self.world.project, "open")), what="a connection that stays open")
        self.assert_output(self.world.cli(*ask), "GET www.good.example / 0\n")
        self.assert_output(self.world.cli(*third), "GET api.good.example / 0\n")
        self.world.cli(*third)
        hydravisor.wait_for(lambda: self.events("network.changed"), what="the isolation")
        for command in (ask, third):
            self.assertNotEqual(self.world.cli(*command).returncode, 0)
        denied = hydravisor.wait_for(lambda: [e for e in self.events("network.dns") if e["verdict"] == "deny"], what="the record of what it still tries")
        self.assertIn("www.good.example", [e["host"] for e in denied])
        self.assertEqual(self.world.json("net", "far")["network"]["rules"], [])
        self.assert_refused(self.world.cli("net", "far", "--allow", "www.good.example"), "isolated by the rule of behavior 'few'")
        # What was open is cut, not only what is new.
        self.world.write("go", "")
        end = os.path.join(self.world.project, "end")
        hydravisor.wait_for(lambda: os.path.exists(end), what="the end of the open connection")
        with open(end, encoding="utf-8") as file:
            self.assertEqual(file.read(), "cut")
        # A gateway that takes a dead one's place is told the same.
        (_, worker), = self.world.gateways("far")
        os.kill(worker, signal.SIGKILL)
        self.world.note()
        hydravisor.wait_for(lambda: [pid for _, pid in self.world.gateways("far") if pid != worker], what="another gateway")
        self.assertNotEqual(self.world.cli(*ask).returncode, 0)
        # A daemon that comes later knows it, and a new start begins anew.
        self.world.stop_daemon()
        self.assertNotEqual(self.world.cli(*ask).returncode, 0)
        self.assert_refused(self.world.cli("net", "far", "--allow", "www.good.example"), "isolated by the rule of behavior 'few'")
        self.world.ok("stop", "far")
        self.world.ok("start", "far")
        self.assert_output(self.world.cli(*ask), "GET www.good.example / 0\n")

    def test_net_refuses_what_cannot_be(self):
        self.world.ok("create", "--name", "shut", "--", "sleep", "1000")
        self.assert_refused(self.world.cli("net", "shut", "--allow", "api.good.example"), "'shut' is created", "hydravisor run --allow")
        self.world.ok("start", "shut")
        self.assert_refused(self.world.cli("net", "shut", "--allow", "api.good.example"), "started without a network", "--allow HOST")
        self.assert_refused(self.world.cli("net", "shut", "--allow", "no host"), "no host", code=2)
        self.assert_refused(self.world.cli("net", "shuf"), "no sandbox 'shuf'", "did you mean 'shut'")
        self.assertEqual(self.world.ok("net", "shut"), "shut has no network\n")

    def test_reaches_an_allowed_name_and_records_it(self):
        self.assert_output(self.inside(*CURL, "https://www.good.example/page?secret=1", allow=["www.good.example"]),
                           "GET www.good.example /page?secret=1 0\n")
        opened = self.events("network.connection")
        self.assertEqual([(e["host"], e["port"], e["sni"], e["verdict"], e["rule"], e["origin"]) for e in opened],
                         [("www.good.example", 443, "www.good.example", "allow", "www.good.example", "--allow")])
        closed = hydravisor.wait_for(lambda: self.events("network.closed"), 5, "the record of the end")
        self.assertGreater(closed[0]["bytes_in"], 100)
        self.assertIn(closed[0]["address"], ("5.6.0.1", "2a0b:6::1"))

    def test_records_each_request_without_its_query(self):
        url = "http://www.good.example/a?token=1"
        self.assert_output(self.inside(*CURL, url, url, allow=["www.good.example"]), "GET www.good.example /a?token=1 0\n" * 2)
        requests = self.events("network.request")
        self.assertEqual([(e["method"], e["path"]) for e in requests], [("GET", "/a")] * 2)
        self.assertEqual(len({e["connection"] for e in requests}), 1, "one connection kept alive")

    def test_an_unlisted_name_does_not_exist_and_is_never_asked_for(self):
        before = len(self.internet.questions)
        result = self.inside(*CURL, "https://evil-secret-data.example/", allow=["www.good.example"])
        self.assertEqual(result.returncode, 6, result.stderr)
        self.assertEqual(self.internet.questions[before:], [])
        asked = [e for e in self.events("network.dns") if e["verdict"] == "deny"]
        self.assertIn("evil-secret-data.example", [e["host"] for e in asked])

    def test_names_have_the_sandboxs_own_addresses(self):
        program = ("import socket\nfor n in ('www.good.example', 'localhost', 'x.localhost', 'host.hydravisor', 'evil.example'):\n"
                   "  try: print(n, sorted({a[4][0] for a in socket.getaddrinfo(n, 443, socket.AF_INET)})[0])\n"
                   "  except OSError as e: print(n, e.errno)\n")
        out = self.inside("python3", "-c", program, allow=["www.good.example"]).stdout.decode().splitlines()
        self.assertRegex(out[0], r"^www.good.example 198\.1[89]\.")
        self.assertEqual(out[1:4], ["localhost 127.0.0.1", "x.localhost 127.0.0.1", "host.hydravisor 127.0.0.1"])
        self.assertRegex(out[4], r"^evil.example -[25]$")

    def test_addresses_and_other_ports_are_refused_at_once(self):
        program = ("import socket, time\nfor to in [('5.6.0.1', 443), ('169.254.169.254', 443), ('10.0.0.1', 22), ('2a0b:6::1', 443), "
                   "('::ffff:5.6.0.1', 444), ('www.good.example', 22)]:\n  t = time.monotonic()\n"
                   "  try:\n    s = socket.create_connection(to, 5); s.sendall(b'x'); print(to[0], 'got', s.recv(1))\n"
                   "  except ConnectionError: print(to[0], 'refused', time.monotonic() - t < 1)\n")
        out = self.inside("python3", "-c", program, allow=["www.good.example"]).stdout.decode().splitlines()
        self.assertEqual(len(out), 6)
        self.assertTrue(all(line.endswith("refused True") for line in out), out)
        self.assertGreaterEqual(len(self.events("network.denied")), 6)

    def test_http_is_told_the_rule_and_the_command_that_allows(self):
        result = self.inside(*CURL, "http://www.good.example:8080/", allow=["www.good.example"], options=["--name", "told"])
        text = result.stdout.decode()
        self.assertIn("hydravisor net told --allow www.good.example:8080", text)
        self.assertEqual(self.events("network.denied")[-1]["what"], "connection")

    def test_a_name_on_a_shared_address_is_no_way_to_another(self):
        before = len(self.internet.greetings)
        result = self.inside(*CURL, "--connect-to", "two.cdn.example:443:one.cdn.example:443", "https://two.cdn.example/",
                             allow=["one.cdn.example"])
        self.assertNotEqual(result.returncode, 0)
        self.assertEqual(self.internet.greetings[before:], [], "the hello never arrived")
        self.assertIn("SNI", [e.get("rule") for e in self.events("network.denied")])
        # The control: by its own name it is there.
        self.assert_output(self.inside(*CURL, "https://two.cdn.example/", allow=["two.cdn.example"]), "GET two.cdn.example / 0\n")

    def test_a_name_that_lies_is_not_believed(self):
        for name in ("lying.example", "metadata.example"):
            result = self.inside(*CURL, f"http://{name}/", allow=[name])
            self.assertIn(b"address", result.stdout, name)
            self.assertIn(b"was refused", result.stdout, name)

    def test_a_name_that_changes_to_the_host_is_dialled_only_while_it_is_public(self):
        program = ("import http.client, time\nfor _ in range(2):\n  c = http.client.HTTPConnection('rebinding.example', 80); "
                   "c.request('GET', '/'); print(c.getresponse().status); c.close(); time.sleep(0.2)\n")
        self.internet.names["rebinding.example"].asked[fake_internet.A] = 0
        self.reached_loopback.clear()
        out = self.inside("python3", "-c", program, allow=["rebinding.example"]).stdout.decode().split()
        self.assertEqual(out, ["200", "403"])
        self.assertEqual(self.reached_loopback, [])
        # The control: who believes the name a second time is there.
        host = {"preexec_fn": self.world.preexec, "capture_output": True, "timeout": 30, "check": False}
        asked = subprocess.run(["curl", "-sS", "--noproxy", "*", "http://rebinding.example/"], **host)
        self.assertEqual((asked.stdout, len(self.reached_loopback)), (b"loopback", 1), asked.stderr)

    def test_hosts_of_one_family_slow_names_and_dead_addresses_are_reached(self):
        for name in ("six.good.example", "slow.good.example", "half.good.example"):
            self.assert_output(self.inside(*CURL, f"https://{name}/", allow=["*.good.example"]), f"GET {name} / 0\n")

    def test_a_server_that_speaks_first_is_reached(self):
        program = ("import socket; s = socket.create_connection(('git.good.example', 22), 5); print(s.recv(100)); "
                   "s.sendall(b'SSH-2.0-me'); print(s.recv(100))")
        self.assert_output(self.inside("python3", "-c", program, allow=["git.good.example:22"]),
                           "b'SSH-2.0-fake\\r\\n'\nb'you said SSH-2.0-me'\n")

    def test_other_datagrams_are_refused_and_recorded(self):
        program = ("import socket\nfor to in [('8.8.8.8', 443), ('5.6.0.1', 123)]:\n  s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                   "  try: s.sendto(b'x', to); print('sent')\n  except OSError as e: print(e.errno)\nimport time; time.sleep(0.5)\n")
        self.assert_output(self.inside("python3", "-c", program, allow=["www.good.example"]), "1\n1\n")
        refused = hydravisor.wait_for(lambda: [e for e in self.events("network.denied") if e["what"] == "datagram"], 5, "the record")
        self.assertIn(("8.8.8.8", 443), [(e["address"], e["port"]) for e in refused])

    def test_questions_to_another_server_are_answered_by_ours(self):
        program = ("import socket\nq = bytes.fromhex('123401000001000000000000') + b'\\3www\\4good\\7example\\0\\0\\1\\0\\1'\n"
                   "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5); s.sendto(q, ('8.8.8.8', 53)); a, f = s.recvfrom(512)\n"
                   "print(f, socket.inet_ntoa(a[-4:]).startswith('198.18.'))\n"
                   "t = socket.create_connection(('9.9.9.9', 53), 5); t.sendall(len(q).to_bytes(2, 'big') + q); print(t.recv(512)[2:4] == q[:2])")
        self.assert_output(self.inside("python3", "-c", program, allow=["www.good.example"]), "('8.8.8.8', 53) True\nTrue\n")

    def test_events_come_through_as_they_are_sent(self):
        program = ("import http.client, time\nc = http.client.HTTPConnection('www.good.example', 8888); c.request('GET', '/'); r = c.getresponse()\n"
                   "t = time.monotonic(); r.read(9); first = time.monotonic() - t; r.read(); print(first < 0.2, time.monotonic() - t > 0.5)")
        self.assert_output(self.inside("python3", "-c", program, allow=["www.good.example:8888"]), "True True\n")

    def test_the_courtesy_proxy_serves_those_who_ask(self):
        proxied = ["curl", "-sS", "--max-time", "20", "--cacert", "ca.pem", "-x", "http://127.0.0.1:3128"]
        self.assert_output(self.inside(*proxied, "https://www.good.example/", allow=["www.good.example"]), "GET www.good.example / 0\n")
        self.assert_output(self.inside(*proxied, "http://www.good.example/", allow=["www.good.example"]), "GET www.good.example / 0\n")
        denied = self.inside(*proxied, "http://evil.example/", allow=["www.good.example"])
        self.assertIn(b"--allow evil.example:80", denied.stdout)

    def test_records_name_the_process(self):
        """Each connection that of its own process, allowed or not, by name, by the proxy, over IPv6; also among many, and when it is a child's."""
        python = "import socket, time; s = socket.create_connection(('www.good.example', 80)); s.sendall(b'GET / HTTP/1.0\\r\\nHost: www.good.example\\r\\n\\r\\n'); s.recv(9)"
        script = ("for i in 1 2 3 4 5 6 7 8 9 10; do sleep 60 & done; "
                  f"python3 -c \"{python}\"; curl -sS -6 --noproxy '*' --max-time 20 http://www.good.example/six >/dev/null; "
                  "wget -q -O /dev/null http://www.good.example/by-proxy; "
                  "curl -s --noproxy '*' http://www.good.example:81/ >/dev/null; kill $(jobs -p)")
        self.inside("bash", "-c", script, allow=["www.good.example:80"])
        hydravisor.wait_for(lambda: len(self.events("network.closed")) == 3, 5, "the ends")
        named = {(kind, os.path.basename(event.get("program", "")).rstrip("0123456789.")) for kind in ("network.connection", "network.closed", "network.denied")
                 for event in self.events(kind)}
        self.assertEqual(named, {(kind, program) for kind in ("network.connection", "network.closed") for program in ("python", "curl", "wget")}
                         | {("network.denied", "curl")})
        # They are the same processes that the record of executions names.
        executed = {event["pid"]: event["path"] for event in self.events("exec.started") if event["path"].endswith(("curl", "wget"))}
        for event in self.events("network.connection"):
            if not event["program"].startswith("/usr/bin/python"):
                self.assertEqual(os.path.basename(executed[event["pid"]]), os.path.basename(event["program"]))

    def test_the_variables_lead_to_it_and_past_it(self):
        """Where there is a way out they are set, in `run` and in `exec`; what --env names stands in their place."""
        show = ["sh", "-c", "echo $http_proxy $HTTPS_PROXY; echo $no_proxy"]
        expected = "http://127.0.0.1:3128 http://127.0.0.1:3128\nlocalhost,.localhost,127.0.0.1,::1,host.hydravisor,v\n"
        self.world.ok("create", "--name", "v", "--allow", "www.good.example", "--", "sleep", "1000")
        self.world.ok("start", "v")
        self.assert_output(self.world.cli("exec", "v", "--", *show), expected)
        plain = ["curl", "-sS", "--max-time", "20", "--cacert", "ca.pem"]
        self.assert_output(self.world.cli("exec", "v", "--", *plain, "https://www.good.example/"), "GET www.good.example / 0\n")
        denied = self.world.cli("exec", "v", "--", *plain, "https://evil.example/")
        self.assertIn(b"403", denied.stderr)
        own = self.inside(*show, allow=["www.good.example"], options=["--env", "http_proxy=http://mine:1", "--name", "w"])
        self.assertTrue(own.stdout.startswith(b"http://mine:1 http://127.0.0.1:3128\n"), own.stdout)
        self.assert_output(self.inside(*show), "\n\n")

    def test_development_servers_inside_are_left_alone(self):
        script = ("python3 -m http.server 8000 --bind 127.0.0.1 >/dev/null 2>&1 & "
                  "python3 -m http.server 8001 --bind ::1 >/dev/null 2>&1 & for i in $(seq 50); do sleep 0.2; "
                  "all=$(curl -s --fail-early http://localhost:8000/page.txt http://127.0.0.1:8000/page.txt http://[::1]:8001/page.txt) && "
                  "echo \"$all\" && break; done; kill %1 %2")
        self.world.write("page.txt", "served inside\n")
        self.assert_output(self.inside("bash", "-c", script, allow=["www.good.example"]), 3 * "served inside\n")

    def test_large_bodies_pass_both_ways(self):
        program = ("import http.client\nc = http.client.HTTPConnection('www.good.example', 80); c.request('POST', '/up', body=b'x' * 20_000_000)\n"
                   "print(c.getresponse().read().decode(), end='')")
        self.assert_output(self.inside("python3", "-c", program, allow=["www.good.example"]), "POST www.good.example /up 20000000\n")

    def test_much_of_what_nobody_looks_at_arrives_whole_both_ways(self):
        program = ("import hashlib, socket, time\ns = socket.create_connection(('git.good.example', 7000), 60); s.sendall(b'go\\n'); got = bytearray()\n"
                   f"while len(got) < {len(self.much)}:\n  got += s.recv(1 << 20)\n  if len(got) % 7 == 0: time.sleep(0.01)\n"
                   "s.sendall(got); print(hashlib.sha256(got).hexdigest(), s.recv(32).hex())")
        digest = hashlib.sha256(self.much).hexdigest()
        self.assert_output(self.inside("python3", "-c", program, allow=["git.good.example:7000"]), f"{digest} {digest}\n")
        closed = hydravisor.wait_for(lambda: self.events("network.closed"), 5, "the record of the end")[0]
        self.assertEqual((closed["bytes_in"], closed["bytes_out"]), (len(self.much) + 32, len(self.much) + 3))

    def test_a_gateway_that_dies_is_replaced_and_names_keep_their_addresses(self):
        program = ("import socket, time, sys\na = socket.gethostbyname('www.good.example'); print(a, flush=True); sys.stdin.readline()\n"
                   "for i in range(50):\n  try:\n    s = socket.create_connection((a, 80), 5)\n"
                   "    s.sendall(b'GET / HTTP/1.1\\r\\nHost: www.good.example\\r\\nConnection: close\\r\\n\\r\\n'); print(s.recv(15)); break\n"
                   "  except OSError: time.sleep(0.1)\nprint(socket.gethostbyname('www.good.example') == a)")
        process = self.world.start_cli("run", "--name", "g", "--allow", "www.good.example", "--", "python3", "-c", program)
        self.assertRegex(process.stdout.readline(), rb"198\.18\.")
        (_, worker), = self.world.gateways("g")
        os.kill(worker, signal.SIGKILL)
        out, err = process.communicate(b"\n", timeout=30)
        self.world.note()
        self.assertEqual(out, b"b'HTTP/1.1 200 OK'\nTrue\n", err)

    def test_the_gateway_has_no_rights(self):
        process = self.world.start_cli("run", "--name", "g", "--allow", "www.good.example", "--", "sh", "-c", "echo up; cat")
        self.assertEqual(process.stdout.readline(), b"up\n")
        (_, worker), = hydravisor.wait_for(lambda: self.world.gateways("g"), 10, "the gateway")

        def status():
            with open(f"/proc/{worker}/status", encoding="utf-8") as file:
                return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        fields = hydravisor.wait_for(lambda: status() if status()["Seccomp"] == "2" else None, 5, "its filter")
        self.assertNotEqual(fields["Uid"].split()[0], "0")
        self.assertEqual((fields["CapEff"], fields["CapPrm"], fields["CapInh"], fields["NoNewPrivs"]), ("0" * 16,) * 3 + ("1",))
        process.communicate(b"", timeout=30)
        self.world.note()

    def test_without_a_network_there_is_no_gateway(self):
        process = self.world.start_cli("run", "--name", "g", "--", "sh", "-c", "echo up; cat")
        self.assertEqual(process.stdout.readline(), b"up\n")
        self.assertEqual(self.world.gateways("g"), [])
        process.communicate(b"", timeout=30)
        self.world.note()
        # The control: with one there is.
        process = self.world.start_cli("run", "--name", "h", "--allow", "www.good.example", "--", "sh", "-c", "echo up; cat")
        self.assertEqual(process.stdout.readline(), b"up\n")
        self.assertEqual(len(self.world.gateways("h")), 1)
        process.communicate(b"", timeout=30)
        self.world.note()


class EgressOfAnOrdinaryUser(Egress):
    """The same, rootless: everything is done in the user's own namespaces."""

    def setUp(self):
        user = fake_internet.ordinary_user()
        super().setUp()
        fake_internet.move_in(self.world, self.internet, user)


if __name__ == "__main__":
    hydravisor.main()
