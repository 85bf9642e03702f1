import java.util.Locale;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.Recorder;

/**
 * Counts acked messages in the steady window: what is acked in the warm-up before it, or after it, does not count. Any thread may
 * report.
 */
final class Meter {
  private final LongAdder acked = new LongAdder();
  private final Recorder latencies = new Recorder(3);
  private final AtomicReference<Throwable> firstError = new AtomicReference<>();
  private volatile boolean measuring;
  private volatile boolean over;

  /** Messages of one request have been acked; {@code sentAt} is when they were handed over, by System.nanoTime(). */
  void acked(long count, long sentAt) {
    if (!measuring) return;
    acked.add(count);
    latencies.recordValueWithCount(Math.max(0, System.nanoTime() - sentAt), count);
  }

  /** A message failed: the figure is void. */
  void failed(Throwable error) {
    firstError.compareAndSet(null, error);
  }

  /** Senders go on until then. */
  boolean isOver() {
    return over;
  }

  /** Warms up, measures, prints the figure as one line of JSON and ends the process: with 1 when a message failed. */
  void measure(int warmUpSeconds, int seconds) throws InterruptedException {
    Thread.sleep(warmUpSeconds * 1000L);
    long startedAt = System.nanoTime();
    measuring = true;
    Thread.sleep(seconds * 1000L);
    measuring = false;
    double elapsedSeconds = (System.nanoTime() - startedAt) / 1e9;
    over = true;
    Throwable error = firstError.get();
    if (error != null) {
      error.printStackTrace();
      Runtime.getRuntime().halt(1);
    }
    Histogram histogram = latencies.getIntervalHistogram();
    System.out.printf(
        Locale.ROOT,
        "{\"messagesPerSecond\":%.1f,\"p50Ms\":%.3f,\"p99Ms\":%.3f}%n",
        acked.sum() / elapsedSeconds,
        histogram.getValueAtPercentile(50) / 1e6,
        histogram.getValueAtPercentile(99) / 1e6);
    System.out.flush();
    // Not exit(): closing dozens of clients takes longer than the measurement and tells nothing.
    Runtime.getRuntime().halt(0);
  }

  /** A body nobody can compress. */
  static byte[] randomBody(int size) {
    byte[] body = new byte[size];
    ThreadLocalRandom.current().nextBytes(body);
    return body;
  }
}
