// The floor: what the kernel takes for one write a delivery. A handshake that looks at nothing, no JSON, no UTF-8, no limits: what
// comes in one frame goes out in one, to every connection of the room (or with "echo" to its sender). The room is the number in the
// path, /ws/chat/7/. `floor PORT [echo]`
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FDS = 1 << 17, ROOMS = 1 << 13, BUFFER = 1 << 20 };
static const char response[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/** The members of a room are a ring through its entry, which stands behind those of the connections. */
static int next[MAX_FDS + ROOMS], previous[MAX_FDS + ROOMS], room[MAX_FDS];
static unsigned char in[BUFFER], out[BUFFER + 16];
static int is_echo;

static void leave(int fd) {
  if (room[fd] > 0) {
    next[previous[fd]] = next[fd];
    previous[next[fd]] = previous[fd];
    room[fd] = 0;
  }
  close(fd);
}

static void join(int fd, const char *request) {
  const char *name = strstr(request, "/chat/");
  int entry = MAX_FDS + (name == NULL ? 0 : atoi(name + 6) % ROOMS);
  room[fd] = entry;
  next[fd] = entry;
  previous[fd] = previous[entry];
  next[previous[entry]] = fd;
  previous[entry] = fd;
}

static void put(int fd, size_t length) {
  if (write(fd, out, length) < 0) return;
}

/** Sends each frame on. A frame that is cut off by the end of the read is lost: the load of the bench sends small ones. */
static void pass_on(int fd, size_t length) {
  for (size_t at = 0; at + 6 <= length;) {
    size_t payload = in[at + 1] & 127, header = 2, reply = 2;
    if (payload == 126) {
      payload = (size_t)in[at + 2] << 8 | in[at + 3];
      header = reply = 4;
    }
    const unsigned char *mask = in + at + header, *text = mask + 4;
    if (payload == 127 || at + header + 4 + payload > length) return;
    memcpy(out, in + at, header);
    out[1] &= 127;
    for (size_t i = 0; i < payload; i++) out[reply + i] = text[i] ^ mask[i & 3];
    if ((in[at] & 15) == 1) {
      if (is_echo) put(fd, reply + payload);
      else for (int member = next[room[fd]]; member != room[fd]; member = next[member]) put(member, reply + payload);
    }
    at += header + 4 + payload;
  }
}

int main(int count, char **values) {
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  is_echo = count > 2 && strcmp(values[2], "echo") == 0;
  for (int entry = MAX_FDS; entry < MAX_FDS + ROOMS; entry++) next[entry] = previous[entry] = entry;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1, queue = epoll_create1(0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(count > 1 ? values[1] : "0"))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) return 1;
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
  epoll_ctl(queue, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    struct epoll_event events[1024];
    int ready = epoll_wait(queue, events, 1024, -1);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        for (int accepted; (accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
          if (accepted >= MAX_FDS) {
            close(accepted);
            continue;
          }
          setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
          event.data.fd = accepted;
          epoll_ctl(queue, EPOLL_CTL_ADD, accepted, &event);
        }
        continue;
      }
      ssize_t length = read(fd, in, sizeof in - 1);
      if (length <= 0) {
        leave(fd);
      } else if (room[fd] == 0) {
        in[length] = 0;
        join(fd, (const char *)in);
        memcpy(out, response, sizeof response - 1);
        put(fd, sizeof response - 1);
      } else {
        pass_on(fd, (size_t)length);
      }
    }
  }
}
