# as: user
"""The command line without a daemon: help, usage errors, completion. Nothing here may start one."""

import json
import os
import subprocess
import unittest

import hydravisor


class Usage(unittest.TestCase):
    def setUp(self):
        self.world = hydravisor.World()
        self.addCleanup(self._close)

    def _close(self):
        sockets = [name for _, _, names in os.walk(self.world.top) for name in names if name.endswith(".sock")]
        left = self.world.close()
        self.assertEqual((sockets, left), ([], []), "a daemon was started, or something was left behind")

    def refused(self, *arguments, code=None, **options):
        """Standard error of a command line that is refused: with 125 where 2 may be the status of a command inside."""
        if code is None:
            code = 125 if arguments and arguments[0] in ("run", "exec", "attach", "wait") else 2
        result = self.world.cli(*arguments, **options)
        self.assertEqual((result.returncode, result.stdout), (code, b""), result.stderr)
        return result.stderr.decode()

    def test_names_the_nearest_command(self):
        for typed, meant in [("rnu", "run"), ("inspct", "inspect"), ("aduit", "audit"), ("stp", "stop")]:
            self.assertEqual(self.refused(typed), f"hydravisor: unknown command '{typed}'\n  hint: did you mean 'hydravisor {meant}'?\n")
        self.assertIn("did you mean 'hydravisor audit verify'?", self.refused("audit", "verfy"))

    def test_says_how_to_run_what_is_no_command(self):
        self.assertIn("hydravisor run claude", self.refused("claude"))

    def test_names_the_nearest_option(self):
        self.assertEqual(self.refused("run", "--polcy", "x", "--", "true"),
                         "hydravisor: run: unknown option '--polcy'\n  hint: did you mean --policy?\n")
        self.assertIn("--json", self.refused("ls", "--jsno"))
        self.assertIn("hydravisor run --help", self.refused("run", "-Z", "true"))

    def test_refuses_values_of_the_wrong_form_and_names_the_option(self):
        for option, value in [("--memory", "much"), ("--memory", "0"), ("--pids", "0"), ("--cpus", "0"), ("--cpus", "two"), ("--host-port", "65536"),
                              ("--allow", "https://x.test"), ("--allow-private", "10.0.0.1/8"), ("--network", "open"), ("--workspace", "sideways"),
                              ("--label", "x"), ("--tier", "cloud"), ("--skip-layer", "x"), ("--env", "HV_NOT_SET_ANYWHERE"),
                              ("--detach-keys", "alt-x")]:
            with self.subTest(option=option):
                self.assertIn(value if option != "--tier" else "cloud", self.refused("run", option, value, "--", "true"))
        self.assertIn("contradict", self.refused("run", "-t", "-T", "--", "true"))
        self.assertIn("contradict", self.refused("run", "--network", "none", "--allow", "x.test", "--", "true"))
        self.assertIn("--terminal", self.refused("run", "-t", "--", "true"))
        self.assertIn("--since", self.refused("audit", "ls", "--since", "yesterday"))
        self.assertIn("--format", self.refused("audit", "export", "--format", "xml"))

    def test_refuses_too_few_and_too_many_words(self):
        self.assertIn("NAME is missing", self.refused("inspect"))
        self.assertIn("one argument", self.refused("inspect", "a", "b"))
        self.assertIn("command to run is missing", self.refused("run"))
        self.assertIn("command to run is missing", self.refused("exec", "x", "--"))
        self.assertIn("NEW is missing", self.refused("rename", "a"))

    def test_makes_what_was_typed_harmless(self):
        self.assertNotIn("\033", self.refused("\033]0;x\007"))
        self.assertNotIn("\033", self.refused("run", "--\033[2J", "true"))

    def test_gives_errors_as_json_when_asked(self):
        error = json.loads(self.refused("ls", "--json", "surplus"))["error"]
        self.assertEqual(error["code"], "invalid_argument")
        self.assertTrue(error["message"] and error["hint"])

    def test_has_help_with_an_example_for_every_command(self):
        overview = self.world.ok("--help")
        names = [line.split("  ")[1] for line in overview.splitlines() if line.startswith("  ") and line[2].islower() and line.count("  ") > 1]
        self.assertGreater(len(names), 40)
        for name in names:
            with self.subTest(name=name):
                text = self.world.ok(*name.split(), "--help")
                for part in ("Usage: hydravisor " + name, "\nOptions:\n", "--json", "\nExit codes:\n", "\nExample:\n"):
                    self.assertIn(part, text)
                self.assertEqual(self.world.ok("help", *name.split()), text)

    def test_prints_help_to_standard_error_when_it_was_not_asked_for(self):
        self.assertIn("Usage: hydravisor COMMAND", self.refused())
        self.assertIn("Usage: hydravisor audit COMMAND", self.refused("audit"))

    def test_prints_its_version(self):
        self.assertRegex(self.world.ok("--version"), r"^hydravisor \d+\.\d+\.\d+\n$")
        self.assertEqual(self.world.ok("--version"), self.world.ok("version"))

    def test_ends_quietly_when_the_reader_has_gone(self):
        shell = subprocess.run(f"'{hydravisor.CLI}' --help | true; exit ${{PIPESTATUS[0]}}", shell=True, executable="/bin/bash",
                               env=self.world.env, capture_output=True, timeout=20, check=False)
        self.assertIn(shell.returncode, (0, 141))
        self.assertEqual(shell.stderr, b"")

    def test_works_with_its_streams_closed(self):
        result = subprocess.run(f"'{hydravisor.CLI}' version <&- 2>&-", shell=True, env=self.world.env, capture_output=True,
                                timeout=20, check=False)
        self.assertEqual((result.returncode, result.stdout[:10]), (0, b"hydravisor"))

    def test_says_that_home_is_missing(self):
        env = {name: "" for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR")}
        if os.geteuid() != 0:
            self.assertIn("HOME", self.refused("config", "path", code=125, env=env))


class Completion(unittest.TestCase):
    setUp = Usage.setUp
    _close = Usage._close
    refused = Usage.refused

    def offered(self, *words):
        return [line.split("\t")[1] for line in self.world.ok("__complete", "--", *words).splitlines() if line.startswith("word\t")]

    def test_offers_commands_options_and_values(self):
        self.assertEqual(self.offered("insp"), ["inspect"])
        self.assertEqual(self.offered("audit", "v"), ["verify"])
        self.assertEqual(self.offered("run", "--fresh"), ["--fresh-home"])
        self.assertEqual(self.offered("run", "--workspace", "l"), ["live"])

    def test_leaves_files_and_commands_to_the_shell(self):
        self.assertEqual(self.world.ok("__complete", "--", "run", "gi"), "command\n")
        self.assertEqual(self.world.ok("__complete", "--", "diff", "web", ""), "files\n")

    def test_offers_no_names_rather_than_start_a_daemon(self):
        self.assertEqual(self.offered("inspect", ""), [])

    def test_scripts_are_read_by_their_shells(self):
        self.assertIn("zsh", self.refused("completion", "tcsh"))
        script = self.world.ok("completion", "bash")
        check = ('COMP_WORDS=(hydravisor run --workspace l); COMP_CWORD=3; compopt() { :; }; _hydravisor; printf "%s\\n" "${COMPREPLY[@]}"')
        result = subprocess.run(["/bin/bash", "-c", script + check], capture_output=True, timeout=20, check=False,
                                env={**self.world.env, "PATH": f"{hydravisor.BIN}:{self.world.env['PATH']}"})
        self.assertEqual((result.stdout, result.returncode), (b"live\n", 0), result.stderr)


if __name__ == "__main__":
    hydravisor.main()
