#include "config/tool_files.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "base/toml.h"

namespace hv::config {

namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view unquoted(std::string_view text) {
  if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front())
    return text.substr(1, text.size() - 2);
  return text;
}

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> all;
  std::string word;
  for (char c : text) {
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
      word += c;
    } else if (!word.empty()) {
      all.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) all.push_back(std::move(word));
  return all;
}

// The value of git's `key = value`: quotes may stand anywhere in it, and a comment ends it.
std::string git_value(std::string_view text) {
  std::string value;
  size_t kept = 0;  // spaces at the end count only within quotes
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '"') {
      quoted = !quoted;
      kept = value.size();
      continue;
    }
    if (!quoted && (c == '#' || c == ';')) break;
    if (c == '\\' && i + 1 < text.size()) {
      c = text[++i];
      c = c == 'n' ? '\n' : c == 't' ? '\t' : c;
    }
    value += c;
    if (quoted || (c != ' ' && c != '\t')) kept = value.size();
  }
  value.resize(kept);
  return value;
}

// `section "Sub"` is section.Sub: the first is lower case, the second as it is.
std::string git_section(std::string_view header) {
  size_t quote = header.find('"');
  if (quote == std::string_view::npos) return lower(trimmed(header));
  std::string section = lower(trimmed(header.substr(0, quote))) + ".";
  for (size_t i = quote + 1; i < header.size() && header[i] != '"'; ++i) {
    if (header[i] == '\\' && i + 1 < header.size()) ++i;
    section += header[i];
  }
  return section;
}

// Where a header's ']' is; one within quotes is part of the name.
size_t end_of_header(std::string_view line) {
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && quoted) {
      ++i;
    } else if (line[i] == '"') {
      quoted = !quoted;
    } else if (line[i] == ']' && !quoted) {
      return i;
    }
  }
  return std::string_view::npos;
}

constexpr std::string_view kBlank = " \t\r\n";

// The text without what it starts with.
std::string_view past(std::string_view text, std::string_view characters) {
  return text.substr(std::min(text.find_first_not_of(characters), text.size()));
}

// A literal of JavaScript or Python at the start of the text; one with an escape is none that we know.
std::optional<std::string_view> literal(std::string_view text) {
  if (text.empty() || (text[0] != '"' && text[0] != '\'')) return std::nullopt;
  std::string_view value = text.substr(1, text.find_first_of("\"'\\\n", 1) - 1);
  size_t end = value.size() + 1;
  if (end >= text.size() || text[end] != text[0]) return std::nullopt;
  return value;
}

uint32_t line_of(std::string_view text, size_t at) {
  return static_cast<uint32_t>(1 + std::ranges::count(text.substr(0, at), '\n'));
}

}  // namespace

std::vector<Setting> read_ini(std::string_view text) {
  std::vector<Setting> settings;
  std::string section;
  uint32_t number = 0;
  for (const std::string& raw : base::split(text, '\n')) {
    ++number;
    std::string_view line = trimmed(raw);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line.front() == '[' && line.back() == ']') {
      section = lower(trimmed(line.substr(1, line.size() - 2)));
      continue;
    }
    bool continues = (raw[0] == ' ' || raw[0] == '\t') && !settings.empty() && settings.back().section == section &&
                     line.find(" = ") == std::string_view::npos;
    size_t equals = line.find_first_of("=:");
    if (continues && (equals == std::string_view::npos || line.substr(equals).starts_with("://"))) {
      settings.push_back({section, settings.back().key, std::string(line), number});
      continue;
    }
    // "//host/:_authToken=" and "@scope:registry=" have colons in their keys.
    if (size_t sign = line.find('='); sign != std::string_view::npos) equals = sign;
    if (equals == std::string_view::npos) continue;
    settings.push_back({section, lower(trimmed(line.substr(0, equals))),
                        std::string(unquoted(trimmed(line.substr(equals + 1)))), number});
  }
  return settings;
}

std::vector<Setting> read_git_config(std::string_view text) {
  std::vector<Setting> settings;
  std::string section, joined;
  uint32_t number = 0;
  for (const std::string& raw : base::split(text, '\n')) {
    ++number;
    std::string_view line = trimmed(raw);
    if (joined.empty() && (line.empty() || line[0] == '#' || line[0] == ';')) continue;
    joined += line;
    if (joined.ends_with('\\')) {
      joined.pop_back();
      continue;
    }
    std::string whole = std::move(joined);
    joined.clear();
    line = whole;
    if (line.starts_with('[')) {
      size_t end = end_of_header(line);
      if (end == std::string_view::npos) continue;
      section = git_section(line.substr(1, end - 1));
      line = trimmed(line.substr(end + 1));
    }
    size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    settings.push_back(
        {section, lower(trimmed(line.substr(0, equals))), git_value(trimmed(line.substr(equals + 1))), number});
  }
  return settings;
}

