#include "images/home_copy.h"

#include <algorithm>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"
#include "images/binder.h"
#include "images/host_view.h"
#include "images/secret_paths.h"

namespace hv::images {

namespace {

constexpr int kDeepest = 16;
constexpr size_t kMostFiles = 5000;
constexpr size_t kMostBytes = size_t{64} << 20;

class Copier {
 public:
  explicit Copier(std::string home) : home_(std::move(home)) {}

  base::Status copy(const std::string& from, const std::string& to, int depth) {
    std::string real = canonical_or_same(from);
    struct stat about{};
    if (::stat(real.c_str(), &about) != 0) return {};
    std::string name(base_name(from));
    if (is_credential_file(name) || is_credential_file(base_name(real)))
      return leave_out(from, "its name marks a login");
    std::string secret = secret_within(real, home_);
    if (!secret.empty() && lies_in(real, secret)) return leave_out(from, "it holds secrets");
    if (S_ISDIR(about.st_mode)) return copy_directory(real, to, depth);
    if (!S_ISREG(about.st_mode)) return leave_out(from, "it is neither a file nor a directory");
    if (++files_ > kMostFiles || (bytes_ += static_cast<size_t>(about.st_size)) > kMostBytes)
      return leave_out(from, "the configuration is larger than 64 MiB or 5000 files");
    base::Result<std::string> data = base::read_file(real, kMostBytes);
    if (!data) return leave_out(from, data.error().message());
    HV_TRY(base::make_directories(std::string(parent_of(to))));
    return base::replace_file(to, *data, (about.st_mode & 0111) != 0 ? 0700 : 0600);
  }

  std::vector<std::string> notes;

 private:
  base::Status copy_directory(const std::string& from, const std::string& to, int depth) {
    if (depth > kDeepest) return leave_out(from, "it is nested too deeply");
    HV_TRY(base::make_directories(to));
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator it(from, error), end; !error && it != end; it.increment(error))
      names.push_back(it->path().filename().string());
    if (error) return leave_out(from, error.message());
    std::ranges::sort(names);
    for (const std::string& name : names) {
      if (name == "node_modules" || name == ".git") continue;
      HV_TRY(copy(from + "/" + name, to + "/" + name, depth + 1));
    }
    return {};
  }

  base::Status leave_out(const std::string& path, std::string_view why) {
    if (notes.size() < 20) notes.push_back(base::format("{} was not copied: {}", base::printable(path), why));
    return {};
  }

  std::string home_;
  size_t files_ = 0;
  size_t bytes_ = 0;
};

}  // namespace

base::Result<std::vector<std::string>> copy_configuration(std::string_view from_home, const std::string& to_home,
                                                          const std::vector<std::string>& paths) {
  std::string home = canonical_or_same(from_home);
  Copier copier(home);
  for (const std::string& path : paths)
    HV_TRY_CONTEXT(copier.copy(home + "/" + path, to_home + "/" + path, 0),
                   base::format("copy {} into the sandbox's home", path));
  return std::move(copier.notes);
}

}  // namespace hv::images
