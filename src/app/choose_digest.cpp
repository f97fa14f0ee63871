#include "choose_digest.h"

#include <algorithm>

#include "repodigest/digest/digest.h"

namespace repodigest::app {
namespace {

/// Whether the image was asked for by its Id, not by a name that looks like the beginning of one.
bool is_id(std::string_view asked, std::string_view id, const digest::Texts& repo_tags) {
  const std::string_view hex = id.substr(id.find(':') + 1);
  if (asked.empty() || (!id.starts_with(asked) && !hex.starts_with(asked))) return false;
  const std::string name = std::string(digest::familiar_name(asked)) + ":latest";
  return std::none_of(repo_tags.begin(), repo_tags.end(), [&](std::string_view tag) {
    const auto familiar = digest::familiar_name(tag);
    return familiar == name || familiar == asked;
  });
}

std::string repository_of_entry(const std::string& entry) {
  return entry.substr(0, entry.find('@'));
}

/// Each once, in order of appearance.
std::vector<std::string> repositories_of(const std::vector<std::string>& entries) {
  std::vector<std::string> names;
  for (const auto& entry : entries)
    if (auto name = repository_of_entry(entry); std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(std::move(name));
  return names;
}

std::string why_none(std::string_view asked, std::string_view repository, const digest::Texts& repo_digests) {
  const std::string image(asked);
  if (repo_digests.empty()) return image + " has no RepoDigests: it was neither pulled nor pushed";
  std::string others;
  for (const auto& name : repositories_of(digest::digests_of(repo_digests, "")))
    others += (others.empty() ? "" : ", ") + name;
  if (others.empty()) return image + " has no RepoDigest that names a repository";
  return image + " has no RepoDigest of " + std::string(repository) + ", but of " + others;
}

std::string why_several(std::string_view asked, const std::vector<std::string>& found,
                        std::string_view repository_option) {
  const auto repositories = repositories_of(found);
  const std::string image = std::string(asked) + " has " + std::to_string(found.size()) + " RepoDigests";
  if (repositories.size() > 1)
    return image + ": choose a repository with " + std::string(repository_option) + repositories.front();
  return image + " of " + repositories.front() + ": which one is meant, only their own names can say";
}

}  // namespace

DigestChoice choose_digest(std::string_view asked, std::string_view repository, std::string_view id,
                           const digest::Texts& repo_tags, const digest::Texts& repo_digests,
                           std::string_view repository_option) {
  DigestChoice choice;
  const digest::Entry named = digest::parse_entry(asked);
  if (repository.empty() && !is_id(asked, id, repo_tags)) repository = digest::repository_of(asked);
  choice.found = digest::digests_of(repo_digests, repository);
  if (!named.repository.empty()) {
    const auto exact = std::find_if(choice.found.begin(), choice.found.end(), [&](const std::string& entry) {
      return digest::parse_entry(entry).digest == named.digest;
    });
    if (exact != choice.found.end()) choice.found = {*exact};
  }
  if (choice.found.empty()) choice.why = why_none(asked, repository, repo_digests);
  if (choice.found.size() > 1) choice.why = why_several(asked, choice.found, repository_option);
  return choice;
}

}  // namespace repodigest::app
