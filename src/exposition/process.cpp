#include "repodigest/exposition/process.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "repodigest/base/fd.h"

namespace repodigest::exposition {
namespace {

/// The beginning of a file of /proc, which is all of /proc/self/stat (52 numbers and a name).
class SmallFile {
 public:
  explicit SmallFile(const char* path) {
    const Fd file(::open(path, O_RDONLY | O_CLOEXEC));
    const auto count = ::read(file.get(), bytes_.data(), bytes_.size());
    if (count > 0) size_ = static_cast<std::size_t>(count);
  }
  [[nodiscard]] std::string_view text() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, 2048> bytes_;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  std::size_t size_ = 0;
};

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Takes the next word off `text`; empty at its end.
std::string_view next_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \n"), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(" \n"));
  text.remove_prefix(word.size());
  return word;
}

/// When the machine started, in seconds since 1970: the line `btime` of /proc/stat.
std::optional<std::uint64_t> boot_time() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("btime ")) return number(std::string_view(line).substr(6));
  return std::nullopt;
}

std::optional<std::uint64_t> count_open_fds() {
  // Since Linux 6.2 the folder's size is their number; before, it is 0.
  struct stat folder {};
  if (::stat("/proc/self/fd", &folder) == 0 && folder.st_size > 0)
    return static_cast<std::uint64_t>(folder.st_size);
  std::error_code failure;
  std::uint64_t count = 0;
  for (std::filesystem::directory_iterator entry("/proc/self/fd", failure), end; !failure && entry != end;
       entry.increment(failure))
    ++count;
  if (failure || count == 0) return std::nullopt;
  return count - 1;  // one was open for the counting only
}

std::optional<std::uint64_t> max_open_fds() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::nullopt;
  return limit.rlim_cur;
}

}  // namespace

std::optional<ProcessStat> parse_process_stat(std::string_view text) {
  const std::size_t name_end = text.rfind(')');  // only the name has parentheses, and any it likes
  if (name_end == std::string_view::npos) return std::nullopt;
  text.remove_prefix(name_end + 1);
  constexpr std::size_t first_field = 3;
  std::array<std::string_view, 25> fields;  // by their numbers in proc(5)
  for (std::size_t i = first_field; i < fields.size(); ++i) fields[i] = next_word(text);
  const auto user = number(fields[14]);
  const auto system = number(fields[15]);
  const auto threads = number(fields[20]);
  const auto start = number(fields[22]);
  const auto virtual_bytes = number(fields[23]);
  const auto resident = number(fields[24]);
  if (!user || !system || !threads || !start || !virtual_bytes || !resident) return std::nullopt;
  return ProcessStat{*user + *system, *threads, *start, *virtual_bytes, *resident};
}

ProcessUse process_use() {
  static const std::optional<std::uint64_t> booted = boot_time();  // long on machines with many CPUs: once
  ProcessUse use;
  use.open_fds = count_open_fds();
  use.max_fds = max_open_fds();
  const auto stat = parse_process_stat(SmallFile("/proc/self/stat").text());
  if (!stat) return use;
  const auto ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
  use.cpu_seconds = static_cast<double>(stat->cpu_ticks) / ticks_per_second;
  use.threads = stat->threads;
  use.virtual_bytes = stat->virtual_bytes;
  use.resident_bytes = stat->resident_pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  if (booted)
    use.start_time = static_cast<double>(*booted) + static_cast<double>(stat->start_ticks) / ticks_per_second;
  return use;
}

}  // namespace repodigest::exposition
