// The poller under every trouble of every call: it lives, counts the reason, shows nothing that the engine
// did not give, and the next good poll repairs everything.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "poll_cases.h"
#include "report.h"
#include "rig.h"

namespace repodigest::faults {
namespace {

using namespace std::chrono_literals;
using support::Fault;
using support::ReplayEngine;

const std::vector<std::string> flags = {"--poll.interval=10ms", "--poll.full-interval=10ms",
                                        "--no-poll.events", "--poll.max-engine-share=1"};

class FaultMatrix : public ::testing::TestWithParam<Case> {
 protected:
  static void SetUpTestSuite() { truth_ = std::make_unique<Truth>(); }
  static void TearDownTestSuite() {
    for (auto& rig : rigs_) {
      if (rig)
        Report::instance().ended("poller on " + rig->engine().host(), rig->first_memory(), rig->memory());
      rig.reset();
    }
  }

  void SetUp() override {
    auto& rig = rigs_[GetParam().over_tcp ? 1 : 0];
    // One that a test left in a bad state would fail all that follow.
    if (rig && !rig->process().running()) rig.reset();
    if (!rig) {
      rig =
          std::make_unique<Rig>(*truth_, GetParam().over_tcp ? Rig::Way::tcp : Rig::Way::unix_socket, flags);
    }
    rig_ = rig.get();
  }
  void TearDown() override {
    EXPECT_TRUE(rig_->process().running()) << rig_->process().errors();
    if (HasFailure()) rigs_[GetParam().over_tcp ? 1 : 0].reset();
  }

  void arm(std::uint64_t times);
  void disarm();
  [[nodiscard]] double counted(const std::string& reason) const {
    return rig_->value("docker_api_request_failures_total{operation=\"" + operation_of(GetParam().call) +
                       "\",reason=\"" + reason + "\"}");
  }
  [[nodiscard]] double counted_polls(const std::string& reason) const {
    return rig_->value("docker_poll_failures_total{reason=\"" + reason + "\"}");
  }
  /// What is counted of the call for other reasons than `reason`; but for good answers that came too late.
  [[nodiscard]] double counted_besides(std::optional<Reason> reason) const {
    double sum = 0;
    for (const std::string_view other : reason_names)
      if (other != "timeout" && !(reason && other == name_of(*reason))) sum += counted(std::string(other));
    return sum;
  }
  bool is_counted(double before, double polls_before) const;
  [[nodiscard]] Fault fault() const;
  [[nodiscard]] bool is_asked_again() const;
  void bad_answer(const Case& one);
  void good_answer(const Case& one);

