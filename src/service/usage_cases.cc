#include "service/usage_cases.h"

#include <algorithm>
#include <memory>

#include <fcntl.h>

namespace hv::service {

namespace {

// Of the disks, at each sample: a few milliseconds at most.
constexpr size_t kEntriesASample = 2000;
// Of one disk, where nobody watches: what holds more is not counted for a single look.
constexpr size_t kEntriesOnce = 50'000;

struct Ticker {
  base::Reactor& loop;
  std::chrono::milliseconds interval;
  std::function<void()> wake;
  base::Subscription timer{};
};

void tick_again(const std::shared_ptr<Ticker>& ticker) {
  std::weak_ptr<Ticker> weak = ticker;
  ticker->timer = ticker->loop.after(ticker->interval, [weak] {
    auto still = weak.lock();
    if (!still) return;
    still->wake();
    tick_again(still);
  });
}

}  // namespace

core::SandboxStats to_stats(const SandboxView& view, const isolation::CgroupMeter& meter) {
  isolation::CgroupUsage usage = meter.read();
  core::SandboxStats stats;
  stats.state = view.info.state;
  if (usage.memory != 0) stats.memory_bytes = usage.memory;
  if (usage.memory_peak != 0) stats.memory_peak_bytes = usage.memory_peak;
  if (usage.pids != 0) stats.processes = usage.pids;
  if (usage.cpu.count() != 0) stats.cpu_nanoseconds = static_cast<uint64_t>(usage.cpu.count());
  if (meter.counts_io()) {
    stats.io_read_bytes = usage.io_read;
    stats.io_written_bytes = usage.io_written;
  }
  if (view.info.network.open || view.network.connections + view.network.denied > 0) {
    stats.connections = view.network.connections;
    stats.connections_denied = view.network.denied;
    stats.network_bytes_in = view.network.bytes_in;
    stats.network_bytes_out = view.network.bytes_out;
  }
  return stats;
}

UsageCases::UsageCases(std::function<std::vector<SandboxView>()> list, std::string directory, base::Reactor& loop)
    : list_(std::move(list)), directory_(std::move(directory)), loop_(loop) {}

base::Fd UsageCases::open_layer(const std::string& id) const {
  return base::open_file(directory_ + "/" + id + "/workspace/upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
      .value_or(base::Fd());
}

base::Result<core::Usage> UsageCases::usage() {
  std::vector<SandboxView> all = list_();
  std::ranges::sort(all, {}, [](const SandboxView& view) -> const std::string& { return view.info.name; });
  core::Usage usage;
  usage.time = base::system_clock().wall();
  auto state = state_.lock();
  bool watched = state->watchers != 0;
  for (auto& [id, sandbox] : state->sandboxes) sandbox.seen = false;
  for (const SandboxView& view : all) {
    const core::SandboxInfo& info = view.info;
    core::SandboxUsage item{info.id, info.name, {}};
    if (watched) {
      auto [place, is_new] = state->sandboxes.try_emplace(info.id);
      if (is_new) place->second.meter = isolation::CgroupMeter(info.cgroups);
      place->second.seen = true;
      item.stats = to_stats(view, place->second.meter);
      item.stats.workspace_bytes = place->second.disk;
    } else {
      item.stats = to_stats(view, isolation::CgroupMeter(info.cgroups));
      base::Fd layer = open_layer(info.id);
      base::DiskWalk walk({layer.get()});
      if (layer && walk.step(kEntriesOnce)) item.stats.workspace_bytes = walk.bytes();
    }
    usage.sandboxes.push_back(std::move(item));
  }
  std::erase_if(state->sandboxes, [](const auto& item) { return !item.second.seen; });
  if (watched) count_disks(*state);
  return usage;
}

// One after the other and round again. What a small one leaves of a sample's share goes to the next.
void UsageCases::count_disks(State& state) const {
  size_t share = kEntriesASample;
  for (size_t looks = 0; looks < 8 && share > 0 && !state.sandboxes.empty(); ++looks) {
    auto current = state.sandboxes.find(state.counting);
    if (!state.walk || current == state.sandboxes.end()) {
      current = state.sandboxes.upper_bound(state.counting);
      if (current == state.sandboxes.end()) current = state.sandboxes.begin();
      state.counting = current->first;
      state.root = open_layer(current->first);
      if (!state.root) continue;
      state.walk.emplace(std::vector{state.root.get()});
    }
    size_t slice = std::min(share, kEntriesASample / 8);
    if (state.walk->step(slice)) {
      current->second.disk = state.walk->bytes();
      state.walk.reset();
    }
    share -= slice;
  }
}

core::Subscription UsageCases::watch(std::chrono::milliseconds interval, std::function<void()> wake) {
  ++state_.lock()->watchers;
  auto ticker = std::make_shared<Ticker>(Ticker{loop_, interval, std::move(wake)});
  tick_again(ticker);
  return core::Subscription([this, ticker]() mutable {
    ticker->timer.reset();
    auto state = state_.lock();
    if (--state->watchers != 0) return;
    state->sandboxes.clear();
    state->walk.reset();
    state->root.close();
  });
}

}  // namespace hv::service
