# as: user root
"""`run` is the command it runs: its status, its streams byte for byte, its arguments."""

import os
import subprocess

import hydravisor


class Status(hydravisor.TestCase):
    def test_is_the_commands_own(self):
        for status in (0, 1, 3, 42, 255):
            self.assertEqual(self.run_in_sandbox("sh", "-c", f"exit {status}").returncode, status)

    def test_is_128_and_the_signal_for_a_killed_command(self):
        self.assertEqual(self.run_in_sandbox("sh", "-c", "kill -TERM $$").returncode, 128 + 15)
        self.assertEqual(self.run_in_sandbox("sh", "-c", "kill -KILL $$").returncode, 128 + 9)

    def test_is_127_for_a_command_that_is_nowhere(self):
        self.assert_refused(self.run_in_sandbox("no-such-command-anywhere"), "no-such-command-anywhere", code=127)

    def test_is_126_for_a_file_that_is_no_program(self):
        path = self.world.write("data.txt", "only text\n", 0o644)
        self.assert_refused(self.run_in_sandbox(path), "data.txt", code=126)

    def test_is_125_for_hydravisors_own_failure(self):
        self.assert_refused(self.run_in_sandbox("true", options=["--policy", "no-such-policy"]), "no-such-policy")


class Streams(hydravisor.TestCase):
    def test_are_separate(self):
        result = self.run_in_sandbox("sh", "-c", "echo to stdout; echo to stderr >&2")
        self.assertEqual((result.stdout, result.stderr), (b"to stdout\n", b"to stderr\n"))

    def test_carry_every_byte(self):
        data = os.urandom(1 << 20)
        result = self.run_in_sandbox("cat", input=data)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue(result.stdout == data, f"{len(result.stdout)} of {len(data)} bytes came back, or other ones")

    def test_pass_on_the_end_of_input_while_output_goes_on(self):
        result = self.run_in_sandbox("sh", "-c", "wc -c; echo after the end", input=b"12345")
        self.assert_output(result, "5\nafter the end\n")

    def test_show_output_before_the_command_has_ended(self):
        running = self.world.start_cli("run", "--", "sh", "-c", "echo first; read line; echo got $line")
        self.assertEqual(running.stdout.readline(), b"first\n")
        out, err = running.communicate(b"an answer\n", timeout=20)
        self.assertEqual((out, running.returncode), (b"got an answer\n", 0), err)

    def test_may_be_closed_by_the_reader(self):
        shell = subprocess.run(f"'{hydravisor.CLI}' run -- sh -c 'yes | head -c 10000000' | head -c 10", shell=True,
                               env=self.world.env, cwd=self.world.project, capture_output=True, timeout=60, check=False)
        self.assertEqual(shell.stdout, b"y\ny\ny\ny\ny\n")

    def test_of_a_closed_input_do_not_stop_the_command(self):
        result = subprocess.run(f"'{hydravisor.CLI}' run -- echo fine <&-", shell=True, env=self.world.env, cwd=self.world.project,
                                capture_output=True, timeout=60, check=False)
        self.assertEqual((result.stdout, result.returncode), (b"fine\n", 0), result.stderr)


class Arguments(hydravisor.TestCase):
    def test_arrive_as_they_were_given(self):
        odd = ["", " ", "a b", "$HOME", "*", "--name", "\n", "ü✓", "'\""]
        result = self.run_in_sandbox("printf", "%s|", *odd)
        self.assert_output(result, "".join(f"{argument}|" for argument in odd))

    def test_that_are_not_text_arrive_too(self):
        result = subprocess.run([hydravisor.CLI.encode(), b"run", b"--", b"printf", b"%s", b"\xff\xfe"], env=self.world.env,
                                cwd=self.world.project, capture_output=True, timeout=60, check=False)
        self.assertEqual((result.stdout, result.returncode), (b"\xff\xfe", 0), result.stderr)

    def test_start_in_the_directory_of_the_caller(self):
        directory = self.world.directory("project/deep/er")
        self.assert_output(self.run_in_sandbox("pwd", cwd=directory), directory + "\n")


class Kept(hydravisor.TestCase):
    def test_is_nothing_of_a_run_without_changes(self):
        self.run_in_sandbox("true")
        # Tear-down follows the status.
        hydravisor.wait_for(lambda: self.world.json("ls")["items"] == [], 10, "the removal")

    def test_is_a_run_with_changes_and_how_to_go_on_is_said(self):
        result = self.run_in_sandbox("sh", "-c", "echo new > file.txt", options=["--name", "kept"])
        self.assertEqual(result.returncode, 0, result.stderr)
        text = result.stderr.decode()
        for words in ("file.txt", "apply kept", "discard kept"):
            self.assertIn(words, text)
        self.assertEqual([(item["name"], item["state"]) for item in self.world.json("ls")["items"]], [("kept", "stopped")])

    def test_is_what_keep_asks_for(self):
        self.run_in_sandbox("true", options=["--name", "wanted", "--keep"])
        self.assertEqual([item["name"] for item in self.world.json("ls")["items"]], ["wanted"])


if __name__ == "__main__":
    hydravisor.main()
