#include "network/http_response.h"

#include "network/ascii.h"

namespace hv::network {

namespace {

base::Failure bad(std::string_view what) {
  return base::Failure(base::invalid_argument(std::string(what)));
}

// "HTTP/1.1 200 OK"; servers leave the phrase out, and the blank before it.
base::Status read_status_line(std::string_view line, ResponseHead& head) {
  constexpr std::string_view kStart = "HTTP/1.x 200";
  bool whole = line.size() >= kStart.size() && line.starts_with("HTTP/1.") && (line[7] == '0' || line[7] == '1') &&
               line[8] == ' ' && (line.size() == kStart.size() || line[kStart.size()] == ' ');
  if (!whole) return bad("not a status line of HTTP/1.0 or HTTP/1.1");
  head.minor_version = line[7] - '0';
  for (char c : line.substr(9, 3)) {
    if (!is_digit(c)) return bad("a status that is no number");
    head.status = head.status * 10 + (c - '0');
  }
  if (head.status < 100 || head.status > 599) return bad("a status outside of 100 to 599");
  if (line.size() > kStart.size()) head.reason_phrase = line.substr(kStart.size() + 1);
  return {};
}

}  // namespace

base::Status ResponseHeadReader::read_start_line(std::string_view line) {
  return read_status_line(line, head_);
}

// RFC 9112, 6.3, in its order.
base::Status ResponseHeadReader::finish() {
  HttpMeaning meaning = HV_TRY(read_fields(head_.fields, head_.minor_version));
  bool successful = head_.status >= 200 && head_.status < 300;
  head_.keep_alive = meaning.keep_alive;
  using Kind = HttpFraming::Kind;
  if (head_.status == 101) {
    if (!asked_.upgrade) return bad("a switch of protocols that nobody asked for");
    head_.framing.kind = Kind::tunnel;
  } else if (asked_.method == "CONNECT" && successful) {
    head_.framing.kind = Kind::tunnel;
  } else if (head_.status < 200 || head_.status == 204) {
    // Such a response has no body, and a reader that believes the field would wait for one.
    if (meaning.chunked || meaning.content_length.value_or(0) > 0) return bad("a body where none may be");
  } else if (asked_.method == "HEAD" || head_.status == 304) {
    head_.framing.kind = Kind::none;
  } else if (meaning.chunked) {
    head_.framing.kind = Kind::chunked;
  } else if (meaning.content_length) {
    head_.framing = {Kind::length, *meaning.content_length};
  } else {
    head_.framing.kind = Kind::until_close;
    head_.keep_alive = false;
  }
  return {};
}

std::string to_text(const ResponseHead& head) {
  std::string out = "HTTP/1." + std::to_string(head.minor_version) + " " + std::to_string(head.status) + " " +
                    head.reason_phrase + "\r\n";
  for (const HttpField& field : head.fields) out.append(field.name).append(": ").append(field.value).append("\r\n");
  return out.append("\r\n");
}

}  // namespace hv::network
