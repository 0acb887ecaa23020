// What a sandboxed program writes, on its way to the user's terminal: everything that draws passes; what would act on
// the user passes not (clipboard, title, printing, programmable keys, reports that put the program's own bytes into the
// user's input). The shape is the state machine of ECMA-48 and DEC's terminals; only whole, known sequences are let
// out, so a sequence cut in two cannot slip through.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "terminal/mode_record.h"

namespace hv::terminal {

class OutputFilter {
 public:
  // The part of `bytes`, and of what was held back before, that may be written now.
  std::string feed(std::string_view bytes);
  // What to write when the program is left: undoes its modes. The filter begins anew after it.
  std::string finish();
  // Whether the program has asked the terminal something, whose answer may still be on its way to the user's input.
  bool has_asked() const { return asked_; }
  uint64_t dropped() const { return dropped_; }

 private:
  enum class State { ground, escape, escape_intermediate, csi, command, other_string, string_escape };

  void step(uint8_t byte, std::string& out);
  void ground(uint8_t byte, std::string& out);
  void continue_character(uint8_t byte, std::string& out);
  void escape(uint8_t byte, std::string& out);
  void csi(uint8_t byte, std::string& out);
  void string(uint8_t byte, std::string& out);
  // Controls act at once even within a sequence, as terminals have it.
  bool control(uint8_t byte, std::string& out);
  void finish_escape(std::string& out);
  void finish_csi(std::string& out);
  void finish_command(std::string_view terminator, std::string& out);
  void keep(uint8_t byte, size_t limit);
  void begin(State state);
  void drop();

  State state_ = State::ground;
  bool in_command_ = false;  // string_escape: the string is a command, not one of those that are always dropped
  bool too_long_ = false;
  std::string held_;       // the sequence so far, without its introducer
  std::string character_;  // the UTF-8 character so far
  size_t character_length_ = 0;
  ModeRecord modes_;
  bool asked_ = false;
  uint64_t dropped_ = 0;
};

}  // namespace hv::terminal
