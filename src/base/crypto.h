// SHA-256 and Ed25519 by OpenSSL 3. Only the daemon's side links it: the library costs a millisecond to start.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hv::base {

using Digest = std::array<uint8_t, 32>;

Digest sha256(std::string_view data);
// The hash of the concatenation, without making it.
Digest sha256(std::initializer_list<std::string_view> parts);
std::string_view as_view(const Digest& digest);
// Takes as long wherever the two differ, so that nobody can guess one byte after the other.
bool equal_in_constant_time(const Digest& a, const Digest& b);

// An Ed25519 key pair (RFC 8032). The seed is wiped when the object goes.
class SigningKey {
 public:
  static Result<SigningKey> generate();
  static Result<SigningKey> from_seed(std::string_view seed32);
  SigningKey(SigningKey&&) noexcept = default;
  SigningKey& operator=(SigningKey&&) noexcept = default;
  ~SigningKey();

  std::string_view seed() const { return {reinterpret_cast<const char*>(seed_.data()), seed_.size()}; }
  const std::array<uint8_t, 32>& public_key() const { return public_key_; }
  std::array<uint8_t, 64> sign(std::string_view message) const;

 private:
  SigningKey() = default;
  std::array<uint8_t, 32> seed_{};
  std::array<uint8_t, 32> public_key_{};
};

bool verify_signature(std::span<const uint8_t, 32> public_key, std::string_view message, std::string_view signature);

}  // namespace hv::base
