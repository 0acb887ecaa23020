#include "supervisor/job.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace hv::supervisor {

Job::Job(base::EventLoop& loop, uint64_t number, std::string program, bool terminal, Hooks hooks)
    : loop_(loop), number_(number), program_(std::move(program)), terminal_(terminal), hooks_(std::move(hooks)) {}

Job::~Job() {
  for (base::Fd* fd : {&input_, &output_, &error_output_})
    if (*fd) loop_.unwatch(fd->get());
}

base::Result<std::vector<base::Fd>> Job::make_pipes() {
  base::Pipe in = HV_TRY(base::make_pipe());
  base::Pipe out = HV_TRY(base::make_pipe());
  base::Pipe err = HV_TRY(base::make_pipe());
  input_ = std::move(in.write_end);
  output_ = std::move(out.read_end);
  error_output_ = std::move(err.read_end);
  std::vector<base::Fd> inside;
  inside.push_back(std::move(in.read_end));
  inside.push_back(std::move(out.write_end));
  inside.push_back(std::move(err.write_end));
  return inside;
}

base::Status Job::take_terminal(base::Fd master) {
  input_ = HV_TRY(master.duplicate());
  output_ = std::move(master);
  return {};
}

base::Status Job::start(base::Fd log) {
  log_ = shimwire::LogWriter(std::move(log));
  for (base::Fd* fd : {&input_, &output_, &error_output_})
    if (*fd) HV_TRY(base::set_nonblocking(fd->get(), true));
  watch_output(output_, FrameType::standard_output);
  if (error_output_) watch_output(error_output_, FrameType::standard_error);
  // Nobody will ever write: the command sees the end of its input.
  if (clients_.empty() && !terminal_) close_input();
  write_input();
  return {};
}

void Job::watch_output(base::Fd& from, FrameType type) {
  // Only fails for lack of kernel memory; the stream then stays silent until the job ends and is drained.
  static_cast<void>(loop_.watch(from.get(), EPOLLIN, [this, &from, type](uint32_t) {
    if (!read_output(from, type)) {
      loop_.unwatch(from.get());
      from.close();
    }
  }));
}

// One read. False at the end of the stream.
bool Job::read_output(base::Fd& from, FrameType type) {
  std::array<char, 65536> buffer;
  ssize_t count = ::read(from.get(), buffer.data(), buffer.size());
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  // A terminal whose other side has closed answers EIO.
  if (count <= 0) return false;
  if (hooks_.activity) hooks_.activity();
  std::string_view data(buffer.data(), static_cast<size_t>(count));
  // A full disk must not stop the command; the log then has a gap, the front end does not.
  log_.append(data);
  if (terminal_) {
    recent_.append(data);
    if (recent_.size() > 2 * kReplay) recent_.erase(0, recent_.size() - kReplay);
  }
  for (auto& client : clients_) client->send(type, data);
  if (std::ranges::any_of(clients_, [](const auto& client) { return client->full(); })) pause_output(true);
  return true;
}

void Job::pause_output(bool paused) {
  if (output_paused_ == paused) return;
  output_paused_ = paused;
  for (base::Fd* fd : {&output_, &error_output_})
    if (*fd) static_cast<void>(loop_.modify(fd->get(), paused ? 0u : uint32_t{EPOLLIN}));
}

base::Status Job::add_client(base::Fd connection, std::string buffered, bool replay) {
  Client::Handlers handlers;
  handlers.frame = [this](FrameType type, std::string_view payload) { on_frame(type, payload); };
  handlers.drained = [this] {
    if (std::ranges::none_of(clients_, [](const auto& client) { return client->full(); })) pause_output(false);
  };
  auto client = std::make_unique<Client>(loop_, std::move(connection), std::move(buffered), Client::Handlers{});
  Client* raw = client.get();
  handlers.gone = [this, raw](bool detached) { forget(raw, detached); };
  raw->set_handlers(std::move(handlers));
  clients_.push_back(std::move(client));
  was_watched_ = true;
  HV_TRY(raw->start());
  if (replay && !recent_.empty()) {
    size_t from = recent_.size() > kReplay ? recent_.size() - kReplay : 0;
    raw->send(FrameType::standard_output, std::string_view(recent_).substr(from));
  }
  return {};
}

