#include "images/toolchain.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <set>

#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "images/interpreter.h"
#include "images/tool_layouts.h"

namespace hv::images {

namespace {

constexpr std::string_view kSystemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr int kDeepestInterpreter = 5;  // the kernel follows four

// Agents start these through PATH; where a user's own directory has one, it is followed as the command itself is.
constexpr std::string_view kCompanions[] = {"node", "npm",   "npx", "python3", "python", "git",
                                            "bash", "cargo", "go",  "java",    "ruby"};

// Variables that name a tool's directory. They pass when what they name can be shown.
constexpr std::string_view kToolVariables[] = {"JAVA_HOME", "GOROOT", "CONDA_PREFIX", "VIRTUAL_ENV"};

// Parts of an install prefix that make its programs run.
constexpr std::string_view kPrefixParts[] = {"bin",   "sbin",       "lib",        "lib64",   "libexec", "include",
                                             "share", "conf",       "jre",        "jmods",   "pkg",     "src",
                                             "ssl",   "conda-meta", "pyvenv.cfg", "VERSION", "go.env",  "release"};

std::vector<std::string> path_directories(const HostView& host) {
  std::string_view text = variable(host, "PATH");
  std::vector<std::string> directories;
  for (const std::string& entry : base::split(text.empty() ? kSystemPath : text, ':')) {
    // An empty or relative entry means the working directory of each moment: it is dropped, inside it would let a
    // project replace `ls`.
    if (!entry.starts_with('/')) continue;
    std::string directory = absolute_path(entry, "/");
    if (std::ranges::find(directories, directory) == directories.end()) directories.push_back(std::move(directory));
  }
  return directories;
}

class Finder {
 public:
  Finder(const HostView& host, std::string_view workspace, Binder& binder, Toolchain& found)
      : host_(host),
        workspace_(workspace),
        binder_(binder),
        looks_(binder.looks()),
        found_(found),
        home_(absolute_path(host.caller.home, "/")),
        systems_(system_directories(host)) {}

  void add_path_directory(const std::string& directory) {
    if (!looks_.is_directory(directory)) {
      // The agent may fill it in its own home.
      if (lies_in(directory, home_) && !looks_.exists(directory)) found_.path.push_back(directory);
      return;
    }
    base::Result<std::string> canonical = binder_.follow(directory);
    if (!canonical) return leave_out(directory, canonical.error());
    if (!in_workspace(*canonical) && !is_split(*canonical) && !reach(directory)) return;
    found_.path.push_back(directory);
    places_.push_back(directory);
    places_.push_back(*canonical);
    if (!is_system(*canonical)) {
      own_directories_.push_back(directory);
      add_prefix(*canonical);
    }
  }

  // Everything that starting `program` needs: its links, its install prefix, its interpreter, again and again.
  void add_program(const std::string& program, int depth = 0) {
    if (depth > kDeepestInterpreter) return;
    base::Result<std::string> canonical = binder_.follow(program);
    if (!canonical) return leave_out(program, canonical.error());
    places_.push_back(std::string(parent_of(*canonical)));
    add_file(*canonical);
    looks_.at_content(*canonical);
    Interpreter script = read_interpreter(*canonical);
    if (script.program.empty()) return;
    if (script.program.starts_with('/')) add_program(absolute_path(script.program, "/"), depth + 1);
    if (script.command.empty()) return;
    if (base::Result<std::string> command = find_command(host_, script.command, looks_))
      add_program(*command, depth + 1);
  }

  void add_companions() {
    for (const std::string& directory : own_directories_)
      for (std::string_view name : kCompanions)
        if (std::string program = directory + "/" + std::string(name); looks_.is_program(program)) add_program(program);
  }

  void add_tool_variables() {
    for (std::string_view name : kToolVariables) {
      std::string_view value = variable(host_, name);
      if (!value.starts_with('/') || !looks_.is_directory(std::string(value))) continue;
      base::Result<std::string> canonical = binder_.follow(value);
      if (!canonical) continue;
      if (!in_workspace(*canonical) && !is_system(*canonical)) add_prefix_at(*canonical);
      places_.push_back(*canonical);
      found_.environment.push_back({std::string(name), std::string(value)});
    }
  }

