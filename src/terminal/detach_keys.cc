#include "terminal/detach_keys.h"

#include "base/text.h"

namespace hv::terminal {

namespace {

base::Result<char> parse_key(std::string_view key) {
  constexpr std::string_view kControl = "ctrl-";
  if (key.size() == 1 && key[0] > ' ' && key[0] < 0x7f) return key[0];
  if (key.size() == kControl.size() + 1 && key.starts_with(kControl)) {
    char letter = key.back();
    if (letter >= 'a' && letter <= 'z') return static_cast<char>(letter - 'a' + 1);
    if (letter == '@' || (letter >= '[' && letter <= '_')) return static_cast<char>(letter - '@');
  }
  return base::Failure(base::invalid_argument("detach keys: '" + base::printable(key) + "' is not a key")
                           .with_hint("write keys like ctrl-p,ctrl-q; an empty text switches detaching off"));
}

}  // namespace

base::Result<DetachKeys> DetachKeys::parse(std::string_view text) {
  std::string keys;
  if (!text.empty())
    for (const std::string& key : base::split(text, ',')) keys.push_back(HV_TRY(parse_key(key)));
  return DetachKeys(std::move(keys));
}

DetachKeys::Step DetachKeys::feed(std::string_view input) {
  Step step;
  if (keys_.empty()) return {.forward = std::string(input)};
  for (char typed : input) {
    // On a mismatch the held keys belong to the program, but their end may itself begin the sequence: ctrl-p ctrl-p
    // ctrl-q detaches.
    while (typed != keys_[matched_] && matched_ > 0) {
      size_t keep = matched_ - 1;
      while (keep > 0 && keys_.compare(0, keep, keys_, matched_ - keep, keep) != 0) --keep;
      step.forward.append(keys_, 0, matched_ - keep);
      matched_ = keep;
    }
    if (typed != keys_[matched_]) {
      step.forward.push_back(typed);
    } else if (++matched_ == keys_.size()) {
      matched_ = 0;
      step.detached = true;
      return step;
    }
  }
  return step;
}

}  // namespace hv::terminal
