# labels: functional
# as: user root
# timeout: 180
"""The real daemon's API against docs/api/openapi.json: every route is documented and every documented one exists, and what goes in
and comes out fits the schemas.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import unittest

import hydravisor
from api import API, UnixConnection

try:
    import jsonschema
except ImportError:
    jsonschema = None

DAEMON = os.path.join(hydravisor.BIN, "hydravisord")


def validate(value, schema):
    jsonschema.Draft202012Validator({**schema, "components": API["components"]}).validate(value)


def resolved(value):
    while "$ref" in value:
        target = API
        for part in value["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        value = target
    return value


class Documents(unittest.TestCase):
    def test_every_route_is_documented_and_every_documented_one_exists(self):
        routed = set(subprocess.run([DAEMON, "--print-routes"], capture_output=True, text=True, check=True).stdout.split("\n")) - {""}
        documented = {f"{method.upper()} {path}" for path, methods in API["paths"].items() for method in methods}
        self.assertEqual(routed, documented)

    def test_every_object_is_closed(self):
        for name, schema in API["components"]["schemas"].items():
            if schema.get("type") == "object" and name != "Labels":
                self.assertIs(schema["additionalProperties"], False, name)

    def test_every_operation_has_a_name_of_its_own(self):
        names = [operation["operationId"] for methods in API["paths"].values() for operation in methods.values()]
        self.assertEqual(len(names), len(set(names)))


@unittest.skipIf(jsonschema is None and os.environ.get("CI") != "true", "python3-jsonschema is not installed")
class Conformance(hydravisor.TestCase):
    def setUp(self):
        # Ends last: what the test leaves behind is removed through this daemon.
        self.addCleanup(self.reap)
        super().setUp()
        self.daemon = subprocess.Popen([DAEMON], env=self.world.env, cwd="/", stdin=subprocess.DEVNULL)
        self.socket = os.path.join(self.world.env["XDG_RUNTIME_DIR"], "hydravisor", "hydravisord.sock")
        hydravisor.wait_for(self.listens, what="the daemon's socket")

    def reap(self):
        if self.daemon.poll() is None:
            self.daemon.send_signal(signal.SIGTERM)
        self.daemon.wait(20)

    def listens(self):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.connect(self.socket)
            return True
        return False

    def raw(self, method, target, body=None, headers=None):
        connection = UnixConnection(self.socket)
        try:
            connection.request(method, target, body, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def call(self, method, path, body=None, query="", status=None, **parameters):
        """One call, held against its description on the way in and out; the decoded answer."""
        operation = API["paths"][path][method]
        if body is not None and (status is None or status < 400):
            validate(body, operation["requestBody"]["content"]["application/json"]["schema"])
        text = None if body is None else json.dumps(body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        got, answer_headers, answer = self.raw(method.upper(), path.format(**parameters) + query, text, headers)
        wanted = status or next(int(code) for code in operation["responses"] if code != "default" and int(code) < 300)
        self.assertEqual(got, wanted, answer)
        self.assertEqual(answer_headers["Hydravisor-Api"], API["info"]["version"])
        described = resolved(operation["responses"].get(str(got)) or operation["responses"]["default"])
        if "content" not in described:
            self.assertEqual(answer, b"")
            return None
        media = answer_headers["Content-Type"]
        self.assertIn(media, described["content"])
        schema = described["content"][media].get("schema")
        if media == "application/x-ndjson":
            lines = [json.loads(line) for line in answer.splitlines()]
            for line in lines:
                validate(line, schema)
            return lines
        if "json" not in media:
            return answer
        value = json.loads(answer)
        validate(value, schema)
        return value

    def run_request(self, *command, **more):
        return {"command": list(command), "workspace": {"path": self.world.project, "mode": "cow"},
                "caller": {"environment": [{"name": name, "value": value} for name, value in self.world.env.items()],
                           "directory": self.world.project, "home": self.world.home, "uid": os.getuid(), "gid": os.getgid(),
                           "umask": 0o022}, **more}

    def upgrade(self, target, body):
        """The answer's head and the frames until the other side closes."""
        text = json.dumps(body).encode()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
            stream.settimeout(60)
            stream.connect(self.socket)
            stream.sendall((f"POST {target} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: hydravisor-stream\r\n"
                            f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n").encode() + text)
            received = b""
            while piece := stream.recv(65536):
                received += piece
        head, _, rest = received.partition(b"\r\n\r\n")
        frames = []
        while rest:
            length = int.from_bytes(rest[1:5], "little")
            self.assertGreaterEqual(len(rest), 5 + length, "a frame broke off")
            frames.append((rest[0], rest[5:5 + length]))
            rest = rest[5 + length:]
        return head.decode(), frames

    def test_a_sandbox_from_its_making_to_its_removal(self):
        name = "/v1/sandboxes/{name}"
        made = self.call("post", "/v1/sandboxes", self.run_request("sh", "-c", "echo out; echo new > file; sleep 60", name="life",
                                                                   labels={"team": "a"}), query="?start=true")
        self.assertEqual((made["name"], made["state"]), ("life", "running"))
        self.world.note()
        self.call("post", "/v1/sandboxes", self.run_request("true", name="life"), status=409)
        self.assertEqual(len(self.call("get", "/v1/sandboxes", query="?label=team%3Da&state=running")["items"]), 1)
        self.assertEqual(self.call("get", "/v1/sandboxes", query="?label=team%3Db")["items"], [])
        hydravisor.wait_for(lambda: self.call("get", name + "/logs", name="life") == b"out\n", what="the log")
        self.call("get", name + "/stats", name="life")
        self.assertEqual([item["name"] for item in self.call("get", "/v1/usage")["sandboxes"]], ["life"])
        self.call("get", "/v1/usage", query="?interval_ms=1", status=400)
        self.call("post", name + "/extend", {"millis": 60000}, name="life", status=409)
        head, frames = self.upgrade("/v1/sandboxes/life/exec", {"command": ["sh", "-c", "echo hi; exit 3"], "caller": self.run_request()["caller"]})
        self.assertTrue(head.startswith("HTTP/1.1 101 "), head)
        self.assertIn("hydravisor-sandbox: life", head.lower())
        self.assertEqual(b"".join(data for kind, data in frames if kind == 1), b"hi\n")
        self.assertEqual([data[:4] for kind, data in frames if kind == 3], [(3).to_bytes(4, "little")])
        report = hydravisor.wait_for(lambda: self.call("get", name + "/diff", name="life")["files"], what="the change")
        self.assertEqual([file["path"] for file in report], ["file"])
        self.assertEqual(self.call("post", name + "/apply", {"dry_run": True}, name="life")["applied"], ["file"])
        self.call("post", name + "/discard", {"paths": ["file"]}, name="life", status=409)
        self.call("post", name + "/sync", name="life")
        self.call("post", name + "/pause", name="life")
        self.call("post", name + "/pause", name="life", status=409)
        self.call("post", name + "/resume", name="life")
        self.assertEqual(self.call("post", name + "/rename", {"name": "later"}, name="life")["name"], "later")
        self.call("delete", name, name="later", status=409)
        self.call("post", name + "/kill", {"signal": 9}, name="later")
        self.assertEqual(self.call("get", name + "/wait", name="later")["kind"], "signalled")
        self.call("post", name + "/start", name="later")
        self.call("post", name + "/stop", {"grace_ms": 200}, name="later")
        self.assertEqual(self.call("get", name, name="later")["workspace"]["changes"], 1)
        self.assertEqual(self.call("post", name + "/discard", {"paths": ["file"]}, name="later")["paths"], ["file"])
        self.call("delete", name, query="?force=true", name="later")
        self.call("get", name, name="later", status=404)

    def test_run_speaks_frames(self):
        head, frames = self.upgrade("/v1/run", self.run_request("sh", "-c", "echo out; echo err >&2; exit 7", name="frames"))
        self.world.note()
        self.assertTrue(head.startswith("HTTP/1.1 101 "), head)
        self.assertEqual(b"".join(data for kind, data in frames if kind == 1), b"out\n")
        self.assertEqual(b"".join(data for kind, data in frames if kind == 2), b"err\n")
        self.assertEqual(frames[-1][0], 3)
        self.assertEqual(int.from_bytes(frames[-1][1][:4], "little"), 7)
        self.call("post", "/v1/run", self.run_request("true"), status=426)

    def test_the_host(self):
        self.assertEqual(self.call("get", "/v1/version")["pid"], self.daemon.pid)
        self.call("get", "/v1/doctor")
        self.assertEqual(self.call("post", "/v1/doctor/reap"), {"items": []})
        policies = [item["name"] for item in self.call("get", "/v1/policies")["items"]]
        self.assertIn("restricted", policies)
        self.assertIn("version = 1", self.call("get", "/v1/policies/{name}", name="restricted")["text"])
        self.call("get", "/v1/policies/{name}", name="nothing", status=404)
        self.assertIn("[limits]", self.call("get", "/v1/policies/{name}/effective", name="standard")["text"])
        self.call("get", "/v1/policies/{name}/explain", name="standard")
        self.assertFalse(self.call("post", "/v1/policies/{name}/validate", {"text": "version = 2"}, name="new")["valid"])
        answer = self.call("post", "/v1/policies/{name}/check", {"question": ["connect", "example.org"]}, name="standard")
        self.assertEqual(answer["verdict"], "deny")
        self.call("post", "/v1/policies/{name}/check", {"question": ["fly"]}, name="standard", status=400)
        self.assertTrue(self.call("post", "/v1/policies/{name}/diff", {"other": "locked"}, name="standard")["items"])
        self.call("post", "/v1/policies/{name}/simulate", {}, name="standard")
        self.call("put", "/v1/policies/{name}", {"text": "version = 1\n"}, name="written")
        self.call("put", "/v1/policies/{name}", {"text": "version = 1\n"}, name="written", status=409)
        self.call("put", "/v1/policies/{name}", {"text": "version = 2\n"}, name="other", status=400)
        self.call("post", "/v1/sandboxes/{name}/learn", {"name": "least"}, name="nobody", status=404)
        agents = [item["name"] for item in self.call("get", "/v1/agents")["items"]]
        self.assertTrue({"claude", "codex", "pi", "shell"} <= set(agents), agents)
        self.call("get", "/v1/agents/{name}", name="pi")
        self.call("get", "/v1/homes")
        self.call("delete", "/v1/homes/{key}", key="nothing", status=404)

    def test_access(self):
        access = self.call("get", "/v1/access")
        self.assertEqual((access["principal"], access["role"], access["present"]), (f"user:{os.getuid()}", "trusted", False))
        self.assertEqual(self.call("post", "/v1/access/check", {"action": "exec"})["verdict"], "allow")
        self.assertEqual(self.call("post", "/v1/access/check", {"action": "exec", "principal": "agent:ci"})["verdict"], "deny")
        self.call("post", "/v1/access/check", {"action": "exec", "sandbox": "nothing"}, status=404)
        self.call("post", "/v1/access/check", {"action": "fly"}, status=400)
        made = self.call("post", "/v1/tokens", {"principal": "agent:ci", "role": "sandboxed", "actions": ["exec"], "lifetime_ms": 60000})
        self.assertEqual(made["info"]["id"], made["token"].split("_")[1])
        self.assertEqual(self.call("get", "/v1/tokens")["items"], [made["info"]])
        self.call("post", "/v1/tokens", {"principal": "ci"}, status=400)
        self.call("post", "/v1/tokens", {"principal": "agent:ci"}, status=409)
        self.call("post", "/v1/tokens", {"principal": "agent:ci", "role": "nothing"}, status=404)
        self.assertEqual(self.call("delete", "/v1/tokens/{id}", id=made["info"]["id"])["items"], [made["info"]])
        self.call("delete", "/v1/tokens/{id}", id=made["info"]["id"], status=404)

    def test_proofs(self):
        self.assertEqual(self.call("get", "/v1/proofs"), {"items": []})
        self.world.ok("create", "--name", "web", "--", "true")
        report = self.call("post", "/v1/sandboxes/{name}/probe", {"sign": True}, name="web")
        (proof,) = self.call("get", "/v1/proofs", query="?sandbox=web&limit=1")["items"]
        self.assertEqual((proof["index"], proof["stale"], proof["proof"]["held"]), (report["proof"], "", True))
        self.assertEqual(self.call("get", "/v1/proofs", query="?sandbox=other"), {"items": []})
        self.call("get", "/v1/proofs", query="?limit=0", status=400)
        self.call("post", "/v1/sandboxes/{name}/probe", {"sign": True, "ids": ["keyctl"]}, name="web", status=400)

    def test_the_ledger(self):
        self.upgrade("/v1/run", self.run_request("true", name="ledger"))
        self.world.note()
        page = self.call("get", "/v1/audit/events", query="?limit=1")
        self.assertFalse(page["complete"])
        self.call("get", "/v1/audit/events/{index}", index=page["records"][0]["index"])
        self.call("get", "/v1/audit/events/{index}", index=10**9, status=404)
        kinds = {record["kind"] for record in self.call("get", "/v1/audit/export")}
        self.assertTrue(any(kind.startswith("sandbox.") for kind in kinds), kinds)
        self.assertTrue(self.call("post", "/v1/audit/verify")["intact"])
        newest = self.call("get", "/v1/audit/events", query="?kind=sandbox.&order=newest&limit=2&risk=info")
        self.assertGreater(newest["records"][0]["index"], newest["records"][1]["index"])
        self.assertEqual(self.call("get", "/v1/audit/events", query="?text=nowhere-at-all&host=h&verdict=deny&path=%2Fx")["records"], [])
        self.call("get", "/v1/audit/events", query="?order=sideways", status=400)
        self.call("post", "/v1/audit/prune", {"payloads_before": "2000-01-01T00:00:00Z", "reason": "old"})
        self.call("post", "/v1/audit/prune", {"reason": "nothing named"}, status=400)

    def test_events_arrive_and_resume(self):
        self.upgrade("/v1/run", self.run_request("true", name="first"))
        self.world.note()
        connection = UnixConnection(self.socket)
        connection.request("GET", "/v1/events?after=0")
        response = connection.getresponse()
        self.assertEqual(response.headers["Content-Type"], "text/event-stream")
        fields = dict(response.readline().decode().rstrip("\n").split(": ", 1) for _ in range(3))
        record = json.loads(fields["data"])
        validate(record, API["components"]["schemas"]["AuditRecord"])
        self.assertEqual((fields["event"], int(fields["id"])), ("record", record["index"]))
        self.assertTrue(record["kind"].startswith("sandbox."))
        connection.close()

        connection = UnixConnection(self.socket)
        connection.request("GET", "/v1/events", headers={"Last-Event-ID": fields["id"]})
        response = connection.getresponse()
        self.assertGreater(int(response.readline().decode().removeprefix("id: ")), record["index"])
        connection.close()

    def test_bad_requests_are_problems(self):
        for method, target, body, status in (
                ("GET", "/v1/nothing", None, 404), ("DELETE", "/v1/version", None, 405), ("GET", "/v1/sandboxes?lable=x", None, 400),
                ("GET", "/v1/sandboxes/%2e%2e", None, 400), ("POST", "/v1/sandboxes", b"{", 400), ("POST", "/v1/sandboxes", b"{}", 400),
                ("POST", "/v1/sandboxes", b'{"command":[],"command":[]}', 400), ("POST", "/v1/shutdown", b"{}", 400),
                ("POST", "/v1/sandboxes", b"x" * (5 << 20), 413), ("GET", "/v1/audit/events?limit=0", None, 400),
                ("GET", "/v1/audit/export?format=csv", None, 501),
                ("POST", "/v1/sandboxes", json.dumps(self.run_request("true", tier="vm")).encode(), 501),
                ("POST", "/v1/sandboxes", json.dumps(self.run_request("true", polcy="x")).encode(), 400)):
            got, headers, answer = self.raw(method, target, body)
            self.assertEqual((got, headers["Content-Type"]), (status, "application/problem+json"), (method, target, answer))
            validate(json.loads(answer), API["components"]["schemas"]["Problem"])

    def test_the_daemon_ends_when_told(self):
        self.call("post", "/v1/shutdown")
        self.assertEqual(self.daemon.wait(10), 0)


if __name__ == "__main__":
    unittest.main()
