// A name in which '*' stands for any characters: what grants and tokens say of actions and of sandboxes.
#pragma once

#include <string>
#include <string_view>

namespace hv::access {

class Pattern {
 public:
  explicit Pattern(std::string text) : text_(std::move(text)) {}
  const std::string& text() const { return text_; }
  bool is_literal() const { return text_.find('*') == std::string::npos; }
  bool matches(std::string_view name) const;
  // Whether everything that `other` matches is matched by this one. False where that takes more than a look: a token
  // that is minted then has to say it more plainly.
  bool includes(const Pattern& other) const;
  bool operator==(const Pattern&) const = default;

 private:
  std::string text_;
};

}  // namespace hv::access
