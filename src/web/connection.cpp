#include "connection.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "repodigest/access/tls_context.h"

namespace repodigest::web {
namespace {

constexpr std::size_t max_burst = 1U << 20U;
/// So often a session may ask the socket in one call: a record takes two, so that others have their turn
/// soon.
constexpr int reads_at_once = 32;
constexpr int max_fruitless_reads = 8;
constexpr std::size_t max_discarded = 256U << 10U;

bool is_temporary(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

struct SocketName {
  sockaddr_storage storage{};
  [[nodiscard]] int family() const { return storage.ss_family; }
};

SocketName peer_of(int fd) {
  SocketName name;
  socklen_t size = sizeof name.storage;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&name.storage), &size) != 0)
    name.storage.ss_family = AF_UNSPEC;
  return name;
}

/// Of a TCP peer.
ListenAddress address_of(const SocketName& name) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  std::uint16_t port = 0;
  if (name.family() == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(name.storage);
    port = ntohs(v6.sin6_port);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))  // an IPv4 client of a socket that takes both
      (void)::inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text.data(), text.size());
    else
      (void)::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  } else {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(name.storage);
    port = ntohs(v4.sin_port);
    (void)::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  }
  return {false, "", text.data(), port};
}

}  // namespace

Progress Connection::shake_hands() {
  ERR_clear_error();
  allow_reads(*tls_, reads_at_once);
  const auto moved = outcome_of(SSL_accept(tls_.get()));
  if (moved) {
    shaken_ = *moved > 0;
    return shaken_ ? Progress::done : Progress::blocked;
  }
  fell_back_ =
      ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_SSL && ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
  trouble_ = access::tls_trouble(*tls_);
  if (fell_back_) tls_.reset();
  return Progress::gone;
}

std::optional<std::size_t> Connection::outcome_of(int result) {
  awaited_ = 0;
  if (result > 0) return static_cast<std::size_t>(result);
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      awaited_ = EPOLLIN;
      return 0;
    case SSL_ERROR_WANT_WRITE:
      awaited_ = EPOLLOUT;
      return 0;
    case SSL_ERROR_ZERO_RETURN:
      return std::nullopt;
    default:
      shaken_ = false;
      return std::nullopt;
  }
}

bool Connection::has_decrypted() const {
  return tls_ && SSL_pending(tls_.get()) > 0;
}

std::optional<std::size_t> Connection::read_some(char* data, std::size_t size) {
  if (tls_) {
    ERR_clear_error();
    allow_reads(*tls_, reads_at_once);
    const auto count = outcome_of(SSL_read(tls_.get(), data, static_cast<int>(size)));
    // Key updates and the like without end: each costs more than it costs to send.
    const bool is_fruitless = count == std::size_t{0} && reads_used_up(*tls_);
    fruitless_reads_ = is_fruitless ? fruitless_reads_ + 1 : 0;
    return fruitless_reads_ > max_fruitless_reads ? std::nullopt : count;
  }
  const auto count = ::recv(fd(), data, size, 0);
  if (count > 0) return static_cast<std::size_t>(count);
  if (count < 0 && is_temporary(errno)) return 0;
  return std::nullopt;
}

