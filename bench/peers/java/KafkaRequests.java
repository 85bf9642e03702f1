import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;

/** Producers with a connection each, every one of which awaits the ack of a message before it sends the next. */
public final class KafkaRequests {
  public static void main(String[] args) throws Exception {
    Options options = new Options(args);
    String bootstrap = options.text("bootstrap");
    String topic = options.text("topic");
    byte[] body = Meter.randomBody(options.number("size"));
    KafkaTopics.create(bootstrap, topic, options.number("partitions"));
    Meter meter = new Meter();
    for (int i = 0; i < options.number("producers"); i++) {
      var producer = new KafkaProducer<byte[], byte[]>(KafkaTuning.properties(bootstrap, KafkaTuning.FOR_REQUESTS));
      new Thread(() -> send(producer, topic, body, meter)).start();
    }
    meter.measure(options.number("warm-up"), options.number("seconds"));
  }

  private static void send(KafkaProducer<byte[], byte[]> producer, String topic, byte[] body, Meter meter) {
    try {
      while (!meter.isOver()) {
        long sentAt = System.nanoTime();
        producer.send(new ProducerRecord<>(topic, body)).get();
        meter.acked(1, sentAt);
      }
    } catch (Exception error) {
      meter.failed(error);
    }
  }
}
