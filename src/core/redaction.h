// Credentials taken out of what is to be recorded: an agent's command lines, URLs and texts hold keys and passwords,
// and a log that cannot be changed is the last place for them. What is replaced is counted, never guessed back. Bounded
// work on hostile text: one pass, no backtracking.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/audit_rules.h"
#include "core/secret_pattern.h"

namespace hv::core {

// Stands where a credential stood.
inline constexpr std::string_view kRedacted = "[redacted]";

// What is a credential beside what everybody's are: of one policy.
class Redaction {
 public:
  static constexpr size_t kMostNames = 64;
  static constexpr size_t kMostPatterns = 16;

  Redaction() = default;
  // invalid_argument for a name or a pattern that the two below refuse.
  static base::Result<Redaction> of(const AuditRules& rules);
  // Why `text` is no name of `redact_names`, or no pattern of `redact_patterns`; nothing when it is.
  static std::optional<std::string> why_no_name(std::string_view text);
  static std::optional<std::string> why_no_pattern(std::string_view text);

  bool empty() const { return names_.empty() && patterns_.empty(); }
  // A name counts by its letters and digits, in whatever case.
  bool names(std::string_view name) const;
  bool matches(std::string_view text) const;
  size_t replace_matches(std::string& text) const;

 private:
  struct Name {
    std::string text;  // letters and digits in lower case
    bool begins = false;
    bool ends = false;
  };
  std::vector<Name> names_;
  std::vector<SecretPattern> patterns_;
};

// Replaces in `text`: keys with a provider's prefix, JSON web tokens, private keys in PEM; the password of a URL; the
// value of a name like `password`, `api_key` or `token` in a query, an assignment, JSON or an option; the headers
// Authorization, Cookie and their like; and what `own` names. The value is how many were replaced. A second pass finds
// nothing.
size_t redact_text(std::string& text, const Redaction* own = nullptr);

// The same for a command line, whose options may have their value in the next word: `--password x`, `curl -u name:x`,
// `mysql -px`.
size_t redact_arguments(std::vector<std::string>& arguments, const Redaction* own = nullptr);

// Whether the two above would leave everything as it is: most of what is recorded holds nothing, and need not be copied
// to find that out. The second says so only of command lines whose program takes no password in its options.
bool is_free_of_secrets(std::string_view text, const Redaction* own = nullptr);
bool is_free_of_secrets(std::span<const std::string_view> arguments, const Redaction* own = nullptr);

// True when a member, variable or parameter of this name holds a credential: `DB_PASSWORD`, `x-api-key`, `accessToken`.
bool is_secret_name(std::string_view name);

}  // namespace hv::core
