// Files of data/ that are part of the program. CMake writes the table (cmake/Embed.cmake), one function for each
// directory.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hv::base {

struct EmbeddedFile {
  std::string_view name;  // without directory and suffix
  std::string_view text;
};

class EmbeddedFiles {
 public:
  // Sorted by name.
  constexpr explicit EmbeddedFiles(std::span<const EmbeddedFile> files) : files_(files) {}

  // Empty when there is none of that name.
  constexpr std::string_view find(std::string_view name) const {
    for (const EmbeddedFile& file : files_)
      if (file.name == name) return file.text;
    return {};
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const EmbeddedFile& file : files_) all.emplace_back(file.name);
    return all;
  }

 private:
  std::span<const EmbeddedFile> files_;
};

}  // namespace hv::base
