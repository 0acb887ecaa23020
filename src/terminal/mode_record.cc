#include "terminal/mode_record.h"

#include <algorithm>

#include "base/format.h"

namespace hv::terminal {

namespace {

// Autowrap, autorepeat and the visible cursor are on in a fresh terminal; every other private mode is off.
bool usual_value(uint32_t mode) {
  return mode == 7 || mode == 8 || mode == 25;
}

}  // namespace

void ModeRecord::note(const ControlSequence& sequence) {
  if (sequence.intermediates == "!" && sequence.final == 'p') {
    insert_ = application_keypad_ = scroll_region_ = rendition_ = other_charset_ = false;
    return;
  }
  if (sequence.intermediates == " " && sequence.final == 'q') cursor_style_ = sequence.parameter(0) != 0;
  if (!sequence.intermediates.empty()) return;
  bool set = sequence.final == 'h';
  switch (sequence.prefix) {
    case '?':
      if (sequence.final == 'h' || sequence.final == 'l')
        for (uint32_t mode : sequence.parameters) {
          if (set == usual_value(mode))
            modes_.erase(mode);
          else
            modes_[mode] = set;
        }
      return;
    case '>':
      if (sequence.final == 'u') ++keyboard_pushes_;
      if (sequence.final == 'm') modified_keys_ = sequence.parameters.size() > 1 && sequence.parameter(1) != 0;
      return;
    case '<':
      keyboard_pushes_ -= std::min(keyboard_pushes_, std::max<uint32_t>(1, sequence.parameter(0)));
      return;
    case '=':
      keyboard_set_ = sequence.parameter(0) != 0;
      return;
    default:
      break;
  }
  if (sequence.final == 'm') rendition_ = !sequence.parameters.empty() && sequence.parameters.back() != 0;
  if (sequence.final == 'r') scroll_region_ = !sequence.parameters.empty();
  if ((set || sequence.final == 'l') && std::ranges::find(sequence.parameters, 4u) != sequence.parameters.end())
    insert_ = set;
}

void ModeRecord::note_command(std::string_view command) {
  std::string_view number = command.substr(0, command.find(';'));
  if (number == "8") hyperlink_ = command.size() > 3 && !command.ends_with(';');
  if (number.size() == 3 && number != "133") return;  // a reset of one colour; undo() resets all, which does no harm
  if (number == "4" || number == "10" || number == "11" || number == "12") colours_ |= !command.ends_with('?');
}

void ModeRecord::note_escape(std::string_view escape) {
  if (escape == "c") *this = ModeRecord{};
  if (escape == "=" || escape == ">") application_keypad_ = escape == "=";
  if (escape.size() == 2 && escape[0] == '(') other_charset_ = escape[1] != 'B';
}

std::string ModeRecord::undo() const {
  std::string out;
  for (auto [mode, set] : modes_) out += base::format("\x1b[?{}{}", mode, set ? 'l' : 'h');
  if (keyboard_pushes_ > 0) out += base::format("\x1b[<{}u", keyboard_pushes_);
  if (keyboard_set_) out += "\x1b[=0u";
  if (modified_keys_) out += "\x1b[>4m";
  if (cursor_style_) out += "\x1b[0 q";
  if (scroll_region_)
    out +=
        "\x1b"
        "7\x1b[r\x1b"
        "8";
  if (insert_) out += "\x1b[4l";
  if (application_keypad_) out += "\x1b>";
  if (other_charset_) out += "\x1b(B";
  if (shifted_out_) out += '\x0f';
  if (hyperlink_) out += "\x1b]8;;\x1b\\";
  if (colours_) out += "\x1b]104\x1b\\\x1b]110\x1b\\\x1b]111\x1b\\\x1b]112\x1b\\";
  if (rendition_) out += "\x1b[0m";
  return out;
}

}  // namespace hv::terminal
