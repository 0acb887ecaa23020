# as: user root
# timeout: 300
"""Who may do what: every route for those who may nothing, tokens, roles, ceilings, and what a faulty access.toml closes."""

import contextlib
import glob
import json
import os
import stat
import time
import tomllib
import unittest

import hydravisor
from api import API, UnixConnection

try:
    import jsonschema
except ImportError:
    jsonschema = None

UPGRADE = {"Connection": "Upgrade", "Upgrade": "hydravisor-stream"}


class AccessCase(hydravisor.TestCase):
    def access(self, text, mode=0o644):
        """Writes access.toml."""
        path = os.path.join(self.world.directory("config/hydravisor"), "access.toml")
        os.chmod(os.path.dirname(path), 0o755)
        with open(path, "w", encoding="utf-8") as file:
            file.write("version = 1\n" + text)
        os.chmod(path, mode)
        self.addCleanup(self.forget, path)
        return path

    def forget(self, path):
        """So that what a test leaves can be removed whatever its rules were."""
        os.chmod(os.path.dirname(path), 0o755)
        with contextlib.suppress(OSError):
            os.unlink(path)

    def token(self, principal, *options, **more):
        return self.world.ok("token", "create", principal, *options, **more).strip()

    def by(self, token):
        return {"HYDRAVISOR_TOKEN": token}

    def ask(self, method, target, body=None, token=None, headers=None):
        """The status, and the answer where it is not a stream."""
        connection = UnixConnection(os.path.join(self.world.env["XDG_RUNTIME_DIR"], "hydravisor", "hydravisord.sock"))
        all_headers = {**(headers or {}), **({"Authorization": f"Bearer {token}"} if token else {})}
        text = None if body is None else json.dumps(body)
        if body is not None:
            all_headers["Content-Type"] = "application/json"
        try:
            connection.request(method, target, text, all_headers)
            response = connection.getresponse()
            streams = response.status == 101 or "event-stream" in (response.headers["Content-Type"] or "")
            return response.status, b"" if streams else response.read()
        finally:
            connection.close()

    def events(self, kind, **members):
        """The payloads of records of a kind, with who caused each."""
        items = self.world.json("audit", "ls", "--kind", kind)["items"]
        found = [{**item["payload"], "principal": item["principal"], "of": item["sandbox"], "caused": item["principal"]} for item in items]
        return [item for item in found if all(item.get(key) == value for key, value in members.items())]

    def assert_denials(self, at_least, **members):
        """As many were denied and recorded, of those that follow each other closely the most in one record."""
        hydravisor.wait_for(lambda: sum(event.get("count", 1) for event in self.events("access.denied", **members)) >= at_least, what=f"{at_least} denials")

    def assert_denied(self, result, *words):
        self.assertEqual(result.returncode, 125 if result.args[1] in ("run", "exec", "attach", "wait") else result.returncode, result.stderr)
        self.assertNotEqual(result.returncode, 0, result.stdout)
        for word in words:
            self.assertIn(word, result.stderr.decode())


