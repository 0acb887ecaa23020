#include "monitor/connector_exits.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

#include <arpa/inet.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "monitor/pidfd_exits.h"

namespace hv::monitor {

using base::Error;
using base::Failure;
using base::Fd;
using base::Result;
using base::Status;

namespace {

constexpr size_t kMessageAt = sizeof(nlmsghdr);
constexpr size_t kEventAt = kMessageAt + sizeof(cn_msg);
// Some thousand ends between two looks.
constexpr int kBuffer = 4 << 20;

// The kernel lets others see that a process has ended before it tells the group how: so long afterwards all its threads
// have been told, whatever else the processor had to do in between; and so long afterwards nothing comes any more.
constexpr std::chrono::milliseconds kSettled{10};
constexpr std::chrono::milliseconds kLost{500};
constexpr int kLastLooks = 10;

// What the kernel calls the events has no stable name across its headers; the numbers are its interface.
constexpr uint32_t kNone = 0;
constexpr uint32_t kEnd = 0x80000000;

// An event, as far as it is looked at: its head, and of an end who and how.
struct Head {
  uint32_t what = 0;
  uint32_t processor = 0;
  uint64_t time = 0;
};
struct End {
  int32_t thread = 0;
  int32_t process = 0;
  int32_t status = 0;
};

Status ask_for_events(int socket) {
  struct {
    nlmsghdr header{};
    std::array<char, sizeof(cn_msg) + sizeof(uint32_t)> body{};
  } message;
  message.header.nlmsg_len = sizeof message;
  message.header.nlmsg_type = NLMSG_DONE;
  cn_msg inner{};
  inner.id.idx = CN_IDX_PROC;
  inner.id.val = CN_VAL_PROC;
  inner.len = sizeof(uint32_t);
  std::memcpy(message.body.data(), &inner, sizeof inner);
  auto listen = static_cast<uint32_t>(PROC_CN_MCAST_LISTEN);
  std::memcpy(message.body.data() + sizeof inner, &listen, sizeof listen);
  if (::send(socket, &message, sizeof message, 0) < 0)
    return Failure(Error::from_errno(errno, "ask the kernel for the ends of processes"));
  return {};
}

// Outside of the first namespaces the kernel hears the question and says nothing.
bool was_heard(int socket) {
  std::array<char, 1024> bytes;
  for (;;) {
    ssize_t size = ::recv(socket, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (size < 0 && errno == ENOBUFS) continue;
    if (size < 0) return false;
    Head head;
    if (static_cast<size_t>(size) < kEventAt + sizeof head + sizeof(uint32_t)) continue;
    std::memcpy(&head, bytes.data() + kEventAt, sizeof head);
    uint32_t error = 0;
    std::memcpy(&error, bytes.data() + kEventAt + sizeof head, sizeof error);
    if (head.what == kNone) return error == 0;
  }
}

// The kernel drops all but ends before they take up room or wake anybody.
Status let_only_ends_in(int socket) {
  std::array<sock_filter, 4> program{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kEventAt),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(kEnd), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0xFFFFFFFF),
      BPF_STMT(BPF_RET | BPF_K, 0),
  }};
  sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  if (::setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0)
    return Failure(Error::from_errno(errno, "filter the kernel's news of processes"));
  return {};
}

Status watch(int epoll, int fd, uint32_t events, pid_t about) {
  epoll_event wanted{};
  wanted.events = events;
  wanted.data.fd = about;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted) != 0)
    return Failure(Error::from_errno(errno, "wait for the end of processes"));
  return {};
}

}  // namespace

Result<std::unique_ptr<ExitSource>> ConnectorExits::create() {
  Fd socket(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR));
  if (!socket) return Failure(Error::from_errno(errno, "open the process connector"));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = CN_IDX_PROC;
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return Failure(Error::from_errno(errno, "join the process connector's group"));
  // Not vital: what overflows is said to be unknown.
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kBuffer, sizeof kBuffer) != 0)
    static_cast<void>(::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &kBuffer, sizeof kBuffer));
  HV_TRY(ask_for_events(socket.get()));
  if (!was_heard(socket.get()))
    return Failure(base::unsupported(
        "the process connector does not answer: it does not serve containers, nor ordinary users before Linux 6.6"));
  HV_TRY(let_only_ends_in(socket.get()));
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return Failure(Error::from_errno(errno, "make a queue of processes that end"));
  // So that what others on the machine end does not fill it up.
  HV_TRY(watch(epoll.get(), socket.get(), EPOLLIN, 0));
  Fd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer) return Failure(Error::from_errno(errno, "make a timer for processes that end"));
  HV_TRY(watch(epoll.get(), timer.get(), EPOLLIN, 0));
  return std::unique_ptr<ExitSource>(new ConnectorExits(std::move(epoll), std::move(socket), std::move(timer)));
}

