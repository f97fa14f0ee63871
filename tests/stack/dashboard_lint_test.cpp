// What Grafana's dashboard-linter asks of a dashboard (its rules of 2026-06, named in the tests), what
// Grafana itself needs, and what the files of deploy/grafana say. The linter itself can't be had here.
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "dashboard.h"
#include "support/program.h"

namespace repodigest {
namespace {

using nlohmann::json;
using stack::panels_of;

/// The end of the parenthesis that opens at `open`.
std::size_t closing(const std::string& text, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < text.size(); ++i)
    if (text[i] == '(')
      ++depth;
    else if (text[i] == ')' && --depth == 0)
      return i;
  return text.size();
}

class Dashboard : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    text_ = stack::dashboard_text(GetParam());
    dashboard_ = json::parse(text_, nullptr, false);
    ASSERT_TRUE(dashboard_.is_object()) << "dashboards/" << GetParam() << ".json can't be read";
    for (const json& panel : panels_of(dashboard_))
      for (const json& target : panel.at("targets"))
        queries_.push_back({panel.at("title"), target.at("expr"), target});
  }
  [[nodiscard]] json variable(const std::string& name) const {
    for (const json& one : dashboard_.at("templating").at("list"))
      if (one.at("name") == name) return one;
    return json::object();
  }

  struct Query {
    std::string panel;
    std::string expression;
    json target;
  };
  std::string text_;
  json dashboard_;
  std::vector<Query> queries_;
};
INSTANTIATE_TEST_SUITE_P(All, Dashboard, ::testing::Values("fleet", "host"),
                         [](const auto& one) { return one.param; });

// template-datasource-rule
TEST_P(Dashboard, LetsItsDataSourceBeChosen) {
  const json source = variable("datasource");
  EXPECT_EQ(source.value("type", ""), "datasource");
  EXPECT_EQ(source.value("query", ""), "prometheus");
  EXPECT_EQ(source.value("label", ""), "Data source");
}

// template-job-rule, template-instance-rule, template-label-promql-rule, template-on-time-change-reload-rule
TEST_P(Dashboard, LetsJobsAndInstancesBeChosenAmongThoseOfTheTimeShown) {
  for (const auto& [name, label, query] :
       {std::tuple{"job", "Job", "label_values(docker_up, job)"},
        std::tuple{"instance", "Instance", "label_values(docker_up{job=~\"$job\"}, instance)"}}) {
    const json found = variable(name);
    EXPECT_EQ(found.value("type", ""), "query") << name;
    EXPECT_EQ(found.value("label", ""), label);
    EXPECT_EQ(found.value("query", ""), query);
    EXPECT_EQ(found.value("refresh", 0), 2) << name;
    EXPECT_EQ(found.value("multi", false), true) << name;
    EXPECT_EQ(found.value("allValue", ""), ".+") << name;
    EXPECT_EQ(found.at("datasource").value("uid", ""), "${datasource}") << name;
  }
}

// panel-datasource-rule
TEST_P(Dashboard, AsksTheChosenDataSourceOnly) {
  for (const json& panel : panels_of(dashboard_)) {
    EXPECT_EQ(panel.at("datasource").at("uid"), "${datasource}") << panel.at("title");
    for (const json& target : panel.at("targets"))
      EXPECT_EQ(target.at("datasource").at("uid"), "${datasource}") << panel.at("title");
  }
}

// panel-title-description-rule
TEST_P(Dashboard, EveryPanelHasATitleAndADescription) {
  for (const json& panel : panels_of(dashboard_)) {
    EXPECT_NE(panel.value("title", ""), "") << panel.at("id");
    EXPECT_GT(panel.value("description", "").size(), 15U) << panel.value("title", "");
  }
}

// panel-units-rule. Of the units that it knows those that we use.
TEST_P(Dashboard, EveryPanelHasAUnit) {
  const std::set<std::string> units = {"short", "none", "s", "bytes", "percentunit", "ops", "reqps"};
  for (const json& panel : panels_of(dashboard_)) {
    EXPECT_TRUE(units.contains(panel.at("fieldConfig").at("defaults").value("unit", "")))
        << panel.at("title");
    for (const json& over : panel.at("fieldConfig").at("overrides"))
      for (const json& property : over.at("properties"))
        EXPECT_TRUE(property.value("id", "") != "unit" || units.contains(property.at("value"))) << property;
  }
}

