// HTTP/1.1 requests and answers as values (RFC 9110, 9112).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hv::http {

struct Headers {
  std::vector<std::pair<std::string, std::string>> fields;

  void add(std::string_view name, std::string_view value) { fields.emplace_back(name, value); }
  // The first field of that name, whatever its case; empty when there is none.
  std::string_view find(std::string_view name) const;
  bool contains(std::string_view name) const;
  // True when the comma-separated list `name` has `token`, whatever the case.
  bool has_token(std::string_view name, std::string_view token) const;
};

struct Request {
  std::string method = "GET";
  std::string target = "/";
  Headers headers;
  std::string body;
  bool keep_alive = true;
  bool http10 = false;  // a peer that knows no chunks
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
};

// What is read from a peer before it is turned away.
struct Limits {
  size_t head = 64 * 1024;
  size_t body = 4 * 1024 * 1024;
};

bool equals_ignoring_case(std::string_view a, std::string_view b);
// "Not Found"; "Unknown" for a code without one here.
std::string_view reason_phrase(int status);
// Head and body, with Content-Length. A name or value that could end its line is a bug of ours: HV_CHECK.
std::string serialize(const Request& request);
std::string serialize(const Response& response, bool keep_alive);
// Only the head of an answer whose body follows in pieces, or of a 101.
std::string serialize_head(const Response& response);
// One piece of a chunked body; the empty piece ends it.
std::string chunk(std::string_view bytes);

}  // namespace hv::http