class EveryRoute(AccessCase):
    def requests(self):
        """One request for each route, sound in itself: (route, method, target, body, headers)."""
        caller = {"environment": [], "directory": self.world.project, "home": self.world.home, "uid": os.getuid(), "gid": os.getgid()}
        run = {"command": ["true"], "workspace": {"path": self.world.project, "mode": "cow"}, "caller": caller}
        bodies = {
            "POST /v1/reexec": {"program": "/nonexistent/hydravisord"},
            "POST /v1/run": run,
            "POST /v1/sandboxes": run,
            "POST /v1/sandboxes/{name}/stop": {},
            "POST /v1/sandboxes/{name}/extend": {"millis": 1000},
            "POST /v1/sandboxes/{name}/kill": {"signal": 9},
            "POST /v1/sandboxes/{name}/rename": {"name": "other"},
            "POST /v1/sandboxes/{name}/network": {"allow": ["example.org"], "caller": caller},
            "POST /v1/sandboxes/{name}/exec": {"command": ["true"], "caller": caller},
            "POST /v1/sandboxes/{name}/attach": {},
            "POST /v1/sandboxes/{name}/probe": {},
            "POST /v1/sandboxes/{name}/apply": {},
            "POST /v1/sandboxes/{name}/discard": {},
            "POST /v1/sandboxes/{name}/learn": {"name": "learned"},
            "PUT /v1/policies/{name}": {"text": "version = 1\n", "replace": False},
            "POST /v1/policies/{name}/validate": {},
            "POST /v1/policies/{name}/check": {"question": ["read", "/x"]},
            "POST /v1/policies/{name}/diff": {"other": "locked"},
            "POST /v1/policies/{name}/simulate": {},
            "POST /v1/audit/prune": {"max_bytes": 1 << 40, "reason": "a test"},
            "POST /v1/access/check": {"action": "exec"},
            "POST /v1/tokens": {"principal": "agent:other", "role": "sandboxed"},
        }
        values = {"/v1/policies/": "restricted", "/v1/agents/": "claude", "/v1/homes/": "none", "/v1/audit/events/": "0", "/v1/tokens/": "0" * 10}
        for path, methods in API["paths"].items():
            for method, operation in methods.items():
                route = f"{method.upper()} {path}"
                value = next((value for prefix, value in values.items() if path.startswith(prefix)), "web")
                target = path.replace("{name}", value).replace("{key}", value).replace("{index}", value).replace("{id}", value)
                if "101" in operation["responses"]:
                    yield route, method.upper(), target, bodies.get(route), UPGRADE
                else:
                    self.assertEqual("requestBody" in operation, route in bodies, route)
                    yield route, method.upper(), target, bodies.get(route), {}

    def test_is_closed_to_who_may_nothing_and_open_to_who_may_everything(self):
        self.access('[roles.nothing]\n[principals."agent:none"]\nrole = "nothing"\n[principals."agent:gone"]\nrole = "trusted"\n')
        self.world.ok("create", "--name", "web", "--workspace", "none")
        none, gone = self.token("agent:none"), self.token("agent:gone")
        self.assertEqual(self.ask("GET", "/v1/sandboxes", token=gone)[0], 200)
        # From now on it is nobody.
        self.access('[roles.nothing]\n[principals."agent:none"]\nrole = "nothing"\n')
        before = self.world.json("inspect", "web")
        routes = list(self.requests())
        self.assertGreater(len(routes), 55)
        for token, who, why in ((none, "agent:none", "nothing allows agent:none"), (gone, "agent:gone", "agent:gone is not known")):
            for route, method, target, body, headers in routes:
                with self.subTest(route=route, who=who):
                    status, answer = self.ask(method, target, body, token, headers)
                    self.assertEqual(status, 403, answer)
                    problem = json.loads(answer)
                    self.assertEqual(problem["code"], "denied")
                    if not (why in problem["detail"] or "no agent may" in problem["detail"]):
                        self.fail(problem["detail"])
            self.assert_denials(len(routes), caused=who)
            denied = self.events("access.denied", caused=who)
            for event in denied:
                self.assertTrue(event["rule"] and event["action"] and event["token_id"], event)
            # Every action that there is was tried but those that others stand before.
            missing = set(API["components"]["schemas"]["Action"]["enum"]) - {event["action"] for event in denied}
            self.assertEqual(missing, {"access.write"})
        self.assertEqual(self.world.json("inspect", "web"), before)
        # The control: the same requests of the owner reach what they ask for. The daemon's end comes last.
        for route, method, target, body, headers in sorted(routes, key=lambda request: request[0] in ("DELETE /v1/sandboxes/{name}", "POST /v1/shutdown")):
            with self.subTest(route=route, who="owner"):
                if route in ("POST /v1/shutdown", "GET /v1/sandboxes/{name}/wait"):
                    continue
                status, answer = self.ask(method, target, body, None, headers)
                self.assertNotIn(status, (401, 403, 500), answer)
        self.assertEqual(self.ask("POST", "/v1/shutdown")[0], 204)

    def test_who_asks_without_end_does_not_fill_the_ledger(self):
        self.world.ok("create", "--name", "web", "--workspace", "none")
        token = self.token("agent:ci", "--role", "sandboxed")
        asked, begun = 600, time.monotonic()
        for i in range(asked):
            self.assertEqual(self.ask("POST", f"/v1/sandboxes/{'web' if i % 2 else f'w{i}'}/apply", {}, token)[0], 403)
        self.assert_denials(asked, action="apply", caused="agent:ci")
        seconds = time.monotonic() - begun
        denied = self.events("access.denied", action="apply", caused="agent:ci")
        self.assertEqual(sum(event.get("count", 1) for event in denied), asked, "the counts say it all")
        # Those that differ are shown one by one for a while, and a second has two records more.
        self.assertLess(len(denied), min(asked / 2, 32 * (seconds + 2)))
        self.assertTrue(any(event.get("count", 1) > 10 for event in denied))
        # Another's denial is seen at once in spite of them.
        other = self.token("agent:other", "--role", "sandboxed")
        self.assertEqual(self.ask("POST", "/v1/sandboxes/web/apply", {}, other)[0], 403)
        self.assertEqual([event.get("count", 1) for event in self.events("access.denied", caused="agent:other")], [1])

    def test_a_token_that_does_not_hold_opens_nothing(self):
        token = self.token("agent:ci", "--role", "sandboxed")
        self.assertEqual(self.ask("GET", "/v1/version", token=token)[0], 200)
        for wrong in ("x", token[:-1], token[:-1] + ("0" if token[-1] != "0" else "1"), token + "0", "hv_" + "0" * 10 + "_" + "0" * 64):
            status, answer = self.ask("GET", "/v1/version", token=wrong)
            self.assertEqual(status, 401, answer)
        self.assert_denials(5, action="enter")
        result = self.world.cli("ls", env=self.by("wrong"))
        self.assert_denied(result, "not a token")


