#include "network/client_hello.h"

#include <algorithm>
#include <bitset>

#include "network/authority.h"
#include "network/big_endian.h"

namespace hv::network {

namespace {

constexpr uint8_t kHandshakeRecord = 22;
constexpr uint8_t kClientHello = 1;
constexpr size_t kRecordHeader = 5;
constexpr size_t kMessageHeader = 4;
constexpr size_t kLargestRecord = 1 << 14;

constexpr uint16_t kServerName = 0;
constexpr uint16_t kAlpn = 16;
constexpr uint16_t kSupportedVersions = 43;
constexpr uint16_t kEncryptedClientHello = 0xfe0d;

base::Failure bad(std::string_view what) {
  return base::Failure(base::invalid_argument(std::string(what)));
}

uint8_t byte_at(std::string_view text, size_t at) {
  return static_cast<uint8_t>(text[at]);
}

// Takes numbers and length-prefixed vectors from the front of a text.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool at_end() const { return text_.empty(); }
  base::Result<size_t> number(size_t bytes) {
    std::string_view digits = HV_TRY(take(bytes));
    size_t value = 0;
    for (char c : digits) value = value << 8 | static_cast<uint8_t>(c);
    return value;
  }
  base::Result<std::string_view> take(size_t size) {
    if (text_.size() < size) return bad("a field that is longer than what holds it");
    std::string_view part = text_.substr(0, size);
    text_.remove_prefix(size);
    return part;
  }
  base::Result<std::string_view> vector(size_t length_bytes) { return take(HV_TRY(number(length_bytes))); }

 private:
  std::string_view text_;
};

base::Result<std::string> read_server_name(std::string_view data) {
  Cursor extension(data);
  Cursor list(HV_TRY(extension.vector(2)));
  if (!extension.at_end()) return bad("bytes behind the list of server names");
  if (HV_TRY(list.number(1)) != 0) return bad("a server name of unknown type");
  std::string_view name = HV_TRY(list.vector(2));
  if (!list.at_end()) return bad("more than one server name");
  return HV_TRY_CONTEXT(parse_server_name(name), "server name");
}

base::Status read_alpn(std::string_view data, std::vector<std::string>& out) {
  Cursor extension(data);
  Cursor list(HV_TRY(extension.vector(2)));
  if (!extension.at_end() || list.at_end()) return bad("a list of protocols of the wrong size");
  while (!list.at_end()) {
    std::string_view protocol = HV_TRY(list.vector(1));
    if (protocol.empty()) return bad("an empty protocol name");
    out.emplace_back(protocol);
  }
  return {};
}

base::Status read_versions(std::string_view data, std::vector<uint16_t>& out) {
  Cursor extension(data);
  Cursor list(HV_TRY(extension.vector(1)));
  if (!extension.at_end() || list.at_end()) return bad("a list of versions of the wrong size");
  while (!list.at_end()) out.push_back(static_cast<uint16_t>(HV_TRY(list.number(2))));
  return {};
}

base::Status read_extensions(std::string_view data, ClientHello& hello) {
  Cursor extensions(data);
  std::bitset<1 << 16> met;
  while (!extensions.at_end()) {
    size_t type = HV_TRY(extensions.number(2));
    std::string_view body = HV_TRY(extensions.vector(2));
    // Of two equal ones a server could heed the other.
    if (met[type]) return bad("an extension that comes twice");
    met.set(type);
    if (type == kServerName) hello.server_name = HV_TRY(read_server_name(body));
    if (type == kAlpn) HV_TRY(read_alpn(body, hello.alpn));
    if (type == kSupportedVersions) HV_TRY(read_versions(body, hello.supported_versions));
    if (type == kEncryptedClientHello) hello.has_ech = true;
  }
  return {};
}

base::Result<ClientHello> read_hello(std::string_view body) {
  ClientHello hello;
  Cursor cursor(body);
  hello.legacy_version = static_cast<uint16_t>(HV_TRY(cursor.number(2)));
  if (hello.legacy_version >> 8 != 3) return bad("not a version of TLS");
  constexpr size_t kRandom = 32;
  constexpr size_t kLongestSession = 32;
  HV_TRY(cursor.take(kRandom));
  if (HV_TRY(cursor.vector(1)).size() > kLongestSession) return bad("a session id longer than 32 bytes");
  std::string_view ciphers = HV_TRY(cursor.vector(2));
  if (ciphers.empty() || ciphers.size() % 2 != 0) return bad("a list of ciphers of the wrong size");
  if (HV_TRY(cursor.vector(1)).empty()) return bad("no compression method");
  if (cursor.at_end()) return hello;
  std::string_view extensions = HV_TRY(cursor.vector(2));
  if (!cursor.at_end()) return bad("bytes behind the extensions");
  HV_TRY(read_extensions(extensions, hello));
  return hello;
}

}  // namespace