Result<pid_t> ConnectorExits::follow(pid_t pid) {
  OpenedProcess process = HV_TRY(open_process(pid));
  HV_TRY(watch(epoll_.get(), process.descriptor.get(), EPOLLIN | EPOLLONESHOT, process.pid));
  processes_[process.pid] = {std::move(process.descriptor), std::nullopt, false};
  return process.pid;
}

void ConnectorExits::on_thread_end(pid_t thread, pid_t process, int status) {
  auto found = processes_.find(process);
  if (found == processes_.end()) return;
  Followed& followed = found->second;
  if (thread == process) {
    // Also once more, when another thread executed a program and became the first.
    followed.status = status;
    followed.doubtful = false;
  } else if (followed.status && *followed.status != status) {
    followed.doubtful = true;
  }
}

void ConnectorExits::read_socket() {
  std::array<char, 1024> bytes;
  for (;;) {
    ssize_t size = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    // What the buffer did not hold is missing, and those processes' status with it.
    if (size < 0 && (errno == ENOBUFS || errno == EINTR)) continue;
    if (size < 0) return;
    Head head;
    End end;
    if (static_cast<size_t>(size) < kEventAt + sizeof head + sizeof end) continue;
    std::memcpy(&head, bytes.data() + kEventAt, sizeof head);
    std::memcpy(&end, bytes.data() + kEventAt + sizeof head, sizeof end);
    if (head.what == kEnd) on_thread_end(end.thread, end.process, end.status);
  }
}

void ConnectorExits::see_who_ended() {
  std::array<epoll_event, 256> ready;
  auto now = std::chrono::steady_clock::now();
  for (int count = 0; (count = ::epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), 0)) > 0;) {
    bool any = false;
    for (int i = 0; i < count; ++i) {
      pid_t pid = ready[static_cast<size_t>(i)].data.fd;
      any = any || pid > 0;
      if (processes_.contains(pid)) ending_.push_back({pid, now});
    }
    // The socket and the timer stay ready until they are read.
    if (!any) return;
  }
}

std::vector<ProcessEnd> ConnectorExits::take_older_than(std::chrono::milliseconds told_for,
                                                        std::chrono::milliseconds untold_for) {
  auto now = std::chrono::steady_clock::now();
  std::vector<ProcessEnd> told;
  std::erase_if(ending_, [&](const Ending& ending) {
    auto found = processes_.find(ending.pid);
    if (found == processes_.end()) return true;
    const Followed& followed = found->second;
    if (now - ending.since < (followed.status ? told_for : untold_for)) return false;
    told.push_back({ending.pid, followed.doubtful ? std::nullopt : followed.status});
    processes_.erase(found);
    return true;
  });
  return told;
}

std::vector<ProcessEnd> ConnectorExits::take() {
  see_who_ended();
  read_socket();
  std::vector<ProcessEnd> told = take_older_than(kSettled, kLost);
  itimerspec again{};
  if (!ending_.empty()) again.it_value.tv_nsec = std::chrono::nanoseconds(kSettled).count();
  // Also takes back that it has expired.
  ::timerfd_settime(timer_.get(), 0, &again, nullptr);
  return told;
}

std::vector<ProcessEnd> ConnectorExits::take_last() {
  see_who_ended();
  auto is_untold = [&](const Ending& ending) {
    auto found = processes_.find(ending.pid);
    return found != processes_.end() && !found->second.status;
  };
  for (int i = 0; i < kLastLooks && !ending_.empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    read_socket();
    if (std::ranges::none_of(ending_, is_untold)) break;
  }
  return take_older_than({}, {});
}

}  // namespace hv::monitor
