// The wall clock jumps while the engine is being asked: nothing waits for it, nothing is stale, and no number
// is another. The real program with Debian's faketime in front of the C library.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <tuple>

#include "poll_cases.h"
#include "report.h"
#include "rig.h"
#include "support/temporary_folder.h"

namespace repodigest::faults {
namespace {

using namespace std::chrono_literals;
using support::Fault;

/// Debian's library; empty where it is not installed.
std::string faketime() {
  for (const char* machine : {"x86_64-linux-gnu", "aarch64-linux-gnu"}) {
    const std::string path = std::string("/usr/lib/") + machine + "/faketime/libfaketimeMT.so.1";
    if (std::filesystem::exists(path)) return path;
  }
  return "";
}

class ClockJumps : public ::testing::TestWithParam<std::tuple<Call, const char*>> {
 protected:
  void SetUp() override {
    if (is_sanitized)
      GTEST_SKIP() << "THE SANITIZER'S LIBRARY MUST BE THE FIRST: CLOCK JUMPS WERE NOT TESTED";
    if (faketime().empty()) GTEST_SKIP() << "NO LIBFAKETIME (package faketime): CLOCK JUMPS WERE NOT TESTED";
    set_clock("+0");
    std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
    rig_ = std::make_unique<Rig>(
        truth_, Rig::Way::unix_socket,
        std::vector<std::string>{"--poll.interval=10ms", "--poll.full-interval=10ms", "--no-poll.events",
                                 "--poll.max-engine-share=1"},
        std::vector<std::string>{"env", "LD_PRELOAD=" + faketime(), "FAKETIME_TIMESTAMP_FILE=" + clock_file(),
                                 "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1",
                                 "DONT_FAKE_MONOTONIC=1"});
    ASSERT_TRUE(rig_->wait_until_settled()) << rig_->process().errors();
  }
  [[nodiscard]] std::string clock_file() const { return (folder_.path() / "clock").string(); }
  /// As faketime reads it. Renamed into its place, so that no half of it is read.
  void set_clock(const std::string& offset) const {
    std::ofstream(clock_file() + ".new") << offset << "\n";
    std::filesystem::permissions(clock_file() + ".new", std::filesystem::perms(0644));
    std::filesystem::rename(clock_file() + ".new", clock_file());
  }
  /// The program's wall clock, as a metric tells it, in days from ours.
  [[nodiscard]] double days_off() const {
    const double now =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    return (rig_->value("docker_list_last_success_timestamp_seconds") - now) / 86'400;
  }

  Truth truth_;
  support::TemporaryFolder folder_;
  std::unique_ptr<Rig> rig_;
};

TEST_P(ClockJumps, ChangeNothing) {
  const auto& [call, offset] = GetParam();
  support::ReplayEngine& engine = rig_->engine();
  if (call == Call::version || call == Call::info)
    engine.fail("/_ping", Fault::with_header("Server", "Docker/27.3.1 (another)"));
  engine.fail(pattern_of(call), Fault::hanging_in_body_after(1), 1);
  rig_->may_show({{rig_->moment(), Shown::whole},
                  {rig_->next_moment(), Shown::uninspected},
                  {rig_->next_moment(), Shown::whole}});
  rig_->move_on();
  ASSERT_TRUE(engine.wait_until_hanging(1));
  set_clock(offset);
  engine.heal();
  engine.release();
  const double wanted = std::string(offset).front() == '+' ? 3650 : -3650;
  EXPECT_TRUE(rig_->look_until([&] { return rig_->is_settled() && std::abs(days_off() - wanted) < 1; }, 30s))
      << days_off() << "\n"
      << rig_->process().errors();
  // Twice more, with all that hangs on time going on as before.
  const auto polls = rig_->value("docker_polls_total");
  EXPECT_TRUE(rig_->look_until([&] { return rig_->value("docker_polls_total") > polls + 2; }, 30s));
  for (const std::string_view reason : reason_names) {
    if (reason == "timeout") continue;  // of a machine that is busy
    EXPECT_EQ(rig_->value("docker_poll_failures_total{reason=\"" + std::string(reason) + "\"}"), 0) << reason;
  }
  EXPECT_EQ(rig_->get("/-/ready")->status, 200);
  EXPECT_TRUE(rig_->process().running());
}

INSTANTIATE_TEST_SUITE_P(EachCall, ClockJumps,
                         ::testing::Combine(::testing::Values(Call::ping, Call::version, Call::info,
                                                              Call::list, Call::inspect, Call::containers),
                                            ::testing::Values("+3650d", "-3650d")),
                         [](const auto& parameter) {
                           return name_of(std::get<0>(parameter.param)) +
                                  (std::string(std::get<1>(parameter.param)).front() == '+' ? "TenYearsAhead"
                                                                                            : "TenYearsBack");
                         });

}  // namespace
}  // namespace repodigest::faults
