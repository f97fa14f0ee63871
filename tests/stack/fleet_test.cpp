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
#include "deploy/tools.h"
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
using stack::ModelServer;
using stack::Prometheus;
using stack::QueryApi;
using stack::Truth;
using stack::VictoriaMetrics;
using support::eventually;
using support::read_file;

const fs::path shipped = REPODIGEST_SOURCE_DIR "/deploy/prometheus";
constexpr std::chrono::seconds patience(60);
constexpr double longest_query_s = 10;
// What a minute of the alerts takes here. One scrape in vain, of three seconds, makes no exporter that is
// down; and what is away is so for longer than keep_firing_for.
constexpr int minute_ms = 700;
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

/// One of deploy/prometheus for several servers, as number `shard` of two, that writes to `database`.
fs::path with_a_share(const fs::path& folder, const std::string& file, std::size_t shard,
                      const VictoriaMetrics& database) {
  using stack::replaced;
  const std::string number = "\"" + std::to_string(shard) + "\"";
  const fs::path config = folder / ("shard" + std::to_string(shard) + "-" + file);
  std::string text =
      replaced(read_file(shipped / file), "http://victoria-metrics.example.org:8428", database.url());
  text = replaced(replaced(text, "shard: \"0\"", "shard: " + number), "regex: \"0\"", "regex: " + number);
  std::ofstream(config) << replaced(replaced(text, "scrape_interval: 60s", "scrape_interval: 4s"),
                                    "scrape_timeout: 10s", "scrape_timeout: 4s");
  return config;
}

/// Two Prometheus that share the hosts and send to a store of their own.
struct Shares {
  Shares(const fs::path& folder, const std::string& file, Prometheus::Mode mode) {
    for (const std::size_t shard : {0U, 1U})
      servers.push_back(std::make_unique<Prometheus>(with_a_share(folder, file, shard, central), mode));
  }
  const VictoriaMetrics central;
  std::vector<std::unique_ptr<Prometheus>> servers;
};

/// REPODIGEST_FLEET is another number of hosts than 200, for those who work on this.
class InAFleet : public ::testing::Test {
 protected:
  static std::size_t fleet_size() {
    const char* size = std::getenv("REPODIGEST_FLEET");
    return size != nullptr ? std::strtoul(size, nullptr, 10) : deploy::sanitized ? 20 : 200;
  }

