import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;

/** Producers with a connection each, every one of which awaits the ack of a message before it sends the next. */
public final class RocketRequests {
  public static void main(String[] args) throws Exception {
    Options options = new Options(args);
    String topic = options.text("topic");
    byte[] body = Meter.randomBody(options.number("size"));
    RocketClients.createTopic(options, topic, options.number("queues"));
    Meter meter = new Meter();
    for (int i = 0; i < options.number("producers"); i++) {
      DefaultMQProducer producer = RocketClients.startProducer(options, "requests-" + i);
      RocketClients.awaitReady(producer, topic);
      new Thread(() -> send(producer, topic, body, meter)).start();
    }
    meter.measure(options.number("warm-up"), options.number("seconds"));
  }

  private static void send(DefaultMQProducer producer, String topic, byte[] body, Meter meter) {
    try {
      while (!meter.isOver()) {
        long sentAt = System.nanoTime();
        RocketClients.check(producer.send(new Message(topic, body)));
        meter.acked(1, sentAt);
      }
    } catch (Exception error) {
      meter.failed(error);
    }
  }
}
