// A fleet of real exporters beside modelled engines, scraped by a real Prometheus and a real VictoriaMetrics:
// what dashboards and recording rules answer is what the model knows, and while all engines are upgraded
// nothing ends or begins that should not.
#include "fleet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "dashboard.h"
#include "hurried.h"
#include "prometheus.h"
#include "repodigest/base/mutex.h"
#include "support/feed_command.h"
#include "support/program.h"
#include "victoria_metrics.h"

namespace repodigest {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using stack::Fleet;
using stack::Prometheus;
using stack::QueryApi;
using stack::Truth;
using stack::VictoriaMetrics;
using support::eventually;
using support::read_file;

const fs::path shipped = REPODIGEST_SOURCE_DIR "/deploy/prometheus";
constexpr std::chrono::seconds patience(60);
constexpr double longest_query_s = 10;
constexpr std::string_view fixed_version = "29.7.2";

/// Values by the values of some labels, "a|b".
using Answer = std::map<std::string, double>;

struct Question {
  std::string query;
  std::vector<std::string> labels;
  Answer right;
};

std::string text(const Answer& answer) {
  std::string all;
  for (const auto& [key, value] : answer) all += "\n  " + key + ": " + std::to_string(value);
  return all;
}

/// Sums of what `of` says of each host, by what `by` calls it ("" leaves it out).
Answer sums(const std::vector<Truth>& truths, const std::function<std::string(std::size_t)>& by,
            const std::function<double(const Truth&)>& of) {
  Answer answer;
  for (std::size_t i = 0; i < truths.size(); ++i)
    if (const std::string key = by(i); key != "-") answer[key] += of(truths[i]);
  return answer;
}

double is_affected(const Truth& truth) {
  return truth.with_duplicates > 0 ? 1 : 0;
}
double one(const Truth&) {
  return 1;
}
double none(const Truth&) {
  return 0;
}
double duplicates(const Truth& truth) {
  return truth.with_duplicates;
}
double running(const Truth& truth) {
  return truth.running_with_duplicates;
}

class InAFleet : public ::testing::Test {
 protected:
  static std::size_t fleet_size() {
    const char* size = std::getenv("REPODIGEST_FLEET");
    return size != nullptr ? std::strtoul(size, nullptr, 10) : 200;
  }

  static void SetUpTestSuite() {
    if (!Prometheus::is_here()) return;
    began_ = std::chrono::steady_clock::now();
    fleet_ = std::make_unique<Fleet>(fleet_size());
    print("exporters started");
    fs::create_directory(folder_.path() / "targets");
    fleet_->write_targets(folder_.path() / "targets" / "docker.yml");
    for (const char* file : {"alerts.yml", "recording.yml"})
      std::ofstream(folder_.path() / file) << stack::hurried(read_file(shipped / file), 1000);
    const fs::path config = folder_.path() / "prometheus.yml";
    std::ofstream(config) << read_file(shipped / "scrape-file-sd.yml")
                          << "global: {scrape_interval: 3s, scrape_timeout: 3s}\n";
    prometheus_ = std::make_unique<Prometheus>(config);
    if (!VictoriaMetrics::is_here() || !stack::Vmalert::is_here()) return;
    victoria_ = std::make_unique<VictoriaMetrics>(config);
    std::vector<fs::path> rules;
    for (const char* file : {"alerts.yml", "recording.yml"}) {
      rules.push_back(folder_.path() / (std::string("vm-") + file));
      std::ofstream(rules.back()) << stack::without_keep_firing_for(read_file(folder_.path() / file));
    }
    vmalert_ = std::make_unique<stack::Vmalert>(*victoria_, rules);
  }
  static void TearDownTestSuite() {
    vmalert_.reset();
    victoria_.reset();
    prometheus_.reset();
    fleet_.reset();
  }
  void SetUp() override {
    if (!Prometheus::is_here()) GTEST_SKIP() << "THERE IS NO PROMETHEUS HERE: nothing of a fleet was tested";
    ASSERT_TRUE(fleet_);
    if (!victoria_)
      std::printf("THERE IS NO VICTORIAMETRICS OR NO VMALERT HERE: the fleet was not asked of them\n");
    const auto all = static_cast<double>(fleet_->size());
    ASSERT_TRUE(prometheus_->wait_for("count(docker_up == 1)", all, patience))
        << prometheus_->value("count(docker_up == 1)").value_or(0) << " engines are up\n"
        << prometheus_->log() << fleet_->exporter(0).log();
    ASSERT_TRUE(prometheus_->wait_for("count(docker_images_with_duplicate_repo_digests)", all, patience));
    ASSERT_TRUE(prometheus_->wait_for("sum(docker_images_pending_inspection)", 0, patience));
  }

