// deploy/kubernetes: built by kustomize, judged by the types of Kubernetes' API, and what is promised of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "support/temporary_folder.h"
#include "tools.h"

namespace repodigest {
namespace {

namespace fs = std::filesystem;
using support::read_file;
using testing::HasSubstr;

const fs::path folder = deploy::folder / "kubernetes";

std::string text_of(const YAML::Node& node) {
  YAML::Emitter out;
  out << node;
  return out.c_str();
}

class Kubernetes : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto where = deploy::unpacked("kustomize", "kustomize/sid");
    if (!where) GTEST_SKIP() << "KUSTOMIZE CANNOT BE HAD: the files for Kubernetes were not tested";
    tool_ = *where + "/usr/bin/kustomize";
  }
  [[nodiscard]] std::string built(const std::string& what) const {
    const auto outcome = deploy::run({tool_, "build", (folder / what).string()});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
    EXPECT_EQ(outcome.errors, "");
    return outcome.output;
  }
  [[nodiscard]] YAML::Node object(const std::string& kind) const {
    for (const YAML::Node& document : YAML::LoadAll(built("monitoring")))
      if (document["kind"].as<std::string>() == kind) return document;
    ADD_FAILURE() << "there is no " << kind;
    return {};
  }
  [[nodiscard]] YAML::Node pod() const { return object("DaemonSet")["spec"]["template"]["spec"]; }

  std::string tool_;
};

TEST_F(Kubernetes, ManifestsHaveTheTypesOfItsApi) {
  const support::TemporaryFolder here;
  const std::string file = (here.path() / "manifests.yaml").string();
  const std::string judge = "'" + (deploy::top / "tests/deploy/kubernetes/run").string() + "' <" + file;
  const auto judged = [&](const std::string& manifests) {
    std::ofstream(file) << manifests;
    return deploy::printed_by(judge + "; echo \"ended with $?\"").value_or("");
  };
  const std::string manifests = built("monitoring");
  const std::string said = judged(manifests);
  if (said.ends_with("ended with 77"))
    GTEST_SKIP() << "NO TYPES OF KUBERNETES CAN BE HAD, its manifests were not judged: " << said;
  EXPECT_TRUE(said.ends_with("ended with 0")) << said;
  for (const char* kind : {"DaemonSet", "NetworkPolicy", "PrometheusRule", "ServiceMonitor"})
    EXPECT_THAT(said, HasSubstr(std::string("judged ") + kind));
  std::string wrong = manifests;
  wrong.replace(wrong.find("readOnlyRootFilesystem"), 22, "readonlyRootFilesystem");
  EXPECT_THAT(judged(wrong), HasSubstr("'\"readonlyRootFilesystem\"' does not exist in type"))
      << "the judge does not see what is wrong";
}

TEST_F(Kubernetes, BaseNeedsNoOperator) {
  std::set<std::string> kinds;
  for (const YAML::Node& document : YAML::LoadAll(built("base")))
    kinds.insert(document["kind"].as<std::string>());
  EXPECT_EQ(kinds,
            (std::set<std::string>{"DaemonSet", "Namespace", "NetworkPolicy", "Service", "ServiceAccount"}));
}

// https://kubernetes.io/docs/concepts/security/pod-security-standards/, "restricted".
TEST_F(Kubernetes, PodsKeepEveryRestrictionButThatOfHostPath) {
  const YAML::Node spec = pod();
  for (const char* never : {"hostNetwork", "hostPID", "hostIPC", "initContainers"}) EXPECT_FALSE(spec[never]);
  EXPECT_EQ(spec["securityContext"]["runAsNonRoot"].as<std::string>(), "true");
  EXPECT_EQ(spec["securityContext"]["seccompProfile"]["type"].as<std::string>(), "RuntimeDefault");
  EXPECT_EQ(spec["automountServiceAccountToken"].as<std::string>(), "false");
  std::size_t host_paths = 0;
  for (const auto& volume : spec["volumes"]) {
    if (volume["hostPath"]) ++host_paths;
    EXPECT_TRUE(volume["hostPath"] || volume["emptyDir"]) << text_of(volume);
  }
  EXPECT_EQ(host_paths, 1U);
  for (const auto& container : spec["containers"]) {
    const YAML::Node context = container["securityContext"];
    EXPECT_NE(context["runAsUser"].as<int>(), 0);
    EXPECT_EQ(context["readOnlyRootFilesystem"].as<std::string>(), "true");
    EXPECT_EQ(context["allowPrivilegeEscalation"].as<std::string>(), "false");
    EXPECT_EQ(context["capabilities"]["drop"][0].as<std::string>(), "ALL");
    EXPECT_FALSE(context["capabilities"]["add"]);
    EXPECT_FALSE(context["privileged"]);
    for (const auto& port : container["ports"]) EXPECT_FALSE(port["hostPort"]);
    EXPECT_TRUE(container["resources"]["limits"]["memory"]);
    EXPECT_TRUE(container["livenessProbe"] && container["readinessProbe"]);
  }
  EXPECT_EQ(object("Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"].as<std::string>(),
            "privileged")
      << "baseline forbids hostPath";
}