// panel-no-targets-rule
TEST_P(Dashboard, EveryPanelAsksSomethingEachQuestionByALetterOfItsOwn) {
  for (const json& panel : panels_of(dashboard_)) {
    EXPECT_FALSE(panel.at("targets").empty()) << panel.at("title");
    std::set<std::string> letters;
    for (const json& target : panel.at("targets"))
      EXPECT_TRUE(letters.insert(target.at("refId")).second) << panel.at("title") << target.at("refId");
  }
}

// target-job-rule, target-instance-rule
TEST_P(Dashboard, EverySelectorTakesTheChosenJobsAndInstancesOnly) {
  for (const Query& query : queries_) {
    const auto selectors = stack::selectors_of(query.expression);
    EXPECT_FALSE(selectors.empty()) << query.panel << ": " << query.expression;
    for (const stack::Selector& one : selectors) {
      EXPECT_NE(one.matchers.find("job=~\"$job\""), std::string::npos) << query.panel << ": " << one.metric;
      EXPECT_NE(one.matchers.find("instance=~\"$instance\""), std::string::npos)
          << query.panel << ": " << one.metric;
    }
  }
}

// target-rate-interval-rule
TEST_P(Dashboard, EveryRateIsOverTheIntervalThatGrafanaChooses) {
  for (const Query& query : queries_)
    for (const std::string function : {"rate(", "irate(", "increase("})
      for (std::size_t at = 0; (at = query.expression.find(function, at)) != std::string::npos; ++at) {
        const std::size_t open = at + function.size() - 1;
        EXPECT_TRUE(
            query.expression.substr(0, closing(query.expression, open)).ends_with("[$__rate_interval]"))
            << query.panel << ": " << query.expression;
      }
}

// target-counter-agg-rule
TEST_P(Dashboard, NoCounterIsShownBare) {
  for (const Query& query : queries_)
    for (const stack::Selector& one : stack::selectors_of(query.expression))
      EXPECT_TRUE(!one.metric.ends_with("_total") || one.before.ends_with("rate(") ||
                  one.before.ends_with("increase("))
          << query.panel << ": " << one.metric;
}

// uneditable-dashboard
TEST_P(Dashboard, IsNotEditable) {
  EXPECT_EQ(dashboard_.value("editable", true), false);
}

TEST_P(Dashboard, IsImportedAndProvisionedAsItIs) {
  EXPECT_EQ(dashboard_.value("uid", ""), "repodigest-" + GetParam()) << "bookmarks hang on it";
  EXPECT_EQ(dashboard_.value("title", ""), "Docker image metadata — " + GetParam());
  EXPECT_GE(dashboard_.value("schemaVersion", 0), 36) << "data sources by uid came with Grafana 8.3";
  EXPECT_EQ(dashboard_.at("annotations"), json({{"list", json::array()}}));
  EXPECT_FALSE(dashboard_.contains("__inputs")) << "provisioning fills nothing in";
  EXPECT_FALSE(dashboard_.contains("id")) << "that is the database's";
}

TEST_P(Dashboard, EveryPanelHasAnIdAndAPlaceOfItsOwn) {
  std::set<int> ids;
  std::vector<json> placed = dashboard_.at("panels");
  for (std::size_t i = 0; i < placed.size(); ++i) {
    EXPECT_TRUE(ids.insert(placed[i].at("id").get<int>()).second) << placed[i].at("title");
    const json& a = placed[i].at("gridPos");
    EXPECT_LE(a.at("x").get<int>() + a.at("w").get<int>(), 24) << placed[i].at("title");
    for (std::size_t j = 0; j < i; ++j) {
      const json& b = placed[j].at("gridPos");
      const auto apart = [&](const char* at, const char* size) {
        return a.at(at).get<int>() + a.at(size).get<int>() <= b.at(at).get<int>() ||
               b.at(at).get<int>() + b.at(size).get<int>() <= a.at(at).get<int>();
      };
      EXPECT_TRUE(apart("x", "w") || apart("y", "h")) << placed[i].at("title") << placed[j].at("title");
    }
  }
}

