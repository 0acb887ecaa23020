// What the kernel's scheduler is asked for. Nothing depends on it being granted.
#pragma once

#include <chrono>

namespace hv::base {

// The shortest that the kernel gives.
inline constexpr std::chrono::microseconds kShortSlice{100};

// For a thread that somebody waits for and that has little to do each time: it asks for shorter slices of a processor,
// which are given to it sooner where others want the processor too, and no more of its time. Its children do not
// inherit it. Without effect before Linux 6.12. sched_setattr(2).
void ask_for_short_slices(std::chrono::nanoseconds slice = kShortSlice);

}  // namespace hv::base
