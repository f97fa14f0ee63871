#include "support/program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace repodigest::support {
namespace {

constexpr auto patience_step = std::chrono::milliseconds(10);

Result<transport::Response> get_from(const transport::Endpoint& endpoint, const std::string& target,
                                     std::vector<std::pair<std::string, std::string>> headers) {
  transport::Request request;
  request.target = target;
  request.headers = std::move(headers);
  request.max_body_bytes = std::size_t{1} << 30U;
  return transport::make_transport(endpoint)->call(request, Cancel().within(std::chrono::seconds(30)));
}

}  // namespace

std::string read_file(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

bool eventually(const std::function<bool()>& condition, std::chrono::seconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(patience_step);
  }
  return true;
}

Process::Process(std::vector<std::string> command, const Environment& environment) {
  std::vector<std::string> variables = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                        "HOME=" + folder_.path().string()};
  for (const auto& [name, value] : environment) variables.emplace_back(name).append("=").append(value);
  // The sanitizers' own settings must reach the child, or its report would differ from that of the test.
  for (const char* name : {"ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"})
    if (const char* value = std::getenv(name)) variables.push_back(std::string(name) + "=" + value);
  const std::string out = (folder_.path() / "stdout").string();
  const std::string err = (folder_.path() / "stderr").string();
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (auto& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::vector<char*> variable_pointers;
  variable_pointers.reserve(variables.size() + 1);
  for (auto& variable : variables) variable_pointers.push_back(variable.data());
  variable_pointers.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("cannot fork");
  if (pid_ == 0) {
    ::dup2(::open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
    ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600), STDOUT_FILENO);
    ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), STDERR_FILENO);
    ::execvpe(arguments[0], arguments.data(), variable_pointers.data());
    ::_exit(127);
  }
}

Process::~Process() {
  if (!running()) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Process::signal(int number) const {
  ::kill(pid_, number);
}

bool Process::running() {
  if (status_) return false;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return true;
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return false;
}

std::optional<Outcome> Process::wait(std::chrono::seconds patience) {
  if (!eventually([this] { return !running(); }, patience)) return std::nullopt;
  return Outcome{*status_, read_file(folder_.path() / "stdout"), errors()};
}

std::uint16_t logged_port(const Process& process, const std::string& words, const std::string& before_port) {
  unsigned long port = 0;
  eventually([&] {
    std::istringstream log(process.errors());
    for (std::string line; std::getline(log, line) && !log.eof();) {
      const auto at = line.find(before_port);
      if (at == std::string::npos || line.find(words) == std::string::npos) continue;
      port = std::strtoul(line.c_str() + at + before_port.size(), nullptr, 10);
      return true;
    }
    return false;
  });
  return static_cast<std::uint16_t>(port);
}

Result<transport::Response> ask(std::uint16_t port, const std::string& target,
                                const std::optional<transport::Tls>& tls,
                                std::vector<std::pair<std::string, std::string>> headers) {
  transport::Endpoint endpoint;
  endpoint.kind = tls ? transport::Endpoint::Kind::tls : transport::Endpoint::Kind::tcp;
  endpoint.host = "127.0.0.1";
  endpoint.port = port;
  endpoint.tls = tls.value_or(transport::Tls());
  return get_from(endpoint, target, std::move(headers));
}

std::string program_path() {
  return REPODIGEST_BINARY_DIR "/src/repodigest_exporter";
}

Outcome run_program(std::vector<std::string> arguments, const Process::Environment& environment) {
  arguments.insert(arguments.begin(), program_path());
  Process process(std::move(arguments), environment);
  if (auto outcome = process.wait()) return std::move(*outcome);
  return {-1, "", "it did not end: " + process.errors()};
}

Daemon::Daemon(std::vector<std::string> flags, const Process::Environment& environment,
               std::vector<std::string> launcher)
    : process_(
          [&] {
            launcher.insert(launcher.end(),
                            {program_path(), "--web.listen-address=unix://" + socket().string()});
            launcher.insert(launcher.end(), flags.begin(), flags.end());
            return std::move(launcher);
          }(),
          environment) {}

Result<transport::Response> Daemon::get(const std::string& target,
                                        std::vector<std::pair<std::string, std::string>> headers) const {
  transport::Endpoint endpoint;
  endpoint.path = socket().string();
  return get_from(endpoint, target, std::move(headers));
}

std::string Daemon::body(const std::string& target) const {
  auto answer = get(target);
  return answer.ok() && answer->status == 200 ? std::move(answer->body) : "";
}

std::optional<double> Daemon::metric(const std::string& series) const {
  return value_of(body("/metrics"), series);
}

bool Daemon::wait_for_metric(const std::string& series, double value) const {
  return eventually([&] { return metric(series) == value; });
}

bool Daemon::wait_until_inspected() const {
  return eventually([this] {
    const std::string metrics = body("/metrics");
    return value_of(metrics, "docker_images_pending_inspection{suspect=\"true\"}") == 0 &&
           value_of(metrics, "docker_images_pending_inspection{suspect=\"false\"}") == 0;
  });
}

std::optional<double> value_of(const std::string& metrics, const std::string& series) {
  const std::string wanted = "\n" + series + " ";
  const auto at = ("\n" + metrics).find(wanted);
  if (at == std::string::npos) return std::nullopt;
  return std::strtod(metrics.c_str() + at + wanted.size() - 1, nullptr);
}

}  // namespace repodigest::support
