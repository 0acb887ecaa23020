#include "supervisor/process_tree.h"

#include <charconv>
#include <memory>
#include <string_view>

#include <dirent.h>

#include "base/fd.h"
#include "base/text.h"

namespace hv::supervisor {

static pid_t number_of(std::string_view text) {
  pid_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

std::vector<std::string> threads_of(pid_t process) {
  std::vector<std::string> threads;
  std::string tasks = "/proc/" + std::to_string(process) + "/task";
  std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(tasks.c_str()), ::closedir);
  while (dirent* entry = directory ? ::readdir(directory.get()) : nullptr)
    if (pid_t thread = number_of(entry->d_name); thread > 0) threads.push_back(tasks + "/" + std::to_string(thread));
  return threads;
}

std::vector<pid_t> children_of(const std::string& thread) {
  std::vector<pid_t> children;
  if (auto listed = base::read_file(thread + "/children", size_t{1} << 20))
    for (const std::string& child : base::split(*listed, ' '))
      if (pid_t process = number_of(child); process > 0) children.push_back(process);
  return children;
}

}  // namespace hv::supervisor
