#include "http/response_reader.h"

#include <algorithm>
#include <charconv>

namespace hv::http {

namespace {

constexpr size_t kHeadLimit = 64 * 1024;
constexpr size_t kLineLimit = 1024;

base::Failure malformed(std::string_view what) {
  return base::Failure(base::invalid_argument("malformed answer: " + std::string(what)));
}

template <typename T>
bool whole_number(std::string_view text, T& value, int radix) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, radix);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty() && text.front() != '-';
}

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

}  // namespace

base::Status ResponseReader::feed(std::string_view bytes) {
  buffer_.append(bytes);
  bool progress = true;
  while (progress && stage_ != Stage::done) {
    progress = false;
    HV_TRY(step(progress));
  }
  return {};
}

base::Status ResponseReader::finish() {
  if (stage_ == Stage::until_close) stage_ = Stage::done;
  if (stage_ == Stage::done) return {};
  return base::Failure(base::unavailable("the daemon closed the connection before its answer was complete"));
}

base::Status ResponseReader::step(bool& progress) {
  auto move_body = [&](size_t count) {
    body_.append(buffer_, 0, count);
    buffer_.erase(0, count);
    progress = count > 0;
  };
  switch (stage_) {
    case Stage::head: {
      size_t end = buffer_.find("\r\n\r\n");
      if (std::min(end, buffer_.size()) > kHeadLimit) return malformed("head too long");
      if (end == std::string::npos) return {};
      std::string text = buffer_.substr(0, end + 2);
      buffer_.erase(0, end + 4);
      HV_TRY(parse_head(text));
      progress = true;
      return {};
    }
    case Stage::length: {
      size_t count = static_cast<size_t>(std::min<uint64_t>(left_, buffer_.size()));
      move_body(count);
      left_ -= count;
      if (left_ == 0) stage_ = Stage::done;
      return {};
    }
    case Stage::until_close:
      move_body(buffer_.size());
      return {};
    case Stage::chunk_head: {
      size_t end = buffer_.find("\r\n");
      if (std::min(end, buffer_.size()) > kLineLimit) return malformed("chunk head too long");
      if (end == std::string::npos) return {};
      std::string_view line = std::string_view(buffer_).substr(0, std::min(end, buffer_.find(';')));
      if (!whole_number(line, left_, 16)) return malformed("chunk length");
      buffer_.erase(0, end + 2);
      stage_ = left_ == 0 ? Stage::trailer : Stage::chunk_data;
      progress = true;
      return {};
    }
    case Stage::chunk_data: {
      size_t count = static_cast<size_t>(std::min<uint64_t>(left_, buffer_.size()));
      move_body(count);
      left_ -= count;
      if (left_ == 0) stage_ = Stage::chunk_end;
      return {};
    }
    case Stage::chunk_end:
      if (buffer_.size() < 2) return {};
      if (!buffer_.starts_with("\r\n")) return malformed("chunk end");
      buffer_.erase(0, 2);
      stage_ = Stage::chunk_head;
      progress = true;
      return {};
    case Stage::trailer: {
      size_t end = buffer_.find("\r\n");
      if (std::min(end, buffer_.size()) > kHeadLimit) return malformed("trailer too long");
      if (end == std::string::npos) return {};
      buffer_.erase(0, end + 2);
      if (end == 0) stage_ = Stage::done;
      progress = true;
      return {};
    }
    case Stage::done:
      return {};
  }
  return {};
}

base::Status ResponseReader::parse_head(std::string_view text) {
  size_t end = text.find("\r\n");
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 2);
  head_ = {};
  bool http10 = line.starts_with("HTTP/1.0 ");
  if (!http10 && !line.starts_with("HTTP/1.1 ")) return malformed("not HTTP/1.1");
  if (line.size() < 12 || (line.size() > 12 && line[12] != ' ') || !whole_number(line.substr(9, 3), head_.status, 10) ||
      head_.status < 100)
    return malformed("status line");
  while (!text.empty()) {
    end = text.find("\r\n");
    std::string_view field = text.substr(0, end);
    text.remove_prefix(end + 2);
    size_t colon = field.find(':');
    if (colon == std::string_view::npos || !is_token(field.substr(0, colon))) return malformed("header field");
    std::string_view value = field.substr(colon + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    if (std::ranges::any_of(value, [](char c) { return static_cast<unsigned char>(c) < ' ' && c != '\t'; }))
      return malformed("header value");
    head_.headers.add(field.substr(0, colon), value);
  }
  if (head_.status == 100) return {};  // the real head follows
  keep_alive_ = !http10 && !head_.headers.has_token("Connection", "close");
  bool chunked = head_.headers.contains("Transfer-Encoding");
  bool counted = head_.headers.contains("Content-Length");
  if (head_.status == 101 || head_.status == 204 || head_.status == 304) {
    stage_ = Stage::done;
  } else if (chunked) {
    if (counted || !equals_ignoring_case(head_.headers.find("Transfer-Encoding"), "chunked"))
      return malformed("transfer encoding");
    stage_ = Stage::chunk_head;
  } else if (counted) {
    if (!whole_number(head_.headers.find("Content-Length"), left_, 10)) return malformed("content length");
    stage_ = left_ == 0 ? Stage::done : Stage::length;
  } else {
    keep_alive_ = false;
    stage_ = Stage::until_close;
  }
  return {};
}

}  // namespace hv::http
