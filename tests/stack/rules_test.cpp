// What deploy/prometheus has for Prometheus, Alertmanager and vmalert: their own tools judge it, and that
// nothing in it speaks of what is not there.
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "hurried.h"
#include "support/feed_command.h"
#include "support/program.h"
#include "support/temporary_folder.h"

namespace repodigest {
namespace {

namespace fs = std::filesystem;
using support::read_file;

const fs::path folder = REPODIGEST_SOURCE_DIR "/deploy/prometheus";
const fs::path unit_tests = REPODIGEST_SOURCE_DIR "/tests/stack/rules";
const std::vector<std::string> rule_files = {"alerts.yml", "alerts-optional.yml", "recording.yml"};

/// The .yml files of a folder and those below it.
std::vector<fs::path> yaml_files(const fs::path& where) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(where))
    if (entry.path().extension() == ".yml") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<YAML::Node> rules() {
  std::vector<YAML::Node> all;
  for (const std::string& file : rule_files)
    for (const auto& group : YAML::LoadFile((folder / file).string())["groups"])
      for (const auto& rule : group["rules"]) all.push_back(rule);
  return all;
}

std::vector<YAML::Node> alerts() {
  std::vector<YAML::Node> all;  // filled anew: to assign a node changes the one that it was
  for (const YAML::Node& rule : rules())
    if (rule["alert"]) all.push_back(rule);
  return all;
}

/// Every match of `pattern` in `text`.
std::set<std::string> found(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  std::set<std::string> all;
  for (std::sregex_iterator match(text.begin(), text.end(), regex), end; match != end; ++match)
    all.insert(match->str());
  return all;
}

/// What the exporter's /metrics has: names of samples (those of histograms too).
std::set<std::string> metrics_of_the_exporter() {
  std::istringstream lines(
      read_file(REPODIGEST_SOURCE_DIR "/tests/recorded/golden/27.3.1-containerd.metrics"));
  std::set<std::string> names;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) line = line.substr(7);
    if (!line.starts_with('#')) names.insert(line.substr(0, line.find_first_of(" {")));
  }
  return names;
}

/// Anchors of the headings, as GitHub makes them, with the text below.
std::map<std::string, std::string> sections_of_the_runbook() {
  std::istringstream lines(read_file(folder / "runbook.md"));
  std::map<std::string, std::string> sections;
  std::string anchor;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("## ")) {
      anchor.clear();
      for (const char c : line.substr(3))
        anchor += c == ' ' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else {
      sections[anchor] += line + "\n";
    }
  }
  return sections;
}

void expect_takes(std::vector<std::string> command) {
  support::Process process(std::move(command));
  const auto outcome = process.wait();
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->exit_code, 0) << outcome->output << outcome->errors;
}

/// A copy of the folder, with the files that the examples name.
class CopyOfTheFolder {
 public:
  CopyOfTheFolder() {
    fs::copy(folder, path(), fs::copy_options::recursive);
    fs::create_directory(path() / "tls");
    for (const char* file : {"ca.crt", "password"}) std::ofstream(path() / "tls" / file) << "x\n";
  }
  [[nodiscard]] const fs::path& path() const { return folder_.path(); }

 private:
  support::TemporaryFolder folder_;
};

class RulesJudgedByPromtool : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!support::succeeds("promtool --version"))
      GTEST_SKIP() << "THERE IS NO PROMTOOL HERE: rules and scrape configs were not tested";
  }
};

TEST_F(RulesJudgedByPromtool, HaveNothingForItToFind) {
  std::vector<std::string> command = {"promtool", "check", "rules", "--lint=all", "--lint-fatal"};
  for (const std::string& file : rule_files) command.push_back((folder / file).string());
  expect_takes(command);
}

TEST_F(RulesJudgedByPromtool, FireAndStayAndResolveAsTheirUnitTestsSay) {
  std::vector<std::string> command = {"promtool", "test", "rules"};
  for (const fs::path& file : yaml_files(unit_tests)) command.push_back(file.string());
  ASSERT_GT(command.size(), 3U);
  expect_takes(command);
}

