# as: user root
"""Bad input: a clear error, the documented code, and nothing half-done."""

import os
import signal

import hydravisor


class Refusals(hydravisor.TestCase):
    def test_of_unknown_commands_and_options_name_the_nearest(self):
        self.assert_refused(self.world.cli("rnu"), "rnu", "run", code=2)
        self.assert_refused(self.world.cli("run", "--polcy", "x", "--", "true"), "--polcy", "--policy")

    def test_of_names(self):
        self.world.ok("create", "--name", "taken", "--", "true")
        self.assert_refused(self.world.cli("create", "--name", "taken", "--", "true"), "taken")
        for name in ("Bad", "-x", "a_b", "a" * 64, "../x", ""):
            self.assertIn(self.world.cli("create", f"--name={name}", "--", "true").returncode, (2, 125), name)
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
        for text, words in [("version = 1\nname = \n", ("mine.toml", "2")), ('version = 1\nlimitz = 1\n', ("mine.toml", "limitz", "limits")),
                            ("version = 99\n", ("mine.toml", "version"))]:
            with open(os.path.join(policies, "mine.toml"), "w", encoding="utf-8") as file:
                file.write(text)
            self.assert_refused(self.run_in_sandbox("true", options=["--policy", "mine"]), *words)

    def test_of_a_command_that_exists_only_outside_say_how_to_bind_it(self):
        tools = self.world.directory("tools")
        program = os.path.join(tools, "mytool")
        with open(program, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\necho mine\n")
        os.chmod(program, 0o755)
        self.world.ok("create", "--name", "s", "--", "sleep", "600")
        self.world.ok("start", "s")
        self.assert_refused(self.world.cli("exec", "s", "--", program), "mytool", code=127)

    def test_of_a_missing_command_after_the_dashes(self):
        self.assert_refused(self.world.cli("exec", "x", "--"), "missing")

    def test_help_and_version_are_no_refusals(self):
        for arguments in (["--help"], ["run", "--help"], ["audit", "--help"]):
            self.assertIn("hydravisor", self.world.ok(*arguments).lower())
        self.assertRegex(self.world.ok("--version"), r"\d+\.\d+\.\d+")


class CtrlC(hydravisor.TestCase):
    def test_at_any_moment_leaves_nothing(self):
        self.world.ok("daemon", "status")
        for delay in (0.0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1):
            running = self.world.start_cli("run", "--", "sleep", "600")
            try:
                running.wait(delay)
            except hydravisor.subprocess.TimeoutExpired:
                pass
            running.send_signal(signal.SIGINT)
            running.communicate(timeout=20)
            self.assertIn(running.returncode, (130, -2, 125), f"after {delay} s")
        hydravisor.wait_for(lambda: self.world.json("ls")["items"] == [], 10, "the removal of every sandbox")


if __name__ == "__main__":
    hydravisor.main()
