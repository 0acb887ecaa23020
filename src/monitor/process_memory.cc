#include "monitor/process_memory.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include <sys/uio.h>

namespace hv::monitor {
namespace {

constexpr uint64_t page_size = 4096;  // the smallest; larger pages only make the pieces smaller than need be
constexpr size_t most_pieces = 256;

// Remote ranges, cut at page borders: the kernel transfers whole pieces up to the first that it cannot read.
class Pieces {
 public:
  void add(uint64_t address, size_t size) {
    while (size > 0 && count_ < most_pieces) {
      size_t part = std::min<size_t>(size, page_size - address % page_size);
      pieces_[count_++] = {reinterpret_cast<void*>(address), part};
      address += part;  // past the end of the address space there is nothing that could be read
      size -= part;
    }
  }
  // How many bytes of the ranges, in order, arrived in `target`.
  size_t read(pid_t pid, std::span<char> target) const {
    if (count_ == 0) return 0;
    iovec local{target.data(), target.size()};
    ssize_t got = ::process_vm_readv(pid, &local, 1, pieces_.data(), count_, 0);
    return got < 0 ? 0 : static_cast<size_t>(got);
  }

 private:
  std::array<iovec, most_pieces> pieces_;
  size_t count_ = 0;
};

constexpr size_t first_look = 128;                      // most arguments are shorter
constexpr size_t longest_argument = size_t{128} << 10;  // MAX_ARG_STRLEN: the kernel takes no longer one

constexpr size_t least_share = 32;  // of an argument, whatever stands before it

// Beginning and end of what does not fit: what matters may stand behind any amount of padding.
std::string ends_of(const std::string& text, size_t size) {
  std::string mark = " [" + std::to_string(text.size() - size) + " bytes left out] ";
  return text.substr(0, size / 2) + mark + text.substr(text.size() - (size - size / 2));
}

}  // namespace

ClaimedString read_string(pid_t pid, uint64_t address, size_t limit) {
  ClaimedString string;
  std::array<char, page_size> buffer;
  while (string.text.size() < limit) {
    Pieces pieces;
    // A first look that ends at the page's end needs one piece; what is longer is read by pages.
    size_t wanted =
        std::min({limit - string.text.size(), buffer.size(),
                  string.text.empty() ? size_t{256} : static_cast<size_t>(page_size - address % page_size)});
    pieces.add(address, wanted);
    size_t got = pieces.read(pid, {buffer.data(), wanted});
    size_t length = static_cast<size_t>(std::find(buffer.data(), buffer.data() + got, '\0') - buffer.data());
    string.text.append(buffer.data(), length);
    if (length != got) return string;
    if (got < wanted) {
      string.unreadable = true;
      return string;
    }
    address += got;
  }
  string.truncated = true;
  return string;
}

ClaimedStrings read_strings(pid_t pid, uint64_t address, size_t count_limit, size_t size_limit) {
  ClaimedStrings strings;
  if (address == 0) return strings;
  constexpr size_t most = 64;
  count_limit = std::min(count_limit, most);
  // One pointer more than wanted tells whether there were more.
  std::array<uint64_t, most + 1> pointers{};
  size_t wanted = (count_limit + 1) * sizeof(uint64_t);
  Pieces pieces;
  pieces.add(address, wanted);
  size_t got = pieces.read(pid, {reinterpret_cast<char*>(pointers.data()), wanted}) / sizeof(uint64_t);
  size_t count = static_cast<size_t>(std::find(pointers.begin(), pointers.begin() + static_cast<ptrdiff_t>(got), 0) -
                                     pointers.begin());
  if (count == got && got <= count_limit) strings.unreadable = true;  // ran out of memory before a null
  if (count > count_limit) {
    strings.truncated = true;
    count = count_limit;
  }

  // The beginnings of all strings at once.
  std::array<char, most * first_look> beginnings;
  Pieces looks;
  for (size_t i = 0; i < count; ++i) looks.add(pointers[i], first_look);
  size_t arrived = count == 0 ? 0 : looks.read(pid, {beginnings.data(), count * first_look});
  size_t left = size_limit;
  for (size_t i = 0; i < count; ++i) {
    const char* start = beginnings.data() + i * first_look;
    bool whole_look = (i + 1) * first_look <= arrived;
    const char* end = whole_look ? static_cast<const char*>(std::memchr(start, '\0', first_look)) : nullptr;
    std::string text;
    if (end != nullptr) {
      text.assign(start, end);
    } else {
      // Longer than a look, or near memory that is not there.
      ClaimedString string = read_string(pid, pointers[i], longest_argument);
      strings.truncated |= string.truncated;
      strings.unreadable |= string.unreadable;
      text = std::move(string.text);
    }
    // None takes more than half of what is left, so that something of each is kept.
    size_t share = std::max(left / 2, least_share);
    if (text.size() > share) {
      text = ends_of(text, share);
      strings.truncated = true;
    }
    left -= std::min(left, text.size());
    strings.texts.push_back(std::move(text));
  }
  return strings;
}

}  // namespace hv::monitor
