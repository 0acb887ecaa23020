#include "images/interpreter.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "images/host_view.h"

namespace hv::images {

namespace {

constexpr size_t kHead = 256;  // BINPRM_BUF_SIZE of the kernel

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    size_t start = line.find_first_not_of(" \t\r");
    if (start == std::string_view::npos) return words;
    line.remove_prefix(start);
    size_t end = std::min(line.find_first_of(" \t\r"), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

}  // namespace

Interpreter parse_interpreter(std::string_view head) {
  if (!head.starts_with("#!")) return {};
  std::string_view line = head.substr(2, head.find('\n') == std::string_view::npos ? head.size() : head.find('\n') - 2);
  std::vector<std::string_view> words = words_of(line);
  if (words.empty()) return {};
  Interpreter result{std::string(words[0]), {}};
  if (base_name(words[0]) != "env") return result;
  // env [-S] [-i] [-u NAME] [NAME=VALUE...] COMMAND; "-SCOMMAND" too.
  for (size_t i = 1; i < words.size(); ++i) {
    std::string_view word = words[i];
    if (word.starts_with("-S") && word.size() > 2) word.remove_prefix(2);
    if (word == "-u" || word == "-C") {
      ++i;
      continue;
    }
    if (word.starts_with('-') || word.find('=') != std::string_view::npos) continue;
    result.command = std::string(word);
    break;
  }
  return result;
}

Interpreter read_interpreter(const std::string& path) {
  base::Result<base::Fd> file = base::open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file) return {};
  char head[kHead];
  ssize_t length = ::read(file->get(), head, sizeof head);
  return length <= 0 ? Interpreter{} : parse_interpreter({head, static_cast<size_t>(length)});
}

}  // namespace hv::images
