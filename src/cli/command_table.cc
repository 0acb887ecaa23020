#include "cli/command_table.h"

#include <algorithm>

#include "base/text.h"
#include "cli/commands.h"

namespace hv::cli {

namespace {

constexpr const Command* kRunning[] = {&kRun,    &kExec,  &kAttach, &kCreate, &kStart,  &kStop,  &kKill,
                                       &kExtend, &kPause, &kResume, &kWait,   &kRename, &kRemove};
constexpr const Command* kLooking[] = {&kList, &kInspect, &kStats, &kTop, &kLogs, &kNet};
constexpr const Command* kChanging[] = {&kDiff, &kApply, &kDiscard, &kUndo, &kSync};
constexpr const Command* kRecording[] = {&kAuditReport,  &kAuditList,   &kAuditSearch, &kAuditTail,
                                         &kAuditShow,    &kAuditVerify, &kAuditCheck,  &kAuditProve,
                                         &kAuditWitness, &kAuditExport, &kAuditPrune};
constexpr const Command* kChoosing[] = {
    &kPolicyList,     &kPolicyShow,  &kPolicyNew, &kPolicyValidate, &kPolicyCheck, &kPolicyExplain, &kPolicyDiff,
    &kPolicySimulate, &kPolicyLearn, &kAgentList, &kAgentShow,      &kHomeList,    &kHomeRemove};
constexpr const Command* kAdmitting[] = {&kAccessShow, &kAccessCheck, &kTokenCreate, &kTokenList, &kTokenRevoke};
constexpr const Command* kMachine[] = {&kDoctor,      &kProbe,      &kConfigShow,     &kConfigGet, &kConfigSet,
                                       &kConfigCheck, &kConfigPath, &kConfigSchema,   &kDaemonRun, &kDaemonStatus,
                                       &kDaemonStop,  &kCompletion, &kVersionCommand, &kComplete,  &kManPages};

constexpr CommandGroup kGroups[] = {
    {.title = "Run", .commands = kRunning},
    {.title = "Look", .commands = kLooking},
    {.title = "Changes to your files", .commands = kChanging},
    {.title = "The record", .commands = kRecording},
    {.title = "Policies, agents, homes", .commands = kChoosing},
    {.title = "Who may do what", .commands = kAdmitting},
    {.title = "This machine", .commands = kMachine},
};

std::string_view first_word(std::string_view name) {
  return name.substr(0, name.find(' '));
}

}  // namespace

std::span<const CommandGroup> command_groups() {
  return kGroups;
}

const Command* find_command(std::string_view name) {
  for (const CommandGroup& group : kGroups)
    for (const Command* command : group.commands)
      if (command->name == name) return command;
  return nullptr;
}

std::vector<const Command*> commands_below(std::string_view group) {
  std::vector<const Command*> found;
  for (const CommandGroup& table : kGroups)
    for (const Command* command : table.commands)
      if (command->name.size() > group.size() && first_word(command->name) == group) found.push_back(command);
  return found;
}

std::optional<std::string> nearest_command(std::string_view typed) {
  std::vector<std::string> names;
  bool one_word = typed.find(' ') == std::string_view::npos;
  for (const CommandGroup& group : kGroups)
    for (const Command* command : group.commands)
      if (!command->hidden) names.emplace_back(one_word ? first_word(command->name) : command->name);
  return base::nearest(typed, names);
}

}  // namespace hv::cli
