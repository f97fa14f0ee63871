// The command dedupe over one file, or two with a byte FF between: nothing comes out unless all is JSON, and
// then what the reference says.
#include <fcntl.h>
#include <sanitizer/common_interface_defs.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <optional>

#include "repodigest/app/commands.h"
#include "repodigest/base/fd.h"
#include "require.h"
#include "support/reference_splice.h"

namespace repodigest::fuzz {
namespace {

/// A file without a name, which is opened by its path anew each time.
class File {
 public:
  File() : fd_(::memfd_create("input", MFD_CLOEXEC)) { require(static_cast<bool>(fd_), "there is a file"); }
  void hold(std::string_view text) const {
    require(::ftruncate(fd_.get(), 0) == 0 &&
                ::pwrite(fd_.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()),
            "it can be written");
  }
  [[nodiscard]] std::string content() const {
    std::string text(static_cast<std::size_t>(std::max<off_t>(::lseek(fd_.get(), 0, SEEK_END), 0)), '\0');
    require(::pread(fd_.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()),
            "it can be read");
    return text;
  }
  void rewind() const { ::lseek(fd_.get(), 0, SEEK_SET); }
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_.get()); }
  [[nodiscard]] int get() const { return fd_.get(); }

 private:
  Fd fd_;
};

/// While it lives, a standard stream goes elsewhere.
class Redirected {
 public:
  Redirected(int stream, int to) : stream_(stream), before_(::fcntl(stream, F_DUPFD_CLOEXEC, 10)) {
    ::dup2(to, stream);
  }
  Redirected(const Redirected&) = delete;
  Redirected& operator=(const Redirected&) = delete;
  ~Redirected() { ::dup2(before_.get(), stream_); }

 private:
  int stream_;
  Fd before_;
};

void check(std::string_view text) {
  static const File one;
  static const File other;
  static const File output;
  static const File told;
  // Where a sanitizer speaks must not be redirected with the rest.
  static const Fd voice(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10));
  __sanitizer_set_report_fd(reinterpret_cast<void*>(static_cast<std::intptr_t>(voice.get())));  // NOLINT

  cli::Config config;
  std::string expected;
  bool valid = true;
  for (const auto part : split(text, "\xFF")) {
    if (config.dedupe_files.size() == 2) break;
    const File& file = config.dedupe_files.empty() ? one : other;
    file.hold(part);
    config.dedupe_files.push_back(file.path());
    const support::ReferenceSplice reference(part, true);
    valid = valid && reference.valid();
    expected += reference.output();
  }
  output.hold("");
  output.rewind();
  told.hold("");
  told.rewind();
  const engine::Surroundings around{
      .variable = [](const std::string&) -> std::optional<std::string> { return std::nullopt; },
      .read_file = {},
      .exists = {}};
  int exit_code = 0;
  {
    const Redirected out(STDOUT_FILENO, output.get());
    const Redirected err(STDERR_FILENO, told.get());
    exit_code = app::run_dedupe(config, around);
  }
  require(exit_code == (valid ? 0 : 1), "it succeeds if all is JSON");
  require(output.content() == (valid ? expected : ""),
          "what comes out is what the reference says, or nothing");
  const std::string words = told.content();
  require(words.empty() == valid, "an error is told");
  require(valid || words.starts_with("repodigest_exporter: /proc/self/fd/"), "with the file's name");
}

}  // namespace
}  // namespace repodigest::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  repodigest::fuzz::check(repodigest::fuzz::text_of(data, size));
  return 0;
}
