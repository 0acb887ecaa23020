# labels: functional slow
# as: root
# timeout: 480
"""Real runs recorded, policies learned of them: what was learned denies nothing of that run, the same run works under it, and what is new
is refused and explained. Programs and agents meet a fake internet."""

import glob
import json
import os
import shutil
import tomllib

import fake_internet
import hydravisor
import scripted_model

# Each a run of its own, of programs that every machine of the tests has; `more` are options of the first run.
RUNS = {
    "scripts": ("./configure && cat made && ./bin/tool one 'two three' && /usr/bin/env python3 -c 'import subprocess; subprocess.run([\"id\", \"-u\"])'", []),
    "a build": ("printf 'int main(void) { return 0; }' > m.c && printf 'm: m.c\\n\\tcc -o m m.c\\n' > Makefile && make && ./m", []),
    "git": ("git init -q r && cd r && git config user.email a@b.test && git config user.name me && echo x > f && git add f && "
            "git commit -q -m first && git log --format=%s | cat && git gc -q", []),
    "the home": ("mkdir -p ~/.local/bin && printf '#!/bin/sh\\necho mine\\n' > ~/.local/bin/mine && chmod +x ~/.local/bin/mine && ~/.local/bin/mine", []),
    "odd names": ("'./a b' && './x[1]{y}' && 'st*r/~x' && printf '#!/bin/sh\\necho later\\n' > /tmp/later && chmod +x /tmp/later && /tmp/later", []),
    "the web": ("curl -sS --cacert ca.pem https://www.good.example/tls http://www.good.example/plain && "
                "curl -sS -X POST -d a=b http://api.good.example:8080/v1/items && "
                "/usr/bin/python3 -c 'import urllib.request as u; print(u.urlopen(\"http://www.good.example/py\").read())' && "
                "curl -sS http://5.6.0.1/by-number && curl -g -sS http://[2a0b:6::1]/by-number", []),
    "hosts that are not public": ("curl -sS http://inner.good.example/ && curl -sS --noproxy '*' http://inner.good.example/ && curl -sS --http0.9 "
                                  "http://host.hydravisor:$PORT/", ["--allow-private", "inner.good.example", "--host-port", "$PORT"]),
    "what is refused": ("curl -sS --max-time 5 http://no.such.example/; curl -sS --max-time 5 http://169.254.169.254/; /usr/bin/nothing; "
                        "mount -t tmpfs none /mnt; true", []),
}