  /// Those that can be asked, by name.
  static std::vector<std::pair<std::string, const QueryApi*>> databases() {
    std::vector<std::pair<std::string, const QueryApi*>> all = {{"Prometheus", prometheus_.get()}};
    if (victoria_) all.emplace_back("VictoriaMetrics", victoria_.get());
    return all;
  }
  static void print(const std::string& what) {
    const std::chrono::duration<double> since = std::chrono::steady_clock::now() - began_;
    std::printf("[ %5.1f s ] %s\n", since.count(), what.c_str());
    std::fflush(stdout);
  }
  static Answer ask(const QueryApi& api, const Question& question) {
    Answer answer;
    for (const json& one : api.elements(question.query)) {
      std::string key;
      for (const std::string& label : question.labels)
        key += (key.empty() ? "" : "|") + one.at("metric").value(label, "");
      answer[key] += std::stod(one.at("value").at(1).get<std::string>());
    }
    return answer;
  }
  /// Asks until each answer is right, or for a minute; prints how long the slowest one took.
  static void expect_right(const QueryApi& api, const std::string& name,
                           const std::vector<Question>& questions) {
    double slowest = 0;
    for (const Question& question : questions) {
      Answer answer;
      const bool right = eventually(
          [&] {
            const auto start = std::chrono::steady_clock::now();
            answer = ask(api, question);
            const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
            slowest = std::max(slowest, took.count());
            return answer == question.right;
          },
          patience);
      EXPECT_TRUE(right) << name << ": " << question.query << "\nanswers" << text(answer) << "\nnot"
                         << text(question.right);
    }
    EXPECT_LT(slowest, longest_query_s);
    print(name + ": " + std::to_string(questions.size()) + " queries are answered right, the slowest in " +
          std::to_string(std::lround(slowest * 1000)) + " ms");
  }

  static std::string panel_query(const std::string& panel, std::size_t number = 0) {
    for (const json& one : stack::panels_of(json::parse(stack::dashboard_text("fleet"))))
      if (one.at("title") == panel) return stack::expanded(one.at("targets").at(number).at("expr"));
    ADD_FAILURE() << "no panel " << panel;
    return "";
  }
  static std::vector<Question> questions_of_the_dashboard(const std::vector<Truth>& truths);
  static std::vector<Question> questions_of_the_recording_rules(const std::vector<Truth>& truths);

