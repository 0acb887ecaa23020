#include "config/edit.h"

#include <algorithm>
#include <vector>

#include "base/format.h"
#include "base/text.h"
#include "base/toml.h"
#include "config/config.h"

namespace hv::config {

namespace {

using base::format;
using base::Result;
using base::toml::Place;
using base::toml::Table;

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// The byte at which a place lies.
size_t offset_of(std::string_view text, Place place) {
  size_t at = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  for (uint32_t line = 1; line < place.line && at < text.size(); ++line)
    at = std::min(text.find('\n', at), text.size() - 1) + 1;
  for (uint32_t column = 1; column < place.column && at < text.size(); ++column) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) ++at;
  }
  return at;
}

// Text with one line more, after the line `line`; 0 puts it first.
std::string with_line_after(std::string_view text, uint32_t line, std::string_view added) {
  std::string_view end = text.find("\r\n") != std::string_view::npos ? "\r\n" : "\n";
  size_t at = offset_of(text, {line + 1, 1});
  std::string before(text.substr(0, at));
  if (!before.empty() && before != kByteOrderMark && !before.ends_with('\n')) before += end;
  return before + std::string(added) + std::string(end) + std::string(text.substr(at));
}

uint32_t lines_of(std::string_view text) {
  return static_cast<uint32_t>(std::ranges::count(text, '\n')) + (text.empty() || text.ends_with('\n') ? 0 : 1);
}

// The lines that could be the header of the section. One inside a string of several lines is found out when the result
// is read again.
std::vector<uint32_t> headers_of(std::string_view text, std::string_view section) {
  std::vector<uint32_t> found;
  uint32_t number = 0;
  for (std::string line : base::split(text, '\n')) {
    ++number;
    line.resize(std::min(line.find('#'), line.size()));
    std::erase_if(line, [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '"' || c == '\''; });
    if (line == format("[{}]", section)) found.push_back(number);
  }
  return found;
}

// Every way in which the value could be written, the best first.
std::vector<std::string> candidates(std::string_view text, Table& root, const KeySpec& setting,
                                    std::string_view literal) {
  Table section = root.table(setting.section);
  if (auto span = section.span(setting.name)) {
    size_t begin = offset_of(text, span->begin), end = offset_of(text, span->end);
    if (begin > end) return {};
    return {std::string(text.substr(0, begin)) + std::string(literal) + std::string(text.substr(end))};
  }
  std::string assignment = format("{} = {}", setting.name, literal);
  std::string dotted = format("{}.{}", setting.section, assignment);
  if (!root.has(setting.section)) {
    std::string header = with_line_after(text, lines_of(text), "");
    if (text.empty() || text.ends_with("\n\n") || text.ends_with("\n\r\n")) header = text;
    header = with_line_after(header, lines_of(header), format("[{}]", setting.section));
    return {with_line_after(header, lines_of(header), assignment)};
  }
  std::vector<std::string> ways;
  uint32_t last = 0;
  for (const std::string& key : section.keys())
    if (auto span = section.span(key)) last = std::max(last, span->end.line);
  for (uint32_t header : headers_of(text, setting.section))
    ways.push_back(with_line_after(text, std::max(header, last), assignment));
  if (last > 0) ways.push_back(with_line_after(text, last, dotted));
  // { a = 1 } on one line: before the closing brace.
  if (auto span = root.span(setting.section)) {
    size_t brace = offset_of(text, span->end);
    if (brace > 0 && text.substr(0, brace).ends_with('}')) {
      size_t end = text.find_last_not_of(" \t", brace - 2) + 1;
      std::string_view glue = section.keys().empty() ? " " : ", ";
      ways.push_back(std::string(text.substr(0, end)) + std::string(glue) + assignment + " " +
                     std::string(text.substr(brace - 1)));
    }
  }
  return ways;
}

bool says(const std::vector<Value>& values, const KeySpec& setting, std::string_view value) {
  return std::ranges::any_of(values, [&](const Value& v) { return v.setting == &setting && v.text == value; });
}

// Of all settings but one.
bool agree(const std::vector<Value>& a, const std::vector<Value>& b, const KeySpec& but) {
  auto holds_all = [&](const std::vector<Value>& these, const std::vector<Value>& of) {
    return std::ranges::all_of(of,
                               [&](const Value& v) { return v.setting == &but || says(these, *v.setting, *v.text); });
  };
  return holds_all(a, b) && holds_all(b, a);
}

}  // namespace

Result<std::string> set(std::string_view text, std::string_view file, const KeySpec& setting, std::string_view value) {
  std::string source(text);
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) source = "version = 1\n";
  base::toml::Reader reader = HV_TRY(base::toml::Reader::parse(source, file));
  Table root = reader.root();
  if (!root.has("version")) source = with_line_after(source, 0, "version = 1");
  reader = HV_TRY(base::toml::Reader::parse(source, file));
  root = reader.root();
  Result<std::vector<Value>> before = parse(source, file, Origin::user);
  std::string literal = to_toml(setting, value);
  std::vector<std::string> ways = candidates(source, root, setting, literal);
  for (const std::string& way : ways) {
    Result<std::vector<Value>> after = parse(way, file, Origin::user);
    if (!after || !says(*after, setting, value)) continue;
    // A file whose only fault is the value that is being replaced was not understood before; it is now.
    if (!before || agree(*before, *after, setting)) return way;
  }
  if (!before) {
    base::Error error = std::move(before).error();
    return base::Failure(std::move(error).with_hint("put that right first; nothing was written"));
  }
  return base::Failure(
      base::conflict(format("{} is written in a way that leaves no place for {}", base::printable(file), setting.key()))
          .with_hint(format("write it by hand: {} = {} below [{}]", setting.name, literal, setting.section)));
}

}  // namespace hv::config
