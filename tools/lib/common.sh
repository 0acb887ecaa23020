# Shared by quickstart, test and the scripts in tools/: messages, the cache directory, and a build with readable progress.
# Sourced by bash; the caller sets `root` to the checkout's directory first.

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Colours only help a person.
[ -t 2 ] || say() { printf '==> %s\n' "$*" >&2; }

# Downloads of tests and of the demonstration stay here, so that a second run needs no network. HOME may be empty or unset.
cache_dir() {
  if [ -n "${XDG_CACHE_HOME:-}" ]; then
    printf '%s/hydravisor\n' "$XDG_CACHE_HOME"
  elif [ -n "${HOME:-}" ] && [ -d "$HOME" ]; then
    printf '%s/.cache/hydravisor\n' "$HOME"
  else
    printf '/tmp/hydravisor-cache-%s\n' "$(id -u)"
  fi
}

# build PRESET [cmake cache arguments…]: configures and builds build/PRESET, two compilers for each two cores at most.
build() {
  local preset=$1
  shift
  say "building ($preset)"
  cmake --preset "$preset" -S "$root" "$@" >"$root/build/.configure-$preset.log" 2>&1 || {
    cat "$root/build/.configure-$preset.log" >&2
    fail "configuring the $preset build failed; the lines above say why"
  }
  # Two checkouts of the same files share what ccache keeps.
  CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1 cmake --build "$root/build/$preset" --parallel "$(nproc)" >&2
}
