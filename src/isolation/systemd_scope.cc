#include "isolation/systemd_scope.h"

#include <cerrno>
#include <chrono>
#include <memory>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"

namespace hv::isolation {
namespace {

using base::Error;
using base::Failure;
using base::Result;
using base::Status;

constexpr std::chrono::microseconds kPatience = std::chrono::seconds(10);
constexpr const char* kService = "org.freedesktop.systemd1";
constexpr const char* kPath = "/org/freedesktop/systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";

// The functions of libsystemd that are used, found when the first of them is needed.
struct Library {
  decltype(&sd_bus_new) bus_new = nullptr;
  decltype(&sd_bus_set_address) set_address = nullptr;
  decltype(&sd_bus_set_bus_client) set_bus_client = nullptr;
  decltype(&sd_bus_set_method_call_timeout) set_timeout = nullptr;
  decltype(&sd_bus_start) start = nullptr;
  decltype(&sd_bus_flush_close_unref) close = nullptr;
  decltype(&sd_bus_match_signal) match_signal = nullptr;
  decltype(&sd_bus_message_new_method_call) new_call = nullptr;
  decltype(&sd_bus_message_append) append = nullptr;
  decltype(&sd_bus_message_read) read = nullptr;
  decltype(&sd_bus_message_unref) unref = nullptr;
  decltype(&sd_bus_call) call = nullptr;
  decltype(&sd_bus_process) process = nullptr;
  decltype(&sd_bus_wait) wait = nullptr;
  decltype(&sd_bus_error_free) error_free = nullptr;
};

Result<Library> open_library() {
  // Never closed: its functions are used until the end.
  void* handle = ::dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) return Failure(base::unsupported("libsystemd.so.0 cannot be loaded"));
  Library library;
  const char* missing = nullptr;
  auto find = [&](const char* name, auto& function) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(handle, name));
    if (function == nullptr) missing = name;
  };
  find("sd_bus_new", library.bus_new);
  find("sd_bus_set_address", library.set_address);
  find("sd_bus_set_bus_client", library.set_bus_client);
  find("sd_bus_set_method_call_timeout", library.set_timeout);
  find("sd_bus_start", library.start);
  find("sd_bus_flush_close_unref", library.close);
  find("sd_bus_match_signal", library.match_signal);
  find("sd_bus_message_new_method_call", library.new_call);
  find("sd_bus_message_append", library.append);
  find("sd_bus_message_read", library.read);
  find("sd_bus_message_unref", library.unref);
  find("sd_bus_call", library.call);
  find("sd_bus_process", library.process);
  find("sd_bus_wait", library.wait);
  find("sd_bus_error_free", library.error_free);
  if (missing != nullptr) return Failure(base::unsupported(base::format("libsystemd.so.0 has no {}", missing)));
  return library;
}

const Result<Library>& library() {
  static const Result<Library> loaded = open_library();
  return loaded;
}

// What a call of sd-bus returned below zero, with what the other side said about it.
Error failed(int result, const char* operation, const sd_bus_error* said = nullptr) {
  if (said != nullptr && said->message != nullptr)
    return base::unavailable(base::format("{}: {}", operation, base::printable(said->message)));
  return Error::from_errno(-result, operation);
}

// A connection for one errand: nothing has to be kept alive between them.
class Bus {
 public:
  static Result<Bus> connect(const std::string& address) {
    if (!library()) return Failure(library().error());
    const Library& sd = *library();
    sd_bus* raw = nullptr;
    if (int result = sd.bus_new(&raw); result < 0) return Failure(failed(result, "make a bus connection"));
    Bus bus(raw);
    sd.set_timeout(raw, static_cast<uint64_t>(kPatience.count()));
    int result = sd.set_address(raw, address.c_str());
    if (result >= 0) result = sd.set_bus_client(raw, 1);
    if (result >= 0) result = sd.start(raw);
    if (result < 0) return Failure(failed(result, "connect to systemd"));
    return bus;
  }

  // Starts the scope and waits until systemd says how that went.
  Status start_scope(const std::string& unit, pid_t process) {
    const Library& sd = *library();
    Job job{.unit = unit, .result = {}};
    int result = sd.match_signal(bus_.get(), nullptr, kService, kPath, kManager, "JobRemoved", &Bus::on_removed, &job);
    if (result < 0) return Failure(failed(result, "listen to systemd"));
    sd_bus_message* raw = nullptr;
    result = sd.new_call(bus_.get(), &raw, kService, kPath, kManager, "StartTransientUnit");
    if (result < 0) return Failure(failed(result, "ask systemd for a scope"));
    std::unique_ptr<sd_bus_message, decltype(sd.unref)> message(raw, sd.unref);
    // Collected also when it failed: a name in `systemctl --failed` helps nobody. How many tasks there may be is the
    // sandbox's own limit. What a logout or a shutdown ends should not hold it up.
    result = sd.append(raw, "ssa(sv)a(sa(sv))", unit.c_str(), "fail", 6,                //
                       "Description", "s", "Hydravisor: a supervisor and its sandbox",  //
                       "PIDs", "au", 1, static_cast<uint32_t>(process),                 //
                       "Delegate", "b", 1,                                              //
                       "CollectMode", "s", "inactive-or-failed",                        //
                       "TasksMax", "t", UINT64_MAX,                                     //
                       "TimeoutStopUSec", "t", static_cast<uint64_t>(10'000'000),       //
                       0);
    if (result < 0) return Failure(failed(result, "ask systemd for a scope"));
    sd_bus_error error{};
    result = sd.call(bus_.get(), raw, static_cast<uint64_t>(kPatience.count()), &error, nullptr);
    Status asked = result < 0 ? Status(Failure(failed(result, "ask systemd for a scope", &error))) : Status();
    sd.error_free(&error);
    HV_TRY(asked);
    return wait_for(job);
  }

