// top: what the sandboxes use, again and again.
#include <array>
#include <cerrno>
#include <utility>

#include <poll.h>
#include <unistd.h>

#include "base/format.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/usage_view.h"
#include "client/client.h"
#include "terminal/raw_mode.h"
#include "terminal/window.h"
#include "wire/types.h"

namespace hv::cli {

namespace {

constexpr Option kTopOptions[] = {
    {.name = "interval", .letter = 'i', .value = "TIME", .help = "How often; 1s when not given, at least 100ms"},
    {.name = "sort",
     .letter = 's',
     .value = "ORDER",
     .help = "What comes first: name, cpu (the default), memory, io, processes, disk, network"},
    {.name = "once", .letter = '1', .help = "Print one table and end; the default where output is no terminal"},
};

base::Result<std::chrono::milliseconds> parse_interval(const Arguments& arguments) {
  auto text = arguments.value("interval");
  if (!text) return std::chrono::seconds(1);
  auto interval = base::parse_duration(*text);
  if (interval && *interval >= std::chrono::milliseconds(100) && *interval <= std::chrono::hours(1)) return *interval;
  return base::Failure(base::invalid_argument(
      base::format("--interval: '{}' is not a time from 100ms to 1h, such as 2s", base::printable(*text))));
}

// Two samples: what is shown is their difference.
base::Result<int> print_once(Context& context, client::UsageReader& reader, UsageOrder order) {
  std::optional<core::Usage> before = HV_TRY(reader.next());
  std::optional<core::Usage> now = before ? HV_TRY(reader.next()) : std::nullopt;
  if (!now) return base::Failure(base::unavailable("the daemon ended"));
  if (context.json) return context.print_json(wire::to_json(*now));
  return context.print(usage_text(&*before, *now, order, context.table_width()));
}

base::Result<int> print_samples(Context& context, client::UsageReader& reader) {
  while (auto usage = HV_TRY(reader.next()))
    if (int code = HV_TRY(context.print(wire::to_text(*usage) + "\n")); code != kDone) return code;
  return kDone;
}

// The other screen, as an editor has it: what was there before comes back.
class Screen {
 public:
  static base::Result<Screen> open(Context& context) {
    auto raw = HV_TRY(terminal::RawMode::enter(STDIN_FILENO));
    static_cast<void>(HV_TRY(context.print("\x1b[?1049h\x1b[?25l")));
    return Screen(context, std::move(raw));
  }
  Screen(Screen&& other) noexcept : context_(std::exchange(other.context_, nullptr)), raw_(std::move(other.raw_)) {}
  ~Screen() {
    // A terminal that has gone has nothing to put back.
    if (context_ != nullptr) static_cast<void>(context_->print("\x1b[?25h\x1b[?1049l"));
  }

  // Over what is there, line by line, so that nothing flickers.
  base::Result<int> show(std::string_view text) {
    terminal::WindowSize size = terminal::window_size(STDOUT_FILENO);
    std::string out = "\x1b[H";
    for (size_t row = 1; row < size.rows && !text.empty(); ++row) {
      size_t end = std::min(text.find('\n'), text.size());
      out.append(text.substr(0, end)).append("\x1b[K\r\n");
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return context_->print(out + "\x1b[J");
  }

 private:
  Screen(Context& context, terminal::RawMode raw) : context_(&context), raw_(std::move(raw)) {}
  Context* context_;
  terminal::RawMode raw_;
};

constexpr char kInterrupt = 3;  // raw mode leaves Ctrl-C to us

base::Result<int> show_live(Context& context, client::UsageReader& reader, UsageOrder order) {
  Screen screen = HV_TRY(Screen::open(context));
  std::optional<core::Usage> before;
  std::optional<core::Usage> now;
  auto draw = [&]() -> base::Result<int> {
    if (!now) return kDone;
    std::string text = base::format("{} running   sort: c m i p d n   quit: q\n\n", now->sandboxes.size());
    return screen.show(text + usage_text(before ? &*before : nullptr, *now, order, context.table_width()));
  };
  while (true) {
    std::array<pollfd, 2> fds{{{STDIN_FILENO, POLLIN, 0}, {reader.fd(), POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR)
      return base::Failure(base::Error::from_errno(errno, "wait for the next sample"));
    if (fds[0].revents != 0) {
      char key = 0;
      if (::read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == kInterrupt) return kDone;
      order = usage_order_of(key).value_or(order);
    }
    if (fds[1].revents != 0) {
      std::optional<core::Usage> next = HV_TRY(reader.next());
      if (!next) return base::Failure(base::unavailable("the daemon ended"));
      before = std::exchange(now, std::move(next));
    }
    if (int code = HV_TRY(draw()); code != kDone) return code;
  }
}

base::Result<int> top(Context& context, const Arguments& arguments) {
  auto interval = HV_TRY(context.usage(parse_interval(arguments)));
  UsageOrder order = UsageOrder::cpu;
  if (auto text = arguments.value("sort")) order = HV_TRY(context.usage(parse_usage_order(*text)));
  client::Client* client = HV_TRY(context.client());
  client::UsageReader reader = HV_TRY(client->usage_samples(interval));
  bool live = context.output_is_terminal() && terminal::is_terminal(STDIN_FILENO);
  if (arguments.has("once") || (!live && !context.json)) return print_once(context, reader, order);
  return context.json ? print_samples(context, reader) : show_live(context, reader, order);
}

}  // namespace

constexpr Command kTop = {
    .name = "top",
    .summary = "Watch what sandboxes use",
    .description =
        "Shows processor time, memory, reading and writing, processes and disk of all sandboxes that run, again and "
        "again in the same place. The keys c, m, i, p, d and n sort by one of them, q ends. With --json, one sample a "
        "line for as long as somebody reads.",
    .options = kTopOptions,
    .arguments = {},
    .example = "hydravisor top\nhydravisor top --once --sort memory",
    .exit_codes = {},
    .run = top,
};

}  // namespace hv::cli