class Tokens(AccessCase):
    def test_are_shown_once_kept_as_hashes_and_reach_no_sandbox(self):
        token = self.token("agent:ci", "--role", "audited", "--expires", "1h")
        self.assertRegex(token, "^hv_[0-9a-f]{10}_[0-9a-f]{64}$")
        kept = os.path.join(self.world.state, "hydravisor", "tokens.json")
        self.assertEqual(stat.S_IMODE(os.stat(kept).st_mode), 0o600)
        name = self.world.ok("create", "--workspace", "none", env=self.by(token)).strip()
        listed = self.world.json("token", "ls")["items"][0]
        self.assertEqual((listed["principal"], listed["role"], listed["made_by"]), ("agent:ci", "audited", f"user:{os.getuid()}"))
        inside = self.run_in_sandbox("env", options=["--workspace", "none"], env=self.by(token))
        self.assertEqual(inside.returncode, 0, inside.stderr)
        self.assertNotIn(token.encode(), inside.stdout)
        self.assertEqual(self.world.json("inspect", name)["made_by"], "agent:ci")
        secret = token.rsplit("_", 1)[1].encode()
        for folder, _, files in os.walk(self.world.top):
            for file in files:
                with contextlib.suppress(OSError), open(os.path.join(folder, file), "rb") as opened:
                    self.assertNotIn(secret, opened.read(), file)
        created = self.events("token.created")
        self.assertEqual([(event["token_id"], event["caused"]) for event in created], [(listed["id"], f"user:{os.getuid()}")])

    def test_mint_weaker_ones_only(self):
        self.access('[roles.minter]\nallow = ["*"]\n[principals."agent:ci"]\nrole = "minter"\n')
        parent = self.token("agent:ci", "--action", "sandbox.*", "--action", "token.*", "--action", "logs", "--sandbox", "web*", "--expires", "1h")
        # For some sandboxes only: tokens are about none.
        self.assert_denied(self.world.cli("token", "create", "agent:ci", env=self.by(parent)), "for some sandboxes only")
        parent = self.token("agent:ci", "--action", "sandbox.*", "--action", "token.*", "--action", "logs", "--expires", "1h")
        by = self.by(parent)
        child = self.token("agent:ci", "--action", "sandbox.read", "--action", "token.create", "--expires", "30m", env=by)
        for wider in (["--action", "exec"], ["--action", "*"], ["--expires", "2h"], ["--role", "trusted"]):
            with self.subTest(wider=wider):
                self.assert_denied(self.world.cli("token", "create", "agent:ci", *wider, env=by), "weaker")
        for other in ("agent:other", f"user:{os.getuid()}"):
            self.assert_denied(self.world.cli("token", "create", other, env=by), "weaker")
        self.assert_denied(self.world.cli("token", "create", "agent:ci", "--action", "logs", env=self.by(child)), "weaker")
        self.assert_denials(7, action="token.create", caused="agent:ci")
        self.world.ok("ls", env=self.by(child))
        # Both go together.
        ids = {item["id"] for item in self.world.json("token", "ls")["items"] if item["principal"] == "agent:ci"}
        gone = self.world.ok("token", "revoke", parent.split("_")[1]).split()
        self.assertEqual(set(gone), {parent.split("_")[1], child.split("_")[1]})
        self.assertLess(set(gone), ids | {""})
        for token in (parent, child):
            self.assert_denied(self.world.cli("ls", env=self.by(token)), "not valid")

    def test_outlive_the_daemon_and_end_with_their_time(self):
        token = self.token("agent:ci", "--role", "sandboxed")
        short = self.token("agent:ci", "--role", "sandboxed", "--expires", "1s")
        self.world.stop_daemon()
        self.world.ok("ls", env=self.by(token))
        hydravisor.wait_for(lambda: self.world.cli("ls", env=self.by(short)).returncode != 0, 5, "the token's end")

    def test_that_others_can_read_let_nobody_in(self):
        token = self.token("agent:ci", "--role", "sandboxed")
        self.world.stop_daemon()
        kept = os.path.join(self.world.state, "hydravisor", "tokens.json")
        os.chmod(kept, 0o640)
        self.assert_denied(self.world.cli("ls", env=self.by(token)), "can be read or written by others")
        self.world.ok("ls")
        self.assert_denied(self.world.cli("token", "create", "agent:x", "--role", "sandboxed"), "can be read or written by others")

    def test_give_one_stream_no_longer_than_they_hold(self):
        self.world.ok("create", "--name", "web", "--workspace", "none", "--", "sh", "-c", "while sleep 0.1; do echo x; done")
        self.world.ok("start", "web")
        token = self.token(f"user:{os.getuid()}", "--action", "logs", "--sandbox", "web")
        reader = self.world.start_cli("logs", "-f", "web", env=self.by(token))
        self.assertTrue(reader.stdout.readline())
        self.world.ok("token", "revoke", token.split("_")[1])
        reader.stdout.read()
        self.assertNotEqual(reader.wait(20), 0)
        reader.stderr.close(), reader.stdin.close(), reader.stdout.close()


