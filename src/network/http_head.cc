#include "network/http_head.h"

#include <algorithm>

#include "base/text.h"
#include "network/ascii.h"

namespace hv::network {

namespace {

constexpr size_t kLongestMethod = 32;

base::Failure bad(std::string_view what) {
  return base::Failure(base::invalid_argument(std::string(what)));
}

bool is_plain_segment(std::string_view segment) {
  for (size_t i = 0; i < segment.size(); ++i) {
    if (segment[i] == '\\') return false;
    if (segment[i] != '%') continue;
    int high = i + 2 < segment.size() ? hex_digit(segment[i + 1]) : -1;
    int low = i + 2 < segment.size() ? hex_digit(segment[i + 2]) : -1;
    if (high < 0 || low < 0) return false;
    int byte = high * 16 + low;
    if (byte < 0x20 || byte == 0x7f ||
        std::string_view("./\\%").find(static_cast<char>(byte)) != std::string_view::npos)
      return false;
  }
  // Some servers cut a segment's parameters off before they look at the dots.
  std::string_view name = segment.substr(0, segment.find(';'));
  return name != "." && name != "..";
}

bool is_plain_path(std::string_view path) {
  if (!path.starts_with('/')) return false;
  path.remove_prefix(1);
  while (true) {
    size_t slash = path.find('/');
    if (!is_plain_segment(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    if (slash == 0) return false;
    path.remove_prefix(slash + 1);
  }
}

void split_query(std::string_view text, RequestHead& head) {
  size_t question = text.find('?');
  head.path = text.substr(0, question);
  if (head.path.empty()) head.path = "/";
  if (question != std::string_view::npos) head.query = text.substr(question + 1);
  head.plain_path = is_plain_path(head.path);
}

base::Status read_absolute(std::string_view target, RequestHead& head) {
  size_t mark = target.find("://");
  if (mark == std::string_view::npos) return bad("a target of no known form");
  for (std::string_view scheme : {"http", "https"})
    if (equal_ignoring_case(target.substr(0, mark), scheme)) head.scheme = scheme;
  if (head.scheme.empty()) return bad("a target of another scheme than http and https");
  target.remove_prefix(mark + 3);
  size_t end = std::min(target.find_first_of("/?"), target.size());
  head.authority = HV_TRY_CONTEXT(parse_authority(target.substr(0, end)), "target");
  head.form = RequestHead::Form::absolute;
  split_query(target.substr(end), head);
  return {};
}

base::Status read_target(std::string_view target, RequestHead& head) {
  if (target.empty()) return bad("no target");
  for (char c : target)
    if (c <= ' ' || c >= 0x7f || c == '#') return bad("a target with a character that must be escaped");
  if (head.method == "CONNECT") {
    head.form = RequestHead::Form::authority;
    head.authority = HV_TRY_CONTEXT(parse_authority(target), "target");
    if (!head.authority->port) return bad("a CONNECT without a port");
    return {};
  }
  if (target == "*") {
    if (head.method != "OPTIONS") return bad("the target '*' of another method than OPTIONS");
    head.form = RequestHead::Form::asterisk;
    head.path = "*";
    return {};
  }
  if (!target.starts_with('/')) return read_absolute(target, head);
  head.form = RequestHead::Form::origin;
  split_query(target, head);
  return {};
}

base::Status read_request_line(std::string_view line, RequestHead& head) {
  size_t first = line.find(' ');
  size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return bad("a request line that has not three parts");
  std::string_view method = line.substr(0, first);
  if (!is_token(method) || method.size() > kLongestMethod) return bad("a method that is no token");
  // "connect" would be another method to a strict server and the same to a lenient one.
  if (equal_ignoring_case(method, "CONNECT") && method != "CONNECT") return bad("a method in unusual case");
  std::string_view version = line.substr(last + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return bad("another version than HTTP/1.0 and HTTP/1.1");
  head.method = method;
  head.minor_version = version.back() - '0';
  head.target = line.substr(first + 1, last - first - 1);
  return read_target(head.target, head);
}

// What a Host field means beside the target it comes with. Clients leave the port of a CONNECT out of it.
base::Status agree(const RequestHead& head, const Authority& host) {
  bool same = head.authority->host == host.host;
  if (head.form == RequestHead::Form::authority) {
    same = same && (!host.port || host.port == head.authority->port);
  } else {
    uint16_t usual = head.scheme == "https" ? 443 : 80;
    same = same && host.port.value_or(usual) == head.authority->port.value_or(usual);
  }
  if (!same) return bad("a Host that is not the target's");
  return {};
}

std::string request_line(const RequestHead& head, std::string_view target) {
  return head.method + " " + std::string(target) + " HTTP/1." + std::to_string(head.minor_version) + "\r\n";
}

void put_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

uint16_t RequestHead::port() const {
  if (authority && authority->port) return *authority->port;
  return scheme == "https" ? 443 : 80;
}

base::Status RequestHeadReader::read_start_line(std::string_view line) {
  return read_request_line(line, head_);
}

base::Status RequestHeadReader::finish() {
  HttpMeaning meaning = HV_TRY(read_fields(head_.fields, head_.minor_version));
  if (!meaning.host && head_.minor_version > 0) return bad("no Host");
  if (meaning.host) {
    Authority host = HV_TRY_CONTEXT(parse_authority(*meaning.host), "Host");
    if (head_.authority) HV_TRY(agree(head_, host));
    if (!head_.authority) head_.authority = std::move(host);
  }
  if (meaning.chunked) head_.framing = {HttpFraming::Kind::chunked, 0};
  if (meaning.content_length) head_.framing = {HttpFraming::Kind::length, *meaning.content_length};
  bool has_body = meaning.chunked || meaning.content_length.value_or(0) > 0;
  if (head_.method == "CONNECT" && has_body) return bad("a CONNECT with a body");
  head_.upgrade = std::move(meaning.upgrade);
  head_.keep_alive = meaning.keep_alive;
  head_.expects_continue = meaning.expects_continue;
  return {};
}

std::string to_text(const RequestHead& head) {
  std::string out = request_line(head, head.target);
  for (const HttpField& field : head.fields) put_field(out, field.name, field.value);
  return out.append("\r\n");
}

std::string to_origin_text(const RequestHead& head) {
  std::string target = head.target;
  if (head.form == RequestHead::Form::absolute) target = head.path + (head.query ? "?" + *head.query : "");
  // OPTIONS of an absolute target without a path asks about the whole server.
  if (head.method == "OPTIONS" && target == "/" && !head.target.ends_with('/')) target = "*";
  std::string out = request_line(head, target);
  bool has_host = false;
  for (const HttpField& field : head.fields) {
    if (equal_ignoring_case(field.name, "proxy-connection") || equal_ignoring_case(field.name, "proxy-authorization"))
      continue;
    has_host |= equal_ignoring_case(field.name, "host");
    put_field(out, field.name, field.value);
  }
  // In HTTP/1.0 the target may have been the only place that named it.
  if (!has_host && head.authority) put_field(out, "Host", head.authority->text());
  return out.append("\r\n");
}

RequestHead without_upgrade(RequestHead head) {
  std::erase_if(head.fields, [](const HttpField& field) {
    return equal_ignoring_case(field.name, "upgrade") || equal_ignoring_case(field.name, "http2-settings");
  });
  for (HttpField& field : head.fields) {
    if (!equal_ignoring_case(field.name, "connection")) continue;
    std::vector<std::string> options = base::split(field.value, ',');
    std::erase_if(options, [](std::string_view option) {
      option = trimmed(option);
      return equal_ignoring_case(option, "upgrade") || equal_ignoring_case(option, "http2-settings");
    });
    field.value = trimmed(base::join(options, ","));
  }
  head.upgrade.reset();
  return head;
}

}  // namespace hv::network
