#include "help.h"

#include <sstream>

#include "repodigest/base/build_info.h"
#include "repodigest/cli/options.h"

namespace repodigest::cli {
namespace {

constexpr std::size_t help_column = 42;
constexpr std::size_t width = 100;

struct Section {
  Group group;
  const char* title;
};

constexpr Section sections[] = {
    {Group::docker, "Docker engine"},
    {Group::polling, "Polling"},
    {Group::metrics, "Metrics"},
    {Group::web, "Web server"},
    {Group::docker_api, "Corrected Docker API"},
    {Group::configuration, "Configuration"},
    {Group::logging, "Log"},
    {Group::check, "Report"},
    {Group::digest, "Digest"},
    {Group::dedupe, "Filter"},
    {Group::running_daemon, "Running daemon"},
};

/// The groups that mean something to a command; it takes the others too, so that one set of flags fits all.
bool matters(Command command, Group group) {
  if (!takes(command, group)) return false;
  if (command == Command::daemon || !takes(Command::daemon, group)) return true;
  if (group == Group::configuration || group == Group::logging) return command != Command::dedupe;
  if (command == Command::check) return group == Group::docker || group == Group::metrics;
  if (command == Command::digest) return group == Group::docker;
  return command == Command::healthcheck && group == Group::web;
}

/// `text` broken at spaces, its lines beginning at help_column.
void append_wrapped(std::string& out, std::size_t column, const std::string& text) {
  std::istringstream words(text);
  bool first = true;
  for (std::string word; words >> word; first = false) {
    if (column < help_column) {
      out.append(help_column - column, ' ');
      column = help_column;
    } else if (first || column + 1 + word.size() > width) {
      out += '\n' + std::string(help_column, ' ');
      column = help_column;
    } else {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  out += '\n';
}

void append_item(std::string& out, const std::string& flag, const std::string& text) {
  out += "  " + flag;
  // A flag that leaves no room gets a line of its own.
  append_wrapped(out, 2 + flag.size() + (flag.size() + 4 > help_column ? width : 0), text);
}

std::string described(const Option& option) {
  if (option.default_text.empty()) return option.help;
  const bool on = option.kind == Option::Kind::negatable;
  return option.help + " Default: " + (on ? "on" : option.default_text) + ".";
}

constexpr const char* daemon_head = R"(Usage: repodigest_exporter [flags]
       repodigest_exporter check [flags] [IMAGE...]
       repodigest_exporter digest [flags] IMAGE
       repodigest_exporter dedupe [flags] [FILE...]
       repodigest_exporter healthcheck [flags]

Asks a Docker engine for the RepoDigests of its images and exposes how many there are and how many
are duplicates (moby issue 48747): as Prometheus metrics, as JSON with the corrected lists, and as a
read-only Docker API that answers with the corrected lists.

Commands:
  (none)        the daemon: ask the engine again and again, serve metrics and JSON
  check         one complete look at the engine, or at the named images; print a report and end
  digest        print the one repository@sha256:... of an image, for scripts
  dedupe        copy JSON that Docker printed, with every RepoDigests list made unique
  healthcheck   ask a running daemon whether it serves, for container health checks
)";

constexpr const char* check_head = R"(Usage: repodigest_exporter check [flags] [IMAGE...]

One complete look at the engine, or at the named images only: prints a report and ends.

Exit codes: 0 no duplicates, 1 duplicates, 2 wrong usage, 3 no answer or no report.
With --format=nagios: 0 ok, 1 warning, 2 critical, 3 unknown.
)";

constexpr const char* digest_head = R"(Usage: repodigest_exporter digest [flags] IMAGE

Asks the engine for an image and prints what RepoDigests[0] should have been: the one
repository@sha256:... of its repository, or of that of --repository.

Exit codes: 0 printed, 1 there is none, 2 wrong usage, 3 no answer, 4 several: all stand on stderr.
)";

constexpr const char* dedupe_head = R"(Usage: repodigest_exporter dedupe [flags] [FILE...]

Copies JSON from the files, or from stdin ("-"), to stdout with every RepoDigests list made unique:
what docker image inspect, GET /images/json, GET /images/{name}/json and GET /system/df print, and
bare lists as --format '{{json .RepoDigests}}' prints them. Every other byte is kept. Nothing is
written before all of it was read and found to be JSON.

Exit codes: 0 written, 1 not JSON or not written, 2 wrong usage or a file that cannot be read.
)";

constexpr const char* healthcheck_head = R"(Usage: repodigest_exporter healthcheck [flags]

Asks a running daemon's /-/healthy. Exit codes: 0 it serves, 1 it does not, 2 wrong usage.
)";

