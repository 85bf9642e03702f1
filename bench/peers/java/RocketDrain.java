import java.util.List;
import java.util.Locale;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.MessageQueue;

/** Piles messages up in one queue, then reads them from its start: again and again until warm, and once more to be measured. */
public final class RocketDrain {
  private static final int BATCH = 512;

  public static void main(String[] args) throws Exception {
    Options options = new Options(args);
    String topic = options.text("topic");
    RocketClients.createTopic(options, topic, 1);
    int count = options.number("count");
    pileUp(options, topic, count);

    DefaultLitePullConsumer consumer = new DefaultLitePullConsumer("drain");
    consumer.setNamesrvAddr(options.text("name-server"));
    consumer.setAutoCommit(false);
    consumer.setPullBatchSize(options.number("pull"));
    // The defaults pause for 50 ms whenever 1000 messages lie ready, which is one pull.
    consumer.setPullThresholdForQueue(64 * options.number("pull"));
    consumer.setPullThresholdForAll(64 * options.number("pull"));
    consumer.setPullThresholdSizeForQueue(256);
    consumer.setConsumeMaxSpan(Integer.MAX_VALUE);
    consumer.start();
    MessageQueue queue = consumer.fetchMessageQueues(topic).iterator().next();
    consumer.assign(List.of(queue));

    long warmAt = System.nanoTime() + options.number("warm-up") * 1_000_000_000L;
    do read(consumer, queue, count);
    while (System.nanoTime() < warmAt);
    double seconds = read(consumer, queue, count);
    System.out.printf(Locale.ROOT, "{\"messagesPerSecond\":%.1f,\"p50Ms\":null,\"p99Ms\":null}%n", count / seconds);
    System.out.flush();
    Runtime.getRuntime().halt(0);
  }

  private static void pileUp(Options options, String topic, int count) throws Exception {
    DefaultMQProducer producer = RocketClients.startProducer(options, "pile-up");
    byte[] body = Meter.randomBody(options.number("size"));
    for (int sent = 0; sent < count; sent += BATCH) {
      RocketClients.check(producer.send(RocketBatches.batchOf(topic, Math.min(BATCH, count - sent), body)));
    }
    producer.shutdown();
  }

  /** Seconds it took to receive all of them. */
  private static double read(DefaultLitePullConsumer consumer, MessageQueue queue, int count) throws Exception {
    long startedAt = System.nanoTime();
    consumer.seek(queue, 0);
    int received = 0;
    while (received < count) {
      received += consumer.poll(5000).size();
      if (System.nanoTime() - startedAt > 300_000_000_000L) {
        throw new IllegalStateException(received + " of " + count + " came in five minutes");
      }
    }
    return (System.nanoTime() - startedAt) / 1e9;
  }
}
