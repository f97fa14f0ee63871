// What stands behind the status page in its tests: an engine out of the replay engine and the built program
// before it, at the command of a browser's driver. page_stage SCENE [FLAG…] prints {"url": …}, then answers
// each line of stdin with "ok"; it ends, and both with it, when stdin does.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "support/generated_engine.h"
#include "support/program.h"
#include "support/recording.h"
#include "support/replay_engine.h"
#include "support/temporary_folder.h"

namespace repodigest {
namespace {

using nlohmann::json;
using support::Recording;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "page_stage: %s\n", why.c_str());
  std::exit(1);
}

/// An image whose inspect gives each entry twice, by any name.
void add_image(Recording& recording, const std::string& name) {
  static int count = 0;
  const std::string id = "sha256:" + std::to_string(1000 + count++) + std::string(60, 'a');
  json image = {{"Id", id},
                {"RepoTags", {name}},
                {"RepoDigests", {name + "@" + id}},
                {"Created", 1700000000},
                {"Size", 25600}};
  const std::string row = image.dump();
  image["RepoDigests"].push_back(name + "@" + id);
  image["Created"] = "2023-11-14T22:13:20Z";
  recording.add_image(row, image.dump());
}

/// An image without tags, of which only its row in the list says what it is called.
void add_image_named_by_its_row(Recording& recording, const std::string& name) {
  const std::string id = "sha256:" + std::string(64, 'b');
  json image = {{"Id", id},
                {"RepoTags", json::array()},
                {"RepoDigests", {name + "@" + id}},
                {"Created", 1700000000},
                {"Size", 25600}};
  const std::string row = image.dump();
  image["RepoDigests"] = json::array();
  image["Created"] = "2023-11-14T22:13:20Z";
  recording.add_image(row, image.dump());
}

/// Gives the first image with that tag containers of these names; those of the odd places have ended.
void add_containers(Recording& recording, const std::string& tag, const std::vector<std::string>& names) {
  json containers = json::parse(recording.body("/containers/json"));
  for (const auto& id : recording.ids()) {
    if (recording.inspect_body(id).find('"' + tag + '"') == std::string::npos) continue;
    for (std::size_t i = 0; i < names.size(); ++i)
      containers.push_back({{"Id", std::string(63, 'c') + std::to_string(i)},
                            {"Names", {"/" + names[i]}},
                            {"ImageID", id},
                            {"State", i % 2 == 0 ? "running" : "exited"}});
    break;
  }
  recording.set_body("/containers/json", containers.dump());
}

/// What the page shows in the tests of its looks: an engine as it was recorded, with containers.
Recording recorded() {
  auto recording = Recording::embedded();
  add_containers(recording, "localhost:5000/namespace1/myimage:1.0.0",
                 {"web", "batch", "api", "cron", "worker"});
  add_containers(recording, "bulk/repo0:v0", {"registry-mirror"});
  return recording;
}

/// Names that would do something if they were taken for anything but text.
Recording hostile() {
  auto recording = Recording::embedded();
  for (const std::string& name :
       {std::string("<img src=x onerror=window.hacked=1>"),
        std::string("\"><script>window.hacked=1</script>"), std::string("' onmouseover='window.hacked=1"),
        std::string("</style></script><h1>owned</h1>"), std::string("javascript:window.hacked=1"),
        std::string("{{rows}}${window.hacked=1}"), std::string("\xE2\x80\xAEgpj.exe"),
        std::string("\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D/app:1"), std::string(255, 'w')})
    add_image(recording, name);
  add_image_named_by_its_row(recording, "named/by-its-row");
  add_containers(recording, "</style></script><h1>owned</h1>",
                 {"<svg onload=window.hacked=1>", "\"quoted\"",
                  "\xE2\x80\xAE"
                  "evil"});
  json info = json::parse(recording.body("/info"));
  info["Name"] = "<b onclick=window.hacked=1>host</b>";
  recording.set_body("/info", info.dump());
  return recording;
}

Recording scene(const std::string& name) {
  if (name == "recorded") return recorded();
  if (name == "hostile") return hostile();
  if (name == "large") return support::generated_recording(5000);
  give_up("no scene \"" + name + "\"");
}

int run(const std::string& scene_name, std::vector<std::string> flags) {
  const support::TemporaryFolder folder;
  auto made = support::ReplayEngine::on_unix_socket(scene(scene_name), folder.path() / "docker.sock");
  if (!made.ok()) give_up(made.error().text);
  auto& engine = **made;
  flags.insert(flags.begin(), {"--docker.host=" + engine.host(), "--web.listen-address=127.0.0.1:0",
                               "--poll.max-engine-share=1", "--no-poll.events", "--poll.interval=500ms",
                               "--poll.stale-after=4s"});
  support::Daemon daemon(flags);
  const auto port = support::logged_port(daemon.process(), "address=127.0.0.1:");
  if (port == 0) give_up("the program does not listen: " + daemon.log());
  const bool polls = std::find(flags.begin(), flags.end(), "--no-poll") == flags.end();
  if (polls && !daemon.wait_until_inspected()) give_up("not inspected: " + daemon.log());
  std::cout << json({{"url", "http://127.0.0.1:" + std::to_string(port) + "/"}}) << std::endl;

  const std::map<std::string, std::function<void(const std::string&)>> commands = {
      {"die",
       [&](const std::string&) {
         engine.refuse();
         engine.drop_connections();
       }},
      {"return",
       [&](const std::string&) {
         if (const auto back = engine.accept_again(); !back) give_up(back.error().text);
       }},
      {"add",
       [&](const std::string& name) {
         engine.change([&](Recording& recording) { add_image(recording, name); });
       }},
      {"end the program", [&](const std::string&) { daemon.process().signal(SIGKILL); }},
  };
  for (std::string line; std::getline(std::cin, line);) {
    const auto colon = line.find(": ");
    const auto command = commands.find(line.substr(0, colon));
    if (command == commands.end()) give_up("no command \"" + line + "\"");
    command->second(colon == std::string::npos ? "" : line.substr(colon + 2));
    std::cout << "ok" << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace repodigest

int main(int argc, char** argv) {
  if (argc < 2) repodigest::give_up("usage: page_stage SCENE [FLAG…]");
  return repodigest::run(argv[1], {argv + 2, argv + argc});
}