  void add_layouts() {
    for (const ToolLayout& layout : tool_layouts()) {
      std::string trigger = place_of(layout.trigger_variable, layout.trigger);
      std::string real_trigger = in_real_home(trigger);
      if (std::ranges::none_of(
              places_, [&](const std::string& at) { return lies_in(at, trigger) || lies_in(at, real_trigger); }))
        continue;
      std::string root = layout.root.empty() ? trigger : place_of(layout.root_variable, layout.root);
      if (!looks_.is_directory(root)) continue;
      for (std::string_view part : layout.parts) add_part(root, part);
      for (std::string_view file : layout.home_files) add_home_file(home_ + "/" + std::string(file));
      if (!layout.variable.empty()) found_.environment.push_back({std::string(layout.variable), root});
    }
  }

  // A global npm configuration beside the tools may hold a registry's token.
  void find_masked() {
    std::set<std::string> files;
    std::error_code error;
    std::string nvm = place_of("NVM_DIR", ".nvm") + "/versions/node";
    looks_.at_content(nvm);
    for (std::filesystem::directory_iterator it(nvm, error), end; !error && it != end; it.increment(error))
      prefixes_.push_back(canonical_or_same(it->path().string()));
    for (const std::string& prefix : prefixes_)
      if (std::string file = prefix + "/etc/npmrc"; looks_.exists(file) && binder_.covers(file)) files.insert(file);
    found_.masked.assign(files.begin(), files.end());
  }

 private:
  bool is_system(std::string_view canonical) const {
    if (lies_in(canonical, binder_.home())) return false;
    return std::ranges::any_of(systems_, [&](const std::string& at) { return lies_in(canonical, at); });
  }
  bool in_workspace(std::string_view canonical) const { return !workspace_.empty() && lies_in(canonical, workspace_); }

  // A PATH directory with a cache beside its programs is bound in parts, so that the cache stays writable.
  bool is_split(std::string_view canonical) const {
    return std::ranges::any_of(tool_layouts(), [&](const ToolLayout& layout) {
      return !layout.parts.empty() && layout.parts[0] == "*" &&
             canonical == in_real_home(place_of(layout.trigger_variable, layout.trigger));
    });
  }

  std::string place_of(std::string_view name, std::string_view fallback) const {
    std::string_view value = name.empty() ? std::string_view() : variable(host_, name);
    if (value.starts_with('/')) return absolute_path(value, "/");
    return absolute_path(fallback, home_);
  }

  // The same place by the home's canonical name: no look at the disk, because there are many layouts and most are not
  // there.
  std::string in_real_home(const std::string& path) const {
    return lies_in(path, home_) ? binder_.home() + path.substr(home_.size()) : path;
  }

  void leave_out(std::string_view path, const base::Error& why) {
    if (std::ranges::find(found_.left_out, path, &LeftOut::path) == found_.left_out.end())
      found_.left_out.push_back({std::string(path), why.message()});
  }

  bool reach(const std::string& path) {
    base::Result<std::string> canonical = binder_.reach(path);
    if (!canonical) leave_out(path, canonical.error());
    return canonical.has_value();
  }

  void add_part(const std::string& root, std::string_view part) {
    if (part != "*") {
      std::string path = part == "." ? root : root + "/" + std::string(part);
      if (looks_.exists(path)) reach(path);
      return;
    }
    std::error_code error;
    looks_.at_content(root);
    for (std::filesystem::directory_iterator it(root, error), end; !error && it != end; it.increment(error))
      if (!it->is_directory(error)) reach(it->path().string());
  }

  // A manager's configuration in the home. One that sets variables may set tokens: it is left out.
  void add_home_file(const std::string& path) {
    if (!looks_.exists(path)) return;
    base::Result<std::string> text = looks_.read(path, size_t{1} << 20);
    if (!text) return;
    if (text->starts_with("[env") || text->find("\n[env") != std::string::npos)
      return leave_out(path, base::denied("it sets environment variables, which may be secrets"));
    reach(path);
  }

