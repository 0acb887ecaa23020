// The keys that leave a session without ending it, found in what the user types.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace hv::terminal {

class DetachKeys {
 public:
  // "ctrl-p,ctrl-q": keys separated by commas; a key is one ASCII character or ctrl- and one of a-z @ [ \ ] ^ _. An
  // empty text means none.
  static base::Result<DetachKeys> parse(std::string_view text);

  struct Step {
    std::string forward;    // what goes to the program; a started sequence is held back until it is decided
    bool detached = false;  // the sequence was completed; nothing after it is forwarded
  };
  Step feed(std::string_view input);

 private:
  explicit DetachKeys(std::string keys) : keys_(std::move(keys)) {}
  std::string keys_;
  size_t matched_ = 0;
};

}  // namespace hv::terminal
