# labels: functional slow
# as: user root
# timeout: 300
"""Real agents, driven by a scripted model on a port of the host, do their work inside."""

import glob
import json
import os
import shutil

import hydravisor
import scripted_model


def package(pattern):
    """The newest cached package whose directory matches, put there by tools/fetch-test-packages."""
    found = sorted(glob.glob(os.path.join(hydravisor.cache_dir(), "npm", pattern)))
    return found[-1] if found else hydravisor.skip_or_fail(f"tools/fetch-test-packages has not fetched {pattern}")


class Agents(hydravisor.TestCase):
    # codex makes no helpers of its own below /tmp.
    parent = "/var/tmp"

    def setUp(self):
        super().setUp()
        node = glob.glob(os.path.join(hydravisor.cache_dir(), "npm/node-*/node_modules/node/bin"))
        self.node = node[0] if node else os.path.dirname(shutil.which("node") or hydravisor.skip_or_fail("node is not installed"))

    def config(self, path, text):
        path = os.path.join(self.world.home, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def run_agent(self, directory, port, *command, options=()):
        env = {"PATH": f"{directory}/node_modules/.bin:{self.node}:{self.world.env['PATH']}"}
        return self.run_in_sandbox(*command, env=env, timeout=120,
                                   options=["--name", "agent", "--host-port", port, "--env", "MODEL_KEY=none", *options])

    def assert_brought_the_file(self, result):
        self.assertEqual(result.returncode, 0, (result.stdout + result.stderr).decode(errors="replace"))
        self.assertIsNone(self.world.read("hello.txt"))
        self.assertIn("+hi", self.world.ok("diff", "agent"))
        self.world.ok("apply", "agent")
        self.assertEqual(self.world.read("hello.txt"), "hi\n")
        self.assertIn("echo hi > hello.txt", self.world.ok("audit", "ls", "--sandbox", "agent", "--kind", "exec."))
        self.world.ok("audit", "verify")

    def test_pi_writes_a_file(self):
        directory = package("@mariozechner+pi-coding-agent-*")
        with scripted_model.running("echo hi > hello.txt") as port:
            entry = {"id": "scripted", "name": "scripted", "reasoning": False, "input": ["text"], "contextWindow": 128000,
                     "maxTokens": 4096, "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0}}
            provider = {"baseUrl": f"http://127.0.0.1:{port}/v1", "api": "openai-completions", "apiKey": "MODEL_KEY", "models": [entry]}
            self.config(".pi/agent/models.json", json.dumps({"providers": {"scripted": provider}}))
            result = self.run_agent(directory, port, "pi", "--provider", "scripted", "--model", "scripted", "-p", "create hello.txt")
        self.assert_brought_the_file(result)

    def codex(self, *arguments, options=()):
        directory = package("@openai+codex-*")
        with scripted_model.running("echo hi > hello.txt") as port:
            self.config(".codex/config.toml", f"""model = "scripted"
model_provider = "scripted"
[model_providers.scripted]
name = "scripted"
base_url = "http://127.0.0.1:{port}/v1"
env_key = "MODEL_KEY"
wire_api = "responses"
""")
            return self.run_agent(directory, port, "codex", "exec", "--skip-git-repo-check", *arguments, "create hello.txt",
                                  options=options)

    def test_codex_writes_a_file_without_its_own_sandbox(self):
        self.assert_brought_the_file(self.codex("--dangerously-bypass-approvals-and-sandbox"))

    def test_codex_writes_a_file_from_its_own_sandbox(self):
        self.assert_brought_the_file(self.codex("--sandbox", "workspace-write", options=["--policy", "standard"]))


if __name__ == "__main__":
    hydravisor.main()
