#include "workspace/git_config.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include <fnmatch.h>

namespace hv::workspace {

namespace {

std::string lower_case(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
  }

  std::vector<GitSetting> run() {
    while (at_ < text_.size()) {
      char c = text_[at_];
      if (is_space(c) || c == '\n') {
        ++at_;
      } else if (c == '#' || c == ';') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (c == '[') {
        if (!section()) break;
      } else if (!setting()) {
        break;
      }
    }
    return std::move(settings_);
  }

 private:
  bool section() {
    ++at_;
    std::string name;
    while (at_ < text_.size() && text_[at_] != ']' && text_[at_] != '"' && text_[at_] != '\n') name += text_[at_++];
    while (!name.empty() && is_space(name.back())) name.pop_back();
    section_ = lower_case(name) + ".";
    if (at_ < text_.size() && text_[at_] == '"') {
      ++at_;
      for (; at_ < text_.size() && text_[at_] != '"'; ++at_) {
        if (text_[at_] == '\n') return false;
        if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
        section_ += text_[at_];
      }
      ++at_;
      section_ += '.';
    }
    if (at_ >= text_.size() || text_[at_] != ']') return false;
    ++at_;
    return true;
  }

  bool setting() {
    std::string key;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '-'))
      key += text_[at_++];
    if (key.empty() || section_.empty()) return false;
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    std::optional<std::string> value = std::string();
    if (at_ < text_.size() && text_[at_] == '=') {
      ++at_;
      value = read_value();
    } else if (at_ < text_.size() && text_[at_] != '\n' && text_[at_] != '#' && text_[at_] != ';') {
      return false;
    }
    if (!value) return false;
    settings_.push_back({section_ + lower_case(key), *std::move(value)});
    return true;
  }

  std::optional<std::string> read_value() {
    std::string value;
    size_t kept = 0;  // without the spaces that end it
    bool quoted = false;
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    for (; at_ < text_.size(); ++at_) {
      char c = text_[at_];
      if (c == '\n') {
        if (quoted) return std::nullopt;
        break;
      }
      if (!quoted && (c == '#' || c == ';')) {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
        break;
      }
      if (c == '"') {
        quoted = !quoted;
        kept = value.size();
        continue;
      }
      if (c == '\\') {
        if (++at_ >= text_.size()) return std::nullopt;
        char escaped = text_[at_];
        if (escaped == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n') escaped = text_[++at_];
        if (escaped == '\n') continue;
        switch (escaped) {
          case 't':
            value += '\t';
            break;
          case 'n':
            value += '\n';
            break;
          case 'b':
            value += '\b';
            break;
          case '\\':
          case '"':
            value += escaped;
            break;
          default:
            return std::nullopt;
        }
        kept = value.size();
        continue;
      }
      value += c;
      if (quoted || !is_space(c)) kept = value.size();
    }
    if (quoted) return std::nullopt;
    value.resize(kept);
    return value;
  }

  std::string_view text_;
  size_t at_ = 0;
  std::string section_;
  std::vector<GitSetting> settings_;
};

constexpr const char* commands[] = {"core.fsmonitor",
                                    "core.sshcommand",
                                    "core.gitproxy",
                                    "core.pager",
                                    "core.editor",
                                    "core.askpass",
                                    "sequence.editor",
                                    "core.alternaterefscommand",
                                    "filter.*.clean",
                                    "filter.*.smudge",
                                    "filter.*.process",
                                    "diff.external",
                                    "diff.*.command",
                                    "diff.*.textconv",
                                    "merge.*.driver",
                                    "credential.helper",
                                    "credential.*helper",
                                    "gpg.program",
                                    "gpg.*.program",
                                    "gpg.ssh.defaultkeycommand",
                                    "pager.*",
                                    "hook.*.command",
                                    "trailer.*.command",
                                    "trailer.*.cmd",
                                    "interactive.difffilter",
                                    "uploadpack.packobjectshook",
                                    "remote.*.uploadpack",
                                    "remote.*.receivepack",
                                    "submodule.*.update"};

}  // namespace

std::vector<GitSetting> parse_git_config(std::string_view text) {
  return Parser(text).run();
}

bool runs_a_command(std::string_view name) {
  std::string text(name);
  return std::ranges::any_of(commands, [&](const char* pattern) { return ::fnmatch(pattern, text.c_str(), 0) == 0; });
}

std::vector<std::string> words_of_command(std::string_view command) {
  std::vector<std::string> words;
  std::string word;
  auto finish = [&] {
    if (!word.empty() && !word.starts_with('-')) words.push_back(word);
    word.clear();
  };
  for (char c : command) {
    if (std::string_view(" \t\n'\"`;|&()<>=$!{}").find(c) != std::string_view::npos) {
      finish();
    } else if (c != '\\') {
      word += c;
    }
  }
  finish();
  return words;
}

}  // namespace hv::workspace
