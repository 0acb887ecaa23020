# labels: functional slow
# as: root
# timeout: 480
"""Real programs go out without knowing of any proxy: their names, their connections and nothing else, against a fake internet."""

import functools
import glob
import json
import os
import shutil
import subprocess
import tempfile
import unittest

import fake_internet
import hydravisor
import scripted_model

FIXTURES = os.path.join(hydravisor.SOURCE, "tests/fixtures/egress")
PROXY_VARIABLES = [spelled for name in ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy", "grpc_proxy", "ws_proxy", "wss_proxy")
                   for spelled in (name, name.upper())]
SITES = ("https://www.good.example/tls", "http://www.good.example/plain", "https://six.good.example/six", "http://six.good.example/six")
PAGES = ("GET www.good.example /tls 0\nGET www.good.example /plain 0\nGET six.good.example /six 0\nGET six.good.example /six 0\n")


def need(program, *more_places):
    """Where a program is; skips the calling test where it is nowhere."""
    found = shutil.which(program) or next((path for pattern in more_places for path in sorted(glob.glob(pattern))), None)
    return found or hydravisor.skip_or_fail(f"{program} is not installed; tools/install-deps --test says which packages are wanted")


def need_module(name):
    if subprocess.run(["/usr/bin/python3", "-c", f"import {name}"], check=False, capture_output=True).returncode != 0:
        hydravisor.skip_or_fail(f"Python's {name} is not installed")


@functools.cache
def built():
    """A directory, kept while the tests run, for what is compiled outside and run inside."""
    directory = tempfile.mkdtemp(prefix="hvbuilt-")
    os.chmod(directory, 0o755)
    unittest.addModuleCleanup(shutil.rmtree, directory)
    return directory


@functools.cache
def go_program():
    go, target = need("go"), os.path.join(built(), "fetch")
    subprocess.run([go, "build", "-o", target, os.path.join(FIXTURES, "fetch.go")], check=True, cwd=built(),
                   env={**os.environ, "GOCACHE": os.path.join(built(), "go"), "GOFLAGS": "", "GOPROXY": "off", "GO111MODULE": "off"})
    return target


@functools.cache
def java_class():
    subprocess.run([need("javac"), "-d", built(), os.path.join(FIXTURES, "Fetch.java")], check=True)
    return os.path.join(built(), "Fetch.class")


