// The load of the bench: one thread, one epoll loop, so that it costs less than what it measures. It reads the processor time
// of the server from the server's own clock at the beginning and at the end of what is measured, and prints one line of JSON.
//
//   load fanout  port= path= conns= windows=8,1 seconds=   one member speaks, all hear it; so many broadcasts under way
//   load echo    port= path= conns= depth= seconds=        every connection keeps so many messages under way
//   load connect port= path= conns= parallel= warm= gone=  opens, and holds: processor time a handshake, memory a connection
//   load groups  port= path=/ws/#/ conns= groups= hz=      so many sends a second, from everywhere, each to its own group;
//                otherpath= others= othergroups=           and connections that only stay open, in groups of their own;
//                window=                                   instead of hz=: so many messages under way
//   load storm   port= path= conns= calmpath= calm= hz=    opens all at once while others talk
//   load http    port= path= conns= depth= seconds=        requests on connections that are kept
//
// pids=1,2 names the server's processes. bytes=128 is the length of a message. seconds= and, before them, warmms= are of the
// processor time of the server, and at most a hundred times as long; ten times if the load has a rate of its own. # in a path is the number of the group. senderport= is another server, to which the
// sender of a fan-out is connected; what that one receives is not counted. dialect=socket.io|deflate|live changes how the load
// speaks, binary=1 what it sends. With live, messages are requests, whose d has bytes= bytes, and join=room.a,room.b joins groups.
// patience= is for how many seconds it waits for what has not come. gate= is a descriptor: where a phase could begin or end, the load
// writes a byte to it, and goes on until it reads one, so that several loads measure at the same time.
#define _GNU_SOURCE
#include "connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_BYTES = 1 << 17, CONNECT_TIMEOUT_S = 240, CONNECTS_A_TURN = 64 };

static const uint64_t STEP_NS = 20000000, MOST_BEHIND_NS = 50000000;

static int argument_count;
static char **arguments;

static const char *text_argument(const char *name, const char *otherwise) {
  size_t length = strlen(name);
  for (int i = 2; i < argument_count; i++) {
    if (strncmp(arguments[i], name, length) == 0 && arguments[i][length] == '=') return arguments[i] + length + 1;
  }
  return otherwise;
}

static double argument(const char *name, double otherwise) {
  const char *text = text_argument(name, NULL);
  return text == NULL ? otherwise : atof(text);
}

static void fail(const char *why) {
  fprintf(stderr, "%s\n", why);
  exit(1);
}

static uint64_t from_seconds(double seconds) { return (uint64_t)(seconds * 1e9); }

// What a message is: {"message":"<time of sending, 16 hexadecimal digits><padding>"}, inside of what the dialect puts around.

static char message_start[80], message_end[8];
static size_t message_bytes;
static bool has_binary;

/** The id is as short as it can be: the answer has the time of sending within what is kept of it. */
#define LIVE_REQUEST "{\"t\":\"request\",\"id\":\"%08x\",\"m\":\"echo\",\"d\":"

static void choose_messages(void) {
  message_bytes = (size_t)argument("bytes", 128);
  has_binary = argument("binary", 0) != 0;
  if (message_bytes < 64 || message_bytes > MAX_BYTES) fail("bytes: 64 to 131072.");
  strcpy(message_start, speaks.socket_io ? "42[\"chat\",{\"message\":\"" : "{\"message\":\"");
  strcpy(message_end, speaks.socket_io ? "\"}]" : "\"}");
  if (!speaks.live_hello) return;
  message_bytes += (size_t)sprintf(message_start, LIVE_REQUEST, 0u) + 1;
  strcat(message_start, "{\"message\":\"");
  strcpy(message_end, "\"}}");
}

/** Words in an order that repeats nothing for long, as chats do not either: what is compressed must not be all alike. */
static void write_words(char *out, size_t length) {
  static const char *words[] = {"the ",  "quick ", "brown ", "fox ",  "jumps ", "over ",     "a ",   "lazy ",
                                "dog ",  "while ", "some ",  "people ", "talk ", "about ",   "rooms ", "users "};
  static uint32_t seed = 1;
  for (size_t at = 0; at < length;) {
    seed = seed * 1103515245u + 12345u;
    for (const char *word = words[seed >> 28]; *word && at < length; word++) out[at++] = *word;
    if (seed >> 25 & 1 && at < length) out[at++] = (char)('0' + (seed >> 20) % 10);
  }
}

