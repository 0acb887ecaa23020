#include "behavior/history.h"

#include <algorithm>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/format.h"
#include "base/text.h"

namespace hv::behavior {

namespace {

std::string line_of(std::string_view rule, std::string_view field, std::string_view value) {
  return base::format("{} {} {}\n", rule, field, base::printable(value.substr(0, History::kLongest)));
}

}  // namespace

History::Mark History::mark_of(std::string_view line) {
  base::Digest digest = base::sha256(line);
  Mark mark{};
  std::memcpy(mark.data(), digest.data(), sizeof(mark));
  return mark;
}

base::Result<History> History::open(const std::string& path) {
  History history;
  history.file_ = HV_TRY(base::open_file(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  std::string text = HV_TRY(base::read_file(path));
  size_t whole = text.rfind('\n') + 1;  // 0 without a line
  if (whole < text.size() && ::ftruncate(history.file_.get(), static_cast<off_t>(whole)) != 0)
    return base::Failure(base::Error::from_errno(errno, "cut off a torn line of", path));
  for (size_t at = 0; at < whole && history.seen_.size() < kMost;) {
    size_t end = text.find('\n', at) + 1;
    history.seen_.insert(mark_of(std::string_view(text).substr(at, end - at)));
    at = end;
  }
  return history;
}

bool History::contains(std::string_view rule, std::string_view field, std::string_view value) const {
  return seen_.contains(mark_of(line_of(rule, field, value)));
}

void History::add(std::string_view rule, std::string_view field, std::string_view value) {
  if (seen_.size() >= kMost) return;
  std::string line = line_of(rule, field, value);
  if (!seen_.insert(mark_of(line)).second || !file_) return;
  // One write: another daemon's cannot come between. Its failure costs no more than one firing too many later.
  [[maybe_unused]] ssize_t written = ::write(file_.get(), line.data(), line.size());
}

}  // namespace hv::behavior
