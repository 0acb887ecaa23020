#include "workspace/baseline.h"

#include <cerrno>
#include <charconv>
#include <ctime>

#include <fcntl.h>
#include <unistd.h>

#include "base/format.h"
#include "base/text.h"
#include "workspace/bytes.h"

namespace hv::workspace {

using base::Error;
using base::Failure;
using base::Fd;
using base::Result;
using base::Status;

static constexpr std::string_view heading = "hydravisor-baseline 1 ";

std::string Baseline::heading_for(int64_t began) {
  return base::format("{}{}\n", heading, began);
}

Status Baseline::begin(const std::string& path) {
  if (base::path_exists(path)) return {};
  // The coarse clock is the one that stamps files.
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  // Whole or not there: without it the changes of a sandbox could not be told from the host's.
  return base::replace_file(path, heading_for(now.tv_sec * 1'000'000'000L + now.tv_nsec));
}

template <typename Number>
static bool take_number(std::string_view& text, Number& number) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

Result<Baseline> Baseline::load(const std::string& path, const Tree& upper) {
  auto text = base::read_file(path);
  if (!text) {
    if (text.error().code() != base::ErrorCode::not_found) return Failure(std::move(text).error());
    Entry root = HV_TRY(stat_fd(upper.root()));
    return Baseline(root.btime);
  }
  auto damaged = [&](size_t line) {
    return Failure(base::io_error(base::format("read {}: line {} is damaged", path, line)));
  };
  std::vector<std::string> lines = base::split(*text, '\n');
  std::string_view first = lines[0];
  int64_t began = 0;
  if (!first.starts_with(heading)) return damaged(1);
  first.remove_prefix(heading.size());
  if (!take_number(first, began) || !first.empty()) return damaged(1);
  Baseline baseline(began);
  // The last part is what follows the last newline: empty, or a record that a crash tore. A torn record only makes a
  // conflict more likely.
  for (size_t i = 1; i + 1 < lines.size(); ++i) {
    std::string_view line = lines[i];
    // A torn record of a crash with a whole one after it: both are lost, which can only make a conflict more likely.
    if (line.empty()) continue;
    Seen seen;
    auto number = [&](auto& value) {
      if (!take_number(line, value) || !line.starts_with(' ')) return false;
      line.remove_prefix(1);
      return true;
    };
    if (!number(seen.ctime) || !number(seen.inode) || !number(seen.inside_ctime) || !number(seen.inside_inode))
      return damaged(i + 1);
    baseline.seen_[HV_TRY(base::from_hex(line))] = seen;
  }
  return baseline;
}

void Baseline::Notes::add(std::string_view path, const std::optional<Entry>& host, const std::optional<Entry>& inside) {
  lines_ += base::format("{} {} {} {} {}\n", host ? host->ctime : 0, host ? host->inode : 0, inside ? inside->ctime : 0,
                         inside ? inside->inode : 0, base::to_hex(path));
}

Status Baseline::Notes::append_to(const std::string& file) const {
  Fd fd = HV_TRY(base::open_file(file, O_WRONLY | O_APPEND | O_NOFOLLOW));
  return base::write_all(fd.get(), lines_);
}

void Baseline::set(std::string path, const std::optional<Entry>& host, const std::optional<Entry>& inside) {
  Seen seen;
  if (host) seen.ctime = host->ctime, seen.inode = host->inode;
  if (inside) seen.inside_ctime = inside->ctime, seen.inside_inode = inside->inode;
  seen_[std::move(path)] = seen;
}

bool Baseline::untouched_inside(std::string_view path, const Entry& inside) const {
  auto found = seen_.find(path);
  return found != seen_.end() && found->second.inside_inode != 0 && found->second.inside_ctime == inside.ctime &&
         found->second.inside_inode == inside.inode;
}

bool Baseline::changed(std::string_view path, const Entry& host) const {
  auto found = seen_.find(path);
  if (found == seen_.end()) return host.ctime > began_;
  return found->second.ctime != host.ctime || found->second.inode != host.inode;
}

bool Baseline::directory_changed(std::string_view path, const Entry& host) const {
  return changed(path, host) && host.ctime != host.mtime;
}

}  // namespace hv::workspace
