// What a command has of the world around it: three streams, the environment, the daemon.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "core/paths.h"
#include "core/run_request.h"

namespace hv::client {
class Client;
}

namespace hv::cli {

class Context {
 public:
  // `environment` is the process's own, and outlives the context.
  explicit Context(char* const* environment);
  ~Context();

  bool json = false;  // print JSON

  std::optional<std::string> variable(std::string_view name) const;
  std::vector<core::Variable> environment() const;
  char* const* raw_environment() const { return environment_; }
  // What the daemon needs to know of this process.
  base::Result<core::Caller> caller() const;

  // Columns of standard output when it is a terminal.
  size_t width() const;
  // For tables: as width(), unlimited where no terminal would cut them.
  size_t table_width() const;
  bool output_is_terminal() const { return output_is_terminal_; }
  bool error_is_terminal() const { return error_is_terminal_; }
  bool may_colour() const;

  // Writes to standard output and gives the exit code: 0, or 141 when the reader has gone.
  base::Result<int> print(std::string_view text);
  base::Result<int> print_json(const base::json::Value& value);
  // A line on standard error. Whatever an agent could have chosen in it has gone through base::printable().
  void note(std::string_view line);
  // "hydravisor: MESSAGE" and the hint below it, or one JSON object where JSON is printed.
  void report(const base::Error& error);

  // The daemon's client, made when first asked for; the daemon is started when it is not there.
  base::Result<client::Client*> client();
  // The same, but unavailable when there is no daemon.
  base::Result<client::Client*> client_of_running_daemon();
  // What HYDRAVISOR_TOKEN says; empty for nothing.
  base::Result<std::string> token() const;
  base::Result<core::Paths> paths() const;

  // Marks a failure as one of the command line, which exits with 2: HV_TRY(context.usage(parse_cpus(text))).
  template <typename T>
  base::Result<T> usage(base::Result<T> result) {
    usage_failed_ |= !result.has_value();
    return result;
  }
  bool usage_failed() const { return usage_failed_; }

 private:
  char* const* environment_;
  bool output_is_terminal_;
  bool error_is_terminal_;
  base::Result<client::Client*> connect(bool may_start);

  bool usage_failed_ = false;
  std::unique_ptr<client::Client> client_;
};

}  // namespace hv::cli
