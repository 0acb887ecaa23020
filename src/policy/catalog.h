// Where policies come from: the user's files first, then the ones that are part of the program.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/embedded_files.h"
#include "base/result.h"
#include "core/host_info.h"
#include "policy/policy.h"

namespace hv::policy {

inline constexpr std::string_view kDefaultPolicy = "restricted";

class Catalog {
 public:
  // `directory` holds the user's NAME.toml files; it need not exist. Files are read when asked for, so an edit counts
  // at the next run.
  explicit Catalog(std::string directory) : directory_(std::move(directory)) {}

  // The policy with all that it extends; "A+B" is what A and B allow together. not_found names the nearest policy there
  // is; a broken file is invalid_argument and never falls back to the shipped policy of the same name.
  base::Result<Policy> load(std::string_view name) const;
  base::Result<core::PolicyInfo> info(std::string_view name) const;
  // A text as if it were the file of that name; it extends what there is.
  base::Result<Policy> resolve_text(std::string_view name, std::string path, std::string text) const;
  // Makes NAME.toml among the user's files, of which `text` has to be a valid one. already_exists unless `replace`.
  base::Result<core::PolicyInfo> write(std::string_view name, const std::string& text, bool replace) const;
  // Sorted by name, without their texts. A user's file that does not parse is listed with its error as the description.
  base::Result<std::vector<core::PolicyInfo>> list() const;

 private:
  base::Result<core::PolicyInfo> source(std::string_view name) const;
  base::Result<Policy> resolve(const core::PolicyInfo& found) const;
  std::string directory_;
};

// The policies that are part of the program: data/policies.
const base::EmbeddedFiles& shipped_policies();

}  // namespace hv::policy