class Agents(AccessCase):
    def test_work_in_sandboxes_of_their_own_and_in_no_others(self):
        self.world.write("file", "old")
        token = self.by(self.token("agent:ci", "--role", "sandboxed"))
        self.world.ok("create", "--name", "theirs", "--workspace", "none")
        self.world.ok("start", "theirs")
        result = self.world.cli("run", "--name", "mine", "--keep", "--", "sh", "-c", "echo new > file", env=token)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("+new", self.world.ok("diff", "mine", env=token))
        self.assertEqual([item["name"] for item in self.world.json("ls", env=token)["items"]], ["mine"])
        self.assertEqual({item["name"] for item in self.world.json("ls")["items"]}, {"mine", "theirs"})
        self.assert_denied(self.world.cli("apply", "mine", env=token), "nothing allows agent:ci 'apply'")
        for command in (["exec", "theirs", "--", "true"], ["stop", "theirs"], ["logs", "theirs"], ["inspect", "theirs"], ["rm", "--force", "theirs"],
                        ["rename", "theirs", "taken"], ["net", "theirs"], ["audit", "ls"], ["audit", "ls", "--sandbox", "theirs"], ["home", "ls"]):
            with self.subTest(command=command):
                self.assert_denied(self.world.cli(*command, env=token), "agent:ci may not")
        # Records that come with the question tell nothing of this ledger; the ledger's own do.
        simulate = "/v1/policies/restricted/simulate"
        secret = token["HYDRAVISOR_TOKEN"]
        self.assertEqual(self.ask("POST", simulate, {"records": []}, secret)[0], 200)
        self.assertEqual(self.ask("POST", simulate, {}, secret)[0], 403)
        # There is no telling whether one exists that is not its own.
        absent = self.world.cli("inspect", "absent", env=token).stderr.replace(b"absent", b"theirs")
        self.assertEqual(absent, self.world.cli("inspect", "theirs", env=token).stderr)
        self.assertTrue(self.world.json("audit", "ls", "--sandbox", "mine", env=token)["items"])
        self.assertEqual(self.world.read("file"), "old")
        self.world.ok("apply", "mine")
        self.assertEqual(self.world.read("file"), "new\n")
        # Each event names who caused it.
        self.world.ok("start", "mine", env=token)
        self.world.ok("wait", "mine", env=token)
        who = {(item["kind"], item["principal"]) for item in self.world.json("audit", "ls", "--sandbox", "mine")["items"]}
        self.assertIn(("sandbox.starting", "agent:ci"), who)
        self.assertIn(("workspace.applied", f"user:{os.getuid()}"), who)
        self.assertIn(("workspace.diffed", "agent:ci"), who)
        self.assertNotIn(("sandbox.starting", f"user:{os.getuid()}"), who)

    def test_stay_below_their_ceiling(self):
        token = self.by(self.token("agent:ci", "--role", "sandboxed"))
        for beyond in (["--allow", "example.org"], ["--read", "/srv"], ["--write", self.world.home], ["--memory", "64GiB"], ["--host-port", "80"],
                       ["--skip-layer", "seccomp"], ["--workspace", "live"], ["--allow-private", "10.0.0.1"]):
            with self.subTest(beyond=beyond):
                self.assert_denied(self.world.cli("run", *beyond, "--", "true", env=token), beyond[0] if beyond[0] != "--memory" else "limits", "restricted")
        self.assert_denials(8, action="sandbox.create", caused="agent:ci")
        # audit-only reaches every public host and allows nested sandboxes; restricted does neither.
        name = self.world.ok("create", "--policy", "audit-only", "--workspace", "none", env=token).strip()
        mine = self.world.json("inspect", name)
        self.assertEqual(mine["policy"], "audit-only+restricted")
        other = self.world.json("inspect", self.world.ok("create", "--policy", "audit-only", "--workspace", "none").strip())
        everybody = [sum(rule["rule"] == "*:*" for rule in of["network"]["rules"]) for of in (mine, other)]
        self.assertEqual((everybody[0], everybody[1] > 0), (0, True), (mine["network"], other["network"]))
        for _ in range(2):
            self.world.ok("start", name, env=token)
            self.world.ok("stop", name, env=token)
        self.assertEqual(self.world.json("inspect", name)["policy"], "audit-only+restricted")
        # One of somebody else is not below it, whatever a grant says.
        self.access('[principals."agent:ci"]\nrole = "sandboxed"\n[[grants]]\nprincipal = "agent:ci"\nallow = ["exec", "sandbox.*"]\nsandboxes = ["wide"]\n')
        self.world.ok("create", "--name", "wide", "--policy", "audit-only", "--workspace", "none")
        self.assert_denied(self.world.cli("start", "wide", env=token), "not below the ceiling")
        self.world.ok("start", "wide")
        self.assert_denied(self.world.cli("exec", "wide", "--", "true", env=token), "not below the ceiling")
        self.world.ok("stop", "wide", env=token)

    def test_never_change_policies_access_or_their_role(self):
        self.access('[principals."agent:ci"]\nrole = "trusted"\n')
        token = self.by(self.token("agent:ci"))
        self.world.ok("ls", env=token)
        config = os.path.join(self.world.top, "config/hydravisor")
        before = sorted(glob.glob(config + "/**", recursive=True))
        for command in (["policy", "new", "mine"], ["token", "create", "agent:x", "--role", "sandboxed"], ["token", "create", "agent:ci", "--role", "trusted"],
                        ["audit", "prune", "--size", "1GiB", "--reason", "x"], ["daemon", "stop"], ["doctor", "--reap"]):
            with self.subTest(command=command):
                result = self.world.cli(*command, env=token)
                self.assertNotEqual(result.returncode, 0)
                self.assertRegex(result.stderr.decode(), "no agent may|weaker")
        # Nor by way of a sandbox that would write the files.
        for options in (["--write", config], ["--workspace", "live"]):
            result = self.world.cli("run", *options, "--", "sh", "-c", f"echo >> {config}/access.toml", env=token, cwd=config)
            self.assertNotEqual(result.returncode, 0, options)
            self.assertIn(b"Hydravisor's own", result.stderr)
        self.assertEqual(sorted(glob.glob(config + "/**", recursive=True)), before)
        with open(config + "/access.toml", encoding="utf-8") as file:
            self.assertNotIn("\n\n", file.read())


