#include "access/pattern.h"

namespace hv::access {

// One star is remembered at a time: a later star can always take what an earlier one would have.
bool Pattern::matches(std::string_view name) const {
  size_t at = 0;
  size_t in = 0;
  size_t star = std::string::npos;
  size_t resume = 0;
  while (in < name.size()) {
    if (at < text_.size() && text_[at] == '*') {
      star = at++;
      resume = in;
    } else if (at < text_.size() && text_[at] == name[in]) {
      ++at;
      ++in;
    } else if (star != std::string::npos) {
      at = star + 1;
      in = ++resume;
    } else {
      return false;
    }
  }
  return text_.find_first_not_of('*', at) == std::string::npos;
}

bool Pattern::includes(const Pattern& other) const {
  if (text_ == other.text_) return true;
  if (other.is_literal()) return matches(other.text_);
  size_t star = text_.find('*');
  // "web-*" and "web-a*b": nothing but the beginning is asked for.
  return star != std::string::npos && star + 1 == text_.size() &&
         std::string_view(other.text_).substr(0, other.text_.find('*')).starts_with(text_.substr(0, star));
}

}  // namespace hv::access