 private:
  struct Job {
    std::string unit;
    std::string result;
  };
  explicit Bus(sd_bus* bus) : bus_(bus, library()->close) {}

  // u: number, o: its object, s: its unit, s: how it ended.
  static int on_removed(sd_bus_message* message, void* data, sd_bus_error*) {
    uint32_t number = 0;
    const char* object = nullptr;
    const char* unit = nullptr;
    const char* result = nullptr;
    auto* job = static_cast<Job*>(data);
    if (library()->read(message, "uoss", &number, &object, &unit, &result) >= 0 && job->unit == unit)
      job->result = result;
    return 0;
  }

  Status wait_for(const Job& job) {
    auto end = std::chrono::steady_clock::now() + kPatience;
    while (job.result.empty()) {
      int result = library()->process(bus_.get(), nullptr);
      if (result > 0) continue;
      auto left = std::chrono::duration_cast<std::chrono::microseconds>(end - std::chrono::steady_clock::now());
      if (result == 0 && left.count() > 0) result = library()->wait(bus_.get(), static_cast<uint64_t>(left.count()));
      if (result < 0 && result != -EINTR) return Failure(failed(result, "wait for systemd to make a scope"));
      if (left.count() <= 0) return Failure(base::timed_out("systemd did not make a scope within 10 seconds"));
    }
    if (job.result == "done") return {};
    return Failure(base::unavailable("systemd could not make a scope: " + base::printable(job.result)));
  }

  std::unique_ptr<sd_bus, decltype(&sd_bus_flush_close_unref)> bus_;
};

// The process's cgroup of version 2, as it stands in the file system.
Result<std::string> cgroup_of(pid_t process) {
  std::string text = HV_TRY(base::read_file(base::format("/proc/{}/cgroup", process), 65536));
  for (const std::string& line : base::split(text, '\n'))
    if (line.starts_with("0::/")) return "/sys/fs/cgroup" + line.substr(3);
  return Failure(base::unsupported("version 2 of cgroups is not in use"));
}

Status put(const std::string& file, const std::string& value) {
  base::Fd open = HV_TRY(base::open_file(file, O_WRONLY));
  if (::write(open.get(), value.data(), value.size()) < 0)
    return Failure(Error::from_errno(errno, base::format("write '{}' to", value), file));
  return {};
}

// Version 2 passes controllers on only from a cgroup that holds no process itself.
Status divide_scope(const std::string& directory, pid_t process) {
  std::string own = directory + "/supervisor";
  if (::mkdir(own.c_str(), 0755) != 0) return Failure(Error::from_errno(errno, "make the cgroup", own));
  HV_TRY(put(own + "/cgroup.procs", std::to_string(process)));
  std::string here = HV_TRY(base::read_file(directory + "/cgroup.controllers", 4096));
  while (here.ends_with('\n')) here.pop_back();
  for (const std::string& name : base::split(here, ' '))
    if (name == "memory" || name == "pids" || name == "cpu" || name == "io")
      HV_TRY(put(directory + "/cgroup.subtree_control", "+" + name));
  return {};
}

}  // namespace

Result<SystemdManager> find_systemd(uid_t uid) {
  if (!base::path_exists("/run/systemd/system")) return Failure(base::unsupported("systemd does not run this machine"));
  if (!base::path_exists("/sys/fs/cgroup/cgroup.controllers"))
    return Failure(base::unsupported("systemd shares version 1 of cgroups with others here"));
  // Where logind puts it; what the environment says may be another's, or a test's.
  std::string socket = uid == 0 ? "/run/dbus/system_bus_socket" : base::format("/run/user/{}/bus", uid);
  if (!base::path_exists(socket))
    return Failure(
        base::unsupported(base::format("no service manager of this user can be asked: {} is not there", socket)));
  return SystemdManager{"unix:path=" + socket};
}

Result<std::string> enter_scope(const SystemdManager& manager, pid_t process, const std::string& name) {
  std::string unit = base::format("hydravisor-{}.scope", name);
  Bus bus = HV_TRY(Bus::connect(manager.address));
  HV_TRY(bus.start_scope(unit, process));
  std::string directory = HV_TRY(cgroup_of(process));
  // Nothing may be divided that is not the scope: what if systemd put it elsewhere, or the process has ended?
  if (!directory.ends_with("/" + unit))
    return Failure(base::unavailable(base::format("systemd made {}, but the process is in {}", unit, directory)));
  HV_TRY(divide_scope(directory, process));
  return directory;
}

}  // namespace hv::isolation
