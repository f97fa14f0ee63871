// What the kernel says about this process: the process_* series of every Prometheus client, with
// client_golang's meaning.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace repodigest::exposition {

/// The fields of /proc/<pid>/stat that we use, in the kernel's units (proc(5)).
struct ProcessStat {
  std::uint64_t cpu_ticks = 0;  ///< utime + stime, of sysconf(_SC_CLK_TCK) a second
  std::uint64_t threads = 0;
  std::uint64_t start_ticks = 0;     ///< since the machine started
  std::uint64_t virtual_bytes = 0;   ///< vsize
  std::uint64_t resident_pages = 0;  ///< rss
};

/// Reads the text of /proc/<pid>/stat, whose second field may hold spaces and parentheses. Nothing if it is
/// not such a text. Any thread.
std::optional<ProcessStat> parse_process_stat(std::string_view text);

/// The process in the units of the metrics: seconds and bytes. What the kernel does not tell is nothing.
struct ProcessUse {
  std::optional<double> cpu_seconds;
  std::optional<std::uint64_t> resident_bytes;
  std::optional<std::uint64_t> virtual_bytes;
  std::optional<std::uint64_t> threads;
  std::optional<double> start_time;  ///< seconds since 1970
  std::optional<std::uint64_t> open_fds;
  std::optional<std::uint64_t> max_fds;  ///< the soft limit
};

/// Of this process, now; about 10 µs. Any thread.
ProcessUse process_use();

}  // namespace repodigest::exposition