std::optional<std::size_t> Connection::write_some(const iovec* parts, std::size_t count) {
  if (tls_) {
    // A record's worth at once: a head and the body behind it need not be two of them.
    std::array<char, SSL3_RT_MAX_PLAIN_LENGTH> record;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    std::size_t filled = 0;
    for (std::size_t i = 0; i < count && filled < record.size(); ++i) {
      const std::string_view part(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
      filled += part.copy(record.data() + filled, record.size() - filled);
    }
    ERR_clear_error();
    return outcome_of(SSL_write(tls_.get(), record.data(), static_cast<int>(filled)));
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts);  // sendmsg(2) does not write through it
  message.msg_iovlen = count;
  const auto sent = ::sendmsg(fd(), &message, MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (is_temporary(errno)) return 0;
  return std::nullopt;
}

Progress Connection::receive() {
  std::array<char, HeadReader::max_bytes> arrived;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  const auto room = arrived.size() - received_.size();
  const auto count = read_some(arrived.data(), room);
  if (!count) return Progress::gone;
  received_.append(arrived.data(), *count);
  return *count > 0 ? Progress::done : Progress::blocked;
}

HeadReader::Verdict Connection::read_head() {
  return reader_.read(received_);
}

Head Connection::take_head() {
  Head head = reader_.head(received_);
  // A copy of the rest, not erase(): an idle connection keeps no buffer.
  received_ = received_.substr(reader_.size());
  received_.shrink_to_fit();
  reader_ = HeadReader(reader_.rules());
  return head;
}

void Connection::reply(std::vector<Bytes> segments) {
  segments_ = std::move(segments);
  std::erase_if(segments_, [](const Bytes& bytes) { return bytes == nullptr || bytes->empty(); });
  segment_ = 0;
  offset_ = 0;
}

Progress Connection::send() {
  for (std::size_t burst = 0; segment_ < segments_.size();) {
    if (burst >= max_burst) return Progress::blocked;
    std::array<iovec, 16> parts{};
    const auto count = std::min(parts.size(), segments_.size() - segment_);
    for (std::size_t i = 0; i < count; ++i) {
      const std::string& bytes = *segments_[segment_ + i];
      const auto skip = i == 0 ? offset_ : 0;
      parts[i] = {const_cast<char*>(bytes.data()) + skip, bytes.size() - skip};
    }
    // One part may be larger than all the others' turn: cut it.
    parts[0].iov_len = std::min(parts[0].iov_len, max_burst);
    const bool cut = parts[0].iov_len + offset_ < segments_[segment_]->size();
    const auto sent = write_some(parts.data(), cut ? 1 : count);
    if (!sent) return Progress::gone;
    if (*sent == 0) return Progress::blocked;
    burst += *sent;
    offset_ += *sent;
    while (segment_ < segments_.size() && offset_ >= segments_[segment_]->size())
      offset_ -= segments_[segment_++]->size();
  }
  reply({});
  return Progress::done;
}

std::size_t Connection::unsent() const {
  std::size_t all = 0;
  for (auto i = segment_; i < segments_.size(); ++i) all += segments_[i]->size();
  return all - offset_;
}

std::span<const Bytes> Connection::kept() const {
  return std::span(segments_).subspan(segment_);
}

std::size_t Connection::untaken() const {
  int kept = 0;
  // Of TCP: what is not acknowledged; of a unix socket: the memory that it takes (tcp(7), unix(7)).
  if (::ioctl(fd(), SIOCOUTQ, &kept) != 0 || kept < 0) kept = 0;
  return unsent() + static_cast<std::size_t>(kept);
}

void Connection::say_goodbye() {
  if (!std::exchange(shaken_, false)) return;
  ERR_clear_error();
  (void)SSL_shutdown(tls_.get());  // what the socket does not take now is not waited for
}

void Connection::end_sending() {
  say_goodbye();
  (void)::shutdown(fd(), SHUT_WR);
}

void Connection::close() {
  if (fd_) say_goodbye();
  fd_.reset();
}

Progress Connection::discard() {
  received_ = {};
  std::array<char, 16U << 10U> ignored;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  // Past TLS: nobody reads it.
  const auto count = ::recv(fd(), ignored.data(), ignored.size(), 0);
  if (count < 0) return is_temporary(errno) ? Progress::blocked : Progress::gone;
  discarded_ += static_cast<std::size_t>(count);
  return count == 0 || discarded_ > max_discarded ? Progress::gone : Progress::done;
}

std::string Connection::peer() const {
  const SocketName name = peer_of(fd());
  if (name.family() == AF_UNSPEC) return "";
  if (name.family() == AF_UNIX) {
    ucred who{};
    socklen_t size = sizeof who;
    if (::getsockopt(fd(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return "";
    return "uid=" + std::to_string(who.uid) + " pid=" + std::to_string(who.pid);
  }
  std::string peer = address_of(name).text();
  if (tls_)
    if (const auto owner = access::certificate_name(*tls_); !owner.empty()) peer += " certificate=" + owner;
  return peer;
}

std::string Connection::host() const {
  const SocketName name = peer_of(fd());
  return name.family() == AF_INET || name.family() == AF_INET6 ? address_of(name).host : "";
}

void Connection::abort() {
  shaken_ = false;
  const linger at_once{1, 0};
  (void)::setsockopt(fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

}  // namespace repodigest::web
