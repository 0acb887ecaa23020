// How git is called: a fixed environment in which no configuration but the named repository's own counts, no hook, no
// file-system monitor, no network and no prompt.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/process.h"

namespace hv::workspace {

struct GitCommand {
  std::string git_dir;
  std::string work_tree;  // empty: none
  std::vector<std::string> arguments;
  // As root: the user to run as, so that what is written belongs to the repository's owner. 0: as we are.
  uint32_t uid = 0;
  uint32_t gid = 0;
};

base::CommandSpec git_spec(const GitCommand& command);
// Its output without the last newline. io with git's own words when it fails.
base::Result<std::string> run_git(const GitCommand& command, std::string_view input = {});
// Runs with descriptors for standard input and output (-1: none).
base::Status stream_git(const GitCommand& command, int input, int output);
bool have_git();

}  // namespace hv::workspace
