#include "engine/dockerd_fixture.h"

#include <httplib.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <memory>

namespace repodigest::support {

namespace {

/// Runs dockerd.sh; what it printed, errors too.
Result<std::string> run(const std::string& arguments) {
  const std::string command = REPODIGEST_SOURCE_DIR "/tests/engine/dockerd.sh " + arguments + " 2>&1";
  FILE* const output = ::popen(command.c_str(), "r");
  if (output == nullptr) return Error{Reason::usage, "cannot run " + command};
  std::string text;
  std::array<char, 4096> piece;
  while (const std::size_t got = std::fread(piece.data(), 1, piece.size(), output))
    text.append(piece.data(), got);
  const int status = ::pclose(output);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return text;
  return Error{Reason::usage, text};
}

Status without_text(const Result<std::string>& result) {
  if (result.ok()) return {};
  return result.error();
}

std::string quoted(const std::filesystem::path& path) {
  return "'" + path.string() + "'";
}

}  // namespace

Result<std::unique_ptr<Dockerd>> Dockerd::start(Store store) {
  std::unique_ptr<Dockerd> engine(new Dockerd(store));
  engine->folder_ = engine->own_folder_.emplace().path();
  if (auto started = engine->start_again(); !started) return std::move(started).error();
  return engine;
}

Result<std::unique_ptr<Dockerd>> Dockerd::start_in(const std::filesystem::path& folder, Store store) {
  std::unique_ptr<Dockerd> engine(new Dockerd(store));
  engine->folder_ = folder;
  if (auto started = engine->start_again(); !started) return std::move(started).error();
  return engine;
}

Dockerd::~Dockerd() {
  if (const auto stopped = stop(); !stopped) ADD_FAILURE() << stopped.error().text;
}

Status Dockerd::stop() {
  return without_text(run("stop " + quoted(folder_)));
}

Status Dockerd::start_again() {
  return without_text(
      run("start " + quoted(folder_) + (store_ == Store::containerd ? " containerd" : " graphdriver")));
}

Result<std::string> Dockerd::command_line() {
  auto path = run("cli");
  // The last line: what a download says stands before it.
  if (path.ok()) path->pop_back();
  if (path.ok()) path->erase(0, path->rfind('\n') + 1);
  return path;
}

std::vector<pid_t> Dockerd::processes() const {
  std::vector<pid_t> ids;
  for (const char* file : {"dockerd.pid", "exec/containerd/containerd.pid"})
    if (pid_t id = 0; std::ifstream(folder_ / file) >> id) ids.push_back(id);
  return ids;
}

Dockerd::Answer Dockerd::call(const std::string& method, const std::string& target, const std::string& body,
                              const std::string& content_type) const {
  httplib::Client client(socket());
  client.set_address_family(AF_UNIX);
  client.set_read_timeout(std::chrono::minutes(5));
  httplib::Request request;
  request.method = method;
  request.path = target;
  request.headers = {{"Host", "localhost"}, {"Content-Type", content_type}};
  request.body = body;
  const auto result = client.send(request);
  return result ? Answer{result->status, result->body} : Answer{};
}

Status Dockerd::build(const std::string& label, const std::vector<std::string>& names) const {
  std::string target = "/build?version=1";
  for (const std::string& name : names) target += "&t=" + name;
  const Answer answer = call("POST", target, tar_of({{"Dockerfile", "FROM scratch\nLABEL " + label + "\n"}}),
                             "application/x-tar");
  // A build that fails after its first step says so in a body of status 200.
  if (answer.status != 200 || answer.body.find("Successfully built") == std::string::npos)
    return Error{Reason::http, "the engine did not build the image: " + answer.body, answer.status};
  return {};
}

Status Dockerd::load(const std::vector<ArchivedImage>& images) const {
  const Answer answer = call("POST", "/images/load?quiet=1", image_archive(images), "application/x-tar");
  // As with a build, a failure may come in a body of status 200.
  if (answer.status != 200 || answer.body.find("\"error\"") != std::string::npos)
    return Error{Reason::http, "the engine did not load the images: " + answer.body, answer.status};
  return {};
}

}  // namespace repodigest::support
