// What a program has switched in the user's terminal and not switched back, so that leaving it leaves the terminal as
// it was.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "terminal/control_sequence.h"

namespace hv::terminal {

class ModeRecord {
 public:
  void note(const ControlSequence& sequence);
  void note_command(std::string_view command);
  // "ESC =" and the like, the character after ESC; for a character set also the set's own letter.
  void note_escape(std::string_view escape);
  void note_shift(bool out) { shifted_out_ = out; }
  // The bytes that undo everything noted; empty when nothing is left switched.
  std::string undo() const;

 private:
  std::map<uint32_t, bool> modes_;  // private modes that differ from the usual, and their value
  uint32_t keyboard_pushes_ = 0;
  bool keyboard_set_ = false;
  bool modified_keys_ = false;
  bool cursor_style_ = false;
  bool scroll_region_ = false;
  bool rendition_ = false;
  bool insert_ = false;
  bool application_keypad_ = false;
  bool other_charset_ = false;
  bool shifted_out_ = false;
  bool colours_ = false;
  bool hyperlink_ = false;
};

}  // namespace hv::terminal