TEST_F(RulesJudgedByPromtool, AreLoadedByEveryScrapeExampleAsItStands) {
  const CopyOfTheFolder copy;
  std::size_t examples = 0;
  for (const fs::path& file : yaml_files(copy.path())) {
    if (!file.filename().string().starts_with("scrape-")) continue;
    expect_takes({"promtool", "check", "config", file.string()});
    const auto config = YAML::LoadFile(file.string());
    EXPECT_GT(config["scrape_configs"][0]["sample_limit"].as<int>(), 20000) << file;
    EXPECT_EQ(config["scrape_configs"][0]["job_name"].as<std::string>(), "repodigest_exporter") << file;
    ++examples;
  }
  EXPECT_EQ(examples, 5U);
  expect_takes({"promtool", "check", "config", "--agent", (copy.path() / "agent.yml").string()});
}

// Each is for itself: only who sends what, and that an agent has no rules, differs.
TEST(Rules, AreScrapedForAloneAndByAgentsAndSharesAlike) {
  const auto share = YAML::LoadFile((folder / "scrape-sharded.yml").string());
  const auto agent = YAML::LoadFile((folder / "agent.yml").string());
  const auto alone = YAML::LoadFile((folder / "scrape-file-sd.yml").string());
  for (const char* section : {"global", "scrape_configs"})
    EXPECT_EQ(YAML::Dump(share[section]), YAML::Dump(agent[section])) << section;
  EXPECT_EQ(YAML::Dump(share["rule_files"]), YAML::Dump(alone["rule_files"]));
  EXPECT_EQ(YAML::Dump(share["scrape_configs"][0]["relabel_configs"][0]),
            YAML::Dump(alone["scrape_configs"][0]["relabel_configs"][0]));
}

TEST(Rules, AreTakenByVmalert) {
  if (!support::succeeds("vmalert -version"))
    GTEST_SKIP() << "THERE IS NO VMALERT HERE: what it says about the rules was not tested";
  const support::TemporaryFolder copy;
  std::vector<std::string> command = {"vmalert", "-dryRun"};
  for (const std::string& file : rule_files) {
    fs::copy(folder / file, copy.path() / file);
    command.push_back("-rule=" + (copy.path() / file).string());
  }
  support::Process process(command);
  const auto outcome = process.wait();
  ASSERT_TRUE(outcome.has_value());
  // Debian 12 has 1.79, which does not know it and takes no unknown field.
  if (outcome->exit_code != 0 &&
      outcome->errors.find("unknown fields in rule: keep_firing_for") != std::string::npos)
    for (const std::string& file : rule_files)
      std::ofstream(copy.path() / file) << stack::without_keep_firing_for(read_file(folder / file));
  expect_takes(command);
}

TEST(Rules, HaveAnInhibitionThatAlertmanagerTakes) {
  if (!support::succeeds("amtool --version"))
    GTEST_SKIP() << "THERE IS NO AMTOOL HERE: what it says about the inhibition was not tested";
  const support::TemporaryFolder here;
  const fs::path config = here.path() / "alertmanager.yml";
  std::ofstream(config) << read_file(folder / "alertmanager-inhibit.yml")
                        << "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n";
  expect_takes({"amtool", "check-config", config.string()});
}

TEST(Rules, AreCleanForYamllint) {
  if (!support::succeeds("yamllint --version"))
    GTEST_SKIP() << "THERE IS NO YAMLLINT HERE: the form of the files was not tested";
  expect_takes({"yamllint", "--strict", "-d", "{extends: default, rules: {line-length: {max: 120}}}",
                folder.string(), unit_tests.string()});
}