class Learned(hydravisor.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.internet = internet = fake_internet.FakeInternet()
        cls.addClassCleanup(internet.close)
        internet.name("www.good.example", v4=["5.6.0.1"], v6=["2a0b:6::1"])
        internet.name("api.good.example", v4=["5.6.0.2"])
        internet.name("new.good.example", v4=["5.6.0.3"])
        internet.name("inner.good.example", v4=["10.0.0.1"])
        internet.name("model.good.example", v4=["5.6.3.1"])
        internet.web(["www.good.example"])
        internet.web(["www.good.example"], port=80)
        internet.web(["api.good.example"], port=8080)
        internet.web(["new.good.example"], port=80)
        internet.web(["inner.good.example"], port=80)

    def setUp(self):
        super().setUp()
        shutil.copy(self.internet.ca, os.path.join(self.world.project, "ca.pem"))
        self.world.write("configure", "#!/bin/sh\nuname -s > made\nsed s/x/y/ made | sort | wc -l\n", 0o755)
        self.world.write("bin/tool", "#!/usr/bin/env sh\necho \"tool: $*\"\n", 0o755)
        for name in ("a b", "x[1]{y}", "st*r/~x"):
            self.world.write(name, "#!/bin/sh\necho odd\n", 0o755)
        fake_internet.move_in(self.world, self.internet)

    def run_under(self, policy, name, script, options=()):
        return self.run_in_sandbox("sh", "-c", script, options=["--policy", policy, "--name", name, "--keep", *options])

    def learn(self, name, policy):
        path = self.world.ok("policy", "learn", name, "--as", policy, "--save").strip()
        self.assertTrue(self.world.json("policy", "validate", policy)["valid"])
        with open(path, "rb") as file:
            return tomllib.load(file)

    def simulated(self, policy, source):
        result = self.world.cli("policy", "simulate", policy, "--from", source, "--json")
        self.assertIn(result.returncode, (0, 1), result.stderr.decode(errors="replace"))
        report = json.loads(result.stdout)
        self.assertEqual(result.returncode, 1 if report["denied_count"] else 0)
        return report

    def test_denies_nothing_of_the_run_that_it_was_learned_of(self):
        # A service of the host's loopback, which is the fake host's.
        self.internet.serve("127.0.0.1", 8155, self.greet, at_host=True)
        for number, (title, (script, options)) in enumerate(RUNS.items()):
            with self.subTest(title):
                script, options = script.replace("$PORT", "8155"), [option.replace("$PORT", "8155") for option in options]
                first, again, policy = f"first-{number}", f"again-{number}", f"learned-{number}"
                ran = self.run_under("audit-only", first, script, options)
                self.assertEqual(ran.returncode, 0, ran)
                self.learn(first, policy)
                report = self.simulated(policy, first)
                self.assertEqual((report["denied_count"], report["denied"]), (0, []))
                self.assertGreater(report["asked"], 3)
                # The same again under it.
                repeated = self.run_under(policy, again, script)
                self.assertEqual((repeated.returncode, repeated.stdout), (0, ran.stdout) if title != "what is refused" else (0, repeated.stdout), repeated)
                self.assertEqual(self.simulated(policy, again)["denied_count"], 0)
                # And it is no open door: what the run did not do is denied.
                for question in (["exec", "/usr/bin/tac"], ["connect", "new.good.example:80"], ["connect", "www.good.example:8443"], ["write", "/srv/x"]):
                    self.assertEqual(self.world.cli("policy", "check", policy, *question).returncode, 1, question)

    @staticmethod
    def greet(connection):
        with connection:
            connection.recv(4096)
            connection.sendall(b"hello\n")

    def test_is_judged_by_files_as_by_the_ledger(self):
        for number in (0, 5):
            self.assertEqual(self.run_under("audit-only", f"run-{number}", list(RUNS.values())[number][0]).returncode, 0)
        strict = os.path.join(self.world.directory("config/hydravisor/policies"), "strict.toml")
        with open(strict, "w", encoding="utf-8") as file:
            file.write('version = 1\n[exec]\ndeny = ["sort", "configure"]\n[network]\ndefault = "allow"\ndeny = ["api.good.example"]\n')
        self.learn("run-0", "learned")
        # What is not sealed yet is in no bundle.
        hydravisor.wait_for(lambda: all(item["durability"] == "sealed" for item in self.world.json("audit", "ls", "--last", "1")["items"]), 10, "the seal")
        top = self.world.directory("files")
        for form in ("jsonl", "bundle"):
            self.world.ok("audit", "export", "--format", form, "--to", f"{top}/all.{form}")
            self.world.ok("audit", "export", "--format", form, "--sandbox", "run-0", "--to", f"{top}/one.{form}")
            for policy in ("strict", "learned"):
                expected = self.simulated(policy, "run-0")
                self.assertEqual(expected["denied_count"] > 0, policy == "strict")
                self.assertEqual(self.simulated(policy, f"{top}/one.{form}"), expected)
                whole, ledger = self.simulated(policy, f"{top}/all.{form}"), self.simulated(policy, "ledger")
                self.assertEqual((whole["asked"], whole["denied_count"], whole["denied"]), (ledger["asked"], ledger["denied_count"], ledger["denied"]))
                self.assertGreater(whole["denied_count"], 0)
        # In parts: the start that says where the workspace is lies in an earlier one than what is judged by it.
        with open(f"{top}/one.jsonl", encoding="utf-8") as file:
            lines = file.readlines()
        start = next(i for i, line in enumerate(lines) if '"sandbox.starting"' in line)
        deed = next(line for line in lines if json.loads(line)["payload"].get("path", "").endswith("configure"))
        with open(f"{top}/many.jsonl", "w", encoding="utf-8") as file:
            file.writelines(lines[:start + 1] + [deed] * 12000)
        report = self.simulated("learned", f"{top}/many.jsonl")
        self.assertEqual((report["asked"], report["denied_count"]), (12000, 0))
        self.assertEqual(self.simulated("strict", f"{top}/many.jsonl")["denied_count"], 12000)
        # One that was changed is not believed, and what is no record is named.
        with open(f"{top}/one.bundle", encoding="utf-8") as file:
            text = file.read()
        with open(f"{top}/changed.bundle", "w", encoding="utf-8") as file:
            file.write(text.replace("configure", "confignore"))
        self.assert_refused(self.world.cli("policy", "simulate", "strict", "--from", f"{top}/changed.bundle"), "not as it was sealed", "audit check")
        with open(f"{top}/odd.jsonl", "w", encoding="utf-8") as file:
            file.write(lines[0] + "{}\n")
        self.assert_refused(self.world.cli("policy", "simulate", "strict", "--from", f"{top}/odd.jsonl"), "odd.jsonl:2: not a record")
        self.assert_refused(self.world.cli("policy", "simulate", "strict", "--from", "./nowhere.jsonl"), "nowhere.jsonl")


class Agent(Learned):
    test_denies_nothing_of_the_run_that_it_was_learned_of = None
    test_is_judged_by_files_as_by_the_ledger = None

    def pi(self, name, policy, *commands):
        """The run's result, and what the model was told of its commands."""
        found = sorted(glob.glob(os.path.join(hydravisor.cache_dir(), "npm", "@mariozechner+pi-coding-agent-*")))
        package = found[-1] if found else hydravisor.skip_or_fail("tools/fetch-test-packages has not fetched pi")
        nodes = glob.glob(os.path.join(hydravisor.cache_dir(), "npm/node-*/node_modules/node/bin"))
        node = nodes[0] if nodes else os.path.dirname(shutil.which("node") or hydravisor.skip_or_fail("node is not installed"))
        entry = {"id": "scripted", "name": "scripted", "reasoning": False, "input": ["text"], "contextWindow": 128000,
                 "maxTokens": 4096, "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0}}
        provider = {"baseUrl": "https://model.good.example/v1", "api": "openai-completions", "apiKey": "MODEL_KEY", "models": [entry]}
        configuration = os.path.join(self.world.home, ".pi/agent/models.json")
        os.makedirs(os.path.dirname(configuration), exist_ok=True)
        with open(configuration, "w", encoding="utf-8") as file:
            json.dump({"providers": {"scripted": provider}}, file)
        log = os.path.join(self.world.top, name + ".log")
        with self.internet.model("model.good.example", *commands, log=log):
            authority = f"{self.world.project}/ca.pem"
            variables = ["MODEL_KEY=none", f"NODE_EXTRA_CA_CERTS={authority}"]
            result = self.run_in_sandbox("pi", "--provider", "scripted", "--model", "scripted", "-p", "create hello.txt", timeout=120,
                                         env={"PATH": f"{package}/node_modules/.bin:{node}:{self.world.env['PATH']}"},
                                         options=["--name", name, "--policy", policy, "--keep", *(w for v in variables for w in ("--env", v))])
        self.assertEqual(result.returncode, 0, (result.stdout + result.stderr).decode(errors="replace"))
        with open(log, encoding="utf-8") as file:
            return file.read()

    def test_pi_works_under_what_was_learned_of_its_first_run_and_what_is_new_is_refused_and_explained(self):
        work = "curl -sS http://www.good.example/plain && echo hi > hello.txt"
        self.pi("first", "audit-only", work)
        self.assertIn("+hi", self.world.ok("diff", "first"))
        policy = self.learn("first", "pi-least")
        self.assertIn("model.good.example:443", policy["network"]["allow"])
        self.assertEqual(policy["exec"]["default"], "deny")
        self.assertEqual(self.simulated("pi-least", "first")["denied_count"], 0)
        # The same work.
        self.pi("second", "pi-least", work)
        self.assertIn("+hi", self.world.ok("diff", "second"))
        self.assertEqual(self.simulated("pi-least", "second")["denied_count"], 0)
        # A new host and a write outside.
        outside = os.path.join(self.world.directory("outside"), "file")
        told = self.pi("third", "pi-least", "curl -sS --max-time 20 --noproxy '*' http://new.good.example/; echo \"new host: $?\"",
                       "curl -sS --max-time 20 http://new.good.example/",
                       f"echo x > {outside} || echo 'refused outside'; echo x > /usr/local/outside || echo 'refused in the system'")
        self.assertIn("new host: 6", told)  # curl: the name does not exist
        self.assertIn("no rule allows new.good.example:80", told)
        self.assertIn("hydravisor net third --allow new.good.example:80", told)
        self.assertIn("refused outside", told)
        self.assertIn("refused in the system", told)
        self.assertFalse(os.path.exists(outside))
        self.assertNotIn(("new.good.example", "GET", "/"), self.internet.requests)
        self.assertNotIn("new.good.example", [name for name, _ in self.internet.questions])
        denied = [item["payload"] for item in self.world.json("audit", "ls", "--sandbox", "third", "--kind", "network.", "--limit", "1000")["items"]
                  if item["payload"].get("verdict") == "deny"]
        self.assertIn("new.good.example", {event.get("host") for event in denied})
        # Outside of the run the same is answered with the rule and its line.
        answer = self.world.cli("policy", "check", "pi-least", "connect", "new.good.example:80")
        self.assertEqual(answer.returncode, 1)
        self.assertRegex(answer.stdout.decode(), r"deny: network\.default .*pi-least\.toml:\d+.*no rule allows new\.good\.example:80")
        for path, why in (("/usr/local/outside", b"read-only"), ("/srv/outside", b"nothing of the host is there but what is granted")):
            answer = self.world.cli("policy", "check", "pi-least", "write", path)
            self.assertEqual(answer.returncode, 1)
            self.assertIn(why, answer.stdout)


if __name__ == "__main__":
    hydravisor.main()
