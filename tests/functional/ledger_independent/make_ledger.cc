// Makes a ledger for the independent check to read: make_ledger DIRECTORY COUNT [ROTATE_AT...]. A hand-over of keys
// follows each entry named; the payload of entry 1 is deleted at the end.
// --bundle DIRECTORY FROM TO [CHECKPOINT] prints entries [FROM, TO) of it as a bundle, which continues the checkpoint
// in the file CHECKPOINT. For the benchmark: --loop DIRECTORY COUNT [TOGETHER] records what loops of small programs in
// 20 sandboxes leave, TOGETHER events by one write as the daemon takes them from a spool; --verify DIRECTORY and
// --search DIRECTORY use it, --pack DIRECTORY packs its finished segments. Each prints what it took. --pack FILE [TO]
// tells what one segment's file would be packed to, and writes it.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <sys/resource.h>

#include "audit/archive.h"
#include "audit/bundle.h"
#include "audit/ledger.h"
#include "audit/segment.h"
#include "audit/segment_packer.h"
#include "audit/verify.h"
#include "base/fd.h"
#include "index/index.h"

namespace {

int fail(const hv::base::Error& error) {
  std::fprintf(stderr, "make_ledger: %s\n", error.text().c_str());
  return 1;
}

hv::core::Event event_of(uint64_t number) {
  hv::core::Event event;
  event.kind = number % 3 == 0 ? "exec.exited" : "exec.started";
  event.sandbox = "s0123456789abcdef";
  event.principal = "agent:s0123456789abcdef";
  event.trust = hv::core::Trust::claimed;
  event.origin = hv::core::Origin{event.sandbox, number + 1};
  event.payload = {{"number", number}, {"text", "caf\u00e9 \"quoted\""}};
  return event;
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// As the monitor tells of one program in a loop; every 1000th has a word of its own, every 100,000th is refused.
hv::core::Event loop_event(uint64_t number) {
  hv::core::Event event;
  event.kind = number % 3 == 2 ? "exec.observed" : "exec.started";
  event.sandbox = number % 7 == 0 ? "s0123456789abcdef" : "sfedcba9876543210";
  event.principal = "agent:" + event.sandbox;
  event.trust = hv::core::Trust::claimed;
  if (number % 100'000 == 99'999) {
    event.kind = "network.denied";
    event.risk = hv::core::Risk::low;
    event.payload = {{"what", "connection"}, {"host", "evil.example.org"}, {"port", 443}, {"verdict", "deny"}};
  } else if (event.kind == "exec.observed") {
    event.payload = {{"pid", number % 30'000}, {"executable", "/usr/bin/true"}};
  } else {
    std::string word = number % 1000 == 0 ? "needle" + std::to_string(number) : std::string("-q");
    event.payload = {{"pid", number % 30'000},
                     {"parent", 4242},
                     {"path", "/usr/bin/true"},
                     {"arguments", {"true", word}},
                     {"directory", "/home/u/projects/shop"}};
  }
  return event;
}

int loop(const std::string& directory, uint64_t count, uint64_t together) {
  hv::audit::Ledger::Options options;
  options.directory = directory;
  options.origin = "example.com/loop";
  auto ledger = hv::audit::Ledger::open(options);
  if (!ledger) return fail(ledger.error());
  auto begin = std::chrono::steady_clock::now();
  std::array<uint64_t, 20> sequences{};
  std::vector<hv::core::Event> events;
  for (uint64_t number = 0; number < count;) {
    uint64_t spool = number / together % sequences.size();
    events.clear();
    for (; events.size() < together && number < count; ++number) {
      events.push_back(loop_event(number));
      events.back().origin = hv::core::Origin{"s" + std::to_string(spool), ++sequences[spool]};
    }
    auto recorded = together > 1 ? (*ledger)->record_spooled(events) : (*ledger)->record(events[0]);
    if (!recorded) return fail(recorded.error());
  }
  double recorded = seconds_since(begin);
  if (auto sealed = (*ledger)->seal(); !sealed) return fail(sealed.error());
  std::printf("recorded %.3f sealed %.3f\n", recorded, seconds_since(begin));
  return 0;
}

int bundle(const std::string& directory, uint64_t from, uint64_t to, const char* checkpoint) {
  std::optional<std::string> remembered;
  if (checkpoint != nullptr) {
    auto text = hv::base::read_file(checkpoint);
    if (!text) return fail(text.error());
    remembered = *std::move(text);
  }
  auto writer = hv::audit::BundleWriter::begin(directory, remembered);
  if (!writer) return fail(writer.error());
  std::fputs(writer->header().c_str(), stdout);
  hv::audit::Reader reader(directory);
  for (uint64_t index = from; index < to; ++index) {
    auto entry = reader.at(index);
    if (!entry) return fail(entry.error());
    auto line = writer->line(*entry);
    if (!line) return fail(line.error());
    std::fputs(line->c_str(), stdout);
  }
  std::fputs(writer->end().c_str(), stdout);
  return 0;
}

int verify(const std::string& directory) {
  auto begin = std::chrono::steady_clock::now();
  auto report = hv::audit::verify(directory);
  if (!report) return fail(report.error());
  std::printf("verified %.3f\n", seconds_since(begin));
  return report->intact() ? 0 : 1;
}

int pack_file(const std::string& path, const char* to) {
  auto bytes = hv::base::read_file(path, size_t{1} << 30);
  if (!bytes) return fail(bytes.error());
  auto packed = hv::audit::pack_segment(*bytes);
  if (!packed) return fail(packed.error());
  uint64_t records = 0;
  for (std::string_view rest = std::string_view(*bytes).substr(hv::audit::kSegmentHeaderSize); !rest.empty(); ++records)
    rest.remove_prefix(hv::audit::decode_frame(rest).frame.size());
  std::printf("packed %zu %zu %llu\n", bytes->size(), packed->size(), static_cast<unsigned long long>(records));
  if (to == nullptr) return 0;
  if (auto written = hv::base::replace_file(to, *packed); !written) return fail(written.error());
  return 0;
}

int pack(const std::string& directory) {
  hv::audit::Ledger::Options options;
  options.directory = directory;
  auto ledger = hv::audit::Ledger::open(options);
  if (!ledger) return fail(ledger.error());
  auto begin = std::chrono::steady_clock::now();
  uint64_t before = 0;
  uint64_t after = 0;
  uint64_t records = 0;
  for (;;) {
    auto packed = (*ledger)->pack_next();
    if (!packed) return fail(packed.error());
    if (!*packed) break;
    before += (*packed)->before;
    after += (*packed)->after;
  }
  for (const hv::audit::SegmentFile& file : hv::audit::list_segments(directory).value())
    if (!file.archived) records = file.first_index;
  std::printf("packed %llu %llu %llu %.3f\n", static_cast<unsigned long long>(before),
              static_cast<unsigned long long>(after), static_cast<unsigned long long>(records), seconds_since(begin));
  return 0;
}

// Of this thread: what a search takes on a machine that others use as well.
double own_processor_seconds() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

int search(const std::string& directory) {
  auto size = hv::audit::Reader(directory).size();
  if (!size) return fail(size.error());
  auto begin = std::chrono::steady_clock::now();
  hv::index::Index index({directory, directory + "/index", [&] { return *size; }});
  index.wait_for(*size);
  if (std::string failure = index.standing().failure; !failure.empty()) {
    std::fprintf(stderr, "make_ledger: %s\n", failure.c_str());
    return 1;
  }
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  double processor = static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                     static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  std::printf("indexed %.3f %.3f\n", seconds_since(begin), processor);
  // Times of the middle, where nothing is cached that the ends of a journal would have.
  hv::audit::Reader reader(directory);
  auto time_of = [&](uint64_t number) {
    auto entry = reader.at(number);
    return entry ? std::optional(entry->envelope.time) : std::nullopt;
  };
  std::vector<std::optional<hv::base::WallTime>> moments;
  for (uint64_t i = 0; i < 8; ++i) moments.push_back(time_of(*size / 8 * i));
  // Each asked many times, with another word, sandbox, moment or place each time.
  using Ask = std::function<hv::core::AuditQuery(uint64_t)>;
  uint64_t needles = *size / 1000;
  for (const auto& [what, ask] : std::initializer_list<std::pair<const char*, Ask>>{
           {"one word that stands once",
            [&](uint64_t n) {
              uint64_t number = (n * 7919 % needles) * 1000;
              while (number % 3 == 2) number = (number + 1000) % (needles * 1000);
              return hv::core::AuditQuery{.text = "needle" + std::to_string(number)};
            }},
           {"a word that stands nowhere",
            [&](uint64_t n) { return hv::core::AuditQuery{.text = "nowhere" + std::to_string(n)}; }},
           {"a word that stands everywhere", [&](uint64_t) { return hv::core::AuditQuery{.text = "shop"}; }},
           {"a host and a verdict",
            [&](uint64_t) { return hv::core::AuditQuery{.host = "example.org", .verdict = "deny"}; }},
           {"a sandbox, a kind and a path",
            [&](uint64_t n) {
              return hv::core::AuditQuery{.sandbox = n % 2 == 0 ? "s0123456789abcdef" : "sfedcba9876543210",
                                          .kind = "exec.",
                                          .path = "/home/u/projects"};
            }},
           {"a kind at a time",
            [&](uint64_t n) {
              return hv::core::AuditQuery{
                  .kind = "exec.observed", .since = moments[n % 7], .until = moments[n % 7 + 1]};
            }},
           {"everything before a time", [&](uint64_t n) { return hv::core::AuditQuery{.until = moments[n % 7 + 1]}; }},
           {"a risk", [&](uint64_t) { return hv::core::AuditQuery{.risk = hv::core::Risk::low}; }}}) {
    std::vector<double> times;
    std::vector<double> processor_times;
    uint64_t found = 0;
    for (uint64_t n = 0; n < 200; ++n) {
      hv::core::AuditQuery query = ask(n);
      query.newest_first = true;
      query.limit = 50;
      found = 0;
      auto start = std::chrono::steady_clock::now();
      double used_before = own_processor_seconds();
      auto status = index.search(query, *size, [&](const hv::audit::Entry&) { return ++found < query.limit; });
      if (!status) return fail(status.error());
      times.push_back(seconds_since(start) * 1000);
      processor_times.push_back((own_processor_seconds() - used_before) * 1000);
    }
    // The first one also opens what it needs.
    double first = times[0];
    std::sort(times.begin(), times.end());
    std::sort(processor_times.begin(), processor_times.end());
    std::printf("search %.2f %.2f %.2f %.2f %.2f %llu %s\n", first, times[times.size() / 2],
                times[times.size() * 99 / 100], processor_times[times.size() / 2],
                processor_times[times.size() * 99 / 100], static_cast<unsigned long long>(found), what);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::string_view mode = argc > 2 ? argv[1] : "";
  if (mode == "--loop" && (argc == 4 || argc == 5))
    return loop(argv[2], std::strtoull(argv[3], nullptr, 10),
                argc == 5 ? std::max(1ULL, std::strtoull(argv[4], nullptr, 10)) : 1);
  if (mode == "--bundle" && (argc == 5 || argc == 6))
    return bundle(argv[2], std::strtoull(argv[3], nullptr, 10), std::strtoull(argv[4], nullptr, 10),
                  argc == 6 ? argv[5] : nullptr);
  if (mode == "--verify") return verify(argv[2]);
  if (mode == "--search") return search(argv[2]);
  if (mode == "--pack") {
    bool whole = hv::base::path_exists(std::string(argv[2]) + "/journal");
    return whole ? pack(argv[2]) : pack_file(argv[2], argc > 3 ? argv[3] : nullptr);
  }
  if (argc < 3) {
    std::fprintf(stderr, "usage: make_ledger DIRECTORY COUNT [ROTATE_AT...]\n");
    return 2;
  }
  uint64_t count = std::strtoull(argv[2], nullptr, 10);
  std::set<uint64_t> rotate_at;
  for (int i = 3; i < argc; ++i) rotate_at.insert(std::strtoull(argv[i], nullptr, 10));
  hv::audit::Ledger::Options options;
  options.directory = argv[1];
  options.origin = "example.com/independent";
  options.segment_bytes = uint64_t{1} << 20;
  auto ledger = hv::audit::Ledger::open(options);
  if (!ledger) return fail(ledger.error());
  for (uint64_t number = 0; number < count; ++number) {
    if (auto index = (*ledger)->record(event_of(number)); !index) return fail(index.error());
    if (!rotate_at.contains(number)) continue;
    if (auto rotated = (*ledger)->rotate(); !rotated) return fail(rotated.error());
  }
  if (count > 1)
    if (auto deleted = (*ledger)->delete_payloads(1, 1, "user:0", "to see that it stays provable"); !deleted)
      return fail(deleted.error());
  if (auto sealed = (*ledger)->seal(); !sealed) return fail(sealed.error());
  std::printf("%s\n", (*ledger)->verifier_key().text().c_str());
  return 0;
}
