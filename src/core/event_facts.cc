#include "core/event_facts.h"

#include <algorithm>
#include <array>

namespace hv::core {

namespace {

using base::json::Value;

constexpr size_t kLongestWord = 64;
constexpr size_t kMostWords = 8192;
constexpr int kDeepest = 32;

constexpr std::array<std::string_view, 12> kPathMembers{"accepted", "conflicts", "directory", "executable",
                                                        "held",     "old_path",  "path",      "paths",
                                                        "project",  "read",      "workspace", "write"};
constexpr std::array<std::string_view, 3> kHostMembers{"address", "host", "sni"};

void add_texts(const Value& value, std::vector<std::string>& texts) {
  if (value.is_string()) {
    if (!value.get_string().empty()) texts.emplace_back(std::string_view(value.get_string()));
  } else if (value.is_array()) {
    for (const Value& item : value.get_array())
      if (item.is_string() && !item.get_string().empty()) texts.emplace_back(std::string_view(item.get_string()));
  }
}

void add_words_of(const Value& value, std::vector<std::string>& words, int depth) {
  if (words.size() > kMostWords || depth > kDeepest) return;
  if (value.is_string()) {
    add_words(std::string_view(value.get_string()), words);
  } else if (value.is_int64() || value.is_uint64()) {
    words.push_back(base::json::serialize(value));
  } else if (value.is_array()) {
    for (const Value& item : value.get_array()) add_words_of(item, words, depth + 1);
  } else if (value.is_object()) {
    for (const auto& member : value.get_object()) add_words_of(member.value(), words, depth + 1);
  }
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
bool in_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<uint8_t>(c) >= 0x80;
}

bool same_or_below(std::string_view path, std::string_view wanted) {
  return path.starts_with(wanted) && (path.size() == wanted.size() || path[wanted.size()] == '/');
}

bool same_or_in(std::string_view host, std::string_view wanted) {
  return host.ends_with(wanted) && (host.size() == wanted.size() || host[host.size() - wanted.size() - 1] == '.');
}

bool is_address(std::string_view host) {
  return host.find(':') != std::string_view::npos ||
         std::ranges::all_of(host, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

}  // namespace

void add_words(std::string_view text, std::vector<std::string>& words) {
  size_t at = 0;
  while (at < text.size()) {
    while (at < text.size() && !in_word(text[at])) ++at;
    size_t begin = at;
    while (at < text.size() && in_word(text[at])) ++at;
    if (at == begin) return;
    std::string word(text.substr(begin, std::min(at - begin, kLongestWord)));
    std::ranges::transform(word, word.begin(), lower);
    words.push_back(std::move(word));
  }
}

std::vector<WantedWord> wanted_words(std::string_view text) {
  std::vector<WantedWord> wanted;
  size_t at = 0;
  while (at < text.size()) {
    while (at < text.size() && !in_word(text[at])) ++at;
    size_t begin = at;
    while (at < text.size() && in_word(text[at])) ++at;
    std::vector<std::string> words;
    add_words(text.substr(begin, at - begin), words);
    if (!words.empty()) wanted.push_back({std::move(words[0]), at < text.size() && text[at] == '*'});
  }
  return wanted;
}

EventFacts facts_of(const base::json::Object& payload) {
  EventFacts facts;
  for (const auto& member : payload) {
    std::string_view name = member.key();
    if (std::ranges::find(kPathMembers, name) != kPathMembers.end()) add_texts(member.value(), facts.paths);
    if (std::ranges::find(kHostMembers, name) != kHostMembers.end()) add_texts(member.value(), facts.hosts);
    if (name == "verdict" && member.value().is_string()) facts.verdict = std::string_view(member.value().get_string());
    add_words_of(member.value(), facts.words, 0);
  }
  std::ranges::sort(facts.words);
  auto repeated = std::ranges::unique(facts.words);
  facts.words.erase(repeated.begin(), repeated.end());
  return facts;
}

std::vector<std::string_view> with_ancestors(std::string_view path) {
  std::vector<std::string_view> all;
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  for (size_t at = path.find('/', 1); at != std::string_view::npos && all.size() < kDeepest;
       at = path.find('/', at + 1))
    all.push_back(path.substr(0, at));
  all.push_back(path);
  return all;
}

std::vector<std::string_view> with_domains(std::string_view host) {
  std::vector<std::string_view> all{host};
  if (is_address(host)) return all;
  for (size_t at = host.find('.'); at != std::string_view::npos && all.size() < kDeepest; at = host.find('.', at + 1))
    if (at + 1 < host.size()) all.push_back(host.substr(at + 1));
  return all;
}

bool matches_payload(const AuditQuery& query, const EventFacts& facts) {
  if (query.path) {
    std::string_view wanted = *query.path;
    while (wanted.size() > 1 && wanted.ends_with('/')) wanted.remove_suffix(1);
    bool everything_absolute = wanted == "/";
    if (std::ranges::none_of(facts.paths, [&](const std::string& path) {
          return everything_absolute ? path.starts_with('/') : same_or_below(path, wanted);
        }))
      return false;
  }
  if (query.host && std::ranges::none_of(facts.hosts, [&](const std::string& host) {
        return is_address(host) ? host == *query.host : same_or_in(host, *query.host);
      }))
    return false;
  if (query.verdict && facts.verdict != *query.verdict) return false;
  if (!query.text) return true;
  return std::ranges::all_of(wanted_words(*query.text), [&](const WantedWord& wanted) {
    auto place = std::ranges::lower_bound(facts.words, wanted.word);
    if (place == facts.words.end()) return false;
    return wanted.beginning ? place->starts_with(wanted.word) : *place == wanted.word;
  });
}

}  // namespace hv::core
