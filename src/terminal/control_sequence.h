// One CSI sequence taken apart (ECMA-48, 5.4), and what may reach the user's terminal.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace hv::terminal {

// Views into the text it was parsed from.
struct ControlSequence {
  char prefix = 0;                   // '<', '=', '>' or '?', or 0
  std::vector<uint32_t> parameters;  // an empty one counts as 0; sub-parameters after ':' are not kept
  std::string_view intermediates;
  char final = 0;

  // The text between "ESC [" and the final character, that included; nullopt when it has not the form of a control
  // sequence.
  static std::optional<ControlSequence> parse(std::string_view text);
  uint32_t parameter(size_t index) const { return index < parameters.size() ? parameters[index] : 0; }
};

enum class Verdict {
  drop,
  pass,
  asks,  // passes, and the terminal answers it on its input
};

// A sequence passes because it is known to draw, to move or to switch what programs with a screen need; what is not
// known is dropped. Dropped on purpose: reports of the title or of what the screen shows, printing, window operations,
// keyboard lock, VT52 mode.
Verdict judge(const ControlSequence& sequence);
// The same for an operating system command ("10;?" without its introducer and terminator). Passes: colours, progress,
// shell marks and hyperlinks to the web; not: clipboard, title, working directory, notifications, files.
Verdict judge_command(std::string_view command);

}  // namespace hv::terminal
