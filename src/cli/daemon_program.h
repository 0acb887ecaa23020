// hydravisord asked for something that needs no daemon.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace hv::cli {

class Context;

// What it prints when it is started with these words. Its own program reads files without being a daemon: a damaged
// ledger is one that no daemon starts with, and a bundle may be of another machine.
base::Result<std::string> ask_program(const Context& context, std::vector<std::string> words);

}  // namespace hv::cli
