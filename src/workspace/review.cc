#include "workspace/review.h"

#include <algorithm>
#include <cerrno>

#include <unistd.h>

#include "base/crypto.h"
#include "base/format.h"
#include "base/text.h"
#include "core/names.h"

namespace hv::workspace {

using base::Error;
using base::Failure;
using base::Fd;
using base::Result;

namespace {

// A file is hashed block after block, each with the hash of what lies before it, so that its size costs no memory.
constexpr size_t kBlock = size_t{1} << 20;

class ContentHash {
 public:
  void add(std::string_view block) { state_ = base::sha256({base::as_view(state_), block}); }
  std::string take() const { return base::to_hex(base::as_view(state_)); }

 private:
  base::Digest state_{};
};

std::string text_of(const std::optional<Entry>& entry, bool with_identity) {
  if (!entry) return "-";
  std::string text = base::format("{} {:o}", type_name(entry->type), applied_bits(entry->mode));
  // The host's own is known by what every write moves; the sandbox's clock and numbers say nothing.
  if (with_identity && entry->type != FileType::directory)
    text += base::format(" {} {} {}", entry->inode, entry->size, entry->ctime);
  return text;
}

std::string form_of(const Change& change) {
  return base::format("{} | {} | {} | {} | {} | {} | {} | {}", core::name_of(change.kind), text_of(change.before, true),
                      text_of(change.after, false), base::to_hex(change.target_before),
                      base::to_hex(change.target_after), base::to_hex(change.old_path), change.problem.empty(),
                      static_cast<int>(change.hazard));
}

std::string ref_key(const std::string& repository, const core::RefChange& ref) {
  return base::to_hex(repository) + " " + base::to_hex(ref.name);
}

}  // namespace

Result<std::string> content_id(int fd) {
  ContentHash hash;
  std::string block(kBlock, '\0');
  for (off_t offset = 0;;) {
    size_t filled = 0;
    while (filled < block.size()) {
      ssize_t count = ::pread(fd, block.data() + filled, block.size() - filled, offset + static_cast<off_t>(filled));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return Failure(Error::from_errno(errno, "read"));
      if (count == 0) break;
      filled += static_cast<size_t>(count);
    }
    if (filled == 0) return hash.take();
    hash.add(std::string_view(block).substr(0, filled));
    offset += static_cast<off_t>(filled);
  }
}

std::string content_id(std::string_view bytes) {
  ContentHash hash;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), kBlock))) hash.add(bytes.substr(0, kBlock));
  return hash.take();
}

Result<Review> Review::of(const Opened& places, const std::vector<Change>& changes) {
  Review review;
  for (const Change& change : changes) {
    Shown shown{form_of(change), {}};
    bool has_content = change.problem.empty() && change.kind != core::ChangeKind::deleted && change.after &&
                       change.after->type == FileType::regular;
    if (has_content) {
      auto file = places.upper.open_regular(change.path);
      // Gone meanwhile: then it is not what will be found later either.
      if (file) shown.content = HV_TRY(content_id(file->get()));
    }
    review.files_[change.path] = std::move(shown);
  }
  return review;
}

void Review::add_ref(const std::string& repository, const core::RefChange& ref) {
  refs_[ref_key(repository, ref)] = ref.old_id + " " + ref.new_id;
}

std::string Review::digest() const {
  std::string all = "hydravisor-review 1\n";
  for (const auto& [path, shown] : files_)
    all += base::format("file {} {} {}\n", base::to_hex(path), shown.content, shown.form);
  for (const auto& [ref, ids] : refs_) all += base::format("ref {} {}\n", ref, base::to_hex(ids));
  return base::to_hex(base::as_view(base::sha256(all)).substr(0, 16));
}

bool Review::shows(const Change& change) const {
  auto found = files_.find(change.path);
  return found != files_.end() && found->second.form == form_of(change);
}

std::string Review::content_of(const std::string& path) const {
  auto found = files_.find(path);
  return found == files_.end() ? std::string() : found->second.content;
}

bool Review::shows_ref(const std::string& repository, const core::RefChange& ref) const {
  auto found = refs_.find(ref_key(repository, ref));
  return found != refs_.end() && found->second == ref.old_id + " " + ref.new_id;
}

}  // namespace hv::workspace