/** The frame of a message that is sent now, and its length. */
static size_t message_frame(char *out) {
  static char payload[MAX_BYTES];
  if (has_binary) {
    static size_t ready;
    static char frame[MAX_BYTES + 16];
    if (ready == 0) ready = make_frame(frame, 2, payload, message_bytes);
    memcpy(out, frame, ready);
    return ready;
  }
  if (speaks.live_hello) {
    static unsigned requests;
    char id[9];
    sprintf(id, "%08x", ++requests);
    memcpy(strstr(message_start, "\"id\":\"") + 6, id, 8);
  }
  size_t at = (size_t)sprintf(payload, "%s%016llx", message_start, (unsigned long long)now_ns());
  size_t end = strlen(message_end);
  if (speaks.deflate) write_words(payload + at, message_bytes - at - end);
  else memset(payload + at, 'x', message_bytes - at - end);
  memcpy(payload + message_bytes - end, message_end, end);
  return make_frame(out, 1, payload, message_bytes);
}

/** When a message was sent that begins so; 0 where it does not tell. */
static uint64_t sending_time(const unsigned char *payload, size_t kept) {
  static size_t offset;
  if (has_binary || speaks.deflate || speaks.http) return 0;
  if (offset == 0) {
    const unsigned char *found = memmem(payload, kept, "\"message\"", 9);
    if (found == NULL) return 0;
    // Python's JSON has a space here.
    for (found += 9; *found == ':' || *found == ' ' || *found == '"';) found++;
    offset = (size_t)(found - payload);
  }
  if (kept < offset + 16) return 0;
  uint64_t time = 0;
  for (size_t i = offset; i < offset + 16; i++) {
    unsigned digit = payload[i] <= '9' ? payload[i] - (unsigned)'0' : payload[i] - (unsigned)'a' + 10;
    time = time << 4 | (digit & 15);
  }
  return time;
}

// What is measured

static struct {
  uint64_t delivered;
  histogram latency;
} counted;

typedef struct {
  uint64_t time, server_cpu, own_cpu, delivered;
} moment;

static moment start_measuring(void) {
  memset(&counted.latency, 0, sizeof counted.latency);
  return (moment){now_ns(), watched_cpu_ns(), own_cpu_ns(), counted.delivered};
}

/** The load sends at a rate of its own, so that the server may have little to do. */
static bool is_paced;

/** Whether the server has used so much processor time. A busy machine gives it little per second. */
static bool has_worked(moment from, double seconds) {
  uint64_t enough = from_seconds(seconds), elapsed = now_ns() - from.time;
  uint64_t used = watched_cpu_ns() - from.server_cpu;
  return elapsed >= enough && (from.server_cpu == 0 || used >= enough || elapsed >= (is_paced ? 10 : 100) * enough);
}

