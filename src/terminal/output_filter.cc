#include "terminal/output_filter.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace hv::terminal {

namespace {

constexpr size_t kLongestSequence = 256;
constexpr size_t kLongestCommand = 4096;
constexpr uint8_t kBell = 0x07;
constexpr uint8_t kLineFeed = 0x0a;
constexpr uint8_t kCancel = 0x18;
constexpr uint8_t kSubstitute = 0x1a;
constexpr uint8_t kEscape = 0x1b;
constexpr uint8_t kDelete = 0x7f;
constexpr std::string_view kReplacement = "\xef\xbf\xbd";
// BEL BS HT LF VT FF CR SO SI. Not ENQ: the terminal answers it with a text that can be set.
constexpr std::string_view kControls = "\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f";
// Save, restore, keypad, index, reset, shifts. Not DECID, not S8C1T, not the charset switches of ESC %.
constexpr std::string_view kEscapes = "78=>DEHMNOcno|}~";

bool contains(std::string_view set, uint8_t byte) {
  return set.find(static_cast<char>(byte)) != std::string_view::npos;
}
bool is_plain(char c) {
  return c >= 0x20 && c < 0x7f;
}

// C1 controls, U+0080 to U+009F: some terminals act on them even in UTF-8.
bool is_c1(std::string_view character) {
  return character.size() == 2 && character[0] == '\xc2' && static_cast<uint8_t>(character[1]) < 0xa0;
}

bool has_control(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<uint8_t>(text[i]);
    if (byte < 0x20 || byte == kDelete || (byte == 0xc2 && is_c1(text.substr(i, 2)))) return true;
  }
  return !base::is_valid_utf8(text);
}

}  // namespace

std::string OutputFilter::feed(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    if (state_ == State::ground && character_.empty()) {
      size_t run = static_cast<size_t>(std::ranges::find_if_not(bytes, is_plain) - bytes.begin());
      out.append(bytes.substr(0, run));
      bytes.remove_prefix(run);
      if (bytes.empty()) break;
    }
    step(static_cast<uint8_t>(bytes[0]), out);
    bytes.remove_prefix(1);
  }
  return out;
}

std::string OutputFilter::finish() {
  std::string out = modes_.undo();
  *this = OutputFilter{};
  return out;
}

void OutputFilter::step(uint8_t byte, std::string& out) {
  switch (state_) {
    case State::ground:
      return ground(byte, out);
    case State::escape:
    case State::escape_intermediate:
      return escape(byte, out);
    case State::csi:
      return csi(byte, out);
    case State::command:
    case State::other_string:
    case State::string_escape:
      return string(byte, out);
  }
}

void OutputFilter::ground(uint8_t byte, std::string& out) {
  if (!character_.empty()) return continue_character(byte, out);
  if (byte < 0x20 || byte == kDelete) {
    control(byte, out);
  } else if (byte < 0x80) {
    out.push_back(static_cast<char>(byte));
  } else if (byte >= 0xc2 && byte <= 0xf4) {
    character_.assign(1, static_cast<char>(byte));
    character_length_ = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
  } else {
    out.append(kReplacement);
  }
}

void OutputFilter::continue_character(uint8_t byte, std::string& out) {
  if ((byte & 0xc0) != 0x80) {
    out.append(kReplacement);
    character_.clear();
    return ground(byte, out);
  }
  character_.push_back(static_cast<char>(byte));
  if (character_.size() < character_length_) return;
  if (is_c1(character_))
    ++dropped_;
  else
    out.append(base::is_valid_utf8(character_) ? std::string_view(character_) : kReplacement);
  character_.clear();
}

bool OutputFilter::control(uint8_t byte, std::string& out) {
  if (byte >= 0x20 && byte != kDelete) return false;
  if (byte == kEscape) {
    if (state_ != State::ground) ++dropped_;
    begin(State::escape);
  } else if (byte == kCancel || byte == kSubstitute) {
    drop();
  } else if (contains(kControls, byte)) {
    if (byte == 0x0e || byte == 0x0f) modes_.note_shift(byte == 0x0e);
    out.push_back(static_cast<char>(byte));
  } else {
    ++dropped_;
  }
  return true;
}

