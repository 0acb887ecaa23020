#include "images/program_loader.h"

#include <algorithm>
#include <climits>
#include <cstring>

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"

namespace hv::images {

std::string loader_of(const std::string& path) {
  constexpr size_t kMostHeaders = 64;
  auto file = base::open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file) return {};
  auto read_at = [&](void* to, size_t size, uint64_t offset) {
    return offset < uint64_t{1} << 40 &&
           ::pread(file->get(), to, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
  };
  Elf64_Ehdr head{};
  if (!read_at(&head, sizeof head, 0) || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
      head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_phentsize != sizeof(Elf64_Phdr))
    return {};
  for (size_t i = 0; i < std::min<size_t>(head.e_phnum, kMostHeaders); ++i) {
    Elf64_Phdr part{};
    if (!read_at(&part, sizeof part, head.e_phoff + i * sizeof part)) return {};
    if (part.p_type != PT_INTERP) continue;
    std::string text(std::min<uint64_t>(part.p_filesz, PATH_MAX), '\0');
    if (!read_at(text.data(), text.size(), part.p_offset)) return {};
    text.resize(std::min(text.find('\0'), text.size()));
    return text.starts_with('/') ? text : std::string();
  }
  return {};
}

}  // namespace hv::images
