#define _GNU_SOURCE
#include "connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

dialect speaks;
int opened, closed, refused;

static connection *connections;
static int epoll_fd = -1;
static on_message handle;
static on_read after_read;
static char buffer[1 << 20];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

void use_connections(int count, on_message message_handler, on_read read_handler) {
  connections = calloc((size_t)count, sizeof *connections);
  epoll_fd = epoll_create1(0);
  handle = message_handler;
  after_read = read_handler;
  if (connections == NULL || epoll_fd < 0) fail("epoll");
}

connection *connection_at(int index) { return &connections[index]; }

static void listen_for(connection *c, uint32_t events, int operation) {
  struct epoll_event event = {.events = events, .data.u32 = (uint32_t)(c - connections)};
  if (epoll_ctl(epoll_fd, operation, c->fd, &event)) fail("epoll_ctl");
}

void connect_to(int index, int port, const char *path) {
  connection *c = &connections[index];
  free(c->unsent);
  memset(c, 0, sizeof *c);
  snprintf(c->path, sizeof c->path, "%s", path);
  c->port = port;
  c->state = CONNECTING;
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (c->fd < 0) fail("socket (ulimit -n?)");
  int one = 1;
  // Addresses of their own, so that one's ports do not run out: each has some 28,000.
  struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002u + (uint32_t)index / 10000)};
  setsockopt(c->fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (bind(c->fd, (struct sockaddr *)&from, sizeof from)) fail("bind");
  struct sockaddr_in to = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (connect(c->fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS) fail("connect");
  listen_for(c, EPOLLIN | EPOLLOUT, EPOLL_CTL_ADD);
}

void close_connection(connection *c) {
  if (c->state == UNUSED || c->state == CLOSED) return;
  if (c->state == OPEN) opened--;
  else refused++;
  closed++;
  c->state = CLOSED;
  close(c->fd);
}

void send_bytes(connection *c, const char *bytes, size_t length) {
  if (c->state == CLOSED) return;
  if (c->unsent_length == 0) {
    ssize_t written = write(c->fd, bytes, length);
    if (written < 0 && errno != EAGAIN) {
      close_connection(c);
      return;
    }
    if (written < 0) written = 0;
    if ((size_t)written == length) return;
    bytes += written;
    length -= (size_t)written;
    listen_for(c, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
  }
  c->unsent = realloc(c->unsent, c->unsent_length + length);
  memcpy(c->unsent + c->unsent_length, bytes, length);
  c->unsent_length += length;
}

static void send_rest(connection *c) {
  ssize_t written = write(c->fd, c->unsent + c->unsent_offset, c->unsent_length - c->unsent_offset);
  if (written < 0) {
    if (errno != EAGAIN) close_connection(c);
    return;
  }
  c->unsent_offset += (size_t)written;
  if (c->unsent_offset < c->unsent_length) return;
  c->unsent_offset = c->unsent_length = 0;
  listen_for(c, EPOLLIN, EPOLL_CTL_MOD);
}

size_t make_frame(char *out, int opcode, const char *payload, size_t length) {
  // A fixed key, whose bits do not match those of text: what it is makes no difference to a server.
  static const unsigned char key[4] = {0x9a, 0x3c, 0xe5, 0x61};
  size_t at = 0;
  out[at++] = (char)(0x80 | opcode);
  if (length < 126) {
    out[at++] = (char)(0x80 | length);
  } else if (length < 65536) {
    out[at++] = (char)(0x80 | 126);
    out[at++] = (char)(length >> 8);
    out[at++] = (char)length;
  } else {
    out[at++] = (char)(0x80 | 127);
    for (int shift = 56; shift >= 0; shift -= 8) out[at++] = (char)((uint64_t)length >> shift);
  }
  memcpy(out + at, key, 4);
  at += 4;
  for (size_t i = 0; i < length; i++) out[at + i] = (char)((unsigned char)payload[i] ^ key[i & 3]);
  return at + length;
}

static void send_text(connection *c, const char *text) {
  char frame[MAX_HELLO + 16];
  send_bytes(c, frame, make_frame(frame, 1, text, strlen(text)));
}

static void become_open(connection *c) {
  c->state = OPEN;
  opened++;
}

/** Socket.IO: the server says "0{…}", the client "40", the server "40{…}"; a ping is "2" and its answer "3". */
static bool is_socket_io_talk(connection *c, const unsigned char *payload, size_t kept) {
  if (kept >= 2 && payload[0] == '4' && payload[1] == '2') return false;
  if (kept >= 1 && payload[0] == '0') send_text(c, "40");
  else if (kept >= 2 && payload[0] == '4' && payload[1] == '0') become_open(c);
  else if (kept == 1 && payload[0] == '2') send_text(c, "3");
  return true;
}

/** The live protocol: the last answer to hello is "hi", or "joined" if it has a group. */
static bool is_live_talk(connection *c, const unsigned char *payload, size_t kept) {
  static const char hi[] = "{\"t\":\"hi\"", joined[] = "{\"t\":\"joined\"";
  if (c->state != JOINING) return false;
  bool joins = strstr(speaks.live_hello, "\"groups\"") != NULL;
  const char *last = joins ? joined : hi;
  if (kept >= strlen(last) && memcmp(payload, last, strlen(last)) == 0) become_open(c);
  return true;
}

static void request_upgrade(connection *c) {
  char request[1024];
  // A key each, because a server may look for it; its value is only a nonce.
  int length = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                        "Origin: http://127.0.0.1:%d\r\n%s\r\n",
                        c->path, c->port, c->port,
                        speaks.deflate ? "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
                        : speaks.live_hello ? "Sec-WebSocket-Protocol: tideway.v1.json\r\n"
                                            : "");
  c->state = UPGRADING;
  send_bytes(c, request, (size_t)length);
}

/** Takes the response to the handshake; gives how many bytes of it these were. */
static size_t take_response(connection *c, const char *bytes, size_t length) {
  static const char end[] = "\r\n\r\n";
  for (size_t i = 0; i < length; i++) {
    if (c->head_length < 12) c->head[c->head_length++] = (unsigned char)bytes[i];
    c->headers_end = bytes[i] == end[c->headers_end] ? c->headers_end + 1 : bytes[i] == '\r';
    if (c->headers_end < 4) continue;
    c->headers_end = 0;
    c->head_length = 0;
    if (memcmp(c->head, "HTTP/1.1 101", 12) != 0) {
      close_connection(c);
      return length;
    }
    if (speaks.socket_io || speaks.live_hello) c->state = JOINING;
    else become_open(c);
    if (speaks.live_hello) send_text(c, speaks.live_hello);
    return i + 1;
  }
  return length;
}

/** The length of a frame's header, and of its payload; 0 while it is not known. Servers do not mask. */
static unsigned header_of(const unsigned char *head, size_t length, uint64_t *payload) {
  if (length < 2) return 0;
  unsigned short_length = head[1] & 127, header = short_length < 126 ? 2 : short_length == 126 ? 4 : 10;
  if (length < header) return 0;
  *payload = short_length < 126 ? short_length : 0;
  for (unsigned i = 2; i < header; i++) *payload = *payload << 8 | head[i];
  return header;
}

static void take_message(connection *c, const unsigned char *head, unsigned header, size_t kept) {
  int opcode = head[0] & 15;
  if (opcode == 9) {
    char pong[160];
    send_bytes(c, pong, make_frame(pong, 10, (const char *)head + header, kept));
  } else if (opcode == 8) {
    close_connection(c);
  } else if (opcode <= 2) {
    if (speaks.socket_io && is_socket_io_talk(c, head + header, kept)) return;
    if (speaks.live_hello && is_live_talk(c, head + header, kept)) return;
    handle(c, head + header, kept);
  }
}

static size_t smaller(uint64_t a, uint64_t b) { return (size_t)(a < b ? a : b); }

/** Takes some bytes of frames. Most come whole, and are looked at where they are. */
static void take_frames(connection *c, const char *bytes, size_t length) {
  while (length > 0 && c->state != CLOSED) {
    if (c->rest > 0) {
      size_t passed = smaller(c->rest, length);
      c->rest -= passed;
      bytes += passed;
      length -= passed;
      continue;
    }
    uint64_t payload = 0;
    if (c->head_length == 0) {
      const unsigned char *head = (const unsigned char *)bytes;
      unsigned header = header_of(head, length, &payload);
      size_t kept = smaller(payload, PREFIX);
      if (header > 0 && length >= header + kept) {
        c->rest = payload - kept;
        bytes += header + kept;
        length -= header + kept;
        take_message(c, head, header, kept);
        continue;
      }
    }
    c->head[c->head_length++] = (unsigned char)*bytes++;
    length--;
    unsigned header = header_of(c->head, c->head_length, &payload);
    size_t kept = smaller(payload, PREFIX);
    if (header == 0 || c->head_length < header + kept) continue;
    c->rest = payload - kept;
    c->head_length = 0;
    take_message(c, c->head, header, kept);
  }
}

/** Responses of one length, which the first tells: headers, and as much as Content-Length says. */
static void take_http(connection *c, const char *bytes, size_t length) {
  static uint64_t response;
  if (response == 0) {
    const char *end = memmem(bytes, length, "\r\n\r\n", 4), *field = strcasestr(bytes, "content-length:");
    if (strncmp(bytes, "HTTP/1.1 200", 12) != 0 || end == NULL || field == NULL) {
      fprintf(stderr, "The load cannot count these responses: %.*s\n", (int)smaller(length, 200), bytes);
      exit(1);
    }
    response = (uint64_t)(end + 4 - bytes) + strtoull(field + 15, NULL, 10);
  }
  c->rest += length;
  while (c->rest >= response) {
    c->rest -= response;
    handle(c, (const unsigned char *)bytes, 0);
  }
}

static void receive(connection *c) {
  // One byte is left for the end of a string.
  ssize_t length = read(c->fd, buffer, sizeof buffer - 1);
  if (length <= 0) {
    if (length == 0 || errno != EAGAIN) close_connection(c);
    return;
  }
  buffer[length] = 0;
  if (speaks.http) {
    take_http(c, buffer, (size_t)length);
  } else {
    size_t taken = c->state == UPGRADING ? take_response(c, buffer, (size_t)length) : 0;
    if (taken < (size_t)length) take_frames(c, buffer + taken, (size_t)length - taken);
  }
  if (after_read != NULL) after_read(c);
}

void pump(int milliseconds) {
  struct epoll_event events[1024];
  int count = epoll_wait(epoll_fd, events, 1024, milliseconds);
  for (int i = 0; i < count; i++) {
    connection *c = &connections[events[i].data.u32];
    if (c->state == CLOSED) continue;
    if (events[i].events & (EPOLLERR | EPOLLHUP)) {
      close_connection(c);
      continue;
    }
    if (c->state == CONNECTING) {
      if (!(events[i].events & EPOLLOUT)) continue;
      listen_for(c, EPOLLIN, EPOLL_CTL_MOD);
      if (speaks.http) become_open(c);
      else request_upgrade(c);
      continue;
    }
    if (events[i].events & EPOLLOUT) send_rest(c);
    if (events[i].events & EPOLLIN) receive(c);
  }
}

void pump_until(uint64_t end_ns) {
  for (uint64_t time; (time = now_ns()) < end_ns;) pump((int)smaller((end_ns - time) / 1000000, 100));
}
