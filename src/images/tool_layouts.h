// How tool managers lay out a home: which of their directories make their tools work, as data. Only what runs is named,
// never a manager's whole directory: credentials and caches lie beside the tools.
#pragma once

#include <span>
#include <string_view>

namespace hv::images {

struct ToolLayout {
  std::string_view name;
  // A PATH directory, or the command itself, at or below this directory brings the layout in. The variable, when the
  // caller has set it, wins over the default; a default that does not start with '/' is relative to the home.
  std::string_view trigger_variable;
  std::string_view trigger;
  // Where the parts lie; empty: the trigger's directory.
  std::string_view root_variable;
  std::string_view root;
  // Relative to the root. "." is the root itself, "*" stands for the plain files in it.
  std::span<const std::string_view> parts;
  // Relative to the home.
  std::span<const std::string_view> home_files;
  // Set inside to the root, so that the manager finds its tools again; empty: none.
  std::string_view variable;
};

std::span<const ToolLayout> tool_layouts();

}  // namespace hv::images