TEST_P(Dashboard, NamesOnlyMetricsThatThereAre) {
  std::set<std::string> known = {"up", "scrape_samples_scraped",
                                 "scrape_duration_seconds",  // Prometheus' own
                                 // only with --docker-api.listen-address, which the golden file is without
                                 "repodigest_exporter_docker_api_requests_total",
                                 "repodigest_exporter_docker_api_entries_removed_total"};
  std::istringstream lines(
      support::read_file(REPODIGEST_SOURCE_DIR "/tests/recorded/golden/27.3.1-containerd.metrics"));
  for (std::string line; std::getline(lines, line);)
    if (!line.starts_with('#')) known.insert(line.substr(0, line.find_first_of("{ ")));
  EXPECT_TRUE(known.contains("docker_up"));
  for (const Query& query : queries_)
    for (const stack::Selector& one : stack::selectors_of(query.expression))
      EXPECT_TRUE(known.contains(one.metric)) << query.panel << ": " << one.metric;
}

// With a range, Grafana shows the last value that there was as if it were still so.
TEST_P(Dashboard, FiguresBarsAndTablesAskForNowOnly) {
  for (const json& panel : panels_of(dashboard_))
    for (const json& target : panel.at("targets")) {
      const bool now = panel.at("type") != "timeseries";
      EXPECT_EQ(target.value("instant", !now), now) << panel.at("title");
      EXPECT_EQ(target.value("range", now), !now) << panel.at("title");
      EXPECT_EQ(target.value("format", "") == "table", panel.value("type", "") == "table")
          << panel.at("title");
    }
}

// A panel without a value has the colour of the first step.
TEST_P(Dashboard, WhatIsNotKnownIsNeverGreen) {
  for (const json& panel : panels_of(dashboard_)) {
    if (panel.at("type") != "stat" && panel.at("type") != "bargauge") continue;
    const json& steps = panel.at("fieldConfig").at("defaults").at("thresholds").at("steps");
    for (const json& target : panel.at("targets"))
      EXPECT_TRUE(target.at("expr").get<std::string>().ends_with(" or vector(0)") ||
                  steps.at(0).at("color") != "green")
          << panel.at("title");
  }
}

TEST_P(Dashboard, LeadsToTheOtherOneAndNamesNoPlaceOfOurs) {
  const std::string other = GetParam() == "fleet" ? "host" : "fleet";
  EXPECT_NE(text_.find("\"/d/repodigest-" + other), std::string::npos);
  for (std::size_t at = 0; (at = text_.find("://", at)) != std::string::npos; ++at)
    EXPECT_TRUE(text_.substr(0, at).ends_with("${scheme}") ||
                text_.substr(at).starts_with("://github.com/moby/moby/issues/"))
        << text_.substr(at, 40);
}

const std::string provisioning = REPODIGEST_SOURCE_DIR "/deploy/grafana/provisioning";

TEST(GrafanaProvisioning, TakesTheDashboardsFromWhereTheyAreInstalled) {
  const YAML::Node file = YAML::LoadFile(provisioning + "/dashboards/repodigest_exporter.yml");
  EXPECT_EQ(file["apiVersion"].as<int>(), 1);
  const YAML::Node provider = file["providers"][0];
  EXPECT_EQ(provider["type"].as<std::string>(), "file");
  EXPECT_EQ(provider["allowUiUpdates"].as<bool>(), false);
  EXPECT_EQ(provider["options"]["path"].as<std::string>(), "/usr/share/repodigest_exporter/dashboards");
  const std::string rules = support::read_file(REPODIGEST_SOURCE_DIR "/src/CMakeLists.txt");
  for (const auto& one : std::filesystem::directory_iterator(REPODIGEST_SOURCE_DIR "/dashboards")) {
    const auto& path = one.path();
    const bool is_installed = rules.find("dashboards/" + path.filename().string()) != std::string::npos;
    EXPECT_TRUE(is_installed || path.extension() != ".json") << path;
  }
}

TEST(GrafanaProvisioning, MakesADataSourceThatTheDashboardsCanChoose) {
  const YAML::Node file = YAML::LoadFile(provisioning + "/datasources/prometheus.yml");
  EXPECT_EQ(file["apiVersion"].as<int>(), 1);
  EXPECT_EQ(file["datasources"][0]["type"].as<std::string>(), "prometheus");
  EXPECT_EQ(file["datasources"][0]["access"].as<std::string>(), "proxy");
  EXPECT_TRUE(file["datasources"][0]["url"].IsScalar());
}

}  // namespace
}  // namespace repodigest
