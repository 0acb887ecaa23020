// The host's sockets, processes and shared memory.
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <mqueue.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "probe/probe.h"

namespace hv::probe {
namespace {

using core::Layer;
constexpr std::string_view category = "processes";
constexpr uint32_t nothing_to_leave_out = 0;

// 0 or the errno. `name` of an abstract socket begins with a zero byte.
int connect_to(const std::string& name) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (name.size() >= sizeof address.sun_path) return ENAMETOOLONG;
  std::memcpy(address.sun_path, name.data(), name.size());
  auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (name[0] == '\0' ? 0 : 1));
  int last = 0;
  for (int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
    int fd = ::socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    int result = ::connect(fd, reinterpret_cast<sockaddr*>(&address), length);
    last = errno;
    ::close(fd);
    if (result == 0) return 0;
    if (last != EPROTOTYPE) return last;
  }
  return last;
}

Attempt host_socket(const Outside& outside) {
  if (outside.socket.empty()) return not_applicable("no socket of the host was named");
  int error = connect_to(outside.socket);
  return judge("connect", error == 0 ? 0 : -1, error);
}

Attempt host_abstract_socket(const Outside& outside) {
  if (outside.abstract.empty()) return not_applicable("no abstract socket of the host was named");
  int error = connect_to(std::string(1, '\0') + outside.abstract);
  return judge("connect", error == 0 ? 0 : -1, error);
}

// The sockets by which other programs' sandboxes were left.
Attempt known_sockets(const Outside&) {
  std::string runtime = "/run/user/" + std::to_string(::getuid());
  if (const char* directory = ::getenv("XDG_RUNTIME_DIR")) runtime = directory;
  std::vector<std::string> names{"/var/run/docker.sock",
                                 "/run/docker.sock",
                                 "/run/podman/podman.sock",
                                 runtime + "/podman/podman.sock",
                                 "/run/containerd/containerd.sock",
                                 "/run/crio/crio.sock",
                                 "/run/libvirt/libvirt-sock",
                                 "/run/systemd/private",
                                 "/run/systemd/journal/socket",
                                 runtime + "/systemd/private",
                                 "/run/dbus/system_bus_socket",
                                 runtime + "/bus",
                                 "/tmp/.X11-unix/X0",
                                 std::string(1, '\0') + "/tmp/.X11-unix/X0",
                                 runtime + "/wayland-0",
                                 runtime + "/gnupg/S.gpg-agent",
                                 runtime + "/pipewire-0",
                                 runtime + "/hydravisor/hydravisord.sock",
                                 "/run/hydravisor/hydravisord.sock"};
  for (const char* variable : {"SSH_AUTH_SOCK", "DOCKER_HOST"})
    if (const char* value = ::getenv(variable))
      names.emplace_back(std::strncmp(value, "unix://", 7) == 0 ? value + 7 : value);
  for (const std::string& name : names)
    if (!name.empty() && connect_to(name) == 0)
      return got_through("connected to " + (name[0] == '\0' ? "@" + name.substr(1) : name));
  return held(std::to_string(names.size()) + " sockets, none answers");
}

Attempt signal_host(const Outside& outside) {
  if (outside.pid == 0) return not_applicable("no process of the host was named");
  int result = ::kill(outside.pid, 0);
  return judge("kill", result, errno);
}

Attempt see_host(const Outside& outside) {
  if (outside.pid == 0) return not_applicable("no process of the host was named");
  struct stat info{};
  int result = ::stat(("/proc/" + std::to_string(outside.pid)).c_str(), &info);
  return judge("stat /proc/PID", result, errno);
}

Attempt trace_host(const Outside& outside) {
  if (outside.pid == 0) return not_applicable("no process of the host was named");
  long result = ::ptrace(PTRACE_SEIZE, outside.pid, nullptr, nullptr);
  int error = errno;
  if (result == 0) ::ptrace(PTRACE_DETACH, outside.pid, nullptr, nullptr);
  return judge("ptrace", result, error);
}

Attempt trace_init(const Outside&) {
  long result = ::ptrace(PTRACE_SEIZE, 1, nullptr, nullptr);
  int error = errno;
  if (result == 0) ::ptrace(PTRACE_DETACH, 1, nullptr, nullptr);
  return judge("ptrace of PID 1", result, error);
}

Attempt host_shared_memory(const Outside& outside) {
  if (outside.shared_memory == 0) return not_applicable("no shared memory of the host was named");
  int result = ::shmget(outside.shared_memory, 0, 0);
  return judge("shmget", result, errno);
}

Attempt host_message_queue(const Outside& outside) {
  if (outside.message_queue.empty()) return not_applicable("no message queue of the host was named");
  mqd_t queue = ::mq_open(outside.message_queue.c_str(), O_RDONLY);
  int error = errno;
  if (queue >= 0) ::mq_close(queue);
  return judge("mq_open", queue, error);
}

const Probe table[] = {
    {"host-socket", category, "a socket of the host, by path", nothing_to_leave_out, "", host_socket},
    {"host-abstract-socket", category, "a socket of the host, by abstract name",
     layers(Layer::network_namespace, Layer::landlock), "", host_abstract_socket},
    {"known-sockets", category, "docker, D-Bus, X11, agents and others, where they usually are", nothing_to_leave_out,
     "", known_sockets},
    {"signal-host", category, "signals to a process of the host", layers(Layer::pid_namespace, Layer::landlock), "",
     signal_host},
    {"see-host", category, "/proc of a process of the host", layers(Layer::pid_namespace), "", see_host},
    {"trace-host", category, "tracing a process of the host", nothing_to_leave_out, "", trace_host},
    {"trace-init", category, "tracing PID 1", layers(Layer::capabilities), "", trace_init},
    {"host-shared-memory", category, "System V shared memory of the host", layers(Layer::ipc_namespace), "",
     host_shared_memory},
    {"host-message-queue", category, "POSIX message queues of the host", layers(Layer::ipc_namespace), "",
     host_message_queue},
};

}  // namespace

std::span<const Probe> process_probes() {
  return table;
}

}  // namespace hv::probe
