#include "cli/audit_report_view.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/format.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/layout.h"

namespace hv::cli {

namespace {

using Rows = std::vector<std::vector<std::string>>;

constexpr size_t kPrograms = 12;
constexpr size_t kLines = 20;

// A page is paragraphs and tables; the two texts differ in how they spell them.
class Page {
 public:
  virtual ~Page() = default;
  virtual void title(const std::string& text) = 0;
  virtual void heading(const std::string& text) = 0;
  virtual void line(const std::string& text) = 0;
  virtual void table(std::vector<std::string> header, const Rows& rows) = 0;
  std::string take() { return std::move(out_); }

 protected:
  std::string out_;
};

class TerminalPage final : public Page {
 public:
  explicit TerminalPage(size_t width) : width_(width) {}
  void title(const std::string& text) override { out_ += shorten(base::printable(text), width_) + "\n"; }
  void heading(const std::string& text) override { out_ += "\n" + base::printable(text) + "\n"; }
  void line(const std::string& text) override { out_ += "  " + wrap(base::printable(text), width_, 2, 2) + "\n"; }
  void table(std::vector<std::string> header, const Rows& rows) override {
    Table table(std::move(header));
    for (const auto& row : rows) table.add(row);
    for (const std::string& text : base::split(table.render(width_ == kUnlimited ? width_ : width_ - 2), '\n'))
      if (!text.empty()) out_ += "  " + text + "\n";
  }

 private:
  size_t width_;
};

// Whatever Markdown or HTML would read as more than text is escaped, and what GitHub makes a link of by itself.
std::string plain_markdown(const std::string& text) {
  std::string out;
  std::string plain = base::printable(text);
  for (size_t i = 0; i < plain.size(); ++i) {
    bool link = plain.compare(i, 3, "://") == 0 || (plain[i] == '.' && i >= 3 && plain.compare(i - 3, 3, "www") == 0);
    bool bullet = i == 0 && (plain[i] == '-' || plain[i] == '+');
    if (link || bullet || std::string_view("\\`*_{}[]()<>#|!&~$@").find(plain[i]) != std::string_view::npos)
      out += '\\';
    out += plain[i];
  }
  return out;
}

class MarkdownPage final : public Page {
 public:
  void title(const std::string& text) override { out_ += "# " + plain_markdown(text) + "\n"; }
  void heading(const std::string& text) override {
    out_ += "\n## " + plain_markdown(text) + "\n\n";
    last_ = Last::heading;
  }
  void line(const std::string& text) override {
    if (std::exchange(last_, Last::line) == Last::table) out_ += "\n";
    out_ += "- " + plain_markdown(text) + "\n";
  }
  void table(std::vector<std::string> header, const Rows& rows) override {
    // A table right behind a line would be read as its continuation.
    if (std::exchange(last_, Last::table) != Last::heading) out_ += "\n";
    row(header);
    for (std::string& cell : header) cell = "---";
    out_ += "| " + base::join(header, " | ") + " |\n";
    for (const auto& cells : rows) row(cells);
  }

