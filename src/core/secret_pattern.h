// The form of a credential, as a policy spells it: "acme-[0-9a-f]{32}". What it means it means as a regular expression
// too, of which it is a small part: characters that stand for themselves, [classes], {n} and {n,}. Looked for in one
// pass, whatever the text is.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hv::core {

class SecretPattern {
 public:
  static constexpr size_t kLongest = 128;  // characters, each repetition counted as often as it says at least
  static constexpr size_t kShortest = 8;
  static constexpr size_t kWrittenOut = 3;  // characters that stand for themselves

  // invalid_argument with what was expected: also for one that is so short or so open that it would take what is no
  // credential.
  static base::Result<SecretPattern> parse(std::string_view text);

  struct Match {
    size_t begin = 0;
    size_t end = 0;
  };
  // The match that ends first, as long as it can be to both sides, within text[from, end).
  std::optional<Match> find(std::string_view text, size_t from = 0) const;

 private:
  using Set = std::bitset<kLongest>;
  Set step(Set states, char c) const { return ((states << 1) | (states & repeats_)) & fits_[index(c)]; }
  static size_t index(char c) { return static_cast<unsigned char>(c); }

  std::array<Set, 256> fits_{};  // by character: which places of the pattern it fits
  Set repeats_{};                // places that may come again
  size_t size_ = 0;
};

}  // namespace hv::core
