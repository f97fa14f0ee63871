#include <csignal>
#include <cstdio>
#include <string>

#include "choose_digest.h"
#include "deliver.h"
#include "repodigest/app/commands.h"
#include "repodigest/app/engine_access.h"
#include "repodigest/base/stats.h"
#include "report.h"

namespace repodigest::app {
namespace {

constexpr int exit_none = 1;
constexpr int exit_usage = 2;
constexpr int exit_no_answer = 3;
constexpr int exit_several = 4;

int end_with(int code, const std::string& text) {
  std::fprintf(stderr, "repodigest_exporter: %s\n", printable(text).c_str());
  return code;
}

}  // namespace

int run_digest(const cli::Config& config, const engine::Surroundings& surroundings) {
  // A closed pipe and a limit of files are exit 3, not a death.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  Stats stats;
  auto access = EngineAccess::make(config, surroundings, stats, system_clock());
  if (!access.ok())
    return end_with(access.error().reason == Reason::usage ? exit_usage : exit_no_answer,
                    access.error().text);
  for (const auto& warning : access->warnings())
    std::fprintf(stderr, "warning: %s\n", printable(warning).c_str());

  const std::string& asked = config.digest_image;
  const auto image = access->client().inspect_image(asked, Cancel());
  if (!image.ok()) {
    if (image.error().reason == Reason::not_found) return end_with(exit_none, "no such image: " + asked);
    return end_with(image.error().reason == Reason::usage ? exit_usage : exit_no_answer, image.error().text);
  }
  const DigestChoice choice = choose_digest(asked, config.digest_repository, image->id, image->repo_tags,
                                            image->repo_digests, "--repository=");
  if (choice.found.size() != 1) {
    end_with(0, choice.why);
    for (const auto& one : choice.found) std::fprintf(stderr, "%s\n", one.c_str());
    return choice.found.empty() ? exit_none : exit_several;
  }
  if (const Status delivered = write_stdout(choice.found.front() + "\n"); !delivered.ok())
    return end_with(exit_no_answer, delivered.error().text);
  return 0;
}

}  // namespace repodigest::app
