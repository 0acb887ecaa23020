#include "core/glob.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"

namespace hv::core {

namespace {

constexpr size_t kMostNames = 32;
constexpr size_t kLongest = 4096;

// How many bytes the character at `at` has. Names of files are any bytes: what is no UTF-8 is a character each.
size_t length_at(std::string_view name, size_t at) {
  auto lead = static_cast<unsigned char>(name[at]);
  size_t length = lead >= 0xf0 && lead <= 0xf4  ? 4
                  : lead >= 0xe0 && lead < 0xf0 ? 3
                  : lead >= 0xc2 && lead < 0xe0 ? 2
                                                : 1;
  if (at + length > name.size()) return 1;
  for (size_t i = 1; i < length; ++i)
    if ((static_cast<unsigned char>(name[at + i]) & 0xc0U) != 0x80) return 1;
  return length;
}

// Both are one name without '/'. After a mismatch only the last '*' can take more: an earlier one taking more would
// not help.
bool matches_name(std::string_view pattern, std::string_view name) {
  size_t p = 0;
  size_t n = 0;
  size_t star = std::string_view::npos;
  size_t mark = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      n += pattern[p] == '?' ? length_at(name, n) : 1;
      ++p;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = mark += length_at(name, mark);
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace

std::vector<std::string_view> names_of_path(std::string_view path) {
  std::vector<std::string_view> names;
  names.reserve(16);
  while (!path.empty()) {
    size_t end = std::min(path.find('/'), path.size());
    if (end != 0) names.push_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return names;
}

void Glob::append(std::vector<Name>& names, std::string_view path, bool literal) {
  for (std::string_view part : names_of_path(path)) {
    Name& name = names.emplace_back();
    name.text = part;
    if (literal) continue;
    name.any_depth = part == "**";
    name.varies = part.find_first_of("*?") != std::string_view::npos;
  }
}

base::Result<Glob> Glob::parse(std::string_view text) {
  auto bad = [&](std::string_view expected) {
    return base::Failure(
        base::invalid_argument(base::format("{}; found \"{}\"", expected, base::printable(text.substr(0, 80)))));
  };
  if (text.empty() || text.size() > kLongest) return bad("expected a path or a pattern for paths");
  // A part of a character would be no more than that to a '?' beside it.
  if (!base::is_valid_utf8(text)) return bad("expected a pattern in UTF-8");
  for (char c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f || std::string_view("[]{}\\").contains(c))
      return bad("only '*', '?' and '**' have a meaning in a pattern, and [ ] { } \\ stand for nothing");
  std::string_view below = text;
  if (below.starts_with("~/"))
    below.remove_prefix(2);
  else if (below.starts_with('/'))
    below.remove_prefix(1);
  else if (below.starts_with('~'))
    return bad("expected ~/ for the home; other users' homes have no short name");
  if (below.starts_with('!')) return bad("a pattern cannot be taken back by '!'");
  std::vector<std::string> parts = base::split(below, '/');
  if (parts.size() > kMostNames) return bad(base::format("expected at most {} names in a pattern", kMostNames));
  for (const std::string& part : parts) {
    if (part.empty() || part == "." || part == "..")
      return bad("expected a path without '.', '..', '//' or a final '/'");
    if (part.find("**") != std::string::npos && part != "**") return bad("'**' stands alone between two '/'");
  }
  if (std::ranges::all_of(parts, [](const std::string& part) { return part == "**"; }))
    return bad("expected a name beside '**': alone it is everything");
  Glob glob;
  glob.text_ = text;
  append(glob.names_, below, false);
  return glob;
}

bool Glob::is_literal() const {
  return !is_name() && std::ranges::none_of(names_, [](const Name& name) { return name.varies; });
}

Glob Glob::placed(std::string_view home, std::string_view workspace) const {
  Glob glob;
  glob.text_ = text_;
  if (is_name())
    glob.names_.push_back({"**", true, true});
  else if (text_.starts_with("~/"))
    append(glob.names_, home, true);
  else if (!is_absolute())
    append(glob.names_, workspace, true);
  glob.names_.insert(glob.names_.end(), names_.begin(), names_.end());
  return glob;
}

Glob Glob::in(std::string_view directory) const {
  Glob glob;
  glob.text_ = text_;
  append(glob.names_, directory, true);
  glob.names_.push_back(names_.back());
  return glob;
}

Glob Glob::within(std::string_view directory) const {
  Glob glob = in(directory);
  glob.names_.insert(glob.names_.end() - 1, {"**", true, true});
  return glob;
}

// After a mismatch only the last "**" can take more, as with '*' in a name.
bool Glob::run(std::span<const std::string_view> names, bool below_too) const {
  size_t p = 0;
  size_t n = 0;
  size_t star = std::string_view::npos;
  size_t mark = 0;
  while (true) {
    if (p == names_.size()) {
      if (below_too || n == names.size()) return true;
    } else if (names_[p].any_depth) {
      star = p++;
      mark = n;
      continue;
    } else if (n < names.size() &&
               (names_[p].varies ? matches_name(names_[p].text, names[n]) : names_[p].text == names[n])) {
      ++p;
      ++n;
      continue;
    }
    if (star == std::string_view::npos || mark >= names.size()) return false;
    p = star + 1;
    n = ++mark;
  }
}

bool Glob::covers(std::span<const std::string_view> names) const {
  return run(names, true);
}

bool Glob::covers(std::string_view path) const {
  return run(names_of_path(path), true);
}

bool Glob::matches(std::span<const std::string_view> names) const {
  return run(names, false);
}

std::string Glob::fixed_directory() const {
  std::string path;
  for (const Name& name : names_) {
    if (name.varies) break;
    path += "/" + name.text;
  }
  return path.empty() ? "/" : path;
}

bool Glob::could_match_below(std::span<const std::string_view> names) const {
  for (size_t i = 0; i < names_.size(); ++i) {
    if (names_[i].any_depth || i == names.size()) return true;
    if (names_[i].varies ? !matches_name(names_[i].text, names[i]) : names_[i].text != names[i]) return false;
  }
  return false;
}

bool Glob::includes(const Glob& other) const {
  if (text_ == other.text_) return true;
  // '?' would take a '*' for the one character that it is here.
  if (text_.find('?') != std::string::npos && other.text_.find('*') != std::string::npos) return false;
  // Names that vary are compared as they are written: '*' takes "*.pem" like any other name, and "**" is taken by
  // "**" alone.
  if (std::ranges::any_of(other.names_, [](const Name& name) { return name.any_depth; })) {
    // "**/NAME" takes in whatever ends in such a name, however deep.
    if (names_.size() < 2 || !names_[0].any_depth || std::ranges::count(names_, true, &Name::any_depth) != 1)
      return false;
    if (other.names_.back().any_depth || other.names_.size() < names_.size() - 1) return false;
    for (size_t i = 1; i < names_.size(); ++i) {
      const Name& theirs = other.names_[other.names_.size() - names_.size() + i];
      if (theirs.any_depth || !matches_name(names_[i].text, theirs.text)) return false;
    }
    return true;
  }
  std::vector<std::string_view> names;
  for (const Name& name : other.names_) names.push_back(name.text);
  return covers(names);
}

std::vector<std::string> Glob::fixed_text() const {
  std::vector<std::string> all;
  for (const Name& name : names_) {
    if (name.any_depth) continue;
    if (!name.varies) {
      all.push_back("/" + name.text + "/");
      continue;
    }
    std::string whole = "/" + name.text + "/";
    for (size_t begin = 0; begin < whole.size();) {
      size_t end = std::min(whole.find_first_of("*?", begin), whole.size());
      if (end != begin) all.push_back(whole.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  return all;
}

std::string_view Glob::name_at_any_depth() const {
  return names_.size() == 2 && names_[0].any_depth && !names_[1].varies ? std::string_view(names_[1].text)
                                                                        : std::string_view();
}

}  // namespace hv::core
