// Every key of config.toml but `version`: one table, from which the parser, the schema, the variables of the
// environment and `hydravisor config` come. A value is kept as the text that a person types; the kind says what it may
// be.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hv::config {

// A duration is "90d" and at least an hour, a size "10GiB" and at least 1 MiB.
enum class Kind { text, choice, boolean, duration, size };

// One key and what it may say.
struct KeySpec {
  std::string_view section;  // "run"
  std::string_view name;     // "policy"
  Kind kind = Kind::text;
  std::vector<std::string> choices = {};       // of a choice
  std::optional<std::string_view> fallback{};  // what holds when nobody says anything
  std::string_view without = {};               // where there is no fallback: what happens then
  std::string_view flag = {};                  // the option of `run` that goes before it, without dashes
  std::string_view help = {};
  bool only_in_files = false;  // it is the daemon's, which takes no variables of a command

  std::string key() const;       // "run.policy"
  std::string variable() const;  // "HYDRAVISOR_RUN_POLICY"
};

const std::vector<KeySpec>& settings();
// not_found naming the nearest key.
base::Result<const KeySpec*> find_setting(std::string_view key);
// What a person typed, held against the setting's kind; invalid_argument that says what was expected.
base::Result<std::string> check_value(const KeySpec& setting, std::string_view text);
// The value as it is written in TOML.
std::string to_toml(const KeySpec& setting, std::string_view value);

}  // namespace hv::config
