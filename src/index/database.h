// SQLite, as far as the index needs it. The only home of that library. A connection and its statements belong to one
// thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace hv::index {

class Statement {
 public:
  // Numbered from 1. A text must outlive the step.
  void bind(int place, int64_t value);
  void bind(int place, std::string_view text);
  // True when there is a row.
  base::Result<bool> step();
  // Runs it to its end and makes it ready for the next values.
  base::Status run();
  void reset();
  // Numbered from 0.
  int64_t integer(int column) const;
  std::string text(int column) const;

 private:
  friend class Database;
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
};

class Database {
 public:
  enum class Mode {
    write,   // made when it is not there
    read,    // beside a writer
    sealed,  // nobody writes it any more: no locks, no side files
  };
  // io for whatever SQLite objects to, with its words.
  static base::Result<Database> open(const std::string& path, Mode mode);
  base::Status run(const char* sql);
  base::Result<Statement> prepare(std::string_view sql);

 private:
  struct Closer {
    void operator()(sqlite3* connection) const;
  };
  explicit Database(sqlite3* connection) : connection_(connection) {}
  std::unique_ptr<sqlite3, Closer> connection_;
};

}  // namespace hv::index
