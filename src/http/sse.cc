#include "http/sse.h"

#include <utility>

#include "base/text.h"

namespace hv::http {

namespace {
constexpr size_t kLineLimit = 1024 * 1024;
}

std::string format_sse(const SseEvent& event) {
  std::string out;
  if (!event.id.empty()) out.append("id: ").append(event.id).append("\n");
  if (!event.type.empty()) out.append("event: ").append(event.type).append("\n");
  for (const std::string& line : base::split(event.data, '\n')) out.append("data: ").append(line).append("\n");
  return out.append("\n");
}

base::Result<std::optional<SseEvent>> SseParser::next() {
  size_t used = 0;
  std::optional<SseEvent> found;
  while (!found) {
    size_t end = buffer_.find('\n', used);
    if (end == std::string::npos) break;
    std::string_view line = std::string_view(buffer_).substr(used, end - used);
    used = end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) {
      // An event without data is not one; its id still counts as seen by nobody here.
      if (std::exchange(has_data_, false)) found = std::exchange(event_, {});
      event_ = {};
      continue;
    }
    size_t colon = line.find(':');
    std::string_view field = line.substr(0, colon);
    std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "id") event_.id = value;
    if (field == "event") event_.type = value;
    if (field == "data") {
      if (std::exchange(has_data_, true)) event_.data.push_back('\n');
      event_.data.append(value);
    }
  }
  buffer_.erase(0, used);
  if (buffer_.size() > kLineLimit || event_.data.size() > kLineLimit)
    return base::Failure(base::invalid_argument("event stream: a line is too long"));
  return found;
}

}  // namespace hv::http
