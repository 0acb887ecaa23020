# as: user root
# timeout: 600
"""Policies: what they hide, what they let start, what they refuse, what no machine can keep, and the commands that explain it."""

import json
import os
import subprocess
import tomllib
import unittest

import hydravisor

try:
    import jsonschema
except ImportError:
    jsonschema = None


class PolicyCase(hydravisor.TestCase):
    def policy(self, name, text):
        path = os.path.join(self.world.directory("config/hydravisor/policies"), name + ".toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write("version = 1\n" + text)
        return path

    def inside(self, policy, *command, options=(), **more):
        return self.run_in_sandbox(*command, options=["--policy", policy, *options], **more)

    def shell(self, policy, script, **more):
        return self.inside(policy, "sh", "-c", script, **more)


class Hidden(PolicyCase):
    def test_files_are_empty_by_whatever_way_they_are_reached(self):
        self.world.write("secret.pem", "SECRET")
        self.world.write("deep/er/.env", "SECRET")
        self.world.write("vault/a/b", "SECRET")
        self.world.write("open.txt", "open")
        os.symlink("secret.pem", os.path.join(self.world.project, "alias"))
        self.policy("hiding", '[filesystem]\nhide = ["*.pem", ".env", "vault/**"]\n')
        tries = [
            "cat secret.pem", "cat ./deep/../secret.pem", "cat alias", "cat deep/er/.env", "cat vault/a/b", "ls vault",
            "cat /proc/self/root$PWD/secret.pem", "cat /proc/self/cwd/secret.pem", "cp secret.pem copy; cat copy",
            "ln secret.pem second; cat second", "ln -s secret.pem third; cat third", "mv secret.pem moved; cat moved",
            "mv deep other; cat other/er/.env", "rm -f secret.pem; cat secret.pem", "exec 3<secret.pem; cat <&3", "tar c . | cat",
            "mount --bind . /tmp; cat /tmp/secret.pem", "umount secret.pem; cat secret.pem",
            "unshare -Urm sh -c 'umount secret.pem; cat secret.pem'", "mv vault elsewhere; cat elsewhere/a/b", "find . -type f -exec cat {} +",
        ]
        for mode in ("cow", "live", "ro"):
            result = self.shell("hiding", "".join(f"( {one} ) 2>&1; " for one in tries) + "cat open.txt", options=["--workspace", mode])
            self.assertIn(b"open", result.stdout, (mode, result))
            self.assertNotIn(b"SECRET", result.stdout, mode)
        # The host's own files are as they were.
        self.assertEqual(self.world.read("secret.pem"), "SECRET")
        self.assertEqual(self.world.read("vault/a/b"), "SECRET")
        # The control: nothing else stands in the way.
        self.policy("showing", "")
        self.assertIn(b"SECRET", self.shell("showing", "cat secret.pem").stdout)

    def test_files_that_the_host_rewrites_stay_hidden_in_a_copy(self):
        path = self.world.write(".env", "SECRET one")
        self.policy("hiding", '[filesystem]\nhide = [".env"]\n')
        name = self.world.ok("create", "--policy", "hiding").strip()
        self.world.ok("start", name)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write("SECRET two")
        os.rename(path + ".new", path)
        # Another edit that arrives tells that the first one has been looked at.
        self.world.write("marker", "first")
        self.world.write("marker.new", "second")
        os.rename(os.path.join(self.world.project, "marker.new"), os.path.join(self.world.project, "marker"))
        hydravisor.wait_for(lambda: self.world.cli("exec", name, "--", "cat", "marker").stdout == b"second", 20, "the edit")
        self.assertNotIn(b"SECRET", self.world.cli("exec", name, "--", "sh", "-c", "cat .env .hydravisor-import").stdout)

    def test_changes_around_them_are_applied_and_they_are_not(self):
        self.world.write("dir/.env", "SECRET")
        self.world.write("dir/code", "old")
        self.policy("hiding", '[filesystem]\nhide = [".env"]\n')
        self.shell("hiding", "echo new > dir/code", options=["--name", "changed"])
        self.assertEqual([item["path"] for item in self.world.json("diff", "changed")["files"]], ["dir/code"])
        self.world.ok("apply", "changed")
        self.assertEqual((self.world.read("dir/code"), self.world.read("dir/.env")), ("new\n", "SECRET"))

    def test_places_outside_the_workspace_are_hidden_too(self):
        granted = self.world.directory("granted")
        for name in ("key.pem", "data"):
            with open(os.path.join(granted, name), "w", encoding="utf-8") as file:
                file.write("SECRET" if name == "key.pem" else "open")
        self.policy("hiding", f'[filesystem]\nread = ["{granted}"]\nhide = ["*.pem", "/usr/share/common-licenses"]\n')
        result = self.shell("hiding", f"cat {granted}/*; ls /usr/share/common-licenses | wc -l")
        self.assertEqual(result.stdout, b"open0\n")


    def test_in_a_workspace_that_takes_a_while_to_look_through(self):
        for number in range(8000):
            os.mkdir(os.path.join(self.world.project, str(number)))
        self.world.write("4711/.env", "SECRET")
        self.policy("hiding", '[filesystem]\nhide = [".env"]\n')
        script = ["--", "sh", "-c", "cat 4711/.env; echo open"]
        self.assertEqual(self.shell("hiding", script[-1]).stdout, b"open\n")
        # They are planned at the same time, and only then is a name anybody's.
        for verb in (["create"], ["run", "--keep"]):
            clients = [self.world.start_cli(*verb, "--name", "one-name", "--policy", "hiding", *script, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                       for _ in range(4)]
            ends = [(client.communicate(timeout=60), client.returncode) for client in clients]
            self.assertEqual(sorted(code for _, code in ends), [0, 125, 125, 125], ends)
            for (_, error), code in ends:
                self.assertTrue(code == 0 or b"a sandbox named 'one-name' exists" in error, error)
            self.assertEqual([item["name"] for item in self.world.json("ls")["items"]], ["one-name"])
            self.world.ok("start", "one-name")
            hydravisor.wait_for(lambda: self.world.json("inspect", "one-name")["state"] == "stopped", 20, "its end")
            self.assertNotIn("SECRET", self.world.ok("logs", "one-name"))
            self.world.ok("rm", "one-name")


class Programs(PolicyCase):
    def test_denied_by_name_do_not_start_by_any_name_of_theirs(self):
        self.policy("no-curl", '[exec]\ndeny = ["env", "/usr/bin/sort"]\n')
        result = self.shell("no-curl", "env; /usr/bin/env; ln -s /usr/bin/env e; ./e; cp /usr/bin/env f; chmod +x f; ./f; echo x | sort; id -u")
        self.assertEqual(result.stdout.split(), [b"1000"] if os.geteuid() == 0 else [str(os.geteuid()).encode()])
        self.assert_refused(self.inside("no-curl", "/usr/bin/env"), "exec.deny", "no-curl.toml:3", code=126)
        self.policy("free", "")
        self.assertEqual(self.inside("free", "/usr/bin/env").returncode, 0)

    def test_that_no_rule_allows_do_not_start(self):
        self.world.write("tool", "#!/bin/sh\necho tool ran\n", 0o755)
        self.policy("few", '[exec]\ndefault = "deny"\nallow = ["sh", "/usr/bin/id", "dash"]\n')
        result = self.shell("few", "id -u; ls; ./tool; cp /usr/bin/id /tmp/i; /tmp/i -u; echo end")
        self.assertEqual(len(result.stdout.split()), 2, result)
        self.assertTrue(result.stdout.endswith(b"end\n"))
        self.assert_refused(self.inside("few", "ls"), "exec.default", "few.toml:3", code=126)
        # A script that is named may run, with the interpreter that it names; and all of a directory, with what comes later.
        self.policy("script", f'[exec]\ndefault = "deny"\nallow = ["{self.world.project}/tool"]\n')
        self.assertEqual(self.inside("script", "./tool").stdout, b"tool ran\n")
        self.policy("directory", '[exec]\ndefault = "deny"\nallow = ["/usr/bin/**", "bin/**"]\n')
        self.world.write("bin/keep", "")
        result = self.shell("directory", "cp tool bin/later; bin/later; ./tool; true")
        self.assertEqual(result.stdout, b"tool ran\n")

    def test_lists_of_them_need_landlock_and_nested_sandboxes_cost_it(self):
        self.policy("both", '[exec]\ndefault = "deny"\nallow = ["/usr/bin/**"]\n[privileges]\nnested_sandboxes = true\n')
        self.assert_refused(self.inside("both", "true"), "both.toml:3", "exec.default", "--allow-degraded exec.default")
        name = self.world.ok("create", "--policy", "both", "--allow-degraded", "exec.default", "--allow-degraded", "exec.allow").strip()
        self.assertIn("exec.default is not enforced", " ".join(self.world.json("inspect", name)["isolation"]["degraded"]))
        # Recorded with the start.
        self.world.ok("start", name)
        starting = self.world.json("audit", "ls", "--sandbox", name, "--kind", "sandbox.starting")["items"]
        self.assertTrue(any("exec.default" in line for line in starting[-1]["payload"]["degraded"]), starting)
        self.assert_refused(self.inside("both", "true", options=["--allow-degraded", "exec.defualt"]), "did you mean 'exec.default'?")


class Calls(PolicyCase):
    SCRIPT = ("import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\nprint(libc.memfd_create(b'x', 0) >= 0, ctypes.get_errno())\n"
              "try:\n  os.mkdir('made')\n  print('made')\nexcept OSError as e:\n  print(e.errno)\n")

    def test_that_the_policy_denies_fail_and_are_recorded_by_name(self):
        self.policy("few-calls", '[syscalls]\ndeny = ["memfd_create", "mkdir", "mkdirat"]\n')
        for mode in ("cow", "live"):
            result = self.inside("few-calls", "/usr/bin/python3", "-c", self.SCRIPT, options=["--workspace", mode, "--name", "calls-" + mode, "--keep"])
            self.assertEqual(result.stdout, b"False 1\n1\n", result)
            denied = self.world.json("audit", "ls", "--sandbox", "calls-" + mode, "--kind", "call.denied")["items"]
            self.assertLessEqual({"memfd_create"}, {item["payload"]["call"] for item in denied})
        self.policy("all-calls", "")
        self.assertEqual(self.inside("all-calls", "/usr/bin/python3", "-c", self.SCRIPT).stdout, b"True 0\nmade\n")

    def test_that_there_are_not_and_that_nothing_works_without_are_refused(self):
        self.policy("wrong", '[syscalls]\ndeny = ["ptrce"]\n')
        self.assert_refused(self.inside("wrong", "true"), "wrong.toml:3", "did you mean 'ptrace'?")
        self.policy("wrong", '[syscalls]\ndeny = ["openat"]\n')
        self.assert_refused(self.inside("wrong", "true"), "nothing could be started without openat")


class Variables(PolicyCase):
    def test_are_set_by_the_policy_below_the_options(self):
        self.policy("setting", '[environment]\nset = {GREETING = "from the policy", OTHER = "a $b \\"c\\""}\n')
        script = 'echo "$GREETING|$OTHER"'
        self.assertEqual(self.shell("setting", script).stdout, b'from the policy|a $b "c"\n')
        self.assertEqual(self.shell("setting", script, options=["--env", "GREETING=mine"]).stdout, b'mine|a $b "c"\n')


class Grants(PolicyCase):
    def test_that_show_more_than_a_policy_may_are_refused(self):
        # The workspace is elsewhere than the home, whose parents are refused anyway.
        above = os.path.join(self.world.top, "above")
        self.world.project = self.world.directory("above/project")
        state = os.path.join(self.world.state, "hydravisor")
        inner = os.path.join(state, "ledger")
        config = os.path.join(self.world.top, "config/hydravisor")
        for path, words in ((above, "holds the workspace"), (above[:-1] + "?", "holds the workspace"), (state[:-3] + "*", "Hydravisor's own files"), (state, "Hydravisor's own files"), (inner, "belongs to Hydravisor"),
                            (config, "Hydravisor's own files"), (self.world.state, "Hydravisor's own files"), ("/", "whole machine")):
            for key in ("read", "write"):
                self.policy("wide", f'[filesystem]\n{key} = ["{path}"]\n')
                self.assert_refused(self.inside("wide", "true"), words)
        link = os.path.join(self.world.home, "innocent")
        os.symlink(state, link)
        self.policy("wide", '[filesystem]\nread = ["~/innocent"]\n')
        self.assert_refused(self.inside("wide", "true"), "Hydravisor's own files")

    def test_by_pattern_are_looked_up_at_the_start(self):
        models = self.world.directory("models")
        for name in ("a.bin", "b.bin", "c.txt"):
            with open(os.path.join(models, name), "w", encoding="utf-8") as file:
                file.write(name)
        self.policy("models", f'[filesystem]\nread = ["{models}/*.bin"]\n')
        self.assertEqual(self.shell("models", f"cat {models}/*").stdout, b"a.binb.bin")


class Extending(PolicyCase):
    def test_takes_over_what_is_not_said_anew_and_faults_of_all_files_come_together(self):
        self.policy("base", '[limits]\npids = 300\n[environment]\nset = {A = "base", B = "base"}\n')
        self.policy("mine", 'extends = ["base"]\n[environment]\nset = {A = "mine"}\n')
        self.assertEqual(self.shell("mine", 'echo "$A $B"').stdout, b"mine base\n")
        effective = self.world.ok("policy", "show", "mine", "--effective")
        self.assertIn('set.B = "base"  # ', effective)
        self.assertIn("base.toml:3", effective)
        tomllib.loads(effective)
        self.policy("base", "limts = 3\n")
        self.policy("mine", 'extends = ["base", "bse"]\n')
        self.assert_refused(self.inside("mine", "true"), "base.toml:2:1: limts: unknown key", "did you mean 'base'?")
        self.policy("base", 'extends = ["mine"]\n')
        self.policy("mine", 'extends = ["base"]\n')
        self.assert_refused(self.inside("mine", "true"), "extends itself: mine -> base -> mine")

    def test_two_policies_together_allow_what_both_allow(self):
        self.assertEqual(self.shell("locked+standard", "touch x && echo written").stdout, b"")
        self.assertEqual(self.world.json("policy", "show", "locked+standard", "--effective")["name"], "locked+standard")

    def test_sections_of_later_versions_are_refused_with_what_they_wait_for(self):
        self.policy("early", '[models]\n')
        self.assert_refused(self.inside("early", "true"), "early.toml:2:2: models", "docs/policy.md#not-enforced-yet")


class Tools(PolicyCase):
    def test_new_writes_a_valid_one_and_never_over_another(self):
        path = self.world.ok("policy", "new", "mine", "--extends", "standard").strip()
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.assertEqual(self.world.ok("policy", "validate", "mine"), "mine is valid\n")
        self.assertEqual(self.inside("mine", "true").returncode, 0)
        self.assert_refused(self.world.cli("policy", "new", "mine"), "exists", "--replace")
        bad = os.path.join(self.world.top, "bad.toml")
        with open(bad, "w", encoding="utf-8") as file:
            file.write("version = 1\nlimts = 1\n")
        self.assert_refused(self.world.cli("policy", "new", "bad", "--file", bad), "bad.toml:2:1: limts: unknown key")
        self.assertFalse(os.path.exists(path.replace("mine", "bad")))
        for name in ("../x", "a/b", "", "-x"):
            self.assertNotEqual(self.world.cli("policy", "new", "--", name).returncode, 0, name)

    def test_validate_names_all_faults_and_what_can_never_matter(self):
        path = self.policy("faulty", '[limits]\nmemry = "1GiB"\n[filesystem]\nworkspace = "wco"\n')
        result = self.world.cli("policy", "validate", path)
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"{path}:3:1: limits.memry: unknown key (did you mean 'memory'?)".encode(), result.stdout)
        self.assertIn(b":5:13: filesystem.workspace: expected one of cow, live, ro, none", result.stdout)
        self.policy("odd", '[network]\nallow = ["a.test", "a.test:443"]\n[syscalls]\ndeny = ["bpf"]\n')
        report = self.world.json("policy", "validate", "odd")
        self.assertTrue(report["valid"])
        self.assertEqual(len(report["warnings"]), 2, report)

    def test_explain_says_who_keeps_what(self):
        rules = {rule["key"]: rule for rule in self.world.json("policy", "explain", "locked")["rules"]}
        self.assertEqual(rules["filesystem.workspace"]["keeper"], "kernel")
        self.assertEqual(rules["network.default"]["keeper"], "gateway")
        self.assertTrue(rules["limits.pids"]["origin"].endswith("locked.toml (shipped):11"), rules["limits.pids"])
        self.assertIn("Not covered:", self.world.ok("policy", "explain", "locked"))

    def test_check_answers_with_the_rule_its_line_and_what_keeps_it(self):
        self.policy("asked", '[network]\nallow = ["a.test"]\n[filesystem]\nhide = ["*.pem"]\n')
        answer = self.world.json("policy", "check", "asked", "connect", "a.test")
        self.assertEqual((answer["verdict"], answer["key"], answer["rule"], answer["keeper"]), ("allow", "network.allow", "a.test", "gateway"))
        self.assertTrue(answer["origin"].endswith("asked.toml:3"), answer)
        result = self.world.cli("policy", "check", "asked", "read", "x.pem")
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"deny: filesystem.hide *.pem", result.stdout)
        self.assertEqual(self.world.cli("policy", "check", "asked", "read", "x.txt").returncode, 0)
        self.assertEqual(self.world.cli("policy", "check", "asked", "call", "mount").returncode, 1)
        self.assert_refused(self.world.cli("policy", "check", "asked", "raed", "x"), "did you mean 'read'?")

    def test_diff_says_what_becomes_allowed_and_what_denied(self):
        items = self.world.json("policy", "diff", "locked", "research")["items"]
        self.assertIn({"effect": "allows", "key": "network.allow", "before": "", "after": '"*"'}, items)
        self.assertIn({"effect": "denies", "key": "filesystem.hide", "before": "", "after": '".git"'}, items)
        self.assertEqual(self.world.ok("policy", "diff", "locked", "locked"), "locked and locked allow and record the same\n")

    def test_what_is_learned_of_a_run_denies_nothing_of_it_and_what_is_new(self):
        self.world.write("script", "#!/usr/bin/env sh\nid -u >/dev/null\necho result > out.txt\n", 0o755)
        result = self.inside("audit-only", "./script", options=["--name", "first"])
        self.assertEqual(result.returncode, 0, result)
        path = self.world.ok("policy", "learn", "first", "--as", "least", "--save").strip()
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertIn("# record ", text)
        self.assertEqual(tomllib.loads(text)["exec"]["default"], "deny")
        self.assertEqual(self.world.ok("policy", "validate", "least"), "least is valid\n")
        simulated = self.world.json("policy", "simulate", "least", "--from", "first")
        self.assertEqual((simulated["denied_count"], simulated["denied"]), (0, []))
        self.assertGreater(simulated["asked"], 2)
        # The same again, under what was learned; and something new, which is refused and explained at once.
        self.assertEqual(self.inside("least", "./script", options=["--name", "second"]).returncode, 0)
        self.assertEqual(self.world.json("diff", "second")["files"][0]["path"], "out.txt")
        refused = self.inside("least", "ls")
        self.assert_refused(refused, "policy 'least' does not let", "ls", code=126)
        # A stricter policy says what it would have denied.
        self.policy("strict", '[exec]\ndeny = ["id"]\n')
        result = self.world.cli("policy", "simulate", "strict", "--from", "first")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stdout.decode(), r"strict would have denied \d+ of \d+\n  record \d+: exec .*id: deny: exec.deny id \(.*strict.toml:3\)")
        self.assertGreaterEqual(self.world.json("policy", "simulate", "audit-only", "--from", "ledger")["asked"], simulated["asked"])
        self.assert_refused(self.world.cli("policy", "learn", "nobody"), "no sandbox 'nobody'")

    @unittest.skipIf(jsonschema is None and os.environ.get("CI") != "true", "python3-jsonschema is not installed")
    def test_the_schema_and_the_parser_agree(self):
        with open(os.path.join(hydravisor.SOURCE, "docs/policy.schema.json"), encoding="utf-8") as file:
            schema = json.load(file)
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        good = ["", 'name = "case"', 'extends = ["locked", "standard"]', 'limits.memory = "1.5GiB"', 'limits.memory = "1048576K"',
                "limits.pids = 4", "limits.cpus = 0.01", 'limits.wall = "1h30m"', 'filesystem.read = ["/srv/a", "~/x/*.bin"]',
                'filesystem.hide = [".env", "a/**/b", "~/.aws", "/srv/*"]', 'exec.deny = ["curl", "bin/tool"]', 'syscalls.deny = ["ptrace"]',
                'environment.pass = ["A_1", "B_*"]', 'environment.set = {A = ""}', 'security.allow_degraded = ["limits.io"]',
                "security.require_probe = true", 'security.require_probe = "24h"',
                'network.allow = ["a.test", {host = "b.test", ports = [1, "2-3", "*"], private = true, methods = ["GET"], path = "/v1"}]',
                'network.deny = [{host = "b.test"}]', "network.host_services = [1, 65535]", 'network.default = "ask"', "behavior = {}",
                'time = {hours = ["mon-fri 08:00-18:00", "22:00-06:00", "never"], zone = "Europe/Vienna", not_after = "2026-12-31"}', 'time.zone = "UTC"',
                'time.not_after = "2026-12-31T18:00"',
                'behavior.rules = [{name = "a", when = {kind = ["exec.started", "call.denied"]}, more_than = 1, in = "1s"}]',
                'behavior.rules = [{name = "a", when = {kind = "network.closed", host = "*.a.test"}, sum = "bytes_out", more_than = "1MiB", in = "1h"}]',
                'behavior.rules = [{name = "a", sequence = [{kind = "exec.observed", program = "curl"}, {kind = "call.denied"}], in = "1m", dry_run = true}]',
                'behavior.rules = [{name = "a", when = {kind = "network.dns"}, first_seen = "host", history = "agent", response = ["alert", "kill"]}]']
        bad = ["limits.memory = 5", 'limits.memory = "many"', "limits.pids = 3", "limits.cpus = 0", 'limits.wall = "soon"', "limits.memry = 1",
               'filesystem.read = ["relative"]', 'filesystem.read = ["/proc/1"]', 'filesystem.read = ["/srv/**"]', 'filesystem.read = ["/a/../b"]',
               'filesystem.write = ["/"]', 'filesystem.hide = ["[a]"]', 'filesystem.hide = ["a/../b"]', 'filesystem.hide = [""]', 'filesystem.hide = ["a/"]',
               'filesystem.workspace = "rw"', 'exec.default = "ask"', 'exec.allow = ["a//b"]', 'syscalls.deny = ["PTRACE"]', 'environment.pass = ["*"]',
               'environment.set = {HOME = "x"}', 'environment.set = {"1" = "x"}', "environment.set = {A = 1}", 'security.allow_degraded = ["all"]',
               'security.require_probe = "yesterday"',
               'network.allow = [{ports = [1]}]', 'network.allow = [{host = "a.test", ports = [0]}]', 'network.deny = [{host = "a.test", private = true}]',
               "network.host_services = [0]", 'network.allow = [{host = "a.test", methods = ["get"]}]',
               'behavior.rules = [{name = "a", when = {kind = "exec.started"}, more_than = 1}]', 'behavior.rules = [{name = "a", when = {}, first_seen = "host"}]',
               'behavior.rules = [{name = "a", when = {kind = "exec.repeated"}, more_than = 1, in = "1s"}]',
               'behavior.rules = [{name = "a", when = {kind = "call.denied"}, more_than = 1, in = "1s", response = "snapshot"}]',
               'behavior.rules = [{name = "a", sequence = [{kind = "call.denied"}], in = "1s"}]',
               'behavior.rules = [{name = "a", when = {kind = "call.denied", verdict = "no"}, more_than = 1, in = "1s"}]',
               "behavior.rule = []", 'time.hours = ["mo 08:00-09:00"]', 'time.hours = ["08:00-25:00"]', 'time.hours = ["mon"]', 'time.zone = "../x"',
               'time.not_after = "tomorrow"', "time.hour = []", 'extends = ["../x"]', "rum = 1",
               'network.allow = [{host = "a.test", path = "v1"}]', 'privileges.nested_sandboxes = "yes"']
        path = os.path.join(self.world.top, "case.toml")
        for text, valid in [(text, True) for text in good] + [(text, False) for text in bad]:
            with self.subTest(text=text):
                with open(path, "w", encoding="utf-8") as file:
                    file.write("version = 1\n" + text + "\n")
                self.assertEqual(validator.is_valid(tomllib.loads("version = 1\n" + text)), valid)
                self.assertEqual(json.loads(self.world.cli("policy", "validate", path, "--json").stdout)["valid"], valid)
        # What is shipped is described too.
        policies = os.path.join(hydravisor.SOURCE, "data/policies")
        for name in os.listdir(policies):
            with open(os.path.join(policies, name), "rb") as file:
                self.assertTrue(validator.is_valid(tomllib.load(file)), name)


if __name__ == "__main__":
    hydravisor.main()
