// Server-sent events (the HTML standard's text/event-stream): written by the daemon, read by the client.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hv::http {

struct SseEvent {
  std::string id;
  std::string type;  // empty: "message"
  std::string data;
};

// `data` of several lines becomes several data fields.
std::string format_sse(const SseEvent& event);
// A line that says only that the connection lives.
inline constexpr std::string_view kSseKeepAlive = ":\n\n";

class SseParser {
 public:
  void feed(std::string_view bytes) { buffer_.append(bytes); }
  // The next whole event. invalid_argument when a line grows past 1 MiB without ending.
  base::Result<std::optional<SseEvent>> next();

 private:
  std::string buffer_;
  SseEvent event_;
  bool has_data_ = false;
};

}  // namespace hv::http
