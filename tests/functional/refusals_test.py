# as: user root
"""Bad input: a clear error, the documented code, and nothing half-done."""

import os

import hydravisor


class Refusals(hydravisor.TestCase):
    def test_of_unknown_commands_and_options_name_the_nearest(self):
        self.assert_refused(self.world.cli("rnu"), "rnu", "run", code=2)
        self.assert_refused(self.world.cli("run", "--polcy", "x", "--", "true"), "--polcy", "--policy")

    def test_of_names(self):
        self.world.ok("create", "--name", "taken", "--", "true")
        self.assert_refused(self.world.cli("create", "--name", "taken", "--", "true"), "a sandbox named 'taken' exists",
                            "choose another --name, or remove it: hydravisor rm taken")
        self.assert_refused(self.run_in_sandbox("true", options=["--name", "taken"]), "a sandbox named 'taken' exists")
        for name in ("Bad", "-x", "a_b", "a" * 64, "../x", ""):
            self.assert_refused(self.world.cli("create", f"--name={name}", "--", "true"), "name")
        self.assertEqual(len(self.world.json("ls")["items"]), 1)

    def test_of_sandboxes_that_do_not_exist(self):
        for command in ("inspect", "start", "stop", "rm", "diff", "apply", "wait", "logs"):
            self.assert_refused(self.world.cli(command, "nobody"), "nobody")

    def test_of_workspaces_that_are_too_much(self):
        for directory in ("/", self.world.home):
            self.assert_refused(self.run_in_sandbox("true", cwd=directory), directory)
        self.assertEqual(self.world.json("ls")["items"], [])

    def test_of_a_workspace_that_cannot_be_read(self):
        if os.geteuid() == 0:
            self.assert_refused(self.world.cli("run", "--workspace", "sideways", "--", "true"), "sideways")
        else:
            closed = self.world.directory("closed")
            os.chmod(closed, 0o300)
            self.assert_refused(self.run_in_sandbox("true", cwd=closed), "closed")

    def test_of_bad_toml_name_the_place(self):
        policies = self.world.directory("config/hydravisor/policies")
        for text, words in [("version = 1\nname = \n", ("mine.toml:2:",)),
                            ("version = 1\nlimitz = 1\n", ("mine.toml:2:1: limitz: unknown key (did you mean 'limits'?)",)),
                            ("version = 1\n[limits]\npids = 'many'\n", ("mine.toml:3:8: limits.pids: expected a whole number from 4 to 4194304",)),
                            ("version = 99\n", ("mine.toml:1:11: version",))]:
            with open(os.path.join(policies, "mine.toml"), "w", encoding="utf-8") as file:
                file.write(text)
            self.assert_refused(self.run_in_sandbox("true", options=["--policy", "mine"]), *words)

    def test_of_a_missing_command_after_the_dashes(self):
        self.assert_refused(self.world.cli("exec", "x", "--"), "missing")

    def test_help_and_version_are_no_refusals(self):
        for arguments in (["--help"], ["run", "--help"], ["audit", "--help"]):
            self.assertIn("hydravisor", self.world.ok(*arguments).lower())
        self.assertRegex(self.world.ok("--version"), r"\d+\.\d+\.\d+")


if __name__ == "__main__":
    hydravisor.main()
