// An archive of the journal may be anything by the time it is read: unpacking answers, never crashes and never takes
// more memory than its table says; and what can be packed comes back as it was.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "audit/archive.h"
#include "audit/archive_block.h"
#include "audit/segment_packer.h"
#include "base/check.h"
#include "base/fd.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hv::audit;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);

  if (auto packed = pack_segment(bytes)) {
    hv::base::Fd fd(::memfd_create("archive", MFD_CLOEXEC));
    HV_CHECK(fd && hv::base::write_all(fd.get(), *packed));
    auto archive = Archive::over(std::move(fd), "archive");
    HV_CHECK(archive && archive->read_all().value() == bytes);
  }
  hv::base::Fd fd(::memfd_create("archive", MFD_CLOEXEC));
  HV_CHECK(fd && hv::base::write_all(fd.get(), bytes));
  if (auto archive = Archive::over(std::move(fd), "archive")) {
    uint64_t at = 0;
    while (true) {
      auto some = archive->read(at, 1000);
      if (!some || some->empty()) break;
      at += some->size();
    }
    (void)archive->read_all();
  }
  // The parts of a block without checksums in the way: the first byte says where the second part begins.
  if (size > 2) {
    size_t dense = size - std::min<size_t>(size - 2, data[0]);
    if (auto records = put_together(bytes.substr(1, dense - 1), bytes.substr(dense), 0, data[1], size * 16))
      HV_CHECK(records->size() == size * 16);
  }
  return 0;
}