TEST(Rules, AndTheRunbookNameOnlyMetricsThatTheExporterHas) {
  const std::set<std::string> there = metrics_of_the_exporter();
  std::set<std::string> recorded;
  std::string text = read_file(folder / "runbook.md");
  for (const YAML::Node& rule : rules()) {
    if (rule["record"]) recorded.insert(rule["record"].as<std::string>());
    text += std::regex_replace(rule["expr"].as<std::string>(), std::regex("\"[^\"]*\""), "") + "\n";
  }
  std::size_t named = 0;
  for (const std::string& name :
       found(text, "[a-z_]+:[a-z_:]+|\\b(docker|repodigest_exporter|process)_[a-z_]+")) {
    if (name.find(':') == std::string::npos) {
      EXPECT_TRUE(there.contains(name)) << name;
      ++named;
    } else if (name.find("docker_") != std::string::npos) {
      EXPECT_TRUE(recorded.contains(name)) << name;
    }
  }
  EXPECT_GT(named, 15U);
}

TEST(Rules, NameTheJobInOnePlace) {
  std::size_t places = 0;
  for (const YAML::Node& rule : rules()) {
    const auto expr = rule["expr"].as<std::string>();
    if (expr.find("job=") == std::string::npos) continue;
    EXPECT_EQ(expr, "up{job=\"repodigest_exporter\"}");
    ++places;
  }
  EXPECT_EQ(places, 1U);
}

TEST(EveryAlert, SaysHowBadItIsAndWhatAndWhereToReadOn) {
  const std::set<std::string> severities = {"critical", "warning", "info"};
  for (const YAML::Node& alert : alerts()) {
    const auto name = alert["alert"].as<std::string>();
    ASSERT_TRUE(alert["labels"]["severity"]) << name;
    EXPECT_TRUE(severities.contains(alert["labels"]["severity"].as<std::string>())) << name;
    for (const char* annotation : {"summary", "description", "runbook_url"})
      EXPECT_TRUE(alert["annotations"][annotation]) << name << " " << annotation;
    EXPECT_TRUE(alert["for"]) << name;
    EXPECT_TRUE(alert["keep_firing_for"]) << name;
  }
  EXPECT_EQ(alerts().size(), 16U);
}

TEST(EveryAlert, HasASectionOfTheRunbookWhereItsUrlPoints) {
  const auto sections = sections_of_the_runbook();
  std::set<std::string> read;
  for (const YAML::Node& alert : alerts()) {
    const auto url = alert["annotations"]["runbook_url"].as<std::string>();
    ASSERT_TRUE(url.starts_with("runbook.md#")) << url;
    const std::string anchor = url.substr(url.find('#') + 1);
    ASSERT_TRUE(sections.contains(anchor)) << url;
    for (const char* part : {"**What it means.**", "**How to look.**", "**What to do.**"})
      EXPECT_NE(sections.at(anchor).find(part), std::string::npos) << anchor << " " << part;
    EXPECT_TRUE(read.insert(anchor).second) << anchor << " is two alerts' section";
  }
  EXPECT_TRUE(sections.contains("after-an-upgrade-or-a-change-of-store"));
  EXPECT_EQ(sections.size(), read.size() + 2) << "that page, and what stands before the first section";
}

TEST(EveryAlert, HasAUnitTestThatSeesItFireAndOneThatSeesItNot) {
  std::map<std::string, std::set<bool>> seen;
  for (const fs::path& file : yaml_files(unit_tests))
    for (const auto& test : YAML::LoadFile(file.string())["tests"])
      for (const auto& check : test["alert_rule_test"])
        seen[check["alertname"].as<std::string>()].insert(check["exp_alerts"].size() > 0);
  for (const YAML::Node& alert : alerts())
    EXPECT_EQ(seen[alert["alert"].as<std::string>()].size(), 2U) << alert["alert"];
}

TEST(EveryAlert, IsInTheTableOfTheReadme) {
  const std::string readme = read_file(REPODIGEST_SOURCE_DIR "/README.md");
  for (const YAML::Node& alert : alerts())
    EXPECT_NE(readme.find("\n| `" + alert["alert"].as<std::string>() + "`"), std::string::npos)
        << alert["alert"];
}

}  // namespace
}  // namespace repodigest