/** Whether the other loads are ready too. The end of the pipe opens the gate as well. */
static bool is_gate_open(void) {
  static bool is_waiting;
  int gate = (int)argument("gate", 0);
  char byte = 0;
  if (gate == 0) return true;
  if (!is_waiting && send(gate, &byte, 1, MSG_NOSIGNAL) < 0) return true;
  is_waiting = recv(gate, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
  return !is_waiting;
}

/** Whether a warm-up or a phase is complete, here and in the other loads. */
static bool is_complete(moment from, double seconds) { return has_worked(from, seconds) && is_gate_open(); }

/** Whether it is worth waiting longer: the time is up, and nothing has come yet. */
static bool is_still_waiting(moment from) {
  return counted.delivered == from.delivered && now_ns() - from.time < from_seconds(argument("patience", 30));
}

static int phases;

/** Prints what there was since then, but for the closing bracket. */
static void print_phase(moment from) {
  moment to = {now_ns(), watched_cpu_ns(), own_cpu_ns(), counted.delivered};
  double elapsed = (double)(to.time - from.time);
  printf("%s{\"delivered\":%llu,\"seconds\":%.4f,\"serverCpuNs\":%llu,\"serverBusy\":%.4f,\"loadBusy\":%.4f,\"p50Ms\":%.4f,\"p99Ms\":%.4f",
         phases++ ? "," : "", (unsigned long long)(to.delivered - from.delivered), elapsed / 1e9,
         (unsigned long long)(to.server_cpu - from.server_cpu), (double)(to.server_cpu - from.server_cpu) / elapsed,
         (double)(to.own_cpu - from.own_cpu) / elapsed, percentile_ms(&counted.latency, 0.5),
         percentile_ms(&counted.latency, 0.99));
}

static void count_message(const unsigned char *payload, size_t kept) {
  counted.delivered++;
  uint64_t sent = sending_time(payload, kept);
  if (sent != 0) record(&counted.latency, now_ns() - sent);
}

// Opening

static int port, group_count;

/** # in the pattern becomes the number of the connection's group: there are as many as `group_count`. */
static void open_one(int index, int to_port, const char *pattern) {
  char path[160];
  const char *mark = strchr(pattern, '#');
  if (mark == NULL) snprintf(path, sizeof path, "%s", pattern);
  else snprintf(path, sizeof path, "%.*s%d%s", (int)(mark - pattern), pattern, index % group_count, mark + 1);
  connect_to(index, to_port, path);
}

/** Opens connections, so many at a time: more would measure the queue of the kernel. */
static void open_all(int from, int to, int to_port, int parallel, const char *pattern) {
  uint64_t deadline = now_ns() + from_seconds(CONNECT_TIMEOUT_S);
  int started = from, already = opened;
  while (opened - already < to - from) {
    while (started < to && started - from - (opened - already) < parallel) open_one(started++, to_port, pattern);
    pump(100);
    if (refused > 0 || closed > 0) fail("The server refused a connection, or closed it.");
    if (now_ns() > deadline) fail("The server did not accept all connections in time.");
  }
}

static void pause_ms(double milliseconds) { pump_until(now_ns() + from_seconds(milliseconds / 1000)); }

// Fan-out

static connection *uncounted;

static void on_fan_out(connection *c, const unsigned char *payload, size_t kept) {
  if (c != uncounted) count_message(payload, kept);
}

static uint64_t broadcasts;

/** Goes on until then, and until so many deliveries have come in all: a slow server needs longer for the first of them. */
static void broadcast_until(uint64_t end, uint64_t deliveries, connection *sender, uint64_t members, uint64_t window) {
  static char frame[MAX_BYTES + 16];
  uint64_t deadline = end + from_seconds(argument("patience", 30));
  for (uint64_t time = now_ns(); time < end || (counted.delivered < deliveries && time < deadline); time = now_ns()) {
    while (broadcasts < counted.delivered / members + window) {
      send_bytes(sender, frame, message_frame(frame));
      broadcasts++;
    }
    pump(1);
  }
}

static void fan_out(int members, double seconds, double warm_ms) {
  int sender_port = (int)argument("senderport", 0), first = sender_port > 0;
  use_connections(members + first, on_fan_out, NULL);
  open_all(first, members + first, port, 128, text_argument("path", "/"));
  connection *sender = connection_at(0);
  if (sender_port > 0) {
    uncounted = sender;
    open_all(0, 1, sender_port, 1, text_argument("path", "/"));
  }
  // What joining leads to is over then.
  pause_ms(argument("settlems", 300));
  const char *next = text_argument("windows", "1");
  printf("{\"phases\":[");
  for (uint64_t window; (window = strtoull(next, (char **)&next, 10)) > 0; next += *next == ',') {
    uint64_t round = (uint64_t)members * window;
    moment from = start_measuring();
    do {
      broadcast_until(now_ns() + STEP_NS, from.delivered + round, sender, (uint64_t)members, window);
    } while (!is_complete(from, warm_ms / 1000));
    from = start_measuring();
    do {
      broadcast_until(now_ns() + STEP_NS, from.delivered + round, sender, (uint64_t)members, window);
    } while (!is_complete(from, seconds));
    print_phase(from);
    printf(",\"window\":%llu}", (unsigned long long)window);
    // The next phase begins with nothing under way.
    for (uint64_t end = now_ns() + from_seconds(argument("patience", 30)); counted.delivered < broadcasts * (uint64_t)members && now_ns() < end;) pump(50);
    if (closed > 0) fail("The server closed a connection.");
  }
  printf("],\"missing\":%lld}\n", (long long)(broadcasts * (uint64_t)members - counted.delivered));
}

// Echo, of messages and of HTTP

static bool is_over;
static const char *request;

static void on_echo(connection *c, const unsigned char *payload, size_t kept) {
  count_message(payload, kept);
  c->owed++;
}

/** One write for as many as came with one read, as a busy client's kernel would. */
static void answer_echoes(connection *c) {
  static char frames[1 << 20];
  size_t at = 0;
  if (is_over) return;
  for (; c->owed > 0; c->owed--) {
    if (request != NULL) {
      at += (size_t)sprintf(frames + at, "%s", request);
    } else {
      at += message_frame(frames + at);
    }
    if (at < sizeof frames - MAX_BYTES - 16) continue;
    send_bytes(c, frames, at);
    at = 0;
  }
  if (at > 0) send_bytes(c, frames, at);
}

static void echo(int count, double seconds, double warm_ms) {
  char bytes[512];
  if (speaks.http) {
    snprintf(bytes, sizeof bytes, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: */*\r\n\r\n", text_argument("path", "/"), port);
    request = bytes;
  }
  use_connections(count, on_echo, answer_echoes);
  open_all(0, count, port, 128, text_argument("path", "/"));
  pause_ms(100);
  for (int i = 0; i < count; i++) {
    connection_at(i)->owed = (unsigned)argument("depth", 1);
    answer_echoes(connection_at(i));
  }
  moment from = start_measuring();
  do pump_until(now_ns() + STEP_NS);
  while (!is_complete(from, warm_ms / 1000));
  from = start_measuring();
  do pump_until(now_ns() + STEP_NS);
  while (!is_complete(from, seconds));
  while (is_still_waiting(from)) pump(10);
  printf("{\"phases\":[");
  print_phase(from);
  printf("}]}\n");
  if (closed > 0) fail("The server closed a connection.");
}

// Handshakes, and what a connection keeps

static void ignore(connection *c, const unsigned char *payload, size_t kept) {
  (void)c, (void)payload, (void)kept;
}

/** Connections that have gone again when what is measured begins: a server's compiler has seen them come and go. */
static void come_and_go(int count, int parallel) {
  open_all(0, count, port, parallel, text_argument("path", "/"));
  for (int i = 0; i < count; i++) close_connection(connection_at(i));
  closed = 0;
  pause_ms(argument("settlems", 1000));
}

static void connect_all(int count) {
  int gone = (int)argument("gone", 0), warm = (int)argument("warm", 0), parallel = (int)argument("parallel", 128);
  use_connections(count, ignore, NULL);
  uint64_t rss = watched_rss();
  for (; gone > 0; gone -= count) come_and_go(count, parallel);
  open_all(0, warm, port, parallel, text_argument("path", "/"));
  while (!is_gate_open()) pump(1);
  moment from = start_measuring();
  open_all(warm, count, port, parallel, text_argument("path", "/"));
  counted.delivered = (uint64_t)(count - warm);
  printf("{\"phases\":[");
  print_phase(from);
  pause_ms(argument("settlems", 1000));
  printf("}],\"bytesPerConnection\":%.0f}\n", ((double)watched_rss() - (double)rss) / count);
}

// So many sends a second, whatever comes back

typedef struct {
  uint64_t gap, next;
  int senders;
} pace;

static void send_from_any(int senders) {
  static char frame[MAX_BYTES + 16];
  static uint64_t seed = 1;
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  connection *c = connection_at((int)((seed >> 33) % (uint64_t)senders));
  if (c->state == OPEN) send_bytes(c, frame, message_frame(frame));
}

static void send_what_is_due(pace *p) {
  uint64_t time = now_ns();
  // A load that cannot keep the pace would have ever more to send, and read nothing. What it did send shows in the rate.
  if (p->next + MOST_BEHIND_NS < time) p->next = time - MOST_BEHIND_NS;
  for (; p->next <= time; p->next += p->gap) send_from_any(p->senders);
}

static void keep_pace_until(uint64_t end, pace *p) {
  while (now_ns() < end) {
    send_what_is_due(p);
    pump(1);
  }
}

typedef struct {
  uint64_t size, sent, members;
  int senders;
} window;

/** Keeps the pace, or a number of messages under way: then a server that gets little processor time has no larger backlog. */
static void talk_until(uint64_t end, pace *p, window *w) {
  if (w->size == 0) return keep_pace_until(end, p);
  while (now_ns() < end) {
    for (; w->sent < counted.delivered / w->members + w->size; w->sent++) send_from_any(w->senders);
    pump(1);
  }
}

static void on_counted(connection *c, const unsigned char *payload, size_t kept) {
  (void)c;
  count_message(payload, kept);
}

static void groups(int count, double seconds, double warm_ms) {
  int others = (int)argument("others", 0);
  use_connections(count + others, on_counted, NULL);
  uint64_t rss = watched_rss();
  int groups_of_senders = group_count;
  group_count = (int)argument("othergroups", 1);
  open_all(count, count + others, port, 128, text_argument("otherpath", "/#/"));
  group_count = groups_of_senders;
  open_all(0, count, port, 128, text_argument("path", "/#/"));
  pause_ms(argument("settlems", 300));
  uint64_t resident = watched_rss();
  pace p = {from_seconds(1 / argument("hz", 1000)), now_ns(), count};
  window w = {(uint64_t)argument("window", 0), 0, (uint64_t)(count / group_count), count};
  is_paced = w.size == 0;
  moment from = start_measuring();
  do talk_until(now_ns() + STEP_NS, &p, &w);
  while (!is_complete(from, warm_ms / 1000));
  from = start_measuring();
  do talk_until(now_ns() + STEP_NS, &p, &w);
  while (!is_complete(from, seconds));
  while (is_still_waiting(from)) talk_until(now_ns() + STEP_NS, &p, &w);
  printf("{\"phases\":[");
  print_phase(from);
  printf("}],\"connections\":%d,\"residentBytes\":%llu,\"bytesPerConnection\":%.0f}\n", count + others,
         (unsigned long long)resident, ((double)resident - (double)rss) / (count + others));
  if (closed > 0) fail("The server closed a connection.");
}

static void storm(int count, double seconds, double warm_ms) {
  int calm = (int)argument("calm", 50);
  use_connections(calm + count, on_counted, NULL);
  open_all(0, calm, port, 128, text_argument("calmpath", "/"));
  pace p = {from_seconds(1 / argument("hz", 1000)), now_ns(), calm};
  is_paced = true;
  moment before = start_measuring();
  do keep_pace_until(now_ns() + STEP_NS, &p);
  while (!is_complete(before, warm_ms / 1000));
  before = start_measuring();
  do keep_pace_until(now_ns() + STEP_NS, &p);
  while (!is_complete(before, seconds));
  printf("{\"phases\":[");
  print_phase(before);
  printf("}");
  moment from = start_measuring();
  uint64_t deadline = from.time + from_seconds(argument("patience", 30));
  for (int started = 0; opened + refused < calm + count && now_ns() < deadline;) {
    // None waits for another; between them, what has come is read, or the load itself would be what the others wait for.
    for (int turn = 0; turn < CONNECTS_A_TURN && started < count; turn++) open_one(calm + started++, port, text_argument("path", "/"));
    send_what_is_due(&p);
    pump(started < count ? 0 : 1);
  }
  int accepted = opened - calm;
  print_phase(from);
  printf(",\"accepted\":%d,\"refused\":%d}]}\n", accepted, count - accepted);
}

/** The first message of the live protocol, which joins the groups of a list with commas. */
static void write_hello(char *out, const char *groups) {
  size_t at = (size_t)sprintf(out, "{\"t\":\"hello\",\"v\":1");
  const char *end = groups == NULL ? "}" : "}}";
  for (const char *separator = ",\"groups\":{"; groups != NULL && *groups; separator = ",") {
    size_t length = strcspn(groups, ",");
    if (at + length + 20 > MAX_HELLO) fail("join: too many groups.");
    at += (size_t)sprintf(out + at, "%s\"%.*s\":{}", separator, (int)length, groups);
    groups += length + (groups[length] == ',');
  }
  strcpy(out + at, end);
}

int main(int count, char **values) {
  argument_count = count;
  arguments = values;
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  const char *mode = count > 1 ? values[1] : "", *way = text_argument("dialect", "");
  char hello[MAX_HELLO + 1];
  write_hello(hello, text_argument("join", NULL));
  speaks = (dialect){.socket_io = strcmp(way, "socket.io") == 0,
                     .deflate = strcmp(way, "deflate") == 0,
                     .live_hello = strcmp(way, "live") == 0 ? hello : NULL,
                     .http = strcmp(mode, "http") == 0};
  choose_messages();
  watch(text_argument("pids", ""));
  port = (int)argument("port", 0);
  group_count = (int)argument("groups", 1);
  int connections = (int)argument("conns", 1);
  double seconds = argument("seconds", 1), warm_ms = argument("warmms", 500);
  if (strcmp(mode, "fanout") == 0) fan_out(connections, seconds, warm_ms);
  else if (strcmp(mode, "echo") == 0 || speaks.http) echo(connections, seconds, warm_ms);
  else if (strcmp(mode, "connect") == 0) connect_all(connections);
  else if (strcmp(mode, "groups") == 0) groups(connections, seconds, warm_ms);
  else if (strcmp(mode, "storm") == 0) storm(connections, seconds, warm_ms);
  else fail("Usage: see the head of bench/load/load.c.");
  return 0;
}
