// What can go wrong outside the program, as a value. Callers branch on the code; people read the message, which names
// the operation, the thing, the cause and, where known, the next step.
#pragma once

#include <string>
#include <string_view>

namespace hv::base {

enum class ErrorCode {
  invalid_argument,  // the caller's input is wrong; repeating it cannot succeed
  not_found,
  already_exists,
  denied,       // policy, permission or ownership says no
  conflict,     // the thing's present state does not allow it
  unavailable,  // a service or resource is missing now; a retry may succeed
  unsupported,  // this machine, kernel or tier cannot do it
  timeout,
  cancelled,
  io,        // the kernel refused a call for a reason none of the above covers
  internal,  // our own bug, or a broken invariant found at run time
};

// The code's stable name as used in JSON ("not_found").
std::string_view code_name(ErrorCode code);

class [[nodiscard]] Error {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }
  // What to do about it, one sentence or command; empty when not known.
  const std::string& hint() const { return hint_; }
  // The errno that caused it, 0 when none did.
  int os_error() const { return os_error_; }

  // Prefixes the message: "start sandbox 'web': " + message.
  Error with_context(std::string_view context) &&;
  Error with_hint(std::string hint) &&;
  // "message (hint)" for people; the text is not filtered, see base::printable().
  std::string text() const;

  // The only place where an errno becomes an Error. "operation: thing: strerror".
  static Error from_errno(int error_number, std::string_view operation, std::string_view thing = {});

 private:
  ErrorCode code_;
  int os_error_ = 0;
  std::string message_;
  std::string hint_;
};

Error invalid_argument(std::string message);
Error not_found(std::string message);
Error already_exists(std::string message);
Error denied(std::string message);
Error conflict(std::string message);
Error unavailable(std::string message);
Error unsupported(std::string message);
Error timed_out(std::string message);
Error cancelled(std::string message);
Error io_error(std::string message);
Error internal_error(std::string message);

}  // namespace hv::base
