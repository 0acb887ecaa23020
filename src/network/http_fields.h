// What heads of HTTP/1 requests and responses have in common (RFC 9112): fields, and how the body behind them is
// delimited. Strict: whatever two readers could understand differently is refused with a reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hv::network {

struct HttpField {
  std::string name;   // as sent
  std::string value;  // without the blanks around it

  bool operator==(const HttpField&) const = default;
};

struct HttpFraming {
  enum class Kind {
    none,
    length,
    chunked,
    until_close,  // responses only
    tunnel,       // responses only: after 101, or a 2xx to CONNECT, what follows is not HTTP
  };
  Kind kind = Kind::none;
  uint64_t length = 0;

  bool operator==(const HttpFraming&) const = default;
};

bool is_token(std::string_view text);

// "Name: value". Refuses continuation lines and blanks before the colon.
base::Result<HttpField> parse_field(std::string_view line);

// What the fields say about the connection and the body.
struct HttpMeaning {
  std::optional<std::string> host;
  std::optional<uint64_t> content_length;
  bool chunked = false;
  bool keep_alive = false;
  // Lower-case; only when Connection names it and the version is 1.1.
  std::optional<std::string> upgrade;
  bool expects_continue = false;
};
base::Result<HttpMeaning> read_fields(const std::vector<HttpField>& fields, int minor_version);

}  // namespace hv::network