void ClientHelloReader::stop(State state, std::string_view reason) {
  state_ = state;
  if (!reason.empty()) reason_ = "TLS hello: " + std::string(reason);
  header_.clear();
  handshake_ = {};
}

ClientHelloReader::State ClientHelloReader::feed(std::string_view bytes) {
  while (state_ == State::need_more && !bytes.empty()) {
    size_t count = 1;
    if (remaining_ == 0) {
      header_.push_back(bytes[0]);
      begin_record();
    } else {
      count = std::min(bytes.size(), remaining_);
      remaining_ -= count;
      take(bytes.substr(0, count));
    }
    bytes.remove_prefix(count);
  }
  return state_;
}

// Judges the header of a record as soon as each of its bytes is there.
void ClientHelloReader::begin_record() {
  bool first = seen_ == 0;
  uint8_t type = byte_at(header_, 0);
  if (first && type != kHandshakeRecord) {
    // SSLv2 had no records: a length with the top bit set, the type of the message, its version.
    if ((type & 0x80) == 0) return stop(State::not_tls, {});
    if (header_.size() < 4) return;
    bool old_hello = byte_at(header_, 2) == kClientHello && (header_[3] == 0 || header_[3] == 3);
    return old_hello ? stop(State::malformed, "of SSLv2") : stop(State::not_tls, {});
  }
  if (type != kHandshakeRecord) return stop(State::malformed, "another record before its end");
  if (header_.size() >= 2 && header_[1] != 3)
    return first ? stop(State::not_tls, {}) : stop(State::malformed, "a record of an unknown version");
  if (header_.size() < kRecordHeader) return;
  remaining_ = read16(header_, 3);
  header_.clear();
  seen_ += kRecordHeader + remaining_;
  if (remaining_ == 0) return stop(State::malformed, "an empty record");
  if (remaining_ > kLargestRecord) return stop(State::malformed, "a record longer than 16 KiB");
  if (seen_ > kLimit) return stop(State::malformed, "longer than 64 KiB");
  // What would follow the hello in its own record is out of this reader's sight.
  if (message_size_ != 0 && handshake_.size() + remaining_ > message_size_)
    return stop(State::malformed, "bytes behind it in its record");
}

void ClientHelloReader::take(std::string_view fragment) {
  handshake_.append(fragment);
  if (byte_at(handshake_, 0) != kClientHello) return stop(State::malformed, "another message in its place");
  if (message_size_ == 0) {
    if (handshake_.size() < kMessageHeader) return;
    message_size_ = kMessageHeader + (size_t{byte_at(handshake_, 1)} << 16 | read16(handshake_, 2));
    if (message_size_ > kLimit) return stop(State::malformed, "longer than 64 KiB");
    if (handshake_.size() + remaining_ > message_size_) return stop(State::malformed, "bytes behind it in its record");
  }
  if (handshake_.size() < message_size_) return;
  auto hello = read_hello(std::string_view(handshake_).substr(kMessageHeader));
  if (!hello) return stop(State::malformed, hello.error().message());
  hello_ = *std::move(hello);
  stop(State::hello, {});
}

}  // namespace hv::network
