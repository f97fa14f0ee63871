// Answers each request with the bytes of a file, and does nothing else: the least that a server on one epoll
// can cost. Prints the port it listens on.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

namespace {

struct Client {
  std::string received;
  std::size_t sent = 0;  ///< of the reply that is on the way
  bool sending = false;
};

/// Sends on; whether the reply is out.
bool send_on(int fd, Client& client, std::string& head, std::string& body) {
  while (client.sent < head.size() + body.size()) {
    const std::size_t of_head = std::min(client.sent, head.size());
    const std::size_t of_body = client.sent - of_head;
    iovec parts[] = {{head.data() + of_head, head.size() - of_head},
                     {body.data() + of_body, body.size() - of_body}};
    const auto count = ::writev(fd, parts, 2);
    if (count <= 0) return false;
    client.sent += static_cast<std::size_t>(count);
  }
  client.sent = 0;
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  std::ifstream file(argv[1], std::ios::binary);
  std::string body{std::istreambuf_iterator<char>(file), {}};
  std::string head =
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Encoding: "
      "gzip\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n";
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener, 16) != 0 ||
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return 1;
  std::fprintf(stderr, "port=%d\n", ntohs(address.sin_port));

  const int epoll = ::epoll_create1(0);
  const auto watch = [epoll](int operation, int fd, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    (void)::epoll_ctl(epoll, operation, fd, &event);
  };
  watch(EPOLL_CTL_ADD, listener, EPOLLIN);
  std::map<int, Client> clients;
  while (true) {
    epoll_event event{};
    if (::epoll_wait(epoll, &event, 1, -1) != 1) continue;
    const int fd = event.data.fd;
    if (fd == listener) {
      const int accepted = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
      if (accepted < 0) continue;
      const int on = 1;
      (void)::setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      watch(EPOLL_CTL_ADD, accepted, EPOLLIN);
      continue;
    }
    Client& client = clients[fd];
    if (!client.sending) {
      char bytes[4096];
      const auto count = ::read(fd, bytes, sizeof bytes);
      if (count <= 0) {
        clients.erase(fd);
        (void)::close(fd);
        continue;
      }
      client.received.append(bytes, static_cast<std::size_t>(count));
      if (!client.received.ends_with("\r\n\r\n")) continue;
      client.received.clear();
    }
    const bool sending = !send_on(fd, client, head, body);
    if (sending != client.sending) watch(EPOLL_CTL_MOD, fd, sending ? EPOLLOUT : EPOLLIN);
    client.sending = sending;
  }
}
