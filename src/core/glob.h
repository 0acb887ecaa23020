// Patterns for paths, with one meaning wherever a policy has them (docs/policy.md, "Globs"): '?' is one character of a
// name, '*' any number of them, '**' as a whole name any number of names, none among them. What covers a directory
// covers all that lies in it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hv::core {

class Glob {
 public:
  // A path from '/', one below "~/", one relative to the workspace, or a name alone, which is meant at any depth.
  // invalid_argument for "..", empty names, characters that other languages give a meaning, and more than 32 names.
  static base::Result<Glob> parse(std::string_view text);

  const std::string& text() const { return text_; }
  // The place it names depends neither on the home nor on the workspace.
  bool is_absolute() const { return text_.starts_with('/'); }
  bool is_name() const { return text_.find('/') == std::string::npos; }
  // It names one path.
  bool is_literal() const;

  // The same for absolute paths: what it says of the home and of the workspace is filled in.
  Glob placed(std::string_view home, std::string_view workspace) const;
  // A name alone as it is meant in one directory, and at any depth below one.
  Glob in(std::string_view directory) const;
  Glob within(std::string_view directory) const;
  // Of a placed one: whether it matches the path or a directory above it.
  bool covers(std::string_view path) const;
  bool covers(std::span<const std::string_view> names) const;
  // Whether it matches the path itself.
  bool matches(std::span<const std::string_view> names) const;
  // The names before the first that varies.
  std::string fixed_directory() const;
  // Whether something below `names` could still match: where a walk may stop.
  bool could_match_below(std::span<const std::string_view> names) const;
  // Whether everything that `other` covers is covered by this one, as far as the two texts show it.
  bool includes(const Glob& other) const;
  // Of a placed one: text that is in every path that it covers, where that is spelled "/a/b/": for an index.
  std::vector<std::string> fixed_text() const;
  // The last name when it is the whole pattern but for "any depth": "nc" of "**/nc".
  std::string_view name_at_any_depth() const;

  bool operator==(const Glob& other) const { return text_ == other.text_; }

 private:
  struct Name {
    std::string text;
    bool varies = false;     // has '*' or '?'
    bool any_depth = false;  // is "**"
  };
  static void append(std::vector<Name>& names, std::string_view path, bool literal);
  bool run(std::span<const std::string_view> names, bool below_too) const;

  std::string text_;
  std::vector<Name> names_;
};

// "/a//b/" -> {"a", "b"}; the views are into `path`.
std::vector<std::string_view> names_of_path(std::string_view path);

}  // namespace hv::core
