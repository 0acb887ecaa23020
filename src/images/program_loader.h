// The program that the kernel runs a program with: the loader that a dynamically linked file names.
#pragma once

#include <string>

namespace hv::images {

// The path in the file's PT_INTERP; empty for a file that is no ELF file of 64 bits, is linked statically, or cannot be
// read. elf(5).
std::string loader_of(const std::string& path);

}  // namespace hv::images