class Files(AccessCase):
    def test_name_people_roles_and_what_is_recorded(self):
        me = f"user:{os.getuid()}"
        self.access(f'[principals."{me}"]\nrole = "audited"\n')
        self.world.ok("create", "--name", "web", "--workspace", "none")
        self.world.ok("ls")
        allowed = self.events("access.allowed", caused=me)
        self.assertIn(("sandbox.create", '[roles.audited]: allow "*"'), {(event["action"], event["rule"]) for event in allowed})
        self.assert_denied(self.world.cli("policy", "new", "mine"), '[roles.audited]: deny "policy.write"')
        path = self.access(f'[principals."{me}"]\nrole = "trusted"\n\n[[sandboxes]]\nsandboxes = ["web"]\ndeny = ["sandbox.start", "sandbox.rename"]\n')
        result = self.world.cli("start", "web")
        self.assert_denied(result, '[[sandboxes]]: deny "sandbox.start"', f"{path}:7")
        denial = self.events("access.denied", action="sandbox.start")[-1]
        self.assertEqual((denial["origin"], denial["scope"], denial["name"]), (f"{path}:7", "sandbox", "web"))
        answer = self.world.cli("access", "check", "--action", "sandbox.start", "--sandbox", "web")
        self.assertEqual(answer.returncode, 1, answer.stderr)
        self.assertIn(f"{path}:7", answer.stdout.decode())
        self.assertEqual(self.world.cli("access", "check", "--action", "exec", "--sandbox", "web").returncode, 0)
        self.assertEqual(self.world.cli("access", "check", "--principal", "agent:ci", "--action", "exec").returncode, 1)
        # Another name does not lead around it.
        self.assert_denied(self.world.cli("rename", "web", "free"), "[[sandboxes]]")
        self.world.ok("create", "--name", "free", "--workspace", "none")
        self.assert_denied(self.world.cli("rename", "free", "web"), "[[sandboxes]]")
        shown = self.world.json("access", "show")
        self.assertEqual((shown["principal"], shown["role"], shown["rules"][0]["origin"]), (me, "trusted", f"{path}:5"))
        self.assertIn("web", self.world.ok("access", "show"))

    def test_that_are_faulty_close_until_they_are_mended(self):
        self.world.ok("create", "--name", "web", "--workspace", "none")
        self.world.ok("start", "web")
        token = self.token("agent:ci", "--role", "sandboxed")
        path = self.access('[principls]\n')
        self.assert_denied(self.world.cli("exec", "web", "--", "true"), f"{path}:2:2: principls: unknown key (did you mean 'principals'?)")
        self.assert_denied(self.world.cli("policy", "new", "mine"), "until")
        self.assert_denied(self.world.cli("ls", env=self.by(token)), "until")
        self.assertIn("did you mean", self.world.ok("access", "show"))
        self.world.ok("ls")
        self.world.ok("stop", "web")
        self.access("", mode=0o666)
        self.assert_denied(self.world.cli("start", "web"), "can be written by others", "chmod go-w")
        self.access("")
        self.world.ok("start", "web")
        os.chmod(os.path.dirname(path), 0o777)
        os.utime(path)
        self.assert_denied(self.world.cli("exec", "web", "--", "true"), "can be written by others")
        os.chmod(os.path.dirname(path), 0o755)
        self.assertEqual(self.world.cli("exec", "web", "--", "true").returncode, 0)


