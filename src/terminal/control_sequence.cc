#include "terminal/control_sequence.h"

#include <algorithm>
#include <array>

namespace hv::terminal {

namespace {

// Private modes (DECSET) that programs with a screen use. Sorted.
constexpr auto kPrivateModes = std::to_array<uint32_t>({
    1,    3,    4,    5,    6,    7,    8,    9,    12,   25,   45,   47,   66,   67,   69,   1000, 1001, 1002, 1003,
    1004, 1005, 1006, 1007, 1015, 1016, 1034, 1035, 1036, 1039, 1045, 1047, 1048, 1049, 2004, 2026, 2027, 2031, 2048,
});
static_assert(std::ranges::is_sorted(kPrivateModes));

bool contains(std::string_view set, char c) {
  return set.find(c) != std::string_view::npos;
}

Verdict pass_if(bool condition) {
  return condition ? Verdict::pass : Verdict::drop;
}
Verdict ask_if(bool condition) {
  return condition ? Verdict::asks : Verdict::drop;
}

bool all_known_modes(const ControlSequence& sequence) {
  return std::ranges::all_of(sequence.parameters,
                             [](uint32_t mode) { return std::ranges::binary_search(kPrivateModes, mode); });
}

Verdict judge_plain(const ControlSequence& sequence) {
  uint32_t first = sequence.parameter(0);
  switch (sequence.final) {
    case 'c':
      return ask_if(first == 0);
    case 'n':
      return ask_if(first == 5 || first == 6);
    case 't':
      return ask_if(first == 14 || first == 16 || first == 18 || first == 19);
    case 'h':
    case 'l':
      return pass_if(std::ranges::all_of(sequence.parameters, [](uint32_t mode) { return mode == 4 || mode == 20; }));
    default:
      return pass_if(contains("@ABCDEFGHIJKLMPSTXZ`abdefgmrsu", sequence.final));
  }
}

Verdict judge_private(const ControlSequence& sequence) {
  uint32_t first = sequence.parameter(0);
  switch (sequence.final) {
    case 'h':
    case 'l':
    case 'r':
    case 's':
      return pass_if(all_known_modes(sequence));
    case 'n':
      return ask_if(first == 6 || first == 996);
    case 'm':
    case 'u':
      return Verdict::asks;
    default:
      return pass_if(contains("JKWc", sequence.final));
  }
}

Verdict judge_with_intermediate(const ControlSequence& sequence) {
  if (sequence.intermediates == "$" && sequence.final == 'p')
    return ask_if(sequence.prefix == 0 || sequence.prefix == '?');  // DECRQM: answered with numbers
  if (sequence.prefix != 0) return Verdict::drop;
  if (sequence.intermediates == "!") return pass_if(sequence.final == 'p');
  if (sequence.intermediates == " ") return pass_if(contains("q@A", sequence.final));
  if (sequence.intermediates == "#") return pass_if(contains("pq{}", sequence.final));
  if (sequence.intermediates == "'") return pass_if(contains("}~", sequence.final));
  return Verdict::drop;
}

bool is_web_address(std::string_view address) {
  return address.empty() || address.starts_with("https://") || address.starts_with("http://");
}

}  // namespace

std::optional<ControlSequence> ControlSequence::parse(std::string_view text) {
  ControlSequence sequence;
  if (text.empty() || text.back() < 0x40 || text.back() > 0x7e) return std::nullopt;
  sequence.final = text.back();
  text.remove_suffix(1);
  if (!text.empty() && text[0] >= '<' && text[0] <= '?') {
    sequence.prefix = text[0];
    text.remove_prefix(1);
  }
  size_t end = text.find_first_not_of("0123456789;:");
  sequence.intermediates = end == std::string_view::npos ? std::string_view{} : text.substr(end);
  for (char c : sequence.intermediates)
    if (c < 0x20 || c > 0x2f) return std::nullopt;
  std::string_view parameters = text.substr(0, end);
  if (parameters.empty()) return sequence;
  uint32_t value = 0;
  bool sub_parameter = false;
  for (char c : parameters) {
    if (c == ';') {
      sequence.parameters.push_back(value);
      value = 0;
      sub_parameter = false;
    } else if (c == ':') {
      sub_parameter = true;
    } else if (!sub_parameter) {
      value = std::min<uint32_t>(value * 10 + static_cast<uint32_t>(c - '0'), 100'000);
    }
  }
  sequence.parameters.push_back(value);
  return sequence;
}

Verdict judge(const ControlSequence& sequence) {
  if (!sequence.intermediates.empty()) return judge_with_intermediate(sequence);
  switch (sequence.prefix) {
    case 0:
      return judge_plain(sequence);
    case '?':
      return judge_private(sequence);
    case '>':
      return contains("cq", sequence.final) ? Verdict::asks : pass_if(contains("mnuf", sequence.final));
    case '<':
      return pass_if(sequence.final == 'u');
    case '=':
      return pass_if(sequence.final == 'u');
    default:
      return Verdict::drop;
  }
}

Verdict judge_command(std::string_view command) {
  size_t semicolon = command.find(';');
  std::string_view number = command.substr(0, semicolon);
  std::string_view rest = semicolon == std::string_view::npos ? std::string_view{} : command.substr(semicolon + 1);
  if (number == "4" || number == "10" || number == "11" || number == "12")
    return contains(rest, '?') ? Verdict::asks : Verdict::pass;
  if (number == "104" || number == "110" || number == "111" || number == "112" || number == "133") return Verdict::pass;
  if (number == "9") return pass_if(rest.starts_with("4;"));
  if (number == "8") {
    size_t address = rest.find(';');
    return pass_if(address != std::string_view::npos && is_web_address(rest.substr(address + 1)));
  }
  return Verdict::drop;
}

}  // namespace hv::terminal