  static void SetUpTestSuite() {
    if (!Prometheus::is_here()) return;
    began_ = std::chrono::steady_clock::now();
    fleet_ = std::make_unique<Fleet>(fleet_size());
    print("exporters started");
    fs::create_directory(folder_.path() / "targets");
    fleet_->write_targets(folder_.path() / "targets" / "docker.yml");
    for (const char* file : {"alerts.yml", "recording.yml"})
      std::ofstream(folder_.path() / file) << stack::hurried(read_file(shipped / file), minute_ms);
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
    sharing_ = std::make_unique<Shares>(folder_.path(), "scrape-sharded.yml", Prometheus::Mode::server);
    agents_ = std::make_unique<Shares>(folder_.path(), "agent.yml", Prometheus::Mode::agent);
  }
  static void TearDownTestSuite() {
    agents_.reset();
    sharing_.reset();
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
    if (victoria_) {
      ASSERT_TRUE(victoria_->wait_for("count(docker_images_with_duplicate_repo_digests)", all, patience));
    }
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
  /// Asks until each answer is right, or for so long; prints how long the slowest one took.
  static void expect_right(const QueryApi& api, const std::string& name,
                           const std::vector<Question>& questions, std::chrono::seconds how_long = patience) {
    double slowest = 0;
    for (const Question& question : questions) {
      Answer answer;
      const auto asked = std::chrono::steady_clock::now();
      const bool right = eventually(
          [&] {
            const auto start = std::chrono::steady_clock::now();
            answer = ask(api, question);
            const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
            slowest = std::max(slowest, took.count());
            return answer == question.right;
          },
          how_long);
      if (const std::chrono::duration<double> all = std::chrono::steady_clock::now() - asked; all.count() > 5)
        print(name + " took " + std::to_string(std::lround(all.count())) + " s to know " + question.query);
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
  static inline std::unique_ptr<Shares> sharing_;
  static inline std::unique_ptr<Shares> agents_;
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
  EXPECT_GE(questions.size(), 40U);
  // Else nothing was tested of them.
  for (const auto of : {is_affected, duplicates, running})
    EXPECT_GT(std::count_if(truths.begin(), truths.end(), [&](const Truth& truth) { return of(truth) > 0; }),
              static_cast<std::ptrdiff_t>(fleet_->size() / 20));
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

TEST_F(InAFleet, TwoServersShareTheHostsAndSendWhatTheyRecordToOnePlace) {
  if (!victoria_) GTEST_SKIP() << "THERE IS NO VICTORIAMETRICS HERE: nothing was sent to a central store";
  const auto sharing = std::move(sharing_);  // ends with the test
  const VictoriaMetrics& central = sharing->central;
  const auto& servers = sharing->servers;
  const std::vector<Truth> truths = fleet_->truths();
  const auto all = static_cast<double>(fleet_->size());
  ASSERT_TRUE(central.wait_for("sum(job:docker_up:count)", all, patience)) << servers.front()->log();
  EXPECT_TRUE(central.wait_for("count(instance:up:repodigest_exporter)", all, patience));
  EXPECT_EQ(central.value("max(count by (instance) (instance:up:repodigest_exporter))"), 1)
      << "each host once";
  double all_of_both = 0;
  for (std::size_t shard : {0U, 1U}) {
    const auto share = servers[shard]->value("count(up)").value_or(0);
    all_of_both += share;
    EXPECT_GT(share, all / 4);
    EXPECT_EQ(central.value("job:docker_up:count{shard=\"" + std::to_string(shard) + "\"}"), share);
  }
  EXPECT_EQ(all_of_both, all);
  const auto everywhere = [](std::size_t) { return std::string(); };
  expect_right(
      central, "two shards",
      {{"sum(job:docker_images_with_duplicate_repo_digests:hosts)",
        {},
        sums(truths, everywhere, is_affected)},
       {"sum(job:docker_images_with_duplicate_repo_digests:sum)", {}, sums(truths, everywhere, duplicates)}});
  EXPECT_EQ(central.elements("{__name__!~\"(job|instance)[a-z_]*:.+|ALERTS\"}").size(), 0U) << "nothing else";
}

TEST_F(InAFleet, AgentsSendWhatTheyScrapeButForWhatIsOfEachImage) {
  if (!victoria_) GTEST_SKIP() << "THERE IS NO VICTORIAMETRICS HERE: nothing was sent to a central store";
  const auto agents = std::move(agents_);  // they end with the test
  const VictoriaMetrics& central = agents->central;
  const auto all = static_cast<double>(fleet_->size());
  ASSERT_TRUE(central.wait_for("count(docker_up == 1)", all, patience)) << agents->servers.front()->log();
  EXPECT_EQ(central.value("max(count by (instance) (docker_up))"), 1) << "each host once";
  EXPECT_EQ(central.value("count(count by (shard) (docker_up))"), 2);
  const std::vector<Truth> truths = fleet_->truths();
  std::vector<Question> questions = questions_of_the_dashboard(truths);
  expect_right(central, "two agents", questions);
  EXPECT_EQ(central.elements("{__name__=~\"docker_image_.+|.+_bucket\"}").size(), 0U);
}

TEST_F(InAFleet, TheRecordingRulesAnswerWhatTheModelKnows) {
  const std::vector<Question> questions = questions_of_the_recording_rules(fleet_->truths());
  expect_right(*prometheus_, "Prometheus, rules", questions);
  // Half a minute more: series that vmalert writes for the first time are seen by the next rule ten seconds
  // later. It is asked after the upgrades too.
  if (victoria_ && std::getenv("REPODIGEST_FULL") != nullptr)
    expect_right(*victoria_, "VictoriaMetrics, rules", questions);
}

/// What is true while engines are upgraded, for those who look on meanwhile: which of the hosts that have
/// duplicates can't yet be known to have none.
class Upgrades {
 public:
  explicit Upgrades(std::vector<Truth> before) : before_(std::move(before)) {
    for (std::size_t i = 0; i < before_.size(); ++i)
      if (before_[i].with_duplicates > 0) affected_.insert(i);
  }
  /// Its engine is another one, and answers every inspect from now on.
  void complete(std::size_t host) {
    const MutexLock lock(mutex_);
    affected_.erase(host);
  }
  [[nodiscard]] std::set<std::size_t> affected() {
    const MutexLock lock(mutex_);
    return affected_;
  }
  [[nodiscard]] const Truth& before(std::size_t host) const { return before_[host]; }

 private:
  const std::vector<Truth> before_;
  Mutex mutex_;
  std::set<std::size_t> affected_ GUARDED_BY(mutex_);
};

/// Looks on from its construction to its destruction, and says what was never to be seen.
class Watcher {
 public:
  Watcher(const Fleet& fleet, Upgrades& upgrades,
          std::vector<std::pair<std::string, const QueryApi*>> databases, std::string hosts,
          std::string images)
      : fleet_(fleet),
        upgrades_(upgrades),
        databases_(std::move(databases)),
        hosts_(std::move(hosts)),
        images_(std::move(images)),
        thread_([this] {
          while (!ended_) {
            look();
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
          }
        }) {}
  ~Watcher() { end(); }
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  /// Returns how often it looked.
  std::size_t end() {
    ended_ = true;
    if (thread_.joinable()) thread_.join();
    return looks_;
  }

 private:
  /// What was true after an answer was true when it was given: hosts only ever leave the set.
  void look() {
    for (const auto& [name, database] : databases_) {
      const double hosts = database->value(hosts_).value_or(-1);
      const double images = database->value(images_).value_or(-1);
      double least_hosts = 0;
      double least_images = 0;
      for (const std::size_t host : upgrades_.affected()) {
        ++least_hosts;
        least_images += upgrades_.before(host).with_duplicates;
      }
      EXPECT_GE(hosts, least_hosts) << name;
      EXPECT_GE(images, least_images) << name;
    }
    const QueryApi& prometheus = *databases_.front().second;
    const double recorded =
        prometheus.value("job:docker_images_with_duplicate_repo_digests:hosts").value_or(-1);
    EXPECT_GE(recorded, static_cast<double>(upgrades_.affected().size())) << "recorded";
    std::set<std::string> alerting;
    for (const json& one : prometheus.elements(
             "ALERTS{alertname=~'Docker(Images|Containers)WithDuplicateRepoDigests', alertstate='firing'}"))
      alerting.insert(one.at("metric").value("instance", ""));
    for (const std::size_t host : upgrades_.affected())
      EXPECT_TRUE(alerting.contains(fleet_.address(host)))
          << "no alert of host " << host << ", which had " << upgrades_.before(host).version;
    ++looks_;
  }

  const Fleet& fleet_;
  Upgrades& upgrades_;
  const std::vector<std::pair<std::string, const QueryApi*>> databases_;
  const std::string hosts_;
  const std::string images_;
  std::atomic<bool> ended_ = false;
  std::size_t looks_ = 0;
  std::thread thread_;
};

TEST_F(InAFleet, NoAlertEndsOrBeginsFalselyWhileEnginesAreUpgradedAndTheNumbersFallToZeroOnlyAtTheEnd) {
  Upgrades upgrades(fleet_->truths());
  const std::size_t affected = upgrades.affected().size();
  const std::string firing =
      "count(count by (instance) (ALERTS{alertname=~'Docker(Images|Containers)WithDuplicateRepoDigests', "
      "alertstate='firing'}))";
  ASSERT_TRUE(prometheus_->wait_for(firing, static_cast<double>(affected), patience))
      << prometheus_->value(firing).value_or(0) << " of " << affected << prometheus_->log();
  print("the alerts of " + std::to_string(affected) + " hosts fire");
  Watcher watcher(*fleet_, upgrades, databases(), panel_query("Hosts affected"),
                  panel_query("Images affected"));

  // One after another, many a second. Of each five one is away for longer than DockerEngineUnreachable waits,
  // and each has images that are not inspected for a while. One that has duplicates is left for the end.
  using Clock = std::chrono::steady_clock;
  constexpr auto between = std::chrono::milliseconds(60);
  constexpr auto absence = std::chrono::seconds(14);
  constexpr auto inspection = std::chrono::seconds(6);
  ModelServer& engines = fleet_->engines();
  const std::size_t last = *upgrades.affected().rbegin();
  const std::string version(fixed_version);
  std::multimap<Clock::time_point, std::function<void()>> plan;
  std::set<std::string> away;
  std::size_t upgraded = 0;
  std::size_t pinned = 0;
  const auto now = Clock::now();
  for (std::size_t host = 0; host < fleet_->size(); ++host) {
    if (upgrades.before(host).version == version || host == last) continue;
    engines.with(host, [&](const stack::ServedEngine& engine) {
      for (const auto& [id, image] : engine.store.images())
        pinned += std::any_of(image.names.begin(), image.names.end(), model::has_digest) ? 1 : 0;
    });
    const auto at = now + between * upgraded;
    const bool is_away = upgraded++ % 5 == 4;
    const auto back = is_away ? at + absence : at;
    if (is_away) away.insert(fleet_->address(host));
    plan.emplace(at, [&engines, host] {
      engines.hold_inspects(host, 1);
      engines.stop(host);
    });
    plan.emplace(back, [&engines, host, version] { engines.start(host, version); });
    plan.emplace(back + inspection, [&engines, &upgrades, host] {
      upgrades.complete(host);
      engines.let_inspects_go(host);
    });
  }
  EXPECT_GT(pinned, fleet_->size() / 2);
  for (const auto& [at, what] : plan) {
    std::this_thread::sleep_until(at);
    what();
  }
  print(std::to_string(upgraded) + " engines are upgraded, " + std::to_string(pinned) +
        " pinned images among theirs");
  const auto all_show_the_last_one = [&] {
    for (const auto& [name, database] : databases()) {
      EXPECT_TRUE(database->wait_for(panel_query("Hosts affected"), 1, patience)) << name;
      EXPECT_TRUE(database->wait_for(panel_query("Images affected"), upgrades.before(last).with_duplicates))
          << name;
    }
    EXPECT_TRUE(prometheus_->wait_for("job:docker_images_with_duplicate_repo_digests:hosts", 1, patience));
  };
  all_show_the_last_one();
  engines.hold_inspects(last, 1);
  engines.stop(last);
  engines.start(last, version);
  const std::string of_the_last = "{instance='" + fleet_->address(last) + "'}";
  EXPECT_TRUE(prometheus_->wait_for(
      "count(docker_engine_info{version='" + version + "', " + of_the_last.substr(1) + ")", 1, patience));
  // Stale soon, with inspects that hang: these series may have ended again.
  EXPECT_GT(
      prometheus_->value("sum(max_over_time(docker_images_pending_inspection" + of_the_last + "[30s]))"), 0);
  all_show_the_last_one();
  print("the last one has its new engine, and images that are still to be inspected");
  upgrades.complete(last);
  engines.let_inspects_go(last);
  const std::vector<Truth> after = fleet_->truths();
  for (const Truth& truth : after) EXPECT_EQ(truth.with_duplicates, 0);
  for (const auto& [name, database] : databases()) {
    expect_right(*database, name + " after the upgrades", questions_of_the_dashboard(after));
    // Where writes are late, vmalert 1.79 may lose the mark that ends a series of a version that is gone: its
    // last value then counts for five minutes more.
    std::vector<Question> recorded = questions_of_the_recording_rules(after);
    if (database == victoria_.get())
      std::erase_if(recorded, [](const Question& question) { return question.labels.front() != "job"; });
    expect_right(*database, name + ", rules, after the upgrades", recorded,
                 database == victoria_.get() ? std::chrono::seconds(400) : patience);
  }
  EXPECT_TRUE(eventually([&] { return !prometheus_->value(firing); }, patience))
      << prometheus_->value(firing).value_or(0) << " alerts are left";
  print("all alerts of duplicates have ended; looked " + std::to_string(watcher.end()) + " times");

  // Everything that was ever to be seen, with the reason it had.
  for (const json& one : prometheus_->elements("count_over_time(ALERTS[1h])")) {
    const json& labels = one.at("metric");
    const std::string name = labels.at("alertname");
    const std::string instance = labels.value("instance", "");
    EXPECT_NE(name, "DockerUnexpectedDuplicateRepoDigests") << labels;
    if (labels.at("alertstate") == "pending") continue;
    const auto host = static_cast<std::size_t>(
        std::find_if(after.begin(), after.end(),
                     [&](const Truth& truth) {
                       return fleet_->address(static_cast<std::size_t>(&truth - after.data())) == instance;
                     }) -
        after.begin());
    ASSERT_LT(host, after.size()) << labels;
    const Truth& before = upgrades.before(host);
    const bool has_reason = name == "DockerImagesWithDuplicateRepoDigests" ? before.with_duplicates > 0
                            : name == "DockerContainersWithDuplicateRepoDigests"
                                ? before.running_with_duplicates > 0
                            : name == "DockerEngineKnownDefect" ? before.repeats_entries
                            : name == "DockerEngineUnreachable" ? away.contains(instance)
                                                                : false;
    EXPECT_TRUE(has_reason) << labels;
  }
  EXPECT_TRUE(prometheus_->value(
      "count(count_over_time(ALERTS{alertname='DockerEngineUnreachable', alertstate='firing'}[1h]))"));
}

// The figures of the README's page about fleets, besides those of bench_fleet.
TEST_F(InAFleet, PrintsWhatItCosts) {
  const std::chrono::duration<double> since = std::chrono::steady_clock::now() - began_;
  const auto tell = [](const std::string& what, double value) {
    std::printf("%-58s %12.3f\n", what.c_str(), value);
  };
  const auto ask = [](const std::string& query) { return prometheus_->value(query).value_or(NAN); };
  const auto all = static_cast<double>(fleet_->size());
  tell("hosts", all);
  tell("exporter: series of a scrape, mean", ask("avg(scrape_samples_scraped)"));
  tell("exporter: ms of a scrape, mean", ask("avg(avg_over_time(scrape_duration_seconds[30s]))") * 1000);
  tell("exporter: resident MB, mean", ask("avg(process_resident_memory_bytes)") / 1e6);
  tell("exporter: CPU, % of a core, mean, upgrade included",
       ask("avg(process_cpu_seconds_total)") / since.count() * 100);
  const std::string own = prometheus_->body("/metrics");
  const auto mine = [&](const std::string& series) { return support::value_of(own, series).value_or(NAN); };
  tell("Prometheus: series in the head", mine("prometheus_tsdb_head_series"));
  tell("Prometheus: samples a second",
       mine("prometheus_tsdb_head_samples_appended_total{type=\"float\"}") / since.count());
  tell("Prometheus: resident MB", mine("process_resident_memory_bytes") / 1e6);
  tell("Prometheus: resident bytes a series",
       mine("process_resident_memory_bytes") / mine("prometheus_tsdb_head_series"));
  tell("Prometheus: CPU, % of a core", mine("process_cpu_seconds_total") / since.count() * 100);
  EXPECT_GT(mine("prometheus_tsdb_head_series"), all * 300);
  for (const char* group : {"alerts.yml;repodigest_exporter", "recording.yml;repodigest_exporter_fleet"})
    tell(std::string("Prometheus: ms of the last evaluation of ") + group,
         mine("prometheus_rule_group_last_duration_seconds{rule_group=\"" + folder_.path().string() + "/" +
              group + "\"}") *
             1000);
  if (!victoria_) return;
  const std::string others = victoria_->body("/metrics");
  tell("VictoriaMetrics: resident MB",
       support::value_of(others, "process_resident_memory_bytes").value_or(NAN) / 1e6);
  tell("VictoriaMetrics: CPU, % of a core",
       support::value_of(others, "process_cpu_seconds_total").value_or(NAN) / since.count() * 100);
}

}  // namespace
}  // namespace repodigest