  static inline std::chrono::steady_clock::time_point began_;
  static inline support::TemporaryFolder folder_;
  static inline std::unique_ptr<Fleet> fleet_;
  static inline std::unique_ptr<Prometheus> prometheus_;
  static inline std::unique_ptr<VictoriaMetrics> victoria_;
  static inline std::unique_ptr<stack::Vmalert> vmalert_;
};

/// Every query of every panel, but for those that measure times and sizes: these are asked for any answer.
std::vector<Question> InAFleet::questions_of_the_dashboard(const std::vector<Truth>& truths) {
  const auto all = [](std::size_t) { return std::string(); };
  const auto host = [](std::size_t i) { return fleet_->address(i); };
  const auto engine = [&](std::size_t i) { return truths[i].version + "|" + truths[i].image_store; };
  const auto host_and_engine = [&](std::size_t i) { return host(i) + "|" + engine(i); };
  const auto first = [&](std::size_t i, const std::string& key) {
    return truths[i].with_duplicates > 0 || truths[i].repeats_entries ? key : "-";
  };
  const auto first_host = [&](std::size_t i) { return first(i, host(i)); };
  const auto first_engine = [&](std::size_t i) { return first(i, host_and_engine(i)); };
  const auto defective = [&](std::size_t i) { return truths[i].repeats_entries ? host(i) + "|27.4.0" : "-"; };
  const auto raw = [](const Truth& truth) { return truth.raw; };
  const auto unique = [](const Truth& truth) { return truth.unique; };
  const auto images = [](const Truth& truth) { return truth.images; };
  const auto clean = [](const Truth& truth) { return 1 - is_affected(truth); };
  const auto repeats = [](const Truth& truth) { return truth.repeats_entries ? 1.0 : 0.0; };
  const auto doubles = [](const Truth& truth) { return truth.doubles_single_names ? 1.0 : 0.0; };
  const std::vector<std::string> none_at_all;
  const std::vector<std::string> instance = {"instance"};
  const std::vector<std::string> version = {"version", "image_store"};
  const std::vector<std::string> instance_version = {"instance", "version", "image_store"};
  const Question nothing{"", none_at_all, {{"", 0}}};

  std::map<std::string, std::vector<Question>> panels;
  panels["Hosts"] = {{"", none_at_all, sums(truths, all, one)}};
  panels["Hosts affected"] = {{"", none_at_all, sums(truths, all, is_affected)}};
  panels["Images affected"] = {{"", none_at_all, sums(truths, all, duplicates)}};
  panels["Containers running"] = {{"", none_at_all, sums(truths, all, running)}};
  panels["To upgrade"] = {{"", none_at_all, sums(truths, all, repeats)}};
  panels["Hosts unknown"] = {nothing};
  panels["Hosts to upgrade first"] = {{"", instance, sums(truths, first_host, duplicates)},
                                      {"", instance, sums(truths, first_host, running)},
                                      {"", instance_version, sums(truths, first_engine, one)},
                                      {"", {"instance", "fixed_in"}, sums(truths, defective, one)}};
  panels["What else is wrong"] = std::vector<Question>(9, nothing);
  panels["Engines"] = {{"", version, sums(truths, engine, one)},
                       {"", version, sums(truths, engine, is_affected)},
                       {"", version, sums(truths, engine, duplicates)},
                       {"", version, sums(truths, engine, none)}};
  panels["Known defects"] = {{"",
                              {"advisory", "fixed_in"},
                              {{"moby-48747|27.4.0", sums(truths, all, repeats).at("")},
                               {"moby-46007|24.0.5", sums(truths, all, doubles).at("")},
                               {"moby-45122|24.0.0", 0}}}};
  panels["Hosts by state"] = {{"", none_at_all, sums(truths, all, is_affected)},
                              nothing,
                              {"", none_at_all, sums(truths, all, clean)}};
  panels["Images with duplicates"] = {{"", none_at_all, sums(truths, all, duplicates)},
                                      {"", none_at_all, sums(truths, all, running)}};
  panels["RepoDigests"] = {{"", none_at_all, sums(truths, all, raw)},
                           {"", none_at_all, sums(truths, all, unique)}};
  panels["Engine versions"] = {{"", version, sums(truths, engine, one)}};
  panels["All hosts"] = {
      {"", instance, sums(truths, host, one)},    {"", instance_version, sums(truths, host_and_engine, one)},
      {"", instance, sums(truths, host, images)}, {"", instance, sums(truths, host, duplicates)},
      {"", instance, sums(truths, host, none)},   {},  // the age of the inventory
      {"", instance, sums(truths, host, none)}};
  panels["Engines away, exporters down"] = {nothing, nothing};
  const std::set<std::string> measured = {"Failures", "Age of the inventory", "Engine time", "Exporters",
                                          "Samples"};
  std::vector<Question> questions;
  for (const json& panel : stack::panels_of(json::parse(stack::dashboard_text("fleet")))) {
    const std::string title = panel.at("title");
    const std::size_t count = panel.at("targets").size();
    if (measured.contains(title)) continue;
    EXPECT_EQ(panels[title].size(), count) << title;
    for (std::size_t i = 0; i < std::min(panels[title].size(), count); ++i) {
      Question& question = panels[title][i];
      question.query = stack::expanded(panel.at("targets").at(i).at("expr"));
      if (!question.right.empty()) questions.push_back(question);
    }
  }
  return questions;
}

TEST_F(InAFleet, TheDashboardAnswersWhatTheModelKnowsInTime) {
  const std::vector<Truth> truths = fleet_->truths();
  const std::vector<Question> questions = questions_of_the_dashboard(truths);
  EXPECT_GT(questions.size(), 40U);
  // Else nothing was tested of them.
  for (const auto of : {is_affected, duplicates, running})
    EXPECT_GT(std::count_if(truths.begin(), truths.end(), [&](const Truth& truth) { return of(truth) > 0; }),
              static_cast<std::ptrdiff_t>(fleet_->size() / 10));
  for (const auto& [name, database] : databases()) expect_right(*database, name, questions);
  for (const auto& [name, database] : databases())
    for (const json& panel : stack::panels_of(json::parse(stack::dashboard_text("fleet"))))
      for (const json& target : panel.at("targets")) {
        const std::string query = stack::expanded(target.at("expr"));
        EXPECT_TRUE(eventually([&] { return !database->elements(query).empty(); }, patience))
            << name << ", " << panel.at("title") << ": " << query;
      }
}

std::vector<Question> InAFleet::questions_of_the_recording_rules(const std::vector<Truth>& truths) {
  const auto job = [](std::size_t) { return std::string("repodigest_exporter"); };
  const auto engine = [&](std::size_t i) { return truths[i].version + "|" + truths[i].image_store; };
  const auto host = [](std::size_t i) { return fleet_->address(i); };
  const auto images = [](const Truth& truth) { return truth.images; };
  const auto surplus = [](const Truth& truth) { return truth.raw - truth.unique; };
  const std::vector<std::string> of_the_job = {"job"};
  const std::vector<std::string> version = {"version", "image_store"};
  return {
      {"job:docker_up:count", of_the_job, sums(truths, job, one)},
      {"job:docker_up:sum", of_the_job, sums(truths, job, one)},
      {"job_version_image_store:docker_engine_info:count", version, sums(truths, engine, one)},
      {"job_advisory_fixed_in:docker_engine_advisory:sum{advisory='moby-48747'}", of_the_job,
       sums(truths, job, [](const Truth& truth) { return truth.repeats_entries ? 1.0 : 0.0; })},
      {"job:docker_images:sum", of_the_job, sums(truths, job, images)},
      {"job:docker_images_pending_inspection:sum", of_the_job, sums(truths, job, none)},
      {"job_version_image_store:docker_images_with_duplicate_repo_digests:sum", version,
       sums(truths, engine, duplicates)},
      {"job:docker_images_with_duplicate_repo_digests:sum", of_the_job, sums(truths, job, duplicates)},
      {"job_version_image_store:docker_images_with_duplicate_repo_digests:hosts", version,
       sums(truths, engine, is_affected)},
      {"job:docker_images_with_duplicate_repo_digests:hosts", of_the_job, sums(truths, job, is_affected)},
      {"job:docker_containers_with_duplicate_repo_digests:sum", of_the_job, sums(truths, job, running)},
      {"instance:docker_repo_digests:duplicates", {"instance"}, sums(truths, host, surplus)},
      {"job:docker_repo_digests:duplicates", of_the_job, sums(truths, job, surplus)},
  };
}

TEST_F(InAFleet, TheRecordingRulesAnswerWhatTheModelKnows) {
  const std::vector<Question> questions = questions_of_the_recording_rules(fleet_->truths());
  for (const auto& [name, database] : databases()) expect_right(*database, name + ", rules", questions);
}

}  // namespace
}  // namespace repodigest
