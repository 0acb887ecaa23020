#include "network/http_fields.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "network/ascii.h"

namespace hv::network {

namespace {

base::Failure bad(std::string_view what) {
  return base::Failure(base::invalid_argument(std::string(what)));
}

bool is_token_character(char c) {
  return is_alphanumeric(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

base::Result<uint64_t> parse_length(std::string_view text) {
  constexpr size_t kMostDigits = 18;
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos)
    return bad("a Content-Length that is no decimal number");
  if (text.size() > kMostDigits) return bad("a Content-Length beyond all measure");
  if (text.size() > 1 && text[0] == '0') return bad("a Content-Length with a leading zero");
  uint64_t length = 0;
  std::from_chars(text.data(), text.data() + text.size(), length);
  return length;
}

struct Connection {
  bool close = false;
  bool keep_alive = false;
  bool upgrade = false;
};

base::Status read_connection(std::string_view value, Connection& connection) {
  for (const std::string& part : base::split(value, ',')) {
    std::string option = lowered(trimmed(part));
    if (option.empty()) continue;
    if (!is_token(option)) return bad("a Connection field that is no list of tokens");
    // A proxy behind this one would take such fields away, and with them what this one has judged.
    if (option == "host" || option == "content-length" || option == "transfer-encoding")
      return bad("a Connection field that names " + option);
    connection.close |= option == "close";
    connection.keep_alive |= option == "keep-alive";
    connection.upgrade |= option == "upgrade";
  }
  return {};
}

}  // namespace

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_token_character);
}

base::Result<HttpField> parse_field(std::string_view line) {
  if (is_blank(line.front())) return bad("a continued field");
  size_t colon = line.find(':');
  if (colon == std::string_view::npos) return bad("a field without a colon");
  std::string_view name = line.substr(0, colon);
  if (!name.empty() && is_blank(name.back())) return bad("a blank before the colon of a field");
  if (!is_token(name)) return bad("a field name that is no token");
  return HttpField{std::string(name), std::string(trimmed(line.substr(colon + 1)))};
}

base::Result<HttpMeaning> read_fields(const std::vector<HttpField>& fields, int minor_version) {
  HttpMeaning meaning;
  Connection connection;
  std::optional<std::string> upgrade;
  for (const HttpField& field : fields) {
    if (equal_ignoring_case(field.name, "host")) {
      if (meaning.host) return bad("more than one Host");
      meaning.host = field.value;
    } else if (equal_ignoring_case(field.name, "content-length")) {
      if (meaning.content_length) return bad("more than one Content-Length");
      meaning.content_length = HV_TRY(parse_length(field.value));
    } else if (equal_ignoring_case(field.name, "transfer-encoding")) {
      if (minor_version == 0) return bad("a Transfer-Encoding in HTTP/1.0");
      if (meaning.chunked) return bad("more than one Transfer-Encoding");
      if (!equal_ignoring_case(field.value, "chunked")) return bad("a Transfer-Encoding other than chunked");
      meaning.chunked = true;
    } else if (equal_ignoring_case(field.name, "connection")) {
      HV_TRY(read_connection(field.value, connection));
    } else if (equal_ignoring_case(field.name, "upgrade")) {
      if (upgrade) return bad("more than one Upgrade");
      upgrade = lowered(field.value);
    } else if (equal_ignoring_case(field.name, "expect")) {
      if (!equal_ignoring_case(field.value, "100-continue")) return bad("an Expect other than 100-continue");
      meaning.expects_continue = minor_version > 0;
    }
  }
  if (meaning.chunked && meaning.content_length) return bad("both Content-Length and Transfer-Encoding");
  meaning.keep_alive = !connection.close && (minor_version > 0 || connection.keep_alive);
  if (connection.upgrade && minor_version > 0) meaning.upgrade = upgrade;
  return meaning;
}

}  // namespace hv::network
