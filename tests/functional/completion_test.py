# as: user
"""Completion in real shells, with the scripts that `hydravisor completion` prints: what is offered, and the names of what exists."""

import os
import shutil
import subprocess

import hydravisor
from terminal import Terminal

# What is typed before the key, and the words of the line after it.
LINES = {
    "hydravisor insp": "hydravisor|inspect",
    "hydravisor audit ver": "hydravisor|audit|verify",
    "hv run --fresh": "hv|run|--fresh-home",
    "hydravisor run --workspace l": "hydravisor|run|--workspace|live",
    "hydravisor run --workspace=l": "hydravisor|run|--workspace=live",
    "hydravisor run --policy lo": "hydravisor|run|--policy|locked",
    "hydravisor inspect webserver-o": "hydravisor|inspect|webserver-one",
    "hydravisor diff webserver-one READ": "hydravisor|diff|webserver-one|README.txt",
    "hydravisor run --workspace-dir sub": "hydravisor|run|--workspace-dir|subdirectory/",
    "hydravisor run mkfif": "hydravisor|run|mkfifo",
}


class Shells(hydravisor.TestCase):
    def setUp(self):
        super().setUp()
        self.world.env["PATH"] = f"{hydravisor.BIN}:{self.world.env['PATH']}"
        self.world.ok("create", "--name", "webserver-one", "--", "true")
        self.world.write("README.txt", "read me\n")
        self.world.directory("project/subdirectory")

    def shell(self, name):
        return shutil.which(name) or hydravisor.skip_or_fail(f"{name} is not installed")

    def press_the_key(self, arguments, prepare):
        """Types each line into the interactive shell, completes it, and has the shell print its words."""
        terminal = Terminal(arguments, {**self.world.env, "TERM": "dumb"}, self.world.project)
        self.addCleanup(terminal.close)
        terminal.type(f"{prepare}; echo re''ady\n")
        terminal.expect("ready")
        for typed, words in LINES.items():
            with self.subTest(shell=arguments[0], typed=typed):
                # Back to the beginning of the line, to put a command there that shows what has become of it.
                terminal.type(f"{typed}\t\x01printf '%s|' \n")
                # zsh takes the slash back when something follows.
                terminal.expect(words.rstrip("/").replace("|", "[|]") + "/?[|]", 10)
        terminal.type("exit\n")

    def test_bash_completes(self):
        self.press_the_key([self.shell("bash"), "--norc", "--noprofile", "-i"], 'eval "$(hydravisor completion bash)"')

    def test_zsh_completes(self):
        functions = self.world.directory("zfunc")
        with open(os.path.join(functions, "_hydravisor"), "w", encoding="utf-8") as file:
            file.write(self.world.ok("completion", "zsh"))
        self.press_the_key([self.shell("zsh"), "-f", "-i"], f"fpath=({functions} $fpath); autoload -U compinit; compinit -u -D")

    def test_zsh_completes_when_the_script_is_evaluated(self):
        self.press_the_key([self.shell("zsh"), "-f", "-i"],
                           'autoload -U compinit; compinit -u -D; eval "$(hydravisor completion zsh)"')

    def test_fish_completes(self):
        fish = self.shell("fish")
        completions = self.world.directory("config/fish/completions")
        for name in ("hydravisor", "hv"):
            with open(os.path.join(completions, f"{name}.fish"), "w", encoding="utf-8") as file:
                file.write(self.world.ok("completion", "fish"))
        for typed, words in LINES.items():
            with self.subTest(shell=fish, typed=typed):
                result = subprocess.run([fish, "-c", f"complete -C '{typed}'"], env=self.world.env, cwd=self.world.project,
                                        capture_output=True, timeout=60, check=False)
                offered = [line.split("\t")[0] for line in result.stdout.decode().splitlines()]
                self.assertEqual((offered, result.stderr), ([words.split("|")[-1]], b""))

    def test_scripts_offer_help_beside_the_words(self):
        result = subprocess.run([self.shell("fish"), "-c", "hydravisor completion fish | source; complete -C 'hydravisor insp'"],
                                env=self.world.env, capture_output=True, timeout=60, check=False)
        self.assertEqual(result.stdout.decode(), "inspect\tShow one sandbox, and how it is isolated\n", result.stderr)


if __name__ == "__main__":
    hydravisor.main()