void Job::forget(const Client* client, bool detached) {
  auto found = std::ranges::find_if(clients_, [client](const auto& item) { return item.get() == client; });
  if (found == clients_.end()) return;
  departed_.push_back(std::move(*found));
  clients_.erase(found);
  pause_output(false);
  loop_.after({}, [this] { departed_.clear(); });
  if (clients_.empty()) hooks_.client_gone(detached);
}

void Job::set_size(uint16_t rows, uint16_t columns) {
  if (!terminal_ || !output_ || rows == 0 || columns == 0) return;
  winsize size{rows, columns, 0, 0};
  ::ioctl(output_.get(), TIOCSWINSZ, &size);
}

void Job::tell(std::string line) {
  // A raw terminal needs its line begun and ended by hand.
  if (terminal_) line = "\r\n" + line + "\r";
  for (auto& client : clients_) client->send(FrameType::standard_error, line);
}

void Job::on_frame(FrameType type, std::string_view payload) {
  switch (type) {
    case FrameType::standard_input:
      if (hooks_.activity) hooks_.activity();
      pending_input_.append(payload);
      write_input();
      break;
    case FrameType::input_end:
      input_ends_ = true;
      write_input();
      break;
    case FrameType::resize:
      if (auto size = wire::decode_resize(payload)) set_size(size->rows, size->columns);
      break;
    case FrameType::signal:
      if (auto number = wire::decode_signal(payload); number && *number > 0 && *number < 65) hooks_.signal(*number);
      break;
    case FrameType::standard_output:
    case FrameType::standard_error:
    case FrameType::exit:
    case FrameType::error:
    case FrameType::detach:
      break;  // not for this direction; harmless
  }
}

void Job::write_input() {
  size_t written = 0;
  while (input_ && written < pending_input_.size()) {
    ssize_t count = ::write(input_.get(), pending_input_.data() + written, pending_input_.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) break;
    if (count < 0) {  // the command has closed its input: like a broken pipe, the rest is for nobody
      close_input();
      break;
    }
    written += static_cast<size_t>(count);
  }
  pending_input_.erase(0, input_ ? written : pending_input_.size());
  bool blocked = !pending_input_.empty();
  if (input_ && blocked && !input_watched_) {
    input_watched_ = static_cast<bool>(loop_.watch(input_.get(), EPOLLOUT, [this](uint32_t) { write_input(); }));
  } else if (input_ && !blocked && input_watched_) {
    loop_.unwatch(input_.get());
    input_watched_ = false;
  }
  for (auto& client : clients_) client->pause_input(pending_input_.size() > kInputLimit);
  // A terminal has no half-close; its end of input is the character the user types.
  if (input_ && !blocked && input_ends_ && !terminal_) close_input();
}

void Job::close_input() {
  if (!input_) return;
  if (input_watched_) loop_.unwatch(input_.get());
  input_watched_ = false;
  input_.close();
}

void Job::end(int32_t status, bool workspace_changed, const std::string& problem) {
  for (auto [fd, type] :
       {std::pair(&output_, FrameType::standard_output), std::pair(&error_output_, FrameType::standard_error)}) {
    // What the command wrote lies in the pipe by now. A process it left behind may hold the pipe open: its later words
    // are not waited for.
    for (int reads = 0; *fd && reads < 64; ++reads) {
      int waiting = 0;
      if (::ioctl(fd->get(), FIONREAD, &waiting) != 0 || waiting == 0) break;
      if (!read_output(*fd, type)) break;
    }
    if (*fd) loop_.unwatch(fd->get());
    fd->close();
  }
  close_input();
  for (auto& client : clients_) {
    if (!problem.empty()) client->send(FrameType::error, problem);
    client->send_exit(status, workspace_changed);
    client->finish();
  }
  clients_.clear();
}

}  // namespace hv::supervisor
