#include "access/token.h"

#include <algorithm>

#include "base/format.h"
#include "base/random.h"
#include "base/text.h"

namespace hv::access {

using base::Failure;
using base::format;

namespace {

constexpr size_t kIdBytes = 5;
constexpr size_t kSecretBytes = 32;
constexpr size_t kMostPatterns = 64;

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// The first of `wanted` that none of `limit` includes.
const std::string* first_beyond(const std::vector<std::string>& wanted, const std::vector<Pattern>& limit) {
  if (limit.empty()) return nullptr;
  auto found = std::ranges::find_if(wanted, [&](const std::string& text) {
    return std::ranges::none_of(limit, [&](const Pattern& wide) { return wide.includes(Pattern(text)); });
  });
  return found == wanted.end() ? nullptr : &*found;
}

}  // namespace

base::Result<TokenText> TokenText::generate() {
  std::string bytes = HV_TRY(base::random_bytes(kIdBytes + kSecretBytes));
  return TokenText{base::to_hex(std::string_view(bytes).substr(0, kIdBytes)),
                   base::to_hex(std::string_view(bytes).substr(kIdBytes))};
}

std::optional<TokenText> TokenText::parse(std::string_view text) {
  constexpr size_t kId = 2 * kIdBytes;
  constexpr size_t kSecret = 2 * kSecretBytes;
  if (text.size() != 3 + kId + 1 + kSecret || !text.starts_with("hv_") || text[3 + kId] != '_') return std::nullopt;
  TokenText token{std::string(text.substr(3, kId)), std::string(text.substr(3 + kId + 1))};
  if (!is_hex(token.id) || !is_hex(token.secret)) return std::nullopt;
  return token;
}

base::Status check_request(const core::TokenRequest& request) {
  auto refuse = [](std::string_view member, std::string_view why) {
    return Failure(base::invalid_argument(format("token: '{}': {}", member, why)));
  };
  if (auto principal = core::Principal::parse(request.principal); !principal)
    return refuse("principal", principal.error().message());
  if (request.role && !is_role_name(*request.role))
    return refuse("role", format("'{}' cannot be a role's name", base::printable(request.role->substr(0, 80))));
  if (request.actions.size() > kMostPatterns) return refuse("actions", "too many");
  if (request.sandboxes.size() > kMostPatterns) return refuse("sandboxes", "too many");
  for (const std::string& action : request.actions)
    if (auto why = why_no_action(action)) return refuse("actions", *why);
  for (const std::string& sandbox : request.sandboxes)
    if (auto why = why_no_sandbox(sandbox)) return refuse("sandboxes", *why);
  if (request.lifetime_ms &&
      (*request.lifetime_ms < 1000 || *request.lifetime_ms > static_cast<uint64_t>(kLongestLifetime.count())))
    return refuse("lifetime_ms", "expected from a second to 366 days");
  return {};
}

TokenLimit limit_of(const core::TokenInfo& token) {
  TokenLimit limit;
  limit.id = token.id;
  for (const std::string& action : token.actions) limit.actions.emplace_back(action);
  for (const std::string& sandbox : token.sandboxes) limit.sandboxes.emplace_back(sandbox);
  return limit;
}

std::optional<std::string> why_wider(const core::TokenRequest& request, const std::vector<TokenLimit>& limits) {
  for (const TokenLimit& limit : limits) {
    if (const std::string* action = first_beyond(request.actions, limit.actions))
      return format("token {} does not show that it may '{}'", limit.id, *action);
    if (const std::string* sandbox = first_beyond(request.sandboxes, limit.sandboxes))
      return format("token {} does not show that it reaches sandbox '{}'", limit.id, *sandbox);
  }
  return std::nullopt;
}

}  // namespace hv::access
