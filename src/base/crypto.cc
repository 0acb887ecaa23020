#include "base/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/check.h"
#include "base/random.h"

namespace hv::base {

namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

// Fetching the algorithm by name costs more than hashing a short record, so it is done once.
const EVP_MD* sha256_algorithm() {
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return algorithm;
}

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

Digest sha256(std::string_view data) {
  return sha256({data});
}

Digest sha256(std::initializer_list<std::string_view> parts) {
  thread_local const Context context(EVP_MD_CTX_new());
  Digest digest;
  HV_CHECK(EVP_DigestInit_ex2(context.get(), sha256_algorithm(), nullptr) == 1);
  for (std::string_view part : parts) HV_CHECK(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1);
  unsigned int size = 0;
  HV_CHECK(EVP_DigestFinal_ex(context.get(), digest.data(), &size) == 1 && size == digest.size());
  return digest;
}

bool equal_in_constant_time(const Digest& a, const Digest& b) {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view as_view(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

Result<SigningKey> SigningKey::generate() {
  std::string seed = HV_TRY(random_bytes(32));
  Result<SigningKey> key = from_seed(seed);
  OPENSSL_cleanse(seed.data(), seed.size());
  return key;
}

Result<SigningKey> SigningKey::from_seed(std::string_view seed32) {
  if (seed32.size() != 32) return Failure(invalid_argument("Ed25519 seed: 32 bytes expected"));
  SigningKey result;
  std::copy(seed32.begin(), seed32.end(), result.seed_.begin());
  Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, result.seed_.data(), result.seed_.size()));
  size_t size = result.public_key_.size();
  if (!key || EVP_PKEY_get_raw_public_key(key.get(), result.public_key_.data(), &size) != 1)
    return Failure(internal_error("Ed25519: OpenSSL made no key"));
  return result;
}

SigningKey::~SigningKey() {
  OPENSSL_cleanse(seed_.data(), seed_.size());
}

std::array<uint8_t, 64> SigningKey::sign(std::string_view message) const {
  Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed_.data(), seed_.size()));
  Context context(EVP_MD_CTX_new());
  std::array<uint8_t, 64> signature{};
  size_t size = signature.size();
  HV_CHECK(key && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1);
  HV_CHECK(EVP_DigestSign(context.get(), signature.data(), &size, bytes(message), message.size()) == 1);
  return signature;
}

bool verify_signature(std::span<const uint8_t, 32> public_key, std::string_view message, std::string_view signature) {
  Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, public_key.data(), public_key.size()));
  Context context(EVP_MD_CTX_new());
  return key && signature.size() == 64 &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes(signature), signature.size(), bytes(message), message.size()) == 1;
}

}  // namespace hv::base
