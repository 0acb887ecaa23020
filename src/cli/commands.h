// Every command, by its verb. command_table.cc puts them in order.
#pragma once

#include "cli/command.h"

namespace hv::cli {

// run_commands.cc
extern const Command kRun;
extern const Command kCreate;
// exec_commands.cc
extern const Command kExec;
extern const Command kAttach;
// lifecycle_commands.cc
extern const Command kStart;
extern const Command kStop;
extern const Command kExtend;
extern const Command kKill;
extern const Command kPause;
extern const Command kResume;
extern const Command kRemove;
extern const Command kRename;
extern const Command kWait;
// listing_commands.cc
extern const Command kList;
extern const Command kInspect;
extern const Command kStats;
extern const Command kLogs;
// net_commands.cc
extern const Command kNet;
// top_command.cc
extern const Command kTop;
// workspace_commands.cc
extern const Command kDiff;
extern const Command kApply;
extern const Command kDiscard;
extern const Command kUndo;
extern const Command kSync;
// policy_commands.cc
extern const Command kPolicyList;
extern const Command kPolicyShow;
extern const Command kPolicyNew;
extern const Command kPolicyValidate;
// policy_questions.cc
extern const Command kPolicyCheck;
extern const Command kPolicyExplain;
extern const Command kPolicyDiff;
extern const Command kPolicySimulate;
extern const Command kPolicyLearn;
// access_commands.cc
extern const Command kAccessShow;
extern const Command kAccessCheck;
// token_commands.cc
extern const Command kTokenCreate;
extern const Command kTokenList;
extern const Command kTokenRevoke;
// catalogue_commands.cc
extern const Command kAgentList;
extern const Command kAgentShow;
extern const Command kHomeList;
extern const Command kHomeRemove;
// audit_commands.cc
extern const Command kAuditList;
extern const Command kAuditSearch;
extern const Command kAuditTail;
extern const Command kAuditShow;
// audit_report_command.cc
extern const Command kAuditReport;
// audit_proof_commands.cc
extern const Command kAuditVerify;
extern const Command kAuditCheck;
extern const Command kAuditProve;
extern const Command kAuditWitness;
// audit_prune_command.cc
extern const Command kAuditPrune;
// audit_export_command.cc
extern const Command kAuditExport;
// host_commands.cc
extern const Command kProbe;
extern const Command kDoctor;
extern const Command kDaemonRun;
extern const Command kDaemonStatus;
extern const Command kDaemonStop;
extern const Command kVersionCommand;
// config_commands.cc
extern const Command kConfigShow;
extern const Command kConfigGet;
extern const Command kConfigSet;
extern const Command kConfigCheck;
extern const Command kConfigPath;
extern const Command kConfigSchema;
// completion_commands.cc
extern const Command kCompletion;
extern const Command kComplete;
extern const Command kManPages;

}  // namespace hv::cli
