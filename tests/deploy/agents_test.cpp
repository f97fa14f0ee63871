// The snippets for Zabbix, Telegraf and Datadog speak of what the exporter really answers, and are
// well-formed. The agents themselves are not run here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "support/feed_command.h"
#include "support/program.h"
#include "support/temporary_folder.h"

namespace repodigest {
namespace {

using nlohmann::ordered_json;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::UnorderedElementsAreArray;

const std::string folder = REPODIGEST_SOURCE_DIR "/deploy/agents";

/// What the running exporter answers, with the demo's images.
struct Answers {
  ordered_json summary;
  std::string metrics;
};

const Answers& answers() {
  static const Answers all = [] {
    const support::Daemon daemon({"--demo"});
    EXPECT_TRUE(daemon.wait_until_inspected()) << daemon.log();
    return Answers{ordered_json::parse(daemon.body("/api/v1/summary")), daemon.body("/metrics")};
  }();
  return all;
}

/// The summary while the engine was never there.
const ordered_json& summary_before_the_first_list() {
  static const ordered_json summary = [] {
    const support::Daemon daemon({"--docker.host=unix:///nonexistent/docker.sock"});
    std::string body;
    EXPECT_TRUE(support::eventually([&] { return !(body = daemon.body("/api/v1/summary")).empty(); }))
        << daemon.log();
    return ordered_json::parse(body);
  }();
  return summary;
}

/// Every number and text of the summary but the version of its form.
std::set<std::string> keys_of_the_summary() {
  std::set<std::string> keys;
  for (const auto& [key, value] : answers().summary.items())
    if (key != "schema_version") keys.insert(key);
  return keys;
}

/// What a Python program prints as JSON, given a file's path as its argument.
ordered_json asked_of_python(const std::string& program, const std::string& file) {
  support::Process python({"/usr/bin/python3", "-c", program, file});
  const auto ended = python.wait();
  if (!ended || ended->exit_code != 0) {
    ADD_FAILURE() << file << ": " << python.errors();
    return {};
  }
  return ordered_json::parse(ended->output);
}

/// Every match of a pattern's first group.
std::vector<std::string> found(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  std::vector<std::string> all;
  for (std::sregex_iterator match(text.begin(), text.end(), regex), end; match != end; ++match)
    all.push_back((*match)[1]);
  return all;
}

class ZabbixTemplate : public ::testing::Test {
 protected:
  static std::string text() { return support::read_file(folder + "/zabbix/repodigest.yaml"); }
  static YAML::Node written() { return YAML::Load(text())["zabbix_export"]["templates"][0]; }
  /// The items made from the summary, by the key of it that each takes.
  static std::map<std::string, YAML::Node> dependents() {
    std::map<std::string, YAML::Node> all;
    for (const auto& item : written()["items"]) {
      if (item["type"].as<std::string>() != "DEPENDENT") continue;
      EXPECT_EQ(item["master_item"]["key"].as<std::string>(), "repodigest.summary");
      EXPECT_EQ(item["preprocessing"][0]["type"].as<std::string>(), "JSONPATH");
      const auto path = item["preprocessing"][0]["parameters"][0].as<std::string>();
      EXPECT_EQ(path.substr(0, 2), "$.");
      EXPECT_TRUE(all.emplace(path.substr(2), item).second) << path << " is taken twice";
    }
    return all;
  }
  static std::vector<YAML::Node> triggers() {
    std::vector<YAML::Node> all;
    for (const auto& item : written()["items"])
      for (const auto& trigger : item["triggers"]) all.push_back(trigger);
    return all;
  }
};

TEST_F(ZabbixTemplate, HasAnItemForEverythingInTheSummary) {
  std::set<std::string> taken;
  for (const auto& [key, item] : dependents()) {
    taken.insert(key);
    EXPECT_EQ(item["key"].as<std::string>(), "repodigest." + key);
  }
  EXPECT_THAT(taken, UnorderedElementsAreArray(keys_of_the_summary()));
}

TEST_F(ZabbixTemplate, GivesEachItemTheTypeOfItsValue) {
  for (const auto& [key, item] : dependents()) {
    const auto& value = answers().summary.at(key);
    // Without a type it is a number without sign.
    const auto type = item["value_type"] ? item["value_type"].as<std::string>() : "UNSIGNED";
    EXPECT_TRUE(type == "CHAR" ? value.is_string() : value.is_number_unsigned()) << key << ": " << value;
  }
}

// Zabbix would take the word for a value, find that it is no number, and call the item unsupported.
TEST_F(ZabbixTemplate, DiscardsWhatIsNullBeforeTheFirstList) {
  std::size_t nulls = 0;
  for (const auto& [key, item] : dependents()) {
    if (!summary_before_the_first_list().at(key).is_null()) continue;
    ++nulls;
    const auto second = item["preprocessing"][1];
    ASSERT_TRUE(second) << key;
    EXPECT_EQ(second["type"].as<std::string>(), "NOT_MATCHES_REGEX") << key;
    EXPECT_EQ(second["parameters"][0].as<std::string>(), "^null$") << key;
    EXPECT_EQ(second["error_handler"].as<std::string>(), "DISCARD_VALUE") << key;
  }
  EXPECT_GT(nulls, 10U);
}

TEST_F(ZabbixTemplate, AsksForThePathOfTheSummary) {
  EXPECT_THAT(written()["items"][0]["url"].as<std::string>(), HasSubstr("/api/v1/summary"));
}

TEST_F(ZabbixTemplate, HasTriggersOfItsOwnItemsOnly) {
  const std::string host = written()["template"].as<std::string>();
  std::map<std::string, std::string> expressions;
  for (const auto& trigger : triggers()) {
    const auto expression = trigger["expression"].as<std::string>();
    EXPECT_TRUE(expressions.emplace(trigger["name"].as<std::string>(), expression).second) << trigger["name"];
    const auto used = found(expression, "\\(/" + host + "/repodigest\\.([a-z_]+)[,)]");
    EXPECT_FALSE(used.empty()) << expression;
    for (const auto& key : used) EXPECT_EQ(keys_of_the_summary().count(key), 1U) << expression;
  }
  EXPECT_GE(expressions.size(), 10U);
  for (const auto& trigger : triggers())
    for (const auto& other : trigger["dependencies"])
      EXPECT_EQ(expressions[other["name"].as<std::string>()], other["expression"].as<std::string>())
          << trigger["name"] << " depends on " << other["name"];
}

TEST_F(ZabbixTemplate, DeclaresWhatItUses) {
  std::set<std::string> macros;
  for (const auto& macro : written()["macros"]) macros.insert(macro["macro"].as<std::string>());
  const auto used = found(text(), R"((\{\$[A-Z.]+\}))");
  EXPECT_THAT(macros, UnorderedElementsAreArray(std::set<std::string>(used.begin(), used.end())));
  std::set<std::string> maps;
  for (const auto& map : written()["valuemaps"]) maps.insert(map["name"].as<std::string>());
  for (const auto& [key, item] : dependents())
    if (item["valuemap"]) {
      EXPECT_EQ(maps.count(item["valuemap"]["name"].as<std::string>()), 1U) << key;
    }
}

// Zabbix refuses others.
TEST_F(ZabbixTemplate, HasUuidsOfVersion4EachOnce) {
  const auto uuids = found(text(), "uuid: *(\\S+)");
  EXPECT_GT(uuids.size(), 30U);
  const std::regex version4("[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}");
  std::set<std::string> seen;
  for (const auto& uuid : uuids) {
    EXPECT_TRUE(std::regex_match(uuid, version4)) << uuid;
    EXPECT_TRUE(seen.insert(uuid).second) << uuid << " stands twice";
  }
}

/// A file of Telegraf's, read by Python's TOML reader.
ordered_json telegraf(const std::string& file) {
  return asked_of_python(
      "import json, sys, tomllib\nprint(json.dumps(tomllib.load(open(sys.argv[1], 'rb'))))",
      folder + "/telegraf/" + file);
}

TEST(Telegraf, TakesEverythingInTheSummary) {
  const auto input = telegraf("repodigest.conf").at("inputs").at("http").at(0);
  EXPECT_THAT(input.at("urls").at(0).get<std::string>(), HasSubstr("/api/v1/summary"));
  const auto object = input.at("json_v2").at(0).at("object").at(0);
  std::set<std::string> taken;
  for (const auto& [key, type] : object.at("fields").items()) {
    taken.insert(key);
    EXPECT_EQ(type, "int") << key;
    EXPECT_TRUE(answers().summary.at(key).is_number_integer()) << key;
  }
  for (const auto& key : object.at("tags")) {
    taken.insert(key);
    EXPECT_TRUE(answers().summary.at(key).is_string()) << key;
  }
  EXPECT_THAT(taken, UnorderedElementsAreArray(keys_of_the_summary()));
  EXPECT_EQ(object.at("excluded_keys"), ordered_json::array({"schema_version"}));
}

TEST(Telegraf, FiltersMetricsThatThereAre) {
  const auto input = telegraf("repodigest-prometheus.conf").at("inputs").at("prometheus").at(0);
  EXPECT_THAT(input.at("urls").at(0).get<std::string>(), HasSubstr("/metrics"));
  const auto fields = input.at("fieldinclude");
  EXPECT_GT(fields.size(), 10U);
  for (const auto& field : fields) {
    const auto name = field.get<std::string>();
    EXPECT_TRUE(std::regex_search(answers().metrics, std::regex("\n" + name + "[ {]"))) << name;
    EXPECT_NE(name.rfind("docker_image_", 0), 0U) << name << " is of single images";
  }
}

class Datadog : public ::testing::Test {
 protected:
  static YAML::Node instance() { return YAML::LoadFile(folder + "/datadog/conf.yaml")["instances"][0]; }
  /// Names of the metrics as Python's client library reads them (the Agent's check uses it): counters without
  /// _total. Lines that the check would not parse are taken out first.
  static std::map<std::string, std::vector<std::string>> families() {
    support::TemporaryFolder scratch;
    const auto file = scratch.path() / "metrics";
    std::ofstream out(file);
    std::istringstream lines(answers().metrics);
    const std::regex filter(instance()["raw_line_filters"][0].as<std::string>());
    for (std::string line; std::getline(lines, line);)
      if (!std::regex_search(line, filter)) out << line << '\n';
    out.close();
    const auto read = asked_of_python(
        "import json, sys\nfrom prometheus_client.parser import text_fd_to_metric_families as read\n"
        "print(json.dumps({f.name: sorted({l for s in f.samples for l in s.labels}) for f in "
        "read(open(sys.argv[1])) "
        "if f.samples}))",
        file);
    return read.get<std::map<std::string, std::vector<std::string>>>();
  }
};

TEST_F(Datadog, NamesMetricsThatThereAre) {
  if (!support::succeeds("/usr/bin/python3 -c 'import prometheus_client'"))
    GTEST_SKIP()
        << "THERE IS NO PYTHON3-PROMETHEUS-CLIENT HERE: the names of Datadog's check were not tested";
  const auto all = families();
  std::set<std::string> own_names;
  for (const auto& metric : instance()["metrics"])
    for (const auto& entry : metric) {
      const auto name = entry.first.as<std::string>();
      EXPECT_EQ(all.count(name), 1U) << name;
      EXPECT_NE(name.rfind("docker_image_", 0), 0U) << name << " is of single images";
      const auto own = entry.second.IsMap() ? entry.second["name"] : entry.second;
      EXPECT_TRUE(own_names.insert(own.as<std::string>()).second) << own << " stands twice";
    }
  EXPECT_GT(own_names.size(), 10U);
  EXPECT_EQ(all.count("docker_image_repo_digests"), 0U) << "not filtered";
  EXPECT_EQ(all.count("docker_images"), 1U) << "filtered too much";
}

TEST_F(Datadog, SharesLabelsThatThereAre) {
  if (!support::succeeds("/usr/bin/python3 -c 'import prometheus_client'"))
    GTEST_SKIP()
        << "THERE IS NO PYTHON3-PROMETHEUS-CLIENT HERE: the labels of Datadog's check were not tested";
  const auto all = families();
  for (const auto& shared : instance()["share_labels"])
    EXPECT_THAT(all.at(shared.first.as<std::string>()),
                IsSupersetOf(shared.second["labels"].as<std::vector<std::string>>()));
}

TEST(Agents, AreTidyYaml) {
  if (!support::succeeds("yamllint --version"))
    GTEST_SKIP() << "THERE IS NO YAMLLINT HERE: the files of Zabbix and Datadog were not looked through";
  support::Process lint(
      {"yamllint", "--strict", "-d", "{extends: default, rules: {line-length: {max: 120}}}", folder});
  const auto ended = lint.wait();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->exit_code, 0) << ended->output;
}

}  // namespace
}  // namespace repodigest