class Programs(hydravisor.TestCase):
    user = None  # who runs Hydravisor; root when nobody is named

    @classmethod
    def setUpClass(cls):
        # Servers that are programs run as this user, as nobody's servers run as root.
        cls.server_user = user = fake_internet.ordinary_user()
        cls.internet = internet = fake_internet.FakeInternet()
        cls.addClassCleanup(internet.close)
        internet.name("www.good.example", v4=["5.6.0.1"], v6=["2a0b:6::1"])
        internet.name("six.good.example", v6=["2a0b:6::6"])
        for number, name in enumerate(["git.good.example", "db.good.example", "rpc.good.example", "ws.good.example", "one.cdn.example",
                                       "tracker.example"]):
            internet.name(name, v4=[f"5.6.1.{number}"])
        for name in ("www.good.example", "six.good.example"):
            internet.web([name])
            internet.web([name], port=80)
        cls.servers = os.path.join(internet.top, "servers")
        os.mkdir(cls.servers)
        for name in ("key", "host_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", os.path.join(cls.servers, name)], check=True)
        shutil.chown(cls.servers, user.pw_uid, user.pw_gid)
        shutil.chown(os.path.join(cls.servers, "host_key"), user.pw_uid, user.pw_gid)
        cls.serve_ssh()

    def setUp(self):
        super().setUp()
        for name in os.listdir(FIXTURES):
            shutil.copy(os.path.join(FIXTURES, name), self.world.project)
        shutil.copy(self.internet.ca, os.path.join(self.world.project, "ca.pem"))
        shutil.copy(os.path.join(self.servers, "key"), self.world.project)
        with open(os.path.join(self.servers, "host_key.pub"), encoding="utf-8") as file:
            self.world.write("known_hosts", f"git.good.example {file.read()}")
        fake_internet.move_in(self.world, self.internet, self.user)

    def inside(self, *command, allow=("*.good.example",), options=(), **more):
        allowed = [word for host in allow for word in ("--allow", host)]
        without = [word for name in PROXY_VARIABLES for word in ("-u", name)]
        return self.run_in_sandbox("env", *without, *command, options=[*allowed, *options], **more)

    def events(self, kind):
        items = self.world.json("audit", "ls", "--kind", kind, "--limit", "1000")["items"]
        return [item["payload"] for item in reversed(items)]

    def assert_intercepted(self, *wanted, seconds=5):
        """The ledger has these connections (host, port, protocol or None), each of a client that was given an address for the name by DNS and used
        it. Whoever asks a proxy asks for no address."""
        def missing():
            resolved = {event["host"] for event in self.events("network.dns") if event["verdict"] == "allow" and event.get("address")}
            opened = set()
            for event in self.events("network.connection"):
                # Browsers fill the place of an encrypted hello at random when they have none.
                protocol = event.get("protocol", "").removesuffix("+ech")
                if event["verdict"] == "allow" and event["host"] in resolved and (protocol != "tls" or event["sni"] == event["host"]):
                    opened.add((event["host"], event["port"], protocol or None))
            return set(wanted) - opened
        hydravisor.wait_for(lambda: not missing(), seconds, f"the record of {wanted}")

    def assert_fetches_all(self, *command, options=(), times=1):
        result = self.inside(*command, *SITES, options=options)
        self.assertEqual((result.stdout.decode(), result.returncode), (PAGES * times, 0), result.stderr.decode(errors="replace"))
        self.assert_intercepted(*((f"{name}.good.example", port, protocol) for name in ("www", "six")
                                  for port, protocol in ((443, "tls"), (80, "http"))))

    # The web's clients.

    def test_curl_over_both_families(self):
        for family in ("-4", "-6"):
            self.assert_fetches_all("curl", "-sS", "--max-time", "20", "--cacert", "ca.pem", family)

    def test_the_ledger_tells_a_client_of_the_proxy_apart(self):
        """The control of what the other tests assert."""
        self.assert_output(self.inside("curl", "-sS", "--cacert", "ca.pem", "-x", "http://127.0.0.1:3128", SITES[0]), PAGES.splitlines(True)[0])
        hydravisor.wait_for(lambda: self.events("network.closed"), 5, "the record")
        with self.assertRaises(AssertionError):
            self.assert_intercepted(("www.good.example", 443, "tls"), seconds=0)

    def test_node_fetch(self):
        need("node")
        self.assert_fetches_all("node", "fetch.mjs", options=["--env", f"NODE_EXTRA_CA_CERTS={self.world.project}/ca.pem"])

    def test_python_asyncio(self):
        self.assert_fetches_all("/usr/bin/python3", "fetch_asyncio.py")

    def test_python_requests_and_urllib3(self):
        need_module("requests")
        self.assert_fetches_all("/usr/bin/python3", "fetch_requests.py", times=2)

    def test_go_with_its_own_resolver_and_the_systems(self):
        shutil.copy(go_program(), self.world.project)
        for resolver in ("go", "cgo"):
            self.assert_fetches_all("./fetch", options=["--env", f"GODEBUG=netdns={resolver}", "--env", "SSL_CERT_FILE=ca.pem"])

    def test_java(self):
        shutil.copy(java_class(), self.world.project)
        subprocess.run([need("keytool"), "-importcert", "-noprompt", "-alias", "fake", "-file", self.internet.ca, "-keystore",
                        os.path.join(self.world.project, "trust.p12"), "-storetype", "PKCS12", "-storepass", "public"], check=True,
                       capture_output=True)
        self.assert_fetches_all("java", "-Djavax.net.ssl.trustStore=trust.p12", "-Djavax.net.ssl.trustStorePassword=public", "-cp", ".", "Fetch")

    def test_a_grpc_call_with_and_without_tls(self):
        need_module("grpc")
        self.internet.program(["/usr/bin/python3", os.path.join(FIXTURES, "grpc_echo.py"), "serve", "5.6.1.2", "50051", "443",
                               *self.internet.certificate_files(["rpc.good.example"])], "5.6.1.2", 443)
        for arguments in (["rpc.good.example:443", "ca.pem"], ["rpc.good.example:50051"]):
            result = self.inside("/usr/bin/python3", "grpc_echo.py", "call", *arguments, allow=["rpc.good.example:443,50051"])
            self.assert_output(result, "heard hello\n0 1 2\n")
        self.assert_intercepted(("rpc.good.example", 443, "tls"), ("rpc.good.example", 50051, "h2c"))

    def test_a_websocket_with_and_without_tls(self):
        need_module("websockets")
        self.internet.program(["/usr/bin/python3", os.path.join(FIXTURES, "websocket_echo.py"), "serve", "5.6.1.3", "80", "443",
                               *self.internet.certificate_files(["ws.good.example"])], "5.6.1.3", 443)
        for arguments in (["wss://ws.good.example/chat", "ca.pem"], ["ws://ws.good.example/chat"]):
            self.assert_output(self.inside("/usr/bin/python3", "websocket_echo.py", "call", *arguments), "heard hello\n300006\n")
        self.assert_intercepted(("ws.good.example", 443, "tls"), ("ws.good.example", 80, "http"))
        self.assertIn(("GET", "/chat"), [(e["method"], e["path"]) for e in self.events("network.request")])

    def as_server(self, command, **options):
        """A finished program of the servers' user."""
        user = self.server_user
        return subprocess.run(command, check=True, capture_output=True, user=user.pw_uid, group=user.pw_gid, extra_groups=[], **options)

    # Git and shells.

    def serve_git_over_https(self):
        """git's own CGI program behind the test's TLS server."""
        def backend(request, sent):
            path, _, query = request.path.partition("?")
            answer = self.as_server(["git", "http-backend"], input=sent, env={
                "PATH": "/usr/bin:/bin", "HOME": self.servers, "GIT_PROJECT_ROOT": self.servers, "GIT_HTTP_EXPORT_ALL": "1",
                "REMOTE_USER": "somebody", "REMOTE_ADDR": "5.5.0.2", "REQUEST_METHOD": request.command, "PATH_INFO": path, "QUERY_STRING": query,
                "CONTENT_TYPE": request.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(sent)),
                "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": request.headers.get("Git-Protocol", "")}).stdout
            head, _, body = answer.partition(b"\r\n\r\n")
            fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            request.send_response(int(fields.pop("Status", "200").split()[0]))
            for field in [*fields.items(), ("Content-Length", str(len(body)))]:
                request.send_header(*field)
            request.end_headers()
            request.wfile.write(body)
        self.internet.web(["git.good.example"], handler=backend)

    @classmethod
    def serve_ssh(cls):
        """A real sshd for each connection, without rights of its own: it lets in the one user that it runs as."""
        path = os.path.join(cls.servers, "sshd_config")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"HostKey {cls.servers}/host_key\nAuthorizedKeysFile {cls.servers}/key.pub\nStrictModes no\nUsePAM no\n"
                       "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPidFile none\n")

        def handle(connection):
            with connection, open(os.path.join(cls.servers, "sshd.log"), "ab") as log:
                user = cls.server_user
                subprocess.run([need("sshd", "/usr/sbin/sshd"), "-i", "-e", "-f", path], stdin=connection, stdout=connection, stderr=log, user=user.pw_uid,
                               group=user.pw_gid, extra_groups=[], check=False)
        cls.internet.serve(cls.internet.names["git.good.example"].answers[1][0][0], 22, handle)

    def make_repository(self):
        repository = os.path.join(self.servers, "project.git")
        shutil.rmtree(repository, ignore_errors=True)
        environment = {"PATH": "/usr/bin:/bin", "HOME": self.servers}
        self.as_server(["git", "init", "-q", "--bare", "-b", "main", repository], env=environment)
        self.as_server(["git", "-C", repository, "config", "http.receivepack", "true"], env=environment)
        return repository, environment

    def clone_commit_push(self, url, options):
        repository, environment = self.make_repository()
        script = ("set -e; export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@a.example GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@a.example\n"
                  f"git clone -q {url} copy 2>/dev/null; cd copy; head -c 3000000 /dev/urandom >large; echo hi >small; git add .; git commit -q -m first\n"
                  f"git push -q origin HEAD:main; cd ..; git clone -q {url} again; cmp copy/large again/large; cat again/small")
        self.assert_output(self.inside("bash", "-c", script, allow=["git.good.example:22,443"], options=options), "hi\n")
        log = self.as_server(["git", "-C", repository, "log", "--format=%s", "main"], env=environment)
        self.assertEqual(log.stdout, b"first\n")

    def test_git_over_https(self):
        self.serve_git_over_https()
        self.clone_commit_push("https://git.good.example/project.git", ["--env", f"GIT_SSL_CAINFO={self.world.project}/ca.pem"])
        self.assert_intercepted(("git.good.example", 443, "tls"))

    def test_git_over_ssh(self):
        need("sshd", "/usr/sbin/sshd")
        self.clone_commit_push(f"ssh://{self.server_user.pw_name}@git.good.example{self.servers}/project.git",
                               ["--env", f"GIT_SSH_COMMAND=ssh {self.ssh_options()}"])
        self.assert_intercepted(("git.good.example", 22, None))

    def ssh_options(self, known_hosts="known_hosts"):
        project = self.world.project
        return (f"-F none -i {project}/key -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes "
                f"-o UserKnownHostsFile={project}/{known_hosts} -o GlobalKnownHostsFile=none")

    def test_ssh_runs_a_command_on_the_host_whose_key_it_knows_and_on_no_other(self):
        need("sshd", "/usr/sbin/sshd")
        command = ["ssh", *self.ssh_options().split(), f"{self.server_user.pw_name}@git.good.example", "cat; echo $SSH_CONNECTION | cut -d' ' -f3"]
        self.assert_output(self.inside(*command, allow=["git.good.example:22"], input=b"said\n"), "said\n5.6.1.0\n")
        self.assert_intercepted(("git.good.example", 22, None))
        self.world.write("known_hosts", "git.good.example ssh-ed25519 " + "A" * 68 + "\n")
        result = self.inside(*command, allow=["git.good.example:22"])
        self.assertEqual((result.returncode, result.stdout), (255, b""))
        self.assertIn(b"Host key verification failed", result.stderr)

    # A database.

    def serve_postgres(self):
        """A real postgres of its own, with TLS; ends with the internet."""
        directory, user = os.path.join(self.servers, "database"), self.server_user
        programs = os.path.dirname(need("postgres", "/usr/lib/postgresql/*/bin/postgres"))
        environment = {"PATH": f"{programs}:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": self.servers}
        self.as_server([f"{programs}/initdb", "-D", directory, "-U", "hv", "--auth=trust", "--no-sync"], env=environment)
        for source, name in zip(self.internet.certificate_files(["db.good.example"]), ("server.crt", "server.key")):
            shutil.copy(source, os.path.join(directory, name))
            shutil.chown(os.path.join(directory, name), user.pw_uid, user.pw_gid)
        with open(os.path.join(directory, "pg_hba.conf"), "w", encoding="utf-8") as file:
            file.write("host all all 0.0.0.0/0 trust\n")
        settings = ["fsync=off", "ssl=on", "listen_addresses=5.6.1.1", "unix_socket_directories=", "max_connections=10", "shared_buffers=1MB"]
        self.internet.program([f"{programs}/postgres", "-D", directory, *(word for setting in settings for word in ("-c", setting))],
                              "5.6.1.1", 5432, user=user, env=environment)

    def test_psql_with_and_without_tls(self):
        need("psql")
        self.serve_postgres()
        query = "select (select ssl from pg_stat_ssl where pid = pg_backend_pid()), length(repeat('x', 5000000))"
        for mode, said in (("verify-full", "t|5000000\n"), ("disable", "f|5000000\n")):
            result = self.inside("psql", "-At", f"host=db.good.example user=hv dbname=postgres sslmode={mode} sslrootcert=ca.pem", "-c", query,
                                 allow=["db.good.example:5432"])
            self.assert_output(result, said)
        self.assert_intercepted(("db.good.example", 5432, "other"))

    # A browser.

    def test_chromium_shows_a_page_of_two_hosts_without_the_third(self):
        chromium = need("chromium")
        page = (b"<p id=p>empty</p><img src=https://tracker.example/pixel.png>"
                b"<script>const s = new XMLHttpRequest(); s.open('GET', '/more', false); s.send(); const local = s.responseText</script>"
                b"<script src=https://one.cdn.example/library.js></script>")
        pages = {"/page": page, "/more": b"and more", "/library.js": b"document.getElementById('p').textContent = 'filled ' + local"}

        def handle(request, _):
            body = pages.get(request.path, b"")
            request.send_response(200 if body else 404)
            request.send_header("Content-Type", "text/javascript" if request.path.endswith(".js") else "text/html")
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body)
        trusted = []
        for names in (["www.page.example"], ["one.cdn.example"], ["tracker.example"]):
            self.internet.name(names[0], v4=[f"5.6.2.{len(trusted)}"], v6=[f"2a0b:6::2:{len(trusted)}"])
            self.internet.web(names, handler=handle)
            key = subprocess.run(f"openssl x509 -in {self.internet.top}/{names[0]}.pem -pubkey -noout | openssl pkey -pubin -outform der | "
                                 "openssl dgst -sha256 -binary | base64", shell=True, check=True, capture_output=True)
            trusted.append(key.stdout.decode().strip())
        before = len(self.internet.greetings)
        result = self.inside(chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--user-data-dir=/tmp/chromium",
                             f"--ignore-certificate-errors-spki-list={','.join(trusted)}", "--dump-dom", "https://www.page.example/page",
                             allow=["www.page.example", "one.cdn.example"])
        self.assertIn(b'<p id="p">filled and more</p>', result.stdout, result.stderr[-3000:])
        self.assert_intercepted(("www.page.example", 443, "tls"), ("one.cdn.example", 443, "tls"))
        self.assertLessEqual(set(self.internet.greetings[before:]), {"www.page.example", "one.cdn.example"})
        self.assertIn("tracker.example", [e["host"] for e in self.events("network.dns") if e["verdict"] == "deny"])

    # Servers inside.

    def test_development_servers_answer_their_own_clients(self):
        need("node")
        self.world.write("page.txt", "served inside\n")
        script = """python3 -m http.server 8000 --bind 127.0.0.1 >/dev/null 2>&1 & first=$!
python3 -m http.server 8000 --bind ::1 >/dev/null 2>&1 & second=$!
for host in 127.0.0.1 '[::1]' localhost shop.localhost a.b.localhost; do
  curl -sS --retry 20 --retry-connrefused --retry-delay 1 --max-time 20 "http://$host:8000/page.txt" || echo "no $host"
done
node fetch.mjs http://localhost:8000/page.txt http://shop.localhost:8000/page.txt
python3 -c 'import urllib.request as u; print(u.urlopen("http://shop.localhost:8000/page.txt").read().decode(), end="")'
kill $first $second"""
        self.assert_output(self.inside("bash", "-c", script), "served inside\n" * 8)
        self.assertEqual(self.events("network.connection"), [])

    # Agents, with their model at a name.

    def run_agent(self, pattern, *command, configuration):
        """Has an agent work whose model is model.good.example; its profile's own hosts are denied, and so is what it reports to."""
        package = self.package(pattern) or hydravisor.skip_or_fail(f"tools/fetch-test-packages has not fetched {pattern}")
        node = self.package("node-*/node_modules/node/bin") or os.path.dirname(need("node"))
        self.internet.name("model.good.example", v4=["5.6.3.1"])
        configuration = {**configuration, "../config/hydravisor/policies/quiet.toml": """version = 1
[limits]
memory = "4GiB"
[network]
agent_hosts = false
allow = ["model.good.example"]
deny = ["telemetry.example"]
"""}
        for path, text in configuration.items():
            path = os.path.join(self.world.home, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        fake_internet.move_in(self.world, self.internet, self.user)
        authority = f"{self.world.project}/ca.pem"
        report = "curl -sS https://telemetry.example/report || echo hi > hello.txt"
        questions, greetings = len(self.internet.questions), len(self.internet.greetings)
        with self.internet.model("model.good.example", report):
            # By its own name, as the profile is found; an empty variable is none.
            variables = [*(f"{name}=" for name in PROXY_VARIABLES), "MODEL_KEY=none", f"NODE_EXTRA_CA_CERTS={authority}", f"SSL_CERT_FILE={authority}"]
            result = self.run_in_sandbox(*command, timeout=120, env={"PATH": f"{package}/node_modules/.bin:{node}:{self.world.env['PATH']}"}, options=[
                "--name", "agent", "--policy", "quiet", *(word for variable in variables for word in ("--env", variable))])
        self.assertEqual(result.returncode, 0, (result.stdout + result.stderr).decode(errors="replace"))
        self.assertIn("+hi", self.world.ok("diff", "agent"))
        self.assert_intercepted(("model.good.example", 443, "tls"))
        self.assertEqual({name for name, _ in self.internet.questions[questions:]}, {"model.good.example"})
        self.assertEqual(set(self.internet.greetings[greetings:]), {"model.good.example"})
        denied = {event["host"] for event in self.events("network.dns") if event["verdict"] == "deny"}
        self.assertIn("telemetry.example", denied)
        self.world.ok("audit", "verify")
        return denied

    def package(self, pattern):
        """A cached package's directory, where the user may read it."""
        cache = os.path.join(self.user.pw_dir, ".cache/hydravisor") if self.user else hydravisor.cache_dir()
        return next(iter(sorted(glob.glob(os.path.join(cache, "npm", pattern)), reverse=True)), None)

    def test_pi_works_with_a_model_at_a_name_and_reports_to_nobody(self):
        entry = {"id": "scripted", "name": "scripted", "reasoning": False, "input": ["text"], "contextWindow": 128000,
                 "maxTokens": 4096, "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0}}
        provider = {"baseUrl": "https://model.good.example/v1", "api": "openai-completions", "apiKey": "MODEL_KEY", "models": [entry]}
        self.run_agent("@mariozechner+pi-coding-agent-*", "pi", "--provider", "scripted", "--model", "scripted", "-p", "create hello.txt",
                       configuration={".pi/agent/models.json": json.dumps({"providers": {"scripted": provider}})})

    def test_codex_works_with_a_model_at_a_name_and_reports_to_nobody(self):
        self.run_agent("@openai+codex-*", "codex", "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "create hello.txt",
                       configuration={".codex/config.toml": """model = "scripted"
model_provider = "scripted"
[model_providers.scripted]
name = "scripted"
base_url = "https://model.good.example/v1"
env_key = "MODEL_KEY"
wire_api = "responses"
"""})


class ProgramsOfAnOrdinaryUser(Programs):
    """The same, rootless."""

    @classmethod
    def setUpClass(cls):
        cls.user = fake_internet.ordinary_user()
        super().setUpClass()


if __name__ == "__main__":
    hydravisor.main()
