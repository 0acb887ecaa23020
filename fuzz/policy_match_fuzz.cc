// Patterns and paths of any bytes: matching ends soon, agrees with itself however it is asked, and a pattern that says
// it includes another covers what that one covers.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/text.h"
#include "core/glob.h"
#include "policy/path_matcher.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return 0;
  std::vector<std::string> lines = hv::base::split({reinterpret_cast<const char*>(data), size}, '\n');
  std::string path = "/" + lines.back();
  lines.pop_back();
  hv::policy::PathMatcher matcher(lines, "/home/me", "/work");
  std::optional<size_t> found = matcher.find(path);
  std::optional<size_t> first;
  std::vector<hv::core::Glob> globs;
  for (size_t i = 0; i < lines.size(); ++i) {
    auto glob = hv::core::Glob::parse(lines[i]);
    if (!glob) continue;
    globs.push_back(glob->placed("/home/me", "/work"));
    if (!first && globs.back().covers(path)) first = i;
  }
  if (found != first) std::abort();
  if (globs.size() > 8) return 0;
  for (const auto& wide : globs)
    for (const auto& narrow : globs)
      if (wide.includes(narrow) && narrow.covers(path) && !wide.covers(path)) std::abort();
  return 0;
}
