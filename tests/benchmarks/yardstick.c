/* The least that a gateway can be, in C: Pub/Sub in, one frame a write out. No state, no leases, no queue, no catch-up:
 * what it does a second on a machine is what ours is held against, in the same run.
 *
 *     yardstick REDIS_PORT CHANNEL_BEFORE CHANNEL_AFTER
 *
 * prints "listening on 127.0.0.1:PORT", answers each line on stdin with its CPU time, and ends when stdin closes. A client's
 * first frame names its room as "s":"ROOM"; the room's channel is CHANNEL_BEFORE ROOM CHANNEL_AFTER. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { ROOMS = 1 << 15, SOCKETS = 1 << 15, INPUT = 1 << 22, OPENED = 1, JOINED = 2 };

struct room { char name[64]; int *clients, count, space; };
static struct room rooms[ROOMS];
static char state[SOCKETS], *input;
static int redis, poller, filled;
static const char *before, *after;

static struct room *room_of(const char *name, size_t size) {
  unsigned hash = 5381;
  for (size_t i = 0; i < size; i++) hash = hash * 33 + (unsigned char)name[i];
  struct room *room = &rooms[hash % ROOMS];
  while (room->name[0] && (strlen(room->name) != size || memcmp(room->name, name, size))) room = room == &rooms[ROOMS - 1] ? rooms : room + 1;
  if (!room->name[0]) memcpy(room->name, name, size);
  return room;
}

static void watch(int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
}

static int tcp(int port, int listening) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  if (listening ? bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 4096) : connect(fd, (struct sockaddr *)&at, sizeof at)) exit(1);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

/* There is no queue: a client whose socket takes no more is cut. */
static void say(int fd, const char *text, size_t size) {
  if (write(fd, text, size) != (ssize_t)size) shutdown(fd, SHUT_RDWR);
}

static void from_client(int fd) {
  char data[4096], command[512];
  ssize_t size = read(fd, data, sizeof data - 1);
  if (size <= 0) { close(fd); return; }
  data[size] = 0;
  if (!(state[fd] & OPENED)) {
    static const char opened[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    state[fd] |= OPENED;
    say(fd, opened, sizeof opened - 1);
  }
  char *name = memmem(data, size, "\"s\":\"", 5);
  if (!name || state[fd] & JOINED) return;
  state[fd] |= JOINED;
  name += 5;
  size_t length = strcspn(name, "\"");
  struct room *room = room_of(name, length);
  if (!room->count) {
    int channel = (int)(strlen(before) + length + strlen(after));
    say(redis, command, sprintf(command, "*2\r\n$9\r\nSUBSCRIBE\r\n$%d\r\n%s%.*s%s\r\n", channel, before, (int)length, name, after));
  }
  if (room->count == room->space) room->clients = realloc(room->clients, sizeof(int) * (room->space = 2 * room->space + 8));
  room->clients[room->count++] = fd;
  static const char snapshot[] = "\x81\x27{\"t\":\"~snapshot\",\"e\":\"ab\",\"v\":0,\"d\":{}}";
  say(fd, snapshot, sizeof snapshot - 1);
}

static void publish(const char *channel, int size, const char *payload, int length) {
  char frame[1 << 16];
  int head = length < 126 ? 2 : 4;
  if (length + 4 > (int)sizeof frame) return;
  frame[0] = (char)0x81, frame[1] = length < 126 ? length : 126, frame[2] = length >> 8, frame[3] = length & 255;
  memcpy(frame + head, payload, length);
  int skip = (int)strlen(before);
  struct room *room = room_of(channel + skip, size - skip - strlen(after));
  for (int i = 0; i < room->count; i++) say(room->clients[i], frame, head + length);
}

/* Reads one RESP array of bulk strings and integers; the bytes that it took, 0 where it is not whole yet. */
static int take(const char *at, const char *end) {
  const char *begin = at, *part[8] = {0};
  int size[8] = {0}, parts = atoi(at + 1);
  if (!(at = memchr(at, '\n', end - at))) return 0;
  at++;
  for (int i = 0; i < parts && i < 8; i++) {
    const char *line = at;
    if (at >= end || !(at = memchr(at, '\n', end - at))) return 0;
    at++;
    if (*line != '$') continue;
    size[i] = atoi(line + 1), part[i] = at, at += size[i] + 2;
    if (at > end) return 0;
  }
  if (parts == 3 && size[0] == 7 && !memcmp(part[0], "message", 7)) publish(part[1], size[1], part[2], size[2]);
  return (int)(at - begin);
}

static void from_redis(void) {
  ssize_t size = read(redis, input + filled, INPUT - filled - 1);
  if (size <= 0) exit(1);
  filled += size, input[filled] = 0;
  int done = 0, took;
  while (done < filled && (took = take(input + done, input + filled))) done += took;
  memmove(input, input + done, filled -= done);
}

int main(int count, char **given) {
  struct epoll_event ready[512];
  struct sockaddr_in at;
  struct rusage used;
  struct timespec now;
  socklen_t size = sizeof at;
  char line[1024];
  if (count != 4) return 2;
  input = malloc(INPUT), before = given[2], after = given[3], poller = epoll_create1(0);
  int listener = tcp(0, 1);
  getsockname(listener, (struct sockaddr *)&at, &size);
  watch(listener), watch(redis = tcp(atoi(given[1]), 0)), watch(0);
  printf("listening on 127.0.0.1:%d\n", ntohs(at.sin_port)), fflush(stdout);
  for (;;) {
    int found = epoll_wait(poller, ready, 512, -1);
    for (int i = 0; i < found; i++) {
      int fd = ready[i].data.fd, one = 1;
      if (fd == redis) from_redis();
      else if (fd == 0) {
        if (!fgets(line, sizeof line, stdin)) return 0;
        getrusage(RUSAGE_SELF, &used);
        clock_gettime(CLOCK_MONOTONIC, &now);
        printf("{\"at_s\": %f, \"cpu_s\": %f}\n", now.tv_sec + now.tv_nsec / 1e9, used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6), fflush(stdout);
      } else if (fd == listener) {
        int client = accept4(listener, 0, 0, SOCK_NONBLOCK);
        if (client < 0 || client >= SOCKETS) continue;
        state[client] = 0;
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), watch(client);
      } else from_client(fd);
    }
  }
}
