# as: user root
"""What decides how a sandbox is made: options over config.toml over the policy, and what options grant beside it."""

import os

import hydravisor


class Defaults(hydravisor.TestCase):
    def configure(self, text, path="config.toml"):
        path = os.path.join(self.world.directory("config/hydravisor"), path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write("version = 1\n" + text)

    def mode_of(self, *options):
        name = self.world.ok("create", *options, "--", "true").strip()
        return self.world.json("inspect", name)["workspace"]["mode"]

    def test_are_the_policys_when_nothing_else_is_said(self):
        self.assertEqual(self.mode_of(), "cow")
        self.assertEqual(self.mode_of("--policy", "locked"), "ro")
        self.configure('[filesystem]\nworkspace = "live"\n', "policies/direct.toml")
        self.assertEqual(self.mode_of("--policy", "direct"), "live")

    def test_come_from_the_configuration_before_the_policy(self):
        self.configure('[run]\nworkspace = "none"\n')
        self.assertEqual(self.mode_of(), "none")
        result = self.run_in_sandbox("ls", self.world.project)
        self.assertNotEqual(result.returncode, 0)

    def test_give_way_to_options(self):
        self.configure('[run]\nworkspace = "ro"\nkeep = true\n')
        self.assertEqual(self.mode_of("--workspace", "live"), "live")
        self.assertEqual(self.mode_of(), "ro")
        self.run_in_sandbox("true", options=["--name", "kept"])
        self.run_in_sandbox("true", options=["--name", "gone", "--no-keep"])
        hydravisor.wait_for(lambda: "gone" not in [item["name"] for item in self.world.json("ls")["items"]], 10, "the removal")
        self.assertIn("kept", [item["name"] for item in self.world.json("ls")["items"]])

    def test_stay_below_the_ceiling_of_the_policy_and_options_above_it_are_refused(self):
        self.configure('[run]\nworkspace = "live"\n')
        self.assertEqual(self.mode_of("--policy", "locked"), "ro")
        self.assertEqual(self.mode_of("--policy", "locked", "--workspace", "none"), "none")
        for mode in ("cow", "live"):
            self.assert_refused(self.run_in_sandbox("true", options=["--policy", "locked", "--workspace", mode]),
                                "policy 'locked' does not let the sandbox change the workspace", "--policy restricted")
        self.configure('[filesystem]\nworkspace = "none"\n', "policies/blind.toml")
        self.assertEqual(self.mode_of("--policy", "blind"), "none")
        self.assert_refused(self.run_in_sandbox("true", options=["--policy", "blind", "--workspace", "ro"]), "read the workspace")

    def test_that_are_wrong_name_file_line_and_column(self):
        self.configure('[run]\nworkspace = "rw"\nkep = true\n')
        self.assert_refused(self.run_in_sandbox("true"), "config.toml:3:13: run.workspace: expected one of cow, live, ro, none",
                            "config.toml:4:1: run.kep: unknown key (did you mean 'keep'?)")

    def test_hold_for_later_starts_and_commands(self):
        self.configure('[run]\nworkspace = "ro"\n')
        self.world.ok("create", "--name", "s")
        self.configure('[run]\nworkspace = "none"\n')
        self.world.ok("start", "s")
        self.world.write("a.txt", "shown\n")
        self.assertEqual(self.world.ok("exec", "s", "--", "cat", "a.txt"), "shown\n")


class Grants(hydravisor.TestCase):
    def tool(self, path):
        path = os.path.join(self.world.home, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\necho mine\n")
        os.chmod(path, 0o755)
        return path

    def test_are_what_a_missing_command_asks_for(self):
        # Beside secrets, so its directory is not bound although the command is named by its path or found through PATH.
        program = self.tool(".docker/cli/mytool")
        directory = os.path.dirname(program)
        for command, env in [(program, {}), ("mytool", {"PATH": f"{directory}:/usr/bin:/bin"})]:
            result = self.run_in_sandbox(command, env=env)
            self.assert_refused(result, f"'{command}' is {program} outside", f"{directory} was not bound", f"start the sandbox with --read {directory},",
                                f'put read = ["{directory}"] under [filesystem] in your policy', code=127)
            self.assert_output(self.run_in_sandbox(command, options=["--read", directory], env=env), "mine\n")
        policy = os.path.join(self.world.directory("config/hydravisor/policies"), "mine.toml")
        with open(policy, "w", encoding="utf-8") as file:
            file.write(f'version = 1\n[filesystem]\nread = ["{directory}"]\n')
        self.assert_output(self.run_in_sandbox(program, options=["--policy", "mine"]), "mine\n")

    def test_are_not_needed_for_a_tool_that_lies_in_the_home_itself(self):
        program = self.tool("mytool")
        self.assert_output(self.run_in_sandbox(program), "mine\n")

    def test_hold_for_commands_in_the_running_sandbox_too(self):
        program = self.tool("elsewhere/mytool")
        self.world.ok("create", "--name", "without")
        self.world.ok("create", "--name", "with", "--read", os.path.dirname(program))
        self.world.ok("start", "without", "with")
        self.assert_refused(self.world.cli("exec", "without", "--", program), "mytool", code=127)
        self.assertEqual(self.world.ok("exec", "with", "--", program), "mine\n")

    def test_are_read_only_or_writable_as_they_say_and_recorded(self):
        shared = self.world.directory("shared")
        with open(os.path.join(shared, "a"), "w", encoding="utf-8") as file:
            file.write("before\n")
        if os.geteuid() == 0:
            os.chmod(shared, 0o777)
        script = f"cat {shared}/a; echo new > {shared}/b"
        self.assert_output(self.run_in_sandbox("sh", "-c", script, options=["--read", shared]), "before\n", code=2)
        self.assertEqual(os.listdir(shared), ["a"])
        self.assert_output(self.run_in_sandbox("sh", "-c", script, options=["--write", "../shared"]), "before\n")
        self.assertEqual(sorted(os.listdir(shared)), ["a", "b"])
        starts = [item["payload"] for item in self.world.json("audit", "ls", "--kind", "sandbox.starting")["items"]]
        self.assertEqual([(item.get("read"), item.get("write")) for item in starts], [([shared], None), (None, [shared])])

    def test_that_no_policy_could_give_are_refused(self):
        for option, path, words in [("--read", "/proc/1", "cannot be granted"), ("--write", "/etc", "cannot be granted"),
                                    ("--read", self.world.home, "home"), ("--write", "/no/such/place", "does not exist")]:
            with self.subTest(path=path):
                self.assert_refused(self.run_in_sandbox("true", options=[option, path]), path, words)
        self.assert_refused(self.run_in_sandbox("true", options=["--read", "/opt", "--write", "/opt"]), "contradict")


if __name__ == "__main__":
    hydravisor.main()
