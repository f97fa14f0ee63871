#include "engine/dockerd_fixture.h"

#include <httplib.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <memory>

namespace repodigest::support {

namespace {

/// Runs dockerd.sh; errors are what it printed.
Status run(const std::string& arguments) {
  const std::string command = REPODIGEST_SOURCE_DIR "/tests/engine/dockerd.sh " + arguments + " 2>&1";
  FILE* const output = ::popen(command.c_str(), "r");
  if (output == nullptr) return Error{Reason::usage, "cannot run " + command};
  std::string text;
  std::array<char, 4096> piece;
  while (const std::size_t got = std::fread(piece.data(), 1, piece.size(), output))
    text.append(piece.data(), got);
  const int status = ::pclose(output);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return Error{Reason::usage, text};
}

std::string quoted(const std::filesystem::path& path) {
  return "'" + path.string() + "'";
}

/// A tar archive with one file (POSIX.1-1988 ustar).
std::string tar(std::string_view name, std::string_view content) {
  constexpr std::size_t block = 512;
  std::string header(block, '\0');
  const auto field = [&](std::size_t at, std::string_view text) { header.replace(at, text.size(), text); };
  const auto octal = [](std::size_t value, int digits) {
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), "%0*zo", digits, value);
    return std::string(text.data());
  };
  field(0, name);
  field(100, octal(0644, 7));             // mode
  field(108, octal(0, 7));                // owner
  field(116, octal(0, 7));                // group
  field(124, octal(content.size(), 11));  // size
  field(136, octal(0, 11));               // time
  field(148, "        ");                 // the checksum counts itself as blanks
  field(156, "0");                        // a file
  field(257, "ustar");
  field(263, "00");
  std::size_t sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  field(148, octal(sum, 6) + std::string(1, '\0'));
  std::string archive = header.append(content);
  archive.resize((archive.size() + block - 1) / block * block);
  return archive.append(2 * block, '\0');
}

}  // namespace

Result<std::unique_ptr<Dockerd>> Dockerd::start(Store store) {
  std::unique_ptr<Dockerd> engine(new Dockerd(store));
  if (auto started = engine->start_again(); !started) return std::move(started).error();
  return engine;
}

Dockerd::~Dockerd() {
  if (const auto stopped = stop(); !stopped) ADD_FAILURE() << stopped.error().text;
}

Status Dockerd::stop() {
  return run("stop " + quoted(folder_.path()));
}

Status Dockerd::start_again() {
  return run("start " + quoted(folder_.path()) +
             (store_ == Store::containerd ? " containerd" : " graphdriver"));
}

Dockerd::Answer Dockerd::call(const std::string& method, const std::string& target, const std::string& body,
                              const std::string& content_type) const {
  httplib::Client client(socket());
  client.set_address_family(AF_UNIX);
  client.set_read_timeout(std::chrono::seconds(60));
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
  const Answer answer =
      call("POST", target, tar("Dockerfile", "FROM scratch\nLABEL " + label + "\n"), "application/x-tar");
  // A build that fails after its first step says so in a body of status 200.
  if (answer.status != 200 || answer.body.find("Successfully built") == std::string::npos)
    return Error{Reason::http, "the engine did not build the image: " + answer.body, answer.status};
  return {};
}

}  // namespace repodigest::support