  // The directory that a program file was installed with.
  void add_file(const std::string& file) {
    if (is_system(file) || in_workspace(file)) return;
    // Of a node package the outermost node_modules: its dependencies lie beside it.
    size_t modules = file.find("/node_modules/");
    if (modules != std::string::npos) reach(file.substr(0, modules) + "/node_modules");
    std::string directory(
        parent_of(modules != std::string::npos ? std::string_view(file).substr(0, modules) : std::string_view(file)));
    std::string_view last = base_name(directory);
    if (last == "bin" || last == "sbin" || last == "shims" ||
        (modules != std::string::npos && file.substr(0, modules).ends_with("/lib")))
      add_prefix(directory);
    bool in_prefix = std::ranges::any_of(prefixes_, [&](const std::string& prefix) { return lies_in(file, prefix); });
    if (in_prefix || modules != std::string::npos) {
      reach(file);
      return;
    }
    // A program that lies among its own files, unless it lies where a person keeps everything.
    bool crowded =
        std::ranges::any_of(std::array<std::string_view, 5>{"Downloads", "Desktop", "Documents", "tmp", "src"},
                            [&](std::string_view name) { return last == name; });
    if (crowded || directory == binder_.home() || is_split(directory) || !binder_.reach(directory)) reach(file);
  }

  // `directory` is PREFIX/bin: binds what its programs need of the prefix.
  void add_prefix(const std::string& directory) {
    std::string_view last = base_name(directory);
    if (last == "bin" || last == "sbin" || last == "lib" || last == "condabin")
      add_prefix_at(std::string(parent_of(directory)));
  }

  void add_prefix_at(const std::string& prefix) {
    if (std::ranges::find(prefixes_, prefix) != prefixes_.end() || is_system(prefix) || in_workspace(prefix)) return;
    bool known = std::ranges::any_of(
        std::array<std::string_view, 7>{"lib", "lib64", "libexec", "share", "pyvenv.cfg", "VERSION", "conda-meta"},
        [&](std::string_view part) { return looks_.exists(prefix + "/" + std::string(part)); });
    if (!known || prefix == binder_.home()) return;
    prefixes_.push_back(prefix);
    std::string_view below =
        lies_in(prefix, binder_.home()) ? std::string_view(prefix).substr(binder_.home().size() + 1) : "";
    // Below a hidden directory lies what a manager installed: all of it. Elsewhere it may be a person's own checkout.
    bool managed = below.starts_with('.') && std::ranges::count(below, '/') >= 2;
    bool conda = looks_.exists(prefix + "/conda-meta");
    if ((managed || conda) && binder_.reach(prefix)) return add_base_python(prefix);
    for (std::string_view part : kPrefixParts)
      if (std::string path = prefix + "/" + std::string(part); looks_.exists(path)) {
        // ~/.local/share and its like are refused here; their layouts name what may be shown.
        (void)binder_.reach(path);
      }
    add_base_python(prefix);
  }

  // A virtual environment names the python that it was made from.
  void add_base_python(const std::string& prefix) {
    base::Result<std::string> text = looks_.read(prefix + "/pyvenv.cfg", size_t{1} << 16);
    if (!text) return;
    for (const std::string& line : base::split(*text, '\n')) {
      size_t equals = line.find('=');
      if (!line.starts_with("home") || equals == std::string::npos) continue;
      size_t start = line.find_first_not_of(" \t", equals + 1);
      if (start == std::string::npos || line[start] != '/') continue;
      std::string bin = absolute_path(line.substr(start), "/");
      if (base::Result<std::string> canonical = binder_.follow(bin); canonical && !is_system(*canonical)) {
        reach(bin);
        add_prefix(*canonical);
      }
    }
  }