constexpr const char* daemon_examples = R"(  repodigest_exporter --demo
  repodigest_exporter --docker.host=tcp://10.0.0.5:2376 --docker.cert-path=/etc/docker/tls
  repodigest_exporter --web.listen-address=127.0.0.1:10474 --poll.interval=2m
  repodigest_exporter --docker-api.listen-address=unix:///run/repodigest_exporter/docker.sock
  repodigest_exporter --config.file=/etc/repodigest_exporter.yml --config.check
  repodigest_exporter check --format=nagios --warning=1 --critical=10
)";

constexpr const char* check_examples = R"(  repodigest_exporter check
  repodigest_exporter check --format=json nginx:latest alpine
  repodigest_exporter check --format=prometheus --output=/var/lib/node_exporter/repodigest.prom
  repodigest_exporter check --format=nagios --url=http://127.0.0.1:10474
)";

constexpr const char* digest_examples = R"(  repodigest_exporter digest nginx
  repodigest_exporter digest --repository=registry.example.com/team/app 4f06b3d5e8a0
  docker pull $(repodigest_exporter digest nginx:latest)
)";

constexpr const char* dedupe_examples = R"(  docker image inspect nginx | repodigest_exporter dedupe
  docker image inspect --format '{{json .RepoDigests}}' nginx | repodigest_exporter dedupe
  repodigest_exporter dedupe --count images.json > corrected.json
)";

constexpr const char* healthcheck_examples = R"(  repodigest_exporter healthcheck
  repodigest_exporter healthcheck --url=unix:///run/repodigest_exporter/web.sock
)";

struct Frame {
  const char* head;
  const char* examples;
};

Frame frame_of(Command command) {
  switch (command) {
    case Command::check:
      return {check_head, check_examples};
    case Command::digest:
      return {digest_head, digest_examples};
    case Command::dedupe:
      return {dedupe_head, dedupe_examples};
    case Command::healthcheck:
      return {healthcheck_head, healthcheck_examples};
    case Command::daemon:
      break;
  }
  return {daemon_head, daemon_examples};
}

/// A text in which troff finds nothing of its own.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  return out;
}

}  // namespace

std::string help_text(Command command) {
  const Frame frame = frame_of(command);
  std::string out = frame.head;
  for (const bool shared : {false, true}) {  // what only this command has comes first
    for (const auto& section : sections) {
      if (!matters(command, section.group) || takes(Command::daemon, section.group) != shared) continue;
      out += '\n' + std::string(section.title) + ":\n";
      for (const auto& option : options())
        if (option.group == section.group) append_item(out, option.flag(), described(option));
    }
  }
  out += "\nOther:\n";
  append_item(out, "-h, --help", "Print this text and end; behind a command, the text of that command.");
  append_item(out, "--version", "Print the version and end.");
  out += "\nExamples:\n";
  out += frame.examples;
  out += R"(
Durations are written 500ms, 30s, 5m, 1h30m. Every flag is also a variable, --poll.interval being
REPODIGEST_EXPORTER_POLL_INTERVAL, and a key of the config file; a flag beats a variable, a variable
the config file. DOCKER_HOST, DOCKER_CONTEXT, DOCKER_CERT_PATH, DOCKER_TLS_VERIFY and
DOCKER_API_VERSION count where the exporter's own variable is unset.
)";
  return out;
}

std::string man_options() {
  std::string out;
  for (const auto& section : sections) {
    out += ".SS " + std::string(section.title) + "\n";
    for (const auto& option : options()) {
      if (option.group != section.group) continue;
      out += ".TP\n.B " + escaped(option.flag()) + "\n" + escaped(described(option)) +
             "\n.br\nVariable: " + escaped(option.variable());
      if (!option.docker_variable.empty()) out += ", else " + escaped(option.docker_variable);
      out += ".\n";
    }
  }
  return out +
         ".SS Other\n.TP\n.BR \\-h \", \" \\-\\-help\nPrint a help text and end.\n.TP\n.B \\-\\-version\n"
         "Print the version and end.\n";
}

std::string version_text() {
  std::ostringstream out;
  out << "repodigest_exporter, version " << build_info::version() << " (branch: " << build_info::branch()
      << ", revision: " << build_info::revision() << ")\n"
      << "  build user:       unknown\n"  // a build is the same whoever makes it
      << "  build date:       " << build_info::date() << '\n'
      << "  compiler:         " << build_info::compiler() << '\n'
      << "  build type:       " << build_info::build_type() << '\n'
      << "  platform:         " << build_info::platform() << '\n'
      << "  tags:             " << (build_info::sanitizers().empty() ? "none" : build_info::sanitizers())
      << '\n';
  return out.str();
}

}  // namespace repodigest::cli
