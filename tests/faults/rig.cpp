#include "rig.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <thread>
#include <utility>

namespace repodigest::faults {
namespace {

using namespace std::chrono_literals;
using support::ReplayEngine;

/// The program with what makes root a user without rights before it. A copy, which that user can read.
std::vector<std::string> command_without_privileges(const std::filesystem::path& folder,
                                                    std::vector<std::string> launcher) {
  const auto program = folder / "exporter";
  std::filesystem::copy_file(support::program_path(), program);
  if (::geteuid() == 0)
    launcher.insert(launcher.begin(), {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"});
  launcher.push_back(program.string());
  return launcher;
}

std::size_t kilobytes_at(const std::string& status, const std::string& key) {
  const auto at = status.find("\n" + key + ":");
  return at == std::string::npos ? 0 : std::strtoul(status.c_str() + at + key.size() + 2, nullptr, 10);
}

}  // namespace

Rig::Rig(const Truth& truth, Way way, std::vector<std::string> flags, std::vector<std::string> launcher)
    : truth_(truth) {
  ::umask(0);  // both users use the sockets
  std::filesystem::permissions(folder(), std::filesystem::perms(0777));
  auto engine = way == Way::tcp ? ReplayEngine::on_loopback(truth_.at(moment_))
                                : ReplayEngine::on_unix_socket(truth_.at(moment_), engine_socket());
  if (!engine.ok()) throw std::runtime_error(engine.error().text);
  engine_ = std::move(engine).value();
  may_show({{moment_, Shown::whole}});

  auto command = command_without_privileges(folder(), std::move(launcher));
  const auto socket = folder() / "web.sock";
  command.insert(command.end(),
                 {"--docker.host=" + engine_->host(), "--web.listen-address=unix://" + socket.string(),
                  "--docker.timeout=" + std::to_string(program_timeout.count()) + "ms",
                  "--docker.list-timeout=" + std::to_string(program_timeout.count()) + "ms",
                  std::string("--docker.max-response-bytes=") + list_cap});
  command.insert(command.end(), flags.begin(), flags.end());
  process_.emplace(std::move(command));
  transport::Endpoint endpoint;
  endpoint.path = socket.string();
  to_program_ = transport::make_transport(endpoint);
}

Memory Rig::memory() const {
  const std::string status = support::read_file("/proc/" + std::to_string(process_->pid()) + "/status");
  return {kilobytes_at(status, "VmRSS") << 10U, kilobytes_at(status, "VmHWM") << 10U};
}

void Rig::put_on_engine() {
  engine_->replace(truth_.at(moment_));
}

void Rig::move_on() {
  moment_ = next_moment();
  put_on_engine();
}

void Rig::retag() {
  ++moment_.edition;
  put_on_engine();
}

void Rig::replace_engine() {
  engine_->refuse();
  auto next = ReplayEngine::on_unix_socket(truth_.at(moment_), engine_socket());
  ASSERT_TRUE(next.ok()) << next.error().text;
  replaced_.push_back(std::exchange(engine_, std::move(next).value()));
  replaced_.back()->drop_connections();
}

void Rig::begin(Trouble trouble) {
  const std::string socket = engine_socket().string();
  switch (trouble) {
    case Trouble::answer:
      return;
    case Trouble::refused:
      return engine_->refuse();
    case Trouble::no_permission:
      ASSERT_EQ(::chmod(socket.c_str(), 0), 0);
      return;
    case Trouble::socket_missing:
      return std::filesystem::rename(socket, socket + ".away");
    case Trouble::socket_is_a_file:
      std::filesystem::rename(socket, socket + ".away");
      std::ofstream(socket) << "not a socket";
      return;
    case Trouble::restart:
      engine_->refuse();
      return engine_->drop_connections();
    case Trouble::replaced:
      return replace_engine();
  }
}

void Rig::end(Trouble trouble) {
  const std::string socket = engine_socket().string();
  switch (trouble) {
    case Trouble::answer:
    case Trouble::replaced:
      return;
    case Trouble::refused:
    case Trouble::restart:
      ASSERT_TRUE(engine_->accept_again().ok());
      return;
    case Trouble::no_permission:
      ASSERT_EQ(::chmod(socket.c_str(), 0777), 0);
      return;
    case Trouble::socket_missing:
    case Trouble::socket_is_a_file:
      return std::filesystem::rename(socket + ".away", socket);
  }
}

Result<transport::Response> Rig::get(const std::string& target) {
  transport::Request request;
  request.target = target;
  request.max_body_bytes = std::size_t{64} << 20U;
  if (target == "/api/v1/images" && !etag_.empty()) request.headers = {{"If-None-Match", etag_}};
  return to_program_->call(request, Cancel().within(30s));
}

const std::string& Rig::look() {
  const auto images = get("/api/v1/images");
  if (images.ok() && images->status == 200) {
    etag_ = images->header("ETag");
    document_ = nlohmann::json::parse(images->body);
    EXPECT_EQ(watched_ ? truth_.objection(document_, may_show_) : "", "");
  }
  auto metrics = get("/metrics");
  if (metrics.ok() && metrics->status == 200) {
    metrics_ = std::move(metrics->body);
    // Before the first list, and before that of another engine, nothing of images is shown.
    const bool shows_images = watched_ && metrics_.find("\ndocker_images{") != std::string::npos;
    EXPECT_EQ(shows_images ? truth_.objection(metrics_, may_show_) : "", "");
  }
  return metrics_;
}

double Rig::value(const std::string& series) const {
  return support::value_of(metrics_, series).value_or(0);
}

bool Rig::look_until(const std::function<bool()>& condition, std::chrono::seconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (true) {
    look();
    if (condition()) return true;
    if (::testing::Test::HasFailure() || !process_->running() || std::chrono::steady_clock::now() > end)
      return false;
    std::this_thread::sleep_for(2ms);
  }
}

bool Rig::is_settled() const {
  return !document_.is_null() && truth_.is_exactly(document_, moment_) && value("docker_up") == 1 &&
         metrics_.find("\ndocker_images{") != std::string::npos &&
         truth_.objection(metrics_, {{moment_, Shown::whole}}).empty();
}

bool Rig::wait_until_settled() {
  for (int attempt = 0; attempt < 10; ++attempt) {
    if (look_until([this] { return is_settled(); }, 4s)) {
      if (!std::exchange(watched_, true)) first_memory_ = memory();
      return true;
    }
    if (::testing::Test::HasFailure() || !process_->running()) return false;
    // A good answer that came too late, on a machine that is busy: that image is asked about again in a
    // minute, or when its row is another.
    std::vector<Truth::View> views = may_show_;
    retag();
    for (const Shown shown : {Shown::whole, Shown::uninspected}) views.push_back({moment_, shown});
    may_show(std::move(views));
  }
  return false;
}

}  // namespace repodigest::faults
