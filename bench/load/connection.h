// Connections of the load: one epoll loop, sockets that never block, frames that are counted and hardly looked at.
#ifndef CONNECTION_H
#define CONNECTION_H

#include "meter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** So many bytes of each message are kept to find the time of sending in; the rest is counted only. */
enum { PREFIX = 64 };

/** The longest first message of the live protocol. */
enum { MAX_HELLO = 500 };

typedef enum { UNUSED, CONNECTING, UPGRADING, JOINING, OPEN, CLOSED } state;

typedef struct {
  int fd;
  state state;
  /** What has come of the frame, or of the response, that is being received. */
  unsigned char head[PREFIX + 10];
  unsigned head_length;
  /** Bytes of the payload that are still to be passed over. */
  uint64_t rest;
  /** How many characters of the end of the response's headers have been seen. */
  int headers_end;
  /** What the kernel has not taken yet. */
  char *unsent;
  size_t unsent_length, unsent_offset;
  /** Answers that are to be sent; for the use of the handlers. */
  unsigned owed;
  int port;
  char path[160];
} connection;

/** How the load speaks; set before the first connection. */
typedef struct {
  /** The messages of Socket.IO around each chat message, and its way to join. */
  bool socket_io;
  /** Offers permessage-deflate in the handshake. Answers are counted, not inflated. */
  bool deflate;
  /** Speaks the live protocol: the text of its hello. The connection is open with the answer to it. */
  const char *live_hello;
  /** Speaks HTTP instead: connections are open at once, and responses are counted. */
  bool http;
} dialect;

extern dialect speaks;
extern int opened, closed, refused;

/** Called for each whole message (or response): with the beginning of its payload, and how much of it was kept. */
typedef void (*on_message)(connection *c, const unsigned char *payload, size_t kept);

/** Called when all that one read brought has been handled: the moment to answer several messages with one write. */
typedef void (*on_read)(connection *c);

void use_connections(int count, on_message message_handler, on_read read_handler);
connection *connection_at(int index);
void connect_to(int index, int port, const char *path);
/** Waits up to so many milliseconds for something, and handles all that has happened. */
void pump(int milliseconds);
/** Handles what happens until then. */
void pump_until(uint64_t end_ns);
void send_bytes(connection *c, const char *bytes, size_t length);
void close_connection(connection *c);

/** Writes a client's frame, masked as RFC 6455 §5.3 wants it, and gives its length. */
size_t make_frame(char *out, int opcode, const char *payload, size_t length);

#endif