  const HostView& host_;
  std::string workspace_;
  Binder& binder_;
  Looks& looks_;
  Toolchain& found_;
  std::string home_;  // as the caller spells it
  std::vector<std::string> systems_;
  std::vector<std::string> places_;           // what was met, for the layouts' triggers
  std::vector<std::string> own_directories_;  // PATH directories that are not the system's
  std::vector<std::string> prefixes_;
};

}  // namespace

std::vector<std::string> system_directories(const HostView& host) {
  std::vector<std::string> all;
  for (std::string_view name :
       {"/usr", "/opt", "/nix", "/gnu", "/snap", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}) {
    std::string path = host.root + std::string(name);
    struct stat about{};
    if (::lstat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode)) all.emplace_back(name);
  }
  return all;
}

base::Result<std::string> find_command(const HostView& host, std::string_view command) {
  Looks looks;
  return find_command(host, command, looks);
}

base::Result<std::string> find_command(const HostView& host, std::string_view command, Looks& looks) {
  if (command.empty()) return base::Failure(base::invalid_argument("the command is empty"));
  std::string denied;
  auto is_there = [&](const std::string& path) {
    if (looks.is_program(path)) return true;
    if (auto about = denied.empty() ? looks.target(path) : std::nullopt; about && S_ISREG(about->st_mode))
      denied = path;
    return false;
  };
  if (command.find('/') != std::string_view::npos) {
    std::string path = absolute_path(command, host.caller.directory);
    if (is_there(path)) return path;
    if (looks.is_directory(path))
      return base::Failure(base::denied(base::format("{} is a directory", base::printable(path))));
  } else {
    for (const std::string& directory : path_directories(host))
      if (std::string path = directory + "/" + std::string(command); is_there(path)) return path;
  }
  std::string shown = base::printable(command);
  if (!denied.empty())
    return base::Failure(base::denied(base::format("{} is not executable", base::printable(denied)))
                             .with_hint("chmod +x " + base::shell_quote(denied)));
  return base::Failure(base::not_found(base::format("command not found: {}", shown)));
}

Toolchain find_toolchain(const HostView& host, std::string_view command, std::string_view workspace, Binder& binder) {
  Toolchain found;
  Finder finder(host, workspace, binder, found);
  for (const std::string& directory : path_directories(host)) finder.add_path_directory(directory);
  if (!command.empty())
    if (base::Result<std::string> program = find_command(host, command, binder.looks())) {
      found.program = *program;
      finder.add_program(*program);
    }
  finder.add_companions();
  finder.add_tool_variables();
  finder.add_layouts();
  finder.find_masked();
  return found;
}

base::Error explain_missing(std::string_view command, const HostView& host, const Toolchain& toolchain,
                            const Binder& binder) {
  base::Result<std::string> outside = find_command(host, command);
  if (!outside) return std::move(outside).error();
  std::string real = canonical_or_same(*outside);
  std::string directory(parent_of(real));
  std::string message =
      base::format("command not found inside: '{}' is {} outside", base::printable(command), base::printable(*outside));
  if (real != *outside) message += base::format(" (a link to {})", base::printable(real));
  if (binder.covers(real)) {
    // Visible but not startable: then its interpreter or loader is not.
    Interpreter script = read_interpreter(real);
    if (!script.command.empty())
      return base::not_found(message + base::format("; it is visible, but its interpreter '{}' is not",
                                                    base::printable(script.command)))
          .with_hint(base::format("put the directory of '{}' under [filesystem] read in your policy",
                                  base::printable(script.command)));
    return base::not_found(message + "; the file is visible, but what it needs to start is not")
        .with_hint("put the directories that it loads from under [filesystem] read in your policy");
  }
  std::string reason = "it is in no directory that is bound";
  for (const LeftOut& left : toolchain.left_out)
    if (lies_in(*outside, left.path) || lies_in(real, left.path)) reason = left.reason;
  message += base::format("; {} was not bound: {}", base::printable(directory), reason);
  return base::not_found(std::move(message))
      .with_hint(base::format(
          "start the sandbox with --read {}, or, for every one, put read = [\"{}\"] under [filesystem] in your policy",
          base::shell_quote(base::printable(directory)), base::printable(directory)));
}

}  // namespace hv::images
