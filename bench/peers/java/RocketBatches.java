import java.util.ArrayList;
import java.util.List;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;

/** Threads of one producer that send batches, each awaiting its ack before the next: where RocketMQ has its highest rate. */
public final class RocketBatches {
  public static void main(String[] args) throws Exception {
    Options options = new Options(args);
    byte[] body = Meter.randomBody(options.number("size"));
    String[] topics = new String[options.number("topics")];
    for (int i = 0; i < topics.length; i++) {
      topics[i] = options.text("topic") + "-" + i;
      RocketClients.createTopic(options, topics[i], options.number("queues"));
    }
    DefaultMQProducer producer = RocketClients.startProducer(options, "batches");
    for (String topic : topics) RocketClients.awaitReady(producer, topic);
    int batch = options.number("batch");
    Meter meter = new Meter();
    for (int i = 0; i < options.number("threads"); i++) {
      int first = i;
      new Thread(() -> send(producer, topics, first, batch, body, meter)).start();
    }
    meter.measure(options.number("warm-up"), options.number("seconds"));
  }

  private static void send(
      DefaultMQProducer producer, String[] topics, int first, int batch, byte[] body, Meter meter) {
    try {
      for (int i = first; !meter.isOver(); i++) {
        long sentAt = System.nanoTime();
        RocketClients.check(producer.send(batchOf(topics[i % topics.length], batch, body)));
        meter.acked(batch, sentAt);
      }
    } catch (Exception error) {
      meter.failed(error);
    }
  }

  static List<Message> batchOf(String topic, int count, byte[] body) {
    List<Message> messages = new ArrayList<>(count);
    for (int i = 0; i < count; i++) messages.add(new Message(topic, body));
    return messages;
  }
}
