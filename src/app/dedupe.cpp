#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "repodigest/app/commands.h"
#include "repodigest/base/fd.h"
#include "repodigest/splice/splicer.h"
#include "report.h"
#include "spool.h"

namespace repodigest::app {
namespace {

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;

/// What stops the command.
struct Trouble {
  int exit_code = 0;
  std::string text;
};

/// Reads the inputs one after the other, each through a splicer of its own, into one spool.
class Filter {
 public:
  explicit Filter(const std::string& folder) : spool_(folder) {}

  std::optional<Trouble> take(const std::string& file) {
    if (file == "-") return take(STDIN_FILENO, "<stdin>");
    const Fd opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!opened) return unreadable(file, errno);
    return take(opened.get(), file);
  }

  std::optional<Trouble> put_out() {
    const Status status = spool_.copy_to(STDOUT_FILENO, "stdout");
    if (status) return std::nullopt;
    return Trouble{exit_failed, status.error().text};
  }

  [[nodiscard]] std::string count() const {
    return counted(removed_, "entry", "entries") + " removed from " + counted(lists_, "list", "lists");
  }

 private:
  std::optional<Trouble> take(int fd, const std::string& name) {
    splice::Splicer splicer({.bare_lists = true});
    for (;;) {
      const auto count = ::read(fd, buffer_.data(), buffer_.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return unreadable(name, errno);
      spliced_.clear();
      const Status status = count > 0
                                ? splicer.feed({buffer_.data(), static_cast<std::size_t>(count)}, spliced_)
                                : splicer.finish(spliced_);
      if (!status) {
        const auto [line, column] = splicer.place();
        return Trouble{exit_failed, name + ":" + std::to_string(line) + ":" + std::to_string(column) + ": " +
                                        status.error().text};
      }
      if (const Status kept = spool_.append(spliced_); !kept) return Trouble{exit_failed, kept.error().text};
      if (count > 0) continue;
      removed_ += splicer.removed();
      lists_ += splicer.lists();
      return std::nullopt;
    }
  }

  static Trouble unreadable(const std::string& name, int error_number) {
    return {exit_usage, "cannot read " + name + ": " + errno_text(error_number)};
  }

  Spool spool_;
  std::vector<char> buffer_ = std::vector<char>(std::size_t{128} << 10U);
  std::string spliced_;
  std::uint64_t removed_ = 0;
  std::uint64_t lists_ = 0;
};

int end_with(const Trouble& trouble) {
  std::fprintf(stderr, "repodigest_exporter: %s\n", printable(trouble.text).c_str());
  return trouble.exit_code;
}

}  // namespace

int run_dedupe(const cli::Config& config, const engine::Surroundings& surroundings) {
  // A closed pipe and a limit of files are errors of a write, not a death.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  Filter filter(surroundings.variable("TMPDIR").value_or("/tmp"));
  const auto files = config.dedupe_files.empty() ? std::vector<std::string>{"-"} : config.dedupe_files;
  for (const auto& file : files)
    if (const auto trouble = filter.take(file)) return end_with(*trouble);
  if (const auto trouble = filter.put_out()) return end_with(*trouble);
  if (config.dedupe_count) std::fprintf(stderr, "%s\n", filter.count().c_str());
  return 0;
}

}  // namespace repodigest::app
