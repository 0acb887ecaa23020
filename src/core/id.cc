#include "core/id.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/random.h"
#include "base/text.h"

namespace hv::core {

namespace {

constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr size_t kIdLength = 17;

bool has_form_of_id(std::string_view text) {
  return text.size() == kIdLength && text[0] == 's' &&
         std::ranges::all_of(text.substr(1), [](char c) { return kAlphabet.find(c) != std::string_view::npos; });
}

constexpr std::array<std::string_view, 16> kFirst{"amber",  "brisk", "calm",  "clever", "dusty", "eager",
                                                  "gentle", "keen",  "lucid", "merry",  "noble", "quiet",
                                                  "rapid",  "sunny", "tidy",  "vivid"};
constexpr std::array<std::string_view, 16> kSecond{"badger", "crane", "dingo",  "egret", "falcon", "gecko",
                                                   "heron",  "ibis",  "jackal", "koala", "lynx",   "marten",
                                                   "newt",   "otter", "puffin", "raven"};

}  // namespace

base::Result<SandboxId> SandboxId::generate() {
  std::string random = HV_TRY(base::random_bytes(kIdLength - 1));
  std::string text = "s";
  for (char c : random) text.push_back(kAlphabet[static_cast<uint8_t>(c) & 31]);
  return SandboxId(std::move(text));
}

base::Result<SandboxId> SandboxId::parse(std::string_view text) {
  if (!has_form_of_id(text))
    return base::Failure(base::invalid_argument("not a sandbox id: '" + base::printable(text) + "'"));
  return SandboxId(std::string(text));
}

base::Result<SandboxName> SandboxName::parse(std::string_view text) {
  auto fail = [&](std::string_view why) {
    return base::Failure(base::invalid_argument("bad sandbox name '" + base::printable(text) + "': " + std::string(why))
                             .with_hint("use 1 to 63 of a-z, 0-9 and '-', starting with a letter"));
  };
  if (text.empty() || text.size() > 63) return fail("its length must be 1 to 63");
  if (text[0] < 'a' || text[0] > 'z') return fail("it must start with a letter a-z");
  for (char c : text) {
    bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    if (!good) return fail("'" + base::printable(std::string_view(&c, 1)) + "' is not allowed");
  }
  if (text.back() == '-') return fail("it must not end with '-'");
  if (has_form_of_id(text)) return fail("it has the form of a sandbox id");
  return SandboxName(std::string(text));
}

SandboxName SandboxName::invent(std::string_view seed) {
  // FNV-1a; only variety matters here.
  uint64_t hash = 1469598103934665603ull;
  for (char c : seed) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211ull;
  hash ^= hash >> 29;
  return SandboxName(std::string(kFirst[hash & 15]) + "-" + std::string(kSecond[hash >> 4 & 15]) + "-" +
                     std::to_string(100 + (hash >> 8) % 900));
}

}  // namespace hv::core