 private:
  enum class Last { heading, line, table } last_ = Last::heading;
  void row(const std::vector<std::string>& cells) {
    out_ += "|";
    for (const std::string& cell : cells) out_ += " " + plain_markdown(cell) + " |";
    out_ += "\n";
  }
};

std::string minute(base::WallTime time) {
  std::string text = base::to_rfc3339(time);
  return text.substr(0, 10) + " " + text.substr(11, 8) + " UTC";
}

std::string bytes(uint64_t count) {
  return base::to_text(base::ByteCount{count});
}

std::string more(size_t all, size_t shown) {
  return all > shown ? base::format("and {} more", all - shown) : std::string();
}

// By count, the most frequent first.
std::vector<std::pair<std::string, uint64_t>> frequent(const std::map<std::string, uint64_t>& counts) {
  std::vector<std::pair<std::string, uint64_t>> all(counts.begin(), counts.end());
  std::ranges::sort(
      all, [](const auto& a, const auto& b) { return a.second != b.second ? a.second > b.second : a.first < b.first; });
  return all;
}

void write_runs(const AuditReport& report, Page& page) {
  page.heading("What was started");
  for (const AuditReport::Run& run : report.runs) {
    std::string command;
    for (const std::string& word : run.command) command += (command.empty() ? "" : " ") + base::shell_quote(word);
    page.line(base::format("{}  {}", minute(run.from), command));
    page.line(base::format("by {}, policy {}, workspace {}{}", run.principal, run.policy,
                           run.workspace.empty() ? "none" : run.workspace,
                           run.workspace.empty() ? "" : " (" + run.mode + ")"));
    if (run.to) {
      auto took = std::chrono::duration_cast<std::chrono::milliseconds>(*run.to - run.from);
      page.line(base::format("ended after {}: {}", base::to_text(took), run.ended));
    } else {
      page.line("has not ended");
    }
    for (const std::string& weaker : run.degraded) page.line("not enforced: " + weaker);
  }
  if (report.runs.empty()) page.line("nothing");
}

void write_programs(const AuditReport& report, Page& page) {
  page.heading("What ran");
  page.line(
      base::format("{} programs were started, of {} different files", report.programs_started, report.programs.size()));
  Rows rows;
  for (const auto& [path, count] : frequent(report.programs)) {
    if (rows.size() == kPrograms) break;
    rows.push_back({std::to_string(count), path, report.observed.contains(path) ? "seen running" : "claimed"});
  }
  if (!rows.empty()) page.table({"TIMES", "PROGRAM", "HOW IT IS KNOWN"}, rows);
  if (auto rest = more(report.programs.size(), rows.size()); !rest.empty()) page.line(rest);
  size_t unclaimed = 0;
  for (const auto& [path, count] : report.observed)
    if (!report.programs.contains(path) && unclaimed++ < kLines) page.line("seen running under another name: " + path);
  for (const std::string& failure : report.failed) page.line("could not be started: " + failure);
}

std::string command_of(const AuditReport::Failure& failure) {
  std::vector<std::string> words;
  for (const std::string& word : failure.command) words.push_back(base::shell_quote(word));
  if (!words.empty()) return base::join(words, " ");
  return failure.executable.empty() ? "(not known)" : failure.executable;
}

void write_failures(const AuditReport& report, Page& page) {
  page.heading("What failed");
  Rows rows;
  for (const AuditReport::Failure& failure : report.failed_commands) {
    if (rows.size() == kLines) break;
    rows.push_back({std::to_string(failure.count),
                    failure.signal.empty() ? base::format("exit {}", failure.status) : failure.signal,
                    command_of(failure), std::to_string(failure.first_index)});
  }
  page.table({"TIMES", "HOW", "COMMAND (CLAIMED)", "RECORD"}, rows);
  if (auto rest = more(report.failed_commands.size() + report.failures_left_out, rows.size()); !rest.empty())
    page.line(rest);
}

void write_steps(const std::vector<AuditReport::Step>& steps, Page& page) {
  Rows rows;
  for (const AuditReport::Step& step : steps) {
    if (rows.size() == kLines) break;
    rows.push_back({minute(step.at).substr(11, 8), step.who, step.what, std::to_string(step.index)});
  }
  if (!rows.empty()) page.table({"TIME", "WHO", "WHAT", "RECORD"}, rows);
  if (auto rest = more(steps.size(), rows.size()); !rest.empty()) page.line(rest);
}

void write_files(const AuditReport& report, Page& page) {
  page.heading("What it did to files");
  std::string sums;
  for (const auto& [what, count] : report.files) sums += base::format("{}{} {}", sums.empty() ? "" : ", ", what, count);
  page.line(sums);
  Rows rows;
  for (const auto& [what, path] : report.file_paths) {
    if (rows.size() == kLines) break;
    rows.push_back({what, path});
  }
  page.table({"WHAT", "PATH"}, rows);
  if (auto rest = more(report.file_paths.size(), rows.size()); !rest.empty()) page.line(rest);
}

void write_changes(const AuditReport& report, Page& page) {
  page.heading("What changed on the host");
  write_steps(report.changes, page);
  size_t shown = 0;
  for (const std::string& path : report.changed_paths)
    if (shown++ < kLines) page.line(path);
  if (auto rest = more(report.changed_paths.size(), kLines); !rest.empty()) page.line(rest);
  if (report.changed_paths.empty()) page.line("no file was applied");
}

void write_refusals(const AuditReport& report, Page& page) {
  page.heading("What was refused");
  Rows rows;
  for (const auto& [call, refusal] : report.refused_calls)
    rows.push_back({refusal.risk, std::to_string(refusal.count), "system call " + call, refusal.why,
                    std::to_string(refusal.first_index)});
  for (const auto& [name, host] : report.hosts)
    if (host.refused > 0)
      rows.push_back({"", std::to_string(host.refused), "to reach " + name, host.verdict + ": " + host.rule, ""});
  if (rows.empty()) return page.line("nothing");
  size_t all = rows.size();
  rows.resize(std::min(all, kLines));
  page.table({"RISK", "TIMES", "WHAT", "WHY", "RECORD"}, rows);
  if (auto rest = more(all, kLines); !rest.empty()) page.line(rest);
}

void write_network(const AuditReport& report, Page& page) {
  page.heading("The network, by host");
  Rows rows;
  for (const auto& [name, host] : report.hosts)
    if (host.connections + host.requests + host.bytes_in + host.bytes_out > 0)
      rows.push_back({name, std::to_string(host.connections), std::to_string(host.requests), bytes(host.bytes_out),
                      bytes(host.bytes_in)});
  if (rows.empty()) return page.line("nothing was reached");
  size_t all = rows.size();
  rows.resize(std::min(all, kLines));
  page.table({"HOST", "CONNECTIONS", "REQUESTS", "SENT", "RECEIVED"}, rows);
  if (auto rest = more(all, kLines); !rest.empty()) page.line(rest);
}

void write(const AuditReport& report, Page& page) {
  page.title(base::format("Report of sandbox {} ({})", report.name, report.id));
  write_runs(report, page);
  if (!report.remarkable.empty()) {
    page.heading("What deserves a look");
    write_steps(report.remarkable, page);
  }
  if (!report.files.empty()) write_files(report, page);
  write_changes(report, page);
  write_refusals(report, page);
  write_network(report, page);
  write_programs(report, page);
  if (!report.failed_commands.empty()) write_failures(report, page);
  if (!report.asked.empty()) {
    page.heading("What people asked for");
    write_steps(report.asked, page);
  }
  page.heading("The record");
  page.line(base::format("{} records, {} to {}, {} of them sealed", report.records, report.first_index,
                         report.last_index, report.sealed));
  if (report.redacted > 0) page.line(base::format("{} credentials were taken out of it", report.redacted));
  if (report.payloads_deleted > 0)
    page.line(base::format("of {} records only the envelope is left", report.payloads_deleted));
}

base::json::Array steps_json(const std::vector<AuditReport::Step>& steps) {
  base::json::Array array;
  for (const AuditReport::Step& step : steps)
    array.push_back(base::json::Object{
        {"index", step.index}, {"time", base::to_rfc3339(step.at)}, {"who", step.who}, {"what", step.what}});
  return array;
}

}  // namespace

std::string report_text(const AuditReport& report, size_t width) {
  TerminalPage page(width);
  write(report, page);
  return page.take();
}

std::string report_markdown(const AuditReport& report) {
  MarkdownPage page;
  write(report, page);
  return page.take();
}

base::json::Value report_json(const AuditReport& report) {
  using base::json::Array;
  using base::json::Object;
  auto texts = [](const std::vector<std::string>& list) {
    Array array;
    for (const std::string& text : list) array.emplace_back(text);
    return array;
  };
  auto counts = [](const std::map<std::string, uint64_t>& map) {
    Array array;
    for (const auto& [name, count] : frequent(map)) array.push_back(Object{{"name", name}, {"count", count}});
    return array;
  };
  Array runs;
  for (const AuditReport::Run& run : report.runs) {
    Object object{{"principal", run.principal}, {"command", texts(run.command)},
                  {"policy", run.policy},       {"workspace", run.workspace},
                  {"mode", run.mode},           {"from", base::to_rfc3339(run.from)}};
    if (run.to) object["to"] = base::to_rfc3339(*run.to);
    object["ended"] = run.ended;
    object["degraded"] = texts(run.degraded);
    runs.push_back(std::move(object));
  }
  Array refused;
  for (const auto& [call, refusal] : report.refused_calls)
    refused.push_back(Object{{"call", call},
                             {"risk", refusal.risk},
                             {"count", refusal.count},
                             {"error", refusal.why},
                             {"index", refusal.first_index}});
  Array hosts;
  for (const auto& [name, host] : report.hosts)
    hosts.push_back(Object{{"host", name},
                           {"connections", host.connections},
                           {"requests", host.requests},
                           {"bytes_in", host.bytes_in},
                           {"bytes_out", host.bytes_out},
                           {"refused", host.refused},
                           {"verdict", host.verdict},
                           {"rule", host.rule}});
  Object out{{"name", report.name},
             {"id", report.id},
             {"records", report.records},
             {"first_index", report.first_index},
             {"last_index", report.last_index},
             {"sealed", report.sealed},
             {"redacted", report.redacted},
             {"payloads_deleted", report.payloads_deleted}};
  out["runs"] = std::move(runs);
  out["remarkable"] = steps_json(report.remarkable);
  out["files"] = counts(report.files);
  out["changes"] = steps_json(report.changes);
  out["changed_paths"] = texts(report.changed_paths);
  out["refused_calls"] = std::move(refused);
  out["hosts"] = std::move(hosts);
  out["programs_started"] = report.programs_started;
  out["programs"] = counts(report.programs);
  out["observed"] = counts(report.observed);
  out["failed"] = texts(report.failed);
  Array failures;
  for (const AuditReport::Failure& failure : report.failed_commands)
    failures.push_back(Object{{"command", texts(failure.command)},
                              {"executable", failure.executable},
                              {"status", failure.status},
                              {"signal", failure.signal},
                              {"count", failure.count},
                              {"index", failure.first_index}});
  out["failed_commands"] = std::move(failures);
  out["failures_left_out"] = report.failures_left_out;
  out["asked"] = steps_json(report.asked);
  return out;
}

}  // namespace hv::cli
