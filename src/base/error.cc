#include "base/error.h"

#include <cerrno>
#include <cstring>

namespace hv::base {

std::string_view code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
      return "invalid_argument";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::already_exists:
      return "already_exists";
    case ErrorCode::denied:
      return "denied";
    case ErrorCode::conflict:
      return "conflict";
    case ErrorCode::unavailable:
      return "unavailable";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::timeout:
      return "timeout";
    case ErrorCode::cancelled:
      return "cancelled";
    case ErrorCode::io:
      return "io";
    case ErrorCode::internal:
      return "internal";
  }
  return "internal";
}

Error Error::with_context(std::string_view context) && {
  message_.insert(0, std::string(context) + ": ");
  return std::move(*this);
}

Error Error::with_hint(std::string hint) && {
  hint_ = std::move(hint);
  return std::move(*this);
}

std::string Error::text() const {
  return hint_.empty() ? message_ : message_ + " (" + hint_ + ")";
}

static ErrorCode code_of_errno(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
    case ESRCH:
      return ErrorCode::not_found;
    case EEXIST:
    case ENOTEMPTY:
      return ErrorCode::already_exists;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::denied;
    case EBUSY:
      return ErrorCode::conflict;
    case EAGAIN:
    case ECONNREFUSED:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
      return ErrorCode::unavailable;
    case ENOSYS:
    case EOPNOTSUPP:
    case ENODEV:
      return ErrorCode::unsupported;
    case ETIMEDOUT:
      return ErrorCode::timeout;
    case ECANCELED:
      return ErrorCode::cancelled;
    case EINVAL:
    case ENAMETOOLONG:
    case ELOOP:
      return ErrorCode::invalid_argument;
    default:
      return ErrorCode::io;
  }
}

Error Error::from_errno(int error_number, std::string_view operation, std::string_view thing) {
  std::string message(operation);
  if (!thing.empty()) message.append(": ").append(thing);
  char buffer[128];
  message.append(": ").append(strerror_r(error_number, buffer, sizeof buffer));
  Error error(code_of_errno(error_number), std::move(message));
  error.os_error_ = error_number;
  return error;
}

Error invalid_argument(std::string message) {
  return {ErrorCode::invalid_argument, std::move(message)};
}
Error not_found(std::string message) {
  return {ErrorCode::not_found, std::move(message)};
}
Error already_exists(std::string message) {
  return {ErrorCode::already_exists, std::move(message)};
}
Error denied(std::string message) {
  return {ErrorCode::denied, std::move(message)};
}
Error conflict(std::string message) {
  return {ErrorCode::conflict, std::move(message)};
}
Error unavailable(std::string message) {
  return {ErrorCode::unavailable, std::move(message)};
}
Error unsupported(std::string message) {
  return {ErrorCode::unsupported, std::move(message)};
}
Error timed_out(std::string message) {
  return {ErrorCode::timeout, std::move(message)};
}
Error cancelled(std::string message) {
  return {ErrorCode::cancelled, std::move(message)};
}
Error io_error(std::string message) {
  return {ErrorCode::io, std::move(message)};
}
Error internal_error(std::string message) {
  return {ErrorCode::internal, std::move(message)};
}

}  // namespace hv::base