@unittest.skipIf(jsonschema is None and os.environ.get("CI") != "true", "python3-jsonschema is not installed")
class Schema(unittest.TestCase):
    def test_takes_what_the_parser_takes_and_refuses_what_it_refuses(self):
        with open(os.path.join(hydravisor.SOURCE, "docs/access.schema.json"), encoding="utf-8") as file:
            validator = jsonschema.Draft202012Validator(json.load(file))
        counts = {True: 0, False: 0}
        for path in glob.glob(os.path.join(hydravisor.SOURCE, "src/access/testdata/*.case")):
            with open(path, encoding="utf-8") as file:
                text, _, rest = file.read().partition("\n---- ")
            try:
                value = tomllib.loads(text)
            except tomllib.TOMLDecodeError:
                continue
            sound = rest.startswith("decide")
            with self.subTest(case=os.path.basename(path)):
                self.assertEqual(validator.is_valid(value), sound)
            counts[sound] += 1
        self.assertGreaterEqual(min(counts.values()), 2)

    def test_refuses_each_fault_by_itself(self):
        with open(os.path.join(hydravisor.SOURCE, "docs/access.schema.json"), encoding="utf-8") as file:
            validator = jsonschema.Draft202012Validator(json.load(file))
        sound = 'version = 1\n[principals."agent:ci"]\nrole = "sandboxed"\n[[grants]]\nprincipal = "agent:ci"\nallow = ["exec", "sandbox.*"]\n'
        self.assertTrue(validator.is_valid(tomllib.loads(sound)))
        for old, new in (("version = 1", "version = 2"), ("agent:ci", "ci"), ("role", "rol"), ('"exec"', '"exce"'), ("allow", "alow"),
                         ('principal = "agent:ci"\nallow', "allow"), ('allow = ["exec", "sandbox.*"]', 'sandboxes = ["web"]'),
                         ('allow = ["exec", "sandbox.*"]', 'allow = ["exec"]\nsandboxes = ["Web"]'),
                         ('principal = "agent:ci"\nallow', 'principal = "agent:ci"\nrole = "audited"\nallow')):
            with self.subTest(new=new):
                self.assertFalse(validator.is_valid(tomllib.loads(sound.replace(old, new))))


if __name__ == "__main__":
    unittest.main()