TEST_F(Kubernetes, WindowAloneHasTheEnginesSocketAndItsGroup) {
  const YAML::Node spec = pod();
  EXPECT_FALSE(spec["securityContext"]["supplementalGroups"]) << "both containers would be in them";
  ASSERT_EQ(spec["containers"].size(), 2U);
  for (const auto& container : spec["containers"]) {
    const bool window = container["name"].as<std::string>() == "window";
    bool has_it = false;
    for (const auto& mount : container["volumeMounts"]) {
      if (mount["name"].as<std::string>() == "engine") has_it = true;
      if (mount["name"].as<std::string>() == "window") {
        EXPECT_EQ(static_cast<bool>(mount["readOnly"]), !window);
      }
    }
    EXPECT_EQ(has_it, window);
    EXPECT_EQ(container["securityContext"]["runAsGroup"].as<int>() != 65532, window);
  }
}

TEST_F(Kubernetes, SettingsAreTakenByTheExporter) {
  for (const auto& container : pod()["containers"]) {
    support::Process::Environment environment;
    for (const auto& variable : container["env"])
      environment[variable["name"].as<std::string>()] = variable["value"].as<std::string>();
    const auto outcome = support::run_program({"--config.check"}, environment);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
    // The same as compose's, whose names are compared with the flags.
    const YAML::Node compose = YAML::LoadFile((deploy::folder / "compose/compose.yaml").string());
    for (const auto& [name, value] : environment)
      EXPECT_TRUE(compose["services"][container["name"].as<std::string>()]["environment"][name]) << name;
  }
}

TEST_F(Kubernetes, ServiceAndMonitorFindThePods) {
  const YAML::Node daemons = object("DaemonSet");
  const YAML::Node labels = daemons["spec"]["template"]["metadata"]["labels"];
  const YAML::Node service = object("Service");
  const YAML::Node monitor = object("ServiceMonitor");
  const YAML::Node policy = object("NetworkPolicy");
  const auto expect_among = [](const YAML::Node& wanted, const YAML::Node& there) {
    EXPECT_GT(wanted.size(), 0U);
    for (const auto& label : wanted) {
      const auto name = label.first.as<std::string>();
      ASSERT_TRUE(there[name]) << name;
      EXPECT_EQ(there[name].as<std::string>(), label.second.as<std::string>());
    }
  };
  expect_among(service["spec"]["selector"], labels);
  expect_among(daemons["spec"]["selector"]["matchLabels"], labels);
  expect_among(policy["spec"]["podSelector"]["matchLabels"], labels);
  expect_among(monitor["spec"]["selector"]["matchLabels"], service["metadata"]["labels"]);
  const auto port = monitor["spec"]["endpoints"][0]["port"].as<std::string>();
  EXPECT_EQ(service["spec"]["ports"][0]["name"].as<std::string>(), port);
  EXPECT_EQ(policy["spec"]["ingress"][0]["ports"][0]["port"].as<std::string>(), port);
  EXPECT_EQ(pod()["containers"][1]["ports"][0]["name"].as<std::string>(), port);
  EXPECT_EQ(monitor["spec"]["endpoints"][0]["relabelings"][0]["replacement"].as<std::string>(),
            "repodigest_exporter")
      << "the job that the rules name";
  // A pod's address changes with each update, and to the rules another instance is another exporter.
  std::map<std::string, std::string> labels_of_nodes;
  for (const auto& relabeling : monitor["spec"]["endpoints"][0]["relabelings"])
    if (relabeling["sourceLabels"])
      labels_of_nodes[relabeling["targetLabel"].as<std::string>()] =
          relabeling["sourceLabels"][0].as<std::string>();
  for (const std::string name : {"instance", "host"})
    EXPECT_EQ(labels_of_nodes[name], "__meta_kubernetes_pod_node_name") << name;
}

TEST_F(Kubernetes, HasTheRulesOfPrometheus) {
  const YAML::Node groups = object("PrometheusRule")["spec"]["groups"];
  std::size_t at = 0;
  for (const char* file : {"alerts.yml", "recording.yml"})
    for (const auto& group : YAML::LoadFile((deploy::folder / "prometheus" / file).string())["groups"]) {
      ASSERT_LT(at, groups.size());
      const YAML::Node there = groups[at++];
      EXPECT_EQ(there["name"].as<std::string>(), group["name"].as<std::string>());
      ASSERT_EQ(there["rules"].size(), group["rules"].size());
      for (std::size_t rule = 0; rule < group["rules"].size(); ++rule)
        for (const auto& field : group["rules"][rule]) {
          const auto name = field.first.as<std::string>();
          ASSERT_TRUE(there["rules"][rule][name]) << name;
          if (field.second.IsScalar()) {
            EXPECT_EQ(there["rules"][rule][name].as<std::string>(), field.second.as<std::string>());
          } else {
            for (const auto& entry : field.second)
              EXPECT_EQ(there["rules"][rule][name][entry.first.as<std::string>()].as<std::string>(),
                        entry.second.as<std::string>());
          }
          EXPECT_EQ(there["rules"][rule].size(), group["rules"][rule].size());
        }
    }
  EXPECT_EQ(at, groups.size());
}

TEST(RulesForTheOperator, AreWhatTheScriptMakes) {
  EXPECT_EQ(deploy::printed_by("'" + (folder / "make-rules").string() + "'").value_or("") + "\n",
            read_file(folder / "monitoring/rules.yaml"))
      << "deploy/kubernetes/make-rules >deploy/kubernetes/monitoring/rules.yaml";
}

}  // namespace
}  // namespace repodigest
