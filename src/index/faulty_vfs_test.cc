#include "index/faulty_vfs_test.h"

#include <algorithm>
#include <cstring>

namespace hv::index {

namespace {

// What SQLite holds of a file: ours, and behind it the real one.
struct File {
  sqlite3_file base;
  FaultyVfs* disk;
};
sqlite3_file* below(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<File*>(file) + 1);
}
DiskFault next(sqlite3_file* file, FaultyVfs::Call call) {
  return reinterpret_cast<File*>(file)->disk->next(call);
}
using Call = FaultyVfs::Call;

int close(sqlite3_file* file) {
  return below(file)->pMethods->xClose(below(file));
}
int read(sqlite3_file* file, void* data, int size, sqlite3_int64 offset) {
  DiskFault fault = next(file, Call::read);
  if (fault == DiskFault::error) return SQLITE_IOERR_READ;
  int code = below(file)->pMethods->xRead(below(file), data, size, offset);
  if (code == SQLITE_OK && fault == DiskFault::garbage) std::memset(data, 0xa5, static_cast<size_t>(size));
  return code;
}
int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  DiskFault fault = next(file, Call::write);
  if (fault == DiskFault::full) return SQLITE_FULL;
  if (fault == DiskFault::error) return SQLITE_IOERR_WRITE;
  return below(file)->pMethods->xWrite(below(file), data, fault == DiskFault::torn ? size / 2 : size, offset);
}
int truncate(sqlite3_file* file, sqlite3_int64 size) {
  if (next(file, Call::other) == DiskFault::error) return SQLITE_IOERR_TRUNCATE;
  return below(file)->pMethods->xTruncate(below(file), size);
}
int sync(sqlite3_file* file, int flags) {
  if (next(file, Call::other) == DiskFault::error) return SQLITE_IOERR_FSYNC;
  return below(file)->pMethods->xSync(below(file), flags);
}
int size(sqlite3_file* file, sqlite3_int64* bytes) {
  if (next(file, Call::other) == DiskFault::error) return SQLITE_IOERR_FSTAT;
  return below(file)->pMethods->xFileSize(below(file), bytes);
}
int lock(sqlite3_file* file, int level) {
  if (next(file, Call::other) == DiskFault::error) return SQLITE_IOERR_LOCK;
  return below(file)->pMethods->xLock(below(file), level);
}
int unlock(sqlite3_file* file, int level) {
  return below(file)->pMethods->xUnlock(below(file), level);
}
int check_lock(sqlite3_file* file, int* result) {
  return below(file)->pMethods->xCheckReservedLock(below(file), result);
}
int control(sqlite3_file* file, int what, void* argument) {
  return below(file)->pMethods->xFileControl(below(file), what, argument);
}
int sector_size(sqlite3_file* file) {
  return below(file)->pMethods->xSectorSize(below(file));
}
int characteristics(sqlite3_file* file) {
  return below(file)->pMethods->xDeviceCharacteristics(below(file));
}
int share(sqlite3_file* file, int page, int size, int extend, void volatile** at) {
  DiskFault fault = next(file, Call::other);
  if (fault == DiskFault::error) return SQLITE_IOERR_SHMMAP;
  if (fault == DiskFault::full && extend != 0) return SQLITE_IOERR_SHMSIZE;
  return below(file)->pMethods->xShmMap(below(file), page, size, extend, at);
}
int share_lock(sqlite3_file* file, int offset, int n, int flags) {
  return below(file)->pMethods->xShmLock(below(file), offset, n, flags);
}
void share_barrier(sqlite3_file* file) {
  below(file)->pMethods->xShmBarrier(below(file));
}
int share_end(sqlite3_file* file, int remove) {
  return below(file)->pMethods->xShmUnmap(below(file), remove);
}

const sqlite3_io_methods kMethods{
    2,         close,      read,    write,       truncate,        sync,  size,       lock,
    unlock,    check_lock, control, sector_size, characteristics, share, share_lock, share_barrier,
    share_end, nullptr,    nullptr};

FaultyVfs* disk_of(sqlite3_vfs* vfs) {
  return static_cast<FaultyVfs*>(vfs->pAppData);
}

int open(sqlite3_vfs* vfs, sqlite3_filename name, sqlite3_file* file, int flags, int* out_flags) {
  FaultyVfs* disk = disk_of(vfs);
  file->pMethods = nullptr;
  DiskFault fault = disk->next(Call::open);
  if (fault == DiskFault::error || (fault == DiskFault::full && (flags & SQLITE_OPEN_CREATE) != 0))
    return SQLITE_CANTOPEN;
  int code = disk->below()->xOpen(disk->below(), name, below(file), flags, out_flags);
  if (below(file)->pMethods == nullptr) return code;
  reinterpret_cast<File*>(file)->disk = disk;
  file->pMethods = &kMethods;
  return code;
}
int remove(sqlite3_vfs* vfs, const char* name, int sync_directory) {
  if (disk_of(vfs)->next(Call::other) == DiskFault::error) return SQLITE_IOERR_DELETE;
  return disk_of(vfs)->below()->xDelete(disk_of(vfs)->below(), name, sync_directory);
}
int access(sqlite3_vfs* vfs, const char* name, int flags, int* result) {
  if (disk_of(vfs)->next(Call::other) == DiskFault::error) return SQLITE_IOERR_ACCESS;
  return disk_of(vfs)->below()->xAccess(disk_of(vfs)->below(), name, flags, result);
}

}  // namespace

struct FaultyVfs::Vfs : sqlite3_vfs {};

FaultyVfs::FaultyVfs() : below_((sqlite3_initialize(), sqlite3_vfs_find(nullptr))) {
  vfs_ = std::make_unique<Vfs>();
  static_cast<sqlite3_vfs&>(*vfs_) = *below_;
  vfs_->szOsFile += static_cast<int>(sizeof(File));
  vfs_->zName = "faulty";
  vfs_->pNext = nullptr;
  vfs_->pAppData = this;
  vfs_->xOpen = open;
  vfs_->xDelete = remove;
  vfs_->xAccess = access;
  sqlite3_vfs_register(vfs_.get(), 1);
}

FaultyVfs::~FaultyVfs() {
  sqlite3_vfs_unregister(vfs_.get());
}

void FaultyVfs::fail(size_t number, DiskFault fault, bool for_good) {
  calls_ = 0;
  met_ = false;
  number_ = number;
  for_good_ = for_good;
  fault_ = fault;
}

DiskFault FaultyVfs::next(Call call) {
  size_t number = calls_++;
  DiskFault fault = fault_;
  bool now = for_good_ ? number >= number_ : number == number_;
  bool fits = (fault != DiskFault::torn || call == Call::write) && (fault != DiskFault::garbage || call == Call::read);
  if (fault == DiskFault::none || !now || !fits) return DiskFault::none;
  met_ = true;
  return fault;
}

}  // namespace hv::index
