// One command inside with its streams: pipes or a terminal, the front ends that look at it, and the log.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/fd.h"
#include "shimwire/log_file.h"
#include "supervisor/client.h"

namespace hv::supervisor {

class Job {
 public:
  struct Hooks {
    std::function<void(int signal_number)> signal;   // to the job's process group
    std::function<void(bool detached)> client_gone;  // the last front end left
    std::function<void()> activity = {};             // bytes went in or out; may be empty
  };
  Job(base::EventLoop& loop, uint64_t number, std::string program, bool terminal, Hooks hooks);
  ~Job();

  // Pipes for a job without terminal: the ends that init gets. Called once, before start.
  base::Result<std::vector<base::Fd>> make_pipes();
  // The terminal's master side, once init has opened it.
  base::Status take_terminal(base::Fd master);
  // Watches the streams. Output goes to `log` (empty: nowhere) and to all front ends.
  base::Status start(base::Fd log);
  // Another front end; with a terminal it first gets the end of what was shown.
  base::Status add_client(base::Fd connection, std::string buffered, bool replay);

  // The command has ended: sends what is still in the pipes, then the status, and lets the front ends go.
  void end(int32_t status, bool workspace_changed, const std::string& problem);

  uint64_t number() const { return number_; }
  const std::string& program() const { return program_; }
  bool terminal() const { return terminal_; }
  bool has_client() const { return !clients_.empty(); }
  bool was_watched() const { return was_watched_; }
  void set_size(uint16_t rows, uint16_t columns);
  // A line of ours for everybody who looks; not part of the log.
  void tell(std::string line);

 private:
  static constexpr size_t kReplay = size_t{64} << 10;
  static constexpr size_t kInputLimit = size_t{256} << 10;
  void on_frame(FrameType type, std::string_view payload);
  void write_input();
  void close_input();
  bool read_output(base::Fd& from, FrameType type);
  void watch_output(base::Fd& from, FrameType type);
  void pause_output(bool paused);
  void forget(const Client* client, bool detached);

  base::EventLoop& loop_;
  uint64_t number_;
  std::string program_;
  bool terminal_;
  Hooks hooks_;
  base::Fd input_;
  base::Fd output_;  // or the terminal's master side
  base::Fd error_output_;
  shimwire::LogWriter log_;
  std::string pending_input_;
  bool input_ends_ = false;
  bool input_watched_ = false;
  bool output_paused_ = false;
  bool was_watched_ = false;
  std::string recent_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<Client>> departed_;  // freed when no callback of theirs is on the stack
};

}  // namespace hv::supervisor
