#include "cli/usage_view.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/format.h"
#include "base/units.h"
#include "cli/layout.h"

namespace hv::cli {

namespace {

using Amount = std::optional<uint64_t>;

constexpr std::array<std::pair<std::string_view, UsageOrder>, 7> kOrders{{{"name", UsageOrder::name},
                                                                          {"cpu", UsageOrder::cpu},
                                                                          {"memory", UsageOrder::memory},
                                                                          {"io", UsageOrder::io},
                                                                          {"processes", UsageOrder::processes},
                                                                          {"disk", UsageOrder::disk},
                                                                          {"network", UsageOrder::network}}};

struct Row {
  const core::SandboxUsage* now = nullptr;
  Amount cpu_permille;  // of one processor
  Amount io;            // bytes a second
  Amount network;
};

Amount sum(Amount one, Amount other) {
  if (!one && !other) return std::nullopt;
  return one.value_or(0) + other.value_or(0);
}

// A counter that went back belongs to a sandbox that was started anew.
Amount rate(Amount before, Amount now, std::chrono::milliseconds between) {
  if (!before || !now || *now < *before || between.count() <= 0) return std::nullopt;
  return static_cast<uint64_t>(static_cast<double>(*now - *before) * 1000 / static_cast<double>(between.count()));
}

Row make_row(const core::Usage* before, const core::Usage& now, const core::SandboxUsage& item) {
  Row row{&item, {}, {}, {}};
  if (before == nullptr) return row;
  auto old = std::ranges::find(before->sandboxes, item.id, &core::SandboxUsage::id);
  if (old == before->sandboxes.end()) return row;
  auto between = std::chrono::duration_cast<std::chrono::milliseconds>(now.time - before->time);
  const core::SandboxStats& then = old->stats;
  const core::SandboxStats& stats = item.stats;
  if (Amount nanoseconds = rate(then.cpu_nanoseconds, stats.cpu_nanoseconds, between))
    row.cpu_permille = *nanoseconds / 1'000'000;
  row.io =
      rate(sum(then.io_read_bytes, then.io_written_bytes), sum(stats.io_read_bytes, stats.io_written_bytes), between);
  row.network = rate(sum(then.network_bytes_in, then.network_bytes_out),
                     sum(stats.network_bytes_in, stats.network_bytes_out), between);
  return row;
}

uint64_t weight(const Row& row, UsageOrder order) {
  const core::SandboxStats& stats = row.now->stats;
  switch (order) {
    case UsageOrder::name:
      return 0;
    case UsageOrder::cpu:
      return row.cpu_permille.value_or(0);
    case UsageOrder::memory:
      return stats.memory_bytes.value_or(0);
    case UsageOrder::io:
      return row.io.value_or(0);
    case UsageOrder::processes:
      return stats.processes.value_or(0);
    case UsageOrder::disk:
      return stats.workspace_bytes.value_or(0);
    case UsageOrder::network:
      return row.network.value_or(0);
  }
  return 0;
}

std::string bytes(Amount value, std::string_view unit = "") {
  return value ? base::to_text(base::ByteCount{*value}) + std::string(unit) : "-";
}

}  // namespace

base::Result<UsageOrder> parse_usage_order(std::string_view text) {
  for (auto [name, order] : kOrders)
    if (name == text) return order;
  return base::Failure(base::invalid_argument(
      base::format("--sort: '{}' is none of name, cpu, memory, io, processes, disk, network", text)));
}

std::optional<UsageOrder> usage_order_of(char key) {
  // "n" is the network's, which has figures; names are the order of those without any.
  if (key == 'n') return UsageOrder::network;
  for (auto [name, order] : kOrders)
    if (name[0] == key) return order;
  return std::nullopt;
}

std::string usage_text(const core::Usage* before, const core::Usage& now, UsageOrder order, size_t width) {
  std::vector<Row> rows;
  for (const core::SandboxUsage& item : now.sandboxes) rows.push_back(make_row(before, now, item));
  std::ranges::sort(rows, [&](const Row& one, const Row& other) {
    uint64_t first = weight(one, order);
    uint64_t second = weight(other, order);
    return first != second ? first > second : one.now->name < other.now->name;
  });
  bool network = std::ranges::any_of(now.sandboxes, [](const core::SandboxUsage& item) {
    return item.stats.network_bytes_in || item.stats.network_bytes_out;
  });
  std::vector<std::string> header{"NAME", "STATE", "CPU", "MEMORY", "IO", "PROCESSES", "DISK"};
  if (network) header.emplace_back("NETWORK");
  Table table(std::move(header));
  for (const Row& row : rows) {
    const core::SandboxStats& stats = row.now->stats;
    std::vector<std::string> cells{
        row.now->name,
        std::string(core::state_name(stats.state)),
        row.cpu_permille ? base::format("{}.{}%", *row.cpu_permille / 10, *row.cpu_permille % 10) : "-",
        bytes(stats.memory_bytes),
        bytes(row.io, "/s"),
        stats.processes ? std::to_string(*stats.processes) : "-",
        bytes(stats.workspace_bytes)};
    if (network) cells.push_back(bytes(row.network, "/s"));
    table.add(std::move(cells));
  }
  return table.render(width);
}

}  // namespace hv::cli
