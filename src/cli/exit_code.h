// The exit codes that scripts may rely on; docs/exit-codes.md is their page.
#pragma once

namespace hv::cli {

inline constexpr int kDone = 0;
// The answer is no: a record was altered, a file was held back, a probe got through.
inline constexpr int kNo = 1;
// The command line cannot be understood; nothing was done. Commands that pass a status through have kFailed for it.
inline constexpr int kUsage = 2;
// Hydravisor failed, or refused. Also 126 and 127 from run and exec, as shells have them.
inline constexpr int kFailed = 125;
inline constexpr int kInterrupted = 130;
inline constexpr int kBrokenPipe = 141;

}  // namespace hv::cli
