#include "support/openmetrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "lines.h"
#include "scenes.h"
#include "support/golden.h"

namespace repodigest::exposition {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

/// The lines that start with `start`, without it.
std::vector<std::string> lines_of(const std::string& text, const std::string& start) {
  std::vector<std::string> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(start)) found.push_back(line.substr(start.size()));
  return found;
}

std::string head_of(Format format, Type type, const std::string& name, const std::string& help) {
  Output out{.format = format};
  append_head(out, type, name, help);
  return out.bytes;
}

TEST(OpenMetrics, OfEveryKindOfImageIsAsWritten) {
  EXPECT_TRUE(support::matches_golden(
      "unit/exposition/golden/full.openmetrics",
      Scene{"full", support::every_kind().build(), false, true, {.exporter_metrics = false}}.written(
          Format::openmetrics)));
}

TEST(OpenMetrics, NamesAFamilyWithoutWhatItsTypeAddsToItsSamples) {
  EXPECT_EQ(head_of(Format::openmetrics, Type::counter, "a_total", "A."), "# HELP a A.\n# TYPE a counter\n");
  EXPECT_EQ(head_of(Format::openmetrics, Type::info, "a_total_info", "A."),
            "# HELP a_total A.\n# TYPE a_total info\n");
  EXPECT_EQ(head_of(Format::openmetrics, Type::gauge, "a_info", "A."),
            "# HELP a_info A.\n# TYPE a_info gauge\n");
  EXPECT_EQ(head_of(Format::text, Type::counter, "a_total", "A."),
            "# HELP a_total A.\n# TYPE a_total counter\n");
  EXPECT_EQ(head_of(Format::text, Type::info, "a_info", "A."), "# HELP a_info A.\n# TYPE a_info gauge\n");
}

TEST(OpenMetrics, HasTheUnitThatTheNameEndsIn) {
  EXPECT_EQ(head_of(Format::openmetrics, Type::gauge, "a_bytes", "A."),
            "# HELP a_bytes A.\n# TYPE a_bytes gauge\n# UNIT a_bytes bytes\n");
  EXPECT_EQ(head_of(Format::openmetrics, Type::counter, "a_seconds_total", "A."),
            "# HELP a_seconds A.\n# TYPE a_seconds counter\n# UNIT a_seconds seconds\n");
  EXPECT_EQ(head_of(Format::openmetrics, Type::histogram, "a_seconds", "A."),
            "# HELP a_seconds A.\n# TYPE a_seconds histogram\n# UNIT a_seconds seconds\n");
  EXPECT_EQ(head_of(Format::text, Type::gauge, "a_bytes", "A."), "# HELP a_bytes A.\n# TYPE a_bytes gauge\n");
}

TEST(OpenMetrics, EscapesItsHelp) {
  EXPECT_EQ(head_of(Format::openmetrics, Type::gauge, "a", "\"A\""), "# HELP a \\\"A\\\"\n# TYPE a gauge\n");
}

TEST(OpenMetrics, EndsWithTheLineThatSaysSoAndNothingElseDoes) {
  for (const Scene& scene : every_scene()) {
    const std::string text = scene.written(Format::openmetrics);
    EXPECT_THAT(text, EndsWith("\n# EOF\n")) << scene.name;
    EXPECT_EQ(lines_of(text, "# EOF").size(), 1U) << scene.name;
    EXPECT_THAT(scene.written(Format::text), Not(HasSubstr("# EOF"))) << scene.name;
  }
}

TEST(OpenMetrics, HasTheTypesOfTheContract) {
  const std::string text = every_scene().back().written(Format::openmetrics) +
                           render_live(Stats(), poll::Health(), {.docker_api = true}, Format::openmetrics);
  for (const char* line :
       {"docker_engine info", "docker_up gauge", "docker_polls counter", "docker_engine_busy_seconds counter",
        "docker_api_request_duration_seconds histogram", "docker_api_request_failures counter",
        "repodigest_exporter_build info", "repodigest_exporter_http_requests counter",
        "process_cpu_seconds counter", "process_start_time_seconds gauge"})
    EXPECT_THAT(text, HasSubstr("\n# TYPE " + std::string(line) + "\n"));
  EXPECT_THAT(text, HasSubstr("\nrepodigest_exporter_build_info{version="));
  EXPECT_THAT(text, HasSubstr("\nprocess_cpu_seconds_total "));
}

