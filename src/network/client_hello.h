// The first message of a TLS client (RFC 8446, 4.1.2), read from records that arrive in pieces. It is only looked at:
// the bytes go on untouched, so whoever owns them keeps them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hv::network {

struct ClientHello {
  // Lower-case, a DNS name. Absent is not malformed: clients that dial an address send none.
  std::optional<std::string> server_name;
  std::vector<std::string> alpn;  // any bytes: printable() before a person sees them
  // Encrypted Client Hello, or the GREASE that looks like it: the name above is then the outer one.
  bool has_ech = false;
  uint16_t legacy_version = 0;
  std::vector<uint16_t> supported_versions;

  bool operator==(const ClientHello&) const = default;
};

class ClientHelloReader {
 public:
  enum class State { need_more, hello, not_tls, malformed };
  static constexpr size_t kLimit = 64 * 1024;  // records and their headers

  // The next bytes of the stream. Once the state is another than need_more it stays.
  State feed(std::string_view bytes);
  State state() const { return state_; }
  // Of state hello.
  const ClientHello& hello() const { return hello_; }
  // Of state malformed.
  const std::string& reason() const { return reason_; }

 private:
  void begin_record();
  void take(std::string_view fragment);
  void stop(State state, std::string_view reason);

  State state_ = State::need_more;
  size_t seen_ = 0;
  std::string header_;       // of the present record, until it is whole
  size_t remaining_ = 0;     // of the present record
  std::string handshake_;    // the message so far, out of its records
  size_t message_size_ = 0;  // with its own header, 0 until that has come
  ClientHello hello_;
  std::string reason_;
};

}  // namespace hv::network
