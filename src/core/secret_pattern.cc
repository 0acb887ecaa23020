#include "core/secret_pattern.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "base/format.h"
#include "base/text.h"

namespace hv::core {

namespace {

using base::Failure;
using base::format;
using base::Result;

using Class = std::bitset<256>;

// Have a meaning in regular expressions, and none or another one here: written behind a backslash, or in a class.
constexpr std::string_view kSpecial = ".*+?()|^$[]{}\\";
// What a record is written with. No credential has them.
constexpr std::string_view kNever = "\"\\ ";

bool is_character(char c) {
  return c > ' ' && c <= '~' && kNever.find(c) == std::string_view::npos;
}

struct Place {
  Class fits;
  bool repeats = false;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<std::vector<Place>> run() {
    while (at_ < text_.size()) {
      Class fits = HV_TRY(element());
      auto [least, open] = HV_TRY(repetition());
      if (places_.size() + least > SecretPattern::kLongest)
        return fault(format("expected at most {} characters in all", SecretPattern::kLongest));
      places_.insert(places_.end(), least, Place{fits, false});
      places_.back().repeats = open;
    }
    return std::move(places_);
  }

 private:
  Failure fault(const std::string& message) const { return Failure(base::invalid_argument(message)); }
  bool next_is(char c) const { return at_ < text_.size() && text_[at_] == c; }

  // A character that stands for itself, a backslash before it or not.
  Result<char> character(std::string_view special) {
    bool escaped = next_is('\\');
    if (escaped) ++at_;
    if (at_ == text_.size()) return fault("expected a character behind the final '\\'");
    char c = text_[at_++];
    if (escaped && kSpecial.find(c) == std::string_view::npos && c != '-')
      return fault(format("'\\{}' has no meaning here", base::printable(std::string(1, c))));
    if (!escaped && special.find(c) != std::string_view::npos)
      return fault(
          format("'{}' has no meaning here: write {} for the character itself", c,
                 std::string_view("^[]").find(c) == std::string_view::npos ? format("[{}]", c) : format("\\{}", c)));
    if (!is_character(c))
      return fault(format("expected characters that a credential can have: no spaces, no quotes, no backslash, ASCII"));
    return c;
  }

  Result<Class> element() {
    Class fits;
    if (!next_is('[')) {
      fits.set(static_cast<unsigned char>(HV_TRY(character(kSpecial))));
      return fits;
    }
    ++at_;
    if (next_is('^')) return fault("expected a class of what fits: '[^' is not there");
    for (bool first = true; !next_is(']'); first = false) {
      if (at_ == text_.size()) return fault("expected ']' at the end of a class");
      char from = HV_TRY(character("[\\"));
      char to = from;
      bool range = next_is('-') && at_ + 1 < text_.size() && text_[at_ + 1] != ']';
      if (from == '-' && !first && !next_is(']') && text_[at_ - 2] != '\\')
        return fault("expected '-' first or last in a class, or between two characters");
      if (range) {
        ++at_;
        to = HV_TRY(character("[\\"));
        if (to < from) return fault(format("the range {}-{} goes backwards", from, to));
      }
      for (int c = from; c <= to; ++c)
        if (is_character(static_cast<char>(c))) fits.set(static_cast<size_t>(c));
    }
    ++at_;
    if (fits.none()) return fault("expected a class with something in it");
    return fits;
  }

  struct Repetition {
    size_t least = 1;
    bool open = false;
  };
  Result<Repetition> repetition() {
    if (!next_is('{')) return Repetition{};
    Repetition repetition;
    const char* end = text_.data() + text_.size();
    auto [behind, error] = std::from_chars(text_.data() + at_ + 1, end, repetition.least);
    at_ = static_cast<size_t>(behind - text_.data());
    repetition.open = error == std::errc{} && next_is(',');
    if (repetition.open) ++at_;
    if (error != std::errc{} || repetition.least == 0 || repetition.least > SecretPattern::kLongest || !next_is('}'))
      return fault(format("expected how often as {{n}} or {{n,}}, from 1 to {}", SecretPattern::kLongest));
    ++at_;
    return repetition;
  }

  std::string_view text_;
  size_t at_ = 0;
  std::vector<Place> places_;
};

}  // namespace

Result<SecretPattern> SecretPattern::parse(std::string_view text) {
  std::vector<Place> places = HV_TRY(Parser(text).run());
  if (places.size() < kShortest)
    return Failure(base::invalid_argument(format(
        "expected {} characters or more, which is what credentials have: it would take other things", kShortest)));
  auto written_out = std::ranges::count_if(places, [](const Place& place) { return place.fits.count() == 1; });
  if (static_cast<size_t>(written_out) < kWrittenOut)
    return Failure(base::invalid_argument(
        format("expected {} characters or more that stand for themselves, such as a prefix: it would take digests and "
               "names as well",
               kWrittenOut)));
  SecretPattern pattern;
  pattern.size_ = places.size();
  for (size_t i = 0; i < places.size(); ++i) {
    pattern.repeats_[i] = places[i].repeats;
    for (size_t c = 0; c < pattern.fits_.size(); ++c)
      if (places[i].fits[c]) pattern.fits_[c].set(i);
  }
  return pattern;
}

std::optional<SecretPattern::Match> SecretPattern::find(std::string_view text, size_t from) const {
  const Set first = Set(1);
  // Every place that the pattern can have reached with the character at hand, wherever it began.
  Set states;
  size_t last = from;
  for (; last < text.size(); ++last) {
    states = step(states, text[last]) | (first & fits_[index(text[last])]);
    if (states[size_ - 1]) break;
  }
  if (last == text.size() || from >= text.size()) return std::nullopt;
  // Back from there to the earliest beginning.
  Match match{last, last + 1};
  states.reset();
  states.set(size_ - 1);
  states &= fits_[index(text[last])];
  for (size_t at = last; states.any(); --at) {
    if (states[0]) match.begin = at;
    if (at == from) break;
    states = ((states >> 1) | (states & repeats_)) & fits_[index(text[at - 1])];
  }
  // And on from there, as far as it goes.
  states = first;
  for (size_t at = match.begin + 1; states.any(); ++at) {
    if (states[size_ - 1]) match.end = std::max(match.end, at);
    if (at == text.size()) break;
    states = step(states, text[at]);
  }
  return match;
}

}  // namespace hv::core
