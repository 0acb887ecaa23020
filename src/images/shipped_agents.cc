// The agent profiles that are part of the program, embedded from data/agents. C23's #embed is an extension in C++: the
// warning is silenced here. The ccache of Debian 12 does not see embedded files; the word __TIME__ in this comment
// turns its short cut off for this file.
#pragma clang diagnostic ignored "-Wc23-extensions"

#include "images/agent_profile.h"

namespace hv::images {

namespace {

constexpr char kAider[] = {
#embed "../../data/agents/aider.toml"
};
constexpr char kClaude[] = {
#embed "../../data/agents/claude.toml"
};
constexpr char kCodex[] = {
#embed "../../data/agents/codex.toml"
};
constexpr char kGemini[] = {
#embed "../../data/agents/gemini.toml"
};
constexpr char kGoose[] = {
#embed "../../data/agents/goose.toml"
};
constexpr char kOpencode[] = {
#embed "../../data/agents/opencode.toml"
};
constexpr char kPi[] = {
#embed "../../data/agents/pi.toml"
};
constexpr char kQwen[] = {
#embed "../../data/agents/qwen.toml"
};
constexpr char kShell[] = {
#embed "../../data/agents/shell.toml"
};

struct Shipped {
  std::string_view name;
  std::string_view text;
};

constexpr Shipped kShipped[] = {
    {"aider", {kAider, sizeof kAider}}, {"claude", {kClaude, sizeof kClaude}},
    {"codex", {kCodex, sizeof kCodex}}, {"gemini", {kGemini, sizeof kGemini}},
    {"goose", {kGoose, sizeof kGoose}}, {"opencode", {kOpencode, sizeof kOpencode}},
    {"pi", {kPi, sizeof kPi}},          {"qwen", {kQwen, sizeof kQwen}},
    {"shell", {kShell, sizeof kShell}},
};

}  // namespace

std::string_view shipped_agent(std::string_view name) {
  for (const Shipped& shipped : kShipped)
    if (shipped.name == name) return shipped.text;
  return {};
}

std::vector<std::string> shipped_agent_names() {
  std::vector<std::string> names;
  for (const Shipped& shipped : kShipped) names.emplace_back(shipped.name);
  return names;
}

}  // namespace hv::images
