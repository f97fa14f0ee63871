// Picks the command.
#include <fcntl.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>

#include "repodigest/app/commands.h"
#include "repodigest/base/log.h"
#include "repodigest/cli/config.h"
#include "repodigest/engine/endpoint.h"

namespace {

/// A socket must not become descriptor 0, 1 or 2 where one of these was closed: reports and log would be
/// written into it. /dev/null keeps the place, opened so that reading and writing fail as before.
void fill_standard_descriptors() {
  for (const int fd : {0, 1, 2})
    if (::fcntl(fd, F_GETFD) < 0) (void)::open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

int run(const repodigest::cli::Parsed& parsed, const std::function<repodigest::cli::Parsed()>& read,
        const repodigest::engine::Surroundings& surroundings) {
  using repodigest::cli::Command;
  const auto& config = *parsed.config;
  repodigest::log::configure(config.log_level, config.log_format);
  for (const auto& warning : parsed.warnings) repodigest::log::warn("configuration", {{"warning", warning}});
  switch (config.command) {
    case Command::daemon:
      return repodigest::app::run_daemon(parsed, read, surroundings);
    case Command::check:
      return repodigest::app::run_check(config, surroundings);
    case Command::digest:
      return repodigest::app::run_digest(config, surroundings);
    case Command::dedupe:
      return repodigest::app::run_dedupe(config, surroundings);
    case Command::healthcheck:
      return repodigest::app::run_healthcheck(config);
  }
  return EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  fill_standard_descriptors();
  try {
    const auto surroundings = repodigest::engine::Surroundings::of_process();
    const auto read = [&] { return repodigest::cli::parse(argc, argv, surroundings); };
    const auto parsed = read();
    if (parsed.config) return run(parsed, read, surroundings);
    // Nagios reads what is unknown (3) from stdout.
    std::FILE* const out = parsed.exit_code == 1 || parsed.exit_code == 2 ? stderr : stdout;
    std::fputs(parsed.output.c_str(), out);
    return std::fflush(out) == 0 && std::ferror(out) == 0 ? parsed.exit_code : EXIT_FAILURE;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "repodigest_exporter: %s\n", failure.what());
    return EXIT_FAILURE;
  }
}