std::vector<Setting> read_apt_lines(std::string_view text) {
  std::vector<Setting> settings;
  uint32_t number = 0;
  for (const std::string& raw : base::split(text, '\n')) {
    ++number;
    std::string_view line = trimmed(std::string_view(raw).substr(0, raw.find('#')));
    if (!line.starts_with("deb ") && !line.starts_with("deb\t") && !line.starts_with("deb-src")) continue;
    line = trimmed(line.substr(line.find_first_of(" \t")));
    if (line.starts_with('[')) line = trimmed(line.substr(std::min(line.find(']'), line.size() - 1) + 1));
    for (std::string& address : words(line)) {
      settings.push_back({"", "uris", std::move(address), number});
      break;
    }
  }
  return settings;
}

std::vector<Setting> read_apt_stanzas(std::string_view text) {
  std::vector<Setting> settings, stanza;
  bool enabled = true;
  bool in_addresses = false;
  uint32_t number = 0;
  auto end_stanza = [&] {
    if (enabled) settings.insert(settings.end(), stanza.begin(), stanza.end());
    stanza.clear();
    enabled = true;
    in_addresses = false;
  };
  for (const std::string& raw : base::split(text, '\n')) {
    ++number;
    if (raw.starts_with('#')) continue;
    if (trimmed(raw).empty()) {
      end_stanza();
      continue;
    }
    std::string_view value = raw;
    if (raw[0] != ' ' && raw[0] != '\t') {
      size_t colon = raw.find(':');
      std::string key = lower(trimmed(std::string_view(raw).substr(0, colon)));
      value = colon == std::string::npos ? std::string_view{} : value.substr(colon + 1);
      in_addresses = key == "uris";
      if (key == "enabled") {
        std::string answer = lower(trimmed(value));
        enabled = answer != "no" && answer != "false" && answer != "0" && answer != "off" && answer != "disable";
      }
    }
    if (!in_addresses) continue;
    for (std::string& address : words(value)) stanza.push_back({"", "uris", std::move(address), number});
  }
  end_stanza();
  return settings;
}

std::vector<Setting> read_npm_defaults(std::string_view text) {
  constexpr std::string_view kName = "registry";
  for (size_t at = text.find(kName); at != std::string_view::npos; at = text.find(kName, at + 1)) {
    std::string_view before = text.substr(0, at), after = text.substr(at + kName.size());
    char quote = before.empty() ? '\n' : before.back();
    if (quote == '\'' || quote == '"') {
      // define('registry', { default: 'URL', and new Definition('registry', { default: 'URL',
      if (!after.starts_with(quote)) continue;
      after = past(after.substr(1), ", \t\r\n{");
      if (!after.starts_with("default")) continue;
      after.remove_prefix(std::string_view("default").size());
    } else if (kBlank.find(quote) == std::string_view::npos && quote != '{' && quote != ',') {
      continue;
    }
    // registry: 'URL'
    after = past(after, kBlank);
    if (!after.starts_with(':')) continue;
    after = past(after.substr(1), kBlank);
    if (auto value = literal(after))
      return {{"", "registry", std::string(*value), line_of(text, text.size() - after.size())}};
  }
  return {};
}

std::vector<Setting> read_pip_index(std::string_view text) {
  constexpr std::string_view kName = "PyPI";
  for (size_t at = text.find(kName); at != std::string_view::npos; at = text.find(kName, at + 1)) {
    if (at != 0 && text[at - 1] != '\n') continue;
    // PyPI = PackageIndex("URL", file_storage_domain="HOST")
    std::string_view rest = past(text.substr(at + kName.size()), " \t");
    if (!rest.starts_with('=')) continue;
    rest = rest.substr(std::min(rest.find_first_of("(\n"), rest.size()));
    if (!rest.starts_with('(')) continue;
    rest = rest.substr(0, rest.find(')'));
    std::vector<Setting> settings;
    for (const char* key : {"index-url", "files"}) {
      rest = rest.substr(std::min(rest.find_first_of("'\""), rest.size()));
      auto value = literal(rest);
      if (!value) break;
      settings.push_back({"", key, std::string(*value), line_of(text, static_cast<size_t>(rest.data() - text.data()))});
      rest.remove_prefix(value->size() + 2);
    }
    return settings;
  }
  return {};
}

base::Result<std::vector<Setting>> read_cargo_config(std::string_view text, std::string_view file) {
  base::toml::Reader reader = HV_TRY(base::toml::Reader::parse(text, file));
  base::toml::Table root = reader.root();
  std::vector<Setting> settings;
  auto read = [&](std::string_view kind, std::initializer_list<std::string_view> keys) {
    if (!root.has(kind)) return;
    base::toml::Table all = root.table(kind);
    for (const std::string& name : all.keys()) {
      base::toml::Table one = all.table(name);
      for (std::string_view key : keys)
        if (auto value = one.string(key))
          settings.push_back({std::string(kind) + "." + name, std::string(key), *std::move(value), 0});
    }
  };
  read("source", {"replace-with", "registry", "git", "local-registry", "directory"});
  read("registries", {"index"});
  // Keys of another type are cargo's to complain about, but a replacement that was not read must not mean the default.
  HV_TRY(reader.finish());
  return settings;
}

}  // namespace hv::config
