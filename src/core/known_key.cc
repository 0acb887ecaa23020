#include "core/known_key.h"

#include <algorithm>
#include <array>

#include "core/character.h"

namespace hv::core {

namespace {

// A key that says by its beginning whose it is. Prefixes are published by the providers so that scanners can find them.
struct Prefix {
  std::string_view text;
  size_t least;            // characters that follow
  bool with_dots = false;  // '.' belongs to the key
};
constexpr Prefix kPrefixes[] = {
    {"sk-", 20},         {"sk_live_", 16},    {"sk_test_", 16},   {"rk_live_", 16}, {"rk_test_", 16},
    {"whsec_", 24},      {"ghp_", 30},        {"gho_", 30},       {"ghu_", 30},     {"ghs_", 30},
    {"ghr_", 30},        {"github_pat_", 30}, {"glpat-", 20},     {"glrt-", 20},    {"gldt-", 20},
    {"xoxb-", 20},       {"xoxp-", 20},       {"xoxa-", 20},      {"xoxs-", 20},    {"xoxe-", 20},
    {"xapp-", 20},       {"AKIA", 16},        {"ASIA", 16},       {"AIza", 30},     {"GOCSPX-", 20},
    {"ya29.", 20, true}, {"npm_", 30},        {"pypi-", 40},      {"hf_", 30},      {"gsk_", 30},
    {"xai-", 30},        {"r8_", 30},         {"pplx-", 30},      {"tvly-", 20},    {"dop_v1_", 40},
    {"SG.", 40, true},   {"shpat_", 30},      {"shpss_", 30},     {"sq0atp-", 20},  {"lin_api_", 30},
    {"dapi", 32},        {"figd_", 30},       {"hvs.", 20, true}, {"pat-na1-", 30}, {"AGE-SECRET-KEY-1", 40},
    {"nvapi-", 40},      {"fw_", 24},         {"csk-", 30},       {"SK", 32},       {"rubygems_", 40},
    {"cio", 32},         {"dckr_pat_", 20},   {"NRAK-", 20},      {"PMAK-", 30},    {"atlasv1.", 40, true},
};
// Of these the rest is capitals, digits and the like only; words of a language would fit otherwise.
constexpr std::string_view kCapitals[] = {"AKIA", "ASIA"};
constexpr std::string_view kHexadecimal[] = {"dapi", "SK", "cio"};

// Which second characters follow which first in a prefix: most words are told apart by these two.
constexpr std::array<std::array<bool, 128>, 128> kBeginnings = [] {
  std::array<std::array<bool, 128>, 128> table{};
  for (const Prefix& prefix : kPrefixes)
    table[static_cast<size_t>(prefix.text[0])][static_cast<size_t>(prefix.text[1])] = true;
  return table;
}();

// How many characters at the start of `text` are a key by its prefix; 0 for none.
size_t key_length(std::string_view text) {
  if (text.size() < 16 || (text[0] | text[1]) < 0 ||
      !kBeginnings[static_cast<size_t>(text[0])][static_cast<size_t>(text[1])])
    return 0;
  for (const Prefix& prefix : kPrefixes) {
    if (!text.starts_with(prefix.text)) continue;
    bool capitals = std::ranges::find(kCapitals, prefix.text) != std::ranges::end(kCapitals);
    bool hexadecimal = std::ranges::find(kHexadecimal, prefix.text) != std::ranges::end(kHexadecimal);
    size_t end = prefix.text.size();
    bool mixed = false;
    for (; end < text.size(); ++end) {
      char c = text[end];
      if (!is_word(c) && !(prefix.with_dots && c == '.')) break;
      if (capitals && !is_digit(c) && !(c >= 'A' && c <= 'Z')) return 0;
      if (hexadecimal && !is_digit(c) && !(c >= 'a' && c <= 'f')) return 0;
      mixed = mixed || is_digit(c);
    }
    // A name of a branch or a package may begin alike; a key always has digits in it.
    if (end - prefix.text.size() >= prefix.least && mixed) return end;
  }
  return 0;
}

// header.claims.signature in base64url, the first two being JSON objects.
size_t web_token_length(std::string_view text) {
  if (!text.starts_with("eyJ")) return 0;
  size_t end = 0;
  for (int part = 0; part < 3; ++part) {
    size_t begin = end;
    while (end < text.size() && is_word(text[end])) ++end;
    if (end - begin < (part == 2 ? 0u : 8u)) return 0;
    if (part == 2) return end;
    if (end == text.size() || text[end] != '.') return 0;
    ++end;
    if (part == 0 && !text.substr(end).starts_with("eyJ")) return 0;
  }
  return end;
}

size_t private_key_length(std::string_view text) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  if (!text.starts_with(kBegin)) return 0;
  std::string_view line = text.substr(0, 80);
  line = line.substr(0, line.find('\n'));
  if (line.find("PRIVATE KEY") == std::string_view::npos) return 0;
  size_t last = text.find("-----END ", kBegin.size());
  if (last == std::string_view::npos) return text.size();
  size_t end = text.find("-----", last + 9);
  return end == std::string_view::npos ? text.size() : end + 5;
}

}  // namespace

size_t known_key_length(std::string_view text) {
  size_t length = key_length(text);
  if (length == 0) length = web_token_length(text);
  return length != 0 ? length : private_key_length(text);
}

}  // namespace hv::core
