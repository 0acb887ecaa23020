#include "cli/request_options.h"

#include "base/format.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/values.h"
#include "core/egress_text.h"

namespace hv::cli {

namespace {

template <typename Enum>
base::Result<Enum> parse_named(std::string_view option, std::string_view text) {
  return HV_TRY_CONTEXT(core::parse_name<Enum>(text), base::format("--{}", option));
}

base::Result<core::LimitsRequest> read_limits(const Arguments& arguments) {
  core::LimitsRequest limits;
  limits.accept_unenforced = arguments.has("accept-unenforced");
  if (auto text = arguments.value("memory"))
    limits.memory_bytes = HV_TRY(parse_size("memory", *text, core::least_memory_bytes, "2GiB"));
  if (auto text = arguments.value("pids"))
    limits.pids = HV_TRY(parse_number("pids", *text, core::least_pids, 4'194'304));
  if (auto text = arguments.value("cpus")) limits.cpu_millis = HV_TRY(parse_cpus(*text));
  if (auto text = arguments.value("io"))
    limits.io_bytes = HV_TRY(parse_size("io", *text, core::least_io_bytes, "50MiB"));
  if (auto text = arguments.value("disk"))
    limits.disk_bytes = HV_TRY(parse_size("disk", *text, core::least_disk_bytes, "10GiB"));
  if (auto text = arguments.value("open-files"))
    limits.open_files = HV_TRY(parse_number("open-files", *text, core::least_open_files, 1'048'576));
  if (auto text = arguments.value("wall")) limits.wall_millis = HV_TRY(parse_time_limit("--wall", *text));
  if (auto text = arguments.value("idle")) limits.idle_millis = HV_TRY(parse_time_limit("--idle", *text));
  return limits;
}

base::Result<core::RunRequest> read(const Arguments& arguments, core::Caller caller) {
  core::RunRequest request;
  request.command = arguments.trailing();
  request.name = arguments.value("name");
  request.policy = arguments.value("policy");
  request.agent = arguments.value("agent");
  request.fresh_home = arguments.has("fresh-home");
  if (auto text = arguments.value("tier")) request.tier = HV_TRY(parse_named<core::Tier>("tier", *text));
  if (auto path = arguments.value("rootfs")) request.rootfs = absolute_path(*path, caller.directory);
  if (auto text = arguments.value("workspace"))
    request.workspace.mode = HV_TRY(parse_named<core::WorkspaceMode>("workspace", *text));
  auto workspace = arguments.value("workspace-dir");
  if (workspace && request.workspace.mode == core::WorkspaceMode::none)
    return base::Failure(base::invalid_argument("--workspace-dir and --workspace none contradict each other"));
  if (request.workspace.mode != core::WorkspaceMode::none)
    request.workspace.path = absolute_path(workspace.value_or("."), caller.directory);
  // From another place there is no directory of the caller's inside, so the command starts in the workspace.
  if (workspace) request.directory = request.workspace.path;
  for (const std::string& text : arguments.values("env"))
    request.environment.push_back(HV_TRY(parse_variable(text, caller.environment)));
  for (const std::string& path : arguments.values("read"))
    request.read.push_back(absolute_path(path, caller.directory));
  for (const std::string& path : arguments.values("write"))
    request.write.push_back(absolute_path(path, caller.directory));
  for (const std::string& text : arguments.values("host-port"))
    request.host_ports.push_back(static_cast<uint16_t>(HV_TRY(parse_number("host-port", text, 1, 65'535))));
  if (auto text = arguments.value("network"))
    request.network = HV_TRY(parse_named<core::NetworkMode>("network", *text));
  request.allow = HV_TRY(read_rules(arguments, "allow"));
  request.allow_private = HV_TRY(read_rules(arguments, "allow-private"));
  if (request.network == core::NetworkMode::none && !(request.allow.empty() && request.allow_private.empty()))
    return base::Failure(base::invalid_argument("--allow and --network none contradict each other"));
  for (const std::string& text : arguments.values("label")) request.labels.insert(HV_TRY(parse_label(text)));
  request.limits = HV_TRY(read_limits(arguments));
  request.allow_degraded = arguments.values("allow-degraded");
  if (arguments.has("nested") && arguments.has("no-nested"))
    return base::Failure(base::invalid_argument("--nested and --no-nested contradict each other"));
  if (arguments.has("nested")) request.allow_nested = true;
  if (arguments.has("no-nested")) request.allow_nested = false;
  for (const std::string& text : arguments.values("skip-layer"))
    request.skipped_layers.push_back(HV_TRY(parse_named<core::Layer>("skip-layer", text)));
  request.caller = std::move(caller);
  return request;
}

}  // namespace

base::Result<std::vector<std::string>> read_rules(const Arguments& arguments, std::string_view option) {
  std::vector<std::string> rules = arguments.values(option);
  for (const std::string& text : rules) (void)HV_TRY_CONTEXT(core::parse_rule(text), base::format("--{}", option));
  return rules;
}

base::Result<core::RunRequest> read_request(Context& context, const Arguments& arguments) {
  core::Caller caller = HV_TRY(context.caller());
  core::RunRequest request = HV_TRY(context.usage(read(arguments, std::move(caller))));
  for (core::Layer layer : request.skipped_layers)
    context.note(
        base::format("hydravisor: WARNING: this sandbox runs without its layer '{}', as asked for by --skip-layer",
                     core::name_of(layer)));
  return request;
}

}  // namespace hv::cli
