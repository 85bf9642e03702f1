/*
 * ZeroMQ push/pull: how many messages a second one side sends and the other receives, in memory only.
 *
 *   zeromq-load inproc|tcp SIZE WARM_UP_SECONDS SECONDS
 *
 * `inproc`: two threads of one process. `tcp`: two processes over 127.0.0.1. Every message is a zmq_send of its own and a
 * zmq_msg_recv of its own. Prints messages received a second after the warm-up, a number on a line of its own.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

/* Messages queued on each side before a send waits. */
static const int HIGH_WATER_MARK = 100000;
/* The clock is read once in so many messages. */
static const long CLOCK_EVERY = 1024;

static size_t size_bytes;

static void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, zmq_strerror(zmq_errno()));
  exit(1);
}

static double now_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void *open_socket(void *context, int type) {
  void *socket = zmq_socket(context, type);
  if (socket == NULL) fail("zmq_socket");
  zmq_setsockopt(socket, type == ZMQ_PUSH ? ZMQ_SNDHWM : ZMQ_RCVHWM, &HIGH_WATER_MARK, sizeof HIGH_WATER_MARK);
  return socket;
}

/* Sends until the process ends. */
static void send_forever(void *context, const char *endpoint) {
  char *body = malloc(size_bytes);
  if (body == NULL) exit(1);
  for (size_t i = 0; i < size_bytes; i++) body[i] = (char)rand();
  void *socket = open_socket(context, ZMQ_PUSH);
  if (zmq_connect(socket, endpoint) != 0) fail("zmq_connect");
  while (zmq_send(socket, body, size_bytes, 0) >= 0) continue;
  fail("zmq_send");
}

struct sender {
  void *context;
  const char *endpoint;
};

static void *sender_thread(void *argument) {
  struct sender *sender = argument;
  send_forever(sender->context, sender->endpoint);
  return NULL;
}

static double measure(void *socket, double warm_up_seconds, double seconds) {
  zmq_msg_t message;
  if (zmq_msg_init(&message) != 0) fail("zmq_msg_init");
  double begin = 0;
  double warm_at = now_seconds() + warm_up_seconds;
  for (long count = 0;;) {
    for (long i = 0; i < CLOCK_EVERY; i++) {
      if (zmq_msg_recv(&message, socket, 0) != (int)size_bytes) fail("zmq_msg_recv");
    }
    double now = now_seconds();
    if (begin != 0) count += CLOCK_EVERY;
    else if (now >= warm_at) begin = now;
    if (begin != 0 && now - begin >= seconds) return (double)count / (now - begin);
  }
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fprintf(stderr, "zeromq-load inproc|tcp SIZE WARM_UP_SECONDS SECONDS\n");
    return 2;
  }
  int over_tcp = strcmp(argv[1], "tcp") == 0;
  size_bytes = (size_t)atol(argv[2]);
  void *context = NULL;
  char endpoint[256] = "inproc://load";
  pid_t child = -1;
  int pipe_ends[2];
  if (over_tcp) {
    /* Forked before any context is made: its threads would not come along. */
    pid_t parent = getpid();
    if (pipe(pipe_ends) != 0) fail("pipe");
    child = fork();
    if (child < 0) fail("fork");
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != parent) _exit(1);
      if (read(pipe_ends[0], endpoint, sizeof endpoint) <= 0) _exit(1);
      send_forever(zmq_ctx_new(), endpoint);
    }
  }
  context = zmq_ctx_new();
  void *socket = open_socket(context, ZMQ_PULL);
  if (zmq_bind(socket, over_tcp ? "tcp://127.0.0.1:*" : endpoint) != 0) fail("zmq_bind");
  struct sender sender = {context, endpoint};
  pthread_t thread;
  if (over_tcp) {
    size_t length = sizeof endpoint;
    zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &length);
    if (write(pipe_ends[1], endpoint, sizeof endpoint) < 0) fail("write");
  } else if (pthread_create(&thread, NULL, sender_thread, &sender) != 0) {
    fail("pthread_create");
  }
  printf("%.0f\n", measure(socket, atof(argv[3]), atof(argv[4])));
  fflush(stdout);
  if (child > 0) {
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
  }
  /* The sender never stops by itself, so neither context is closed: both end with their process. */
  _exit(0);
}
