#include "http/message.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "base/check.h"
#include "base/format.h"

namespace hv::http {

namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

constexpr std::array<std::pair<int, std::string_view>, 20> kReasons{{{100, "Continue"},
                                                                     {101, "Switching Protocols"},
                                                                     {200, "OK"},
                                                                     {201, "Created"},
                                                                     {202, "Accepted"},
                                                                     {204, "No Content"},
                                                                     {400, "Bad Request"},
                                                                     {403, "Forbidden"},
                                                                     {404, "Not Found"},
                                                                     {405, "Method Not Allowed"},
                                                                     {408, "Request Timeout"},
                                                                     {409, "Conflict"},
                                                                     {413, "Content Too Large"},
                                                                     {415, "Unsupported Media Type"},
                                                                     {426, "Upgrade Required"},
                                                                     {431, "Request Header Fields Too Large"},
                                                                     {500, "Internal Server Error"},
                                                                     {501, "Not Implemented"},
                                                                     {503, "Service Unavailable"},
                                                                     {504, "Gateway Timeout"}}};

void append(std::string& out, std::string_view name, std::string_view value) {
  constexpr std::string_view kEnds("\r\n\0", 3);
  HV_CHECK(name.find_first_of(kEnds) == std::string_view::npos && value.find_first_of(kEnds) == std::string_view::npos);
  out.append(name).append(": ").append(value).append("\r\n");
}

std::string date() {
  std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 40> buffer{};
  size_t length = std::strftime(buffer.data(), buffer.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {buffer.data(), length};
}

std::string head_of(const Response& response) {
  std::string out = base::format("HTTP/1.1 {} {}\r\n", response.status, reason_phrase(response.status));
  append(out, "Date", date());
  for (const auto& [name, value] : response.headers.fields) append(out, name, value);
  return out;
}

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view Headers::find(std::string_view name) const {
  for (const auto& [key, value] : fields)
    if (equals_ignoring_case(key, name)) return value;
  return {};
}

bool Headers::contains(std::string_view name) const {
  return std::ranges::any_of(fields, [&](const auto& field) { return equals_ignoring_case(field.first, name); });
}

bool Headers::has_token(std::string_view name, std::string_view token) const {
  for (const auto& [key, value] : fields) {
    if (!equals_ignoring_case(key, name)) continue;
    std::string_view rest = value;
    while (true) {
      size_t comma = rest.find(',');
      if (equals_ignoring_case(trimmed(rest.substr(0, comma)), token)) return true;
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return false;
}

std::string_view reason_phrase(int status) {
  for (auto [code, phrase] : kReasons)
    if (code == status) return phrase;
  return "Unknown";
}

std::string serialize(const Request& request) {
  HV_CHECK(request.target.find_first_of(" \r\n") == std::string::npos);
  std::string out = request.method + " " + request.target + " HTTP/1.1\r\n";
  if (!request.headers.contains("Host")) append(out, "Host", "localhost");
  for (const auto& [name, value] : request.headers.fields) append(out, name, value);
  bool has_body = !request.body.empty() || request.method == "POST" || request.method == "PUT";
  if (has_body) append(out, "Content-Length", std::to_string(request.body.size()));
  if (!request.keep_alive) append(out, "Connection", "close");
  return out.append("\r\n").append(request.body);
}

std::string serialize(const Response& response, bool keep_alive) {
  std::string out = head_of(response);
  if (response.status != 204) append(out, "Content-Length", std::to_string(response.body.size()));
  if (!keep_alive) append(out, "Connection", "close");
  return out.append("\r\n").append(response.body);
}

std::string serialize_head(const Response& response) {
  return head_of(response).append("\r\n");
}

std::string chunk(std::string_view bytes) {
  return base::format("{:x}\r\n", bytes.size()).append(bytes).append("\r\n");
}

}  // namespace hv::http
