# as: user root
"""`hydravisor config`: what holds and who says so, changing one value, checking, and that the next run knows without a restart."""

import os
import stat
import subprocess
import tomllib

import hydravisor
import jsonschema


class Config(hydravisor.TestCase):
    # What the ledger keeps: nobody says anything, and everything stays.
    UNSAID = {key: (None, "default", "") for key in ("audit.keep_payloads", "audit.keep", "audit.keep_bytes")}

    def setUp(self):
        super().setUp()
        self.path = self.world.ok("config", "path").strip()

    def write(self, text):
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)

    def text(self):
        with open(self.path, encoding="utf-8") as file:
            return file.read()

    def effective(self, *options, **more):
        items = self.world.json("config", "show", "--effective", *options, **more)["items"]
        return {item["key"]: (item["value"], item["origin"], item["place"]) for item in items}

    def policy_of_a_run(self, **more):
        name = self.world.ok("create", "--", "true", **more).strip()
        return self.world.json("inspect", name)["policy"]

    def test_says_of_each_value_who_says_it(self):
        self.assertEqual(self.effective(), {"run.policy": ("restricted", "default", ""), "run.workspace": (None, "default", ""),
                                            "run.keep": (False, "default", ""), **self.UNSAID})
        self.write("version = 1\n[run]\npolicy = 'standard'\nkeep = true\n")
        found = self.effective("--workspace", "ro", env={"HYDRAVISOR_RUN_KEEP": "false"})
        self.assertEqual(found, {"run.policy": ("standard", "user", self.path + ":3:10"), "run.workspace": ("ro", "flag", "--workspace"),
                                 "run.keep": (False, "environment", "HYDRAVISOR_RUN_KEEP"), **self.UNSAID})
        self.assertRegex(self.world.ok("config", "show", "--effective"), "run.policy +standard +user +/")

    def test_that_was_set_holds_for_the_next_run_of_the_same_daemon(self):
        self.assertEqual(self.policy_of_a_run(), "restricted")
        pid = self.world.daemon_pid()
        self.world.ok("config", "set", "run.policy", "standard")
        self.assertEqual(self.policy_of_a_run(), "standard")
        self.assertEqual(self.policy_of_a_run(env={"HYDRAVISOR_RUN_POLICY": "locked"}), "locked")
        self.assertEqual(self.world.daemon_pid(), pid)

    def test_of_the_moment_it_was_made_stays_with_a_sandbox(self):
        name = self.world.ok("create", "--", "true", env={"HYDRAVISOR_RUN_POLICY": "standard"}).strip()
        self.world.ok("start", name)
        self.world.ok("wait", name)
        self.assertEqual(self.world.json("inspect", name)["policy"], "standard")

    def test_set_keeps_comments_order_and_mode_and_follows_a_link(self):
        real = os.path.join(self.world.directory("dotfiles"), "hydravisor.toml")
        with open(real, "w", encoding="utf-8") as file:
            file.write("# mine\nversion = 1\n\n[run] # always\nkeep = true # why not\n")
        os.chmod(real, 0o640)
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        os.symlink(real, self.path)
        self.world.ok("config", "set", "run.policy", "standard")
        self.assertEqual(self.text(), '# mine\nversion = 1\n\n[run] # always\nkeep = true # why not\npolicy = "standard"\n')
        self.assertTrue(os.path.islink(self.path))
        self.assertEqual(stat.S_IMODE(os.stat(real).st_mode), 0o640)
        self.assertEqual(os.listdir(os.path.dirname(real)), ["hydravisor.toml"])
        self.assertEqual(self.world.ok("config", "get", "run.policy"), "standard\n")

    def test_set_by_many_at_once_loses_nothing(self):
        running = [self.world.start_cli("config", "set", key, value) for _ in range(5)
                   for key, value in (("run.policy", "standard"), ("run.keep", "true"), ("run.workspace", "ro"))]
        self.assertEqual([process.communicate(timeout=30)[1] for process in running], [b""] * 15)
        self.assertEqual(tomllib.loads(self.text())["run"], {"policy": "standard", "keep": True, "workspace": "ro"})

    def test_set_writes_nothing_that_would_not_be_understood(self):
        for key, value, words in [("run.workspace", "rw", "did you mean 'ro'?"), ("run.polcy", "x", "did you mean 'run.policy'?"),
                                  ("run.keep", "maybe", "expected true or false")]:
            self.assert_refused(self.world.cli("config", "set", key, value), words, code=2)
        self.assertFalse(os.path.exists(self.path))
        self.write("version = 1\n[run]\nkep = true\n")
        self.assert_refused(self.world.cli("config", "set", "run.policy", "locked"), f"{self.path}:3:1: run.kep", "nothing was written")
        self.assertEqual(self.text(), "version = 1\n[run]\nkep = true\n")

    def test_get_says_when_there_is_nothing(self):
        result = self.world.cli("config", "get", "run.workspace")
        self.assertEqual((result.returncode, result.stdout), (1, b""))
        self.assertIn(b"as the policy says", result.stderr)

    def test_check_names_every_fault_with_its_place(self):
        self.assertEqual(self.world.cli("config", "check").returncode, 0)
        self.write("version = 1\n[run]\nkep = true\nworkspace = 'rw'\n")
        result = self.world.cli("config", "check", env={"HYDRAVISOR_RUN_POLCY": "x"})
        self.assertEqual(result.returncode, 1)
        for words in (f"{self.path}:3:1: run.kep: unknown key (did you mean 'keep'?)", f"{self.path}:4:13: run.workspace: expected one of",
                      "HYDRAVISOR_RUN_POLCY: unknown key (did you mean 'HYDRAVISOR_RUN_POLICY'?)"):
            self.assertIn(words, result.stdout.decode())
        result = self.world.cli("config", "check", "/nonexistent.toml", "--json")
        self.assertEqual((result.returncode, hydravisor.json.loads(result.stdout)["valid"]), (1, False))
        os.unlink(self.path)
        self.assert_refused(self.run_in_sandbox("true", env={"HYDRAVISOR_RUN_POLCY": "x"}), "HYDRAVISOR_RUN_POLCY: unknown key")

    def test_is_described_by_its_schema(self):
        schema = self.world.json("config", "schema")
        with open(os.path.join(hydravisor.SOURCE, "docs/config.schema.json"), encoding="utf-8") as file:
            self.assertEqual(schema, hydravisor.json.load(file))
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        path = os.path.join(self.world.top, "case.toml")
        good = ["version = 1", "version = 1\n[run]", "version = 1\nrun.policy = 'x'\nrun.keep = false"]
        good += ["version = 1\n[audit]\nkeep = '1d12h'\nkeep_payloads = '90d'\nkeep_bytes = '1.5GiB'"]
        bad_ones = ["version = 1\naudit.keep = 90", "version = 1\naudit.keep = 'long'", "version = 1\naudit.keep_bytes = '10 chairs'"]
        good += [f"version = 1\nrun.workspace = '{mode}'" for mode in ("cow", "live", "ro", "none")]
        bad = ["", "version = 2", "version = '1'", "version = 1\nrun = 3", "version = 1\n[rum]", "version = 1\nrun.kep = true",
               "version = 1\nrun.keep = 'true'", "version = 1\nrun.workspace = 'rw'", "version = 1\nrun.policy = ''",
               "version = 1\nrun.policy = [1]", "version = 1\nrun.policy = \"a\\nb\""]
        for text, valid in [(text, True) for text in good] + [(text, False) for text in bad + bad_ones]:
            with self.subTest(text=text):
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
                self.assertEqual(validator.is_valid(tomllib.loads(text)), valid)
                self.assertEqual(self.world.cli("config", "check", path).returncode, 0 if valid else 1)

    # Only root can put a file into /etc.
    if os.geteuid() == 0:
        def test_of_the_system_lies_below_the_users(self):
            self.write("version = 1\n[run]\nkeep = false\n")
            made = not os.path.exists("/etc/hydravisor")
            os.makedirs("/etc/hydravisor", exist_ok=True)
            if made:
                self.addCleanup(os.rmdir, "/etc/hydravisor")
            # In a mount namespace of its own: nobody else sees the file.
            script = ("mount -t tmpfs none /etc/hydravisor && printf 'version = 1\\n[run]\\npolicy = \"locked\"\\nkeep = true\\n' "
                      '> /etc/hydravisor/config.toml && exec "$0" config show --effective --json')
            result = subprocess.run(["unshare", "-m", "sh", "-c", script, hydravisor.CLI], env=self.world.env, cwd=self.world.project,
                                    capture_output=True, check=False, timeout=30)
            self.assertEqual(result.returncode, 0, result.stderr)
            found = {item["key"]: (item["value"], item["origin"]) for item in hydravisor.json.loads(result.stdout)["items"]}
            self.assertEqual(found, {"run.policy": ("locked", "system"), "run.keep": (False, "user"), "run.workspace": (None, "default"),
                                     **{key: said[:2] for key, said in self.UNSAID.items()}})


if __name__ == "__main__":
    hydravisor.main()