void OutputFilter::escape(uint8_t byte, std::string& out) {
  if (control(byte, out)) return;
  if (byte >= 0x80) {
    drop();
    return ground(byte, out);
  }
  if (byte <= 0x2f) {
    state_ = State::escape_intermediate;
    return keep(byte, 4);
  }
  if (state_ == State::escape) {
    if (byte == '[') return begin(State::csi);
    if (byte == ']') return begin(State::command);
    // DCS, APC, PM, SOS, and the title string of screen and tmux.
    if (contains("P_^Xk", byte)) return begin(State::other_string);
  }
  keep(byte, 4);
  finish_escape(out);
}

void OutputFilter::finish_escape(std::string& out) {
  std::string_view text = held_;
  bool passes = text.size() == 1
                    ? kEscapes.find(text[0]) != std::string_view::npos
                    : text.size() == 2 && (contains("()*+-./", static_cast<uint8_t>(text[0])) ||
                                           (text[0] == '#' && contains("34568", static_cast<uint8_t>(text[1]))));
  if (!passes || too_long_) return drop();
  modes_.note_escape(text);
  out.append("\x1b").append(text);
  begin(State::ground);
}

void OutputFilter::csi(uint8_t byte, std::string& out) {
  if (control(byte, out)) return;
  if (byte >= 0x80) {
    drop();
    return ground(byte, out);
  }
  keep(byte, kLongestSequence);
  if (byte >= 0x40) finish_csi(out);
}

void OutputFilter::finish_csi(std::string& out) {
  auto sequence = too_long_ ? std::nullopt : ControlSequence::parse(held_);
  Verdict verdict = sequence ? judge(*sequence) : Verdict::drop;
  if (verdict == Verdict::drop) return drop();
  asked_ |= verdict == Verdict::asks;
  modes_.note(*sequence);
  out.append("\x1b[").append(held_);
  begin(State::ground);
}

void OutputFilter::string(uint8_t byte, std::string& out) {
  if (state_ == State::string_escape) {
    bool command = in_command_;
    if (byte == '\\') return command ? finish_command("\x1b\\", out) : drop();
    // Any other character after ESC ends the string unfinished and begins a sequence.
    ++dropped_;
    begin(State::escape);
    return escape(byte, out);
  }
  bool command = state_ == State::command;
  if (byte == kCancel || byte == kSubstitute) return drop();
  if (byte == kEscape) {
    in_command_ = command;
    state_ = State::string_escape;
    return;
  }
  if (command && byte == kBell) return finish_command("\x07", out);
  // The terminal never saw the introducer, so ending here is safe, and output does not vanish for ever behind a stray
  // one.
  if (command && byte == kLineFeed) {
    drop();
    return ground(byte, out);
  }
  if (command) keep(byte, kLongestCommand);
}

void OutputFilter::finish_command(std::string_view terminator, std::string& out) {
  Verdict verdict = too_long_ || has_control(held_) ? Verdict::drop : judge_command(held_);
  if (verdict == Verdict::drop) {
    // The text after a refused link must not belong to the link before it.
    if (held_.starts_with("8;")) {
      out.append("\x1b]8;;").append(terminator);
      modes_.note_command("8;;");
    }
    return drop();
  }
  asked_ |= verdict == Verdict::asks;
  modes_.note_command(held_);
  out.append("\x1b]").append(held_).append(terminator);
  begin(State::ground);
}

void OutputFilter::keep(uint8_t byte, size_t limit) {
  if (held_.size() < limit)
    held_.push_back(static_cast<char>(byte));
  else
    too_long_ = true;
}

void OutputFilter::begin(State state) {
  state_ = state;
  held_.clear();
  too_long_ = false;
}

void OutputFilter::drop() {
  ++dropped_;
  begin(State::ground);
}

}  // namespace hv::terminal
