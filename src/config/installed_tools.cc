#include "config/installed_tools.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>

#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"

namespace hv::config {

namespace {

namespace fs = std::filesystem;

constexpr size_t kLargestScript = 65536;

bool is_program(const std::string& file) {
  std::error_code error;
  return fs::is_regular_file(file, error) && ::access(file.c_str(), X_OK) == 0;
}

std::string real(const fs::path& path) {
  std::error_code error;
  fs::path resolved = fs::weakly_canonical(path, error);
  return error ? std::string() : resolved.string();
}

bool lies_in(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

// ROOT/shims/NAME of pyenv, nodenv, goenv runs ROOT/versions/VERSION/bin/NAME, where ROOT/version names VERSION.
// Nothing when it is no such shim; an empty text when it leaves the choice to the rest of PATH.
std::optional<std::string> behind_shim(const fs::path& file) {
  if (file.parent_path().filename() != "shims") return std::nullopt;
  fs::path root = file.parent_path().parent_path();
  base::Result<std::string> text = base::read_file((root / "version").string(), kLargestScript);
  if (!text) return std::nullopt;
  std::string version = text->substr(0, text->find_first_of(" \t\r\n"));
  if (version == "system") return "";
  if (version.empty() || version[0] == '.' || version.find('/') != std::string::npos) return std::nullopt;
  return (root / "versions" / version / "bin" / file.filename()).string();
}

// The program that the first line of a script names; empty for anything else.
std::string interpreter_of(const std::string& script) {
  base::Result<std::string> text = base::read_file(script, kLargestScript);
  if (!text || !text->starts_with("#!/")) return {};
  return text->substr(2, text->find_first_of(" \t\r\n") - 2);
}

}  // namespace

bool InstalledTools::in_workspace(const std::string& file) const {
  if (workspace.empty()) return false;
  std::string place = real(workspace);
  return lies_in(file, workspace) || lies_in(real(file), place) || lies_in(real(fs::path(file).parent_path()), place);
}

std::string InstalledTools::find(std::string_view name) const {
  for (const std::string& directory : base::split(path, ':')) {
    if (!directory.starts_with('/')) continue;
    std::string file = (fs::path(directory) / name).string();
    if (!is_program(file) || in_workspace(file)) continue;
    std::optional<std::string> chosen = behind_shim(file);
    if (!chosen) return file;
    if (!chosen->empty()) return *chosen;
  }
  return {};
}

std::string InstalledTools::npm_directory() const {
  std::string file = find("npm");
  if (file.empty()) return {};
  // NPM/bin/npm-cli.js
  fs::path bin = fs::path(real(file)).parent_path();
  return bin.filename() == "bin" ? bin.parent_path().string() : std::string();
}

std::string InstalledTools::go_directory() const {
  std::string file = find("go");
  return file.empty() ? file : fs::path(real(file)).parent_path().parent_path().string();
}

std::vector<std::string> InstalledTools::python_packages() const {
  std::vector<std::string> found;
  auto add = [&](const fs::path& directory) {
    std::error_code error;
    std::string place = directory.string();
    if (fs::is_directory(place, error) && std::ranges::find(found, place) == found.end()) found.push_back(place);
  };
  auto add_all = [&](const std::string& interpreter) {
    if (interpreter.empty()) return;
    fs::path resolved = real(interpreter);
    std::string version = resolved.filename().string();  // "python3.11"
    if (!version.starts_with("python3.")) return;
    // The interpreter of a virtual environment is a link to another one, and the packages lie beside the link.
    fs::path beside_link = fs::path(interpreter).parent_path().parent_path();
    std::error_code error;
    if (fs::exists(beside_link / "pyvenv.cfg", error)) return add(beside_link / "lib" / version / "site-packages");
    fs::path prefix = resolved.parent_path().parent_path();
    add(fs::path(home) / ".local/lib" / version / "site-packages");
    add(prefix / "local/lib" / version / "dist-packages");
    add(prefix / "lib" / version / "site-packages");
    add(prefix / "lib/python3/dist-packages");
  };
  add_all(find("python3"));
  for (const char* name : {"pip3", "pip"}) add_all(interpreter_of(find(name)));
  return found;
}

}  // namespace hv::config
