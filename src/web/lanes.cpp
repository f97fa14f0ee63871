#include "lanes.h"

#include <poll.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>

#include "connection.h"
#include "reply_head.h"
#include "repodigest/base/log.h"

namespace repodigest::web {
namespace {

/// A reply and its connection's fate, as the lobby sends it.
Answer answer_with(Guest* guest, Reply reply, const Manner& manner) {
  ReplyHead head(reply.status);
  for (const auto& [name, value] : reply.headers) head.add(name, value);
  head.add("Date", http_date()).add("Cache-Control", "no-store").add("X-Content-Type-Options", "nosniff");
  head.add_connection(manner.keep_alive, manner.is_http_1_0);
  Answer answer{guest, {nullptr}, manner.keep_alive};
  if (!is_without_content(reply.status)) {
    std::size_t size = 0;
    for (const Bytes& bytes : reply.body) size += bytes ? bytes->size() : 0;
    head.add("Content-Type", reply.content_type).add("Content-Length", std::to_string(size));
    if (!manner.is_head) answer.segments.insert(answer.segments.end(), reply.body.begin(), reply.body.end());
  }
  answer.segments.front() = std::make_shared<const std::string>(std::move(head).text());
  return answer;
}

RawRequest request_from(Head head, const Connection& connection) {
  const std::string_view line = head.request_line;
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  RawRequest request;
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, last - first - 1);
  request.headers = std::move(head.headers);
  request.has_body = head.has_body;
  request.peer = connection.peer();
  return request;
}

void log_failure(const RawRequest& request, std::string_view what) {
  log::error("a request could not be answered", {{"method", request.method}, {"error", what}});
}

/// Whether `call` came to its end; what it threw is logged.
template <typename Call>
bool guarded(const RawRequest& request, Call call) {
  std::string what = "not a std::exception";
  try {
    call();
    return true;
  } catch (const std::exception& error) {
    what = error.what();
  } catch (...) {  // NOLINT(bugprone-empty-catch): `what` says it
  }
  log_failure(request, what);
  return false;
}

}  // namespace

Lanes::Lanes(const Passage& passage, Channel::News news) : passage_(passage), news_(std::move(news)) {
  const MutexLock lock(mutex_);
  for (const std::size_t threads : passage_.lanes) lanes_.emplace_back().max_threads = threads;
}

Lanes::~Lanes() {
  stop(SteadyTime{});
  for (std::thread& thread : threads_) thread.join();
}

Taken Lanes::take(Task task, const Connection& connection) {
  const bool is_http_1_0 = task.head.request_line.ends_with(" HTTP/1.0");
  const bool keep_alive = task.head.keep_alive;
  Job job{request_from(std::move(task.head), connection), nullptr};
  const Manner manner{job.request.method == "HEAD", is_http_1_0, keep_alive};
  const auto refused = [&](const Refusal& refusal) {
    return Answer{task.guest, {std::make_shared<const std::string>(refuse(refusal, manner.is_head))}, false};
  };
  std::variant<Reply, std::size_t> ruling;
  if (!guarded(job.request, [&] { ruling = passage_.rule(job.request); })) return refused(internal_error);
  if (auto* const reply = std::get_if<Reply>(&ruling))
    return answer_with(task.guest, std::move(*reply), manner);
  const bool is_plain = !job.request.has_body && (manner.is_head || job.request.method == "GET");
  const auto lane = std::get<std::size_t>(ruling);
  if (!is_plain || lane >= passage_.lanes.size()) {
    log_failure(job.request, "its rule gave it to a lane that cannot answer it");
    return refused(internal_error);
  }
  try {
    job.channel = std::make_shared<Channel>(task.guest, manner, news_);
  } catch (const std::system_error&) {  // no descriptors left
    return refused(too_many_requests);
  }
  auto channel = job.channel;
  if (!submit(lane, std::move(job))) return refused(too_many_requests);
  return channel;
}

std::string Lanes::refuse(const Refusal& refusal, bool without_body) {
  passage_.refused(refusal.status);
  return reply_to(refusal, without_body, Wording::json_message);
}

bool Lanes::submit(std::size_t number, Job job) {
  const MutexLock lock(mutex_);
  Lane& lane = lanes_[number];
  // Those that rest have been promised to those that wait already.
  if (lane.waiting.size() >= lane.resting && !add_thread(lane) &&
      (lane.threads == 0 || lane.waiting.size() - lane.resting >= passage_.max_waiting))
    return false;
  lane.waiting.push_back(std::move(job));
  lane.changed.notify_one();
  return true;
}

bool Lanes::add_thread(Lane& lane) {
  if (lane.threads == lane.max_threads) return false;
  try {
    threads_.emplace_back([this, &lane] { run(lane); });
  } catch (const std::system_error&) {  // it goes on with those it has
    return false;
  }
  ++lane.threads;
  ++lane.resting;
  ++running_;
  return true;
}

bool Lanes::withdraw(const Channel& channel) {
  const MutexLock lock(mutex_);
  for (Lane& lane : lanes_) {
    const auto found = std::find_if(lane.waiting.begin(), lane.waiting.end(),
                                    [&](const Job& job) { return job.channel.get() == &channel; });
    if (found == lane.waiting.end()) continue;
    lane.waiting.erase(found);
    return true;
  }
  return false;
}

void Lanes::stop(SteadyTime deadline) {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    for (Lane& lane : lanes_) {
      lane.waiting.clear();
      lane.changed.notify_all();
    }
    if (running_ == 0) return;
  }
  (void)Cancel().until(deadline).wait(all_ended_.fd(), POLLIN);
}

void Lanes::run(Lane& lane) {
  while (true) {
    std::optional<Job> job;
    {
      const MutexLock lock(mutex_);
      while (lane.waiting.empty() && !stopping_) lane.changed.wait(mutex_);
      if (stopping_) {
        if (--running_ == 0) all_ended_.raise();
        return;
      }
      --lane.resting;
      job = std::move(lane.waiting.front());
      lane.waiting.pop_front();
    }
    answer(std::move(*job));
    const MutexLock lock(mutex_);
    ++lane.resting;
  }
}

void Lanes::answer(Job job) {
  Flow flow(std::move(job.channel));
  (void)guarded(job.request, [&] { passage_.answer(job.request, flow); });
}

}  // namespace repodigest::web
