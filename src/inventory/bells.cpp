// What rings: which questions that leaves, and what their answers mean for the images.
#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "failure.h"
#include "image.h"
#include "repodigest/digest/digest.h"
#include "state.h"

namespace repodigest::inventory {
namespace {

using digest::Texts;
using Strings = std::vector<std::string>;

/// Beyond that a list is cheaper, and memory bounded.
constexpr std::size_t max_questions = 10'000;

bool mean_the_same(std::string_view one, std::string_view other) {
  return digest::familiar_name(one) == digest::familiar_name(other);
}

bool holds(const Image& image, std::string_view name) {
  return std::any_of(image.repo_tags.begin(), image.repo_tags.end(),
                     [name](std::string_view tag) { return mean_the_same(tag, name); });
}

Due due_of(const Question& question) {
  return {question.id, question.by_reference() ? question.reference : question.id};
}

/// Whether it is "repository@digest". What has a tag besides ("repository:tag@digest") stands among the
/// RepoTags of every engine's inspect, and says nothing about the others.
bool has_only_digest(std::string_view name) {
  return digest::parse_entry(name).kind == digest::EntryKind::canonical;
}

/// RepoTags of an image as the next list will have them: what inspect shows, and names with only a digest
/// that are known, because engines before 28 leave these out of it. Lists of the containerd store have them.
Strings names_after(const Texts& known, const Question& question, Strings told, engine::ImageStore store) {
  std::erase(told, "<none>:<none>");
  if (std::none_of(told.begin(), told.end(), has_only_digest)) {
    for (const std::string_view name : known)
      if (has_only_digest(name) && !mean_the_same(name, question.reference)) told.emplace_back(name);
    const bool is_listed = store == engine::ImageStore::containerd ||
                           std::any_of(known.begin(), known.end(), [&](std::string_view name) {
                             return mean_the_same(name, question.reference);
                           });
    if (has_only_digest(question.reference) && question.by_reference() && is_listed)
      told.push_back(question.reference);
  }
  keep_first_appearances(told);
  // As the list wrote them, if none came or went: 24.0's inspect writes them in another way.
  return have_same_names(told, known) ? known.strings() : told;
}

}  // namespace

void Inventory::ring(const Bell& bell) {
  State& state = *state_;
  if (!state.listed) return;  // the list to come is younger
  if (!bell.id.empty() || !bell.removed) state.ask(bell.id, bell.reference, bell.removed);
  if (!bell.removed || bell.reference.empty()) return;
  // A name that moved without a word (load, pull) and was then removed from where it went.
  for (const Entry* const entry : state.order)
    if (entry != nullptr && entry->image->id != bell.id && holds(*entry->image, bell.reference))
      state.ask(entry->image->id, bell.reference, true);
}

std::size_t Inventory::rung_count() const {
  return state_->questions.size();
}

std::optional<Due> Inventory::next_rung() const {
  if (state_->questions.empty()) return std::nullopt;
  return due_of(state_->questions.front());
}

bool Inventory::apply_rung(const Due& due, Result<engine::ImageInspect> answer, SteadyTime /*now*/) {
  State& state = *state_;
  if (state.questions.empty()) return true;  // forgotten meanwhile
  const Due asked = due_of(state.questions.front());
  if (asked.id != due.id || asked.name != due.name) return true;
  if (!answer.ok() && concerns_connection(answer.error().reason)) return true;
  Question question = std::move(state.questions.front());
  state.questions.pop_front();
  if (answer.ok() && (answer->id.empty() || (!question.by_reference() && answer->id != question.id)))
    answer = Error{Reason::parse, "the engine answered with another image"};
  bool made_out = true;
  if (answer.ok()) {
    made_out = state.answered(question, *answer);
  } else {
    made_out = state.unanswered(std::move(question), answer.error());
  }
  return !std::exchange(state.lost_questions, false) && made_out;
}

/// Each image and reference once; what the newest bell says of the reference counts.
void Inventory::State::ask(const std::string& id, const std::string& reference, bool removed) {
  if (id.empty() && reference.empty()) return;
  for (Question& open : questions)
    if (open.id == id && mean_the_same(open.reference, reference)) {
      open.removed = removed;
      return;
    }
  if (questions.size() >= max_questions) {
    lost_questions = true;
  } else {
    questions.push_back({id, reference, removed, 0});
  }
}

/// False if only a list can help.
bool Inventory::State::answered(const Question& question, const engine::ImageInspect& answer) {
  // A new image without names may be an intermediate one of a build, which announces it as any other (moby
  // 27.0 on) and which is not listed.
  if (find(answer.id) == nullptr && answer.repo_tags.empty() && answer.repo_digests.empty()) return false;
  Entry& entry = find_or_make(answer.id);
  Image image = *entry.image;
  Strings names = names_after(image.repo_tags, question, answer.repo_tags,
                              identity ? identity->image_store : engine::ImageStore::unknown);
  std::optional<digest::Analysis> digests = digest::analyse(answer.repo_digests);
  // It may say what is known: a pull of what is there already rings too.
  const bool is_news =
      !entry.current || entry.doubtful_since || names != image.repo_tags || digests != image.digests;
  if (entry.is_new) {
    image.created = answer.created;
    image.size = answer.size;
    image.containers = containers_of(answer.id);
    entry.list = lists;
    entry.position = static_cast<std::uint32_t>(order.size());
    order.push_back(&entry);
    by_name.push_back(&entry);
  } else if (is_news) {
    agenda.remove(rank(entry));
  }
  Strings taken = names;
  if (question.by_reference()) taken.push_back(question.reference);
  if (is_news) {
    image.repo_tags = names;
    image.digests = std::move(digests);
    image.failure.reset();
    entry.set_row_digests({});
    entry.row_known = false;
    entry.current = true;
    entry.doubtful_since.reset();
    entry.forget_trouble();
    ++generation;
    replace(entry, std::move(image));
  }
  take_away(taken, answer.id);
  // The reference moved on to another image than the one that rang with it.
  if (!question.id.empty() && question.id != answer.id) ask(question.id);
  return true;
}

/// False if only a list can help.
bool Inventory::State::unanswered(Question question, const Error& error) {
  if (question.by_reference() && leads_nowhere(error)) {
    const std::size_t open = questions.size();
    if (error.reason == Reason::not_found) take_away({question.reference}, "");
    for (const Entry* const entry : order)
      if (entry != nullptr && holds(*entry->image, question.reference)) ask(entry->image->id);
    if (!question.id.empty()) ask(question.id);
    return error.reason == Reason::not_found || questions.size() > open;
  }
  if (error.reason == Reason::not_found) {
    Entry* const entry = find(question.id);
    if (entry != nullptr && !entry->trouble().not_inspectable) drop(*entry);
    return true;
  }
  if (may_pass(error) && ++question.tries < tries_before_failure) {
    questions.push_front(std::move(question));
    return true;
  }
  // Not every change shows in the next list: whom it may be about is to be inspected in any case.
  for (Entry* const entry : order) {
    if (entry == nullptr || !entry->current) continue;
    const bool is_held = !question.reference.empty() && holds(*entry->image, question.reference);
    if (entry->image->id != question.id && !is_held) continue;
    entry->current = false;
    entry->doubtful_since.reset();
    ++generation;
    replace(*entry, *entry->image);
    schedule(*entry);
  }
  return false;
}

/// Whoever holds one of these names, but `except`, has lost it and is to be asked about.
void Inventory::State::take_away(const std::vector<std::string>& names, const std::string& except) {
  std::unordered_set<std::string_view> taken;
  for (const std::string& name : names) taken.insert(digest::familiar_name(name));
  const auto is_taken = [&taken](std::string_view tag) {
    return taken.count(digest::familiar_name(tag)) > 0;
  };
  if (taken.empty()) return;
  for (Entry* const entry : order) {
    if (entry == nullptr || entry->image->id == except) continue;
    const Texts& tags = entry->image->repo_tags;
    if (std::none_of(tags.begin(), tags.end(), is_taken)) continue;
    Image image = *entry->image;
    std::vector<std::string_view> left(tags.begin(), tags.end());
    std::erase_if(left, is_taken);
    image.repo_tags = left;
    agenda.remove(rank(*entry));
    entry->set_row_digests({});
    entry->row_known = false;
    entry->current = false;
    entry->doubtful_since.reset();
    ++generation;
    replace(*entry, std::move(image));
    schedule(*entry);  // if its question is given up
    ask(entry->image->id);
  }
}

/// An image that is gone before the next list.
void Inventory::State::drop(Entry& entry) {
  agenda.remove(rank(entry));
  order[entry.position] = nullptr;
  std::erase(by_name, &entry);
  tally(totals, *entry.image, -1);
  changed = true;
  ++generation;
  entries.erase(entries.find(std::string_view(entry.image->id)));
}

}  // namespace repodigest::inventory
