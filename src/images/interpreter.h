// The interpreter line of a script, as execve(2) and env(1) read it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hv::images {

struct Interpreter {
  std::string program;  // what the kernel starts: an absolute path in every working script
  std::string command;  // what env(1) then looks up in PATH; empty when the program is not env
};

// Empty when `head`, the first bytes of a file, is no script.
Interpreter parse_interpreter(std::string_view head);
// The same from a file; empty when it cannot be read.
Interpreter read_interpreter(const std::string& path);

}  // namespace hv::images
