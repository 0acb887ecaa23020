#include "index/database.h"

#include <sqlite3.h>

#include "base/format.h"

namespace hv::index {

namespace {

base::Failure failure(sqlite3* connection, std::string_view operation) {
  return base::Failure(
      base::io_error(base::format("the ledger's index: {}: {}", operation, sqlite3_errmsg(connection))));
}

// A URI in which only what a file name may hold is left as it is.
std::string uri_of(const std::string& path, std::string_view parameters) {
  std::string uri = "file:";
  for (char c : path) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '.' ||
                 c == '_' || c == '-';
    uri += plain ? std::string(1, c) : base::format("%{:02x}", static_cast<unsigned>(static_cast<uint8_t>(c)));
  }
  return uri.append(parameters);
}

}  // namespace

void Statement::Finalizer::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}
void Database::Closer::operator()(sqlite3* connection) const {
  sqlite3_close_v2(connection);
}

void Statement::bind(int place, int64_t value) {
  sqlite3_bind_int64(statement_.get(), place, value);
}
void Statement::bind(int place, std::string_view text) {
  sqlite3_bind_text64(statement_.get(), place, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

base::Result<bool> Statement::step() {
  int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return failure(sqlite3_db_handle(statement_.get()), "read");
}

base::Status Statement::run() {
  int code = SQLITE_ROW;
  while (code == SQLITE_ROW) code = sqlite3_step(statement_.get());
  sqlite3_reset(statement_.get());
  if (code != SQLITE_DONE) return failure(sqlite3_db_handle(statement_.get()), "write");
  return {};
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
}

int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}
std::string Statement::text(int column) const {
  const unsigned char* text = sqlite3_column_text(statement_.get(), column);
  return text == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(text));
}

base::Result<Database> Database::open(const std::string& path, Mode mode) {
  sqlite3* raw = nullptr;
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI | SQLITE_OPEN_EXRESCODE;
  flags |= mode == Mode::write  ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
           : mode == Mode::read ? SQLITE_OPEN_READWRITE
                                : SQLITE_OPEN_READONLY;
  int code = sqlite3_open_v2(uri_of(path, mode == Mode::sealed ? "?immutable=1" : "").c_str(), &raw, flags, nullptr);
  Database database(raw);
  if (code != SQLITE_OK) return failure(raw, "open " + path);
  // What is in it came from the journal by our own hands; all the same nothing in a changed schema is run.
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_busy_timeout(raw, 2000);
  return database;
}

base::Status Database::run(const char* sql) {
  if (sqlite3_exec(connection_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK)
    return failure(connection_.get(), sql);
  return {};
}

base::Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  int code = sqlite3_prepare_v3(connection_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                &raw, nullptr);
  Statement statement(raw);
  if (code != SQLITE_OK) return failure(connection_.get(), sql);
  return statement;
}

}  // namespace hv::index
