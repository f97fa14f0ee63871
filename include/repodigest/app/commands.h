// The commands of the program. Each takes its configuration and returns the exit code of the contract.
#pragma once

#include <functional>

#include "repodigest/cli/config.h"
#include "repodigest/engine/endpoint.h"

namespace repodigest::app {

/// The daemon: polls and serves until SIGTERM or SIGINT. 0 after these; 1 if it can't start (port taken); 2
/// for an endpoint or a web config that can't be meant. `read` reads the settings again, at SIGHUP and
/// /-/reload. Blocks these signals in the calling thread: call it from main alone.
int run_daemon(const cli::Parsed& parsed, const std::function<cli::Parsed()>& read,
               const engine::Surroundings& surroundings);

/// One complete look, as a report: 0 no duplicates, 1 duplicates, 3 no answer or not delivered, 2 usage.
int run_check(const cli::Config& config, const engine::Surroundings& surroundings);

/// The one repository@digest of an image, on stdout: 0; 1 none, 4 several (told on stderr), 3 no answer or
/// not delivered, 2 usage.
int run_digest(const cli::Config& config, const engine::Surroundings& surroundings);

/// The filter: JSON from files or stdin to stdout, every RepoDigests list unique, nothing before all of it
/// was valid. 0; 1 not JSON, or not written; 2 a file that can't be read. Memory: the largest single list,
/// the nesting, 2 MiB; the rest lies in TMPDIR.
int run_dedupe(const cli::Config& config, const engine::Surroundings& surroundings);

/// Asks a running daemon whether it lives: 0 or 1.
int run_healthcheck(const cli::Config& config);

}  // namespace repodigest::app
