// What somebody shows to be known as a principal: "hv_" ID "_" SECRET, of which only the secret's SHA-256 is kept. The
// secret has 256 random bits, so a plain hash is enough: there is nothing to guess.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/decide.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/result.h"
#include "core/access_info.h"

namespace hv::access {

inline constexpr std::chrono::milliseconds kUsualLifetime = std::chrono::hours{24 * 30};
inline constexpr std::chrono::milliseconds kLongestLifetime = std::chrono::hours{24 * 366};

struct Token {
  core::TokenInfo info;
  base::Digest hash{};
};

struct TokenText {
  std::string id;
  std::string secret;
  std::string text() const { return "hv_" + id + "_" + secret; }
  static base::Result<TokenText> generate();
  // Nullopt for what has another form.
  static std::optional<TokenText> parse(std::string_view text);
  base::Digest hash() const { return base::sha256(secret); }
};

// Whether the request can be a token at all: principal, role's form, patterns, lifetime. invalid_argument.
base::Status check_request(const core::TokenRequest& request);

TokenLimit limit_of(const core::TokenInfo& token);

// Why a token for this cannot be minted by one with these limits, or nothing. Each of them limits the new one in any
// case; what it could never keep is refused rather than promised.
std::optional<std::string> why_wider(const core::TokenRequest& request, const std::vector<TokenLimit>& limits);

}  // namespace hv::access