  Rig* rig_ = nullptr;
  Moment before_;  ///< what was on the engine when the trouble began
  static inline std::unique_ptr<Truth> truth_;
  static inline std::unique_ptr<Rig> rigs_[2];
};

/// With numbers that the engine never gave where they must not be used.
Fault FaultMatrix::fault() const {
  const Case& one = GetParam();
  const Moment moment = one.call == Call::inspect || !one.reason ? rig_->next_moment() : rig_->moment();
  const Fault fault = one.fault(truth_->body(one.call, moment));
  // What hangs is let go on at the end.
  if (!one.reason || fault.then == Fault::Then::hang) return fault;
  return one.fault(truth_->lie(one.call, moment));
}

/// Whether an image whose inspect failed so is asked for again at once: where the engine was away, or said
/// that it could not. One whose answer made no sense waits for a minute, or until it changes.
bool FaultMatrix::is_asked_again() const {
  const Case& one = GetParam();
  if (one.trouble != Trouble::answer || !one.reason) return true;
  switch (*one.reason) {
    case Reason::parse:
    case Reason::too_large:
    case Reason::timeout:
      return false;
    case Reason::http:
      return fault().status || one.name.ends_with("StatusNineHundred");
    default:
      return true;
  }
}

/// Makes the trouble.
void FaultMatrix::arm(std::uint64_t times) {
  const Case& one = GetParam();
  ReplayEngine& engine = rig_->engine();
  const std::string pattern = pattern_of(one.call);
  before_ = rig_->moment();
  if (one.trouble != Trouble::answer) {
    // There is a connection that is kept, whatever the test before did to them.
    ASSERT_TRUE(engine.wait_until_asked("/_ping", engine.asked("/_ping") + 2));
  }
  switch (one.trouble) {
    case Trouble::answer:
      engine.fail(pattern, fault(), times);
      break;
    case Trouble::restart:
      engine.fail(pattern, Fault::hanging_in_body_after(1), 1);
      break;
    case Trouble::replaced:
      engine.fail(pattern, Fault::hanging_before_head(), 1);
      break;
    default:
      // The connection that is kept ends at this call, which then wants a new one.
      engine.fail(pattern, Fault::closed_before_answer());
  }
  // /version and /info are asked when the ping comes from another server than before.
  if (one.call == Call::version || one.call == Call::info)
    engine.fail("/_ping", Fault::with_header("Server", "Docker/27.3.1 (another)"));
  if (one.call == Call::inspect || !one.reason) {
    std::vector<Truth::View> views = {{rig_->moment(), Shown::whole},
                                      {rig_->next_moment(), Shown::uninspected}};
    if (is_asked_again()) views.push_back({rig_->next_moment(), Shown::whole});
    rig_->may_show(std::move(views));
    rig_->move_on();
  }
  if (one.trouble == Trouble::restart || one.trouble == Trouble::replaced) {
    ASSERT_TRUE(engine.wait_until_hanging(1));
  }
  rig_->begin(one.trouble);
}

/// Ends it.
void FaultMatrix::disarm() {
  rig_->engine().heal();
  rig_->engine().release();
  rig_->end(GetParam().trouble);
}

/// Whether it shows everywhere that the call failed for this reason.
bool FaultMatrix::is_counted(double before, double polls_before) const {
  const Case& one = GetParam();
  const std::string reason(name_of(*one.reason));
  if (counted(reason) <= before) return false;
  if (one.call == Call::inspect) return true;  // it may be over already
  const bool connects = one.trouble == Trouble::answer;
  const bool light = one.call != Call::list && one.call != Call::containers;
  // A look that fails, and a list that does, is a poll that failed; containers are besides.
  if (one.call != Call::containers && counted_polls(reason) <= polls_before) return false;
  return rig_->value("docker_up") == (connects && !light ? 1 : 0);
}

void FaultMatrix::bad_answer(const Case& one) {
  const std::string reason(name_of(*one.reason));
  // The way to a failed inspect's next one is long where only another image would be an answer.
  const bool may_pass = *one.reason == Reason::connect || one.trouble != Trouble::answer;
  for (int attempt = 1;; ++attempt) {
    const double before = counted(reason);
    const double besides = counted_besides(one.reason);
    const double polls = counted_polls(reason);
    if (one.call != Call::inspect) rig_->may_show({{rig_->moment(), Shown::whole}});
    arm(one.call == Call::inspect && !may_pass ? 1 : ReplayEngine::always);
    const bool seen = rig_->look_until([&] { return is_counted(before, polls); }, 5s);
    if (one.trouble == Trouble::answer) {
      EXPECT_EQ(counted_besides(one.reason), besides) << "for other reasons";
    }
    // What comes to the engine now is not seen before the trouble is over.
    if (one.call != Call::inspect) rig_->move_on();
    rig_->may_show(
        {{before_, Shown::whole}, {rig_->moment(), Shown::uninspected}, {rig_->moment(), Shown::whole}});
    disarm();
    if (seen || HasFailure() || attempt == 5) {
      ASSERT_TRUE(seen) << reason << " is not counted\n" << rig_->look() << rig_->process().errors();
      return;
    }
    // On a busy machine something else may have failed before: a good answer that came too late.
    Report::instance().tried_again(one.name);
    ASSERT_TRUE(rig_->wait_until_settled()) << rig_->process().errors();
  }
}

void FaultMatrix::good_answer(const Case& one) {
  const double besides = counted_besides(std::nullopt);
  auto asked = rig_->engine().asked(pattern_of(one.call));
  arm(ReplayEngine::always);
  // One may have been on its way; but each image is inspected once, and another engine counts anew.
  const std::uint64_t more = one.call == Call::inspect ? 0 : 1;
  if (one.trouble == Trouble::replaced) asked = 0;
  EXPECT_TRUE(rig_->look_until(
      [&] { return rig_->is_settled() && rig_->engine().asked(pattern_of(one.call)) > asked + more; }, 30s))
      << rig_->look() << rig_->process().errors();
  EXPECT_EQ(counted_besides(std::nullopt), besides) << rig_->process().errors();
  disarm();
}

TEST_P(FaultMatrix, IsLivedThroughCountedAndRepaired) {
  const Case& one = GetParam();
  Report::instance().count();
  ASSERT_TRUE(rig_->wait_until_settled()) << rig_->look() << rig_->process().errors();
  if (!one.reason) return good_answer(one);
  bad_answer(one);
  if (HasFatalFailure()) return;
  if (one.call == Call::inspect && !is_asked_again()) {
    const Moment before = rig_->moment();
    rig_->retag();
    rig_->may_show({{before, Shown::uninspected},
                    {before, Shown::whole},
                    {rig_->moment(), Shown::uninspected},
                    {rig_->moment(), Shown::whole},
                    {before_, Shown::whole}});
  }
  ASSERT_TRUE(rig_->wait_until_settled()) << rig_->look() << rig_->process().errors();
}

std::string name_of_case(const ::testing::TestParamInfo<Case>& info) {
  return info.param.name;
}

/// With a sanitizer, where each takes ten times as long, every fourth of those that differ in a body's
/// content alone: that is each class of JSON with one call or two.
std::vector<Case> all_cases() {
  std::vector<Case> all = transport_cases();
  std::size_t number = 0;
  for (const auto& cases : {json_cases(), field_cases()})
    for (const Case& one : cases)
      if (!is_sanitized || number++ % 4 == 0) all.push_back(one);
  return all;
}

INSTANTIATE_TEST_SUITE_P(Poller, FaultMatrix, ::testing::ValuesIn(all_cases()), name_of_case);

}  // namespace
}  // namespace repodigest::faults
