// The head of one HTTP/1 request from the sandbox: what the policy is asked about, and where the next request begins.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "network/authority.h"
#include "network/http_head_reader.h"

namespace hv::network {

struct RequestHead {
  enum class Form { origin, absolute, authority, asterisk };

  std::string method;  // case kept: methods are case-sensitive
  Form form = Form::origin;
  std::string target;  // as sent
  std::string scheme;  // of absolute form: "http" or "https"
  // Of the Host field, or of the target, which then is known to agree with it. Absent only in HTTP/1.0.
  std::optional<Authority> authority;
  std::string path;                  // "/" at least; empty for CONNECT, "*" for OPTIONS *
  std::optional<std::string> query;  // without '?'; records drop it
  // The path has only one reading: no dot segments or empty ones, no backslash, no escape that is not one or that hides
  // '.', '/', '\', '%' or a control character. A rule about paths can only be held against such a path.
  bool plain_path = false;
  int minor_version = 1;
  std::vector<HttpField> fields;
  HttpFraming framing;
  std::optional<std::string> upgrade;  // lower-case: "websocket", "h2c"
  bool keep_alive = false;
  bool expects_continue = false;

  // The port meant: of the authority, else 443 for https and 80.
  uint16_t port() const;
  bool operator==(const RequestHead&) const = default;
};

class RequestHeadReader final : public HeadReader {
 public:
  // After complete.
  const RequestHead& head() const { return head_; }

 private:
  base::Status read_start_line(std::string_view line) override;
  base::Status finish() override;
  std::vector<HttpField>& fields() override { return head_.fields; }

  RequestHead head_;
};

// The head as it was read.
std::string to_text(const RequestHead& head);
// The same request as an origin server wants it: origin form, without the fields that were meant for a proxy.
std::string to_origin_text(const RequestHead& head);

// The same request without its wish to change protocols. Meant for "h2c": behind such a switch nobody could judge one
// request after the other, and a server that is not asked answers in HTTP/1.1.
RequestHead without_upgrade(RequestHead head);

}  // namespace hv::network
