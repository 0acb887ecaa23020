#include "workspace/hazard.h"

#include <array>
#include <vector>

#include <fnmatch.h>

#include "base/text.h"
#include "workspace/bytes.h"

namespace hv::workspace {

using core::Hazard;

namespace {

// A pattern's components match consecutive components of the path that end at its last one; with a trailing "/**" they
// may end earlier, so that everything below is meant, and the thing itself (which could be a symlink) too.
struct Rule {
  const char* pattern;
  Hazard hazard;
  const char* reason;
};

constexpr const char* by_git = "git runs it by itself";
constexpr const char* by_editor = "an editor runs it by itself";
constexpr const char* by_shell = "the shell runs it on entering the directory";
constexpr const char* by_agent = "a coding agent on the host runs or obeys it";
constexpr const char* by_hooks = "hooks run it on a commit or push";
constexpr const char* by_container = "a development container is built from it by itself";
constexpr const char* by_debugger = "a debugger runs it by itself";
constexpr const char* by_build = "runs when you build, install or test";
constexpr const char* by_ci = "runs in continuous integration";
constexpr const char* instructs = "instructs coding agents";

constexpr auto rules = std::to_array<Rule>({
    // git
    {".git", Hazard::held, "it says where git finds the repository"},
    {".git/**", Hazard::held, by_git},
    {".gitattributes", Hazard::held, "git chooses filters and drivers by it"},
    {".gitmodules", Hazard::held, "git fetches and updates submodules by it"},
    {".gitconfig", Hazard::held, by_git},
    {".githooks/**", Hazard::held, by_git},
    {".husky/**", Hazard::held, by_hooks},
    {".pre-commit-config.y*ml", Hazard::held, by_hooks},
    {".pre-commit-hooks.y*ml", Hazard::held, by_hooks},
    {"lefthook*.y*ml", Hazard::held, by_hooks},
    {".lefthook*", Hazard::held, by_hooks},
    {"lefthook.toml", Hazard::held, by_hooks},
    {"lefthook.json", Hazard::held, by_hooks},
    {".overcommit.yml", Hazard::held, by_hooks},
    {".lintstagedrc*", Hazard::held, by_hooks},
    {"lint-staged.config.*", Hazard::held, by_hooks},
    // Editors
    {".vscode/**", Hazard::held, by_editor},
    {"*.code-workspace", Hazard::held, by_editor},
    {".idea/**", Hazard::held, by_editor},
    {".run/**", Hazard::held, by_editor},
    {".fleet/**", Hazard::held, by_editor},
    {".zed/**", Hazard::held, by_editor},
    {".vs/**", Hazard::held, by_editor},
    {".nova/**", Hazard::held, by_editor},
    {"*.sublime-project", Hazard::held, by_editor},
    {".exrc", Hazard::held, by_editor},
    {".vimrc", Hazard::held, by_editor},
    {".lvimrc", Hazard::held, by_editor},
    {".nvimrc", Hazard::held, by_editor},
    {".nvim.lua", Hazard::held, by_editor},
    {".dir-locals*.el", Hazard::held, by_editor},
    {".gdbinit", Hazard::held, by_debugger},
    {".lldbinit", Hazard::held, by_debugger},
    // Shells
    {".envrc*", Hazard::held, by_shell},
    {".direnv/**", Hazard::held, by_shell},
    {".autoenv*", Hazard::held, by_shell},
    {".mise*.toml", Hazard::held, by_shell},
    {"mise*.toml", Hazard::held, by_shell},
    {".mise/**", Hazard::held, by_shell},
    {"mise/**", Hazard::held, by_shell},
    {".rtx*.toml", Hazard::held, by_shell},
    // Containers
    {".devcontainer/**", Hazard::held, by_container},
    {".devcontainer.json", Hazard::held, by_container},
    // Agents
    {".claude/**", Hazard::held, by_agent},
    {".claude.json", Hazard::held, by_agent},
    {".mcp.json", Hazard::held, by_agent},
    {"mcp.json", Hazard::held, by_agent},
    {".codex/**", Hazard::held, by_agent},
    {".gemini/**", Hazard::held, by_agent},
    {".qwen/**", Hazard::held, by_agent},
    {".cursor/**", Hazard::held, by_agent},
    {".windsurf/**", Hazard::held, by_agent},
    {".continue/**", Hazard::held, by_agent},
    {".opencode/**", Hazard::held, by_agent},
    {"opencode.json*", Hazard::held, by_agent},
    {".pi/**", Hazard::held, by_agent},
    {".goose/**", Hazard::held, by_agent},
    {".aider*", Hazard::held, by_agent},
    {".kiro/**", Hazard::held, by_agent},
    {".roo/**", Hazard::held, by_agent},
    {".cline/**", Hazard::held, by_agent},
    {".amp/**", Hazard::held, by_agent},
    {".crush.json", Hazard::held, by_agent},
    {"crush.json", Hazard::held, by_agent},
    // Shown: instructions and builds
    {"AGENTS*.md", Hazard::notice, instructs},
    {"CLAUDE*.md", Hazard::notice, instructs},
    {"GEMINI.md", Hazard::notice, instructs},
    {"QWEN.md", Hazard::notice, instructs},
    {".cursorrules", Hazard::notice, instructs},
    {".goosehints", Hazard::notice, instructs},
    {"copilot-instructions.md", Hazard::notice, instructs},
    {"package.json", Hazard::notice, by_build},
    {".npmrc", Hazard::notice, by_build},
    {".yarnrc*", Hazard::notice, by_build},
    {".yarn/**", Hazard::notice, by_build},
    {".pnpmfile.*js", Hazard::notice, by_build},
    {"bunfig.toml", Hazard::notice, by_build},
    {"deno.json*", Hazard::notice, by_build},
    {"binding.gyp", Hazard::notice, by_build},
    {"*.config.*js", Hazard::notice, by_build},
    {"*.config.*ts", Hazard::notice, by_build},
    {"Gruntfile*", Hazard::notice, by_build},
    {"gulpfile*", Hazard::notice, by_build},
    {"Makefile*", Hazard::notice, by_build},
    {"GNUmakefile", Hazard::notice, by_build},
    {"*.mk", Hazard::notice, by_build},
    {"CMakeLists.txt", Hazard::notice, by_build},
    {"*.cmake", Hazard::notice, by_build},
    {"CMake*Presets.json", Hazard::notice, by_build},
    {"configure*", Hazard::notice, by_build},
    {"meson.build", Hazard::notice, by_build},
    {"BUILD", Hazard::notice, by_build},
    {"BUILD.bazel", Hazard::notice, by_build},
    {"WORKSPACE*", Hazard::notice, by_build},
    {"MODULE.bazel", Hazard::notice, by_build},
    {".bazelrc", Hazard::notice, by_build},
    {"SConstruct", Hazard::notice, by_build},
    {"justfile", Hazard::notice, by_build},
    {".justfile", Hazard::notice, by_build},
    {"Taskfile*.y*ml", Hazard::notice, by_build},
    {"setup.py", Hazard::notice, by_build},
    {"setup.cfg", Hazard::notice, by_build},
    {"pyproject.toml", Hazard::notice, by_build},
    {"conftest.py", Hazard::notice, by_build},
    {"noxfile.py", Hazard::notice, by_build},
    {"tox.ini", Hazard::notice, by_build},
    {"sitecustomize.py", Hazard::notice, by_build},
    {"*.pth", Hazard::notice, by_build},
    {"Cargo.toml", Hazard::notice, by_build},
    {"build.rs", Hazard::notice, by_build},
    {".cargo/**", Hazard::notice, by_build},
    {"rust-toolchain*", Hazard::notice, by_build},
    {"build.zig", Hazard::notice, by_build},
    {"Package.swift", Hazard::notice, by_build},
    {"*.gradle", Hazard::notice, by_build},
    {"*.gradle.kts", Hazard::notice, by_build},
    {"gradle.properties", Hazard::notice, by_build},
    {"gradlew*", Hazard::notice, by_build},
    {"gradle/wrapper/**", Hazard::notice, by_build},
    {"pom.xml", Hazard::notice, by_build},
    {"mvnw*", Hazard::notice, by_build},
    {".mvn/**", Hazard::notice, by_build},
    {"build.xml", Hazard::notice, by_build},
    {"build.sbt", Hazard::notice, by_build},
    {"mix.exs", Hazard::notice, by_build},
    {"Rakefile", Hazard::notice, by_build},
    {"Gemfile", Hazard::notice, by_build},
    {"*.gemspec", Hazard::notice, by_build},
    {"composer.json", Hazard::notice, by_build},
    {"*.csproj", Hazard::notice, by_build},
    {"*.props", Hazard::notice, by_build},
    {"*.targets", Hazard::notice, by_build},
    {"*.nix", Hazard::notice, by_build},
    {"Dockerfile*", Hazard::notice, by_build},
    {"Containerfile*", Hazard::notice, by_build},
    {"*compose*.y*ml", Hazard::notice, by_build},
    {"Vagrantfile", Hazard::notice, by_build},
    {"Procfile*", Hazard::notice, by_build},
    {"*.desktop", Hazard::notice, "runs when it is opened in a file manager"},
    {".github/workflows/**", Hazard::notice, by_ci},
    {".gitlab-ci*.yml", Hazard::notice, by_ci},
    {"Jenkinsfile*", Hazard::notice, by_ci},
    {".circleci/**", Hazard::notice, by_ci},
});

bool component_matches(const std::string& pattern, const std::string& component) {
  return ::fnmatch(pattern.c_str(), component.c_str(), FNM_CASEFOLD | FNM_NOESCAPE) == 0;
}

struct SplitRule {
  std::vector<std::string> components;
  bool below;
};

std::vector<SplitRule> split_rules() {
  std::vector<SplitRule> result;
  for (const Rule& rule : rules) {
    std::vector<std::string> components = base::split(rule.pattern, '/');
    bool below = components.back() == "**";
    if (below) components.pop_back();
    result.push_back({std::move(components), below});
  }
  return result;
}

bool matches(const SplitRule& rule, const std::vector<std::string>& path) {
  if (rule.components.size() > path.size()) return false;
  size_t last = path.size() - rule.components.size();
  for (size_t at = rule.below ? 0 : last; at <= last; ++at) {
    bool all = true;
    for (size_t i = 0; i < rule.components.size() && all; ++i)
      all = component_matches(rule.components[i], path[at + i]);
    if (all) return true;
  }
  return false;
}

}  // namespace

Verdict classify_path(std::string_view path) {
  static const std::vector<SplitRule> split = split_rules();
  std::vector<std::string> components = base::split(path, '/');
  Verdict verdict;
  for (size_t i = 0; i < rules.size(); ++i) {
    if (rules[i].hazard <= verdict.hazard || !matches(split[i], components)) continue;
    verdict = {rules[i].hazard, rules[i].reason};
    if (verdict.hazard == Hazard::held) break;
  }
  return verdict;
}

bool leads_out(std::string_view path, std::string_view target) {
  if (target.starts_with('/')) return true;
  // Components of the target may be symlinks themselves, so "x/../.." is judged by its ".." alone: names never earn
  // depth back.
  size_t depth = base::split(path, '/').size() - 1;
  bool named = false;
  for (const std::string& part : base::split(target, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      named = true;
    } else if (named || depth-- == 0) {
      return true;
    }
  }
  return false;
}

}  // namespace hv::workspace
