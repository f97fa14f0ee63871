#include "deploy/machine.h"

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>
#include <utility>

#include "support/feed_command.h"

namespace repodigest::deploy {

using support::eventually;
using support::read_file;

Outcome run(std::vector<std::string> command) {
  const std::string name = command.front();
  support::Process process(std::move(command),
                           {{"LC_ALL", "C.UTF-8"}, {"DEBIAN_FRONTEND", "noninteractive"}});
  if (auto outcome = process.wait()) return std::move(*outcome);
  return {-1, "", name + " did not end: " + process.errors()};
}

std::string said(const Outcome& outcome) {
  return outcome.output + outcome.errors;
}

std::filesystem::path package() {
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(REPODIGEST_BINARY_DIR "/package", none))
    if (entry.path().extension() == ".deb") return entry.path();
  return "";
}

std::filesystem::path next_revision(const std::filesystem::path& folder) {
  const auto next = folder / "next.deb";
  const auto files = (folder / "next").string();
  const auto outcome =
      run({"sh", "-ec",
           "dpkg-deb --raw-extract " + package().string() + " " + files + "; sed -i '/^Version:/s/$/.1/' " +
               files + "/DEBIAN/control; dpkg-deb --root-owner-group -Zgzip -z1 --build " + files + " " +
               next.string()});
  EXPECT_EQ(outcome.exit_code, 0) << said(outcome);
  return next;
}

Machine::Machine(Kind kind, const std::vector<std::string>& without) {
  const bool systemd = kind == Kind::systemd;
  std::vector<std::string> command = {REPODIGEST_SOURCE_DIR "/tests/deploy/machine",
                                      systemd ? "systemd" : "bare", shared_.path().string()};
  command.insert(command.end(), without.begin(), without.end());
  process_ = std::make_unique<support::Process>(std::move(command));
  if (!eventually([&] { return up() || !process_->running(); }) || !process_->running()) {
    missing_ = "it did not start: " + process_->errors();
    return;
  }
  if (!systemd) return;
  const auto ready = [&] { return run({"systemctl", "is-system-running"}).output == "running\n"; };
  if (!eventually([&] { return ready() || !process_->running(); }) || !process_->running()) {
    missing_ = "systemd did not start in it: " + process_->errors();
    return;
  }
  shell("systemctl start systemd-journald.service");
}

bool Machine::up() {
  pid_ = read_file(shared_.path() / "pid");
  if (pid_.empty()) return false;
  pid_.pop_back();
  return true;
}

std::vector<std::string> Machine::inside(std::vector<std::string> command) const {
  command.insert(command.begin(), {"nsenter", "--target=" + pid_, "--mount", "--pid", "--uts", "--ipc",
                                   "--cgroup", "--net", "--root", "env", "-i", "-C", "/",
                                   "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                   "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8"});
  return command;
}

Outcome Machine::run(std::vector<std::string> command) const {
  return deploy::run(inside(std::move(command)));
}

std::string Machine::shell(const std::string& script) const {
  const auto outcome = run({"sh", "-ec", script});
  EXPECT_EQ(outcome.exit_code, 0) << script << '\n' << said(outcome);
  return said(outcome);
}

std::string Machine::install(const std::filesystem::path& package) const {
  std::filesystem::copy_file(package, shared_.path() / package.filename(),
                             std::filesystem::copy_options::overwrite_existing);
  return shell("dpkg --install /shared/" + package.filename().string());
}

support::ReplayEngine& Machine::start_engine() {
  std::filesystem::create_directory(shared_.path() / "engine");
  auto engine = support::ReplayEngine::on_unix_socket(support::Recording::embedded(),
                                                      shared_.path() / "engine" / "docker.sock");
  if (!engine) throw std::runtime_error(engine.error().text);
  engine_ = std::move(*engine);
  shell("ln -sf /shared/engine/docker.sock /run/docker.sock");
  return *engine_;
}

void Machine::give_socket_to(const std::string& group, const std::string& mode) const {
  shell("getent group " + group + " >/dev/null || groupadd --system " + group + "; chgrp " + group +
        " /shared/engine/docker.sock; chmod " + mode + " /shared/engine/docker.sock");
}

double Machine::metric(const std::string& series, int port) const {
  const auto answer = run({"curl", "--silent", "http://localhost:" + std::to_string(port) + "/metrics"});
  return support::value_of(answer.output, series).value_or(std::numeric_limits<double>::quiet_NaN());
}

bool Machine::wait_for_metric(const std::string& series, double value, int port) const {
  return eventually([&] { return metric(series, port) == value; });
}

}  // namespace repodigest::deploy
