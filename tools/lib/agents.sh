# The real agents that quickstart and the tests run, pinned. Sourced after common.sh.
pi_package=@mariozechner/pi-coding-agent@0.73.1
codex_package=@openai/codex@0.169.0
# A node for machines whose own is too old for the agents; Debian 12's is 18.
node_package=node@22.23.3

node_is_new_enough() {
  command -v node >/dev/null && node -e 'const [a, b] = process.versions.node.split(".").map(Number);
    process.exit(a > 20 || (a === 20 && b >= 6) ? 0 : 1)' 2>/dev/null
}

# The directory of a node that the agents run on.
node_directory() {
  if node_is_new_enough; then
    dirname "$(command -v node)"
  else
    printf '%s/node_modules/node/bin\n' "$("$root/tools/fetch-npm" "$node_package")"
  fi
}
