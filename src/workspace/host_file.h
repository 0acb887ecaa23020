// The few calls that change the host's tree. Each works on a name in a directory opened without following links, and
// each either does all or nothing.
#pragma once

#include <string>
#include <string_view>

#include "workspace/tree.h"

namespace hv::workspace {

// The same file as far as a rename keeps it: inode, size, mtime, type.
bool is_same_file(const Entry& first, const Entry& second);

// Puts `from` at `to`. With `expected`, `to` must be that very file and is left at `from`; without, nothing may be
// there. conflict when the host has something else there: then nothing is changed.
base::Status exchange(const Tree& tree, std::string_view from, std::string_view to,
                      const std::optional<Entry>& expected);
// Moves `path` aside to `aside` when it is still `expected`: conflict otherwise.
base::Status move_aside(const Tree& tree, std::string_view path, std::string_view aside, const Entry& expected);
base::Status remove_file(const Tree& tree, std::string_view path);
base::Status remove_directory(const Tree& tree, std::string_view path);
base::Status set_mode(const Tree& tree, std::string_view path, uint32_t mode);
// Gives `path` (not followed) to an owner; nothing is called when it has it already.
base::Status set_owner(const Tree& tree, std::string_view path, uint32_t uid, uint32_t gid);
// Copies everything of `source` to `destination`, by sharing blocks where the file systems can.
base::Status copy_content(int source, int destination);
// Extended attributes and access lists of `source`, as far as the caller may set them.
void copy_attributes(int source, int destination);
// A second name for the host's file in another directory; false when the file systems or the kernel do not allow one.
bool keep_link(const Tree& tree, std::string_view path, int directory, const std::string& name);
base::Status make_symlink(const Tree& tree, std::string_view path, const std::string& target);

}  // namespace hv::workspace
