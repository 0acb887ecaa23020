#include "isolation/cgroup_meter.h"

#include <algorithm>
#include <charconv>

#include <fcntl.h>
#include <unistd.h>

namespace hv::isolation {

namespace {

using base::Fd;

uint64_t number_at_start(std::string_view text) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void open_first(Fd& file, const std::string& directory, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (!file) file = Fd(::open((directory + name).c_str(), O_RDONLY | O_CLOEXEC));
}

template <size_t N>
std::string_view look(const Fd& file, std::array<char, N>& buffer) {
  if (!file) return {};
  ssize_t count = ::pread(file.get(), buffer.data(), buffer.size(), 0);
  return {buffer.data(), count > 0 ? static_cast<size_t>(count) : 0};
}

template <typename Take>
void for_each_line(std::string_view text, Take take) {
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    take(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace

uint64_t keyed_number(std::string_view text, std::string_view key) {
  uint64_t value = 0;
  for_each_line(text, [&](std::string_view line) {
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ' ')
      value = number_at_start(line.substr(key.size() + 1));
  });
  return value;
}

IoBytes io_bytes(std::string_view text) {
  IoBytes sum;
  for_each_line(text, [&](std::string_view line) {
    for (auto [key, total] : {std::pair(" rbytes=", &sum.read),
                              {" wbytes=", &sum.written},
                              {" Read ", &sum.read},
                              {" Write ", &sum.written}})
      if (size_t at = line.find(key); at != std::string_view::npos)
        *total += number_at_start(line.substr(at + std::string_view(key).size()));
  });
  return sum;
}

CgroupMeter::CgroupMeter(const std::vector<std::string>& directories, Figures figures) {
  for (const std::string& directory : directories) {
    open_first(memory_events_, directory, {"/memory.events", "/memory.oom_control"});
    open_first(pids_events_, directory, {"/pids.events"});
    if (figures == Figures::events) continue;
    open_first(memory_, directory, {"/memory.current", "/memory.usage_in_bytes"});
    open_first(memory_peak_, directory, {"/memory.peak", "/memory.max_usage_in_bytes"});
    open_first(pids_, directory, {"/pids.current"});
    open_first(cpu_usage_, directory, {"/cpuacct.usage"});
    // Version 1 has a file of this name with other contents.
    if (::access((directory + "/cgroup.controllers").c_str(), F_OK) == 0)
      open_first(cpu_stat_, directory, {"/cpu.stat"});
    open_first(io_, directory, {"/io.stat", "/blkio.throttle.io_service_bytes"});
  }
}

CgroupUsage CgroupMeter::read() const {
  CgroupUsage usage;
  std::array<char, 64> number;
  std::array<char, 8192> table;
  usage.memory = number_at_start(look(memory_, number));
  usage.memory_peak = number_at_start(look(memory_peak_, number));
  usage.oom_kills = keyed_number(look(memory_events_, table), "oom_kill");
  usage.pids = number_at_start(look(pids_, number));
  usage.pids_refused = keyed_number(look(pids_events_, table), "max");
  if (cpu_stat_)
    usage.cpu = std::chrono::microseconds(keyed_number(look(cpu_stat_, table), "usage_usec"));
  else
    usage.cpu = std::chrono::nanoseconds(number_at_start(look(cpu_usage_, number)));
  IoBytes io = io_bytes(look(io_, table));
  usage.io_read = io.read;
  usage.io_written = io.written;
  return usage;
}

}  // namespace hv::isolation