TEST(OpenMetrics, BoundsOfAHistogramAreCanonicalFloats) {
  const std::string text = every_scene().front().written(Format::openmetrics);
  std::vector<std::string> bounds;
  for (const std::string& line :
       lines_of(text, "docker_api_request_duration_seconds_bucket{operation=\"ping\",le=\""))
    bounds.push_back(line.substr(0, line.find('"')));
  EXPECT_EQ(bounds,
            (std::vector<std::string>{"0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25",
                                      "0.5", "1.0", "2.5", "5.0", "10.0", "30.0", "100.0", "300.0", "+Inf"}));
}

/// The samples in their order, series by series with its value; bounds as numbers.
std::vector<std::string> samples_of(const std::string& written) {
  std::vector<std::string> samples;
  std::istringstream lines(written);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#') || line.starts_with("process_")) continue;  // the process goes on meanwhile
    const std::string mark = ",le=\"";
    const auto at = line.find(mark);
    if (at != std::string::npos) {
      const auto begin = at + mark.size();
      const auto end = line.find('"', begin);
      line.replace(begin, end - begin, std::to_string(std::strtod(line.c_str() + begin, nullptr)));
    }
    samples.push_back(line);
  }
  return samples;
}

TEST(OpenMetrics, CarriesTheSamplesOfTheTextInTheirOrder) {
  for (const Scene& scene : every_scene()) {
    const auto samples = samples_of(scene.written(Format::openmetrics));
    EXPECT_GT(samples.size(), 3U) << scene.name;
    EXPECT_EQ(samples, samples_of(scene.written(Format::text))) << scene.name;
  }
}

/// Each family's help by the name that its samples begin with.
std::map<std::string, std::string> help_of(const std::string& written) {
  std::map<std::string, std::string> help;
  for (const std::string& line : lines_of(written, "# HELP "))
    help.emplace(line.substr(0, line.find(' ')), line.substr(line.find(' ')));
  return help;
}

TEST(OpenMetrics, HasTheFamiliesOfTheTextWithTheirHelp) {
  for (const Scene& scene : every_scene()) {
    const auto in_text = help_of(scene.written(Format::text));
    const auto here = help_of(scene.written(Format::openmetrics));
    EXPECT_EQ(here.size(), in_text.size()) << scene.name;
    for (const auto& [name, help] : in_text) {
      std::string family = name;
      for (const std::string suffix : {"_total", "_info"})
        if (name.ends_with(suffix)) family.resize(name.size() - suffix.size());
      ASSERT_TRUE(here.contains(family)) << scene.name << ": " << name;
      EXPECT_EQ(here.at(family), help) << scene.name << ": " << name;
    }
  }
}

TEST(OpenMetrics, IsCorrectForAStrictParserInEveryState) {
  if (!support::have_openmetrics_parser()) GTEST_SKIP() << support::no_openmetrics_parser;
  for (const Scene& scene : every_scene()) {
    const std::string text = scene.written(Format::openmetrics);
    EXPECT_TRUE(support::python_takes(text)) << scene.name << '\n' << text;
  }
  EXPECT_FALSE(support::python_takes(every_scene().front().written(Format::text))) << "is it strict?";
}

TEST(OpenMetrics, CanBeStoredByPromtoolInEveryState) {
  if (!support::succeeds("promtool --version"))
    GTEST_SKIP() << "THERE IS NO PROMTOOL HERE: what it says was not tested (Debian: prometheus)";
  for (const Scene& scene : every_scene()) {
    const std::string text = scene.written(Format::openmetrics);
    EXPECT_TRUE(support::promtool_takes(text)) << scene.name << '\n' << text;
  }
  EXPECT_FALSE(support::promtool_takes("a 1\n")) << "no end";
}

}  // namespace
}  // namespace repodigest::exposition
