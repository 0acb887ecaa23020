#include "config/setting.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "base/units.h"
#include "core/names.h"
#include "core/run_request.h"

namespace hv::config {

namespace {

using base::Failure;
using base::format;

std::vector<std::string> workspace_modes() {
  std::vector<std::string> modes;
  for (auto [mode, name] : core::Names<core::WorkspaceMode>::table) modes.emplace_back(name);
  return modes;
}

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return result;
}

bool has_control_character(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace

std::string KeySpec::key() const {
  return format("{}.{}", section, name);
}

std::string KeySpec::variable() const {
  return format("HYDRAVISOR_{}_{}", upper(section), upper(name));
}

const std::vector<KeySpec>& settings() {
  static const std::vector<KeySpec> all = {
      {.section = "run",
       .name = "policy",
       .fallback = "restricted",
       .flag = "policy",
       .help = "The policy of a run that names none"},
      {.section = "run",
       .name = "workspace",
       .kind = Kind::choice,
       .choices = workspace_modes(),
       .without = "as the policy says",
       .flag = "workspace",
       .help = "How a run that does not say sees the workspace; never more than its policy gives"},
      {.section = "run",
       .name = "keep",
       .kind = Kind::boolean,
       .fallback = "false",
       .flag = "keep",
       .help = "Keep the sandbox of a run also when it changed nothing"},
      {.section = "audit",
       .name = "keep_payloads",
       .kind = Kind::duration,
       .without = "as long as the record",
       .help = "How long the ledger keeps what was recorded in full, such as 90d; its proofs stay. Only files say this",
       .only_in_files = true},
      {.section = "audit",
       .name = "keep",
       .kind = Kind::duration,
       .without = "for ever",
       .help = "How long the ledger keeps records, such as 730d; of older ones the hashes stay. Only files say this",
       .only_in_files = true},
      {.section = "audit",
       .name = "keep_bytes",
       .kind = Kind::size,
       .without = "as much as there is",
       .help =
           "How large the ledger's journal may become, such as 10GiB: beyond that payloads go, the oldest first, then "
           "records. Only files say this",
       .only_in_files = true},
  };
  return all;
}

base::Result<const KeySpec*> find_setting(std::string_view key) {
  std::vector<std::string> keys;
  for (const KeySpec& setting : settings()) {
    if (setting.key() == key) return &setting;
    keys.push_back(setting.key());
  }
  base::Error error = base::not_found(format("unknown key '{}'", base::printable(key.substr(0, 64))));
  if (auto near = base::nearest(key, keys))
    return Failure(std::move(error).with_hint(format("did you mean '{}'?", *near)));
  return Failure(std::move(error).with_hint("known: " + base::join(keys, ", ")));
}

base::Result<std::string> check_value(const KeySpec& setting, std::string_view text) {
  std::string shown = "\"" + base::printable(text.substr(0, 80)) + "\"";
  auto refuse = [&](const std::string& expected) {
    return Failure(base::invalid_argument(format("{}: expected {}; found {}", setting.key(), expected, shown)));
  };
  switch (setting.kind) {
    case Kind::boolean:
      if (text != "true" && text != "false") return refuse("true or false");
      break;
    case Kind::choice: {
      if (std::ranges::find(setting.choices, text) != setting.choices.end()) break;
      auto near = base::nearest(text, setting.choices);
      if (near) shown += format(" (did you mean '{}'?)", *near);
      return refuse("one of " + base::join(setting.choices, ", "));
    }
    case Kind::duration:
      if (auto value = base::parse_duration(text); !value || *value < std::chrono::hours(1))
        return refuse("a duration of at least an hour, such as 90d");
      break;
    case Kind::size:
      if (auto value = base::parse_bytes(text); !value || value->value < (uint64_t{1} << 20))
        return refuse("a size of at least 1MiB, such as 10GiB");
      break;
    case Kind::text:
      if (text.empty() || has_control_character(text) || !base::is_valid_utf8(text))
        return refuse("one line of text, not empty");
      break;
  }
  return std::string(text);
}

std::string to_toml(const KeySpec& setting, std::string_view value) {
  if (setting.kind == Kind::boolean) return std::string(value);
  std::string literal = "\"";
  for (char c : value) {
    if (c == '"' || c == '\\') literal += '\\';
    literal += c;
  }
  return literal + "\"";
}

}  // namespace hv::config
